/* How a run went over time: slices of equal length, each with what was done in it.
 *
 * Workers add what they counted several times a second; slices are as short as that and join in
 * pairs when there are too many of them, so a run of any length has at most SERIES_SLICES and loses
 * only sharpness. Times in a slice are kept in a coarse histogram (an eighth of a power of two).
 * Shared by threads: its own lock is inside. */
#ifndef H2BOX_APPLETS_LOAD_SERIES_H
#define H2BOX_APPLETS_LOAD_SERIES_H

#include "applets/load/histogram.h"

#include <pthread.h>

#define SERIES_SLICES   600u
#define SERIES_FIRST_US UINT64_C(100000) /* length of a slice, to begin with */

/* What was done in a time. */
typedef struct series_slice {
    uint64_t done, errors, bytes;
    uint32_t at[HISTOGRAM_COARSE]; /* times of requests */
} series_slice;

typedef struct series {
    pthread_mutex_t lock;
    uint64_t start_us; /* of loop_now_us */
    uint64_t slice_us;
    uint32_t count;       /* slices begun */
    series_slice *slices; /* SERIES_SLICES of them */
} series;

bool series_begin(series *s, uint64_t start_us);
void series_end(series *s);

/* Adds what was counted up to now_us since the last time, and clears it. */
void series_add(series *s, uint64_t now_us, series_slice *counted);

/* All slices again from nothing: the run is measured from here on. */
void series_restart(series *s, uint64_t start_us);

/* Sum of slices i to j (not j); for the caller alone, when workers have ended, or under the lock.
 */
void series_sum(const series *s, uint32_t i, uint32_t j, series_slice *sum);

/* The time that a part of a slice's requests lies below, in microseconds; 0 when there is none. */
uint64_t series_quantile(const series_slice *slice, double part);

#endif
