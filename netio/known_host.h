/* The addresses of a host that is dialled again and again: looked up once for all dials that wait,
 * and kept.
 *
 * The face that applets see (known_host_new, known_host_free) is in net.h. It belongs to one loop
 * and outlives the dials that use it. */
#ifndef H2BOX_NETIO_KNOWN_HOST_H
#define H2BOX_NETIO_KNOWN_HOST_H

#include "netio/resolve.h"

/* Who waits for a look-up; embedded, zeroed: nobody does. */
typedef struct known_host_wait {
    struct known_host_wait *next, **prev;
    /* Told once, with addresses that live until it returns, or with none and why. */
    void (*found)(struct known_host_wait *w, const socket_address *a, size_t n, const char *why);
} known_host_wait;

/* Copies up to LIMIT_ADDRESSES of those that are known and not too old; 0: ask. */
size_t known_host_addresses(const known_host *h, socket_address *out);

/* Looks the host up, unless that goes on already; found is told later, never within this call.
 * False when memory is refused. */
bool known_host_ask(known_host *h, const char *host, uint16_t port, const dial_lookup *how,
                    known_host_wait *w);
void known_host_leave(known_host_wait *w); /* harmless when it does not wait */

/* None of the addresses could be connected to: they may have changed. */
void known_host_doubt(known_host *h);

#endif
