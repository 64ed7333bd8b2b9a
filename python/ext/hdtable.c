#include "python/ext/hdtable.h"

#include "core/limits.h"

static PyStructSequence_Field fields[] = {{"name", "bytes"},
                                          {"value", "bytes"},
                                          {"space", "bytes of the table that it takes"},
                                          {NULL, NULL}};
static PyStructSequence_Desc description = {"h2box.HDTableEntry", "An entry of a dynamic table.",
                                            fields, 3};

bool hdtable_init(binding *b, PyObject *module) {
    b->entry = PyStructSequence_NewType(&description);
    return b->entry && PyModule_AddType(module, b->entry) == 0;
}

static PyObject *bytes_of(span s) {
    return PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
}

static PyObject *entry_of(const binding *b, hpack_entry e) {
    PyObject *entry = PyStructSequence_New(b->entry);
    if (!entry) return NULL;
    PyObject *name = bytes_of(e.name), *value = bytes_of(e.value);
    PyObject *space = PyLong_FromSize_t(e.name.n + e.value.n + HPACK_ENTRY_OVERHEAD);
    PyStructSequence_SetItem(entry, 0, name);
    PyStructSequence_SetItem(entry, 1, value);
    PyStructSequence_SetItem(entry, 2, space);
    if (name && value && space) return entry;
    Py_DECREF(entry);
    return NULL;
}

PyObject *hdtable_list(const binding *b, const hpack_table *t) {
    bool was_on = binding_quiet();
    PyObject *list = PyList_New((Py_ssize_t)t->count);
    for (uint32_t i = 0; list && i < t->count; i++) {
        PyObject *entry = entry_of(b, hpack_table_entry(t, i));
        if (entry)
            PyList_SetItem(list, (Py_ssize_t)i, entry);
        else
            Py_CLEAR(list);
    }
    binding_loud(was_on);
    return list;
}

bool hdtable_size(PyObject *o, uint32_t *size) {
    if (!PyLong_Check(o)) {
        PyErr_SetString(PyExc_TypeError, "a table's size is an int");
        return false;
    }
    unsigned long long n = PyLong_AsUnsignedLongLong(o);
    if (PyErr_Occurred()) return false;
    if (n > LIMIT_TABLE_MAX) {
        PyErr_Format(PyExc_ValueError, "a table has at most %u bytes", LIMIT_TABLE_MAX);
        return false;
    }
    *size = (uint32_t)n;
    return true;
}
