/* A worker of the proxy: what it shares with nobody, and what its requests ask of it.
 *
 * crew.c starts and ends it on the main thread; front.c is a client's connection, relay.c a
 * request. */
#ifndef H2BOX_APPLETS_PROXY_PROXYING_H
#define H2BOX_APPLETS_PROXY_PROXYING_H

#include "applets/common/log_writer.h"
#include "applets/proxy/entrance.h"
#include "applets/proxy/generation.h"
#include "core/date.h"

#include <stdatomic.h>

typedef struct proxy proxy;
typedef struct front front;

struct proxying {
    /* Of the main thread. */
    proxying *next;
    worker *thread;
    unsigned index;       /* among those that are to stay */
    bool leaving;         /* was told to leave, or to stop */
    doors_order *written; /* not sent yet */

    proxy *proxy;
    loop *loop;
    generation *now;              /* what new connections and requests begin under */
    _Atomic(doors_order *) order; /* to take its place (proxying_take_order) */
    entrances entrances;
    front *fronts;            /* client connections */
    size_t front_count;       /* and those whose handshake is under way */
    quota *quota;             /* of all of them together */
    uint32_t by_high, by_low; /* of its obfuscated name */
    rewritten rewritten;
    log_writer *logs[PLAN_LOGS]; /* NULL: there is none */
    log_writer *retired_logs; /* of files that a reload has replaced, until they are written out */
    int64_t date_at;
    uint8_t date[DATE_LENGTH];
    timer drain_limit;
    timer stays; /* keeps the loop where no address is this worker's */
    bool draining;
    atomic_bool ended; /* its loop takes no more letters */
};

/* Main thread: before it starts, with what it is to serve first, which it takes over. */
void proxying_init(proxying *w, proxy *x, unsigned index, doors_order *first);

/* Gives it what it is to serve next, in place of what it has not yet taken. */
void proxying_order(proxying *w, doors_order *next);

/* For worker_start; user is the worker. */
bool proxying_start(void *user, unsigned index, loop *l);
void proxying_end(void *user, unsigned index, loop *l);

/* Letters to a worker's loop; user is its proxying. */
void proxying_leave(void *user); /* takes no more connections; those there are end in their time */
void proxying_drain(void *user); /* the same, and they end with what runs on them */
void proxying_cut(void *user);   /* ends those that there are */
void proxying_stop(void *user);  /* both */
void proxying_take_order(void *user);

/* Posts a letter that must arrive: memory may be short just now. A loop that has ended takes none:
 * then it is false. */
bool proxying_post(loop *l, void (*fn)(void *user), void *user);

uint32_t proxying_next_id(proxying *w); /* of connections, in the frame log; the process's */
span proxying_date(proxying *w);        /* of now, for Date; good for this turn */

/* A client connection has ended. */
void proxying_left(proxying *w);

#endif
