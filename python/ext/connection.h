/* h2box.Connection: one HTTP connection without its socket, for Python.
 *
 * It drives a session of the core: bytes in, a list of events out, bytes out. It owns the session,
 * its configuration, the table of streams, and input that the core would not take yet. */
#ifndef H2BOX_PYTHON_EXT_CONNECTION_H
#define H2BOX_PYTHON_EXT_CONNECTION_H

#include "python/ext/streams.h"

#define CONNECTION_WHY 127u /* bytes of GOAWAY's debug data */

typedef struct connection {
    PyObject head; /* as PyObject_HEAD */
    binding *binding;
    session *session;
    session_config config;
    streams streams;
    uint64_t now_ms;
    uint8_t *kept; /* input that is PAUSED */
    size_t kept_n, kept_room;
    PyObject *events; /* while it steps: where the trace tells, borrowed */
    uint32_t next_id; /* of a stream that we open or promise */
    bool deaf;        /* an event could not be made */
    bool retry;       /* what is kept may be taken now */
    bool ending;      /* we end it ourselves: that it is over is no fault */
    bool eof_due;     /* the peer's bytes end behind what is kept */
    bool cut;         /* nothing can be sent any more */
    bool over;
    bool failed; /* by the peer's fault, which is to be raised */
    verdict fault;
    char why[CONNECTION_WHY + 1];
} connection;

/* Makes the type. */
bool connection_init(binding *b, PyObject *module);

/* Sets the clock: from a float of seconds, or NULL or None: the system's. False with an exception.
 */
bool connection_clock(connection *c, PyObject *now);

/* The stream, or NULL with StreamClosedError. */
stream *connection_stream(connection *c, PyObject *id);

/* An int of 32 bits, or false with an exception. */
bool connection_number(PyObject *o, uint32_t *n);

/* ---- connection_recv.c ---- */

extern const h2_trace_ops connection_recv_trace;

PyObject *connection_recv_data(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_recv_eof(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_recv_acknowledge(PyObject *self, PyObject *args, PyObject *kwargs);

/* Whether a call of receive_data without bytes would tell something. */
bool connection_recv_pending(const connection *c);

/* ---- connection_send.c ---- */

PyObject *connection_send_output(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_send_headers(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_send_message(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_send_data(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_send_end(PyObject *self, PyObject *id);
PyObject *connection_send_reset(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_send_push(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_send_ping(PyObject *self, PyObject *opaque);
PyObject *connection_send_close(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_send_drain(PyObject *self, PyObject *unused);
PyObject *connection_send_priority(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_send_altsvc(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *connection_send_window(PyObject *self, PyObject *id);

#endif
