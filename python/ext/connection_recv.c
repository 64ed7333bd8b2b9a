#include "core/limits.h"
#include "python/ext/connection.h"
#include "python/ext/event.h"
#include "python/ext/failure.h"
#include "python/ext/memory.h"

/* ---- frames that have no event in the core ---- */

static void trace_frame(void *user, const h2_trace_frame *f) {
    connection *c = user;
    if (f->sent || f->verdict.scope != VERDICT_NONE || !c->events) return;
    bool ack = f->flags & H2_FLAG_ACK;
    if (f->type == H2_FRAME_SETTINGS) {
        bool good = ack ? event_tell_settings_ack(c->binding, c->events)
                        : event_tell_settings(c->binding, c->events, f->payload);
        c->deaf |= !good;
    } else if (f->type == H2_FRAME_PING && !ack) {
        c->deaf |= !event_tell_ping(c->binding, c->events, f->payload);
    }
}

static void trace_data(void *user, uint32_t stream_id, size_t length, uint32_t stream_owed,
                       uint32_t connection_owed) {
    (void)user;
    (void)stream_id;
    (void)length;
    (void)stream_owed;
    (void)connection_owed;
}

static void trace_closed(void *user, uint32_t stream_id, uint32_t code) {
    (void)user;
    (void)stream_id;
    (void)code;
}

const h2_trace_ops connection_recv_trace = {trace_frame, trace_data, trace_closed, NULL};

/* ---- events ---- */

/* A stream of the peer's. False: it is refused. */
static bool take_stream(connection *c, const http_event *ev) {
    stream *s = streams_new(&c->streams);
    if (!s) {
        session_reset(c->session, ev->ref, H2_INTERNAL_ERROR);
        return false;
    }
    s->ref = ev->ref;
    if (session_attach(c->session, ev->ref, s).scope != VERDICT_NONE) {
        streams_drop(s);
        return false;
    }
    streams_add(&c->streams, s);
    return true;
}

static void tell(connection *c, const http_event *ev) {
    switch (ev->kind) {
    case HTTP_EVENT_REQUEST:
    case HTTP_EVENT_PUSH:
        if (!take_stream(c, ev)) return;
        break;
    case HTTP_EVENT_CLOSED:
        c->deaf |= !event_tell_closed(c->binding, c->events, ev);
        streams_close(ev->user);
        return;
    case HTTP_EVENT_ROOM:
        c->deaf |= !event_tell_room(c->binding, c->events, session_room(c->session));
        return;
    case HTTP_EVENT_OVER:
        c->over = true;
        c->failed = ev->verdict.scope == VERDICT_CONNECTION && !c->ending;
        c->fault = ev->verdict;
        return;
    default: break;
    }
    c->deaf |= !event_tell(c->binding, c->events, ev);
}

static void tell_windows(connection *c) {
    for (stream *s; (s = streams_take_roomy(&c->streams)) != NULL;)
        if (!s->closed && !s->finished)
            c->deaf |=
                !event_tell_window(c->binding, c->events, s->ref.id, BODY_FULL - s->body.queued);
}

/* ---- input that has to wait ---- */

static bool keep(connection *c, span rest) {
    if (c->kept_n + rest.n > c->kept_room) {
        size_t room = c->kept_n + rest.n;
        uint8_t *grown = PyMem_Realloc(c->kept, room);
        if (!grown) return false;
        c->kept = grown;
        c->kept_room = room;
    }
    if (rest.n) memcpy(c->kept + c->kept_n, rest.p, rest.n);
    c->kept_n += rest.n;
    return true;
}

/* What is left of the input that was offered, which is all of what is kept when something is. */
static bool keep_rest(connection *c, span rest) {
    if (c->kept_n) {
        memmove(c->kept, rest.n ? rest.p : c->kept, rest.n);
        c->kept_n = rest.n;
    } else if (rest.n && !keep(c, rest)) {
        return false;
    }
    if (c->kept_n == 0) {
        PyMem_Free(c->kept);
        c->kept = NULL;
        c->kept_room = 0;
    }
    return true;
}

