/* One HTTP/2 connection without its socket (RFC 9113): bytes in, events out, bytes out.
 *
 * It never blocks, reads no clock and calls nobody from step but the trace sink. A fault of the
 * peer comes out as an event that carries a verdict, with RST_STREAM or GOAWAY already queued.
 * Applets use it through session.h.
 *
 * The way of a turn: step until NONE or PAUSED; act on each event; then output, write, output_done.
 * While a write of output's spans is pending, output must not be called again. */
#ifndef H2BOX_CORE_H2_CONN_H
#define H2BOX_CORE_H2_CONN_H

#include "core/h2_frame.h"
#include "core/h2_trace.h"
#include "core/hpack_again.h"
#include "core/http.h"

typedef struct h2_conn h2_conn;

/* What one connection is told at birth and never changes; may be shared by many, and must outlive
 * them. */
typedef struct h2_config {
    uint32_t settings[H2_SETTING_SLOTS]; /* by h2_setting_slot; sent when it differs from the
                                            initial value or is in `announce` */
    uint32_t announce; /* bit per h2_setting_slot: send it even when it is the initial value */
    uint32_t connection_window; /* bytes, 65535 to 2^31-1 */
    uint32_t lowest_table; /* SETTINGS_HEADER_TABLE_SIZE announced before the one in settings, when
                              less */
    uint32_t encoder_table_cap; /* bytes our HPACK encoder uses at most */
    uint32_t peer_streams;      /* client: concurrent streams assumed before the peer's SETTINGS */
    uint32_t
        held_max; /* bytes the applet may hold uncredited before the connection window stalls */
    uint32_t settings_ack_ms; /* SETTINGS not acknowledged in this time ends the connection; 0: wait
                                 forever */
    uint32_t window_ms;  /* a window kept shut for once to twice this long ends the stream or the
                            connection; 0: never */
    uint32_t content_ms; /* server: a request's content that stops, likewise */
    uint32_t padding; /* bytes that padding adds to each DATA and HEADERS, Pad Length included, 0 to
                         256 */
    uint32_t discard_max;  /* server: content that may come after the answer was complete, then the
                              request is reset with NO_ERROR (RFC 9113 section 8.1) */
    bool obey_priority;    /* server: order output as the peer asks (RFC 9218, RFC 7540 5.3) */
    uint32_t requests_max; /* server: with so many the connection is drained; 0: never */
} h2_config;

/* Fills c with the defaults of limits.h for a role. */
void h2_conn_defaults(h2_config *c, bool server);

/* Decoding space that the connections of one worker share: only one of them has live events at a
 * time. */
typedef struct h2_scratch {
    hpack_list list;
    hpack_again_in received; /* what list holds */
    hpack_again_out sent;
    fields_summary summary; /* of list, when it was found well-formed as `checked` */
    int checked;            /* a fields_kind; below 0: it was not, or was not looked at */
} h2_scratch;

void h2_conn_scratch_init(h2_scratch *s, const mem *m);
void h2_conn_scratch_end(h2_scratch *s);

typedef struct h2_birth {
    const mem *mem;          /* outlives the connection */
    const h2_config *config; /* outlives the connection */
    h2_scratch *scratch;     /* outlives the connection */
    h2_trace trace;
    bool server;
    uint32_t seed; /* random, against aimed hash collisions */
    span before;   /* server: bytes to send first, such as a response of HTTP/1.1; copied */
    uint64_t now_ms;
} h2_birth;

/* A connection with its preface and SETTINGS queued, or NULL when memory is refused. */
h2_conn *h2_conn_new(const h2_birth *b);

/* Ends it at once: lent spans are given back, bodies released, nothing is sent, no event is told.
 */
void h2_conn_free(h2_conn *c);

/* What it was born with. */
const mem *h2_conn_mem(const h2_conn *c);

/* Uses *in up to the next thing worth telling, advances it, fills *ev and returns its kind. NONE:
 * all is used. PAUSED: *in keeps the rest, which must be offered again after the next output_done.
 * Also called with an empty span when time has passed (deadline) or when h2_conn_pending says so.
 * now_ms is monotonic. */
http_event_kind h2_conn_step(h2_conn *c, span *in, uint64_t now_ms, http_event *ev);

