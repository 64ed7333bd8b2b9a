/* What a proxy changes in header fields: from a client's request to the backend's, and from a
 * backend's answer to the client's.
 *
 * Pure functions from parsed fields to fields: nothing is copied through that was not parsed. What
 * they make points into the fields given, the facts, the rules, and bytes of the `rewritten` it is
 * made in. Connection-specific fields do not occur: the sessions take them away and write their
 * own. RFC 9110 section 7.6, RFC 7239, RFC 8441. */
#ifndef H2BOX_APPLETS_PROXY_REWRITE_H
#define H2BOX_APPLETS_PROXY_REWRITE_H

#include "core/http.h"
#include "core/mem.h"

typedef enum rewrite_node {
    REWRITE_NODE_NONE,
    REWRITE_NODE_OBFUSCATED, /* "_" and eight characters */
    REWRITE_NODE_IP,
    REWRITE_NODE_TOKEN /* by= only: rules.forwarded_token */
} rewrite_node;

/* What the options ask for; spans are the plan's. */
typedef struct rewrite_rules {
    bool add_x_forwarded_for, strip_x_forwarded_for;
    bool add_x_forwarded_proto, strip_x_forwarded_proto; /* both by default */
    bool strip_forwarded;
    rewrite_node forwarded_by,
        forwarded_for;                    /* parameters of Forwarded to add; NONE: not that one */
    bool forwarded_host, forwarded_proto; /* proto: not with `forward`, nor X-Forwarded-Proto */
    span forwarded_token;
    bool via;      /* append to it, both ways */
    span via_name; /* "h2box", or "nghttpx" under the old name */
    bool strip_early_data;
    bool server; /* put server_name into Server */
    span server_name;
    bool location;        /* rewrite Location that names the backend */
    bool host;            /* --host-rewrite */
    bool crumble_cookies; /* toward HTTP/2 (RFC 9113 section 8.2.3) */
    bool forward;         /* forward proxy: Location and Host stay */
    bool direct;          /* the next one is the origin: Proxy-Authorization ends here */
    const http_field *add_request, *add_response; /* --add-request-header, --add-response-header */
    size_t add_request_count, add_response_count;
    span altsvc,
        http2_altsvc; /* values of Alt-Svc for clients over HTTP/1.1 and HTTP/2; empty: none */
} rewrite_rules;

/* What of the client's connection and the chosen backend goes into fields. Spans live during the
 * call. */
typedef struct rewrite_facts {
    span client_address; /* "192.0.2.1", "2001:db8::1"; "localhost" for a UNIX socket */
    span local_address;  /* where it came in, with its port: "192.0.2.7:443", "[2001:db8::7]:443" */
    span by, for_;       /* obfuscated names of this process and of this connection, "_" included */
    bool secure;         /* the client uses TLS */
    bool front_h2, back_h2;
    bool front_old, back_old; /* what came from there is of HTTP/1.0 */
    bool accepted;            /* the answer begins a tunnel */
    span date; /* for an answer without Date (RFC 9110 section 6.6.1); empty: it stays without */
    span backend_authority;       /* "host" or "host:port" as a Host field has it */
    bool backend_upgrade_scheme;  /* :scheme https */
    const uint8_t *websocket_key; /* WEBSOCKET_KEY bytes, the caller's; NULL: no WebSocket, or both
                                     sides are HTTP/2 */
} rewrite_facts;

/* Room that rewriting works in; one a worker. */
typedef struct rewritten {
    http_field *fields;
    size_t count, room;
    uint8_t *bytes;
    size_t used, bytes_room;
} rewritten;

/* Why this request must be answered 400 and not be passed on, although its fields are well-formed;
 * NULL: it may. Schemes beside http and https allow what is something else in HTTP/1.1: a target
 * that is an URI of its own would lead a backend elsewhere than its Host. */
const char *rewrite_refuses(const fields_summary *s);

/* Whether this proxy is the last that TRACE or OPTIONS is for: Max-Forwards is 0 (RFC 9110
 * section 7.6.2). Else it goes on, with one less. */
bool rewrite_ends_here(const http_field *f, size_t n, const fields_summary *s);

/* ---- WebSockets: RFC 6455 section 4, RFC 8441 section 5 ---- */

/* Whether a request asks for one. It is told with CONNECT and :protocol from both versions. */
bool rewrite_websocket(const fields_summary *s);

/* The key for rewrite_facts.websocket_key, wherever one side is HTTP/1.1: what an HTTP/1.1 client
 * sent, of an HTTP/2 client one of 16 random bytes. False: it sent none that is one (400). */
bool rewrite_websocket_key(uint8_t key[], bool front_h2, const uint8_t nonce[16],
                           const http_field *f, size_t n);

/* Whether the answer of an HTTP/1.1 backend that accepts shows that it has read the key; it is
 * answered 502 otherwise. rewrite_response answers an HTTP/1.1 client with what fits its key. */
bool rewrite_websocket_agreed(const uint8_t key[], const http_field *f, size_t n);

/* ---- fields ---- */

/* Room for LIMIT_HEADER_FIELDS, what is added to them, and LIMIT_HEADER_LIST bytes. */
bool rewrite_room(rewritten *r, const mem *m); /* false: no memory */
void rewrite_end(rewritten *r, const mem *m);

/* The request for a backend, from the fields of the client's (pseudo-header fields first, as
 * http_event has them, and their summary). Of HTTP/2 and HTTP/1.1 alike; cookie crumbs become one
 * field toward HTTP/1.1 in its session. False when it has no room: answered 431. */
bool rewrite_request(rewritten *r, const rewrite_rules *rules, const rewrite_facts *facts,
                     const http_field *f, size_t n, const fields_summary *s);

/* The answer for the client. `request_authority` and `request_scheme` are those of the client's
 * request, for Location. set_cookie: an affinity cookie to add; empty: none. False when it has no
 * room: answered 502. */
bool rewrite_response(rewritten *r, const rewrite_rules *rules, const rewrite_facts *facts,
                      span request_authority, span request_scheme, span set_cookie,
                      const http_field *f, size_t n, const fields_summary *s);

/* An interim response, and trailers either way: what must not pass is left out. A forward proxy
 * has to name itself in every message (RFC 9110 section 7.6.3), another in final ones alone. */
bool rewrite_inform(rewritten *r, const rewrite_rules *rules, const rewrite_facts *facts,
                    const http_field *f, size_t n);
bool rewrite_trailers(rewritten *r, const http_field *f, size_t n);

/* The request-targets of Link fields with rel=preload and without nopush (RFC 8288; for pushes):
 * calls found for each, resolved against path, same origin only. */
void rewrite_preloads(const http_field *f, size_t n, span scheme, span authority, span path,
                      void (*found)(void *user, span target), void *user);

#endif
