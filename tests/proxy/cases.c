#include "tests/proxy/cases.h"

#include <stdio.h>

#include "tests/proxy/world.h"

/* ---- what a case says ---- */

static const char *the_case;
static bool front_h2, back_h2, refusing;
static world_request no_request;
static world_arrival no_arrival;
static world_end no_end;

/* What must hold, unless memory was refused on the way. */
static void expect(bool holds, const char *what) {
    world_demand(holds || refusing, "%s, %s to %s: %s", the_case, front_h2 ? "HTTP/2" : "HTTP/1.1",
                 back_h2 ? "HTTP/2" : "HTTP/1.1", what);
}

static world_end *client(void) {
    world *w = &the_world;
    return w->end_count && !w->ends[0].server ? &w->ends[0] : &no_end;
}

static world_request *ask(world_method method, uint32_t content, unsigned flags) {
    world_request *r = client_ask(client(), method, content, flags);
    world_turn();
    expect(r != NULL, "it cannot be asked");
    return r ? r : &no_request;
}

/* The request that arrived last. */
static world_arrival *arrival(void) {
    world *w = &the_world;
    expect(w->arrival_count > 0, "it does not arrive");
    return w->arrival_count ? &w->arrivals[w->arrival_count - 1] : &no_arrival;
}

static void answer(world_arrival *a, world_reply how) {
    expect(backend_reply(a, &how), "it cannot be answered");
    world_turn();
}

static void expect_answer(const world_request *r, unsigned status, uint64_t content) {
    expect(r->status == status, "another status");
    expect(r->ended, "the answer does not end");
    expect(r->got == content, "other content");
    expect(!r->from || r->from->replied, "nobody answered");
}

static void expect_own(const world_request *r, unsigned status) {
    expect(r->status == status && !r->from, "no answer of the proxy's own");
    expect(r->ended, "the answer does not end");
}

/* Whether the backend's stream is gone, or its connection. */
static bool gone(const world_arrival *a) { return !a->open || (a->at && a->at->eof); }

static void close_end(world_arrival *a) {
    if (a->at) ends_close(a->at);
    world_turn();
}

/* ---- the cases ---- */

static void get(void) {
    for (unsigned i = 0; i < 3; i++) {
        world_request *r = ask(WORLD_GET, 0, 0);
        answer(arrival(), (world_reply){.status = 200, .content = 20, .length = i != 1});
        expect_answer(r, 200, 20);
    }
    expect(the_world.end_count == 2, "one connection was enough");
}

static void post(void) {
    static const uint32_t sizes[] = {0, 1, 16384, 70001};
    for (unsigned i = 0; i < 8; i++) {
        world_request *r = ask(WORLD_POST, sizes[i / 2], i & 1 ? CLIENT_LENGTH : 0);
        expect(arrival()->ended && arrival()->got == sizes[i / 2], "content of the request");
        answer(arrival(), (world_reply){.status = 200, .content = sizes[3 - i / 2]});
        expect_answer(r, 200, sizes[3 - i / 2]);
    }
}

static void head(void) {
    world_request *r = ask(WORLD_HEAD, 0, 0);
    answer(arrival(), (world_reply){.status = 200, .content = 500, .length = true});
    expect_answer(r, 200, 0);
    r = ask(WORLD_GET, 0, 0);
    answer(arrival(), (world_reply){.status = 200, .content = 5});
    expect_answer(r, 200, 5);
}

static void without_content(void) {
    static const unsigned statuses[] = {304, 204};
    for (unsigned i = 0; i < 4; i++) {
        world_request *r = ask(WORLD_GET, 0, 0);
        answer(arrival(),
               (world_reply){.status = statuses[i & 1], .content = 500, .length = i & 2});
        expect_answer(r, statuses[i & 1], 0);
    }
}

