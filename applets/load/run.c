#include "applets/load/run.h"
#include "applets/load/crew.h"
#include "applets/load/live.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define PROGRESS_MS 250u
#define PACE_ROOM   96u

/* What the main thread keeps while the workers run. */
typedef struct stage {
    load_run *run;
    loop *loop;
    worker *workers;
    crew **crews; /* by worker; a worker writes its own before it starts and reads it at its end */
    pthread_mutex_t lock; /* of running */
    unsigned running;
    bool stopped;
    live live;
    timer tick;
} stage;

/* ---- workers ---- */

static void all_ended(void *user) { loop_stop(((stage *)user)->loop); }

static bool start_worker(void *user, unsigned index, loop *l) {
    stage *s = user;
    s->crews[index] = crew_new(s->run, index, l);
    return s->crews[index] != NULL;
}

static void end_worker(void *user, unsigned index, loop *l) {
    stage *s = user;
    (void)index;
    (void)l;
    pthread_mutex_lock(&s->lock);
    bool last = --s->running == 0;
    pthread_mutex_unlock(&s->lock);
    if (last) loop_post(s->loop, all_ended, s);
}

static void stop_crew(void *user) { crew_stop(user); }

/* ---- the main thread ---- */

static void stop_all(stage *s) {
    for (unsigned i = 0; i < s->run->threads; i++)
        loop_post(worker_loop(s->workers, i), stop_crew, s->crews[i]);
}

static void on_signal(void *user, int signo) {
    stage *s = user;
    if (s->stopped) _exit(128 + signo); /* once more: at once */
    s->stopped = true;
    stop_all(s);
}

static void tick(timer *t) {
    stage *s = t->user;
    live_tick(&s->live);
    timer_arm(s->loop, t, PROGRESS_MS);
}

/* ---- the result ---- */

static void gather(const stage *s, result *out) {
    const load_run *run = s->run;
    uint64_t from = UINT64_MAX, to = 0, first = UINT64_MAX, last = 0;
    for (unsigned i = 0; i < run->threads; i++) {
        crew *c = s->crews[i];
        tally_merge(out->tally, c->tally);
        uint64_t start = c->measured_from_us ? c->measured_from_us : c->measured_to_us;
        if (start < from) from = start;
        if (c->measured_to_us > to) to = c->measured_to_us;
        if (c->first_sent_us && c->first_sent_us < first) first = c->first_sent_us;
        if (c->last_sent_us > last) last = c->last_sent_us;
    }
    tally *t = out->tally;
    t->started -= t->unanswered;
    t->total = run->requests != UINT64_MAX ? run->requests : t->started;
    out->measured_us = to > from ? to - from : 0;
    out->rate_asked = run->lane_rate * run->clients;
    uint64_t sending = run->duration_us ? out->measured_us : last > first ? last - first : 0;
    uint64_t sent = t->started + t->unanswered;
    /* Without a time to end, the last request begins one interval before the time is over. */
    double seconds = (double)sending / 1e6;
    if (!run->duration_us && out->rate_asked > 0) seconds += 1 / out->rate_asked;
    out->rate_held = out->rate_asked > 0 && seconds > 0 ? (double)sent / seconds : 0;
    out->start_unix_us = run->start_unix_us;
    out->clients = run->clients;
    out->threads = run->threads;
    out->streams = run->streams;
    out->interrupted = s->stopped;
    snprintf(out->target, sizeof out->target, "%.*s", (int)run->plan.base.text.n,
             (const char *)run->plan.base.text.p);
    snprintf(out->protocol, sizeof out->protocol, "%s", run->facts->protocol);
    snprintf(out->tls, sizeof out->tls, "%s", run->facts->tls);
    snprintf(out->cipher, sizeof out->cipher, "%s", run->facts->cipher);
    snprintf(out->group, sizeof out->group, "%s", run->facts->group);
}

/* The part of a worker in --rate; empty without one. */
static void describe_pace(const load_run *run, unsigned index, char text[PACE_ROOM]) {
    uint64_t rate = (uint64_t)run->set->rate, ms = run->set->rate_period_ms;
    uint64_t part = rate / run->threads + (index < rate % run->threads);
    uint64_t count = ms % 3600000 == 0 ? ms / 3600000
                     : ms % 60000 == 0 ? ms / 60000
                     : ms % 1000 == 0  ? ms / 1000
                                       : ms;
    const char *unit = ms % 3600000 == 0 ? "h"
                       : ms % 60000 == 0 ? "m"
                       : ms % 1000 == 0  ? "s"
                                         : "ms";
    text[0] = '\0';
    if (!rate) return;
    snprintf(text, PACE_ROOM, "Up to %llu client(s) will be created every %llu%s ",
             (unsigned long long)part, (unsigned long long)count, unit);
}

static void say_threads(const load_run *run) {
    printf("starting benchmark...\n");
    for (unsigned i = 0; i < run->threads; i++) {
        char pace[PACE_ROOM];
        describe_pace(run, i, pace);
        uint32_t clients = run->clients / run->threads + (i < run->clients % run->threads);
        if (run->duration_us || run->requests == UINT64_MAX)
            printf(
                "spawning thread #%u: %u total client(s). Timing-based test with %llus of warm-up time "
                "and %llus of main duration for measurements.\n",
                i, clients, (unsigned long long)run->warm_up_us / 1000000,
                (unsigned long long)run->duration_us / 1000000);
        else
            printf("spawning thread #%u: %u total client(s). %s%llu total requests\n", i, clients,
                   pace,
                   (unsigned long long)(run->requests / run->threads +
                                        (i < run->requests % run->threads)));
    }
    fflush(stdout);
}

bool load_run_all(load_run *run, result *out) {
    stage s = {.run = run, .loop = loop_new(), .running = run->threads};
    struct timespec now;
    bool good = false;
    s.crews = calloc(run->threads, sizeof(crew *));
    if (!s.loop || !s.crews) {
        opt_say(run->call, "no event loop: out of memory or of descriptors");
        loop_free(s.loop);
        free(s.crews);
        return false;
    }
    pthread_mutex_init(&s.lock, NULL);
    if (!run->facts->quiet) say_threads(run);
    loop_on_signal(s.loop, SIGINT, on_signal, &s);
    loop_on_signal(s.loop, SIGTERM, on_signal, &s);
    clock_gettime(CLOCK_REALTIME, &now);
    run->start_us = loop_now_us();
    run->start_unix_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    run->series = &out->series;
    series_restart(&out->series, run->start_us);
    live_begin(&s.live, run, run->facts->quiet);
    run->facts->live = s.live.on_terminal;
    s.tick = (timer){.fire = tick, .user = &s};
    timer_arm(s.loop, &s.tick, PROGRESS_MS);
    s.workers = worker_start(run->threads, start_worker, end_worker, &s);
    if (s.workers) {
        loop_run(s.loop);
        live_end(&s.live);
        worker_join(s.workers);
        gather(&s, out);
        good = true;
    } else {
        opt_say(run->call, "%u threads could not be started", run->threads);
    }
    for (unsigned i = 0; i < run->threads; i++) crew_free(s.crews[i]);
    free(s.crews);
    loop_free(s.loop);
    pthread_mutex_destroy(&s.lock);
    return good;
}
