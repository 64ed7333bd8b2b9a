/* core/h2_prio.c: whose turn it is (RFC 9218 section 10), and rings beside a tree. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/h2_prio.h"
#include "tests/unit/mem_hook.h"

static h2_streams t;
static h2_prio p;

static void setup(void) {
    h2_stream_init(&t, &hook);
    h2_prio_init(&p);
}

static void teardown(void) {
    h2_prio_end(&p);
    h2_stream_end(&t);
}

static void ready(uint32_t id, uint8_t urgency, bool incremental) {
    h2_stream *s = h2_stream_find(&t, id);
    if (!s) s = h2_stream_add(&t, id);
    s->priority = (uint8_t)(urgency * 2 + incremental);
    h2_prio_add(&p, &t, s);
}

/* The next n turns as text, the stream of each staying ready. */
static const char *turns(int n) {
    static char text[400];
    size_t at = 0;
    text[0] = 0;
    while (n-- > 0) {
        h2_stream *s = h2_prio_next(&p, &t);
        if (!s) break;
        at += (size_t)snprintf(text + at, sizeof text - at, "%u ", s->id);
        h2_prio_sent(&p, &t, s, 100);
    }
    return text;
}

static void gone(uint32_t id) { h2_prio_remove(&p, &t, h2_stream_find(&t, id)); }

TestSuite(h2_prio, .init = setup, .fini = teardown);

Test(h2_prio, empty) {
    cr_assert_null(h2_prio_next(&p, &t));
    ready(1, 3, false);
    gone(1);
    gone(1);
    cr_assert_null(h2_prio_next(&p, &t));
    cr_assert_eq(p.filled, 0);
}

Test(h2_prio, urgency_first) {
    ready(1, 7, false);
    ready(3, 0, true);
    ready(5, 3, false);
    cr_assert_str_eq(turns(2), "3 3 ");
    gone(3);
    cr_assert_str_eq(turns(2), "5 5 ");
    gone(5);
    cr_assert_str_eq(turns(1), "1 ");
}

Test(h2_prio, in_order_of_identifiers) {
    static const uint32_t ids[] = {9, 3, 7, 1, 11, 5};
    for (size_t i = 0; i < 6; i++) ready(ids[i], 3, false);
    for (uint32_t id = 1; id <= 11; id += 2) {
        h2_stream *s = h2_prio_next(&p, &t);
        cr_assert_eq(s->id, id);
        h2_prio_sent(&p, &t, s, 100);
        cr_assert_eq(h2_prio_next(&p, &t)->id, id, "until it is done");
        gone(id);
    }
    cr_assert_null(h2_prio_next(&p, &t));
}

Test(h2_prio, incremental_in_turns) {
    ready(1, 3, true);
    ready(3, 3, true);
    ready(5, 3, true);
    cr_assert_str_eq(turns(6), "1 3 5 1 3 5 ");
    gone(3);
    cr_assert_str_eq(turns(4), "1 5 1 5 ");
    ready(3, 3, true);
    cr_assert_str_eq(turns(3), "1 5 3 ");
}

/* Neither kind starves the other within an urgency. */
Test(h2_prio, both_kinds) {
    ready(1, 3, false);
    ready(3, 3, true);
    unsigned first = 0, second = 0;
    for (int i = 0; i < 100; i++) {
        h2_stream *s = h2_prio_next(&p, &t);
        if (s->id == 1)
            first++;
        else
            second++;
        h2_prio_sent(&p, &t, s, 100);
    }
    cr_assert(first == 50 && second == 50, "%u %u", first, second);
}

Test(h2_prio, change) {
    ready(1, 3, false);
    ready(3, 3, false);
    h2_prio_set(&p, &t, h2_stream_find(&t, 3), 1 * 2);
    cr_assert_str_eq(turns(2), "3 3 ");
    h2_prio_set(&p, &t, h2_stream_find(&t, 3), 3 * 2);
    cr_assert_str_eq(turns(1), "1 ");
    h2_stream_add(&t, 5);
    h2_prio_set(&p, &t, h2_stream_find(&t, 5), 0 * 2 + 1);
    cr_assert_str_eq(turns(1), "1 ", "a stream that is not ready does not become so");
}

/* Slots move when the block grows: links are by slot and must still hold. */
Test(h2_prio, block_grows) {
    for (uint32_t id = 1; id < 200; id += 2) ready(id, 3, id % 4 == 1);
    for (uint32_t left = 100; left > 0; left--) gone(h2_prio_next(&p, &t)->id);
    cr_assert_null(h2_prio_next(&p, &t));
    cr_assert_eq(p.filled, 0);
}

static void depend(uint32_t id, uint32_t on, uint16_t weight) {
    h2_prio_depend(&p, &t, id, h2_stream_find(&t, id), (h2_dependency){on, weight, false});
}

/* The first dependency moves what is ready from the rings to the tree. */
Test(h2_prio, rings_become_a_tree) {
    ready(1, 0, false);
    ready(3, 3, false);
    ready(5, 7, false);
    cr_assert_str_eq(turns(1), "1 ");
    depend(1, 3, 16);
    cr_assert_eq(p.filled, 0);
    cr_assert_str_eq(turns(2), "3 5 ", "urgency counts no more, 1 comes after 3");
    gone(3);
    gone(5);
    cr_assert_str_eq(turns(1), "1 ");
    gone(1);
    cr_assert_not(h2_prio_any(&p));
    h2_stream *s = h2_stream_add(&t, 7);
    s->priority = H2_PRIO_DEFAULT;
    h2_prio_open(&p, s);
    h2_prio_add(&p, &t, s);
    cr_assert_eq(p.filled, 0);
    cr_assert_str_eq(turns(1), "7 ");
    h2_prio_close(&p, &t, s);
    cr_assert_not(h2_prio_any(&p));
}

/* What the server decides stands over both schemes. */
Test(h2_prio, override) {
    ready(1, 3, false);
    ready(3, 3, false);
    ready(5, 3, false);
    h2_prio_override(&p, &t, h2_stream_find(&t, 5), 1 * 2);
    h2_prio_set(&p, &t, h2_stream_find(&t, 5), 7 * 2);
    cr_assert_str_eq(turns(2), "5 5 ");
    depend(5, 3, 16);
    cr_assert_str_eq(turns(2), "5 5 ", "not behind the stream that the peer put it behind");
    h2_prio_override(&p, &t, h2_stream_find(&t, 5), 5 * 2);
    cr_assert_str_eq(turns(4), "1 3 1 3 ", "the tree counts as urgency 3");
    gone(1);
    gone(3);
    cr_assert_str_eq(turns(1), "5 ");
}
