#include "applets/load/crew.h"
#include "applets/load/facts.h"
#include "applets/load/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TICK_MS    100u
#define LOG_ROOM   65536u
#define LOG_LINE   64u
#define SHOT_CHUNK 64u

typedef struct shot_chunk {
    struct shot_chunk *next;
    shot shots[SHOT_CHUNK];
} shot_chunk;

/* ---- shots ---- */

shot *crew_take_shot(crew *c) {
    if (!c->spare) {
        shot_chunk *k = malloc(sizeof *k);
        if (!k) return NULL;
        k->next = c->chunks;
        c->chunks = k;
        for (unsigned i = 0; i < SHOT_CHUNK; i++) crew_give_shot(c, &k->shots[i]);
    }
    shot *s = c->spare;
    c->spare = s->next;
    return s;
}

void crew_give_shot(crew *c, shot *s) {
    s->next = c->spare;
    c->spare = s;
}

/* ---- the log ---- */

static void write_log(crew *c) {
    size_t at = 0;
    while (at < c->log_n) {
        ssize_t n = write(c->run->log, c->log + at, c->log_n - at);
        if (n <= 0) break; /* a full disk must not end the run; the lines are lost */
        at += (size_t)n;
    }
    c->log_n = 0;
}

void crew_log(crew *c, uint64_t sent_us, int status, uint64_t us) {
    if (c->run->log < 0 || !c->log) return;
    if (c->log_n + LOG_LINE > LOG_ROOM) write_log(c);
    int64_t at = c->run->start_unix_us + (int64_t)(sent_us - c->run->start_us);
    int n = snprintf((char *)c->log + c->log_n, LOG_LINE, "%lld\t%d\t%llu\n", (long long)at, status,
                     (unsigned long long)us);
    c->log_n += (size_t)n;
}

/* ---- what is due when: a heap of lanes ---- */

static void put_at(crew *c, uint32_t i, lane *l) {
    c->due[i] = l;
    l->heap_at = i + 1;
}

