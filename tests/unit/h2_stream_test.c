/* core/h2_stream.c: the table of states, and the slots of streams. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/h2_stream.h"
#include "tests/unit/mem_hook.h"

/* RFC 9113 section 5.1, figure 2, once more and in words. */
Test(h2_stream, states) {
    enum { X = H2_STATE_INVALID };
    static const uint8_t want[][4] = {
        /* send HEADERS, receive HEADERS, send END_STREAM, receive END_STREAM */
        [H2_STATE_IDLE] = {H2_STATE_OPEN, H2_STATE_OPEN, X, X},
        [H2_STATE_RESERVED_LOCAL] = {H2_STATE_HALF_CLOSED_REMOTE, X, X, X},
        [H2_STATE_RESERVED_REMOTE] = {X, H2_STATE_HALF_CLOSED_LOCAL, X, X},
        [H2_STATE_OPEN] = {H2_STATE_OPEN, H2_STATE_OPEN, H2_STATE_HALF_CLOSED_LOCAL,
                           H2_STATE_HALF_CLOSED_REMOTE},
        [H2_STATE_HALF_CLOSED_LOCAL] = {X, H2_STATE_HALF_CLOSED_LOCAL, X, H2_STATE_CLOSED},
        [H2_STATE_HALF_CLOSED_REMOTE] = {H2_STATE_HALF_CLOSED_REMOTE, X, H2_STATE_CLOSED, X},
        [H2_STATE_CLOSED] = {X, X, X, X},
    };
    for (unsigned from = 0; from < H2_STATE_INVALID; from++)
        for (unsigned move = 0; move < 4; move++)
            cr_expect_eq((unsigned)h2_stream_next((h2_state)from, (h2_move)move), want[from][move],
                         "state %u, move %u", from, move);
}

static bool drop_all(void *user, h2_stream *s) {
    (void)user;
    return s->lent == 0;
}

Test(h2_stream, many) {
    h2_streams t;
    h2_stream_init(&t, &hook);
    cr_assert_null(h2_stream_find(&t, 1));
    cr_assert_eq(held, 0);
    for (uint32_t id = 1; id < 2000; id += 2) {
        h2_stream *s = h2_stream_add(&t, id);
        cr_assert(s && s->id == id && s->recv_left == FIELDS_NO_LENGTH);
    }
    cr_assert_eq(t.live, 1000);
    for (uint32_t id = 1; id < 2000; id += 2) {
        h2_stream *s = h2_stream_find(&t, id);
        cr_assert(s && s->id == id && s == &t.at[s->slot]);
        cr_assert_null(h2_stream_find(&t, id + 1));
    }
    for (uint32_t id = 1; id < 2000; id += 2) h2_stream_retire(&t, h2_stream_find(&t, id));
    cr_assert_eq(t.live, 0);
    cr_assert_null(h2_stream_find(&t, 1001));
    h2_stream_trim(&t);
    cr_assert(t.room > 0, "gone streams keep their slots until they are reaped");
    h2_stream_reap(&t, drop_all, NULL);
    h2_stream_trim(&t);
    cr_assert_eq(held, 0);
}

Test(h2_stream, stale_references) {
    h2_streams t;
    h2_stream_init(&t, &hook);
    h2_stream *s = h2_stream_add(&t, 1);
    http_ref ref = {s->slot, s->id};
    cr_assert_eq(h2_stream_of(&t, ref), s);
    cr_assert_null(h2_stream_of(&t, HTTP_NO_REF));
    cr_assert_null(h2_stream_of(&t, (http_ref){ref.slot, 3}));
    cr_assert_null(h2_stream_of(&t, (http_ref){999, 1}));
    h2_stream_retire(&t, s);
    cr_assert_null(h2_stream_of(&t, ref), "a gone stream is nobody's");
    h2_stream_reap(&t, drop_all, NULL);
    s = h2_stream_add(&t, 3);
    cr_assert_eq(s->slot, ref.slot, "the slot is used again");
    cr_assert_null(h2_stream_of(&t, ref));
    h2_stream_end(&t);
    cr_assert_null(h2_stream_of(&t, ref));
    cr_assert_eq(held, 0);
}

/* Slots that still lend bytes stay, in whatever order the others go. */
Test(h2_stream, reap_keeps_lenders) {
    h2_streams t;
    h2_stream_init(&t, &hook);
    for (uint32_t id = 1; id <= 15; id += 2) h2_stream_add(&t, id)->lent = id % 4 == 1;
    for (uint32_t id = 1; id <= 15; id += 2) h2_stream_retire(&t, h2_stream_find(&t, id));
    h2_stream_reap(&t, drop_all, NULL);
    cr_assert_eq(t.used, 4);
    h2_stream_retire(&t, h2_stream_add(&t, 17));
    uint32_t seen = 0;
    for (uint32_t i = t.gone; i != H2_NO_SLOT; i = t.at[i].map_next) {
        cr_expect_eq(t.at[i].id, ((const uint32_t[]){1, 5, 9, 13, 17})[seen]);
        t.at[i].lent = 0;
        seen++;
    }
    cr_assert_eq(seen, 5);
    h2_stream_reap(&t, drop_all, NULL);
    cr_assert(t.gone == H2_NO_SLOT && t.gone_last == H2_NO_SLOT && t.used == 0);
    h2_stream_trim(&t);
    cr_assert_eq(held, 0);
}

Test(h2_stream, refusal_changes_nothing) {
    h2_streams t;
    h2_stream_init(&t, &hook);
    refuse = true;
    cr_assert_null(h2_stream_add(&t, 1));
    refuse = false;
    while (t.used < 4) cr_assert(h2_stream_add(&t, t.used * 2 + 1));
    refuse = true;
    cr_assert_null(h2_stream_add(&t, 99));
    cr_assert(h2_stream_find(&t, 1) && h2_stream_find(&t, 7) && !h2_stream_find(&t, 99));
    h2_stream_end(&t);
    cr_assert_eq(held, 0);
}
