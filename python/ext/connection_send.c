#include "core/limits.h"
#include "python/ext/connection.h"
#include "python/ext/failure.h"
#include "python/ext/pairs.h"

/* Spans of one round of output. */
#define SPANS 128u

/* ---- bytes out ---- */

/* One round: up to `most` bytes as a new object; *empty when there are none. */
static PyObject *round_of(connection *c, size_t most, bool *empty) {
    span spans[SPANS];
    size_t n = session_output(c->session, spans, SPANS, most), total = 0;
    for (size_t i = 0; i < n; i++) total += spans[i].n;
    if (total > most) total = most;
    *empty = total == 0;
    PyObject *out = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)total);
    if (!out) return NULL;
    uint8_t *to = (uint8_t *)PyBytes_AsString(out);
    size_t left = total;
    for (size_t i = 0; i < n && left; i++) {
        span part = span_head(spans[i], left);
        memcpy(to, part.p, part.n);
        to += part.n;
        left -= part.n;
    }
    session_output_done(c->session, total); /* with 0, too: it lets go of streams that are over */
    return out;
}

/* All rounds. Most often there is one, whose bytes are copied once. */
static PyObject *output_of(connection *c, size_t most) {
    bool empty;
    PyObject *first = round_of(c, most, &empty), *list = NULL;
    if (!first || empty) return first;
    c->retry = true;
    most -= (size_t)PyBytes_Size(first);
    while (most && session_has_output(c->session)) {
        PyObject *next = round_of(c, most, &empty);
        if (next && empty) {
            Py_DECREF(next);
            break;
        }
        if (next && !list && (list = PyList_New(0)) && PyList_Append(list, first) < 0)
            Py_CLEAR(list);
        if (!next || !list || PyList_Append(list, next) < 0) {
            Py_XDECREF(next);
            Py_XDECREF(list);
            Py_DECREF(first);
            return NULL;
        }
        most -= (size_t)PyBytes_Size(next);
        Py_DECREF(next);
    }
    if (!list) return first;
    PyObject *nothing = PyBytes_FromStringAndSize(NULL, 0);
    PyObject *all = nothing ? PyObject_CallMethod(nothing, "join", "O", list) : NULL;
    Py_XDECREF(nothing);
    Py_DECREF(list);
    Py_DECREF(first);
    return all;
}

PyObject *connection_send_output(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"amount", NULL};
    connection *c = (connection *)self;
    PyObject *amount = Py_None;
    size_t most = PY_SSIZE_T_MAX;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:data_to_send", words, &amount)) return NULL;
    if (amount != Py_None) {
        most = PyLong_AsSize_t(amount);
        if (PyErr_Occurred()) return NULL;
        if (most > PY_SSIZE_T_MAX) most = PY_SSIZE_T_MAX;
    }
    bool was_on = binding_quiet();
    PyObject *out = output_of(c, c->cut ? 0 : most);
    if (!out) session_cut(c->session, "out of memory"); /* what was taken is lost to the peer */
    c->cut |= !out;
    binding_loud(was_on);
    return out;
}

/* ---- messages ---- */

static PyObject *malformed(connection *c, const char *why) {
    return failure_set(c->binding, FAILURE_PROTOCOL, why, H2_PROTOCOL_ERROR, "caller");
}

/* The bytes object to queue for a piece of a body: itself, or a copy of what can still change. */
static PyObject *piece_of(PyObject *o) {
    if (PyBytes_CheckExact(o)) {
        Py_INCREF(o);
        return o;
    }
    if (!PyObject_CheckBuffer(o)) { /* a list of ints makes bytes, too, and is a mistake here */
        PyErr_SetString(PyExc_TypeError, "a body is bytes, or another object with a buffer");
        return NULL;
    }
    return PyBytes_FromObject(o);
}

/* What the caller wants to send on a stream. */
typedef struct order {
    PyObject *piece; /* exact bytes, or NULL */
    bool more;       /* and other pieces will follow */
} order;

