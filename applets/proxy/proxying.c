#include "applets/proxy/proxying.h"
#include "applets/proxy/error_log.h"
#include "applets/proxy/front.h"
#include "applets/proxy/proxy.h"
#include "applets/proxy/relay.h"
#include "core/limits.h"

#include <stdlib.h>
#include <unistd.h>

#define LOST_BEFORE "# "
#define LOST_AFTER  " lines were lost: they came faster than they could be written"

/* ---- plans ---- */

static size_t addresses_of(const plan *p) {
    size_t n = 0;
    for (size_t i = 0; i < p->frontend_count; i++) n += p->frontends[i].address_count;
    return n;
}

/* False: no memory, and lines go to the file of before. */
static bool turn_log_to(proxying *w, log_file *f) {
    log_writer *log = f ? log_writer_new(w->loop, f, LOST_BEFORE, LOST_AFTER) : NULL;
    if (f && !log) return false;
    log_writer_retire(w->log, &w->retired_logs);
    w->log = log;
    return true;
}

void proxying_take_plan(void *user) {
    proxying *w = user;
    const char *why = NULL;
    plan *next = atomic_exchange(&w->next_plan, NULL);
    if (!next) return; /* a later letter brought it */
    if (w->draining) {
        plan_drop(next);
        return;
    }
    generation *g = generation_new(w->loop, next, &relay_pool_calls, w);
    if (!g) {
        error_log_say(ERROR_LOG_ERROR, "a worker keeps its configuration: out of memory");
        return;
    }
    generation *before = w->now;
    if (next->access_log != before->plan->access_log && !turn_log_to(w, next->access_log))
        error_log_say(ERROR_LOG_ERROR, "a worker keeps its access log: out of memory");
    w->now = g;
    size_t opened = entrance_arrange(&w->entrances, w, next, &why);
    if (opened == ENTRANCE_NO_MEMORY) { /* its listeners are still the old plan's */
        w->now = before;
        before = g;
    }
    if (opened != addresses_of(next)) error_log_say(ERROR_LOG_ERROR, "listen: %s", why);
    generation_retire(before);
}

/* ---- its life ---- */

/* A loop ends when it waits for nothing, and a UNIX socket is the first worker's alone; but the
 * next plan may have work for all. */
static void stay(timer *t) {
    proxying *w = t->user;
    timer_arm(w->loop, t, (uint64_t)24 * 3600 * 1000);
}

bool proxying_start(void *user, unsigned index, loop *l) {
    proxy *x = user;
    proxying *w = &x->workers[index];
    const char *why = "out of memory";
    *w = (proxying){.proxy = x, .loop = l, .index = index};
    atomic_init(&w->next_plan, NULL);
    atomic_init(&w->ended, false);
    w->by_high = loop_random(l);
    w->by_low = loop_random(l);
    w->now = generation_new(l, plan_hold(x->plan), &relay_pool_calls, w);
    bool ready =
        w->now && rewrite_room(&w->rewritten, loop_mem(l)) && turn_log_to(w, x->plan->access_log);
    if (ready && entrance_arrange(&w->entrances, w, x->plan, &why) == addresses_of(x->plan)) {
        w->stays = (timer){.fire = stay, .user = w};
        stay(&w->stays);
        return true;
    }
    if (!atomic_exchange(&x->spoke, true)) error_log_say(ERROR_LOG_FATAL, "listen: %s", why);
    proxying_end(user, index, l);
    return false;
}

void proxying_end(void *user, unsigned index, loop *l) {
    proxying *w = &((proxy *)user)->workers[index];
    entrance_close_all(&w->entrances);
    generation_end(w->now);
    w->now = NULL;
    log_writer_free_all(&w->retired_logs);
    log_writer_free(w->log);
    rewrite_end(&w->rewritten, loop_mem(l));
    plan_drop(atomic_exchange(&w->next_plan, NULL));
}

/* ---- stopping ---- */

bool proxying_post(loop *l, void (*fn)(void *user), void *user) {
    for (int tries = 0; tries < 1000; tries++) {
        if (loop_post(l, fn, user)) return true;
        usleep(1000);
    }
    return false;
}

static void worker_ended(void *user) {
    proxy *x = user;
    if (++x->ended == x->worker_count) loop_stop(x->loop);
}

static void stop_if_idle(proxying *w) {
    if (!w->draining || w->front_count || atomic_load(&w->ended)) return;
    atomic_store(&w->ended, true);
    timer_cancel(&w->drain_limit);
    timer_cancel(&w->stays);
    loop_stop(w->loop);
    proxying_post(w->proxy->loop, worker_ended, w->proxy);
}

void proxying_left(proxying *w) {
    w->front_count--;
    stop_if_idle(w);
}

void proxying_cut(void *user) {
    proxying *w = user;
    for (front *f = w->fronts, *next; f; f = next) {
        next = f->next;
        link_close(f->link, "the proxy stops");
    }
}

void proxying_stop(void *user) {
    proxying_drain(user);
    proxying_cut(user);
}

static void drain_is_up(timer *t) {
    proxying *w = t->user;
    if (w->front_count)
        error_log_say(ERROR_LOG_WARN, "%zu connections are cut: the proxy stops", w->front_count);
    proxying_cut(w);
}

void proxying_drain(void *user) {
    proxying *w = user;
    if (w->draining) return;
    w->draining = true;
    entrance_close_all(&w->entrances);
    for (front *f = w->fronts; f; f = f->next) {
        session_drain(link_session(f->link), loop_now_ms(w->loop));
        link_touch(f->link);
    }
    uint32_t limit = w->now->plan->drain_ms;
    w->drain_limit = (timer){.fire = drain_is_up, .user = w};
    if (limit) timer_arm(w->loop, &w->drain_limit, limit);
    stop_if_idle(w);
}

/* ---- what requests ask ---- */

uint32_t proxying_next_id(proxying *w) { return atomic_fetch_add(&w->proxy->connections, 1) + 1; }

span proxying_date(proxying *w) {
    int64_t now = loop_unix_seconds(w->loop);
    if (now != w->date_at) {
        date_format(now, w->date);
        w->date_at = now;
    }
    return span_of(w->date, DATE_LENGTH);
}
