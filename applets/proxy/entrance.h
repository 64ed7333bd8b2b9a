/* The sockets that a worker listens on, each for one frontend of its plan.
 *
 * A reload keeps the sockets of addresses that stay: nobody who waits in their queues is lost. */
#ifndef H2BOX_APPLETS_PROXY_ENTRANCE_H
#define H2BOX_APPLETS_PROXY_ENTRANCE_H

#include "applets/proxy/plan.h"

typedef struct proxying proxying;

typedef struct entrance {
    proxying *worker;
    listener *listener; /* NULL: another worker's, or it could not be opened */
    listen_address address;
    const plan_frontend *frontend; /* of the worker's generation */
} entrance;

typedef struct entrances {
    entrance **v; /* each stays where it is: listeners know it */
    size_t count;
} entrances;

#define ENTRANCE_NO_MEMORY SIZE_MAX /* nothing has changed */

/* Opens what the plan asks for beside what is open, and closes what it does not ask for. Returns
 * how many addresses of the plan are listened on, by whatever worker; *why tells of one that is
 * not. */
size_t entrance_arrange(entrances *all, proxying *w, const plan *p, const char **why);

void entrance_close_all(entrances *all);

/* Whether two addresses are one, for a listener. */
bool entrance_same(const listen_address *a, const listen_address *b);

#endif
