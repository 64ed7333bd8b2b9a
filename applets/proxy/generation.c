#include "applets/proxy/generation.h"

#include <stdlib.h>

generation *generation_new(loop *l, plan *p, const pool_calls *calls, void *of) {
    generation *g = calloc(1, sizeof *g);
    pool *made = g ? pool_new(l, p, calls, of) : NULL;
    if (!made) {
        plan_drop(p);
        free(g);
        return NULL;
    }
    *g = (generation){.plan = p, .pool = made, .holds = 1};
    return g;
}

generation *generation_hold(generation *g) {
    g->holds++;
    return g;
}

void generation_drop(generation *g) {
    if (--g->holds) return;
    plan_drop(g->plan);
    free(g);
}

void generation_retire(generation *g) {
    pool_retire(g->pool);
    g->pool = NULL;
    generation_drop(g);
}

void generation_end(generation *g) {
    if (!g) return;
    pool_free(g->pool);
    g->pool = NULL;
    generation_drop(g);
}
