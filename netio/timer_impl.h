/* The wheel behind timer_arm: six levels of 64 slots in ticks of 10 ms, arm and cancel in constant
 * time.
 *
 * It knows no clock: its loop asks it how long to sleep, and tells it the time after. Timers belong
 * to their users. */
#ifndef H2BOX_NETIO_TIMER_IMPL_H
#define H2BOX_NETIO_TIMER_IMPL_H

#include "netio/net.h"

#define TIMER_TICK_MS 10u
#define TIMER_LEVELS  6
#define TIMER_SLOTS   64

typedef struct timer_wheel {
    uint64_t base_ms; /* loop time of tick 0 */
    uint64_t tick;    /* all timers due until here have fired */
    /* A set bit may stand for a slot that cancels have emptied: timer_cancel knows no wheel. */
    uint64_t filled[TIMER_LEVELS];
    timer *slots[TIMER_LEVELS][TIMER_SLOTS];
} timer_wheel;

void timer_wheel_init(timer_wheel *w, uint64_t now_ms);

/* Puts t where its due_ms belongs, at the next tick at the earliest; returns that tick. */
uint64_t timer_wheel_put(timer_wheel *w, timer *t);

/* The tick at which advance has something to do, UINT64_MAX when nothing is armed. May be early,
 * never late. */
uint64_t timer_wheel_next(timer_wheel *w);

/* Fires all that is due until now_ms. Timers may be armed and cancelled meanwhile, any of them. */
void timer_wheel_advance(timer_wheel *w, uint64_t now_ms);

/* Nothing is armed further ahead than this; about nine years, so due ticks stay in six levels. */
#define TIMER_FARTHEST_MS ((uint64_t)1 << 38)

/* The loop's side. wait: milliseconds until there is something to do, -1 when nothing is armed.
 * run fires what is due. After end armed timers are forgotten. */
void timer_init(loop *l);
int timer_wait(loop *l);
void timer_run(loop *l);
void timer_end(loop *l);

#endif
