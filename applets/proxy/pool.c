#include "applets/proxy/pool_impl.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- the task ---- */

static void refuse_all(pool *p) {
    /* Those that come while it goes on are for the next round. */
    for (uint32_t n = p->refused.count; n && p->refused.first; n--) {
        pool_seat *seat = p->refused.first;
        pool_seat_leave(seat);
        p->calls.refused(seat, seat->refusal, seat->why);
    }
}

static void serve_all(pool *p) {
    pool_backend *b = p->woken;
    p->woken = NULL;
    p->woken_last = &p->woken;
    while (b) {
        pool_backend *next = b->woken_next;
        b->woken = false;
        pool_backend_serve(b);
        if (b->origin) pool_origin_settle(b);
        b = next;
    }
}

static void on_task(loop_task *t) {
    pool *p = (pool *)(void *)((char *)t - offsetof(pool, task));
    p->running = true;
    refuse_all(p);
    serve_all(p);
    p->running = false;
    pool_settle(p);
}

void pool_soon(pool *p) {
    if (!p->ending) loop_soon(p->loop, &p->task);
}

void pool_say(const pool *p, const char *level, const char *format, ...) {
    char text[512];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    p->calls.say(p->worker, level, text);
}

/* ---- birth and end ---- */

static void free_now(pool *p) {
    loop_task_cancel(p->loop, &p->task);
    if (p->plan->mode == PLAN_DIRECT)
        pool_origin_end(p);
    else
        pool_choose_end(p);
    tls_tickets_free(p->tickets);
    plan_drop(p->plan);
    mem_give(p->mem, p, sizeof *p);
}

pool *pool_new(loop *l, plan *pl, const pool_calls *calls, void *of) {
    const mem *m = loop_mem(l);
    pool *p = mem_take_zero(m, sizeof *p);
    if (!p) return NULL;
    *p = (pool){.loop = l,
                .mem = m,
                .plan = plan_hold(pl),
                .calls = *calls,
                .worker = of,
                .task = {.run = on_task},
                .tunnel = pl->back_h1};
    p->woken_last = &p->woken;
    p->tunnel.start = SESSION_TUNNEL;
    pool_seat_line(&p->refused);
    bool direct = pl->mode == PLAN_DIRECT, tls = pl->back_tls_h1 || pl->back_tls_h2;
    bool good = direct ? pool_origin_init(p) : pool_choose_init(p);
    if (good && tls) p->tickets = tls_tickets_new(m);
    if (good && (p->tickets || !tls)) return p;
    free_now(p);
    return NULL;
}

static void each_backend(pool *p, void (*each)(pool_backend *b)) {
    if (p->plan->mode == PLAN_DIRECT) {
        pool_origin_each(p, each);
        return;
    }
    for (size_t i = 0; i < p->backend_count; i++) each(&p->backends[i]);
}

void pool_settle(pool *p) {
    if (p->retiring && !p->running && !p->links && !p->waiting) free_now(p);
}

static void retire(pool_backend *b) {
    pool_health_end(b);
    pool_backend_wake(b);
}

void pool_retire(pool *p) {
    if (p->retiring) return;
    p->retiring = true;
    each_backend(p, retire);
    pool_soon(p);
}

static void leave_all(pool_line *line) {
    while (line->first) pool_seat_leave(line->first);
}

static void end(pool_backend *b) {
    pool_health_end(b);
    leave_all(&b->line);
    for (pool_link *k = b->links, *next; k; k = next) {
        next = k->next;
        pool_link_drop(k);
    }
}

void pool_free(pool *p) {
    if (!p) return;
    p->ending = p->retiring = true;
    leave_all(&p->refused);
    each_backend(p, end);
    pool_settle(p);
}

/* ---- requests ---- */

pool_link *pool_take(pool *p, pool_seat *seat, const pool_wish *w) {
    pool_refusal r = POOL_DOWN;
    const char *why = NULL;
    bool direct = p->plan->mode == PLAN_DIRECT;
    *seat = (pool_seat){.pool = p,
                        .pattern = direct ? NULL : &p->plan->patterns[w->pattern],
                        .since = p->failures,
                        .affinity = w->affinity,
                        .has_cookie = w->has_cookie,
                        .fresh = w->fresh,
                        .extended = w->extended};
    pool_backend *b =
        direct ? pool_origin_find(p, w, &r, &why) : pool_choose_one(p, seat, &r, &why);
    if (b) return pool_backend_take(b, seat);
    pool_seat_refuse(seat, r, why);
    return NULL;
}

void pool_leave(pool_seat *seat) {
    if (!seat->line) return;
    pool *p = seat->pool;
    pool_seat_leave(seat);
    pool_soon(p);
}

void pool_give(pool_link *k, bool spent) {
    pool *p = k->backend->pool;
    pool_link_give(k, spent);
    pool_settle(p);
}

void pool_keep(pool_link *k) { k->places++; }

net_link *pool_net(const pool_link *k) { return k->net; }
const plan_backend *pool_backend_of(const pool_link *k) { return k->backend->plan; }
uint32_t pool_affinity_of(const pool_link *k) { return k->backend->name; }
bool pool_was_used(const pool_link *k) { return k->used_before; }
