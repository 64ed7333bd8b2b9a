#include "applets/load/report.h"
#include "applets/common/human.h"
#include "applets/common/text.h"
#include "applets/load/block.h"
#include "applets/load/chart.h"

#include <math.h>
#include <string.h>

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<title>Load test</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n"
    ":root{color-scheme:light dark;--ink:#1c2126;--soft:#5b6670;--page:#fbfbfa;--card:#fff;"
    "--line:#dfe3e6;--main:#1f6feb;--second:#c2410c;--bad:#c81e1e}\n"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5b0;--page:#14171a;"
    "--card:#1c2024;--line:#343a40;--main:#6ea8fe;--second:#fb923c;--bad:#f87171}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;padding:1rem;max-width:60rem;background:var(--page);"
    "color:var(--ink);font:16px/1.5 system-ui,sans-serif}\n"
    "h1{font-size:1.4rem;margin:.5rem 0;overflow-wrap:anywhere}h2{font-size:1.05rem;margin:0 0 .5rem}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:1rem;"
    "margin:1rem 0;overflow-x:auto}\n"
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:1rem}\n"
    ".facts b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}"
    ".facts span,p{color:var(--soft);font-size:.9rem}\n"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}"
    "th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}"
    "th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:500}\n"
    "svg{width:100%;height:auto;display:block}svg text{fill:var(--soft);"
    "font:11px system-ui,sans-serif}\n"
    ".grid{stroke:var(--line)}.main{stroke:var(--main);fill:none;stroke-width:2}"
    ".second{stroke:var(--second);fill:none;stroke-width:2}.bar{fill:var(--main)}.bad{fill:var(--bad)}"
    ".key-main{color:var(--main)}.key-second{color:var(--second)}.key-bad{color:var(--bad)}\n"
    ".words td{text-align:left;white-space:normal;overflow-wrap:anywhere}"
    ".words td:first-child{color:var(--soft);white-space:nowrap}\n"
    "@media(max-width:40rem){svg text{font-size:18px}.main,.second{stroke-width:4}"
    "th,td{padding:.3rem .4rem}}\n"
    "</style></head><body>\n";

#define ULL(n) ((unsigned long long)(n))

/* Texts of a peer, or of a command line. */
static void put_text(FILE *out, const char *s) {
    text t = {NULL, 0, 0};
    text_add_html(&t, span_str(s));
    fwrite(t.p, 1, t.n, out);
    text_end(&t);
}

static void fact(FILE *out, const char *name, const char *value) {
    fprintf(out, "<div><b>%s</b><span>%s</span></div>\n", value, name);
}

static void facts_of(FILE *out, const result *r) {
    const tally *t = r->tally;
    char words[64], human[HUMAN_ROOM];
    fputs("<section class=\"facts\">\n", out);
    snprintf(words, sizeof words, "%.0f", result_rate(r));
    fact(out, "successes per second", words);
    fact(out, "median", human_duration(human, histogram_quantile(&t->request, 0.5)));
    fact(out, "p99", human_duration(human, histogram_quantile(&t->request, 0.99)));
    snprintf(words, sizeof words, "%llu", ULL(t->done));
    fact(out, "requests done", words);
    snprintf(words, sizeof words, "%llu", ULL(t->errored));
    fact(out, "errors", words);
    fact(out, "measured for", human_duration(human, r->measured_us));
    fputs("</section>\n", out);
}

static void latency_row(FILE *out, const char *name, const histogram *h) {
    char words[HUMAN_ROOM];
    if (!h->count) return;
    fprintf(out, "<tr><td>%s</td>", name);
    for (unsigned i = 0; i < BLOCK_PARTS; i++)
        fprintf(out, "<td>%s</td>", human_duration(words, histogram_quantile(h, block_parts[i])));
    fputs("</tr>\n", out);
}

