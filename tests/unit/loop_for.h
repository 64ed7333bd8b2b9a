/* A loop that runs for a while. */
#ifndef H2BOX_TESTS_UNIT_LOOP_FOR_H
#define H2BOX_TESTS_UNIT_LOOP_FOR_H

#include "netio/loop_impl.h"

static inline void loop_for_stop(timer *t) { loop_stop(t->user); }

static inline void loop_for(loop *l, uint64_t ms) {
    timer t = {.fire = loop_for_stop, .user = l};
    timer_arm(l, &t, ms);
    loop_run(l);
}

#endif
