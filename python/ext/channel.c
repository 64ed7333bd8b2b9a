#include "python/ext/channel.h"

#include "core/limits.h"
#include "core/websocket.h"
#include "python/ext/event.h"
#include "python/ext/failure.h"
#include "python/ext/memory.h"

typedef struct channel {
    PyObject head;
    websocket in;
    bool said_close; /* nothing may follow it */
} channel;

static PyObject *create(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"max_message", NULL};
    unsigned most = LIMIT_PYTHON_MESSAGE;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$I:WebSocket", words, &most)) return NULL;
    if (most < WEBSOCKET_CONTROL || most > LIMIT_MESSAGE) {
        PyErr_Format(PyExc_ValueError, "max_message is %u to %u", WEBSOCKET_CONTROL, LIMIT_MESSAGE);
        return NULL;
    }
    channel *c = (channel *)PyType_GenericAlloc(type, 0);
    if (c) websocket_init(&c->in, &memory_hook, true, most);
    return (PyObject *)c;
}

static void destroy(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    websocket_end(&((channel *)self)->in);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* ---- reading ---- */

/* Appends all that these bytes tell. False when memory is refused. */
static bool read_all(channel *c, span in, PyObject *events, websocket_event *last) {
    const binding *b = binding_of((PyObject *)c);
    while (websocket_step(&c->in, &in, last) != WEBSOCKET_NOTHING) {
        if (last->kind == WEBSOCKET_FAULT) return true;
        if (!event_tell_frame(b, events, last)) return false;
    }
    return true;
}

static PyObject *receive_data(PyObject *self, PyObject *data) {
    channel *c = (channel *)self;
    Py_buffer bytes;
    PyObject *events = NULL;
    websocket_event last;
    if (PyObject_GetBuffer(data, &bytes, PyBUF_SIMPLE) < 0) return NULL;
    if ((events = PyList_New(0))) {
        bool was_on = binding_quiet();
        if (!read_all(c, span_of(bytes.buf, (size_t)bytes.len), events, &last)) {
            websocket_end(&c->in); /* what is lost cannot be told again */
            Py_CLEAR(events);
            PyErr_NoMemory();
        }
        binding_loud(was_on);
    }
    PyBuffer_Release(&bytes);
    if (!events || last.kind != WEBSOCKET_FAULT) return events;
    return failure_over(binding_of(self), last.why, last.code, "stream", events);
}

/* ---- writing ---- */

static PyObject *frame_of(uint8_t opcode, span payload) {
    uint8_t head[WEBSOCKET_HEAD];
    size_t n = websocket_head(head, opcode, true, payload.n, NULL);
    PyObject *frame = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n + payload.n));
    if (!frame) return NULL;
    uint8_t *to = (uint8_t *)PyBytes_AsString(frame);
    memcpy(to, head, n);
    if (payload.n) memcpy(to + n, payload.p, payload.n);
    return frame;
}

static bool may_say(channel *c) {
    if (!c->said_close) return true;
    failure_set(binding_of((PyObject *)c), FAILURE_CALL, "nothing follows a close",
                WEBSOCKET_NORMAL, "caller");
    return false;
}

static PyObject *send_bytes(uint8_t opcode, PyObject *data, size_t most) {
    Py_buffer bytes;
    PyObject *frame = NULL;
    if (PyObject_GetBuffer(data, &bytes, PyBUF_SIMPLE) < 0) return NULL;
    if ((size_t)bytes.len > most)
        PyErr_Format(PyExc_ValueError, "a control frame carries at most %u bytes",
                     WEBSOCKET_CONTROL);
    else
        frame = frame_of(opcode, span_of(bytes.buf, (size_t)bytes.len));
    PyBuffer_Release(&bytes);
    return frame;
}

static PyObject *send_message(PyObject *self, PyObject *data) {
    if (!may_say((channel *)self)) return NULL;
    if (!PyUnicode_Check(data)) return send_bytes(WEBSOCKET_BINARY, data, PY_SSIZE_T_MAX);
    Py_ssize_t n;
    const char *text = PyUnicode_AsUTF8AndSize(data, &n);
    return text ? frame_of(WEBSOCKET_TEXT, span_of(text, (size_t)n)) : NULL;
}