bool connection_recv_pending(const connection *c) {
    return session_pending(c->session) || c->streams.first_roomy || c->failed ||
           (c->kept_n && c->retry);
}

/* ---- steps ---- */

static void tell_all(connection *c, span *in) {
    http_event ev;
    while (!c->deaf) {
        http_event_kind kind = session_step(c->session, in, c->now_ms, &ev);
        if (kind == HTTP_EVENT_NONE || kind == HTTP_EVENT_PAUSED) return;
        tell(c, &ev);
    }
}

/* The peer has said its last, and all of it is taken: what it asked for is answered, where its
 * bytes are not needed for that. */
static void end_input(connection *c) {
    span none = {NULL, 0};
    c->eof_due = false;
    c->ending = true;
    if (!session_half_eof(c->session)) {
        session_eof(c->session);
        c->cut = true;
    }
    tell_all(c, &none);
}

static void step(connection *c, span in) {
    if (c->kept_n) {
        if (in.n && !keep(c, in)) c->deaf = true;
        in = span_of(c->kept, c->kept_n);
    }
    c->retry = false;
    tell_all(c, &in);
    if (!keep_rest(c, in)) c->deaf = true;
    if (c->eof_due && c->kept_n == 0 && !c->deaf) end_input(c);
    tell_windows(c);
    if (c->kept_n > LIMIT_PYTHON_KEPT && !c->over)
        session_close(c->session, H2_ENHANCE_YOUR_CALM, "input that nobody takes piles up");
}

/* Steps with these bytes and returns the events, or raises. */
static PyObject *events_of(connection *c, span in) {
    PyObject *events = PyList_New(0);
    if (!events) return NULL;
    bool was_on = binding_quiet();
    c->events = events;
    c->deaf = false;
    step(c, in);
    c->events = NULL;
    if (c->deaf) session_close(c->session, H2_INTERNAL_ERROR, "out of memory");
    binding_loud(was_on);
    if (c->deaf) {
        Py_DECREF(events);
        return PyErr_NoMemory();
    }
    if (!c->failed) return events;
    c->failed = false;
    const char *why = c->fault.why ? c->fault.why : "the connection is over";
    return failure_over(c->binding, why, c->fault.code, "connection", events);
}

PyObject *connection_recv_data(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"data", "now", NULL};
    connection *c = (connection *)self;
    Py_buffer data;
    PyObject *now = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*|O:receive_data", words, &data, &now))
        return NULL;
    PyObject *events = NULL;
    if (connection_clock(c, now)) events = events_of(c, span_of(data.buf, (size_t)data.len));
    PyBuffer_Release(&data);
    return events;
}

PyObject *connection_recv_eof(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"broken", NULL};
    connection *c = (connection *)self;
    int broken = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|p:receive_eof", words, &broken)) return NULL;
    if (broken) {
        c->ending = c->cut = true;
        session_cut(c->session, "the transport broke");
    } else if (!c->cut) {
        c->eof_due = true;
    }
    return events_of(c, SPAN(""));
}

PyObject *connection_recv_acknowledge(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"acknowledged_size", "stream_id", NULL};
    connection *c = (connection *)self;
    Py_ssize_t n;
    PyObject *id;
    uint32_t number;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "nO:acknowledge_received_data", words, &n, &id))
        return NULL;
    if (!connection_number(id, &number)) return NULL;
    if (n < 0) {
        PyErr_SetString(PyExc_ValueError, "a size is not negative");
        return NULL;
    }
    /* What a closed stream held was given back when it closed. */
    stream *s = streams_find(&c->streams, number);
    if (!s || n == 0) Py_RETURN_NONE;
    verdict v = session_credit(c->session, s->ref, (size_t)n);
    c->retry = true;
    if (v.scope != VERDICT_NONE && !failure_is_stale(v)) return failure_verdict(c->binding, v);
    Py_RETURN_NONE;
}
