#include "applets/load/csv.h"
#include "applets/load/block.h"

static const char *const series_names[] = {"request", "request_from_sent", "connect", "ttfb"};

static void names(FILE *out) {
    fputs(
        "duration_s,requests_per_second,bytes_per_second,total,started,done,succeeded,failed,errored,timeout,"
        "2xx,3xx,4xx,5xx,bytes,header_bytes,data_bytes,connections,connect_failed,reconnects,rate_asked,rate_sent",
        out);
    for (unsigned i = 0; i < 4; i++) {
        fprintf(out, ",%s_mean_us", series_names[i]);
        for (unsigned j = 0; j < BLOCK_PARTS; j++)
            fprintf(out, ",%s_%s_us", series_names[i], block_part_names[j]);
    }
    fputs("\r\n", out);
}

void csv_print(FILE *out, const result *r) {
    const tally *t = r->tally;
    const uint64_t counts[] = {t->total,
                               t->started,
                               t->done,
                               t->succeeded,
                               t->failed,
                               t->errored,
                               t->timed_out,
                               t->status[2],
                               t->status[3],
                               t->status[4],
                               t->status[5],
                               t->bytes,
                               t->head_bytes,
                               t->data_bytes,
                               t->connections,
                               t->connect_failed,
                               t->after_goaway + t->after_close + t->after_error + t->planned};
    const histogram *times[] = {&t->request, t->paced ? &t->sent : &t->request, &t->connect,
                                &t->first_byte};
    names(out);
    fprintf(out, "%.6f,%.2f,%.2f", result_seconds(r), result_rate(r), result_speed(r));
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        fprintf(out, ",%llu", (unsigned long long)counts[i]);
    fprintf(out, ",%.2f,%.2f", r->rate_asked, r->rate_held);
    for (unsigned i = 0; i < 4; i++) {
        fprintf(out, ",%.1f", histogram_mean(times[i]));
        for (unsigned j = 0; j < BLOCK_PARTS; j++)
            fprintf(out, ",%llu", (unsigned long long)histogram_quantile(times[i], block_parts[j]));
    }
    fputs("\r\n", out);
}
