#include "python/ext/inflater.h"

#include "core/limits.h"
#include "python/ext/failure.h"
#include "python/ext/hdtable.h"
#include "python/ext/memory.h"
#include "python/ext/pairs.h"

#define LIST_LEAST 32u
#define LIST_MOST  (1u << 26)

typedef struct inflater {
    PyObject head;
    hpack_dec dec;
    hpack_list list;
    const char *fault; /* it is out of step with its peer: every later block fails, too */
} inflater;

static PyObject *create(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"max_table_size", "max_list_size", NULL};
    PyObject *size = NULL;
    uint32_t limit = HPACK_DEFAULT_SIZE;
    unsigned most = LIMIT_HEADER_LIST;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O$I:Inflater", words, &size, &most))
        return NULL;
    if (size && !hdtable_size(size, &limit)) return NULL;
    if (most < LIST_LEAST || most > LIST_MOST) {
        PyErr_Format(PyExc_ValueError, "max_list_size is %u to %u", LIST_LEAST, LIST_MOST);
        return NULL;
    }
    inflater *i = (inflater *)PyType_GenericAlloc(type, 0);
    if (!i) return NULL;
    hpack_dec_init(&i->dec, &memory_hook, limit);
    /* Each field counts 32 bytes of the list's size (RFC 9113 section 6.5.2). */
    hpack_list_init(&i->list, &memory_hook, most / HPACK_ENTRY_OVERHEAD, most);
    return (PyObject *)i;
}

static void destroy(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    inflater *i = (inflater *)self;
    hpack_dec_end(&i->dec);
    hpack_list_end(&i->list);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *decode(PyObject *self, span block, bool sensitive) {
    inflater *i = (inflater *)self;
    binding *b = binding_of(self);
    if (i->fault)
        return failure_set(b, FAILURE_HPACK, i->fault, H2_COMPRESSION_ERROR, "connection");
    hpack_status status = hpack_dec_block(&i->dec, block, &i->list);
    PyObject *headers = NULL;
    if (status != HPACK_OK) {
        i->fault = hpack_status_text(status);
        if (status == HPACK_NO_MEMORY)
            PyErr_NoMemory();
        else
            failure_set(b, FAILURE_HPACK, i->fault, H2_COMPRESSION_ERROR, "connection");
    } else if (i->list.overflowed) {
        failure_set(b, FAILURE_HPACK, "more header fields than max_list_size allows",
                    H2_ENHANCE_YOUR_CALM, "stream");
    } else {
        headers = pairs_list(b, i->list.fields, i->list.count, sensitive);
    }
    hpack_list_clear(&i->list);
    return headers;
}

static PyObject *inflate(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"data", "sensitive", NULL};
    Py_buffer data;
    int sensitive = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*|$p:inflate", words, &data, &sensitive))
        return NULL;
    bool was_on = binding_quiet();
    PyObject *headers = decode(self, span_of(data.buf, (size_t)data.len), sensitive);
    binding_loud(was_on);
    PyBuffer_Release(&data);
    return headers;
}

static PyObject *change_table_size(PyObject *self, PyObject *size) {
    uint32_t limit;
    if (!hdtable_size(size, &limit)) return NULL;
    hpack_dec_limit(&((inflater *)self)->dec, limit);
    Py_RETURN_NONE;
}

static PyObject *get_hd_table(PyObject *self, PyObject *unused) {
    (void)unused;
    return hdtable_list(binding_of(self), &((inflater *)self)->dec.table);
}

static PyMethodDef methods[] = {
    {"inflate", BINDING_CALL(inflate),
     "inflate(data, *, sensitive=False)\n--\n\nDecodes one whole header block into a list of "
     "(name, value), both bytes; with `sensitive` of (name, value, never indexed).\n\nHPACKError: "
     "it is none, or too long."},
    {"change_table_size", change_table_size, METH_O,
     "change_table_size(size)\n--\n\nOur SETTINGS_HEADER_TABLE_SIZE, once the encoder has "
     "acknowledged it."},
    {"get_hd_table", get_hd_table, METH_NOARGS,
     "get_hd_table()\n--\n\nThe dynamic table, the newest entry first: a list of HDTableEntry."},
    {NULL, NULL, 0, NULL}};

static const char doc[] = "Inflater(max_table_size=4096, *, max_list_size=65536)\n--\n\nA decoder "
                          "of HPACK header blocks (RFC 7541), with its dynamic table.";

bool inflater_init(binding *b, PyObject *module) {
    static PyType_Slot slots[] = {BINDING_SLOT(Py_tp_new, create),
                                  BINDING_SLOT(Py_tp_dealloc, destroy),
                                  {Py_tp_methods, methods},
                                  {Py_tp_doc, (void *)(uintptr_t)doc},
                                  {0, NULL}};
    static PyType_Spec spec = {"h2box.Inflater", sizeof(inflater), 0, BINDING_FLAGS, slots};
    b->inflater = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return b->inflater && PyModule_AddType(module, b->inflater) == 0;
}
