#include "python/ext/pairs.h"

/* Sizes of blocks are counted in 32 bits (core/hpack.h). */
#define BYTES_MOST ((size_t)1 << 28)

static bool text_of(PyObject *o, span *s) {
    Py_ssize_t n;
    if (PyBytes_Check(o)) {
        char *p;
        if (PyBytes_AsStringAndSize(o, &p, &n) < 0) return false;
        *s = span_of(p, (size_t)n);
        return true;
    }
    if (!PyUnicode_Check(o)) {
        PyErr_SetString(PyExc_TypeError, "a header's name and value are bytes or str");
        return false;
    }
    const char *p = PyUnicode_AsUTF8AndSize(o, &n);
    *s = span_of(p, p ? (size_t)n : 0);
    return p != NULL;
}

static bool pair_of(PyObject *o, http_field *f) {
    PyObject *name = NULL, *value = NULL, *sensitive = NULL;
    Py_ssize_t n = -1;
    if (PyTuple_Check(o)) {
        n = PyTuple_Size(o);
        if (n == 2 || n == 3) {
            name = PyTuple_GetItem(o, 0);
            value = PyTuple_GetItem(o, 1);
        }
        if (n == 3) sensitive = PyTuple_GetItem(o, 2);
    } else if (PyList_Check(o)) {
        n = PyList_Size(o);
        if (n == 2) {
            name = PyList_GetItem(o, 0);
            value = PyList_GetItem(o, 1);
        }
    }
    if (!name) {
        PyErr_SetString(PyExc_TypeError, "a header is a tuple (name, value)");
        return false;
    }
    /* No truth of any object: that could be Python code, which could change the list. */
    if (sensitive && !PyBool_Check(sensitive)) {
        PyErr_SetString(PyExc_TypeError, "a header's third item, sensitive, is a bool");
        return false;
    }
    *f = (http_field){.never_indexed = sensitive == Py_True};
    return text_of(name, &f->name) && text_of(value, &f->value);
}

static bool has_upper(span s) {
    for (size_t i = 0; i < s.n; i++)
        if (bytes_lower(s.p[i]) != s.p[i]) return true;
    return false;
}

static bool lower_names(pairs *p) {
    size_t room = 0;
    for (size_t i = 0; i < p->n; i++)
        if (has_upper(p->at[i].name)) room += p->at[i].name.n;
    if (!room) return true;
    uint8_t *to = p->lowered = PyMem_Malloc(room);
    if (!to) {
        PyErr_NoMemory();
        return false;
    }
    for (size_t i = 0; i < p->n; i++) {
        span *name = &p->at[i].name;
        if (!has_upper(*name)) continue;
        for (size_t k = 0; k < name->n; k++) to[k] = bytes_lower(name->p[k]);
        name->p = to;
        to += name->n;
    }
    return true;
}

/* A list or tuple of the pairs; a new reference. */
static PyObject *sequence_of(PyObject *headers) {
    if (PyList_Check(headers) || PyTuple_Check(headers)) {
        Py_INCREF(headers);
        return headers;
    }
    if (PyUnicode_Check(headers) || PyBytes_Check(headers)) {
        PyErr_SetString(PyExc_TypeError, "headers are a sequence of tuples (name, value)");
        return NULL;
    }
    return PyDict_Check(headers) ? PyDict_Items(headers) : PySequence_List(headers);
}

bool pairs_take(pairs *p, PyObject *headers, bool lower) {
    PyObject *keep = sequence_of(headers);
    if (!keep) return false;
    bool list = PyList_Check(keep);
    *p = (pairs){.at = p->few, .keep = keep};
    p->n = (size_t)(list ? PyList_Size(keep) : PyTuple_Size(keep));
    if (p->n > PAIRS_FEW) p->at = PyMem_Malloc(p->n * sizeof *p->at);
    if (!p->at) {
        PyErr_NoMemory();
        pairs_end(p);
        return false;
    }
    size_t total = 0;
    for (size_t i = 0; i < p->n; i++) {
        Py_ssize_t at = (Py_ssize_t)i;
        PyObject *o = list ? PyList_GetItem(keep, at) : PyTuple_GetItem(keep, at);
        if (!o || !pair_of(o, &p->at[i])) {
            pairs_end(p);
            return false;
        }
        total += p->at[i].name.n + p->at[i].value.n + HPACK_ENTRY_OVERHEAD;
    }
    if (total > BYTES_MOST) {
        PyErr_SetString(PyExc_ValueError, "too many bytes of headers");
        pairs_end(p);
        return false;
    }
    if (lower && !lower_names(p)) {
        pairs_end(p);
        return false;
    }
    for (size_t i = 0; i < p->n; i++) p->at[i].token = (uint16_t)fields_token(p->at[i].name);
    return true;
}

void pairs_end(pairs *p) {
    if (p->at != p->few) PyMem_Free(p->at);
    PyMem_Free(p->lowered);
    Py_CLEAR(p->keep);
}

const char *pairs_fault(const pairs *p, fields_kind kind, fields_summary *summary) {
    return fields_check(p->at, p->n, 0, kind, true, summary);
}

static PyObject *bytes_of(span s) {
    return PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
}

static PyObject *tuple_of(const binding *b, const http_field *f, bool sensitive) {
    PyObject *pair = PyTuple_New(sensitive ? 3 : 2);
    if (!pair) return NULL;
    PyObject *name, *value = bytes_of(f->value);
    if (f->token != HTTP_TOKEN_OTHER) {
        name = b->names[f->token];
        Py_INCREF(name);
    } else {
        name = bytes_of(f->name);
    }
    PyTuple_SetItem(pair, 0, name);
    PyTuple_SetItem(pair, 1, value);
    if (sensitive) PyTuple_SetItem(pair, 2, PyBool_FromLong(f->never_indexed));
    if (name && value) return pair;
    Py_DECREF(pair);
    return NULL;
}

PyObject *pairs_list(const binding *b, const http_field *f, size_t n, bool sensitive) {
    PyObject *list = PyList_New((Py_ssize_t)n);
    for (size_t i = 0; list && i < n; i++) {
        PyObject *pair = tuple_of(b, &f[i], sensitive);
        if (pair)
            PyList_SetItem(list, (Py_ssize_t)i, pair);
        else
            Py_CLEAR(list);
    }
    return list;
}
