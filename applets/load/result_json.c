#include "applets/load/result_json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#define SAMPLES 1000u
#define DIGITS  9 /* of times in seconds: below a microsecond there is nothing */

/* Counters by name, so that writing and reading cannot differ. */
typedef struct counter {
    const char *name;
    size_t offset;
} counter;

#define COUNTER(name) {#name, offsetof(tally, name)}
static const counter counters[] = {
    COUNTER(total),          COUNTER(started),      COUNTER(done),        COUNTER(succeeded),
    COUNTER(failed),         COUNTER(errored),      COUNTER(timed_out),   COUNTER(bytes),
    COUNTER(head_bytes),     COUNTER(head_plain),   COUNTER(data_bytes),  COUNTER(connections),
    COUNTER(connect_failed), COUNTER(after_goaway), COUNTER(after_close), COUNTER(after_error),
    COUNTER(planned),        COUNTER(resent),       COUNTER(unanswered),  COUNTER(late_connections),
};
#define COUNTERS (sizeof counters / sizeof *counters)

typedef struct named_histogram {
    const char *name;
    size_t offset;
} named_histogram;
static const named_histogram histograms[] = {
    {"request", offsetof(tally, request)},
    {"request_from_sent", offsetof(tally, sent)},
    {"connect", offsetof(tally, connect)},
    {"ttfb", offsetof(tally, first_byte)},
};
#define HISTOGRAMS (sizeof histograms / sizeof *histograms)

static uint64_t *counter_of(tally *t, const counter *c) {
    return (uint64_t *)(void *)((char *)t + c->offset);
}
static histogram *histogram_of(tally *t, const named_histogram *h) {
    return (histogram *)(void *)((char *)t + h->offset);
}

static void set(json_t *to, const char *name, json_t *value) {
    json_object_set_new(to, name, value);
}
static void set_int(json_t *to, const char *name, uint64_t n) {
    set(to, name, json_integer((json_int_t)n));
}

/* ---- the members of h2load ---- */

static json_t *times(const histogram *h) {
    json_t *o = json_object(), *samples = json_array();
    set(o, "min", json_real((double)h->min / 1e6));
    set(o, "max", json_real((double)h->max / 1e6));
    set(o, "median", json_real((double)histogram_quantile(h, 0.5) / 1e6));
    set(o, "p95", json_real((double)histogram_quantile(h, 0.95) / 1e6));
    set(o, "p99", json_real((double)histogram_quantile(h, 0.99) / 1e6));
    set(o, "mean", json_real(histogram_mean(h) / 1e6));
    set(o, "sd", json_real(histogram_deviation(h) / 1e6));
    set(o, "within_sd", json_real(histogram_within(h) * 100));
    uint64_t n = h->count < SAMPLES ? h->count : SAMPLES;
    for (uint64_t i = 0; i < n; i++) {
        double part = ((double)i + 0.5) / (double)n;
        json_array_append_new(samples, json_real((double)histogram_quantile(h, part) / 1e6));
    }
    set(o, "samples", samples);
    return o;
}

static json_t *client_rates(const result *r) {
    result_rates v = result_client_rates(r);
    json_t *o = json_object(), *samples = json_array();
    set(o, "min", json_real(v.min));
    set(o, "max", json_real(v.max));
    set(o, "median", json_real(v.median));
    set(o, "p95", json_real(v.p95));
    set(o, "p99", json_real(v.p99));
    set(o, "mean", json_real(v.mean));
    set(o, "sd", json_real(v.deviation));
    set(o, "within_sd", json_real(v.within * 100));
    for (size_t i = 0; i < r->tally->rate_count; i++)
        json_array_append_new(samples, json_real(r->tally->rates[i]));
    set(o, "samples", samples);
    return o;
}

static json_t *measurements(const result *r) {
    const tally *t = r->tally;
    json_t *m = json_object(), *requests = json_object(), *codes = json_object();
    json_t *traffic = json_object(), *performance = json_object();
    set(m, "duration", json_real(result_seconds(r)));
    set(m, "request_per_second", json_real(result_rate(r)));
    set(m, "bytes_per_second", json_real(result_speed(r)));
    set_int(requests, "total", t->total);
    set_int(requests, "started", t->started);
    set_int(requests, "done", t->done);
    set_int(requests, "succeeded", t->succeeded);
    set_int(requests, "failed", t->failed);
    set_int(requests, "errored", t->errored);
    set_int(requests, "timeout", t->timed_out);
    set(m, "requests", requests);
    for (unsigned i = 2; i < 6; i++) {
        char name[4] = {(char)('0' + i), 'x', 'x', '\0'};
        set_int(codes, name, t->status[i]);
    }
    set(m, "status_codes", codes);
    set_int(traffic, "total", t->bytes);
    set_int(traffic, "headers", t->head_bytes);
    set_int(traffic, "headers_decompressed", t->head_plain);
    set_int(traffic, "data", t->data_bytes);
    set(m, "traffic", traffic);
    set(performance, "request", times(&t->request));
    if (t->paced) set(performance, "request_from_sent", times(&t->sent));
    set(performance, "connect", times(&t->connect));
    set(performance, "ttfb", times(&t->first_byte));
    set(performance, "request_per_second", client_rates(r));
    set(m, "performance", performance);
    return m;
}

