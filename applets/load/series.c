#include "applets/load/series.h"

#include <stdlib.h>
#include <string.h>

bool series_begin(series *s, uint64_t start_us) {
    *s = (series){.slices = calloc(SERIES_SLICES, sizeof *s->slices)};
    if (!s->slices) return false;
    pthread_mutex_init(&s->lock, NULL);
    s->start_us = start_us;
    s->slice_us = SERIES_FIRST_US;
    return true;
}

void series_end(series *s) {
    if (s->slices) pthread_mutex_destroy(&s->lock);
    free(s->slices);
    s->slices = NULL;
}

static void add_to(series_slice *to, const series_slice *from) {
    to->done += from->done;
    to->errors += from->errors;
    to->bytes += from->bytes;
    for (uint32_t i = 0; i < HISTOGRAM_COARSE; i++) to->at[i] += from->at[i];
}

/* Pairs become one, so the same room holds twice the time. */
static void widen(series *s) {
    for (uint32_t i = 0; i < SERIES_SLICES; i += 2) {
        add_to(&s->slices[i], &s->slices[i + 1]);
        if (i) s->slices[i / 2] = s->slices[i];
    }
    memset(&s->slices[SERIES_SLICES / 2], 0, SERIES_SLICES / 2 * sizeof *s->slices);
    s->slice_us *= 2;
    s->count = (s->count + 1) / 2;
}

void series_add(series *s, uint64_t now_us, series_slice *counted) {
    pthread_mutex_lock(&s->lock);
    uint64_t at = now_us > s->start_us ? now_us - s->start_us - 1 : 0;
    while (at / s->slice_us >= SERIES_SLICES) widen(s);
    uint32_t i = (uint32_t)(at / s->slice_us);
    add_to(&s->slices[i], counted);
    if (s->count <= i) s->count = i + 1;
    pthread_mutex_unlock(&s->lock);
    memset(counted, 0, sizeof *counted);
}

void series_restart(series *s, uint64_t start_us) {
    pthread_mutex_lock(&s->lock);
    memset(s->slices, 0, SERIES_SLICES * sizeof *s->slices);
    s->start_us = start_us;
    s->slice_us = SERIES_FIRST_US;
    s->count = 0;
    pthread_mutex_unlock(&s->lock);
}

void series_sum(const series *s, uint32_t i, uint32_t j, series_slice *sum) {
    memset(sum, 0, sizeof *sum);
    for (; i < j && i < s->count; i++) add_to(sum, &s->slices[i]);
}

uint64_t series_quantile(const series_slice *slice, double part) {
    uint64_t count = 0, seen = 0;
    for (uint32_t i = 0; i < HISTOGRAM_COARSE; i++) count += slice->at[i];
    if (!count) return 0;
    for (uint32_t i = 0; i < HISTOGRAM_COARSE; i++) {
        seen += slice->at[i];
        if ((double)seen >= part * (double)count)
            return histogram_highest(((i + 1) << HISTOGRAM_COARSE_SHIFT) - 1);
    }
    return HISTOGRAM_MOST_US;
}
