/* Bytes made for answers, shared by all who send them: a coded file, a listing.
 *
 * They are malloc's, so a job on another thread can make them; they are counted on one loop. */
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

/* A body of all its bytes, with a reference of its own. */
http_body blob_body(blob *b);

#endif
