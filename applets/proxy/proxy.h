/* The running proxy, as its threads see it. proxy.c starts and ends it on the main thread. */
#ifndef H2BOX_APPLETS_PROXY_PROXY_H
#define H2BOX_APPLETS_PROXY_PROXY_H

#include "applets/proxy/crew.h"

struct proxy {
    plan *plan; /* what is configured now; the main thread's hold */
    doors doors;
    crew crew;
    loop *loop; /* of the main thread: signals */
    int argc;
    char **argv; /* for a reload */
    bool old_name, ending;
    atomic_uint connections;   /* for ids in the frame log */
    atomic_size_t api_content; /* bytes of requests to the API that are kept */
};

/* Main thread: the same configuration with the backends of a text, for all workers. False with a
 * message in why. */
bool proxy_take_backends(proxy *x, span text, char *why, size_t room);

#endif
