/* What the links of a loop may read and write together: a bucket each way, and the line of those
 * who found it dry.
 *
 * A link draws from the bucket as it comes, until that is dry or others wait: then it stands in
 * line, and is touched when its turn has come, with a share that is its own for one pass of the
 * flush. What it leaves of that goes back. So those who want little need not wait for those who
 * want much, and nobody asks twice for nothing. One thread's alone; the face for applets, quota_new
 * and what follows it, is in net.h. */
#ifndef H2BOX_NETIO_QUOTA_H
#define H2BOX_NETIO_QUOTA_H

#include "netio/bucket.h"
#include "netio/net.h"

typedef struct quota_way {
    loop *loop;
    bucket bucket;
    struct quota_seat *first, **last; /* the line */
    size_t waiting;
    timer due; /* armed while anybody waits */
} quota_way;

struct quota {
    quota_way read, write;
};

/* One link's place at one way. */
typedef struct quota_seat {
    quota_way *way;                  /* NULL: no quota */
    struct quota_seat *next, **prev; /* in the line; prev NULL: it does not wait */
    net_link *link;
    size_t share; /* bytes kept for it, until quota_settle */
} quota_seat;

/* Zeroed before. A way of NULL is none, and has room without end. */
void quota_sit(quota_seat *s, quota_way *w, net_link *k);

/* Bytes that it may take now; 0: it stands in line, and the link will be touched. SIZE_MAX: no
 * limit. */
size_t quota_room(quota_seat *s, uint64_t now_ms);
void quota_take(quota_seat *s, size_t n);

/* The pass that its share was for is over. */
void quota_settle(quota_seat *s);
void quota_leave(quota_seat *s); /* as it was before quota_sit */

/* Gives those in line what there is, the first ones first; what the timer does. */
void quota_serve(quota_way *w, uint64_t now_ms);

#endif
