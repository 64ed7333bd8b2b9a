/* What was counted: by one worker while it runs, and by all of them, and by several machines, once
 * they are merged.
 *
 * A tally has one owner at a time; it is large (five histograms), so it lives on the heap. Not
 * here: what it is printed as (block.h, record.h), nor when something counts (lane.h). */
#ifndef H2BOX_APPLETS_LOAD_TALLY_H
#define H2BOX_APPLETS_LOAD_TALLY_H

#include "applets/load/histogram.h"

/* Why connections and requests failed: kinds that are told apart, the rest is one more. */
#define TALLY_REASONS     24u
#define TALLY_REASON_ROOM 96u

typedef struct tally_reason {
    uint64_t count;
    char text[TALLY_REASON_ROOM];
} tally_reason;

typedef struct tally {
    /* requests: h2load's words. failed = errored + those with a status other than 2xx and 3xx */
    uint64_t total, started, done, succeeded, failed, errored, timed_out;
    uint64_t status[6];                                 /* by hundreds; 0: none */
    uint64_t bytes, head_bytes, head_plain, data_bytes; /* received */
    uint64_t connections;                               /* made, handshake included */
    uint64_t connect_failed;
    uint64_t after_goaway, after_close, after_error, planned; /* reconnects, by what they follow */
    uint64_t resent;           /* requests sent again, since the server did not process them */
    uint64_t unanswered;       /* on their way when time was up, or the run was interrupted */
    uint64_t late_connections; /* with --rate and --duration: not opened, for --clients were open */
    bool paced;                /* there was a rate: `request` runs from when a request was due */
    histogram request, sent;   /* sent: from when it was sent; only when paced */
    histogram connect, first_byte;
    double *rates; /* requests per second, one for each connection that was used */
    size_t rate_count, rate_room;
    tally_reason reasons[TALLY_REASONS];
    uint32_t reason_count;
} tally;

tally *tally_new(void); /* NULL when memory is refused */
void tally_free(tally *t);

/* False when memory is refused: only rates may be missing then. */
bool tally_merge(tally *into, const tally *from);
bool tally_add_rate(tally *t, double rate);

/* One more failure of a kind; text is copied. */
void tally_blame(tally *t, const char *text, uint64_t count);

#endif
