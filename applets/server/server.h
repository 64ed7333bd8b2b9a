/* The running server, as its threads see it: what they share, and what each has.
 *
 * server.c starts and ends it on the main thread, serving.c is what a worker does. */
#ifndef H2BOX_APPLETS_SERVER_SERVER_H
#define H2BOX_APPLETS_SERVER_SERVER_H

#include "applets/server/site.h"

#include <stdatomic.h>

#define SERVER_ADDRESSES 8

typedef struct server server;

/* One worker. */
typedef struct serving {
    server *server;
    loop *loop;
    site site;
    tls_config *tls;                /* held; NULL: in the clear */
    _Atomic(tls_config *) next_tls; /* held; to take its place (serving_take_tls) */
    listener *listeners[SERVER_ADDRESSES];
    struct conn *conns;
    timer drain_limit;
    bool draining, ended;
} serving;

struct server {
    const server_settings *set;
    opt_call *call;
    plan plan;
    session_config config;
    tls_config *tls; /* NULL: in the clear */
    listen_address addresses[SERVER_ADDRESSES];
    size_t address_count;
    serving *serving; /* one per worker */
    unsigned worker_count;
    worker *workers;
    loop *loop; /* of the main thread: signals */
    unsigned ended;
    uint64_t start_us;
    atomic_uint connections; /* for ids in the log */
    atomic_bool cut;         /* open requests were not answered */
    atomic_bool spoke;       /* why a worker could not start is said */
};

/* For worker_start; user is the server. */
bool serving_start(void *user, unsigned index, loop *l);
void serving_end(void *user, unsigned index, loop *l);

/* Letters to a worker's loop; user is its serving. */
void serving_drain(void *user); /* takes no more connections, and cuts them the second time */
void serving_take_tls(void *user);

/* Posts a letter that must arrive: memory may be short just now. A loop that has ended takes none.
 */
void serving_post(loop *l, void (*fn)(void *user), void *user);

/* Says why a worker could not start. All fail for the same reason: the first one says it. */
void serving_say_once(server *s, const char *what, const char *why);

#endif
