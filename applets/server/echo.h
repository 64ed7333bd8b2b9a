/* What a client uploads goes back to it, as it comes (--echo-upload).
 *
 * Pieces are copied and wait for the client to read: so much as its stream's window lets through,
 * for credit is given only when they are written. */
#ifndef H2BOX_APPLETS_SERVER_ECHO_H
#define H2BOX_APPLETS_SERVER_ECHO_H

#include "applets/server/exchange.h"

typedef struct echo echo;

/* Answers a request that may still be uploading. */
void echo_begin(site *s, net_link *k, const http_event *ev);

/* DATA and TRAILERS of a request that has an echo. */
void echo_take(exchange *r, const http_event *ev);

/* The stream is gone; NULL is nothing. */
void echo_end(echo *e);

#endif
