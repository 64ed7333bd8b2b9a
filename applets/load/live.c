#include "applets/load/live.h"
#include "applets/common/human.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NOW_US UINT64_C(1000000) /* "now" is the last second */

void live_begin(live *p, const load_run *run, bool quiet) {
    *p = (live){.run = run,
                .quiet = quiet,
                .on_terminal =
                    !quiet && !run->set->verbose && isatty(STDERR_FILENO) && isatty(STDOUT_FILENO)};
}

typedef struct moment {
    uint64_t done, errors, elapsed_us;
    double rate, part; /* part of the run, 0 to 1; below 0: not known */
    uint64_t p50, p99;
} moment;

static moment look(const load_run *run) {
    series *s = run->series;
    moment m = {0};
    series_slice all, now;
    pthread_mutex_lock(&s->lock);
    uint32_t recent = (uint32_t)(NOW_US / s->slice_us);
    /* The slice that is being filled says too little. */
    uint32_t whole = s->count > 1 ? s->count - 1 : s->count;
    uint32_t from = recent && whole > recent ? whole - recent : whole > 1 ? whole - 1 : 0;
    series_sum(s, 0, s->count, &all);
    series_sum(s, from, whole, &now);
    uint64_t start = s->start_us, length = s->slice_us * (whole - from);
    pthread_mutex_unlock(&s->lock);
    m.done = all.done;
    m.errors = all.errors;
    m.elapsed_us = loop_now_us() - start;
    m.rate = length ? (double)now.done * 1e6 / (double)length : 0;
    m.p50 = series_quantile(&now, 0.5);
    m.p99 = series_quantile(&now, 0.99);
    m.part = -1;
    if (run->duration_us)
        m.part = (double)m.elapsed_us / (double)run->duration_us;
    else if (run->requests != UINT64_MAX)
        m.part = (double)(m.done + m.errors) / (double)run->requests;
    if (m.part > 1) m.part = 1;
    return m;
}

/* A line that is wider than the terminal would go on below, and stay. */
static int columns(void) {
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : 80;
}

static void show(live *p, const moment *m) {
    char p50[HUMAN_ROOM], p99[HUMAN_ROOM], eta[HUMAN_ROOM], total[24] = "", line[256];
    uint64_t left = 0;
    if (m->part > 0) left = (uint64_t)((double)m->elapsed_us * (1 - m->part) / m->part);
    if (p->run->requests != UINT64_MAX)
        snprintf(total, sizeof total, "/%llu", (unsigned long long)p->run->requests);
    snprintf(
        line, sizeof line, "%3.0f%%  %llu%s done  %.0f req/s  p50 %s  p99 %s  %llu errors  ETA %s",
        m->part > 0 ? m->part * 100 : 0, (unsigned long long)m->done, total, m->rate,
        human_duration(p50, m->p50), human_duration(p99, m->p99), (unsigned long long)m->errors,
        m->part > 0 ? human_duration(eta, left - left % 100000) : "?");
    fprintf(stderr, "\r\033[K%.*s", columns() - 1, line);
    fflush(stderr);
    p->shown = true;
}

/* A line for each tenth; of few requests, for each: h2load's steps. With --rate connections are
 * what it tells (crew.c). */
static void tell(live *p, const moment *m) {
    const load_run *run = p->run;
    if (run->set->rate || run->requests == UINT64_MAX) return;
    uint64_t step = run->requests < 10 ? 1 : run->requests / 10;
    while ((p->steps + 1) * step <= m->done + m->errors) {
        p->steps++;
        printf("progress: %llu%% done\n",
               (unsigned long long)(p->steps * step * 100 / run->requests));
    }
    fflush(stdout);
}

void live_tick(live *p) {
    if (p->quiet) return;
    moment m = look(p->run);
    if (p->on_terminal)
        show(p, &m);
    else
        tell(p, &m);
}

void live_end(live *p) {
    if (p->shown) fputs("\r\033[K", stderr);
    if (!p->on_terminal) live_tick(p);
}
