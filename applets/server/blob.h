/* Bytes made for answers, shared by all who send them: a coded file, a listing.
 *
 * They are malloc's, so a job on another thread can make the bytes; a blob belongs to one loop. */
#ifndef H2BOX_APPLETS_SERVER_BLOB_H
#define H2BOX_APPLETS_SERVER_BLOB_H

#include "core/http.h"

typedef struct blob {
    uint32_t refs;
    span bytes;
} blob;

/* Takes the bytes over, with one reference; NULL when memory is refused, and they are freed. */
blob *blob_new(span bytes);
blob *blob_hold(blob *b);
void blob_drop(blob *b); /* NULL is nothing */

/* Whether there is room for one more in the worker whose thread asks (LIMIT_BLOB_BYTES): who asks
 * and does not read keeps what was made for it. */
bool blob_room(void);

/* A body of all its bytes, with a reference of its own. */
http_body blob_body(blob *b);

#endif
