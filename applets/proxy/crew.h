/* The workers that there are: as many as the configuration asks for, and those that leave. Main
 * thread.
 *
 * A worker that is too many takes no more connections; it goes on until those that it has are over,
 * and is told of new configurations meanwhile. */
#ifndef H2BOX_APPLETS_PROXY_CREW_H
#define H2BOX_APPLETS_PROXY_CREW_H

#include "applets/proxy/proxying.h"

typedef struct crew {
    proxying *first; /* those whose loops run */
    proxying *over;  /* whose threads end by themselves */
    unsigned count;  /* of those that stay */
} crew;

/* From now on n workers serve the plan at these doors, once they have come to it; the first ones
 * when it returns. False with *why: all is as it was, or, of the first ones, they stop. */
bool crew_serve(proxy *x, plan *p, const doors *all, unsigned n, const char **why);

/* Posts a letter to all. */
void crew_tell(proxy *x, void (*fn)(void *user));

/* A letter from a worker whose loop ends; the last one ends the main loop, too. */
void crew_ended(void *user);

/* Waits for threads that are about to end. */
void crew_join(proxy *x);

#endif
