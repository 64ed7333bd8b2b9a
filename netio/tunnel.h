/* A socket that is connected to a proxy of HTTP/1.1 and asks it, by CONNECT, for a tunnel (RFC 9110
 * section 9.3.6), before TLS and session.
 *
 * The socket stays its owner's, who also keeps the time. Reads and writes go through fault.c, as
 * those of links do. */
#ifndef H2BOX_NETIO_TUNNEL_H
#define H2BOX_NETIO_TUNNEL_H

#include "netio/loop_impl.h"

typedef struct tunnel tunnel;

/* Asks for host:port with "user:password", or without (NULL). done is called once, never within
 * this call, when the tunnel is gone already: why is NULL when the proxy agreed, and `rest` what
 * came behind its answer, until done returns. NULL when memory is refused. */
tunnel *tunnel_ask(loop *l, int fd, const char *host, uint16_t port, const char *credentials,
                   void (*done)(void *user, const char *why, span rest), void *user);

/* done is not called any more. Not after done. */
void tunnel_cancel(tunnel *t);

#endif
