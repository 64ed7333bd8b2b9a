/* How fast one link may read and write, and how fast its peer must read: token buckets, and a time
 * that bytes buy. Arithmetic alone; the link asks it, and only links that have one. */
#ifndef H2BOX_NETIO_METER_H
#define H2BOX_NETIO_METER_H

#include "netio/net.h"

/* Fills at `rate` bytes a second up to `burst`. What was taken beyond that is owed. */
typedef struct meter_bucket {
    uint32_t rate;         /* 0: no limit */
    int64_t burst, tokens; /* thousandths of bytes: what a millisecond brings is whole */
    int64_t least;         /* tokens that are worth a system call */
    uint64_t at_ms;
} meter_bucket;

typedef struct meter {
    meter_bucket read, write;
    uint32_t least_rate, grace_ms, most_ms; /* of a peer's reading; 0: none */
    uint64_t slow_due;                      /* when a peer is too slow; 0: it is not waited for */
} meter;

void meter_init(meter *m, const link_rates *r, uint64_t now_ms);

/* Bytes that may pass now; 0: not before meter_due. SIZE_MAX: no limit. */
size_t meter_room(meter_bucket *b, uint64_t now_ms);
void meter_take(meter_bucket *b, size_t n);

static inline bool meter_is_dry(const meter_bucket *b) { return b->tokens < b->least; }

/* When there is room again, for who has found none; UINT64_MAX: there is no limit. */
uint64_t meter_due(const meter_bucket *b);

/* The socket has taken n bytes, and is full after that or not. */
void meter_note(meter *m, size_t n, bool full, uint64_t now_ms);

#endif
