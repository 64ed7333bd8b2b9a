/* applets/proxy/pool_choose.c: which backend a request goes to. */
#include "tests/unit/proxy_pool.h"

static ask asks[800];

/* Backends that all have connections, so that each choice is answered at once. */
static plan_pattern *pattern_of(unsigned n) {
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 10000;
    plan_pattern *t = add_pattern();
    for (unsigned i = 0; i < n; i++) add_backend(t, open_backend(i), true);
    return t;
}

static void ask_many(unsigned n, const pool_wish *w) {
    unsigned before = answered;
    for (unsigned i = 0; i < n; i++) ask_with(&asks[i], "/now", w);
    until_answered(before + n);
}

/* ---- weights ---- */

Test(proxy_pool_choose, each_in_turn, .timeout = 60) {
    pattern_of(4);
    make_pool();
    ask_many(100, &(pool_wish){0});
    for (unsigned i = 0; i < 4; i++) cr_assert_eq(backends[i].requests, 25);
    end();
}

Test(proxy_pool_choose, by_weight, .timeout = 60) {
    plan_pattern *t = pattern_of(3);
    t->backends[0].weight = 5;
    t->backends[1].weight = 3;
    t->backends[2].weight = 2;
    make_pool();
    ask_many(100, &(pool_wish){0});
    cr_assert_eq(backends[0].requests, 50);
    cr_assert_eq(backends[1].requests, 30);
    cr_assert_eq(backends[2].requests, 20);
    /* Smooth: never more than two to one in a row. */
    for (unsigned i = 3; i < 100; i++)
        cr_assert(asks[i].name != asks[i - 1].name || asks[i].name != asks[i - 2].name);
    end();
}

Test(proxy_pool_choose, by_weight_of_groups_first, .timeout = 60) {
    plan_pattern *t = pattern_of(4);
    t->groups[0].weight = 3;
    t->groups[1] = (plan_group){.name = "b", .weight = 1};
    t->group_count = 2;
    t->backends[0].group = 1; /* in no order */
    t->backends[2].group = 1;
    t->backends[2].weight = 4;
    t->backends[3].weight = 2;
    make_pool();
    ask_many(180, &(pool_wish){0});
    cr_assert_eq(backends[1].requests, 45);
    cr_assert_eq(backends[3].requests, 90);
    cr_assert_eq(backends[0].requests, 9);
    cr_assert_eq(backends[2].requests, 36);
    end();
}

Test(proxy_pool_choose, a_group_without_anybody, .timeout = 60) {
    plan_pattern *t = pattern_of(3);
    t->groups[0].weight = 1;
    t->groups[1] = (plan_group){.name = "b", .weight = 200};
    t->groups[2] = (plan_group){.name = "empty", .weight = 200};
    t->group_count = 3;
    t->backends[0].group = 1;
    shut(&backends[0]);
    make_pool();
    ask_many(100, &(pool_wish){0});
    cr_assert_eq(backends[1].requests, 50);
    cr_assert_eq(backends[2].requests, 50);
    end();
}

/* ---- several patterns ---- */

Test(proxy_pool_choose, patterns_share_an_address, .timeout = 60) {
    begin(PLAN_REVERSE);
    backend *b = open_backend(0);
    add_backend(add_pattern(), b, true);
    add_backend(add_pattern(), b, true);
    plan_pattern *other = add_pattern();
    add_backend(other, b, true);
    other->write_ms = 1234; /* its own timeout, so its own connections */
    make_pool();
    for (uint32_t i = 0; i < 3; i++) ask_with(&asks[i], "/now", &(pool_wish){.pattern = i});
    until_answered(3);
    cr_assert_eq(b->accepted, 2);
    cr_assert_eq(asks[0].name, asks[1].name);
    cr_assert_neq(asks[0].name, asks[2].name);
    end();
}

Test(proxy_pool_choose, a_pattern_of_nobody, .timeout = 60) {
    begin(PLAN_REVERSE);
    add_pattern();
    make_pool();
    ask_for(&asks[0], "/now");
    until_refused(1);
    cr_assert_eq(asks[0].refusal, POOL_DOWN);
    end();
}

/* ---- affinity ---- */

enum { CLIENTS = 600 };

static void ask_as_clients(ask *all) {
    unsigned before = answered;
    for (unsigned i = 0; i < CLIENTS; i++) {
        ask_with(&all[i], "/now", &(pool_wish){.affinity = 0x9e3779b9u * (i + 1)});
        if (i % 50 == 49) until_answered(before + i + 1);
    }
}

