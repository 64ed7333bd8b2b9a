/* A name to its addresses by the system's resolver, off the loop: how long it may take, and how
 * often it is tried. Who else looks names up is lookups.h's affair. */
#ifndef H2BOX_NETIO_RESOLVE_H
#define H2BOX_NETIO_RESOLVE_H

#include "netio/socket.h"

typedef struct resolve resolve;

/* done is called once, never within this call, with n addresses that live until it returns, or with
 * none and why. NULL when memory is refused. To be cancelled before the loop ends. */
resolve *resolve_start(loop *l, const char *host, uint16_t port, const dial_lookup *how,
                       void (*done)(void *user, const socket_address *a, size_t n, const char *why),
                       void *user);

/* done is not called any more. Not after done. */
void resolve_cancel(resolve *r);

/* `whose` (dial_lookup) waits for it as well: it must not be later than it would be for that one
 * alone. */
void resolve_share(resolve *r, uint32_t whose);

/* Before the first getaddrinfo of the process; again is harmless. */
void resolve_prepare(void);

/* What getaddrinfo's error says, in plain words. */
const char *resolve_error_text(int error);

#endif
