#include "core/h2_guard.h"
#include "core/limits.h"

typedef struct budget {
    uint32_t burst, rate;
    const char *why;
} budget;

static const budget budgets[H2_GUARD_COSTS] = {
    [H2_GUARD_RESET] = {LIMIT_RESET_BURST, LIMIT_RESET_RATE, "too many resets"},
    [H2_GUARD_GLITCH] = {LIMIT_GLITCH_BURST, LIMIT_GLITCH_RATE,
                         "too many frames that bring nothing"},
    [H2_GUARD_SMALL] = {LIMIT_SMALL_BURST, LIMIT_SMALL_RATE, "too many small DATA frames"},
};

void h2_guard_init(h2_guard *g, uint64_t now_ms) {
    for (int i = 0; i < H2_GUARD_COSTS; i++) g->left[i] = budgets[i].burst;
    g->refilled_s = (uint32_t)(now_ms / 1000);
}

static void refill(h2_guard *g, uint64_t now_ms) {
    uint32_t now_s = (uint32_t)(now_ms / 1000);
    uint32_t passed = now_s - g->refilled_s;
    if (passed == 0) return;
    g->refilled_s = now_s;
    for (int i = 0; i < H2_GUARD_COSTS; i++) {
        uint64_t left = g->left[i] + (uint64_t)passed * budgets[i].rate;
        g->left[i] = left < budgets[i].burst ? (uint32_t)left : budgets[i].burst;
    }
}

bool h2_guard_charge(h2_guard *g, h2_guard_cost cost, uint64_t now_ms) {
    refill(g, now_ms);
    if (g->left[cost] == 0) return false;
    g->left[cost]--;
    return true;
}

const char *h2_guard_text(h2_guard_cost cost) { return budgets[cost].why; }
