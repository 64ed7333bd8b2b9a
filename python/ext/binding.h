/* What the files of the Python extension share: the module's state, and how an object finds it.
 *
 * The extension drives core/session.h, core/hpack.h and core/websocket.h and nothing else: no
 * socket, no thread. It is written against the limited API of CPython 3.11, so that one binary
 * serves all later versions.
 *
 * No Python code runs while a connection is inside a call of the core: everything that the core
 * calls (memory, bodies, the trace) touches exact bytes objects alone, arguments are made plain
 * before, and the cyclic collector, whose finalizers may do anything, is held off. So one decoding
 * space serves all connections of the module, and nothing is entered twice. */
#ifndef H2BOX_PYTHON_EXT_BINDING_H
#define H2BOX_PYTHON_EXT_BINDING_H

#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "core/session.h"

typedef enum event_kind {
#define EVENT(name, python, ...) EVENT_##name,
#include "python/ext/event.def"
#undef EVENT
    EVENT_COUNT
} event_kind;

typedef enum failure_kind {
    FAILURE_PROTOCOL, /* the peer, or what would be sent, breaks a rule */
    FAILURE_CALL,     /* this state or role does not allow it */
    FAILURE_CLOSED,   /* no such stream */
    FAILURE_BUSY,     /* no room for a stream now */
    FAILURE_HPACK,
    FAILURE_COUNT
} failure_kind;

/* The state of the module; it outlives every object of its types. */
typedef struct binding {
    PyTypeObject *connection, *deflater, *inflater, *channel, *entry;
    PyTypeObject *events[EVENT_COUNT];
    PyObject *failures[FAILURE_COUNT];
    PyObject *names[HTTP_TOKEN_COUNT]; /* bytes; made once, since they come again and again */
    session_scratch scratch;
} binding;

/* The state, from an object of one of our types: they have no subclasses. */
static inline binding *binding_of(PyObject *self) { return PyType_GetModuleState(Py_TYPE(self)); }

/* Holds the cyclic collector off; tells whether it was on. */
static inline bool binding_quiet(void) { return PyGC_Disable(); }

static inline void binding_loud(bool was_on) {
    if (was_on) PyGC_Enable();
}

/* Slots and methods hold pointers to functions of many types. */
#define BINDING_SLOT(kind, f) {kind, __extension__(void *)(f)}
#define BINDING_METHOD(f)     ((PyCFunction)(void (*)(void))(f))
#define BINDING_CALL(f)       BINDING_METHOD(f), METH_VARARGS | METH_KEYWORDS
#define BINDING_FLAGS         (Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE)

#endif
