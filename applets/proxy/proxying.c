#include "applets/proxy/proxying.h"
#include "applets/proxy/crew.h"
#include "applets/proxy/error_log.h"
#include "applets/proxy/front.h"
#include "applets/proxy/proxy.h"
#include "applets/proxy/relay.h"
#include "core/limits.h"

#include <stdlib.h>
#include <unistd.h>

#define LOST_BEFORE "# "
#define LOST_AFTER  " were lost: they came faster than they could be written"

/* What one record of each log is called; those of many lines end with an empty one. */
static const char *const lost_after[PLAN_LOGS] = {" lines" LOST_AFTER, " requests" LOST_AFTER "\n",
                                                  " answers" LOST_AFTER "\n"};

/* ---- plans ---- */

/* False: no memory, and lines go to the file of before. */
static bool turn_log_to(proxying *w, plan_log which, log_file *f) {
    log_writer *log = f ? log_writer_new(w->loop, f, LOST_BEFORE, lost_after[which]) : NULL;
    if (f && !log) return false;
    log_writer_retire(w->logs[which], &w->retired_logs);
    w->logs[which] = log;
    return true;
}

/* Those that are not as they were. */
static bool turn_logs(proxying *w, const plan *to, const plan *from) {
    bool good = true;
    for (plan_log i = 0; i < PLAN_LOGS; i++)
        if (!from || to->logs[i] != from->logs[i]) good &= turn_log_to(w, i, to->logs[i]);
    return good;
}

/* Clients that came when there were no limits have them from now on. */
static void limit_rates(proxying *w) {
    quota_set(w->quota, &w->now->plan->worker_rates);
    if (!quota_limits(w->quota)) return;
    for (front *f = w->fronts; f; f = f->next) link_set_quota(f->link, w->quota);
}

/* False: no memory, and nothing has changed. */
static bool obey(proxying *w, doors_order *o) {
    const char *why = NULL;
    generation *before = w->now;
    generation *g = generation_new(w->loop, plan_hold(o->plan), &relay_pool_calls, w);
    if (!g) return false;
    w->now = g; /* listeners may ask at once */
    size_t opened = entrance_arrange(&w->entrances, w, o, &why);
    if (opened == ENTRANCE_NO_MEMORY) { /* its listeners are still the old plan's */
        w->now = before;
        generation_retire(g);
        return false;
    }
    if (opened != o->count) error_log_say(ERROR_LOG_ERROR, "listen: %s", why);
    if (!turn_logs(w, o->plan, before->plan))
        error_log_say(ERROR_LOG_ERROR, "a worker keeps a log of before: out of memory");
    limit_rates(w);
    generation_retire(before);
    return true;
}

void proxying_take_order(void *user) {
    proxying *w = user;
    doors_order *o = atomic_exchange(&w->order, NULL);
    if (!o) return; /* a later letter brought it */
    if (!obey(w, o))
        error_log_say(ERROR_LOG_ERROR, "a worker keeps its configuration: out of memory");
    doors_order_drop(o);
}

void proxying_order(proxying *w, doors_order *next) {
    doors_order_drop(atomic_exchange(&w->order, next));
}

/* ---- its life ---- */

void proxying_init(proxying *w, proxy *x, unsigned index, doors_order *first) {
    *w = (proxying){.proxy = x, .index = index};
    atomic_init(&w->order, first);
    atomic_init(&w->ended, false);
}

/* A loop ends when it waits for nothing, and a worker may have no socket to listen on yet. */
static void stay(timer *t) {
    proxying *w = t->user;
    timer_arm(w->loop, t, (uint64_t)24 * 3600 * 1000);
}

static bool begin(proxying *w, loop *l, doors_order *o, const char **why) {
    *why = "out of memory";
    w->by_high = loop_random(l);
    w->by_low = loop_random(l);
    w->now = generation_new(l, plan_hold(o->plan), &relay_pool_calls, w);
    w->quota = quota_new(l);
    if (!w->now || !w->quota) return false;
    limit_rates(w);
    return rewrite_room(&w->rewritten, loop_mem(l)) && turn_logs(w, o->plan, NULL) &&
           entrance_arrange(&w->entrances, w, o, why) == o->count;
}

bool proxying_start(void *user, unsigned index, loop *l) {
    proxying *w = user;
    const char *why;
    doors_order *o = atomic_exchange(&w->order, NULL);
    w->loop = l;
    bool ready = begin(w, l, o, &why);
    doors_order_drop(o);
    if (ready) {
        w->stays = (timer){.fire = stay, .user = w};
        stay(&w->stays);
        return true;
    }
    error_log_say(ERROR_LOG_ERROR, "a worker cannot start: %s", why);
    proxying_end(w, index, l);
    return false;
}

void proxying_end(void *user, unsigned index, loop *l) {
    proxying *w = user;
    (void)index;
    entrance_close_all(&w->entrances);
    generation_end(w->now);
    w->now = NULL;
    quota_free(w->quota);
    log_writer_free_all(&w->retired_logs);
    for (int i = 0; i < PLAN_LOGS; i++) log_writer_free(w->logs[i]);
    rewrite_end(&w->rewritten, loop_mem(l));
    doors_order_drop(atomic_exchange(&w->order, NULL));
}

/* ---- stopping ---- */

bool proxying_post(loop *l, void (*fn)(void *user), void *user) {
    for (int tries = 0; tries < 1000; tries++) {
        if (loop_post(l, fn, user)) return true;
        usleep(1000);
    }
    return false;
}

static void stop_if_idle(proxying *w) {
    if (!w->draining || w->front_count || atomic_load(&w->ended)) return;
    atomic_store(&w->ended, true);
    timer_cancel(&w->drain_limit);
    timer_cancel(&w->stays);
    loop_stop(w->loop);
    proxying_post(w->proxy->loop, crew_ended, w);
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
        error_log_say(ERROR_LOG_WARN, "%zu connections are cut: their time to end is over",
                      w->front_count);
    proxying_cut(w);
}

static void take_no_more(proxying *w) {
    uint32_t limit = w->now->plan->drain_ms;
    w->draining = true;
    w->drain_limit = (timer){.fire = drain_is_up, .user = w};
    if (limit) timer_arm(w->loop, &w->drain_limit, limit);
}

/* Others go on: a client must not see its connection closed when it is about to ask. */
void proxying_leave(void *user) {
    proxying *w = user;
    if (w->draining) return;
    take_no_more(w);
    entrance_leave_all(&w->entrances);
    for (front *f = w->fronts; f; f = f->next) front_leave(f);
    stop_if_idle(w);
}

void proxying_drain(void *user) {
    proxying *w = user;
    if (!w->draining) take_no_more(w);
    entrance_close_all(&w->entrances);
    for (front *f = w->fronts; f; f = f->next) {
        session_drain(link_session(f->link), loop_now_ms(w->loop));
        link_touch(f->link);
    }
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
