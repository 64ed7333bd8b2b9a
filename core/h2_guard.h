/* Budgets against floods: what a peer may cost us that no request pays for.
 *
 * Token buckets, refilled by the clock that step is given. Sizes and sources stand in limits.h. */
#ifndef H2BOX_CORE_H2_GUARD_H
#define H2BOX_CORE_H2_GUARD_H

#include <stdbool.h>
#include <stdint.h>

typedef enum h2_guard_cost {
    H2_GUARD_RESET,  /* a stream that ended early by the peer's RST_STREAM or by its fault */
    H2_GUARD_GLITCH, /* a frame that makes work and brings nothing */
    H2_GUARD_SMALL,  /* DATA that brings next to nothing */
    H2_GUARD_COSTS
} h2_guard_cost;

typedef struct h2_guard {
    uint32_t left[H2_GUARD_COSTS];
    uint32_t refilled_s; /* seconds of now_ms when last refilled */
} h2_guard;

void h2_guard_init(h2_guard *g, uint64_t now_ms);

/* Charges one; false when the budget is used up: GOAWAY ENHANCE_YOUR_CALM. */
bool h2_guard_charge(h2_guard *g, h2_guard_cost cost, uint64_t now_ms);

/* Which budget it was, as a reason. Static storage. */
const char *h2_guard_text(h2_guard_cost cost);

#endif
