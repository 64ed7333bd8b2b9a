/* applets/proxy/pool.c, pool_backend.c, pool_link.c: connections that are made, shared, kept and
 * ended. */
#include "tests/unit/proxy_pool.h"

static ask asks[100];

static bool pool_is_gone(void) { return plan_counts == 0; }

/* ---- HTTP/1.1 ---- */

static backend *one_backend(bool h2) {
    begin(PLAN_REVERSE);
    backend *b = open_backend(0);
    add_backend(add_pattern(), b, h2);
    return b;
}

Test(proxy_pool, h1_connections_are_used_again, .timeout = 60) {
    backend *b = one_backend(false);
    make_pool();
    for (unsigned i = 0; i < 5; i++) {
        ask_for(&asks[i], "/now");
        cr_assert_eq(asks[i].k != NULL, i > 0, "the first is dialled, the others have it at once");
        until_answered(i + 1);
        cr_assert_eq(asks[i].was_used, i > 0);
        cr_assert_eq(asks[i].closed, 1);
    }
    cr_assert_eq(b->accepted, 1);
    end();
}

Test(proxy_pool, h1_last_used_first, .timeout = 60) {
    backend *b = one_backend(false);
    make_pool();
    for (unsigned i = 0; i < 3; i++) ask_for(&asks[i], "/hold");
    until_held(3);
    cr_assert_eq(b->accepted, 3);
    pool_link *last = NULL;
    while (b->held_count) {
        for (unsigned i = 0; i < 3; i++) last = asks[i].k ? asks[i].k : last;
        release(b, 1);
        until_answered(3 - b->held_count);
    }
    for (unsigned i = 0; i < 3; i++) cr_assert_eq(asks[i].closed, 1);
    ask_for(&asks[3], "/now");
    cr_assert_eq(asks[3].k, last);
    until_answered(4);
    cr_assert_eq(b->accepted, 3);
    end();
}

static bool is_closed(void) { return backends[0].closed == wanted; }

Test(proxy_pool, h1_spent_connections_are_closed, .timeout = 60) {
    backend *b = one_backend(false);
    make_pool();
    ask_for(&asks[0], "/now");
    asks[0].spent = true;
    until_answered(1);
    wanted = 1;
    until(is_closed);
    ask_for(&asks[1], "/now");
    cr_assert_null(asks[1].k);
    until_answered(2);
    cr_assert_not(asks[1].was_used);
    cr_assert_eq(b->accepted, 2);
    end();
}

Test(proxy_pool, h1_idle_connections_end, .timeout = 60) {
    backend *b = one_backend(false);
    the_plan.back_idle_ms = 50;
    make_pool();
    ask_for(&asks[0], "/now");
    until_answered(1);
    wanted = 1;
    until(is_closed);
    cr_assert_eq(b->accepted, 1);
    end();
}

Test(proxy_pool, h1_fresh_ones_when_asked_for, .timeout = 60) {
    backend *b = one_backend(false);
    the_plan.back_per_frontend = 1; /* the idle one makes way */
    make_pool();
    ask_for(&asks[0], "/now");
    until_answered(1);
    ask_with(&asks[1], "/now", &(pool_wish){.fresh = true});
    cr_assert_null(asks[1].k);
    until_answered(2);
    cr_assert_not(asks[1].was_used);
    cr_assert_eq(b->accepted, 2);
    end();
}

/* A request that needs a fresh connection is not overtaken for ever by those that do not. */
Test(proxy_pool, h1_fresh_ones_in_their_turn, .timeout = 60) {
    backend *b = one_backend(false);
    the_plan.back_per_frontend = 1;
    make_pool();
    ask_for(&asks[0], "/hold");
    until_held(1);
    for (unsigned i = 1; i < 3; i++) ask_with(&asks[i], "/now", &(pool_wish){.fresh = true});
    for (unsigned i = 3; i < 6; i++) ask_for(&asks[i], "/now");
    release(b, 1);
    until_answered(6);
    for (unsigned i = 0; i < 6; i++) cr_assert_eq(asks[i].order, i + 1);
    for (unsigned i = 1; i < 3; i++) cr_assert_not(asks[i].was_used);
    cr_assert_eq(b->accepted, 3);
    end();
}

Test(proxy_pool, h1_limit_and_order, .timeout = 60) {
    backend *b = one_backend(false);
    the_plan.back_per_frontend = 2;
    make_pool();
    for (unsigned i = 0; i < 6; i++) ask_for(&asks[i], "/hold");
    for (unsigned i = 0; i < 3; i++) {
        until_held(2);
        run_for(20);
        cr_assert_eq(b->held_count, 2);
        release(b, 2);
    }
    until_answered(6);
    cr_assert_eq(b->accepted, 2);
    for (unsigned i = 0; i < 6; i++) cr_assert_eq(asks[i].order, i + 1);
    end();
}

