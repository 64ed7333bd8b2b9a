#include "python/ext/deflater.h"

#include "python/ext/hdtable.h"
#include "python/ext/memory.h"
#include "python/ext/pairs.h"

/* Blocks up to this size are made on the stack, longer ones where memory is. */
#define BLOCK_FEW 2048u

typedef struct deflater {
    PyObject head;
    hpack_enc enc;
} deflater;

static PyObject *create(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"max_table_size", NULL};
    PyObject *size = NULL;
    uint32_t cap = HPACK_DEFAULT_SIZE;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:Deflater", words, &size)) return NULL;
    if (size && !hdtable_size(size, &cap)) return NULL;
    deflater *d = (deflater *)PyType_GenericAlloc(type, 0);
    if (!d) return NULL;
    /* What it compresses is its caller's, so the hash needs no secret; it differs all the same. */
    hpack_enc_init(&d->enc, &memory_hook, cap, (uint32_t)((uintptr_t)d >> 4));
    return (PyObject *)d;
}

static void destroy(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    hpack_enc_end(&((deflater *)self)->enc);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *encode(hpack_enc *e, const pairs *p) {
    uint8_t few[BLOCK_FEW];
    size_t bound = hpack_enc_bound(e, p->at, p->n);
    uint8_t *room = bound <= BLOCK_FEW ? few : PyMem_Malloc(bound);
    if (!room) return PyErr_NoMemory();
    size_t n = hpack_enc_block(e, p->at, p->n, room);
    PyObject *block = PyBytes_FromStringAndSize((const char *)room, (Py_ssize_t)n);
    if (room != few) PyMem_Free(room);
    return block;
}

static PyObject *deflate(PyObject *self, PyObject *headers) {
    pairs p;
    if (!pairs_take(&p, headers, false)) return NULL;
    PyObject *block = encode(&((deflater *)self)->enc, &p);
    pairs_end(&p);
    return block;
}

static PyObject *change_table_size(PyObject *self, PyObject *size) {
    uint32_t limit;
    if (!hdtable_size(size, &limit)) return NULL;
    hpack_enc_limit(&((deflater *)self)->enc, limit);
    Py_RETURN_NONE;
}

static PyObject *get_hd_table(PyObject *self, PyObject *unused) {
    (void)unused;
    return hdtable_list(binding_of(self), &((deflater *)self)->enc.table);
}

static PyMethodDef methods[] = {
    {"deflate", deflate, METH_O,
     "deflate(headers)\n--\n\nEncodes (name, value) pairs, bytes or str, as one header block. A "
     "third item, True, marks a field as never to be indexed. Names must be lower case."},
    {"change_table_size", change_table_size, METH_O,
     "change_table_size(size)\n--\n\nThe decoder's SETTINGS_HEADER_TABLE_SIZE. The table grows to "
     "it, but not above max_table_size; the next block says so."},
    {"get_hd_table", get_hd_table, METH_NOARGS,
     "get_hd_table()\n--\n\nThe dynamic table, the newest entry first: a list of HDTableEntry."},
    {NULL, NULL, 0, NULL}};

static const char doc[] = "Deflater(max_table_size=4096)\n--\n\nAn encoder of HPACK header blocks "
                          "(RFC 7541), with its dynamic table.";

bool deflater_init(binding *b, PyObject *module) {
    static PyType_Slot slots[] = {BINDING_SLOT(Py_tp_new, create),
                                  BINDING_SLOT(Py_tp_dealloc, destroy),
                                  {Py_tp_methods, methods},
                                  {Py_tp_doc, (void *)(uintptr_t)doc},
                                  {0, NULL}};
    static PyType_Spec spec = {"h2box.Deflater", sizeof(deflater), 0, BINDING_FLAGS, slots};
    b->deflater = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return b->deflater && PyModule_AddType(module, b->deflater) == 0;
}