/* ---- what is ours: all of it ---- */

static json_t *whole_histogram(const histogram *h) {
    json_t *o = json_object(), *buckets = json_array();
    set(o, "unit", json_string("us"));
    set_int(o, "count", h->count);
    set_int(o, "min", h->min);
    set_int(o, "max", h->max);
    set(o, "sum", json_real(h->sum));
    set(o, "squares", json_real(h->squares));
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (!h->at[i]) continue;
        json_array_append_new(
            buckets, json_pack("[I,I]", (json_int_t)histogram_lowest(i), (json_int_t)h->at[i]));
    }
    set(o, "buckets", buckets);
    return o;
}

static json_t *whole_series(const series *s) {
    json_t *o = json_object(), *slices = json_array();
    set_int(o, "slice_us", s->slice_us);
    for (uint32_t i = 0; i < s->count; i++) {
        const series_slice *x = &s->slices[i];
        json_t *times_of = json_array();
        for (uint32_t j = 0; j < HISTOGRAM_COARSE; j++)
            if (x->at[j])
                json_array_append_new(times_of, json_pack("[i,I]", (int)j, (json_int_t)x->at[j]));
        json_array_append_new(slices, json_pack("{s:I,s:I,s:I,s:o}", "done", (json_int_t)x->done,
                                                "errors", (json_int_t)x->errors, "bytes",
                                                (json_int_t)x->bytes, "times", times_of));
    }
    set(o, "slices", slices);
    return o;
}

static json_t *whole(const result *r) {
    json_t *o = json_object(), *counts = json_object(), *status = json_array();
    json_t *all = json_object(), *reasons = json_array();
    tally *t = r->tally;
    set_int(o, "measured_us", r->measured_us);
    set_int(o, "start_us", (uint64_t)r->start_unix_us);
    set(o, "rate_asked", json_real(r->rate_asked));
    set(o, "rate_sent", json_real(r->rate_held));
    set_int(o, "clients", r->clients);
    set_int(o, "threads", r->threads);
    set_int(o, "streams", r->streams);
    set_int(o, "machines", r->machines);
    set(o, "target", json_string(r->target));
    set(o, "protocol", json_string(r->protocol));
    set(o, "tls", json_string(r->tls));
    set(o, "cipher", json_string(r->cipher));
    set(o, "group", json_string(r->group));
    set(o, "interrupted", json_boolean(r->interrupted));
    set(o, "paced", json_boolean(t->paced));
    for (size_t i = 0; i < COUNTERS; i++)
        set_int(counts, counters[i].name, *counter_of(t, &counters[i]));
    set(o, "counts", counts);
    for (unsigned i = 0; i < 6; i++)
        json_array_append_new(status, json_integer((json_int_t)t->status[i]));
    set(o, "status", status);
    for (size_t i = 0; i < HISTOGRAMS; i++)
        set(all, histograms[i].name, whole_histogram(histogram_of(t, &histograms[i])));
    set(o, "histograms", all);
    set(o, "series", whole_series(&r->series));
    for (uint32_t i = 0; i < t->reason_count; i++)
        json_array_append_new(reasons, json_pack("{s:s,s:I}", "why", t->reasons[i].text, "count",
                                                 (json_int_t)t->reasons[i].count));
    set(o, "reasons", reasons);
    return o;
}

bool result_json_write(FILE *out, const result *r) {
    json_t *o = json_object();
    set(o, "version", json_string("v1"));
    set(o, "metadata", json_pack("{s:s}", "generator", "h2box/" H2BOX_VERSION));
    set(o, "measurements", measurements(r));
    set(o, "h2box", whole(r));
    bool good = json_dumpf(o, out, JSON_INDENT(1) | JSON_REAL_PRECISION(DIGITS + 8)) == 0;
    json_decref(o);
    return good && fputc('\n', out) != EOF && fflush(out) == 0;
}

/* ---- and back ---- */

static uint64_t get_int(const json_t *o, const char *name) {
    json_int_t n = json_integer_value(json_object_get(o, name));
    return n > 0 ? (uint64_t)n : 0;
}

