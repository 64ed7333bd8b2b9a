#include "python/ext/connection.h"

#include <time.h>

#include "python/ext/failure.h"
#include "python/ext/memory.h"

/* ---- arguments ---- */

bool connection_clock(connection *c, PyObject *now) {
    uint64_t ms;
    if (now && now != Py_None) {
        double seconds = PyFloat_AsDouble(now);
        if (PyErr_Occurred()) return false;
        if (!(seconds >= 0 && seconds < 1e15)) {
            PyErr_SetString(PyExc_ValueError, "now is a time in seconds");
            return false;
        }
        ms = (uint64_t)(seconds * 1000);
    } else {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
    }
    if (ms > c->now_ms) c->now_ms = ms; /* it never goes back */
    return true;
}

bool connection_number(PyObject *o, uint32_t *n) {
    if (!PyLong_Check(o)) {
        PyErr_SetString(PyExc_TypeError, "an identifier or a code is an int");
        return false;
    }
    unsigned long long value = PyLong_AsUnsignedLongLong(o);
    if (PyErr_Occurred()) return false;
    if (value > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "an identifier or a code has 32 bits");
        return false;
    }
    *n = (uint32_t)value;
    return true;
}

stream *connection_stream(connection *c, PyObject *id) {
    uint32_t number;
    if (!connection_number(id, &number)) return NULL;
    stream *s = streams_find(&c->streams, number);
    if (!s) failure_set(c->binding, FAILURE_CLOSED, "no such stream", H2_STREAM_CLOSED, "caller");
    return s;
}

/* ---- birth and death ---- */

static bool read_settings(session_config *config, PyObject *settings) {
    Py_ssize_t at = 0;
    PyObject *key, *value;
    if (settings == Py_None) return true;
    if (!PyDict_Check(settings)) {
        PyErr_SetString(PyExc_TypeError, "settings are a dict of identifier to value");
        return false;
    }
    while (PyDict_Next(settings, &at, &key, &value)) {
        uint32_t id, n;
        h2_code code;
        if (!connection_number(key, &id) || !connection_number(value, &n)) return false;
        int slot = id <= UINT16_MAX ? h2_frame_setting_slot((uint16_t)id) : -1;
        if (slot < 0 || !h2_frame_setting_valid((h2_setting_slot)slot, n, &code)) {
            PyErr_Format(PyExc_ValueError, "setting %u cannot be %u", (unsigned)id, (unsigned)n);
            return false;
        }
        config->h2.settings[slot] = n;
    }
    return true;
}

static bool read_protocol(session_config *config, const char *name) {
    static const struct {
        const char *name;
        session_start start;
    } known[] = {{"any", SESSION_ANY},
                 {"h2", SESSION_H2},
                 {"http/1.1", SESSION_H1},
                 {"h2c", SESSION_UPGRADE}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        config->start = known[i].start;
        if (config->start == SESSION_UPGRADE && config->server) break;
        return true;
    }
    PyErr_SetString(PyExc_ValueError,
                    "protocol is 'any', 'h2', 'http/1.1' or, for a client, 'h2c'");
    return false;
}

static bool read_window(session_config *config, PyObject *window) {
    uint32_t n;
    if (window == Py_None) return true;
    if (!connection_number(window, &n)) return false;
    if (n < 65535 || n > INT32_MAX) {
        PyErr_SetString(PyExc_ValueError, "connection_window is 65535 to 2147483647");
        return false;
    }
    config->h2.connection_window = n;
    return true;
}

/* Different for each connection, and keyed by what the process took at random: Python's hash. */
static bool random_seed(connection *c, uint32_t *seed) {
    const void *self = c;
    char text[sizeof self + sizeof c->now_ms];
    memcpy(text, &self, sizeof self);
    memcpy(text + sizeof self, &c->now_ms, sizeof c->now_ms);
    PyObject *bytes = PyBytes_FromStringAndSize(text, sizeof text);
    if (!bytes) return false;
    *seed = (uint32_t)PyObject_Hash(bytes);
    Py_DECREF(bytes);
    return true;
}

static bool start(connection *c, bool secure) {
    session_birth birth = {.mem = &memory_hook,
                           .config = &c->config,
                           .start = c->config.start,
                           .scratch = &c->binding->scratch,
                           .trace = {&connection_recv_trace, c},
                           .secure = secure,
                           .now_ms = c->now_ms};
    if (!random_seed(c, &birth.seed)) return false;
    c->session = session_new(&birth);
    if (!c->session) PyErr_NoMemory();
    return c->session != NULL;
}