Test(proxy_pool_choose, clients_stay_where_they_were, .timeout = 60) {
    static uint32_t first[CLIENTS];
    pattern_of(4)->affinity = PLAN_AFFINITY_IP;
    make_pool();
    ask_as_clients(asks);
    for (unsigned i = 0; i < CLIENTS; i++) first[i] = asks[i].name;
    for (unsigned i = 0; i < 4; i++) { /* 150 each; five standard deviations are 53 */
        cr_assert_gt(backends[i].requests, 95);
        cr_assert_lt(backends[i].requests, 205);
    }
    ask_as_clients(asks);
    for (unsigned i = 0; i < CLIENTS; i++) cr_assert_eq(asks[i].name, first[i]);
    /* One goes down: only its clients move, and not all to the same. */
    pool_retire(p);
    unsigned before[4];
    for (unsigned i = 0; i < 4; i++) before[i] = backends[i].requests;
    shut(&backends[2]);
    make_pool();
    ask_as_clients(asks);
    uint32_t gone = 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (asks[i].name == first[i]) continue;
        cr_assert(!gone || gone == first[i]);
        gone = first[i];
    }
    cr_assert_neq(gone, 0);
    for (unsigned i = 0; i < 4; i++) {
        if (i != 2) cr_assert_gt(backends[i].requests - before[i], before[i] / 2 + 15);
    }
    end();
}

Test(proxy_pool_choose, affinity_by_weight, .timeout = 60) {
    plan_pattern *t = pattern_of(2);
    t->affinity = PLAN_AFFINITY_IP;
    t->backends[0].weight = 3;
    make_pool();
    ask_as_clients(asks);
    cr_assert_gt(backends[0].requests, 395); /* of 600, 450 */
    cr_assert_lt(backends[0].requests, 505);
    end();
}

static void cookie(bool strict) {
    plan_pattern *t = pattern_of(3);
    t->affinity = PLAN_AFFINITY_COOKIE;
    t->cookie_strict = strict;
    make_pool();
    ask_many(3, &(pool_wish){0}); /* without one: in turn */
    uint32_t names[3] = {asks[0].name, asks[1].name, asks[2].name};
    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(backends[i].requests, 1);
        cr_assert_neq(names[i], 0);
        cr_assert_neq(names[i], names[(i + 1) % 3]);
    }
    for (unsigned i = 0; i < 30; i++) {
        ask_many(1, &(pool_wish){.affinity = names[i % 3], .has_cookie = true});
        cr_assert_eq(asks[0].name, names[i % 3]);
    }
    /* That backend is gone. */
    pool_retire(p);
    shut(&backends[1]);
    make_pool();
    pool_wish w = {.affinity = names[1], .has_cookie = true};
    for (unsigned i = 0; i < 2; i++) {
        ask_with(&asks[0], "/now", &w);
        if (!strict) {
            until_answered(34 + i);
            cr_assert(asks[0].name == names[0] || asks[0].name == names[2]);
        } else {
            until_refused(1 + i);
            cr_assert_eq(asks[0].refusal, i ? POOL_STRICT : POOL_CONNECT);
        }
    }
    /* A cookie that names nobody. */
    w.affinity = 12345;
    ask_with(&asks[0], "/now", &w);
    if (strict) {
        until_refused(3);
        cr_assert_eq(asks[0].refusal, POOL_STRICT);
    } else {
        until_answered(36);
    }
    end();
}

Test(proxy_pool_choose, cookie, .timeout = 60) { cookie(false); }
Test(proxy_pool_choose, strict_cookie, .timeout = 60) { cookie(true); }

/* Cookies outlive processes and are sent to any of them: a name depends on the address alone. */
Test(proxy_pool_choose, names_are_for_ever, .timeout = 60) {
    static backend nobody = {.port = 1};
    begin(PLAN_REVERSE);
    the_plan.back_backoff_ms = 10000;
    plan_pattern *t = add_pattern();
    add_backend(t, &nobody, true);
    add_backend(t, open_backend(0), true);
    t->affinity = PLAN_AFFINITY_COOKIE;
    t->cookie_strict = true;
    make_pool();
    pool_wish w = {.affinity = 0x39fbecd6u, .has_cookie = true};
    ask_with(&asks[0], "/now", &w);
    until_refused(1);
    cr_assert_eq(asks[0].refusal, POOL_CONNECT, "it was found by its name");
    end();
}