static void trailers(void) {
    world_request *r = ask(WORLD_POST, 100, CLIENT_TRAILERS | CLIENT_WAITS);
    client_allow(r, 100, true);
    world_turn();
    expect(arrival()->ended && arrival()->got == 100, "content of the request");
    expect(arrival()->got_trailers, "trailers of the request");
    answer(arrival(), (world_reply){.status = 200, .content = 50, .trailers = true});
    expect_answer(r, 200, 50);
    expect(r->got_trailers, "trailers of the answer");
}

static void expect_continue(void) {
    world_request *r = ask(WORLD_POST, 1000, CLIENT_EXPECTS | CLIENT_WAITS | CLIENT_LENGTH);
    expect(!arrival()->ended, "content before it was sent");
    backend_inform(arrival(), 100);
    world_turn();
    expect(r->interims == 1, "100 Continue");
    client_allow(r, 1000, true);
    world_turn();
    expect(arrival()->ended, "content of the request");
    answer(arrival(), (world_reply){.status = 200, .content = 1});
    expect_answer(r, 200, 1);
}

static void early_hints(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    for (unsigned i = 0; i < 3; i++) backend_inform(arrival(), 103);
    world_turn();
    expect(r->interims == 3, "103 Early Hints");
    answer(arrival(), (world_reply){.status = 200, .content = 10});
    expect_answer(r, 200, 10);
}

static void early_answer(void) {
    world_request *r = ask(WORLD_POST, 100000, CLIENT_WAITS);
    client_allow(r, 500, false);
    world_turn();
    expect(arrival()->got == 500, "content that has come");
    answer(arrival(), (world_reply){.status = 413, .content = 30});
    expect(r->status == 413 && r->got == 30 && r->ended, "the answer is not held back");
}

static void client_leaves(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    world_arrival *a = arrival();
    client_reset(r);
    world_turn();
    if (!front_h2) return; /* it may have shut its side alone */
    expect(gone(a), "the backend is told");
    r = ask(WORLD_GET, 0, 0);
    answer(arrival(), (world_reply){.status = 200, .content = 5});
    expect_answer(r, 200, 5);
}

static void client_stops_in_content(void) {
    world_request *r = ask(WORLD_POST, 1000, CLIENT_WAITS);
    client_allow(r, 300, false);
    world_turn();
    world_arrival *a = arrival();
    client_reset(r);
    world_turn();
    expect(!a->ended && gone(a), "a request that is cut is not whole");
}

static void backend_resets(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    backend_reset(arrival(), H2_INTERNAL_ERROR);
    world_turn();
    expect_own(r, 502);
}

static void answer_is_cut(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    answer(arrival(), (world_reply){.status = 200, .content = 1000, .allowed = 300, .waits = true});
    expect(r->status == 200 && r->got == 300, "what has come is passed on");
    close_end(arrival());
    expect(!r->ended, "a cut answer looks whole");
    expect(r->closed || client()->fd < 0, "the client is not told");
}

static void ends_with_connection(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    if (back_h2) return;
    expect(backend_reply_by_close(arrival(), 5000, false), "it cannot be answered");
    world_turn();
    expect_answer(r, 200, 5000);
}

static void tunnel(world_method method) {
    world_request *r = ask(method, 4000, CLIENT_WAITS);
    client_allow(r, 100, false);
    world_turn();
    expect(arrival()->got == 0, "what is sent before a tunnel is open stays");
    answer(arrival(), (world_reply){.status = 200, .content = 3000});
    expect(r->status == 200 && r->got == 3000, "content of the tunnel, down");
    expect(arrival()->got == 100, "content that waited");
    client_allow(r, 3900, false);
    world_turn();
    expect(arrival()->got == 4000, "content of the tunnel, up");
    backend_allow(arrival(), 0, true);
    world_turn();
    world_turn();
    expect(r->ended, "the tunnel ends");
}

static void connect_accepted(void) { tunnel(WORLD_CONNECT); }
static void websocket_accepted(void) { tunnel(WORLD_WEBSOCKET); }

