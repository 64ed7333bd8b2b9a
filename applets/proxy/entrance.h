/* The sockets that a worker listens on, each for one frontend of its plan.
 *
 * A reload keeps those that stay the worker's: nobody who waits in their queues is lost. */
#ifndef H2BOX_APPLETS_PROXY_ENTRANCE_H
#define H2BOX_APPLETS_PROXY_ENTRANCE_H

#include "applets/proxy/doors.h"

typedef struct proxying proxying;

typedef struct entrance {
    proxying *worker;
    listener *listener;            /* NULL: it could not be opened */
    unsigned id;                   /* of its door */
    const plan_frontend *frontend; /* of the worker's generation */
} entrance;

typedef struct entrances {
    entrance **v; /* each stays where it is: listeners know it */
    size_t count;
} entrances;

#define ENTRANCE_NO_MEMORY SIZE_MAX /* nothing has changed */

/* Listens at the doors of the order beside what is open, and closes what is not among them. Returns
 * how many of them are listened at; *why tells of one that is not. */
size_t entrance_arrange(entrances *all, proxying *w, doors_order *o, const char **why);

void entrance_close_all(entrances *all); /* with handshakes that are under way */
void entrance_leave_all(entrances *all); /* these go on */

/* Whether two addresses are one, for a listener. */
bool entrance_same(const listen_address *a, const listen_address *b);

#endif