static PyObject *send_control(PyObject *self, PyObject *args, uint8_t opcode, const char *form) {
    PyObject *data = NULL;
    if (!PyArg_ParseTuple(args, form, &data) || !may_say((channel *)self)) return NULL;
    return data ? send_bytes(opcode, data, WEBSOCKET_CONTROL) : frame_of(opcode, SPAN(""));
}

static PyObject *send_ping(PyObject *self, PyObject *args) {
    return send_control(self, args, WEBSOCKET_PING, "|O:ping");
}

static PyObject *send_pong(PyObject *self, PyObject *args) {
    return send_control(self, args, WEBSOCKET_PONG, "|O:pong");
}

static PyObject *send_close(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"code", "reason", NULL};
    channel *c = (channel *)self;
    uint8_t payload[WEBSOCKET_CONTROL];
    unsigned code = WEBSOCKET_NORMAL;
    const char *why = "";
    Py_ssize_t n = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Is#:close", words, &code, &why, &n))
        return NULL;
    span reason = span_of(why, (size_t)n);
    websocket_utf8 u = {0};
    /* No code is what an empty close says; then there is no reason either (section 7.1.5). */
    bool none = code == WEBSOCKET_NO_CODE && n == 0;
    if (!none && !websocket_code_valid(code)) {
        PyErr_Format(PyExc_ValueError, "a close cannot carry the code %u", code);
        return NULL;
    }
    if (reason.n > sizeof payload - 2 || !websocket_utf8_take(&u, reason) ||
        !websocket_utf8_whole(&u)) {
        PyErr_Format(PyExc_ValueError, "a reason is at most %u bytes of UTF-8",
                     WEBSOCKET_CONTROL - 2);
        return NULL;
    }
    if (!may_say(c)) return NULL;
    bytes_put16(payload, code);
    if (reason.n) memcpy(payload + 2, reason.p, reason.n);
    PyObject *frame = frame_of(WEBSOCKET_CLOSE, span_of(payload, none ? 0 : reason.n + 2));
    if (frame) c->said_close = true;
    return frame;
}

static PyMethodDef methods[] = {
    {"receive_data", receive_data, METH_O,
     "receive_data(data, /)\n--\n\nTakes bytes of the client and returns the list of events: "
     "WebSocketMessage, WebSocketPing, WebSocketPong, WebSocketClosed.\n\nProtocolError: the "
     "client broke the protocol; its `code` is the one to close with, its `events` are those "
     "before."},
    {"send_message", send_message, METH_O,
     "send_message(data, /)\n--\n\nThe frame of a message: of text for a str, else of bytes."},
    {"ping", send_ping, METH_VARARGS, "ping(data=b'', /)\n--\n\nThe frame of a ping."},
    {"pong", send_pong, METH_VARARGS,
     "pong(data=b'', /)\n--\n\nThe frame of a pong, which answers a ping with its data."},
    {"close", BINDING_CALL(send_close),
     "close(code=1000, reason='')\n--\n\nThe frame of a close, the last that may be sent. With the "
     "code 1005 it carries none."},
    {NULL, NULL, 0, NULL}};

static const char doc[] =
    "WebSocket(*, max_message=1048576)\n--\n\n"
    "The frames of a WebSocket as a server reads and writes them (RFC 6455), without the stream "
    "that carries them. Extensions are not spoken.";

bool channel_init(binding *b, PyObject *module) {
    static PyType_Slot slots[] = {BINDING_SLOT(Py_tp_new, create),
                                  BINDING_SLOT(Py_tp_dealloc, destroy),
                                  {Py_tp_methods, methods},
                                  {Py_tp_doc, (void *)(uintptr_t)doc},
                                  {0, NULL}};
    static PyType_Spec spec = {"h2box.WebSocket", sizeof(channel), 0, BINDING_FLAGS, slots};
    b->channel = (PyTypeObject *)PyType_FromModuleAndSpec(module, &spec, NULL);
    return b->channel && PyModule_AddType(module, b->channel) == 0;
}