static void refused_tunnel(world_method method) {
    world_request *r = ask(method, 100, CLIENT_WAITS);
    client_allow(r, 100, false);
    answer(arrival(), (world_reply){.status = 403, .content = 10});
    expect_answer(r, 403, 10);
    expect(arrival()->got == 0, "nothing of it is sent");
}

static void connect_refused(void) { refused_tunnel(WORLD_CONNECT); }
static void websocket_refused(void) { refused_tunnel(WORLD_WEBSOCKET); }

static void websocket_of_nobody(void) {
    world_request *r = ask(WORLD_WEBSOCKET, 100, CLIENT_WAITS);
    if (back_h2) return;
    answer(arrival(), (world_reply){.status = 200, .content = 10, .refuses_key = true});
    expect_own(r, 502);
}

static void is_sent_again(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    answer(arrival(), (world_reply){.status = 200, .content = 1});
    r = ask(back_h2 ? WORLD_POST : WORLD_GET, 0, 0);
    if (back_h2) {
        backend_reset(arrival(), H2_REFUSED_STREAM);
        world_turn();
    } else {
        close_end(arrival());
    }
    expect(r->arrivals == 2, "it is not sent again");
    answer(arrival(), (world_reply){.status = 200, .content = 2});
    expect_answer(r, 200, 2);
}

static void is_not_sent_again(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    answer(arrival(), (world_reply){.status = 200, .content = 1});
    r = ask(WORLD_POST, 10, CLIENT_LENGTH);
    close_end(arrival());
    expect(r->arrivals == 1, "it is sent again");
    expect_own(r, 502);
}

static void goes_away(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    world_arrival *first = arrival();
    if (!back_h2 || !first->at || !first->at->s) return;
    session_drain(first->at->s, 0);
    world_turn();
    world_request *second = front_h2 ? ask(WORLD_GET, 0, 0) : &no_request;
    expect(!front_h2 || arrival()->at != first->at, "a connection of its own");
    if (front_h2) answer(arrival(), (world_reply){.status = 200, .content = 7});
    if (front_h2) expect_answer(second, 200, 7);
    answer(first, (world_reply){.status = 200, .content = 5});
    expect_answer(r, 200, 5);
}

static void pushed(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    world_arrival *parent = arrival();
    if (!front_h2 || !back_h2) return;
    world_arrival *promised = backend_push(parent);
    expect(promised != NULL, "it cannot be promised");
    answer(parent, (world_reply){.status = 200, .content = 10});
    if (promised) answer(promised, (world_reply){.status = 200, .content = 20});
    expect_answer(r, 200, 10);
    expect(the_world.request_count == 2, "the client is promised it");
    if (the_world.request_count == 2) expect_answer(&the_world.requests[1], 200, 20);
}

/* Nobody waits for ever for what was promised, whatever plans come meanwhile. */
static void silent_push(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    world_arrival *parent = arrival();
    if (!front_h2 || !back_h2) return;
    world_reload();
    expect(backend_push(parent) != NULL, "it cannot be promised");
    world_reload();
    answer(parent, (world_reply){.status = 200, .content = 10});
    expect_answer(r, 200, 10);
    world_wait(61000);
    expect(the_world.request_count == 2, "the client is promised it");
    if (the_world.request_count == 2) expect_own(&the_world.requests[1], 504);
}

static void preloaded(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    if (!front_h2) return;
    answer(arrival(), (world_reply){.status = 200, .content = 10, .preload = true});
    expect(the_world.request_count == 3 && the_world.arrival_count == 3, "two are promised");
    for (unsigned i = 1; i < the_world.arrival_count; i++)
        answer(&the_world.arrivals[i], (world_reply){.status = 200, .content = 30});
    expect_answer(r, 200, 10);
    for (unsigned i = 1; i < the_world.request_count; i++)
        expect_answer(&the_world.requests[i], 200, 30);
}

