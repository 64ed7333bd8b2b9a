#include "python/ext/failure.h"

static const char *const names[FAILURE_COUNT] = {
    [FAILURE_PROTOCOL] = "ProtocolError",   [FAILURE_CALL] = "CallError",
    [FAILURE_CLOSED] = "StreamClosedError", [FAILURE_BUSY] = "TooManyStreamsError",
    [FAILURE_HPACK] = "HPACKError",
};

bool failure_init(binding *b) {
    PyObject *from = PyImport_ImportModule("h2box.errors");
    if (!from) return false;
    for (int i = 0; i < FAILURE_COUNT; i++)
        if (!(b->failures[i] = PyObject_GetAttrString(from, names[i]))) break;
    Py_DECREF(from);
    return b->failures[FAILURE_COUNT - 1] != NULL;
}

PyObject *failure_set(binding *b, failure_kind kind, const char *why, uint32_t code,
                      const char *scope) {
    PyObject *e = PyObject_CallFunction(b->failures[kind], "sIs", why, (unsigned)code, scope);
    if (e) PyErr_SetObject(b->failures[kind], e);
    Py_XDECREF(e);
    return NULL;
}

bool failure_is_stale(verdict v) {
    return v.scope == VERDICT_CALLER && v.code == VERDICT_BAD_CALL &&
           strcmp(v.why, "no such stream") == 0;
}

PyObject *failure_verdict(binding *b, verdict v) {
    if (v.scope != VERDICT_CALLER)
        return failure_set(b, FAILURE_PROTOCOL, v.why, v.code,
                           v.scope == VERDICT_STREAM ? "stream" : "connection");
    switch ((verdict_call)v.code) {
    case VERDICT_NO_MEMORY: return PyErr_NoMemory();
    case VERDICT_BUSY: return failure_set(b, FAILURE_BUSY, v.why, H2_REFUSED_STREAM, "caller");
    case VERDICT_BAD_CALL: break;
    }
    if (failure_is_stale(v))
        return failure_set(b, FAILURE_CLOSED, v.why, H2_STREAM_CLOSED, "caller");
    return failure_set(b, FAILURE_CALL, v.why, H2_INTERNAL_ERROR, "caller");
}

PyObject *failure_over(binding *b, const char *why, uint32_t code, const char *scope,
                       PyObject *events) {
    PyObject *kind = b->failures[FAILURE_PROTOCOL];
    PyObject *e = PyObject_CallFunction(kind, "sIsO", why, (unsigned)code, scope, events);
    if (e) PyErr_SetObject(kind, e);
    Py_XDECREF(e);
    Py_DECREF(events);
    return NULL;
}
