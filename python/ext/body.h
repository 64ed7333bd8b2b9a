/* A body that Python gives piece by piece: a queue of bytes objects, lent to the core as they are.
 *
 * It holds a reference to each piece until the core has written it, and never copies one. */
#ifndef H2BOX_PYTHON_EXT_BODY_H
#define H2BOX_PYTHON_EXT_BODY_H

#include "python/ext/binding.h"

/* A body is full with so many bytes, and has room again at half of it: two windows of a stream. */
#define BODY_FULL 131072u

typedef struct body {
    PyObject **at; /* exact bytes, none of them empty; at[first] is the oldest */
    uint32_t first, count, room;
    uint32_t next;      /* the piece that is lent next, counted from first */
    uint64_t next_from; /* where it begins */
    uint64_t freed;     /* bytes that have come back */
    uint64_t first_end; /* where the oldest piece ends */
    size_t queued;      /* bytes that have not come back */
    bool ended;
} body;

/* Adds a piece (exact bytes). False when memory is refused. */
bool body_put(body *b, PyObject *piece);

/* What http_body_ops.pull does. */
http_pull body_pull(body *b, uint64_t offset, size_t want, span *lent);

/* What http_body_ops.done does. */
void body_done(body *b, size_t n);

/* Drops what is left. */
void body_end(body *b);

#endif