/* A client that does not read stops its backend; what the proxy holds meanwhile is little. */
static void slow_client(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    client()->deaf = true;
    answer(arrival(), (world_reply){.status = 200, .content = 30000000});
    expect(arrival()->down.pulled < 2000000, "the backend is stopped");
    expect(the_world.held_most < 3000000, "much is held");
    client_reset(r);
    client()->deaf = false;
    world_turn();
    expect(gone(arrival()), "the backend is told");
}

static void no_backend(void) {
    backend_shut();
    world_request *r = ask(WORLD_GET, 0, 0);
    expect_own(r, 502);
    backend_listen();
}

static void silent_backend(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    world_wait(61000);
    expect_own(r, 504);
    expect(gone(arrival()), "the backend is told");
}

static void reload(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    world_arrival *before = arrival();
    world_reload();
    world_turn();
    answer(before, (world_reply){.status = 200, .content = 10});
    expect_answer(r, 200, 10);
    r = ask(WORLD_GET, 0, 0);
    expect(arrival()->at != before->at, "a connection of the new pool");
    answer(arrival(), (world_reply){.status = 200, .content = 20});
    expect_answer(r, 200, 20);
}

static void drain(void) {
    world_request *r = ask(WORLD_GET, 0, 0);
    world_drain();
    world_turn();
    answer(arrival(), (world_reply){.status = 200, .content = 10});
    expect_answer(r, 200, 10);
    expect(client()->fd < 0, "the connection ends");
}

static const struct {
    const char *name;
    void (*play)(void);
} cases[] = {{"GET", get},
             {"POST", post},
             {"HEAD", head},
             {"304 and 204", without_content},
             {"trailers", trailers},
             {"100-continue", expect_continue},
             {"103", early_hints},
             {"early answer", early_answer},
             {"the client leaves", client_leaves},
             {"the client stops", client_stops_in_content},
             {"the backend resets", backend_resets},
             {"an answer is cut", answer_is_cut},
             {"until the connection ends", ends_with_connection},
             {"CONNECT", connect_accepted},
             {"CONNECT, refused", connect_refused},
             {"WebSocket", websocket_accepted},
             {"WebSocket, refused", websocket_refused},
             {"WebSocket, wrong key", websocket_of_nobody},
             {"sent again", is_sent_again},
             {"not sent again", is_not_sent_again},
             {"GOAWAY", goes_away},
             {"push", pushed},
             {"silent push", silent_push},
             {"preload", preloaded},
             {"slow client", slow_client},
             {"no backend", no_backend},
             {"silent backend", silent_backend},
             {"reload", reload},
             {"drain", drain}};

enum { CASES = sizeof cases / sizeof *cases };

/* ---- playing them ---- */

/* Whether memory was refused on the way. */
static bool play(unsigned which, unsigned pair, bool small, uint64_t refuse_at) {
    front_h2 = pair & 1;
    back_h2 = pair & 2;
    the_case = cases[which].name;
    refusing = refuse_at != 0;
    world_choice c = {.back_h2 = back_h2, .small = small, .preloads = true};
    world_say("---- %s, %u to %u", the_case, front_h2 + 1u, back_h2 + 1u);
    if (!world_begin(&c, refuse_at)) return true;
    client_connect(front_h2, false);
    world_turn();
    cases[which].play();
    world_end_all();
    return the_world.refused > 0;
}

int cases_play(const char *name) {
    for (unsigned i = 0; i < CASES * 8; i++) {
        if (!name || strcmp(name, cases[i / 8].name) == 0) play(i / 8, i & 3, i & 4, 0);
    }
    printf("%u cases in 4 pairs of versions\n", CASES);
    return 0;
}

int cases_refuse(const char *name) {
    uint64_t all = 0;
    for (unsigned i = 0; i < CASES * 4; i++) {
        if (name && strcmp(name, cases[i / 4].name) != 0) continue;
        for (uint64_t n = 1; play(i / 4, i & 3, false, n); n++) all++;
    }
    printf("%llu allocations refused\n", (unsigned long long)all);
    return all == 0;
}