/* True when step has something to tell without input. */
bool h2_conn_pending(const h2_conn *c);

/* Gathers up to niov spans to write, about budget bytes (one frame more at most), and returns their
 * number; 0: nothing to send. DATA is framed here, in priority order. The spans live until
 * output_done has covered them. */
size_t h2_conn_output(h2_conn *c, span *iov, size_t niov, size_t budget);

/* The first n bytes of what output gave are written. */
void h2_conn_output_done(h2_conn *c, size_t n);

/* True when output would give something. */
bool h2_conn_has_output(const h2_conn *c);

/* As session.h has it. */
bool h2_conn_piled_up(const h2_conn *c);

/* When step must be called at the latest, in the clock of now_ms; UINT64_MAX: never. */
uint64_t h2_conn_deadline(const h2_conn *c);

/* Client: how many streams may be opened now. 0 after GOAWAY. */
uint32_t h2_conn_room(const h2_conn *c);

/* Streams that are not closed, both sides counted, reserved ones too. */
uint32_t h2_conn_streams(const h2_conn *c);

/* Client: opens a stream with a request. fields are encoded during the call and not retained.
 * Without a body the request ends here. user comes back in every event. Errors: BUSY, NO_MEMORY,
 * BAD_CALL. */
verdict h2_conn_open(h2_conn *c, const http_field *f, size_t n, http_body body, void *user,
                     http_ref *ref);

/* Server: answers with a final response; without a body it ends the stream. Errors: BAD_CALL,
 * NO_MEMORY. */
verdict h2_conn_reply(h2_conn *c, http_ref ref, const http_field *f, size_t n, http_body body);

/* Server: sends a 1xx response, any number of times before reply. */
verdict h2_conn_inform(h2_conn *c, http_ref ref, const http_field *f, size_t n);

/* Trailers to send after the body that open or reply took; copied. Must come before the body's pull
 * says END. */
verdict h2_conn_trailers(h2_conn *c, http_ref ref, const http_field *f, size_t n);

/* Server: promises a response to the given request on `parent`, which must not have been answered
 * whole. *ref is then answered by reply. BUSY when the peer takes no (more) pushes. */
verdict h2_conn_push(h2_conn *c, http_ref parent, const http_field *f, size_t n, http_ref *ref);

/* Attaches a pointer that comes back in the stream's events; a stream with one is told CLOSED. NULL
 * detaches. */
verdict h2_conn_attach(h2_conn *c, http_ref ref, void *user);

/* n bytes of DATA events of this stream are dealt with: the peer may send as many more. */
verdict h2_conn_credit(h2_conn *c, http_ref ref, size_t n);

/* A body that said LATER has more. */
verdict h2_conn_wake(h2_conn *c, http_ref ref);

/* Ends the stream with RST_STREAM; CLOSED follows if a user is attached. */
verdict h2_conn_reset(h2_conn *c, http_ref ref, h2_code code);

/* The stream's priority as the applet decides it (RFC 9218 section 8), over what the peer asked
 * for. */
verdict h2_conn_prioritize(h2_conn *c, http_ref ref, uint8_t urgency, bool incremental);

/* Sends PING; PONG follows. One may be out at a time (BUSY). */
verdict h2_conn_ping(h2_conn *c, const uint8_t opaque[8]);

/* Server: advertises (RFC 7838 section 4, RFC 8336 section 2). ALTSVC goes on stream 0 with an
 * origin. */
verdict h2_conn_altsvc(h2_conn *c, span origin, span value);
verdict h2_conn_origin(h2_conn *c, const span *origins, size_t n);

/* Takes no new streams any more and ends when the open ones are done: GOAWAY in two phases (RFC
 * 9113 section 6.8). OVER follows. */
void h2_conn_drain(h2_conn *c, uint64_t now_ms);

/* Ends now: GOAWAY with code and the reason as debug data, then OVER. Open streams are told CLOSED
 * first. */
void h2_conn_close(h2_conn *c, h2_code code, const char *why);

/* The transport ended: open streams are told CLOSED, then OVER. No output any more. */
void h2_conn_eof(h2_conn *c);

/* The same for a transport that broke: open streams and OVER are told why. */
void h2_conn_cut(h2_conn *c, const char *why);

#endif
