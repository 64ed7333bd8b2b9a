/* netio/timer.c: the wheel against a naive model, and timers of a running loop. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "netio/timer_impl.h"

/* ---- the wheel alone ---- */

enum { MANY = 5000 };

typedef struct armed {
    timer t;
    uint64_t due_ms; /* as the model has it; 0: not armed */
} armed;

static timer_wheel wheel;
static armed all[MANY];
static uint64_t now_ms, fired;
static uint32_t seed = 1;

static uint32_t roll(uint32_t most) {
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * most >> 32);
}

static uint64_t roll_ms(void) {
    static const uint32_t reach[] = {9, 50, 640, 5000, 41000, 3000000, 200000000};
    return roll(reach[roll(7)]);
}

static void disarm(armed *a) {
    a->due_ms = 0;
    timer_cancel(&a->t);
}

static void arm(armed *a) {
    timer_cancel(&a->t);
    a->due_ms = a->t.due_ms = now_ms + roll_ms() + 1;
    timer_wheel_put(&wheel, &a->t);
}

static void on_fire(timer *t) {
    armed *a = t->user;
    fired++;
    cr_assert_neq(a->due_ms, 0, "a cancelled timer fired");
    cr_assert_geq(now_ms, a->due_ms, "early");
    a->due_ms = 0;
    if (roll(3) == 0) arm(a);
    if (roll(3) == 0) disarm(&all[roll(MANY)]);
    if (roll(3) == 0) arm(&all[roll(MANY)]);
}

static void begin(void) {
    now_ms = 123456789;
    timer_wheel_init(&wheel, now_ms);
    for (unsigned i = 0; i < MANY; i++) all[i].t = (timer){.fire = on_fire, .user = &all[i]};
}

static uint64_t soonest(void) {
    uint64_t due = UINT64_MAX;
    for (unsigned i = 0; i < MANY; i++) {
        if (all[i].due_ms && all[i].due_ms < due) due = all[i].due_ms;
    }
    return due;
}

Test(timer, wheel_agrees_with_the_model) {
    begin();
    for (unsigned i = 0; i < MANY; i++) arm(&all[i]);
    for (unsigned turn = 0; turn < 3000; turn++) {
        uint64_t next = timer_wheel_next(&wheel), due = soonest();
        if (due != UINT64_MAX)
            cr_assert_leq(wheel.base_ms + next * 10, due + 10, "would sleep too long");
        /* Little steps, the way a busy loop goes, and leaps, the way an idle one does. */
        now_ms += roll(4) ? roll(30) : roll_ms();
        timer_wheel_advance(&wheel, now_ms);
        for (unsigned i = 0; i < MANY; i++) {
            if (all[i].due_ms) cr_assert_gt(all[i].due_ms + 10, now_ms, "late");
        }
        for (unsigned i = 0; i < 20; i++) arm(&all[roll(MANY)]);
        for (unsigned i = 0; i < 5; i++) disarm(&all[roll(MANY)]);
    }
    cr_assert_gt(fired, 10000);
}

Test(timer, sleeping_at_next_is_enough) {
    begin();
    for (unsigned i = 0; i < 200; i++) arm(&all[i]);
    uint64_t rings = 0, before = fired;
    for (uint64_t next; (next = timer_wheel_next(&wheel)) != UINT64_MAX && rings < 100000;
         rings++) {
        cr_assert_gt(next, wheel.tick);
        now_ms = wheel.base_ms + next * TIMER_TICK_MS;
        timer_wheel_advance(&wheel, now_ms);
        if (fired - before > 2000) {
            for (unsigned i = 0; i < MANY; i++) disarm(&all[i]);
        }
    }
    /* Each timer is looked at once per level at most. */
    cr_assert_leq(rings, (fired - before) * TIMER_LEVELS + MANY);
}

Test(timer, cancelled_slots_are_forgotten) {
    begin();
    for (unsigned i = 0; i < MANY; i++) arm(&all[i]);
    for (unsigned i = 0; i < MANY; i++) disarm(&all[i]);
    cr_assert_eq(timer_wheel_next(&wheel), UINT64_MAX);
    disarm(&all[0]); /* twice is harmless */
}

Test(timer, the_farthest) {
    begin();
    all[0].due_ms = all[0].t.due_ms = now_ms + TIMER_FARTHEST_MS;
    timer_wheel_put(&wheel, &all[0].t);
    now_ms += TIMER_FARTHEST_MS - 1;
    timer_wheel_advance(&wheel, now_ms);
    cr_assert_eq(fired, 0);
    now_ms += 10;
    timer_wheel_advance(&wheel, now_ms);
    cr_assert_eq(fired, 1);
}

/* ---- on a loop ---- */

static loop *l;
static uint64_t began_us, at_us[4];
static unsigned rung;

static void on_ring(timer *t) {
    at_us[rung++] = loop_now_us() - began_us;
    if (rung < 3) timer_arm(l, t, 30);
}

Test(timer, never_early_and_lets_the_loop_end, .timeout = 60) {
    timer t = {.fire = on_ring};
    began_us = loop_now_us(); /* before the loop looks at the clock, from where timers are armed */
    l = loop_new();
    timer_arm(l, &t, 30);
    loop_run(l);
    cr_assert_eq(rung, 3);
    for (unsigned i = 0; i < 3; i++) cr_assert_geq(at_us[i] + 1000, (i + 1) * 30000u);
    loop_free(l);
}

static timer distant;

static void on_give_up(timer *t) {
    (void)t;
    timer_cancel(&distant);
}

Test(timer, a_cancelled_timer_holds_nobody_up, .timeout = 60) {
    timer t = {.fire = on_give_up};
    l = loop_new();
    distant = (timer){.fire = on_ring};
    timer_arm(l, &distant, 3600000);
    timer_arm(l, &t, 20);
    loop_run(l);
    cr_assert_eq(rung, 0);
    /* One that is still armed when the loop ends is only forgotten. */
    timer_arm(l, &distant, 3600000);
    loop_free(l);
    cr_assert_null(distant.prev);
}

Test(timer, moved_both_ways, .timeout = 60) {
    timer t = {.fire = on_ring}, u = {.fire = on_ring};
    rung = 1; /* on_ring then re-arms once only */
    l = loop_new();
    began_us = loop_now_us();
    timer_arm(l, &t, 3600000);
    timer_arm(l, &t, 10);
    timer_arm(l, &u, 10);
    timer_arm(l, &u, 100);
    timer_cancel(&u);
    loop_run(l);
    cr_assert_eq(rung, 3);
    loop_free(l);
}
