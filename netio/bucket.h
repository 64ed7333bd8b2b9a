/* A token bucket of bytes: it fills at a rate up to a burst, and what was taken beyond that is
 * owed. Arithmetic alone: who draws from it, and who waits, is not its business. */
#ifndef H2BOX_NETIO_BUCKET_H
#define H2BOX_NETIO_BUCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bucket {
    uint32_t rate;         /* bytes a second; 0: no limit */
    int64_t burst, tokens; /* thousandths of bytes: what a millisecond brings is whole */
    int64_t least;         /* tokens that are worth a system call */
    uint64_t at_ms;
} bucket;

/* Full. A burst of 0 is a second's worth. */
void bucket_init(bucket *b, uint32_t rate, uint32_t burst, uint64_t now_ms);

/* Bytes that may pass now; 0: not before bucket_due. SIZE_MAX: no limit. */
size_t bucket_room(bucket *b, uint64_t now_ms);
void bucket_take(bucket *b, size_t n);
void bucket_give(bucket *b, size_t n); /* of what was taken */

static inline bool bucket_is_dry(const bucket *b) { return b->rate && b->tokens < b->least; }

/* When there is room again, for who has found none; UINT64_MAX: there is no limit. */
uint64_t bucket_due(const bucket *b);

#endif
