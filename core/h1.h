/* One HTTP/1.1 connection without its socket (RFC 9112): bytes in, events out, bytes out.
 *
 * The same shape as h2_conn.h, and every call means what that of the same name there says, with
 * what is different said here. References are 1, 3, 5... in the order of requests. Header fields
 * are told with lower-case names and pseudo-header fields, as HTTP/2 has them, and taken likewise.
 * A request with Upgrade is told with :protocol; once it is answered with 200 (written as 101) both
 * directions are DATA until the end of the connection, as after CONNECT. A server answers in order;
 * a client may pipeline. Parsing is strict: what RFC 9112 calls invalid is never repaired. Applets
 * use it through session.h. */
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
    uint32_t stall_ms;     /* content of a request that stops for this long, likewise; 0: never */
    uint32_t requests_max; /* server: after so many the connection is closed; 0: never */
} h1_config;

/* Fills c with the defaults of limits.h for a role. */
void h1_conn_defaults(h1_config *c, bool server);

#endif
