/* One worker of the load generator: its lanes, its clock, its tally, and when things are due.
 *
 * A crew belongs to the thread of its loop; only crew_stop is called by others, through the loop's
 * mailbox. It opens lanes, wakes those whose requests are due, begins and ends the time that is
 * measured, and ends when no lane has anything left to do. */
#ifndef H2BOX_APPLETS_LOAD_CREW_H
#define H2BOX_APPLETS_LOAD_CREW_H

#include "applets/load/load.h"

struct lane;
struct shot;

typedef struct crew {
    const load_run *run;
    loop *loop;
    unsigned index;
    tally *tally;
    series_slice slice; /* of the time up to slice_end_us */
    uint64_t slice_end_us;
    struct lane *lanes;
    uint32_t lane_count, live, opened;
    struct lane **due; /* a heap: those that wait for a moment, the earliest first */
    uint32_t due_count;
    struct shot *spare;        /* not in use */
    struct shot_chunk *chunks; /* all of them */
    uint64_t now_us;           /* when the bytes that are being looked at came */
    uint64_t open_us;          /* --rate: when the next lane is to be opened; 0: none is */
    uint64_t phase_us;         /* when warm-up or the time of the run ends; 0: never */
    uint64_t measured_from_us, measured_to_us;
    uint64_t first_sent_us, last_sent_us;
    uint64_t numbers; /* requests begun, for ${n} */
    bool measuring, stopping;
    timer tick;
    http_field *fields; /* of a request whose values vary, and their bytes */
    uint8_t *values;
    uint8_t *log; /* lines of --log-file that are still to be written */
    size_t log_n;
} crew;

/* Makes the crew of worker `index` and begins. NULL when memory is refused. */
crew *crew_new(const load_run *run, unsigned index, loop *l);

/* No lane is running. What is left of the log is written. */
void crew_free(crew *c);

/* Time is up, or somebody has had enough: nothing begins any more, what is under way is dropped. */
void crew_stop(crew *c);

/* Wakes a lane at a moment: lane_fill is called then. */
void crew_wake_at(crew *c, struct lane *l, uint64_t due_us);
void crew_forget(crew *c, struct lane *l); /* takes that back */

/* A lane has nothing left to do. */
void crew_lane_ended(crew *c, struct lane *l);

/* A line of --log-file. */
void crew_log(crew *c, uint64_t sent_us, int status, uint64_t us);

struct shot *crew_take_shot(crew *c);
void crew_give_shot(crew *c, struct shot *s);

/* Gives what was counted in the slice of time that is over to the series. */
void crew_end_slice(crew *c);

static inline void crew_look_at_clock(crew *c) {
    c->now_us = loop_now_us();
    if (c->now_us >= c->slice_end_us) crew_end_slice(c);
}

#endif