static bool start_body(stream *s, order o) {
    if (o.piece && !body_put(&s->body, o.piece)) return false;
    s->body.ended = !o.more;
    s->body_lent = true;
    streams_fill(s);
    return true;
}

static bool has_content(order o) { return o.more || (o.piece && PyBytes_Size(o.piece) > 0); }

static verdict open_stream(connection *c, const pairs *p, order o) {
    const verdict refused = VERDICT_ON_CALLER(VERDICT_NO_MEMORY, "out of memory");
    stream *s = streams_new(&c->streams);
    if (!s) return refused;
    bool content = has_content(o);
    if (content && !start_body(s, o)) {
        streams_drop(s);
        return refused;
    }
    verdict v =
        session_open(c->session, p->at, p->n, content ? streams_body(s) : HTTP_NO_BODY, s, &s->ref);
    if (v.scope != VERDICT_NONE) {
        streams_drop(s);
        return v;
    }
    s->answered = true;
    s->finished = !o.more;
    streams_add(&c->streams, s);
    c->next_id = s->ref.id + 2;
    return v;
}

static verdict answer(connection *c, stream *s, const pairs *p, order o) {
    bool content = has_content(o);
    if (content && !start_body(s, o)) {
        body_end(&s->body);
        return VERDICT_ON_CALLER(VERDICT_NO_MEMORY, "out of memory");
    }
    verdict v =
        session_reply(c->session, s->ref, p->at, p->n, content ? streams_body(s) : HTTP_NO_BODY);
    if (v.scope != VERDICT_NONE) {
        s->body_lent = false;
        body_end(&s->body);
        return v;
    }
    s->answered = true;
    s->finished = !o.more;
    return v;
}

static verdict send_trailers(connection *c, stream *s, const pairs *p) {
    if (s->finished) return VERDICT_ON_CALLER(VERDICT_BAD_CALL, "the message is complete");
    verdict v = session_trailers(c->session, s->ref, p->at, p->n);
    if (v.scope != VERDICT_NONE) return v;
    s->finished = s->body.ended = true;
    return session_wake(c->session, s->ref);
}

/* Sends fields, as what they must be here: a request, an answer, a 1xx or trailers. Raises, or
 * returns None. */
static PyObject *send_fields(connection *c, PyObject *id, const pairs *p, order o) {
    uint32_t number;
    if (!connection_number(id, &number)) return NULL;
    stream *s = streams_find(&c->streams, number);
    bool server = c->config.server;
    if (!s && (server || number < c->next_id)) return (PyObject *)connection_stream(c, id);
    if (!s && number != c->next_id)
        return failure_set(c->binding, FAILURE_CALL, "the next stream to open is another",
                           H2_INTERNAL_ERROR, "caller");
    fields_summary summary = {0};
    bool trailers = s && s->answered;
    fields_kind kind = trailers ? FIELDS_TRAILERS : server ? FIELDS_RESPONSE : FIELDS_REQUEST;
    const char *why = pairs_fault(p, kind, &summary);
    if (why) return malformed(c, why);
    if (trailers && o.more) return malformed(c, "trailers end their stream");
    if (server && !trailers && summary.status < 200 && !o.more)
        return malformed(c, "an interim response ends nothing");
    if (!server && s && !s->answered) return malformed(c, "a pushed stream is the server's");
    verdict v;
    if (trailers)
        v = send_trailers(c, s, p);
    else if (!server)
        v = open_stream(c, p, o);
    else if (summary.status < 200)
        v = session_inform(c->session, s->ref, p->at, p->n);
    else
        v = answer(c, s, p, o);
    c->retry = true;
    if (v.scope != VERDICT_NONE) return failure_verdict(c->binding, v);
    Py_RETURN_NONE;
}

PyObject *connection_send_headers(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"stream_id", "headers", "end_stream", NULL};
    PyObject *id, *headers;
    int end = 0;
    pairs p;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|p:send_headers", words, &id, &headers, &end))
        return NULL;
    if (!pairs_take(&p, headers, true)) return NULL;
    bool was_on = binding_quiet();
    PyObject *result = send_fields((connection *)self, id, &p, (order){.more = !end});
    binding_loud(was_on);
    pairs_end(&p);
    return result;
}

