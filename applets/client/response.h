/* A response as it comes: its coding is undone, it is read for what it needs, saved or printed. */
#ifndef H2BOX_APPLETS_CLIENT_RESPONSE_H
#define H2BOX_APPLETS_CLIENT_RESPONSE_H

#include "applets/client/client.h"

/* The final response begins. NULL, or why the request has failed. */
const char *response_begin(request *r, const http_event *ev);

/* Bytes of its body. NULL, or why the request has failed. */
const char *response_take(request *r, span bytes);

/* Closes what the response needed. why is NULL when all of it came; returns why it is not complete
 * after all, or NULL. Without a response it does nothing. */
const char *response_end(request *r, const char *why);

#endif
