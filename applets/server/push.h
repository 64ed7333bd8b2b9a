/* What is pushed with an answer (--push). */
#ifndef H2BOX_APPLETS_SERVER_PUSH_H
#define H2BOX_APPLETS_SERVER_PUSH_H

#include "applets/server/site.h"

/* Promises, and answers, what belongs to the request's path, decoded in `name`, if its client takes
 * pushes. Before the request itself is answered. */
void push_all(site *s, net_link *k, const http_event *ev, span name);

#endif