PyObject *connection_send_message(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"stream_id", "headers", "data", NULL};
    PyObject *id, *headers, *content = NULL, *piece = NULL;
    pairs p;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|O:send_message", words, &id, &headers,
                                     &content))
        return NULL;
    if (content && !(piece = piece_of(content))) return NULL;
    if (!pairs_take(&p, headers, true)) {
        Py_XDECREF(piece);
        return NULL;
    }
    bool was_on = binding_quiet();
    PyObject *result = send_fields((connection *)self, id, &p, (order){.piece = piece});
    binding_loud(was_on);
    pairs_end(&p);
    Py_XDECREF(piece);
    return result;
}

/* ---- bodies ---- */

static PyObject *add_piece(connection *c, stream *s, PyObject *piece, bool end) {
    if (!s->answered || s->finished)
        return failure_set(c->binding, FAILURE_CALL,
                           s->finished ? "the message is complete" : "headers come first",
                           H2_INTERNAL_ERROR, "caller");
    if (piece && !body_put(&s->body, piece)) return PyErr_NoMemory();
    s->finished = s->body.ended = end;
    streams_fill(s);
    verdict v = session_wake(c->session, s->ref);
    if (v.scope != VERDICT_NONE) return failure_verdict(c->binding, v);
    Py_RETURN_NONE;
}

PyObject *connection_send_data(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"stream_id", "data", "end_stream", NULL};
    connection *c = (connection *)self;
    PyObject *id, *content;
    int end = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OO|p:send_data", words, &id, &content, &end))
        return NULL;
    PyObject *piece = piece_of(content); /* may run Python code: the stream is looked up after it */
    if (!piece) return NULL;
    stream *s = connection_stream(c, id);
    PyObject *result = s ? add_piece(c, s, piece, end) : NULL;
    Py_DECREF(piece);
    return result;
}

PyObject *connection_send_end(PyObject *self, PyObject *id) {
    connection *c = (connection *)self;
    stream *s = connection_stream(c, id);
    return s ? add_piece(c, s, NULL, true) : NULL;
}

PyObject *connection_send_window(PyObject *self, PyObject *id) {
    stream *s = connection_stream((connection *)self, id);
    if (!s) return NULL;
    size_t queued = s->body.queued;
    return PyLong_FromSize_t(queued < BODY_FULL ? BODY_FULL - queued : 0);
}

/* ---- what else there is to say ---- */

PyObject *connection_send_reset(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"stream_id", "error_code", NULL};
    connection *c = (connection *)self;
    PyObject *id, *number = NULL;
    uint32_t code = H2_NO_ERROR;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:reset_stream", words, &id, &number))
        return NULL;
    if (number && !connection_number(number, &code)) return NULL;
    stream *s = connection_stream(c, id);
    if (!s) return NULL;
    verdict v = session_reset(c->session, s->ref, (h2_code)code);
    c->retry = true;
    if (v.scope != VERDICT_NONE) return failure_verdict(c->binding, v);
    Py_RETURN_NONE;
}

static PyObject *promise(connection *c, PyObject *parent_id, PyObject *promised, const pairs *p) {
    fields_summary summary = {0};
    uint32_t number;
    if (promised != Py_None) {
        if (!connection_number(promised, &number)) return NULL;
        if (number != c->next_id)
            return failure_set(c->binding, FAILURE_CALL, "the next stream to promise is another",
                               H2_INTERNAL_ERROR, "caller");
    }
    stream *parent = connection_stream(c, parent_id);
    if (!parent) return NULL;
    const char *why = pairs_fault(p, FIELDS_PUSH, &summary);
    if (why) return malformed(c, why);
    stream *s = streams_new(&c->streams);
    if (!s) return PyErr_NoMemory();
    verdict v = session_push(c->session, parent->ref, p->at, p->n, &s->ref);
    if (v.scope == VERDICT_NONE) v = session_attach(c->session, s->ref, s);
    if (v.scope != VERDICT_NONE) {
        streams_drop(s);
        return failure_verdict(c->binding, v);
    }
    streams_add(&c->streams, s);
    c->next_id = s->ref.id + 2;
    return PyLong_FromUnsignedLong(s->ref.id);
}

