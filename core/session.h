/* One HTTP connection, whatever its version: the face that applets talk to.
 *
 * It is an h2_conn or an h1_conn, or becomes the one after the other by Upgrade; an applet never
 * asks which it is except to print it. Every call means what h2_conn.h says of the call with the
 * same name, with what h1.h says beside it; lifetimes are those of http.h. A WebSocket's request is
 * CONNECT with :protocol over both, accepted with 200 (told so, too, where HTTP/1.1 says 101), and
 * DATA both ways from then on. It owns its protocol state and nothing of the transport. Not thread
 * safe: it belongs to one worker. */
#ifndef H2BOX_CORE_SESSION_H
#define H2BOX_CORE_SESSION_H

#include "core/h1.h"
#include "core/h2_conn.h"

typedef struct session session;

/* Space that the sessions of one worker share for decoding. */
typedef struct session_scratch {
    h2_scratch h2;
    h1_scratch h1;
} session_scratch;

/* What speaks first on a new connection. */
typedef enum session_start {
    SESSION_ANY,     /* server: HTTP/2 when its preface comes, else HTTP/1.1 with h2c Upgrade when
                        h1.upgrade allows it; client: as SESSION_H2 */
    SESSION_H2,      /* prior knowledge, or ALPN said so */
    SESSION_H1,      /* HTTP/1.1, which stays it */
    SESSION_UPGRADE, /* client: the first request carries Upgrade: h2c (RFC 7540 section 3.2) and
                        has no content; stream 1 answers it once the server agrees, else it is
                        answered by HTTP/1.1. Others are BUSY until then */
    SESSION_TUNNEL   /* client: the transport speaks no HTTP. Its one request is CONNECT without
                        :protocol, which is not written but told 200 at once; then DATA both ways,
                        as in a tunnel through HTTP/1.1 */
} session_start;

/* What sessions are told at birth; one immutable value serves many, and outlives them. */
typedef struct session_config {
    bool server;
    session_start start; /* of cleartext connections; defaults to ANY */
    h2_config h2;
    h1_config h1;
} session_config;

/* Fills c with the defaults of limits.h. */
void session_defaults(session_config *c, bool server);

void session_scratch_init(session_scratch *s, const mem *m);
void session_scratch_end(session_scratch *s);

typedef struct session_birth {
    const mem *mem;
    const session_config *config;
    session_start start; /* config->start, or what ALPN said */
    session_scratch *scratch;
    h2_trace trace;
    bool secure; /* over TLS: requests of HTTP/1.1 have the scheme https */
    uint32_t seed;
    uint64_t now_ms;
} session_birth;

session *session_new(const session_birth *b);
void session_free(session *s);

/* "h2" or "http/1.1", as ALPN calls them; what goes into logs. An Upgrade changes it. Static
 * storage. */
const char *session_protocol(const session *s);

http_event_kind session_step(session *s, span *in, uint64_t now_ms, http_event *ev);
bool session_pending(const session *s);
size_t session_output(session *s, span *iov, size_t niov, size_t budget);
void session_output_done(session *s, size_t n);
bool session_has_output(const session *s);

/* The peer makes us write and does not read: heads and small frames for it take more than
 * LIMIT_OUTPUT_QUEUED. What can be left out should be. */
bool session_piled_up(const session *s);
uint64_t session_deadline(const session *s);

uint32_t session_room(const session *s);
uint32_t session_streams(const session *s);

/* A request with :protocol has to be allowed by the peer's SETTINGS over HTTP/2: BUSY until they
 * have come, BAD_CALL when they do not say so. HTTP/1.1 has Upgrade. */
verdict session_open(session *s, const http_field *f, size_t n, http_body body, void *user,
                     http_ref *ref);
verdict session_reply(session *s, http_ref ref, const http_field *f, size_t n, http_body body);

/* Server: the Upgrade that the request with :protocol asked for is not taken, and it is a request
 * as any: so 200 is an answer with content and not the beginning of a tunnel. BAD_CALL when it
 * cannot be: over HTTP/2, and after reply. */
verdict session_decline(session *s, http_ref ref);
verdict session_inform(session *s, http_ref ref, const http_field *f, size_t n);
verdict session_trailers(session *s, http_ref ref, const http_field *f, size_t n);
verdict session_push(session *s, http_ref parent, const http_field *f, size_t n, http_ref *ref);
verdict session_attach(session *s, http_ref ref, void *user);
verdict session_credit(session *s, http_ref ref, size_t n);
verdict session_wake(session *s, http_ref ref);
verdict session_reset(session *s, http_ref ref, h2_code code);
verdict session_prioritize(session *s, http_ref ref, uint8_t urgency, bool incremental);
verdict session_ping(session *s, const uint8_t opaque[8]);
verdict session_altsvc(session *s, span origin, span value);
verdict session_origin(session *s, const span *origins, size_t n);
void session_drain(session *s, uint64_t now_ms);
void session_close(session *s, h2_code code, const char *why);
void session_eof(session *s);

/* The peer has shut its side in good order, all its bytes were taken, and it may still read: what
 * it asked for is answered, and a tunnel goes on in the other direction, after events as
 * session_eof has them for what the end of the bytes ends or cuts; OVER follows when nothing is
 * left. False: this session cannot go on without its peer's bytes (HTTP/2 needs them, a client has
 * nothing to wait for), nothing has happened, and session_eof is due. */
bool session_half_eof(session *s);

/* Whether the last byte that there will ever be is written, though more is read: the transport may
 * shut this side alone. So it is in a tunnel over HTTP/1.1 whose body has ended, and behind a last
 * answer whose request is still coming. */
bool session_shut(const session *s);

/* Whether content that only the end of the connection ends has broken off: to HTTP/1.0, or in a
 * tunnel over HTTP/1.1. The transport resets the connection then, since its end in good order would
 * say that the content is whole (RFC 9112 section 8; of tunnels RFC 9113 section 8.5). */
bool session_torn(const session *s);

/* The transport broke, or ended where it should not (TLS without close_notify): as session_eof, but
 * content that ends with the connection is not whole, and what dies is told why. */
void session_cut(session *s, const char *why);

#endif
