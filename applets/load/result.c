#include "applets/load/result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool result_begin(result *r) {
    *r = (result){.tally = tally_new(), .machines = 1};
    return series_begin(&r->series, 0) && r->tally;
}

void result_end(result *r) {
    tally_free(r->tally);
    series_end(&r->series);
    r->tally = NULL;
}

/* Slices of both stand for the same times since their begin. */
static void merge_series(series *into, const series *from) {
    for (uint32_t i = 0; i < from->count; i++) {
        series_slice copy = from->slices[i];
        series_add(into, into->start_us + (uint64_t)(i + 1) * from->slice_us, &copy);
    }
}

static void merge_text(char *into, const char *from, size_t room) {
    if (!into[0])
        snprintf(into, room, "%s", from);
    else if (strcmp(into, from) != 0)
        snprintf(into, room, "%s", "several");
}

bool result_merge(result *into, const result *from) {
    bool first = !into->clients;
    bool whole = tally_merge(into->tally, from->tally);
    merge_series(&into->series, &from->series);
    if (from->measured_us > into->measured_us) into->measured_us = from->measured_us;
    if (first || from->start_unix_us < into->start_unix_us)
        into->start_unix_us = from->start_unix_us;
    into->machines = first ? from->machines : into->machines + from->machines;
    into->rate_asked += from->rate_asked;
    into->rate_held += from->rate_held;
    into->clients += from->clients;
    into->threads += from->threads;
    if (from->streams > into->streams) into->streams = from->streams;
    into->interrupted |= from->interrupted;
    merge_text(into->target, from->target, sizeof into->target);
    merge_text(into->protocol, from->protocol, sizeof into->protocol);
    merge_text(into->tls, from->tls, sizeof into->tls);
    merge_text(into->cipher, from->cipher, sizeof into->cipher);
    merge_text(into->group, from->group, sizeof into->group);
    return whole;
}

double result_rate(const result *r) {
    return r->measured_us ? (double)r->tally->succeeded / result_seconds(r) : 0;
}

double result_speed(const result *r) {
    return r->measured_us ? (double)r->tally->bytes / result_seconds(r) : 0;
}

double result_saved(const result *r) {
    const tally *t = r->tally;
    return t->head_plain ? 1 - (double)t->head_bytes / (double)t->head_plain : 0;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

result_rates result_client_rates(const result *r) {
    const double *v = r->tally->rates;
    size_t n = r->tally->rate_count;
    result_rates out = {0};
    if (!n) return out;
    double sum = 0, squares = 0;
    qsort(r->tally->rates, n, sizeof *v, by_size);
    for (size_t i = 0; i < n; i++) sum += v[i];
    out.mean = sum / (double)n;
    for (size_t i = 0; i < n; i++) squares += (v[i] - out.mean) * (v[i] - out.mean);
    out.deviation = n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
    size_t within = 0;
    for (size_t i = 0; i < n; i++) within += fabs(v[i] - out.mean) <= out.deviation + 1e-9;
    out.within = (double)within / (double)n;
    out.min = v[0];
    out.max = v[n - 1];
    out.median = v[(n - 1) / 2];
    out.p95 = v[(size_t)ceil(0.95 * (double)n) - 1];
    out.p99 = v[(size_t)ceil(0.99 * (double)n) - 1];
    return out;
}