PyObject *connection_send_push(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"stream_id", "promised_stream_id", "request_headers", NULL};
    connection *c = (connection *)self;
    PyObject *id, *promised, *headers;
    pairs p;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "OOO:push_stream", words, &id, &promised,
                                     &headers))
        return NULL;
    if (!pairs_take(&p, headers, true)) return NULL;
    bool was_on = binding_quiet();
    PyObject *result = promise(c, id, promised, &p);
    binding_loud(was_on);
    pairs_end(&p);
    return result;
}

PyObject *connection_send_ping(PyObject *self, PyObject *opaque) {
    connection *c = (connection *)self;
    char *p;
    Py_ssize_t n;
    if (PyBytes_AsStringAndSize(opaque, &p, &n) < 0) return NULL;
    if (n != 8) {
        PyErr_SetString(PyExc_ValueError, "a ping carries 8 bytes");
        return NULL;
    }
    verdict v = session_ping(c->session, (const uint8_t *)p);
    if (v.scope == VERDICT_CALLER && v.code == VERDICT_BUSY) v.code = VERDICT_BAD_CALL;
    if (v.scope != VERDICT_NONE) return failure_verdict(c->binding, v);
    Py_RETURN_NONE;
}

PyObject *connection_send_close(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"error_code", "additional_data", NULL};
    connection *c = (connection *)self;
    PyObject *number = NULL;
    const char *why = NULL;
    Py_ssize_t n = 0;
    uint32_t code = H2_NO_ERROR;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Oz#:close_connection", words, &number, &why,
                                     &n))
        return NULL;
    if (number && !connection_number(number, &code)) return NULL;
    if (c->ending || c->over) Py_RETURN_NONE;
    c->ending = true;
    span said = span_head(span_of(why ? why : "", (size_t)n), CONNECTION_WHY);
    memcpy(c->why, said.p, said.n);
    session_close(c->session, (h2_code)code, c->why);
    Py_RETURN_NONE;
}

PyObject *connection_send_drain(PyObject *self, PyObject *unused) {
    connection *c = (connection *)self;
    (void)unused;
    if (!connection_clock(c, NULL)) return NULL;
    session_drain(c->session, c->now_ms);
    Py_RETURN_NONE;
}

PyObject *connection_send_priority(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"stream_id", "urgency", "incremental", NULL};
    connection *c = (connection *)self;
    PyObject *id;
    int urgency = 3, incremental = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|ip:prioritize", words, &id, &urgency,
                                     &incremental))
        return NULL;
    if (urgency < 0 || urgency > 7) {
        PyErr_SetString(PyExc_ValueError, "urgency is 0 to 7");
        return NULL;
    }
    stream *s = connection_stream(c, id);
    if (!s) return NULL;
    verdict v = session_prioritize(c->session, s->ref, (uint8_t)urgency, incremental);
    if (v.scope != VERDICT_NONE) return failure_verdict(c->binding, v);
    Py_RETURN_NONE;
}

PyObject *connection_send_altsvc(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *words[] = {"field_value", "origin", NULL};
    connection *c = (connection *)self;
    const char *value, *origin;
    Py_ssize_t value_n, origin_n;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "s#s#:advertise_alternative_service", words,
                                     &value, &value_n, &origin, &origin_n))
        return NULL;
    verdict v = session_altsvc(c->session, span_of(origin, (size_t)origin_n),
                               span_of(value, (size_t)value_n));
    if (v.scope != VERDICT_NONE) return failure_verdict(c->binding, v);
    Py_RETURN_NONE;
}
