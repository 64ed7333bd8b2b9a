/* The result of a run, as it is printed, written, merged and compared. */
#ifndef H2BOX_APPLETS_LOAD_RESULT_H
#define H2BOX_APPLETS_LOAD_RESULT_H

#include "applets/load/facts.h"
#include "applets/load/load.h"

#define RESULT_TEXT 256u

typedef struct result {
    tally *tally;
    series series;
    uint64_t measured_us;
    double rate_asked, rate_held; /* requests per second; 0: there was no rate */
    int64_t start_unix_us;
    uint64_t clients, threads, streams, machines;
    char target[RESULT_TEXT];
    char protocol[16], tls[16], cipher[64], group[32];
    bool interrupted;
} result;

/* Empty. False when memory is refused; result_end is owed in either case. */
bool result_begin(result *r);
void result_end(result *r);

/* Runs side by side, or one after the other, as one: counts add up, the longest time counts. False
 * when memory is refused. */
bool result_merge(result *into, const result *from);

static inline double result_seconds(const result *r) { return (double)r->measured_us / 1e6; }

/* Requests per second that succeeded; bytes per second. */
double result_rate(const result *r);
double result_speed(const result *r);

/* Of bytes of names and values, the part that HPACK saved; 0 to 1. */
double result_saved(const result *r);

/* Minimum, maximum, mean and so on of the requests per second of each client. */
typedef struct result_rates {
    double min, max, mean, deviation, within, median, p95, p99;
} result_rates;
result_rates result_client_rates(const result *r);

#endif
