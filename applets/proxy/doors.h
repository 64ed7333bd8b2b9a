/* The sockets that the process listens on, and which worker has which. Main thread.
 *
 * An address has a socket for each worker (SO_REUSEPORT), so that the system spreads connections.
 * They are never closed while their address stays: who waits in their queues would be lost. When
 * there are fewer workers some have several, when there are more some may be shared. Workers are
 * handed descriptors of their own. */
#ifndef H2BOX_APPLETS_PROXY_DOORS_H
#define H2BOX_APPLETS_PROXY_DOORS_H

#include "applets/proxy/plan.h"

typedef struct door {
    listen_address address; /* with its descriptor */
    unsigned id;            /* the same as long as it is the same socket */
    unsigned among, all;    /* 0, 1 ... of so many of its address */
    unsigned frontend;      /* of the plan */
} door;

typedef struct doors {
    door *v;
    size_t count;
    unsigned last_id;
} doors;

/* What a worker is to serve next. */
typedef struct doors_order {
    plan *plan; /* held */
    size_t count;
    door v[]; /* descriptors of its own, -1 for one that was taken over */
} doors_order;

/* Sockets for all addresses of a plan: those of `now` that it names, and new ones, which do not
 * listen yet. False with *why and the frontend it is about, and nothing has changed. */
bool doors_open(doors *next, const doors *now, const plan *p, loop *l, unsigned *frontend,
                const char **why);

/* next takes the place of now: what it does not have is closed. */
void doors_replace(doors *now, doors *next);

/* next is given up: what now does not have is closed. */
void doors_abandon(doors *next, const doors *now);

/* Of all doors those of the worker `index` of that many; none with 0 workers. Holds the plan. NULL:
 * no memory or descriptors. */
doors_order *doors_order_new(const doors *all, plan *p, unsigned index, unsigned workers);
void doors_order_drop(doors_order *o); /* NULL is nothing */

#endif
