#include "applets/load/verdict_on.h"
#include "applets/common/human.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- metrics ---- */

static double time_metric(const histogram *h, const char *name) {
    char *end;
    if (strcmp(name, "min") == 0) return (double)h->min;
    if (strcmp(name, "max") == 0) return (double)h->max;
    if (strcmp(name, "mean") == 0) return histogram_mean(h);
    if (strcmp(name, "median") == 0) return (double)histogram_quantile(h, 0.5);
    if (name[0] != 'p' || name[1] < '0' || name[1] > '9') return NAN;
    double per_cent = strtod(name + 1, &end);
    if (*end || per_cent > 100) return NAN;
    return (double)histogram_quantile(h, per_cent / 100);
}

static bool is_time(const char *metric) {
    const char *dot = strchr(metric, '.');
    if (dot && metric[0] != 'p') metric = dot + 1;
    return metric[0] == 'p' || strcmp(metric, "min") == 0 || strcmp(metric, "max") == 0 ||
           strcmp(metric, "mean") == 0 || strcmp(metric, "median") == 0;
}

/* NAN for a name that is none. */
static double metric_value(const result *r, const char *metric) {
    const tally *t = r->tally;
    if (strncmp(metric, "connect.", 8) == 0) return time_metric(&t->connect, metric + 8);
    if (strncmp(metric, "ttfb.", 5) == 0) return time_metric(&t->first_byte, metric + 5);
    if (strncmp(metric, "sent.", 5) == 0)
        return time_metric(t->paced ? &t->sent : &t->request, metric + 5);
    if (strcmp(metric, "rps") == 0) return result_rate(r);
    if (strcmp(metric, "errors") == 0) return (double)(t->errored + t->connect_failed);
    if (strcmp(metric, "timeouts") == 0) return (double)t->timed_out;
    if (strcmp(metric, "failed") == 0) return (double)t->failed;
    if (strcmp(metric, "done") == 0) return (double)t->done;
    if (strcmp(metric, "4xx") == 0) return (double)t->status[4];
    if (strcmp(metric, "5xx") == 0) return (double)t->status[5];
    if (strcmp(metric, "reconnects") == 0)
        return (double)(t->after_goaway + t->after_close + t->after_error + t->planned);
    return time_metric(&t->request, metric);
}

/* ---- reading ---- */

static const char *skip(const char *p) { return p + strspn(p, " \t"); }

static const char *read_value(const char *p, verdict_on *out) {
    static const struct {
        const char *name;
        double us;
    } units[] = {{"us", 1}, {"ms", 1e3}, {"s", 1e6}};
    char *end;
    out->value = strtod(p, &end);
    if (end == p || !(out->value >= 0)) return "a value is missing";
    p = skip(end);
    if (*p == '\0')
        return is_time(out->metric) && out->value > 0 ? "a time needs us, ms or s" : NULL;
    if (!is_time(out->metric)) return "only times have a unit";
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(p, units[i].name) != 0) continue;
        out->value *= units[i].us;
        return NULL;
    }
    return "the unit is none of us, ms, s";
}

const char *verdict_on_parse(const char *text, verdict_on *out) {
    const char *p = skip(text);
    size_t n = strcspn(p, " \t<>=!+-");
    *out = (verdict_on){.text = text};
    if (!n || n >= sizeof out->metric) return "no metric at its begin";
    memcpy(out->metric, p, n);
    result empty = {.tally = tally_new()};
    bool known = empty.tally && !isnan(metric_value(&empty, out->metric));
    tally_free(empty.tally);
    if (!known)
        return "this metric is not known: p50 ... p99.99, min, max, mean, connect.p99, ttfb.p99, "
               "sent.p99, rps, errors, timeouts, failed, done, 4xx, 5xx, reconnects";
    p = skip(p + n);
    if (*p == '+' || *p == '-') {
        char *end;
        out->compare = *p;
        out->value = strtod(p + 1, &end);
        if (end == p + 1 || *skip(end) != '%') return "needs a number and % after the sign";
        return NULL;
    }
    bool equal = *p && p[1] == '=';
    switch (*p) {
    case '<': out->compare = equal ? 'l' : '<'; break;
    case '>': out->compare = equal ? 'g' : '>'; break;
    case '=': out->compare = '='; break;
    case '!': out->compare = '!'; break;
    default: return "needs one of < <= > >= == != +N% -N%";
    }
    return read_value(skip(p + 1 + equal), out);
}

/* ---- judging ---- */

bool verdict_on_hits(const verdict_on *v, const result *r, const result *base,
                     const opt_call *call) {
    double now = metric_value(r, v->metric), limit = v->value;
    bool hit;
    char a[HUMAN_ROOM], b[HUMAN_ROOM];
    if (v->compare == '+' || v->compare == '-') {
        double before = metric_value(base, v->metric);
        limit = before * (1 + (v->compare == '+' ? v->value : -v->value) / 100);
        hit = v->compare == '+' ? now > limit : now < limit;
    } else {
        hit = v->compare == '<'   ? now < limit
              : v->compare == 'l' ? now <= limit
              : v->compare == '>' ? now > limit
              : v->compare == 'g' ? now >= limit
              : v->compare == '=' ? fabs(now - limit) < 1e-9
                                  : fabs(now - limit) >= 1e-9;
    }
    if (!hit) return false;
    if (is_time(v->metric)) {
        human_duration(a, (uint64_t)now);
        human_duration(b, (uint64_t)limit);
    } else {
        snprintf(a, sizeof a, "%.2f", now);
        snprintf(b, sizeof b, "%.2f", limit);
    }
    opt_say(call, "--fail-if '%s': %s is %s, the limit %s", v->text, v->metric, a, b);
    return true;
}
