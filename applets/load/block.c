#include "applets/load/block.h"
#include "applets/common/human.h"

#include <math.h>
#include <string.h>

const double block_parts[BLOCK_PARTS] = {0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1};
const char *const block_part_names[BLOCK_PARTS] = {"p50", "p75",   "p90",    "p95",
                                                   "p99", "p99.9", "p99.99", "max"};

#define ULL(n) ((unsigned long long)(n))

static const char *time_text(char text[HUMAN_ROOM], double us) {
    return human_duration(text, us > 0 ? (uint64_t)us : 0);
}

/* ---- the block of h2load ---- */

static void time_row(FILE *out, const char *title, const histogram *h) {
    char min[HUMAN_ROOM], max[HUMAN_ROOM], mean[HUMAN_ROOM], sd[HUMAN_ROOM];
    fprintf(out, "%s: %10s  %10s  %10s  %10s%9.2f%%\n", title, time_text(min, (double)h->min),
            time_text(max, (double)h->max), time_text(mean, histogram_mean(h)),
            time_text(sd, histogram_deviation(h)), histogram_within(h) * 100);
}

static void print_h2load(FILE *out, const result *r) {
    const tally *t = r->tally;
    char took[HUMAN_ROOM], speed[HUMAN_ROOM], all[HUMAN_ROOM], heads[HUMAN_ROOM],
        content[HUMAN_ROOM];
    result_rates rates = result_client_rates(r);
    fprintf(out, "\nfinished in %s, %.2f req/s, %s/s\n", human_duration(took, r->measured_us),
            result_rate(r), human_bytes(speed, (uint64_t)result_speed(r)));
    fprintf(out,
            "requests: %llu total, %llu started, %llu done, %llu succeeded, %llu failed, "
            "%llu errored, %llu timeout\n",
            ULL(t->total), ULL(t->started), ULL(t->done), ULL(t->succeeded), ULL(t->failed),
            ULL(t->errored), ULL(t->timed_out));
    fprintf(out, "status codes: %llu 2xx, %llu 3xx, %llu 4xx, %llu 5xx\n", ULL(t->status[2]),
            ULL(t->status[3]), ULL(t->status[4]), ULL(t->status[5]));
    fprintf(out,
            "traffic: %s (%llu) total, %s (%llu) headers (space savings %.2f%%), %s (%llu) data\n",
            human_bytes(all, t->bytes), ULL(t->bytes), human_bytes(heads, t->head_bytes),
            ULL(t->head_bytes), result_saved(r) * 100, human_bytes(content, t->data_bytes),
            ULL(t->data_bytes));
    fprintf(out, "                     min         max         mean         sd        +/- sd\n");
    time_row(out, "time for request", &t->request);
    time_row(out, "time for connect", &t->connect);
    time_row(out, "time to 1st byte", &t->first_byte);
    fprintf(out, "req/s           : %10.2f  %10.2f  %10.2f  %10.2f%9.2f%%\n", rates.min, rates.max,
            rates.mean, rates.deviation, rates.within * 100);
}

/* ---- what it does not tell ---- */

static void latency_row(FILE *out, const char *title, const histogram *h) {
    char text[HUMAN_ROOM];
    if (!h->count) return;
    fprintf(out, "%-20s", title);
    for (unsigned i = 0; i < BLOCK_PARTS; i++)
        fprintf(out, " %9s", human_duration(text, histogram_quantile(h, block_parts[i])));
    fputc('\n', out);
}

static void print_latencies(FILE *out, const tally *t) {
    if (!t->request.count && !t->connect.count) return;
    fprintf(out, "\n%-20s", "latency");
    for (unsigned i = 0; i < BLOCK_PARTS; i++) fprintf(out, " %9s", block_part_names[i]);
    fputc('\n', out);
    latency_row(out, t->paced ? "request, from due" : "request", &t->request);
    if (t->paced) latency_row(out, "request, from sent", &t->sent);
    latency_row(out, "connect", &t->connect);
    latency_row(out, "1st byte", &t->first_byte);
}

static void print_connections(FILE *out, const tally *t) {
    uint64_t again = t->after_goaway + t->after_close + t->after_error + t->planned;
    if (!again && !t->connect_failed && !t->resent && !t->late_connections) return;
    fprintf(out, "\nconnections: %llu made, %llu failed", ULL(t->connections),
            ULL(t->connect_failed));
    if (again)
        fprintf(
            out,
            ", %llu again (%llu after GOAWAY, %llu after close, %llu after an error, %llu planned)",
            ULL(again), ULL(t->after_goaway), ULL(t->after_close), ULL(t->after_error),
            ULL(t->planned));
    if (t->resent) fprintf(out, "; %llu requests sent again", ULL(t->resent));
    if (t->late_connections)
        fprintf(out, "; %llu were due while all clients were busy", ULL(t->late_connections));
    fputc('\n', out);
}

static void print_rate(FILE *out, const result *r) {
    if (r->rate_asked <= 0) return;
    bool held = r->rate_held >= 0.99 * r->rate_asked;
    fprintf(out, "\nrate: %.2f req/s asked, %.2f req/s sent%s\n", r->rate_asked, r->rate_held,
            held ? "" : ": the rate was NOT held");
}

void block_print(FILE *out, const result *r) {
    const tally *t = r->tally;
    print_h2load(out, r);
    print_latencies(out, t);
    print_rate(out, r);
    print_connections(out, t);
    if (t->unanswered) fprintf(out, "\nunanswered at the end: %llu requests\n", ULL(t->unanswered));
    if (t->reason_count) fputc('\n', out);
    for (uint32_t i = 0; i < t->reason_count; i++)
        fprintf(out, "failed: %llu: %s\n", ULL(t->reasons[i].count), t->reasons[i].text);
    if (r->interrupted) fprintf(out, "\ninterrupted: these are the results so far\n");
}

/* ---- bars ---- */

#define BARS      10u
#define BAR_WIDTH 40u

static uint64_t count_between(const histogram *h, uint64_t low, uint64_t high) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t at = histogram_lowest(i);
        if (at < h->min) at = h->min;
        if (at >= low && at < high) n += h->at[i];
    }
    return n;
}

static void draw(FILE *out, const char *title, const histogram *h) {
    char low_text[HUMAN_ROOM], high_text[HUMAN_ROOM], bar[BAR_WIDTH + 1];
    if (!h->count) return;
    fprintf(out, "\n%s:\n", title);
    double step = (double)(h->max - h->min + 1) / BARS;
    uint64_t seen = 0;
    for (unsigned i = 0; i < BARS; i++) {
        uint64_t low = h->min + (uint64_t)(step * i);
        uint64_t high = i + 1 == BARS ? UINT64_MAX : h->min + (uint64_t)(step * (i + 1));
        uint64_t n = count_between(h, low, high);
        seen += n;
        double part = (double)n / (double)h->count;
        unsigned cells = (unsigned)lround(part * BAR_WIDTH);
        memset(bar, ' ', BAR_WIDTH);
        memset(bar, '/', cells);
        bar[BAR_WIDTH] = '\0';
        fprintf(out, "%9s- %9s [%s](%.2f/%.2f%%)\n", human_duration(low_text, low),
                human_duration(high_text, i + 1 == BARS ? h->max : high), bar, part * 100,
                (double)seen / (double)h->count * 100);
    }
}

void block_draw(FILE *out, const result *r) {
    draw(out, "request", &r->tally->request);
    draw(out, "connect", &r->tally->connect);
    draw(out, "TTFB", &r->tally->first_byte);
}
