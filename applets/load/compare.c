#include "applets/load/compare.h"
#include "applets/common/human.h"
#include "applets/load/block.h"
#include "applets/load/template.h"

#include <math.h>
#include <stdlib.h>

#define DRAWS 2000u
#define LOW   (DRAWS * 25 / 1000)
#define HIGH  (DRAWS * 975 / 1000)

/* ---- chance ---- */

static double uniform(template_dice *d) {
    return ((double)(template_roll(d) >> 11) + 0.5) / 9007199254740992.0; /* 2^53 */
}

static double normal(template_dice *d) {
    return sqrt(-2 * log(uniform(d))) * cos(6.283185307179586 * uniform(d));
}

/* Gamma distributed, shape at least 1: Marsaglia and Tsang, 2000. */
static double gamma_of(template_dice *d, double shape) {
    double e = shape - 1.0 / 3, c = 1 / sqrt(9 * e);
    for (;;) {
        double x = normal(d), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        if (log(uniform(d)) < 0.5 * x * x + e - e * v + e * log(v)) return e * v;
    }
}

/* A quantile of a resample of all n times: the k-th of n lies at a part that is Beta(k, n - k + 1)
 * distributed, so nothing need be drawn n times. */
static double draw_quantile(const histogram *h, double part, template_dice *d) {
    double n = (double)h->count, k = ceil(part * n);
    if (k < 1) k = 1;
    double x = gamma_of(d, k), y = gamma_of(d, n - k + 1);
    return (double)histogram_quantile(h, x / (x + y));
}

/* Fewer slices than this say nothing of how throughput varies. */
#define SLICES_LEAST 5u

/* The last slice is not a whole one. */
static uint32_t whole_slices(const result *r) { return r->series.count ? r->series.count - 1 : 0; }

/* Requests per second as it would be with slices drawn with replacement. */
static double draw_rate(const result *r, template_dice *d) {
    uint32_t n = whole_slices(r);
    uint64_t sum = 0, all = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += r->series.slices[template_roll_below(d, n)].done;
        all += r->series.slices[i].done;
    }
    return all ? result_rate(r) * (double)sum / (double)all : 0;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- rows ---- */

typedef struct row {
    const char *name;
    double a, b, low, high; /* of the change, in per cent */
    bool unknown;           /* too short to say */
} row;

static double change(double a, double b) { return a > 0 ? (b - a) / a * 100 : 0; }

static row measure(const char *name, const result *a, const result *b, double part, bool rate) {
    static double draws[DRAWS];
    template_dice dice = {7};
    const histogram *x = &a->tally->request, *y = &b->tally->request;
    row r = {.name = name};
    r.a = rate ? result_rate(a) : (double)histogram_quantile(x, part);
    r.b = rate ? result_rate(b) : (double)histogram_quantile(y, part);
    r.unknown = !x->count || !y->count ||
                (rate && (whole_slices(a) < SLICES_LEAST || whole_slices(b) < SLICES_LEAST));
    if (r.unknown) return r;
    for (unsigned i = 0; i < DRAWS; i++)
        draws[i] = rate ? change(draw_rate(a, &dice), draw_rate(b, &dice))
                        : change(draw_quantile(x, part, &dice), draw_quantile(y, part, &dice));
    qsort(draws, DRAWS, sizeof *draws, by_size);
    r.low = draws[LOW];
    r.high = draws[HIGH];
    return r;
}

static const char *judge(const row *r) {
    if (r->unknown) return "too short to say";
    return r->low > 0 ? "more" : r->high < 0 ? "less" : "no clear difference";
}

static void print_row(FILE *out, const row *r, bool rate) {
    char a[HUMAN_ROOM], b[HUMAN_ROOM];
    if (rate) {
        snprintf(a, sizeof a, "%.2f", r->a);
        snprintf(b, sizeof b, "%.2f", r->b);
    } else {
        human_duration(a, (uint64_t)r->a);
        human_duration(b, (uint64_t)r->b);
    }
    fprintf(out, "%-8s %12s %12s %+9.1f%%   %+8.1f%% to %+.1f%%   %s\n", r->name, a, b,
            change(r->a, r->b), r->low, r->high, judge(r));
}

static void say(FILE *out, const char *what, const row *r, const char *up, const char *down) {
    if (r->unknown) return;
    if (r->low > 0 || r->high < 0)
        fprintf(out, "%s is %.1f%% %s (95%% confidence: %.1f%% to %.1f%%). ", what,
                fabs(change(r->a, r->b)), r->low > 0 ? up : down, r->low, r->high);
    else
        fprintf(out, "%s shows no clear difference. ", what);
}

void compare_print(FILE *out, const result *a, const result *b) {
    row rows[BLOCK_PARTS];
    rows[0] = measure("req/s", a, b, 0, true);
    for (unsigned i = 0; i + 1 < BLOCK_PARTS; i++)
        rows[i + 1] = measure(block_part_names[i], a, b, block_parts[i], false);
    fprintf(out, "%-8s %12s %12s %10s   %s\n", "", "A", "B", "change", "95% confidence");
    for (unsigned i = 0; i < BLOCK_PARTS; i++) print_row(out, &rows[i], i == 0);
    fprintf(out, "errors   %12llu %12llu\n\n", (unsigned long long)a->tally->errored,
            (unsigned long long)b->tally->errored);
    say(out, "Throughput", &rows[0], "higher", "lower");
    say(out, "The median", &rows[1], "slower", "faster");
    say(out, "p99", &rows[5], "slower", "faster");
    fprintf(
        out,
        "\nB against A; requests are taken as independent of each other, which makes the intervals "
        "of percentiles narrow.\n");
}
