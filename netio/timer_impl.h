/* The wheel behind timer_arm: six levels of 64 slots in ticks of 10 ms, arm and cancel in constant time.
 *
 * Its loop owns it and drives it by one libuv timer, which sleeps while no timer is armed. Timers belong to their users. */
#ifndef H2BOX_NETIO_TIMER_IMPL_H
#define H2BOX_NETIO_TIMER_IMPL_H

#include <uv.h>

#include "netio/net.h"

#define TIMER_TICK_MS 10u
#define TIMER_LEVELS 6
#define TIMER_SLOTS 64

typedef struct timer_wheel {
    uv_timer_t clock;
    uint64_t base_ms; /* loop time of tick 0 */
    uint64_t tick;    /* all timers due until here have fired */
    uint64_t wake;    /* the tick at which the clock is set to ring; UINT64_MAX: it sleeps */
    /* A set bit may stand for a slot that cancels have emptied: timer_cancel knows no wheel. */
    uint64_t filled[TIMER_LEVELS];
    timer *slots[TIMER_LEVELS][TIMER_SLOTS];
} timer_wheel;

void timer_wheel_init(timer_wheel *w, uv_loop_t *uv);

/* Sets the clock to the next timer, or to sleep. Called once a turn, so that cancelled timers do not keep a loop alive. */
void timer_wheel_settle(timer_wheel *w);

/* The clock may be closed after this; armed timers are forgotten. */
void timer_wheel_end(timer_wheel *w);

#endif
