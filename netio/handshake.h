/* Connections before they are links: a socket, what a load balancer says of it (a PROXY header),
 * and its TLS, until the handshake is over.
 *
 * A handshake costs the processor a thousand times what a request does, so each turn of the loop
 * takes one step of one of them, after all links have had theirs; those that can go on stand in
 * line. Reads and writes go through fault.c, as those of links do. */
#ifndef H2BOX_NETIO_HANDSHAKE_H
#define H2BOX_NETIO_HANDSHAKE_H

#include "netio/loop_impl.h"

typedef struct handshake handshake;

typedef struct handshake_begin {
    link_birth birth;
    int fd;
    const char *name, *peer; /* as in tls_birth */
    uint32_t limit_ms;
    const listener *listener; /* NULL: we have dialled */
    span rest;                /* what has been read already; for this call only */
    /* Told once, never within handshake_new: the link, or NULL and why there is none. */
    void (*done)(void *user, const void *calls, const link_birth *birth, net_link *k,
                 const char *why);
    void *user;
    const void *calls;
} handshake_begin;

/* Takes the socket over. NULL when memory is refused, or too many are under way: it is the caller's
 * still, and done is not told. */
handshake *handshake_new(loop *l, const handshake_begin *b);

/* Ends it, without done. */
void handshake_cancel(handshake *h);

/* Ends it, with done. */
void handshake_fail(handshake *h, const char *why);

/* Those of a listener that closes end in the turns to come. */
void handshake_abandon(loop *l, const listener *s);

/* Those of a listener that closes go on without it, and without its user. */
void handshake_set_free(loop *l, const listener *s);

/* One step that costs something, of the one that is next. */
void handshake_turn(loop *l);

/* What a session begins with after it: HTTP/2 only when ALPN said so (RFC 9113 section 3.2). */
session_start handshake_start(const tls_facts *f);

#endif