Test(proxy_pool, h1_first_come_first_served, .timeout = 60) {
    backend *b = one_backend(false);
    the_plan.back_per_frontend = 2;
    make_pool();
    ask_for(&asks[0], "/hold");
    until_held(1);
    ask_for(&asks[1], "/now"); /* dials */
    ask_for(&asks[2], "/now");
    pool_leave(&asks[1].seat);
    pool_leave(&asks[1].seat); /* harmless */
    until_answered(1);
    cr_assert_eq(asks[2].status, 200, "the dial of the one that left serves the next");
    cr_assert_eq(asks[1].status, 0);
    cr_assert_eq(b->accepted, 2);
    release(b, 1);
    until_answered(2);
    end();
}

Test(proxy_pool, waits_have_an_end, .timeout = 60) {
    backend *b = one_backend(false);
    the_plan.back_per_frontend = 1;
    the_plan.back_connect_ms = 100;
    make_pool();
    ask_for(&asks[0], "/hold");
    until_held(1);
    ask_for(&asks[1], "/now");
    until_refused(1);
    cr_assert_eq(asks[1].refusal, POOL_SLOW);
    cr_assert_not_null(asks[1].why);
    release(b, 1);
    until_answered(1);
    end();
}

/* ---- HTTP/2 ---- */

Test(proxy_pool, h2_streams_share_a_connection, .timeout = 60) {
    backend *b = one_backend(true);
    make_pool();
    for (unsigned i = 0; i < 50; i++) ask_for(&asks[i], "/hold");
    until_held(50);
    cr_assert_eq(b->accepted, 1, "those that wait for the first dial share it");
    for (unsigned i = 0; i < 50; i++) cr_assert_eq(asks[i].order, i + 1);
    release(b, 50);
    until_answered(50);
    end();
}

/* Of one connection, and nobody tries more before SETTINGS have come. */
static void allow_streams(backend *b, uint32_t n) {
    b->config.h2.settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = n;
    the_plan.back_h2.h2.peer_streams = n;
}

Test(proxy_pool, h2_another_connection_when_all_are_full, .timeout = 60) {
    backend *b = one_backend(true);
    allow_streams(b, 10);
    make_pool();
    ask_for(&asks[0], "/now");
    until_answered(1); /* and with it SETTINGS */
    for (unsigned i = 0; i < 35; i++) ask_for(&asks[i], "/hold");
    until_held(35);
    cr_assert_eq(b->accepted, 4);
    release(b, 35);
    until_answered(36);
    end();
}

static unsigned on_link(const pool_link *k, unsigned n) {
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++) count += asks[i].k == k;
    return count;
}

Test(proxy_pool, h2_the_least_loaded_takes_the_next, .timeout = 60) {
    backend *b = one_backend(true);
    allow_streams(b, 10);
    make_pool();
    for (unsigned i = 0; i < 20; i++) ask_for(&asks[i], "/hold");
    until_held(20);
    release(b, 20);
    until_answered(20);
    cr_assert_eq(b->accepted, 2);
    for (unsigned i = 0; i < 20; i++) ask_for(&asks[i], "/hold");
    for (unsigned i = 0; i < 20; i++) cr_assert_eq(on_link(asks[i].k, 20), 10);
    for (unsigned i = 0; i < 20; i += 2) cr_assert_neq(asks[i].k, asks[i + 1].k);
    until_held(20);
    release(b, 20);
    until_answered(40);
    end();
}

Test(proxy_pool, h2_room_serves_the_line, .timeout = 60) {
    backend *b = one_backend(true);
    allow_streams(b, 1);
    make_pool();
    for (unsigned i = 0; i < LIMIT_BACKEND_LINKS + 20; i++) ask_for(&asks[i], "/hold");
    until_held(LIMIT_BACKEND_LINKS);
    for (unsigned done = 0; done < 20; done++) {
        release(b, 1);
        until_answered(done + 1);
        until_held(LIMIT_BACKEND_LINKS);
    }
    cr_assert_eq(b->accepted, LIMIT_BACKEND_LINKS);
    release(b, LIMIT_BACKEND_LINKS);
    until_answered(LIMIT_BACKEND_LINKS + 20);
    end();
}

Test(proxy_pool, h2_goaway, .timeout = 60) {
    backend *b = one_backend(true);
    make_pool();
    ask_for(&asks[0], "/hold");
    until_held(1);
    session_drain(link_session(b->last), loop_now_ms(l));
    link_touch(b->last);
    run_for(50);
    ask_for(&asks[1], "/now");
    cr_assert_null(asks[1].k, "it takes no more streams");
    until_answered(1);
    cr_assert_eq(b->accepted, 2);
    release(b, 1);
    until_answered(2);
    wanted = 1;
    until(is_closed);
    end();
}

