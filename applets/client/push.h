/* Responses that a server sends unasked (RFC 9113 section 8.4). */
#ifndef H2BOX_APPLETS_CLIENT_PUSH_H
#define H2BOX_APPLETS_CLIENT_PUSH_H

#include "applets/client/fetch.h"

/* Takes a promise, or refuses its stream: of another authority, or too many. */
void push_take(fetch *f, const http_event *ev);

#endif
