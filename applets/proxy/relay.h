/* A request on its way: from a client's stream to a stream of a backend, and the answer back.
 *
 * It owns a copy of the request's fields, until the end, since it may have to be sent again and is
 * logged; a pipe for the content of either direction; and its place in the pool while it waits. It
 * lives while anybody may call it: the client's stream, the backend's, the bodies that their
 * sessions have, the pool. A request is sent again only when it surely was not acted upon (RFC 9110
 * section 9.2.2, RFC 9112 section 9.3.1, RFC 9113 section 8.7), and before any content of it has
 * left. */
#ifndef H2BOX_APPLETS_PROXY_RELAY_H
#define H2BOX_APPLETS_PROXY_RELAY_H

#include "applets/proxy/front.h"

/* A request that a client sends, within its event. Answers it, or relays it. */
void relay_begin(front *f, const http_event *ev);

/* One that is wrong as it came: it gets a page and its line in the log, and goes nowhere. */
void relay_refused(front *f, const http_event *ev);

/* What the pool tells; for pool_new. */
extern const pool_calls relay_pool_calls;

#endif