Test(proxy_pool, h2_extended_connect_waits_for_settings, .timeout = 60) {
    backend *b = one_backend(true);
    make_pool();
    ask_with(&asks[0], "/now", &(pool_wish){.extended = true});
    ask_for(&asks[1], "/now");
    until_answered(2);
    cr_assert_lt(asks[1].order, asks[0].order, "who does not need them goes first");
    cr_assert_eq(b->accepted, 1);
    end();
}

Test(proxy_pool, h2_promises_keep_the_connection, .timeout = 60) {
    backend *b = one_backend(true);
    make_pool();
    ask_for(&asks[0], "/push");
    until_answered(1);
    until_held(1);
    cr_assert_eq(asks[0].closed, 1);
    cr_assert_not_null(promised.k);
    pool_retire(p);
    run_for(20);
    cr_assert_eq(plan_counts, 1, "it is still to come");
    release(b, 1);
    until_answered(2);
    cr_assert_eq(promised.closed, 1);
    until(pool_is_gone);
    loop_free(l);
}

/* ---- the end ---- */

static void retire_with_streams(bool h2) {
    backend *b = one_backend(h2);
    make_pool();
    ask_for(&asks[0], "/now");
    ask_for(&asks[1], "/hold");
    ask_for(&asks[2], "/hold");
    until_held(2);
    until_answered(1);
    ask_for(&asks[3], "/now"); /* one of its own over HTTP/2, else on the idle connection */
    pool_retire(p);
    until_answered(2);
    run_for(30);
    cr_assert_eq(plan_counts, 1, "requests run");
    release(b, 2);
    until_answered(4);
    until(pool_is_gone);
    cr_assert_eq(refused, 0);
    loop_free(l);
}

Test(proxy_pool, retire_lets_h1_requests_end, .timeout = 60) { retire_with_streams(false); }
Test(proxy_pool, retire_lets_h2_requests_end, .timeout = 60) { retire_with_streams(true); }

Test(proxy_pool, retire_with_requests_that_wait, .timeout = 60) {
    one_backend(false);
    make_pool();
    ask_for(&asks[0], "/now");
    ask_for(&asks[1], "/now");
    pool_leave(&asks[1].seat);
    pool_retire(p);
    until_answered(1);
    until(pool_is_gone);
    loop_free(l);
}

Test(proxy_pool, retire_of_an_idle_one, .timeout = 60) {
    one_backend(true);
    make_pool();
    pool_retire(p);
    until(pool_is_gone);
    make_pool();
    ask_for(&asks[0], "/now");
    until_answered(1);
    pool_retire(p);
    until(pool_is_gone);
    loop_free(l);
}

static void free_with_streams(bool h2) {
    one_backend(h2);
    make_pool();
    for (unsigned i = 0; i < 3; i++) ask_for(&asks[i], "/hold");
    until_held(3);
    the_plan.back_per_frontend = 3;
    ask_for(&asks[3], "/now"); /* waits */
    ask_with(&asks[4], "/now", &(pool_wish){.extended = true});
    pool_free(p);
    until(pool_is_gone);
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(asks[i].closed, 1);
        cr_assert(asks[i].early);
    }
    cr_assert_eq(answered + refused, 0);
    loop_free(l);
}

Test(proxy_pool, free_with_h1_streams, .timeout = 60) { free_with_streams(false); }
Test(proxy_pool, free_with_h2_streams, .timeout = 60) { free_with_streams(true); }

static void end_of_loop(bool h2) {
    one_backend(h2);
    make_pool();
    for (unsigned i = 0; i < 3; i++) ask_for(&asks[i], "/hold");
    until_held(3);
    ask_for(&asks[3], "/hold");
    pool_free(p);
    loop_free(l); /* at once: links end with it */
    cr_assert_eq(plan_counts, 0);
    for (unsigned i = 0; i < 3; i++) cr_assert_eq(asks[i].closed, 1);
}

Test(proxy_pool, h1_ends_with_its_loop, .timeout = 60) { end_of_loop(false); }
Test(proxy_pool, h2_ends_with_its_loop, .timeout = 60) { end_of_loop(true); }

Test(proxy_pool, links_live_until_they_are_given_back, .timeout = 60) {
    backend *b = one_backend(true);
    make_pool();
    keeps = true;
    ask_for(&asks[0], "/hold");
    ask_for(&asks[1], "/hold");
    until_held(2);
    pool_keep(asks[1].k);
    link_close(b->last, NULL);
    wanted = 1;
    until(is_closed);
    run_for(30);
    cr_assert_eq(asks[0].closed, 1);
    cr_assert_null(pool_net(asks[0].k));
    cr_assert_eq(pool_backend_of(asks[0].k)->port, b->port);
    pool_retire(p);
    run_for(20);
    cr_assert_eq(plan_counts, 1);
    pool_give(asks[0].k, false);
    pool_give(asks[1].k, false);
    cr_assert_eq(plan_counts, 1);
    pool_give(asks[1].k, true);
    cr_assert_eq(plan_counts, 0);
    loop_free(l);
}
