/* One plan with a worker's pool for it.
 *
 * Connections and requests that began under it hold it, so that a reload takes nothing from them.
 * Counted by its worker alone. */
#ifndef H2BOX_APPLETS_PROXY_GENERATION_H
#define H2BOX_APPLETS_PROXY_GENERATION_H

#include "applets/proxy/pool.h"

typedef struct generation {
    plan *plan;
    pool *pool; /* NULL: no request begins under it any more */
    unsigned holds;
} generation;

/* Takes the hold of p over. `of` comes back in calls->say. NULL: no memory. */
generation *generation_new(loop *l, plan *p, const pool_calls *calls, void *of);
generation *generation_hold(generation *g);
void generation_drop(generation *g);

/* No request begins under it any more; those that run go on. Drops the caller's hold. */
void generation_retire(generation *g);

/* The same at the end of a loop: its connections are closed. NULL is nothing. */
void generation_end(generation *g);

#endif
