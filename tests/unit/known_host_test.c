/* netio/known_host.c and dial.c: addresses that are kept, with a made resolver. */
#include <arpa/inet.h>
#include <criterion/criterion.h>

#include "netio/known_host.h"
#include "tests/unit/loop_for.h"

/* ---- the made resolver: "name" has the addresses of `zone`, found on a later turn ---- */

static loop *l;
static const char *zone[3]; /* up to the first NULL */
static unsigned lookups, cancelled;
static uint32_t asker, shared_with;
static uint64_t answer_ms;

struct resolve {
    timer timer;
    uint16_t port;
    void (*done)(void *user, const socket_address *a, size_t n, const char *why);
    void *user;
};

static void answer(timer *t) {
    resolve r = *(resolve *)t->user;
    socket_address a[3];
    size_t n = 0;
    while (n < 3 && zone[n]) {
        socket_numeric(&a[n], zone[n], r.port);
        n++;
    }
    mem_give(loop_mem(l), t->user, sizeof r);
    r.done(r.user, a, n, n ? NULL : "name not found");
}

resolve *resolve_start(loop *on, const char *host, uint16_t port, const dial_lookup *how,
                       void (*done)(void *user, const socket_address *a, size_t n, const char *why),
                       void *user) {
    cr_assert_str_eq(host, "name");
    cr_assert_eq(how->whose, asker);
    lookups++;
    resolve *r = mem_take(loop_mem(on), sizeof *r);
    *r = (resolve){.timer = {.fire = answer, .user = r}, .port = port, .done = done, .user = user};
    timer_arm(on, &r->timer, answer_ms);
    return r;
}

void resolve_cancel(resolve *r) {
    timer_cancel(&r->timer);
    mem_give(loop_mem(l), r, sizeof *r);
    cancelled++;
}

void resolve_share(resolve *r, uint32_t whose) {
    (void)r;
    shared_with = whose;
}

void resolve_prepare(void) {}
const char *resolve_error_text(int error) {
    (void)error;
    return "";
}

/* ---- dials ---- */

static session_config server_config, client_config;
static listener *ear;
static known_host *known;
static unsigned opened, failed, accepted;
static const char *failed_why;

static void on_event(void *user, net_link *k, const http_event *ev) {
    if (user && ev->kind == HTTP_EVENT_SETTINGS) link_close(k, NULL);
}

static void on_closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    (void)why;
}

static const link_calls link_face = {.event = on_event, .closed = on_closed};

static bool on_accept(void *user, link_birth *birth) {
    (void)user;
    accepted++;
    *birth = (link_birth){.calls = &link_face, .config = &server_config};
    return true;
}

static void on_accepted(void *user, net_link *k) {
    (void)user;
    (void)k;
}

static const listen_calls ear_calls = {on_accept, on_accepted};

static void on_opened(void *user, net_link *k) {
    (void)user;
    (void)k;
    opened++;
}

static void on_failed(void *user, const char *why) {
    (void)user;
    failed++;
    failed_why = why;
}

static dial *dial_name(void) {
    static const dial_calls calls = {on_opened, on_failed};
    link_birth birth = {
        .calls = &link_face, .user = &opened, .config = &client_config, .known = known};
    birth.lookup.whose = asker;
    return dial_open(l, "name", listen_port(ear), &birth, 5000, &calls, NULL);
}

static void until(unsigned good, unsigned bad) {
    for (unsigned n = 0; n < 2000 && (opened < good || failed < bad); n++) loop_for(l, 5);
    cr_assert_eq(opened, good);
    cr_assert_eq(failed, bad);
}

static void begin(uint32_t fresh_ms) {
    const char *why;
    listen_address a = {.text = "127.0.0.1"};
    session_defaults(&server_config, true);
    session_defaults(&client_config, false);
    l = loop_new();
    ear = listen_open(l, &a, &ear_calls, NULL, &why);
    cr_assert_not_null(ear, "%s", why);
    known = known_host_new(l, fresh_ms);
    zone[0] = "127.0.0.1";
}

static void end(void) {
    known_host_free(known);
    loop_free(l);
}

Test(known_host, is_looked_up_for_whom, .timeout = 60) {
    begin(0);
    asker = 7;
    known_host_wait w = {.found = NULL};
    known_host_share(known, 8);
    cr_assert_eq(shared_with, 0, "nothing is looked up");
    cr_assert(known_host_ask(known, "name", listen_port(ear), &(dial_lookup){.whose = 7}, &w));
    known_host_share(known, 9);
    cr_assert_eq(shared_with, 9);
    known_host_leave(&w);
    dial_name(); /* by the look-up that goes on */
    until(1, 0);
    known_host_doubt(known);
    dial_name(); /* asks as its birth says */
    until(2, 0);
    cr_assert_eq(lookups, 2);
    end();
}

Test(known_host, is_looked_up_once, .timeout = 60) {
    begin(0);
    for (unsigned i = 0; i < 5; i++) dial_name();
    until(5, 0);
    cr_assert_eq(lookups, 1, "those that wait share it");
    for (unsigned i = 0; i < 5; i++) dial_name();
    until(10, 0);
    cr_assert_eq(lookups, 1, "and it is kept");
    end();
}

Test(known_host, for_a_time, .timeout = 60) {
    begin(20);
    dial_name();
    until(1, 0);
    loop_for(l, 40);
    dial_name();
    until(2, 0);
    cr_assert_eq(lookups, 2);
    end();
}

Test(known_host, each_for_itself_without, .timeout = 60) {
    begin(0);
    known_host_free(known);
    known = NULL;
    for (unsigned i = 0; i < 3; i++) dial_name();
    until(3, 0);
    cr_assert_eq(lookups, 3);
    end();
}

/* The next address of the name, and the name again when none answers. */
Test(known_host, moves, .timeout = 60) {
    begin(0);
    zone[0] = "127.0.0.2"; /* where nobody listens */
    zone[1] = "127.0.0.1";
    dial_name();
    until(1, 0);
    zone[1] = NULL;
    dial_name();
    until(2, 0);
    cr_assert_eq(lookups, 1, "one of those that are known has answered");
    known_host_doubt(known);
    dial_name();
    until(2, 1);
    cr_assert_str_eq(failed_why, "connection refused");
    zone[0] = "127.0.0.1";
    dial_name();
    until(3, 1);
    cr_assert_eq(lookups, 3, "they are no longer believed");
    end();
}

Test(known_host, no_such_name, .timeout = 60) {
    begin(0);
    zone[0] = NULL;
    for (unsigned i = 0; i < 3; i++) dial_name();
    until(0, 3);
    cr_assert_str_eq(failed_why, "name not found");
    cr_assert_eq(lookups, 1);
    zone[0] = "127.0.0.1";
    dial_name();
    until(1, 3);
    end();
}

Test(known_host, dials_that_are_given_up, .timeout = 60) {
    begin(0);
    answer_ms = 30;
    dial *d[4];
    for (unsigned i = 0; i < 4; i++) d[i] = dial_name();
    loop_for(l, 1);
    cr_assert_eq(lookups, 1);
    dial_cancel(d[1]);
    dial_cancel(d[0]);
    dial_cancel(d[3]);
    until(1, 0);
    loop_for(l, 20);
    cr_assert_eq(opened + failed, 1);
    end();
}

Test(known_host, ends_while_it_is_looked_up, .timeout = 60) {
    begin(0);
    known_host_wait w = {.found = NULL};
    cr_assert(known_host_ask(known, "name", 80, &(dial_lookup){0}, &w));
    known_host_leave(&w);
    end();
    cr_assert_eq(cancelled, 1);
}