static void latencies(FILE *out, const tally *t) {
    fputs("<section><h2>Latency</h2><table><tr><th></th>", out);
    for (unsigned i = 0; i < BLOCK_PARTS; i++) fprintf(out, "<th>%s</th>", block_part_names[i]);
    fputs("</tr>\n", out);
    latency_row(out, t->paced ? "request, from due" : "request", &t->request);
    if (t->paced) latency_row(out, "request, from sent", &t->sent);
    latency_row(out, "connect", &t->connect);
    latency_row(out, "1st byte", &t->first_byte);
    fputs("</table></section>\n", out);
}

/* ---- charts ---- */

static void time_label(char *words, size_t room, double us) {
    char human[HUMAN_ROOM];
    snprintf(words, room, "%s", human_duration(human, us > 0 ? (uint64_t)us : 0));
}
static void count_label(char *words, size_t room, double n) {
    snprintf(words, room, n >= 100 || n == 0 ? "%.0f" : "%.3g", n);
}

/* x is the number of nines: 0 is p0, 1 is p90, 2 is p99. */
static void percentiles(FILE *out, const tally *t) {
    enum { STEPS = 100 };
    const double most = 4;
    double x[STEPS + 1], y[STEPS + 1];
    chart c = {.out = out, .x_max = most, .y_max = (double)t->request.max, .y_label = time_label};
    static const chart_mark marks[] = {
        {0.30103, "p50"}, {1, "p90"}, {2, "p99"}, {3, "p99.9"}, {4, "p99.99"}};
    fputs("<section><h2>Latency by percentile</h2>", out);
    chart_begin(&c, "Latency by percentile");
    for (unsigned i = 0; i < 5; i++) chart_mark_x(&c, marks[i]);
    for (unsigned pass = 0; pass < 1u + t->paced; pass++) {
        const histogram *h = pass ? &t->sent : &t->request;
        for (unsigned i = 0; i <= STEPS; i++) {
            x[i] = most * i / (double)STEPS;
            y[i] = (double)histogram_quantile(h, 1 - pow(10, -x[i]));
        }
        chart_line(&c, pass ? "second" : "main", x, y, STEPS + 1);
    }
    chart_end(&c);
    if (t->paced)
        fputs("<p><span class=\"key-main\">&#9632;</span> from when a request was due, "
              "<span class=\"key-second\">&#9632;</span> from when it was sent</p>",
              out);
    fputs("</section>\n", out);
}

static void distribution(FILE *out, const histogram *h) {
    enum { BINS = 48 };
    double bins[BINS] = {0}, most = 0;
    double low = log((double)(h->min ? h->min : 1)), high = log((double)h->max + 1);
    double width = (high - low) / (double)BINS;
    if (!(width > 0)) width = 1;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (!h->at[i]) continue;
        double us = (double)(histogram_lowest(i) + histogram_highest(i)) / 2;
        int bin = (int)((log(us > 1 ? us : 1) - low) / width);
        bin = bin < 0 ? 0 : bin >= BINS ? BINS - 1 : bin;
        bins[bin] += (double)h->at[i];
        if (bins[bin] > most) most = bins[bin];
    }
    chart c = {.out = out, .x_max = BINS, .y_max = most, .y_label = count_label};
    fputs("<section><h2>How many took how long</h2>", out);
    chart_begin(&c, "Histogram of latencies, on a logarithmic scale");
    for (unsigned i = 0; i <= 4; i++) {
        char words[HUMAN_ROOM];
        time_label(words, sizeof words, exp(low + width * (double)BINS * i / 4));
        chart_mark_x(&c, (chart_mark){(double)BINS * i / 4, words});
    }
    for (unsigned i = 0; i < BINS; i++) chart_bar(&c, "bar", i + 0.08, i + 0.92, bins[i]);
    chart_end(&c);
    fputs("<p>Times grow by the same factor from bar to bar.</p></section>\n", out);
}

