/* The running proxy, as its threads see it. proxy.c starts and ends it on the main thread. */
#ifndef H2BOX_APPLETS_PROXY_PROXY_H
#define H2BOX_APPLETS_PROXY_PROXY_H

#include "applets/proxy/proxying.h"

struct proxy {
    plan *plan; /* what is configured now; the main thread's hold */
    proxying *workers;
    unsigned worker_count;
    loop *loop; /* of the main thread: signals */
    int argc;
    char **argv; /* for a reload */
    bool old_name, quitting;
    unsigned ended;
    atomic_uint connections; /* for ids in the frame log */
    atomic_bool spoke;       /* why a worker could not start is said */
};

/* Main thread: the same configuration with the backends of a text, for all workers. False with a
 * message in why. */
bool proxy_take_backends(proxy *x, span text, char *why, size_t room);

#endif