static PyObject *create(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"client_side", "protocol",          "secure", "settings",
                            "now",         "connection_window", NULL};
    int client = 1, secure = 0;
    const char *protocol = "any";
    PyObject *settings = Py_None, *now = NULL, *window = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p$spOOO:Connection", words, &client, &protocol,
                                     &secure, &settings, &now, &window))
        return NULL;
    connection *c = (connection *)PyType_GenericAlloc(type, 0); /* all else is zero */
    if (!c) return NULL;
    c->binding = binding_of((PyObject *)c);
    streams_init(&c->streams);
    session_defaults(&c->config, !client);
    c->next_id = client ? 1 : 2;
    if (read_protocol(&c->config, protocol) && read_settings(&c->config, settings) &&
        read_window(&c->config, window) && connection_clock(c, now) && start(c, secure))
        return (PyObject *)c;
    Py_DECREF(c);
    return NULL;
}

static void destroy(PyObject *self) {
    connection *c = (connection *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (c->session) session_free(c->session);
    streams_end(&c->streams);
    PyMem_Free(c->kept);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* ---- what it is asked ---- */

static PyObject *next_stream_id(PyObject *self, PyObject *unused) {
    (void)unused;
    return PyLong_FromUnsignedLong(((connection *)self)->next_id);
}

static PyObject *initiate(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    Py_RETURN_NONE;
}

#define GETTER(name, expression)                                \
    static PyObject *get_##name(PyObject *self, void *unused) { \
        const connection *c = (const connection *)self;         \
        (void)unused;                                           \
        return expression;                                      \
    }
GETTER(client_side, PyBool_FromLong(!c->config.server))
GETTER(protocol, PyUnicode_FromString(session_protocol(c->session)))
GETTER(pending, PyBool_FromLong(connection_recv_pending(c)))
GETTER(paused, PyBool_FromLong(c->kept_n > 0))
GETTER(closed, PyBool_FromLong(c->over && (c->cut || !session_has_output(c->session))))
GETTER(want_write, PyBool_FromLong(session_has_output(c->session)))
GETTER(shut, PyBool_FromLong(!c->over && !c->cut && session_shut(c->session)))
GETTER(torn, PyBool_FromLong(session_torn(c->session)))
GETTER(room, PyLong_FromUnsignedLong(session_room(c->session)))
GETTER(streams, PyLong_FromUnsignedLong(session_streams(c->session)))

static PyObject *get_deadline(PyObject *self, void *unused) {
    uint64_t due = session_deadline(((connection *)self)->session);
    (void)unused;
    if (due == UINT64_MAX) Py_RETURN_NONE;
    return PyFloat_FromDouble((double)due / 1000);
}

static PyGetSetDef properties[] = {
    {"client_side", get_client_side, NULL, "True for a client.", NULL},
    {"protocol", get_protocol, NULL, "'h2' or 'http/1.1', as ALPN calls them.", NULL},
    {"pending", get_pending, NULL, "True when receive_data(b'') would tell something.", NULL},
    {"paused", get_paused, NULL,
     "True while input is kept that cannot be taken yet: read no more until it is False.", NULL},
    {"closed", get_closed, NULL, "True when all is said and sent: close the transport.", NULL},
    {"shut", get_shut, NULL,
     "True when all is said and sent, though more is read: shut this side of the transport.", NULL},
    {"torn", get_torn, NULL,
     "True when content broke off that only the end of the connection ends: reset the transport, "
     "since its end in good order would say that the content is whole.",
     NULL},
    {"want_write", get_want_write, NULL, "True when data_to_send would give something.", NULL},
    {"deadline", get_deadline, NULL,
     "When receive_data(b'') must be called at the latest, in the clock of `now`; or None.", NULL},
    {"outbound_room", get_room, NULL, "Client: how many streams may be opened now.", NULL},
    {"open_streams", get_streams, NULL, "Streams that are not closed, of both sides.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef methods[] = {
    {"initiate_connection", initiate, METH_NOARGS,
     "initiate_connection()\n--\n\nDoes nothing: the preface is queued from the beginning."},
    {"receive_data", BINDING_CALL(connection_recv_data),
     "receive_data(data, now=None)\n--\n\nTakes bytes of the peer and returns the list of events. "
     "b'' lets time pass.\n\nProtocolError: the peer broke the protocol; send what data_to_send "
     "gives, then close. Its `events` are those before."},
    {"receive_eof", BINDING_CALL(connection_recv_eof),
     "receive_eof(broken=False)\n--\n\n"
     "The peer's bytes ended, or the transport broke. "
     "Returns events; unless `closed` is True then, a request of HTTP/1.1 is still answered."},
    {"data_to_send", BINDING_CALL(connection_send_output),
     "data_to_send(amount=None)\n--\n\nBytes for the peer, at most `amount`; they count as sent."},
    {"send_headers", BINDING_CALL(connection_send_headers),
     "send_headers(stream_id, headers, end_stream=False)\n--\n\nA request, a response, a 1xx, or "
     "trailers: what is due on that stream."},
    {"send_message", BINDING_CALL(connection_send_message),
     "send_message(stream_id, headers, data=b'')\n--\n\nA whole request or response in one call."},
    {"send_data", BINDING_CALL(connection_send_data),
     "send_data(stream_id, data, end_stream=False)\n--\n\nQueues a piece of the body. It is sent "
     "as the windows of the peer allow."},
    {"end_stream", connection_send_end, METH_O,
     "end_stream(stream_id)\n--\n\nThe body is complete."},
    {"reset_stream", BINDING_CALL(connection_send_reset),
     "reset_stream(stream_id, error_code=0)\n--\n\nEnds the stream at once."},
    {"push_stream", BINDING_CALL(connection_send_push),
     "push_stream(stream_id, promised_stream_id, request_headers)\n--\n\nServer: promises the "
     "answer to a request. promised_stream_id may be None. Returns the new stream's."},
    {"ping", connection_send_ping, METH_O,
     "ping(opaque_data)\n--\n\nSends 8 bytes that the peer sends back. One at a time."},
    {"close_connection", BINDING_CALL(connection_send_close),
     "close_connection(error_code=0, additional_data=None)\n--\n\nEnds it at once, with GOAWAY."},
    {"drain", connection_send_drain, METH_NOARGS,
     "drain()\n--\n\nTakes no new streams, and ends when the open ones are done."},
    {"prioritize", BINDING_CALL(connection_send_priority),
     "prioritize(stream_id, urgency=3, incremental=False)\n--\n\nServer: the order of bodies, over "
     "what the client asked for (RFC 9218)."},
    {"advertise_alternative_service", BINDING_CALL(connection_send_altsvc),
     "advertise_alternative_service(field_value, origin)\n--\n\nServer: RFC 7838."},
    {"acknowledge_received_data", BINDING_CALL(connection_recv_acknowledge),
     "acknowledge_received_data(acknowledged_size, stream_id)\n--\n\nBytes of DataReceived are "
     "dealt with: the peer may send as many more."},
    {"local_flow_control_window", connection_send_window, METH_O,
     "local_flow_control_window(stream_id)\n--\n\nBytes that send_data should be given now; when "
     "they are used up, WindowUpdated says when there is room again."},
    {"get_next_available_stream_id", next_stream_id, METH_NOARGS,
     "get_next_available_stream_id()\n--\n\nThe stream that a client opens next, or a server "
     "promises."},
    {NULL, NULL, 0, NULL}};

static const char doc[] =
    "Connection(client_side=True, *, protocol='any', secure=False, settings=None, now=None, "
    "connection_window=None)\n--\n\n"
    "One HTTP connection without its socket: bytes in, events out, bytes out. It is not thread "
    "safe.";

bool connection_init(binding *b, PyObject *module) {
    static PyType_Slot slots[] = {BINDING_SLOT(Py_tp_new, create),
                                  BINDING_SLOT(Py_tp_dealloc, destroy),
                                  {Py_tp_methods, methods},
                                  {Py_tp_getset, properties},
                                  {Py_tp_doc, (void *)(uintptr_t)doc},
                                  {0, NULL}};
    static PyType_Spec spec = {"h2box.Connection", sizeof(connection), 0, BINDING_FLAGS, slots};
    PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
    b->connection = (PyTypeObject *)type;
    return type && PyModule_AddType(module, b->connection) == 0;
}