static void get_text(const json_t *o, const char *name, char *text, size_t room) {
    const char *s = json_string_value(json_object_get(o, name));
    snprintf(text, room, "%s", s ? s : "");
}

static bool read_histogram(const json_t *o, histogram *h) {
    size_t i;
    json_t *pair;
    uint64_t count = 0;
    h->min = get_int(o, "min");
    h->max = get_int(o, "max");
    h->sum = json_number_value(json_object_get(o, "sum"));
    h->squares = json_number_value(json_object_get(o, "squares"));
    json_array_foreach(json_object_get(o, "buckets"), i, pair) {
        json_int_t low = json_integer_value(json_array_get(pair, 0)),
                   n = json_integer_value(json_array_get(pair, 1));
        if (low < 0 || n < 0) return false;
        h->at[histogram_bucket((uint64_t)low)] += (uint64_t)n;
        count += (uint64_t)n;
    }
    h->count = get_int(o, "count");
    return h->count == count;
}

static void read_series(const json_t *o, series *s) {
    size_t i, j;
    json_t *slice, *pair;
    s->slice_us = get_int(o, "slice_us");
    if (s->slice_us < SERIES_FIRST_US) s->slice_us = SERIES_FIRST_US;
    json_array_foreach(json_object_get(o, "slices"), i, slice) {
        if (i == SERIES_SLICES) break;
        series_slice *x = &s->slices[i];
        x->done = get_int(slice, "done");
        x->errors = get_int(slice, "errors");
        x->bytes = get_int(slice, "bytes");
        json_array_foreach(json_object_get(slice, "times"), j, pair) {
            json_int_t at = json_integer_value(json_array_get(pair, 0));
            if (at >= 0 && at < (json_int_t)HISTOGRAM_COARSE)
                x->at[at] += (uint32_t)json_integer_value(json_array_get(pair, 1));
        }
        s->count = (uint32_t)i + 1;
    }
}

static const char *read_whole(const json_t *o, result *r) {
    tally *t = r->tally;
    size_t i;
    json_t *one;
    if (!json_is_object(o)) return "not a result of h2box load: no member h2box";
    r->measured_us = get_int(o, "measured_us");
    r->start_unix_us = (int64_t)get_int(o, "start_us");
    r->rate_asked = json_number_value(json_object_get(o, "rate_asked"));
    r->rate_held = json_number_value(json_object_get(o, "rate_sent"));
    r->clients = get_int(o, "clients");
    r->threads = get_int(o, "threads");
    r->streams = get_int(o, "streams");
    r->machines = get_int(o, "machines");
    get_text(o, "target", r->target, sizeof r->target);
    get_text(o, "protocol", r->protocol, sizeof r->protocol);
    get_text(o, "tls", r->tls, sizeof r->tls);
    get_text(o, "cipher", r->cipher, sizeof r->cipher);
    get_text(o, "group", r->group, sizeof r->group);
    r->interrupted = json_is_true(json_object_get(o, "interrupted"));
    t->paced = json_is_true(json_object_get(o, "paced"));
    const json_t *counts = json_object_get(o, "counts"), *all = json_object_get(o, "histograms");
    for (i = 0; i < COUNTERS; i++) *counter_of(t, &counters[i]) = get_int(counts, counters[i].name);
    json_array_foreach(json_object_get(o, "status"), i, one) {
        if (i < 6) t->status[i] = (uint64_t)json_integer_value(one);
    }
    for (i = 0; i < HISTOGRAMS; i++)
        if (!read_histogram(json_object_get(all, histograms[i].name),
                            histogram_of(t, &histograms[i])))
            return "a histogram does not add up";
    read_series(json_object_get(o, "series"), &r->series);
    json_array_foreach(json_object_get(o, "reasons"), i, one) {
        const char *why = json_string_value(json_object_get(one, "why"));
        if (why) tally_blame(t, why, get_int(one, "count"));
    }
    return NULL;
}

const char *result_json_read(const char *path, result *r) {
    static char said[JSON_ERROR_TEXT_LENGTH];
    json_error_t error;
    json_t *o = json_load_file(path, 0, &error);
    if (!o) {
        snprintf(said, sizeof said, "%s", error.text);
        return said;
    }
    const char *why = read_whole(json_object_get(o, "h2box"), r);
    size_t i;
    json_t *rate, *performance = json_object_get(json_object_get(o, "measurements"), "performance");
    json_array_foreach(
        json_object_get(json_object_get(performance, "request_per_second"), "samples"), i, rate)
        tally_add_rate(r->tally, json_number_value(rate));
    json_decref(o);
    return why;
}
