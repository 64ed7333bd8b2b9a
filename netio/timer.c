#include "netio/timer_impl.h"

#include <limits.h>

#include "netio/loop_impl.h"

/* ---- the wheel ---- */

static uint64_t due_tick(const timer_wheel *w, const timer *t) {
    return (t->due_ms - w->base_ms + TIMER_TICK_MS - 1) / TIMER_TICK_MS;
}

/* The level is where due and the present first differ, so a slot never holds timers of two rounds,
 * and all of a level are due before any of the level above. due must lie after w->tick. */
static void place(timer_wheel *w, timer *t, uint64_t due) {
    unsigned bit = 63u - (unsigned)__builtin_clzll((unsigned long long)(due ^ w->tick));
    unsigned level = bit / 6;
    unsigned slot = (unsigned)(due >> (level * 6)) & (TIMER_SLOTS - 1);
    timer **head = &w->slots[level][slot];
    w->filled[level] |= (uint64_t)1 << slot;
    t->next = *head;
    t->prev = head;
    if (t->next) t->next->prev = &t->next;
    *head = t;
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

void timer_wheel_init(timer_wheel *w, uint64_t now_ms) { *w = (timer_wheel){.base_ms = now_ms}; }

uint64_t timer_wheel_put(timer_wheel *w, timer *t) {
    uint64_t due = due_tick(w, t);
    if (due <= w->tick) due = w->tick + 1;
    place(w, t, due);
    return due;
}

uint64_t timer_wheel_next(timer_wheel *w) {
    unsigned level, slot;
    uint64_t tick;
    return next_slot(w, &level, &slot, &tick) ? tick : UINT64_MAX;
}

void timer_wheel_advance(timer_wheel *w, uint64_t now_ms) {
    unsigned level, slot;
    uint64_t tick, now = (now_ms - w->base_ms) / TIMER_TICK_MS;
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
    /* Nothing lies between, so the present may move: timers armed next land on low levels. */
    if (w->tick < now) w->tick = now;
}

void timer_cancel(timer *t) {
    if (!t->prev) return;
    *t->prev = t->next;
    if (t->next) t->next->prev = t->prev;
    t->next = NULL;
    t->prev = NULL;
}

/* ---- the loop's side ---- */

void timer_init(loop *l) { timer_wheel_init(&l->wheel, uv_now(&l->uv)); }

int timer_wait(loop *l) {
    timer_wheel *w = &l->wheel;
    uint64_t next = timer_wheel_next(w), now = uv_now(&l->uv);
    if (next == UINT64_MAX) return -1;
    uint64_t at = w->base_ms + next * TIMER_TICK_MS;
    if (at <= now) return 0;
    return at - now < INT_MAX ? (int)(at - now) : INT_MAX;
}

void timer_run(loop *l) { timer_wheel_advance(&l->wheel, uv_now(&l->uv)); }

void timer_end(loop *l) {
    timer_wheel *w = &l->wheel;
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        for (unsigned s = 0; s < TIMER_SLOTS; s++) {
            while (w->slots[level][s]) timer_cancel(w->slots[level][s]);
        }
    }
}

void timer_arm(loop *l, timer *t, uint64_t ms) {
    timer_cancel(t);
    t->due_ms = uv_now(&l->uv) + (ms < TIMER_FARTHEST_MS ? ms : TIMER_FARTHEST_MS);
    timer_wheel_put(&l->wheel, t);
}
