/* core/mem.c: the arena's life, its ceiling, refusals, and that nothing leaks. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/mem.h"

typedef struct hook_state {
    size_t held, calls, refuse_at;
} hook_state;

static void *counted(void *user, void *p, size_t old_size, size_t new_size) {
    hook_state *s = user;
    if (new_size && ++s->calls == s->refuse_at) return NULL;
    s->held = s->held - old_size + new_size;
    if (new_size) return realloc(p, new_size);
    free(p);
    return NULL;
}

Test(mem, takes_zeroed) {
    hook_state s = {0};
    mem m = {counted, &s};
    uint8_t *p = mem_take_zero(&m, 1000);
    for (size_t i = 0; i < 1000; i++) cr_assert_eq(p[i], 0);
    cr_assert_eq(s.held, 1000);
    mem_give(&m, p, 1000);
    mem_give(&m, NULL, 0);
    cr_assert_eq(s.held, 0);
    s.refuse_at = s.calls + 1;
    cr_assert_null(mem_take_zero(&m, 1));
}

Test(mem, arena_holds_nothing_at_first) {
    hook_state s = {0};
    mem m = {counted, &s};
    mem_arena a;
    mem_arena_init(&a, &m, 1 << 20);
    cr_assert_eq(s.calls, 0);
    mem_arena_clear(&a);
    mem_arena_end(&a);
    cr_assert_eq(s.held, 0);
}

Test(mem, arena_pieces_stay) {
    hook_state s = {0};
    mem m = {counted, &s};
    mem_arena a;
    uint8_t *pieces[500];
    mem_arena_init(&a, &m, 1 << 22);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 1; i < 500; i++) {
            pieces[i] = mem_arena_take(&a, i * 7);
            cr_assert_not_null(pieces[i]);
            memset(pieces[i], (int)i & 0xff, i * 7);
        }
        cr_assert_eq(a.held, s.held);
        for (size_t i = 1; i < 500; i++) {
            for (size_t k = 0; k < i * 7; k++) cr_assert_eq(pieces[i][k], (uint8_t)i);
        }
        mem_arena_clear(&a);
        cr_assert_eq(a.held, s.held);
        cr_assert_leq(s.held, 4096, "only the first chunk outlives clear");
        cr_assert_gt(s.held, 0);
    }
    mem_arena_end(&a);
    cr_assert_eq(s.held, 0);
    cr_assert_not_null(mem_arena_take(&a, 10), "usable again after end");
    mem_arena_end(&a);
}

Test(mem, arena_ceiling) {
    hook_state s = {0};
    mem m = {counted, &s};
    for (size_t ceiling = 0; ceiling < 300; ceiling += 7) {
        mem_arena a;
        mem_arena_init(&a, &m, ceiling);
        while (mem_arena_take(&a, 5)) cr_assert_leq(s.held, ceiling);
        cr_assert_null(mem_arena_take(&a, SIZE_MAX));
        cr_assert_null(mem_arena_take(&a, SIZE_MAX - sizeof(void *)));
        mem_arena_end(&a);
        cr_assert_eq(s.held, 0);
    }
    mem_arena a;
    mem_arena_init(&a, &m, 100000);
    size_t taken = 0;
    while (mem_arena_take(&a, 100)) taken += 100;
    cr_assert_leq(s.held, 100000);
    cr_assert_gt(taken, 90000, "the ceiling may be used: %zu", taken);
    mem_arena_end(&a);
}

Test(mem, arena_refusal) {
    for (size_t n = 1; n < 8; n++) {
        hook_state s = {.refuse_at = n};
        mem m = {counted, &s};
        mem_arena a;
        mem_arena_init(&a, &m, 1 << 22);
        size_t refused = 0;
        for (size_t i = 1; i < 500; i++) refused += !mem_arena_take(&a, i * 7);
        cr_assert_eq(refused, 1, "one refusal, and the arena goes on");
        mem_arena_end(&a);
        cr_assert_eq(s.held, 0);
    }
}
