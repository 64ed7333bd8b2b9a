/* How fast one link may read and write, by itself and together with others, and how fast its peer
 * must read: token buckets, its seats at a quota, and a time that bytes buy. The link asks it, and
 * only links that have one. */
#ifndef H2BOX_NETIO_METER_H
#define H2BOX_NETIO_METER_H

#include "netio/quota.h"

typedef struct meter_way {
    bucket own;
    quota_seat seat;
} meter_way;

typedef struct meter {
    meter_way read, write;
    uint32_t least_rate, grace_ms, most_ms; /* of a peer's reading; 0: none */
    uint64_t slow_due;                      /* when a peer is too slow; 0: it is not waited for */
} meter;

/* r may be NULL, and q. */
void meter_init(meter *m, const link_rates *r, quota *q, net_link *k, uint64_t now_ms);
void meter_end(meter *m);

/* Bytes that may pass now; 0: not before meter_due, or before the quota touches the link. SIZE_MAX:
 * no limit. */
size_t meter_room(meter_way *w, uint64_t now_ms);
void meter_take(meter_way *w, size_t n);

/* When there is room again as far as the link's own limit goes, for who has found none; UINT64_MAX:
 * it is not that which is waited for. */
uint64_t meter_due(const meter_way *w);

/* One pass of the flush is over. */
void meter_settle(meter *m);

/* The socket has taken n bytes, and is full after that or not. */
void meter_note(meter *m, size_t n, bool full, uint64_t now_ms);

#endif
