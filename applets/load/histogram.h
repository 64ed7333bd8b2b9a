/* Times as a histogram that keeps them all: 1 microsecond to 60 seconds, three significant digits.
 *
 * Up to 2,047 us each microsecond has a bucket; above, every power of two has 1,024, so a time is
 * off by a thousandth at most. What is beyond the last bucket counts in it, and stays exact as the
 * maximum. Counts add up, so histograms of threads and of machines merge without loss. No
 * allocation, no cap on samples. */
#ifndef H2BOX_APPLETS_LOAD_HISTOGRAM_H
#define H2BOX_APPLETS_LOAD_HISTOGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_MOST_US UINT64_C(60000000)
#define HISTOGRAM_HALF    1024u /* buckets in a power of two: 10 bits are three digits */
#define HISTOGRAM_BUCKETS (17u * HISTOGRAM_HALF)

/* A coarse one of the same shape: this many buckets are one of its own. */
#define HISTOGRAM_COARSE_SHIFT 7u
#define HISTOGRAM_COARSE       (HISTOGRAM_BUCKETS >> HISTOGRAM_COARSE_SHIFT)

typedef struct histogram {
    uint64_t count, min, max; /* microseconds; min is 0 when there is none */
    double sum, squares;
    uint64_t at[HISTOGRAM_BUCKETS];
} histogram;

/* The bucket of a time. */
static inline uint32_t histogram_bucket(uint64_t us) {
    if (us > HISTOGRAM_MOST_US) us = HISTOGRAM_MOST_US;
    if (us < 2 * HISTOGRAM_HALF) return (uint32_t)us;
    unsigned shift = 53u - (unsigned)__builtin_clzll((unsigned long long)us);
    return HISTOGRAM_HALF * shift + (uint32_t)(us >> shift);
}

/* The least and the greatest time that share a bucket. */
uint64_t histogram_lowest(uint32_t bucket);
uint64_t histogram_highest(uint32_t bucket);

/* Counts a time and returns its bucket. */
static inline uint32_t histogram_add(histogram *h, uint64_t us) {
    uint32_t bucket = histogram_bucket(us);
    if (us < h->min || !h->count) h->min = us;
    if (us > h->max) h->max = us;
    h->count++;
    h->sum += (double)us;
    h->squares += (double)us * (double)us;
    h->at[bucket]++;
    return bucket;
}

void histogram_merge(histogram *into, const histogram *from);

/* The time that a part of all (0 to 1) lies at or below: the greatest of its bucket, but never over
 * the maximum. 0 when there is none. */
uint64_t histogram_quantile(const histogram *h, double part);

double histogram_mean(const histogram *h);
double histogram_deviation(const histogram *h); /* of a sample: over n - 1 */

/* The part, 0 to 1, that lies within one deviation of the mean, to the width of a bucket. */
double histogram_within(const histogram *h);

#endif
