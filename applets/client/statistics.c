#include "applets/client/statistics.h"
#include "applets/common/human.h"

#include <stdlib.h>

static int by_completion(const void *a, const void *b) {
    const request *x = *(const request *const *)a, *y = *(const request *const *)b;
    if (x->end_us != y->end_us) return x->end_us < y->end_us ? -1 : 1;
    if (x->start_us != y->start_us) return x->start_us < y->start_us ? -1 : 1;
    return 0;
}

static void print_row(FILE *out, const request *r) {
    char end[HUMAN_ROOM + 1] = "+", start[HUMAN_ROOM + 1] = "+", took[HUMAN_ROOM], size[HUMAN_ROOM];
    human_duration(end + 1, r->end_us - r->connected_us);
    human_duration(start + 1, r->start_us - r->connected_us);
    human_duration(took, r->end_us - r->start_us);
    human_units(size, r->received);
    fprintf(out, "%3u %11s %s%11s %8s %4u %4s %.*s\n", r->ref.id, end,
            r->kind == REQUEST_PUSHED ? "*" : " ", start, took, r->status, size,
            (int)r->uri.target.n, (const char *)r->uri.target.p);
}

static bool is_row(const request *r) {
    return r->state == REQUEST_DONE && r->kind != REQUEST_OPENER;
}

void statistics_print(FILE *out, const request *requests) {
    size_t n = 0;
    for (const request *r = requests; r; r = r->next) n += is_row(r);
    if (n == 0) return;
    const request **rows = calloc(n, sizeof *rows);
    if (!rows) return;
    n = 0;
    for (const request *r = requests; r; r = r->next)
        if (is_row(r)) rows[n++] = r;
    qsort(rows, n, sizeof *rows, by_completion);
    fputs("***** Statistics *****\n"
          "\n"
          "Times are counted from the moment the connection stood:\n"
          "  responseEnd: the last byte of the response had come\n"
          " requestStart: the request was about to be sent; * marks a response\n"
          "               that the server pushed\n"
          "      process: responseEnd - requestStart\n"
          "         code: HTTP status\n"
          "         size: body bytes as they came, before any decoding\n"
          "\n"
          "sorted by 'complete'\n"
          "\n"
          "id  responseEnd requestStart  process code size request path\n",
          out);
    for (size_t i = 0; i < n; i++) print_row(out, rows[i]);
    free(rows);
}
