#include "python/ext/event.h"

#include "python/ext/pairs.h"

#define F(name, doc) {(name), (doc)},
#define EVENT(name, python, doc, fields) \
    static PyStructSequence_Field fields_of_##name[] = {fields{NULL, NULL}};
#include "python/ext/event.def"
#undef EVENT
#undef F

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)) - 1)

static PyStructSequence_Desc descriptions[EVENT_COUNT] = {
#define EVENT(name, python, doc, fields) \
    [EVENT_##name] = {"h2box." python, doc, fields_of_##name, COUNT(fields_of_##name)},
#include "python/ext/event.def"
#undef EVENT
};

bool event_init(binding *b, PyObject *module) {
    for (int i = 0; i < EVENT_COUNT; i++) {
        b->events[i] = PyStructSequence_NewType(&descriptions[i]);
        if (!b->events[i] || PyModule_AddType(module, b->events[i]) < 0) return false;
    }
    return true;
}

/* Appends an event made of the items (all stolen), each of which may be NULL: out of memory. */
static bool add(const binding *b, PyObject *list, event_kind kind, PyObject *const *items, int n) {
    PyObject *e = PyStructSequence_New(b->events[kind]);
    bool good = e != NULL;
    for (int i = 0; i < n; i++) {
        good = good && items[i];
        if (e)
            PyStructSequence_SetItem(e, i, items[i]);
        else
            Py_XDECREF(items[i]);
    }
    good = good && PyList_Append(list, e) == 0;
    Py_XDECREF(e);
    return good;
}

#define ADD(kind, ...)                                     \
    add(b, list, (kind), (PyObject *const[]){__VA_ARGS__}, \
        (int)(sizeof((PyObject *const[]){__VA_ARGS__}) / sizeof(PyObject *)))

static PyObject *number(uint32_t n) { return PyLong_FromUnsignedLong(n); }

static PyObject *truth(bool b) { return PyBool_FromLong(b); }

static PyObject *raw(span s) {
    return PyBytes_FromStringAndSize((const char *)s.p, (Py_ssize_t)s.n);
}

/* Bytes of a request, as text that gives every byte back (ISO 8859-1). */
static PyObject *text(span s) {
    return PyUnicode_DecodeLatin1(s.p ? (const char *)s.p : "", (Py_ssize_t)s.n, NULL);
}

static PyObject *headers(const binding *b, const http_event *ev) {
    return pairs_list(b, ev->fields, ev->field_count, false);
}

static PyObject *origins(span s) {
    PyObject *list = PyList_New(0);
    while (list && s.n >= 2) {
        size_t n = bytes_get16(s.p);
        s = span_skip(s, 2);
        PyObject *origin = raw(span_take(&s, n < s.n ? n : s.n));
        if (!origin || PyList_Append(list, origin) < 0) Py_CLEAR(list);
        Py_XDECREF(origin);
    }
    return list;
}

static bool tell_goaway(const binding *b, PyObject *list, const http_event *ev) {
    PyObject *more = Py_None;
    if (ev->data.n)
        more = raw(ev->data);
    else
        Py_INCREF(more);
    return ADD(EVENT_GOAWAY, number(ev->code), number(ev->last_id), more);
}

bool event_tell(const binding *b, PyObject *list, const http_event *ev) {
    const fields_summary *s = &ev->summary;
    uint32_t id = ev->ref.id;
    bool good = true;
    switch (ev->kind) {
    case HTTP_EVENT_REQUEST:
        good = ADD(EVENT_REQUEST, number(id), headers(b, ev), truth(ev->end), text(s->method),
                   text(s->scheme), text(s->authority), text(s->path));
        break;
    case HTTP_EVENT_RESPONSE:
        good = ADD(EVENT_RESPONSE, number(id), headers(b, ev), truth(ev->end), number(s->status));
        break;
    case HTTP_EVENT_INTERIM:
        return ADD(EVENT_INTERIM, number(id), headers(b, ev), number(s->status));
    case HTTP_EVENT_TRAILERS: good = ADD(EVENT_TRAILERS, number(id), headers(b, ev)); break;
    case HTTP_EVENT_DATA:
        if (ev->data.n)
            good = ADD(EVENT_DATA, number(id), raw(ev->data), PyLong_FromSize_t(ev->credit),
                       truth(ev->end));
        break;
    case HTTP_EVENT_PUSH: return ADD(EVENT_PUSH, number(id), number(ev->parent.id), headers(b, ev));
    case HTTP_EVENT_PONG: return ADD(EVENT_PONG, raw(ev->data));
    case HTTP_EVENT_GOAWAY: return tell_goaway(b, list, ev);
    case HTTP_EVENT_ALTSVC: return ADD(EVENT_ALTSVC, raw(ev->name), raw(ev->data));
    case HTTP_EVENT_ORIGIN: return ADD(EVENT_ORIGIN, origins(ev->data));
    default: return true;
    }
    return good && (!ev->end || ADD(EVENT_ENDED, number(id)));
}

bool event_tell_closed(const binding *b, PyObject *list, const http_event *ev) {
    uint32_t id = ev->ref.id;
    if (!ev->early_close) return ADD(EVENT_CLOSED, number(id));
    const char *why = ev->verdict.why ? ev->verdict.why : ""; /* maybe bytes of the caller's */
    return ADD(EVENT_RESET, number(id), number(ev->code), truth(ev->by_peer),
               PyUnicode_DecodeUTF8(why, (Py_ssize_t)strlen(why), "replace"),
               truth(ev->never_processed));
}

bool event_tell_window(const binding *b, PyObject *list, uint32_t stream_id, size_t room) {
    return ADD(EVENT_WINDOW, number(stream_id), PyLong_FromSize_t(room));
}

bool event_tell_room(const binding *b, PyObject *list, uint32_t count) {
    return ADD(EVENT_ROOM, number(count));
}

bool event_tell_settings(const binding *b, PyObject *list, span payload) {
    PyObject *dict = PyDict_New();
    for (; dict && payload.n >= 6; payload = span_skip(payload, 6)) {
        PyObject *id = number(bytes_get16(payload.p)), *value = number(bytes_get32(payload.p + 2));
        if (!id || !value || PyDict_SetItem(dict, id, value) < 0) Py_CLEAR(dict);
        Py_XDECREF(id);
        Py_XDECREF(value);
    }
    return ADD(EVENT_SETTINGS, dict);
}

bool event_tell_settings_ack(const binding *b, PyObject *list) {
    return add(b, list, EVENT_SETTINGS_ACK, NULL, 0);
}

bool event_tell_ping(const binding *b, PyObject *list, span payload) {
    return ADD(EVENT_PING, raw(payload));
}

static PyObject *utf8(span s) {
    return PyUnicode_DecodeUTF8(s.n ? (const char *)s.p : "", (Py_ssize_t)s.n, NULL);
}

bool event_tell_frame(const binding *b, PyObject *list, const websocket_event *ev) {
    switch (ev->kind) {
    case WEBSOCKET_MESSAGE: return ADD(EVENT_MESSAGE, ev->text ? utf8(ev->data) : raw(ev->data));
    case WEBSOCKET_PINGED: return ADD(EVENT_WEBSOCKET_PING, raw(ev->data));
    case WEBSOCKET_PONGED: return ADD(EVENT_WEBSOCKET_PONG, raw(ev->data));
    case WEBSOCKET_CLOSED: return ADD(EVENT_WEBSOCKET_CLOSED, number(ev->code), utf8(ev->data));
    case WEBSOCKET_NOTHING:
    case WEBSOCKET_FAULT: break;
    }
    return true;
}
