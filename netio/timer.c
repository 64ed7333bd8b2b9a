#include "netio/timer_impl.h"

#include "netio/loop_impl.h"

/* About ten years: keeps every due tick inside the six levels. */
#define FARTHEST_MS ((uint64_t)1 << 38)

static uint64_t due_tick(const timer_wheel *w, const timer *t) {
    return (t->due_ms - w->base_ms + TIMER_TICK_MS - 1) / TIMER_TICK_MS;
}

static void insert(timer **head, timer *t) {
    t->next = *head;
    t->prev = head;
    if (t->next) t->next->prev = &t->next;
    *head = t;
}

/* The level is where due and the present first differ, so a slot never holds timers of two rounds,
 * and all of a level are due before any of the level above. due must lie after w->tick. */
static void place(timer_wheel *w, timer *t, uint64_t due) {
    unsigned bit = 63u - (unsigned)__builtin_clzll((unsigned long long)(due ^ w->tick));
    unsigned level = bit / 6;
    unsigned slot = (unsigned)(due >> (level * 6)) & (TIMER_SLOTS - 1);
    w->filled[level] |= (uint64_t)1 << slot;
    insert(&w->slots[level][slot], t);
}

/* Finds the next slot that holds a timer, and the tick at which it must be looked at. */
static bool next_slot(timer_wheel *w, unsigned *level, unsigned *slot, uint64_t *tick) {
    for (unsigned l = 0; l < TIMER_LEVELS; l++) {
        while (w->filled[l]) {
            unsigned s = (unsigned)__builtin_ctzll((unsigned long long)w->filled[l]);
            if (!w->slots[l][s]) {
                w->filled[l] &= w->filled[l] - 1;
                continue;
            }
            uint64_t above = w->tick >> ((l + 1) * 6);
            *level = l;
            *slot = s;
            *tick = ((above << 6) | s) << (l * 6);
            return true;
        }
    }
    return false;
}

static void advance(timer_wheel *w, uint64_t now) {
    unsigned level, slot;
    uint64_t tick;
    while (next_slot(w, &level, &slot, &tick) && tick <= now) {
        w->tick = tick;
        w->filled[level] &= ~((uint64_t)1 << slot);
        timer *list = w->slots[level][slot];
        w->slots[level][slot] = NULL;
        list->prev = &list; /* a callback may cancel any timer that waits in this list */
        while (list) {
            timer *t = list;
            uint64_t due = due_tick(w, t);
            timer_cancel(t);
            if (due > tick) {
                place(w, t, due);
            } else {
                t->fire(t);
            }
        }
    }
    if (w->tick < now) w->tick = now;
}

static void ring(uv_timer_t *clock) {
    timer_wheel *w = clock->data;
    w->wake = UINT64_MAX;
    advance(w, (uv_now(clock->loop) - w->base_ms) / TIMER_TICK_MS);
    timer_wheel_settle(w);
}

static void set_clock(timer_wheel *w, uint64_t tick) {
    uint64_t at = w->base_ms + tick * TIMER_TICK_MS, now = uv_now(w->clock.loop);
    w->wake = tick;
    uv_timer_start(&w->clock, ring, at > now ? at - now : 0, 0);
}

void timer_wheel_init(timer_wheel *w, uv_loop_t *uv) {
    *w = (timer_wheel){.base_ms = uv_now(uv), .wake = UINT64_MAX};
    uv_timer_init(uv, &w->clock);
    w->clock.data = w;
}

void timer_wheel_settle(timer_wheel *w) {
    unsigned level, slot;
    uint64_t tick, now = (uv_now(w->clock.loop) - w->base_ms) / TIMER_TICK_MS;
    bool any = next_slot(w, &level, &slot, &tick);
    /* Nothing lies between, so the present may move: timers armed next land on low levels. */
    if (w->tick < now && (!any || now < tick)) w->tick = now;
    if (!any) {
        if (w->wake != UINT64_MAX) uv_timer_stop(&w->clock);
        w->wake = UINT64_MAX;
    } else if (tick != w->wake) {
        set_clock(w, tick);
    }
}

void timer_wheel_end(timer_wheel *w) {
    for (unsigned l = 0; l < TIMER_LEVELS; l++) {
        for (unsigned s = 0; s < TIMER_SLOTS; s++) {
            while (w->slots[l][s]) timer_cancel(w->slots[l][s]);
        }
    }
}

void timer_arm(loop *l, timer *t, uint64_t ms) {
    timer_wheel *w = &l->wheel;
    timer_cancel(t);
    t->due_ms = uv_now(&l->uv) + (ms < FARTHEST_MS ? ms : FARTHEST_MS);
    uint64_t due = due_tick(w, t);
    if (due <= w->tick) due = w->tick + 1;
    place(w, t, due);
    /* Set at once, not at the end of the turn: else a loop with nothing but this timer would end. */
    if (due < w->wake) set_clock(w, due);
}

void timer_cancel(timer *t) {
    if (!t->prev) return;
    *t->prev = t->next;
    if (t->next) t->next->prev = t->prev;
    t->next = NULL;
    t->prev = NULL;
}