static void sift_up(crew *c, uint32_t i, lane *l) {
    while (i && c->due[(i - 1) / 2]->wake_us > l->wake_us) {
        put_at(c, i, c->due[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put_at(c, i, l);
}

static void sift_down(crew *c, uint32_t i, lane *l) {
    for (uint32_t child; (child = 2 * i + 1) < c->due_count; i = child) {
        if (child + 1 < c->due_count && c->due[child + 1]->wake_us < c->due[child]->wake_us)
            child++;
        if (c->due[child]->wake_us >= l->wake_us) break;
        put_at(c, i, c->due[child]);
    }
    put_at(c, i, l);
}

void crew_forget(crew *c, lane *l) {
    if (!l->heap_at) return;
    uint32_t i = l->heap_at - 1;
    lane *last = c->due[--c->due_count];
    l->heap_at = 0;
    if (last == l) return;
    if (i && c->due[(i - 1) / 2]->wake_us > last->wake_us)
        sift_up(c, i, last);
    else
        sift_down(c, i, last);
}

static void ring(void *user);

/* The next moment at which something is to be done. */
static void set_alarm(crew *c) {
    uint64_t at = c->due_count ? c->due[0]->wake_us : UINT64_MAX;
    if (c->open_us && c->open_us < at) at = c->open_us;
    if (c->phase_us && c->phase_us < at) at = c->phase_us;
    loop_alarm(c->loop, at == UINT64_MAX ? 0 : at, ring, c);
}

void crew_wake_at(crew *c, lane *l, uint64_t due_us) {
    crew_forget(c, l);
    l->wake_us = due_us;
    sift_up(c, c->due_count++, l);
    if (l->heap_at == 1) set_alarm(c);
}

/* ---- lanes ---- */

/* The lane that the next connection may be made in; NULL when all are busy. */
static lane *free_lane(crew *c) {
    if (c->opened < c->lane_count) return &c->lanes[c->opened++];
    for (uint32_t i = 0; c->run->requests == UINT64_MAX && i < c->lane_count; i++)
        if (c->lanes[i].ended) return &c->lanes[i];
    return NULL;
}

/* "progress: 10% of clients started": the first worker tells it of its own, as h2load does. */
static void say_opened(const crew *c) {
    uint32_t n = c->lane_count, step = n < 10 ? 1 : n / 10;
    if (c->index || c->run->requests == UINT64_MAX || c->opened % step) return;
    load_facts_say(c->run->facts, "progress: %llu%% of clients started\n",
                   (unsigned long long)c->opened * 100 / n);
}

static void open_lane(crew *c) {
    lane *l = free_lane(c);
    if (!l) {
        c->tally->late_connections += c->measuring;
        return;
    }
    c->live++;
    lane_begin(l);
}

/* --rate: lanes of this worker are every threads'th of all. */
static void open_due(crew *c) {
    const load_run *run = c->run;
    while (c->open_us && c->open_us <= c->now_us) {
        open_lane(c);
        say_opened(c);
        bool more = run->requests == UINT64_MAX || c->opened < c->lane_count;
        c->open_us = more ? c->open_us + (uint64_t)(run->open_interval_us * run->threads) : 0;
    }
}

/* Nothing is left to do: nor to wait for, so the loop ends. */
static void end_if_idle(crew *c) {
    if (c->live || (c->open_us && !c->stopping)) return;
    if (!c->measured_to_us) c->measured_to_us = c->now_us;
    c->open_us = c->phase_us = 0;
    series_add(c->run->series, c->measured_to_us, &c->slice);
    loop_alarm(c->loop, 0, NULL, NULL);
    timer_cancel(&c->tick);
}

void crew_lane_ended(crew *c, lane *l) {
    crew_forget(c, l);
    l->ended = true;
    c->live--;
    end_if_idle(c);
}

/* ---- phases ---- */

/* What h2load says of a run with --duration. */
static void say_phase(const crew *c, const char *what, const char *more) {
    if (c->run->duration_us)
        load_facts_say(c->run->facts, "%s for thread #%u%s\n", what, c->index, more);
}

static void begin_measuring(crew *c) {
    c->measuring = true;
    c->measured_from_us = c->now_us;
    if (c->index == 0 && c->run->warm_up_us) series_restart(c->run->series, c->now_us);
    memset(&c->slice, 0, sizeof c->slice);
    say_phase(c, "Main benchmark duration is started", ".");
}

static void next_phase(crew *c) {
    if (!c->measuring) {
        say_phase(c, "Warm-up phase is over", ".");
        begin_measuring(c);
        c->phase_us = c->run->duration_us ? c->phase_us + c->run->duration_us : 0;
        return;
    }
    say_phase(c, "Main benchmark duration is over", ". Stopping all clients.");
    crew_stop(c);
    say_phase(c, "Stopped all clients", "");
}

static void ring(void *user) {
    crew *c = user;
    crew_look_at_clock(c);
    if (c->phase_us && c->phase_us <= c->now_us) next_phase(c);
    open_due(c);
    while (c->due_count && c->due[0]->wake_us <= c->now_us) {
        lane *l = c->due[0];
        crew_forget(c, l);
        lane_fill(l);
    }
    if (c->live || c->open_us) set_alarm(c);
}

void crew_stop(crew *c) {
    if (c->stopping) return;
    crew_look_at_clock(c);
    c->stopping = true;
    c->phase_us = c->open_us = 0;
    c->measured_to_us = c->now_us;
    c->measuring = false;
    for (uint32_t i = 0; i < c->opened; i++) lane_stop(&c->lanes[i]);
    end_if_idle(c);
}

/* ---- birth and end ---- */

void crew_end_slice(crew *c) {
    uint64_t start = c->run->start_us;
    if (c->slice_end_us) series_add(c->run->series, c->slice_end_us, &c->slice);
    c->slice_end_us = start + ((c->now_us - start) / SERIES_FIRST_US + 1) * SERIES_FIRST_US;
}

/* So that slices end although nothing comes. */
static void tick(timer *t) {
    crew *c = t->user;
    crew_look_at_clock(c);
    timer_arm(c->loop, t, TICK_MS);
}

static bool make_lanes(crew *c) {
    const load_run *run = c->run;
    c->lane_count = run->clients / run->threads + (c->index < run->clients % run->threads);
    c->lanes = calloc(c->lane_count, sizeof *c->lanes);
    c->due = calloc(c->lane_count, sizeof(lane *));
    if (!c->lanes || !c->due) return false;
    for (uint32_t i = 0; i < c->lane_count; i++)
        c->lanes[i] = (lane){.crew = c, .index = c->index + i * run->threads};
    return true;
}

crew *crew_new(const load_run *run, unsigned index, loop *l) {
    crew *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    *c = (crew){.run = run, .loop = l, .index = index, .tally = tally_new()};
    if (run->log >= 0) c->log = malloc(LOG_ROOM);
    if (!c->tally || !make_lanes(c)) {
        crew_free(c);
        return NULL;
    }
    c->tally->paced = run->lane_rate > 0 || run->plan.offsets_us;
    c->tick = (timer){.fire = tick, .user = c};
    timer_arm(l, &c->tick, TICK_MS);
    crew_look_at_clock(c);
    if (run->warm_up_us) {
        say_phase(c, "Warm-up started", ".");
        c->phase_us = c->now_us + run->warm_up_us;
    } else {
        begin_measuring(c);
        if (run->duration_us) c->phase_us = c->now_us + run->duration_us;
    }
    if (run->open_interval_us > 0)
        c->open_us = c->now_us + (uint64_t)(run->open_interval_us * index) + 1;
    else
        while (c->opened < c->lane_count) open_lane(c);
    set_alarm(c);
    return c;
}

void crew_free(crew *c) {
    if (!c) return;
    if (c->log_n) write_log(c);
    while (c->chunks) {
        shot_chunk *k = c->chunks;
        c->chunks = k->next;
        free(k);
    }
    tally_free(c->tally);
    free(c->lanes);
    free(c->due);
    free(c->fields);
    free(c->values);
    free(c->log);
    free(c);
}