static void over_time(FILE *out, const series *s) {
    static double x[SERIES_SLICES], y[SERIES_SLICES];
    double most = 0, seconds = (double)s->slice_us / 1e6;
    /* The last slice is not a whole one. */
    uint32_t n = s->count > 2 ? s->count - 1 : s->count;
    for (uint32_t i = 0; i < n; i++) {
        x[i] = seconds * (i + 0.5);
        y[i] = (double)s->slices[i].done / seconds;
        double errors = (double)s->slices[i].errors / seconds;
        if (y[i] > most) most = y[i];
        if (errors > most) most = errors;
    }
    chart c = {.out = out, .x_max = seconds * (n ? n : 1), .y_max = most, .y_label = count_label};
    fputs("<section><h2>Requests and errors per second, over time</h2>", out);
    chart_begin(&c, "Requests and errors per second over time");
    for (unsigned i = 0; i <= 4; i++) {
        char words[32];
        snprintf(words, sizeof words, "%.4gs", c.x_max * i / 4);
        chart_mark_x(&c, (chart_mark){c.x_max * i / 4, words});
    }
    for (uint32_t i = 0; i < n; i++)
        if (s->slices[i].errors)
            chart_bar(&c, "bad", seconds * i, seconds * (i + 1),
                      (double)s->slices[i].errors / seconds);
    chart_line(&c, "main", x, y, n);
    chart_end(&c);
    fputs(
        "<p><span class=\"key-main\">&#9632;</span> requests, <span class=\"key-bad\">&#9632;</span> "
        "errors</p></section>\n",
        out);
}

/* ---- tables ---- */

static void setting(FILE *out, const char *name, const char *value) {
    if (!value[0]) return;
    fprintf(out, "<tr><td>%s</td><td>", name);
    put_text(out, value);
    fputs("</td></tr>\n", out);
}

static const char *plural(uint64_t n) { return n == 1 ? "" : "s"; }

static void settings(FILE *out, const result *r) {
    const tally *t = r->tally;
    char words[160], human[HUMAN_ROOM];
    fputs("<section><h2>Connections and counts</h2><table class=\"words\">\n", out);
    setting(out, "protocol", r->protocol);
    setting(out, "TLS", r->tls);
    setting(out, "cipher", r->cipher);
    setting(out, "key exchange", r->group);
    snprintf(words, sizeof words,
             "%llu client%s, %llu thread%s, %llu stream%s each, %llu machine%s", ULL(r->clients),
             plural(r->clients), ULL(r->threads), plural(r->threads), ULL(r->streams),
             plural(r->streams), ULL(r->machines), plural(r->machines));
    setting(out, "load", words);
    if (r->rate_asked > 0) {
        snprintf(words, sizeof words, "%.2f req/s asked, %.2f req/s sent", r->rate_asked,
                 r->rate_held);
        setting(out, "rate", words);
    }
    snprintf(words, sizeof words, "%llu made, %llu failed, %llu again", ULL(t->connections),
             ULL(t->connect_failed),
             ULL(t->after_goaway + t->after_close + t->after_error + t->planned));
    setting(out, "connections", words);
    snprintf(words, sizeof words, "%llu 2xx, %llu 3xx, %llu 4xx, %llu 5xx", ULL(t->status[2]),
             ULL(t->status[3]), ULL(t->status[4]), ULL(t->status[5]));
    setting(out, "statuses", words);
    snprintf(words, sizeof words, "%s, header space saved %.2f%%", human_bytes(human, t->bytes),
             result_saved(r) * 100);
    setting(out, "received", words);
    for (uint32_t i = 0; i < t->reason_count; i++) {
        snprintf(words, sizeof words, "%llu: %s", ULL(t->reasons[i].count), t->reasons[i].text);
        setting(out, "failed", words);
    }
    fputs("</table></section>\n", out);
}

bool report_write(FILE *out, const result *r) {
    fputs(head, out);
    fputs("<h1>Load test of ", out);
    put_text(out, r->target);
    fputs("</h1>\n", out);
    facts_of(out, r);
    latencies(out, r->tally);
    percentiles(out, r->tally);
    distribution(out, &r->tally->request);
    over_time(out, &r->series);
    settings(out, r);
    fputs("<p>h2box " H2BOX_VERSION "</p></body></html>\n", out);
    return fflush(out) == 0 && !ferror(out);
}
