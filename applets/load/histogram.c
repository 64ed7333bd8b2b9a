#include "applets/load/histogram.h"

#include <math.h>

uint64_t histogram_lowest(uint32_t bucket) {
    if (bucket < 2 * HISTOGRAM_HALF) return bucket;
    unsigned shift = bucket / HISTOGRAM_HALF - 1;
    return (uint64_t)(bucket - HISTOGRAM_HALF * shift) << shift;
}

uint64_t histogram_highest(uint32_t bucket) {
    if (bucket < 2 * HISTOGRAM_HALF) return bucket;
    unsigned shift = bucket / HISTOGRAM_HALF - 1;
    return histogram_lowest(bucket) + (UINT64_C(1) << shift) - 1;
}

void histogram_merge(histogram *into, const histogram *from) {
    if (!from->count) return;
    if (!into->count || from->min < into->min) into->min = from->min;
    if (from->max > into->max) into->max = from->max;
    into->count += from->count;
    into->sum += from->sum;
    into->squares += from->squares;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) into->at[i] += from->at[i];
}

uint64_t histogram_quantile(const histogram *h, double part) {
    if (!h->count) return 0;
    double wanted = ceil(part * (double)h->count);
    uint64_t rank = wanted<1 ? 1 : wanted>(double) h->count ? h->count : (uint64_t)wanted;
    uint64_t seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += h->at[i];
        if (seen < rank) continue;
        uint64_t us = histogram_highest(i);
        return us < h->max && i != histogram_bucket(HISTOGRAM_MOST_US) ? us : h->max;
    }
    return h->max;
}

double histogram_mean(const histogram *h) { return h->count ? h->sum / (double)h->count : 0; }

double histogram_deviation(const histogram *h) {
    if (h->count < 2) return 0;
    double n = (double)h->count;
    double variance = (h->squares - h->sum * h->sum / n) / (n - 1);
    return variance > 0 ? sqrt(variance) : 0;
}

double histogram_within(const histogram *h) {
    if (!h->count) return 0;
    double mean = histogram_mean(h), deviation = histogram_deviation(h);
    uint64_t within = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (!h->at[i]) continue;
        /* All of one value have no deviation, and that of a wide bucket is not its middle. */
        double low = (double)histogram_lowest(i), high = (double)histogram_highest(i);
        double middle = (low + high) / 2;
        if (middle < (double)h->min) middle = (double)h->min;
        if (middle > (double)h->max) middle = (double)h->max;
        if (fabs(middle - mean) <= deviation + 1e-9) within += h->at[i];
    }
    return (double)within / (double)h->count;
}
