/* One HTTP/1.1 connection without its socket (RFC 9112): bytes in, events out, bytes out.
 *
 * The same shape as h2_conn.h, and every call means what that of the same name there says, with
 * what is different said here. References are 1, 3, 5... in the order of requests. Header fields
 * are told with lower-case names and pseudo-header fields, as HTTP/2 has them, and taken likewise.
 * A request with Upgrade is told with :protocol; once it is answered with 200 (written as 101) each
 * direction is DATA until its end, as after CONNECT; a client's body waits until then. A server
 * answers in order; a client may pipeline. Parsing is strict: what RFC 9112 calls invalid is never
 * repaired. Applets use it through session.h.
 *
 * A fault of the peer ends the connection, since nobody can know where its next message begins: a
 * server tells REFUSED, and answers it with a status, after the answers that come before, and says
 * `close`; a client tells CLOSED. OVER follows with the verdict, whose code is an h2_code. */
#ifndef H2BOX_CORE_H1_H
#define H2BOX_CORE_H1_H

#include "core/h2_trace.h"
#include "core/http.h"
#include "core/mem.h"

typedef struct h1_conn h1_conn;

/* As h2_config: may be shared by many, and must outlive them. */
typedef struct h1_config {
    bool upgrade;          /* server: accept Upgrade: h2c on cleartext connections */
    uint32_t pipeline;     /* client: requests that may wait for their answers, at least 1 */
    uint32_t head_max;     /* bytes of a message's head, and of its trailers */
    uint32_t held_max;     /* bytes of content that the applet may hold uncredited; then input is
                              PAUSED */
    uint32_t head_ms;      /* a head that is begun and not whole in this time ends the connection */
    uint32_t content_ms;   /* content of a request that stops for this long, likewise; 0: never */
    uint32_t requests_max; /* server: after so many the connection is closed; 0: never */
    bool upgrade_any;      /* server: tells Upgrade to any one protocol of LIMIT_PROTOCOL bytes, not
                              to websocket alone; never to another version of HTTP */
    bool close_old;  /* server: as a proxy, keeps no connection of an HTTP/1.0 client (RFC 9112
                        section 9.3) */
    bool title_case; /* writes Content-Type, not content-type */
    bool absolute;   /* client: the target is a whole URI, as a proxy wants it (RFC 9112
                        section 3.2.2) */
} h1_config;

/* Fills c with the defaults of limits.h for a role. */
void h1_conn_defaults(h1_config *c, bool server);

/* Space that the connections of one worker share for the fields of an event. */
typedef struct h1_scratch {
    const mem *mem;
    http_field *fields; /* H1_FIELDS of them, or NULL */
    uint8_t *names;     /* bytes that the head does not hold as they are told */
    size_t names_room;
} h1_scratch;

void h1_conn_scratch_init(h1_scratch *s, const mem *m);
void h1_conn_scratch_end(h1_scratch *s);

typedef struct h1_birth {
    const mem *mem;          /* outlives the connection */
    const h1_config *config; /* outlives the connection */
    h1_scratch *scratch;     /* outlives the connection */
    h2_trace trace;          /* its `head` and `closed` are called */
    bool server;
    bool secure; /* over TLS: requests have the scheme https, and none is upgraded to h2c */
    bool bare;   /* client: as SESSION_TUNNEL: what is open is a tunnel, without heads */
    uint64_t now_ms;
} h1_birth;

/* NULL when memory is refused. */
h1_conn *h1_conn_new(const h1_birth *b);
void h1_conn_free(h1_conn *c);
const mem *h1_conn_mem(const h1_conn *c);

/* A server tells a request once the one before is answered and whole; until then input for it is
 * PAUSED, to be offered again after output_done, a reply or a credit. */
http_event_kind h1_conn_step(h1_conn *c, span *in, uint64_t now_ms, http_event *ev);
bool h1_conn_pending(const h1_conn *c);
size_t h1_conn_output(h1_conn *c, span *iov, size_t niov, size_t budget);
void h1_conn_output_done(h1_conn *c, size_t n);
bool h1_conn_has_output(const h1_conn *c);
bool h1_conn_piled_up(const h1_conn *c);
uint64_t h1_conn_deadline(const h1_conn *c);

/* The requests that config.pipeline leaves; 0 once the server has said close. */
uint32_t h1_conn_room(const h1_conn *c);
uint32_t h1_conn_streams(const h1_conn *c);

/* Content without content-length goes out in chunks. Connection-specific fields are left out, and
 * written as the connection needs them. */
verdict h1_conn_open(h1_conn *c, const http_field *f, size_t n, http_body body, void *user,
                     http_ref *ref);

/* Content without content-length goes out in chunks, to HTTP/1.0 until the connection is closed.
 * Content of more or fewer bytes than its content-length ends the connection. 200 to a request with
 * :protocol is written as 101; sec-websocket-accept is the caller's. */
verdict h1_conn_reply(h1_conn *c, http_ref ref, const http_field *f, size_t n, http_body body);
verdict h1_conn_decline(h1_conn *c, http_ref ref);
verdict h1_conn_inform(h1_conn *c, http_ref ref, const http_field *f, size_t n);

/* Dropped where the message has no chunks to follow (RFC 9110 section 6.5 lets them be). */
verdict h1_conn_trailers(h1_conn *c, http_ref ref, const http_field *f, size_t n);
verdict h1_conn_attach(h1_conn *c, http_ref ref, void *user);
verdict h1_conn_credit(h1_conn *c, http_ref ref, size_t n);
verdict h1_conn_wake(h1_conn *c, http_ref ref);

/* Ends the connection, after what is queued: HTTP/1 cannot end one exchange alone. */
verdict h1_conn_reset(h1_conn *c, http_ref ref, uint32_t code);

/* Server: answers what was told, with `close`; client: opens nothing more. OVER follows. */
void h1_conn_drain(h1_conn *c, uint64_t now_ms);
void h1_conn_close(h1_conn *c, uint32_t code, const char *why);

/* As h2_conn_eof; ends a message or a tunnel that is delimited by the end of the connection. */
void h1_conn_eof(h1_conn *c);

/* As session.h has them. */
bool h1_conn_half_eof(h1_conn *c);
bool h1_conn_shut(const h1_conn *c);
bool h1_conn_torn(const h1_conn *c);

/* As h2_conn_cut: such a message or tunnel is not whole then. */
void h1_conn_cut(h1_conn *c, const char *why);

/* ---- h2c (RFC 7540 section 3.2) ---- */

/* Server: whether the request that step has just told asks for h2c and may have it: nothing else is
 * open, and nothing is queued. *settings is the HTTP2-Settings field, live as the event is. */
bool h1_conn_offered(const h1_conn *c, span *settings);

/* Client: the next request asks for h2c with this HTTP2-Settings; it has no content. */
void h1_conn_offer(h1_conn *c, span settings);

/* Client: the server has answered 101 to that; what step has left belongs to HTTP/2. user is what
 * was attached to the request, head that it was HEAD. */
bool h1_conn_switched(const h1_conn *c, void **user, bool *head);

#endif
