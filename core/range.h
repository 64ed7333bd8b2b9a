/* The Range field (RFC 9110 section 14.2): which bytes of a representation are asked for.
 *
 * Pure text and numbers. How parts are sent, and If-Range, are others' business. */
#ifndef H2BOX_CORE_RANGE_H
#define H2BOX_CORE_RANGE_H

#include "core/bytes.h"
#include "core/limits.h"

typedef struct range {
    uint64_t first, length; /* length is never 0 */
} range;

typedef enum range_result {
    RANGE_NONE,         /* no ranges that we obey: the whole is to be sent */
    RANGE_PARTS,        /* count of them, at least one */
    RANGE_UNSATISFIABLE /* 416 */
} range_result;

/* Reads a field value for a representation of `size` bytes. Ranges keep their order; those that
 * overlap or touch become one (section 14.2 allows it). Ignored, as section 14.2 allows: other
 * units, what is no range-set, more than LIMIT_RANGES ranges, several that together are no less
 * than the whole, and any range of an empty representation, whose Content-Range could not be
 * written. */
range_result range_parse(span value, uint64_t size, range parts[LIMIT_RANGES], size_t *count);

#endif
