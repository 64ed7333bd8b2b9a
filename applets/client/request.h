/* Requests: made of what a person typed or a page named, compared, told about, freed. */
#ifndef H2BOX_APPLETS_CLIENT_REQUEST_H
#define H2BOX_APPLETS_CLIENT_REQUEST_H

#include "applets/client/client.h"

/* A request for ref, resolved against base (NULL: ref is absolute). NULL with the reason. */
request *request_new(const uri *base, span ref, const char **why);

/* A request for what a person typed, which may begin with ws:// or wss:// too: http or https, as a
 * WebSocket. */
request *request_typed(const char *typed, const char **why);

/* Frees a list by next. */
void request_free(request *r);

/* Appends r to the run's list of what is to be done. */
void request_queue(client_run *run, request *r);

/* Whether both go to the same scheme, host and port. */
bool request_same_origin(const uri *a, const uri *b);

/* "ABOUT: WHY" on stderr; what a server may have had a hand in shows no control bytes. */
void request_say(const client_run *run, span about, const char *between, span why);

#endif
