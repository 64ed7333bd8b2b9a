#include "applets/client/statistics.h"
#include "applets/common/human.h"

#include <stdlib.h>

static int by_completion(const void *a, const void *b) {
    const request *x = *(const request *const *)a, *y = *(const request *const *)b;
    if (x->end_us != y->end_us) return x->end_us < y->end_us ? -1 : 1;
    if (x->start_us != y->start_us) return x->start_us < y->start_us ? -1 : 1;
    return 0;
}

static void print_row(FILE *out, const request *r, uint64_t connected_us) {
    char end[HUMAN_ROOM + 1] = "+", start[HUMAN_ROOM + 1] = "+", took[HUMAN_ROOM], size[HUMAN_ROOM];
    human_duration(end + 1, r->end_us - connected_us);
    human_duration(start + 1, r->start_us - connected_us);
    human_duration(took, r->end_us - r->start_us);
    human_units(size, r->received);
    fprintf(out, "%3u %11s %s%11s %8s %4u %4s %.*s\n", r->ref.id, end, r->pushed ? "*" : " ", start,
            took, r->status, size, (int)r->uri.target.n, (const char *)r->uri.target.p);
}

void statistics_print(FILE *out, const request *requests, uint64_t connected_us) {
    size_t n = 0;
    for (const request *r = requests; r; r = r->next) n += r->state == REQUEST_DONE;
    const request **rows = calloc(n + 1, sizeof *rows);
    if (!rows) return;
    n = 0;
    for (const request *r = requests; r; r = r->next)
        if (r->state == REQUEST_DONE) rows[n++] = r;
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
    for (size_t i = 0; i < n; i++) print_row(out, rows[i], connected_us);
    free(rows);
}
