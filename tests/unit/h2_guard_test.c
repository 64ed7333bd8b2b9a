/* core/h2_guard.c: budgets run out, and come back with the clock. */
#include <criterion/criterion.h>

#include "core/h2_guard.h"
#include "core/limits.h"

static uint32_t spend(h2_guard *g, h2_guard_cost cost, uint64_t now_ms) {
    uint32_t n = 0;
    while (n < 1000000 && h2_guard_charge(g, cost, now_ms)) n++;
    return n;
}

Test(h2_guard, burst_then_rate) {
    h2_guard g;
    h2_guard_init(&g, 5000);
    cr_assert_eq(spend(&g, H2_GUARD_RESET, 5000), LIMIT_RESET_BURST);
    cr_assert_eq(spend(&g, H2_GUARD_RESET, 5999), 0);
    cr_assert_eq(spend(&g, H2_GUARD_RESET, 6000), LIMIT_RESET_RATE);
    cr_assert_eq(spend(&g, H2_GUARD_RESET, 9000), 3 * LIMIT_RESET_RATE);
}

Test(h2_guard, costs_are_apart) {
    h2_guard g;
    h2_guard_init(&g, 0);
    cr_assert_eq(spend(&g, H2_GUARD_RESET, 0), LIMIT_RESET_BURST);
    cr_assert_eq(spend(&g, H2_GUARD_GLITCH, 0), LIMIT_GLITCH_BURST);
    cr_assert_eq(spend(&g, H2_GUARD_SMALL, 0), LIMIT_SMALL_BURST);
    for (int cost = 0; cost < H2_GUARD_COSTS; cost++)
        cr_assert_not(h2_guard_charge(&g, (h2_guard_cost)cost, 999));
    for (int cost = 0; cost < H2_GUARD_COSTS; cost++) {
        cr_assert(h2_guard_charge(&g, (h2_guard_cost)cost, 1000));
        cr_assert(strlen(h2_guard_text((h2_guard_cost)cost)) > 0);
    }
}

Test(h2_guard, never_above_burst) {
    h2_guard g;
    h2_guard_init(&g, 0);
    cr_assert_eq(spend(&g, H2_GUARD_GLITCH, UINT64_C(1) << 40), LIMIT_GLITCH_BURST);
    cr_assert_eq(spend(&g, H2_GUARD_GLITCH, (UINT64_C(1) << 40) + 86400000), LIMIT_GLITCH_BURST);
}
