/* The exchanges of a run as HTTP Archive 1.2, for browsers' developer tools and others that read
 * it.
 *
 * An entry grows with its exchange: sent, answered, done; the archive is written once, at the end.
 * What memory refuses is left out. */
#ifndef H2BOX_APPLETS_CLIENT_HAR_H
#define H2BOX_APPLETS_CLIENT_HAR_H

#include "applets/client/client.h"

typedef struct har har;
typedef struct har_entry har_entry;

har *har_new(const client_run *run);

/* r is sent, or was promised, with these fields; connect_us is what dialling its connection took
 * when it is the first on it, else 0. A request that is sent again begins anew. */
void har_request(har *h, request *r, const http_field *f, size_t n, uint64_t connect_us);

/* The final response began. NULL is nothing. */
void har_response(har_entry *e, const request *r, const http_field *f, size_t n);

/* r is done, or has failed for why; its entry goes into the archive. */
void har_done(har *h, request *r, const char *why);
void har_forget(har_entry *e);

/* Writes it to a file, or to stdout for "-". NULL, or what went wrong. */
const char *har_write(har *h, const char *path);
void har_free(har *h);

#endif
