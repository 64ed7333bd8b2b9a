/* One client: a connection, those that follow when it ends, and the requests that go over it.
 *
 * It belongs to its crew. It begins requests as long as it has any left, there is room for them and
 * they are due, and settles each once: answered, timed out or lost. Decides what follows when the
 * connection ends. */
#ifndef H2BOX_APPLETS_LOAD_LANE_H
#define H2BOX_APPLETS_LOAD_LANE_H

#include "applets/load/crew.h"

/* One request on its way. */
typedef struct shot {
    struct shot *next, *prev; /* of its lane, oldest first */
    uint64_t due_us, sent_us;
    http_ref ref;
    uint32_t request; /* in the workload */
    uint16_t status;
    uint8_t tries; /* times it was sent */
    bool measured, settled, ended;
} shot;

typedef struct lane {
    crew *crew;
    net_link *link;
    dial *dial;
    shot *oldest, *newest;
    uint64_t left;  /* requests to begin; UINT64_MAX: no end */
    uint64_t begun; /* since paced_us: tells what is due when */
    uint64_t paced_us;
    uint64_t wake_us;
    uint64_t born_us, dialled_us;
    uint64_t active_us; /* the last byte from the peer, or the last request that was sent */
    uint64_t finished;
    template_dice dice;
    shot *again;               /* to be sent once more: the server did not process them */
    timer watch;               /* for limits of time, or until the next attempt to connect */
    const char *why;           /* the connection failed */
    uint32_t index;            /* among all lanes of the run */
    uint32_t running, on_link; /* requests: now, and since the connection was made */
    uint32_t next;             /* in the workload */
    uint32_t heap_at;          /* in crew.due, from 1 on; 0: not in it */
    uint8_t failures;          /* connections in a row that came to nothing */
    bool http1, goaway, closing, first_byte_seen, answered, timed_out, ended;
} lane;

/* Connects. */
void lane_begin(lane *l);

/* Begins what is due and has room; ends the connection when nothing is left. */
void lane_fill(lane *l);

/* Drops what is under way. */
void lane_stop(lane *l);

#endif
