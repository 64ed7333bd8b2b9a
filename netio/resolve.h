/* Names to addresses by the system's resolver, off the loop, at most two at once in the whole
 * process.
 *
 * The resolver blocks, and libuv's threads also serve files: more look-ups wait in line. */
#ifndef H2BOX_NETIO_RESOLVE_H
#define H2BOX_NETIO_RESOLVE_H

#include "netio/socket.h"

typedef struct resolve resolve;

/* done is called once, never within this call, with n addresses that live until it returns, or with
 * none and why. NULL when memory is refused. */
resolve *resolve_start(loop *l, const char *host, uint16_t port,
                       void (*done)(void *user, const socket_address *a, size_t n, const char *why),
                       void *user);

/* done is not called any more. Not after done. */
void resolve_cancel(resolve *r);

/* Before the first getaddrinfo of the process; again is harmless. */
void resolve_prepare(void);

/* What getaddrinfo's error says, in plain words. */
const char *resolve_error_text(int error);

#endif
