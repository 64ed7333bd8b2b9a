/* A worker of the proxy: what it shares with nobody, and what its requests ask of it.
 *
 * proxy.c starts and ends it on the main thread; front.c is a client's connection, relay.c a
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
    proxy *proxy;
    loop *loop;
    unsigned index;
    generation *now;           /* what new connections and requests begin under */
    _Atomic(plan *) next_plan; /* held; to take its place (proxying_take_plan) */
    entrances entrances;
    front *fronts;            /* client connections */
    size_t front_count;       /* and those whose handshake is under way */
    uint32_t by_high, by_low; /* of its obfuscated name */
    rewritten rewritten;
    log_writer *log;          /* NULL: no access log */
    log_writer *retired_logs; /* of files that a reload has replaced, until they are written out */
    int64_t date_at;
    uint8_t date[DATE_LENGTH];
    timer drain_limit;
    timer stays; /* keeps the loop where no address is this worker's */
    bool draining;
    atomic_bool ended; /* its loop takes no more letters */
};

/* For worker_start; user is the proxy. */
bool proxying_start(void *user, unsigned index, loop *l);
void proxying_end(void *user, unsigned index, loop *l);

/* Letters to a worker's loop; user is its proxying. */
void proxying_drain(void *user); /* takes no more connections */
void proxying_cut(void *user);   /* ends those that there are */
void proxying_stop(void *user);  /* both */
void proxying_take_plan(void *user);

/* Posts a letter that must arrive: memory may be short just now. A loop that has ended takes none:
 * then it is false. */
bool proxying_post(loop *l, void (*fn)(void *user), void *user);

uint32_t proxying_next_id(proxying *w); /* of connections, in the frame log; the process's */
span proxying_date(proxying *w);        /* of now, for Date; good for this turn */

/* A client connection has ended. */
void proxying_left(proxying *w);

#endif
