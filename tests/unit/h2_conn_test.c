/* core/h2_conn.c as its caller sees it: misuse, credits, room, and how long lent bytes live. A
 * client and a server talk to each other in memory; what goes over the wire is the flows' business.
 */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/h2_conn.h"
#include "core/limits.h"

/* ---- a memory that counts and refuses ---- */

static size_t held;
static unsigned calls, refuse_at;

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    if (new_size && refuse_at && ++calls == refuse_at) return NULL;
    void *moved = new_size ? malloc(new_size) : NULL;
    if (p && moved) memcpy(moved, p, old_size < new_size ? old_size : new_size);
    free(p);
    held = held - old_size + new_size;
    return moved;
}

static const mem hook = {resize, NULL};

/* ---- a body that keeps book ---- */

typedef struct test_body {
    uint8_t *bytes;
    size_t n, step, lent, back;
    unsigned released;
    http_pull at_end; /* said once all bytes are lent */
    bool ended, misused;
} test_body;

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    test_body *b = user;
    if (offset != b->lent || b->released || b->ended) b->misused = true;
    size_t n = b->n - b->lent;
    if (n > want) n = want;
    if (b->step && n > b->step) n = b->step;
    *lent = span_of(b->bytes + b->lent, n);
    b->lent += n;
    b->ended = b->lent == b->n;
    if (b->ended && b->at_end == HTTP_PULL_FAILED) { /* which lends nothing */
        *lent = span_of(NULL, 0);
        b->lent -= n;
    }
    return b->ended ? b->at_end : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    test_body *b = user;
    b->back += n;
    if (b->released || b->back > b->lent) b->misused = true;
}

static void release(void *user) {
    test_body *b = user;
    if (b->released++ || b->back != b->lent) b->misused = true;
    /* Gone: a span that is still queued would be a use after free. */
    free(b->bytes);
    b->bytes = NULL;
}

static const http_body_ops ops = {pull, done, release};

static http_body body(test_body *b, size_t n) {
    *b = (test_body){.bytes = malloc(n ? n : 1), .n = n, .at_end = HTTP_PULL_END};
    for (size_t i = 0; i < n; i++) b->bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    return (http_body){&ops, b};
}

/* ---- two ends ---- */

typedef struct end {
    h2_conn *c;
    h2_config config;
    h2_scratch scratch;
    http_event last[64]; /* kinds and refs; spans are dead */
    size_t told, received;
    http_ref ref;
    bool damaged;
} end;

static end client, server;

static bool start(end *e, bool is_server) {
    h2_birth b = {.mem = &hook,
                  .config = &e->config,
                  .scratch = &e->scratch,
                  .server = is_server,
                  .now_ms = 1000};
    h2_conn_scratch_init(&e->scratch, &hook);
    e->c = h2_conn_new(&b);
    return e->c != NULL;
}

static void setup(void) {
    client = server = (end){0};
    refuse_at = calls = 0;
    h2_conn_defaults(&client.config, false);
    h2_conn_defaults(&server.config, true);
}

static void finish(void) {
    h2_conn_free(client.c);
    h2_conn_free(server.c);
    h2_conn_scratch_end(&client.scratch);
    h2_conn_scratch_end(&server.scratch);
    cr_assert_eq(held, 0, "%zu bytes leaked", held);
}

static void step(end *e, span in) {
    http_event ev;
    while (h2_conn_step(e->c, &in, 1000, &ev) != HTTP_EVENT_NONE) {
        for (size_t i = 0; ev.kind == HTTP_EVENT_DATA && i < ev.data.n; i++) {
            size_t at = e->received + i;
            if (ev.data.p[i] != (uint8_t)(at * 7 + (at >> 8))) e->damaged = true;
        }
        if (ev.kind == HTTP_EVENT_DATA) {
            e->received += ev.data.n;
            h2_conn_credit(e->c, ev.ref, ev.credit);
        }
        if (ev.kind == HTTP_EVENT_REQUEST) e->ref = ev.ref;
        if (ev.kind != HTTP_EVENT_DATA && e->told < 64) e->last[e->told++] = ev;
    }
}

/* At most `most` bytes from one to the other. False when there was nothing. */
static bool carry(end *from, end *to, size_t most) {
    span iov[8];
    size_t n = h2_conn_output(from->c, iov, 8, 1u << 20), written = 0;
    for (size_t i = 0; i < n && written < most; i++) {
        span part = span_head(iov[i], most - written);
        uint8_t *copy = malloc(part.n);
        memcpy(copy, part.p, part.n);
        step(to, span_of(copy, part.n));
        free(copy);
        written += part.n;
    }
    h2_conn_output_done(from->c, written);
    return n > 0;
}

static void settle(void) {
    step(&client, span_of(NULL, 0));
    step(&server, span_of(NULL, 0));
    for (bool more = true; more;) {
        more = carry(&client, &server, SIZE_MAX);
        more |= carry(&server, &client, SIZE_MAX);
    }
}

static void meet(void) {
    cr_assert(start(&client, false) && start(&server, true));
    settle();
}

static const http_field *request(void) {
    static http_field f[4];
    f[0] = HTTP_FIELD_OF(METHOD, SPAN("POST"));
    f[1] = HTTP_FIELD_OF(SCHEME, SPAN("http"));
    f[2] = HTTP_FIELD_OF(PATH, SPAN("/"));
    f[3] = HTTP_FIELD_OF(AUTHORITY, SPAN("a.test"));
    return f;
}

static const http_field *ok(void) {
    static http_field f;
    f = HTTP_FIELD_OF(STATUS, SPAN("200"));
    return &f;
}

static bool is(verdict v, verdict_call code) {
    return v.scope == VERDICT_CALLER && v.code == code && v.why;
}

static bool fine(verdict v) { return v.scope == VERDICT_NONE; }

static http_ref open_one(http_body b) {
    http_ref ref = HTTP_NO_REF;
    cr_assert(fine(h2_conn_open(client.c, request(), 4, b, &client, &ref)));
    settle();
    return ref;
}

TestSuite(h2_conn, .init = setup);

/* ---- misuse ---- */

Test(h2_conn, wrong_role) {
    http_ref ref = {1, 2};
    const uint8_t opaque[8] = {0};
    meet();
    cr_assert(is(h2_conn_open(server.c, request(), 4, HTTP_NO_BODY, NULL, &ref), VERDICT_BAD_CALL));
    ref = open_one(HTTP_NO_BODY);
    cr_assert(is(h2_conn_reply(client.c, ref, ok(), 1, HTTP_NO_BODY), VERDICT_BAD_CALL));
    cr_assert(is(h2_conn_inform(client.c, ref, ok(), 1), VERDICT_BAD_CALL));
    cr_assert(is(h2_conn_push(client.c, ref, request(), 4, &ref), VERDICT_BAD_CALL));
    cr_assert(is(h2_conn_altsvc(client.c, SPAN("a"), SPAN("b")), VERDICT_BAD_CALL));
    cr_assert(is(h2_conn_origin(client.c, &(span)SPAN_LIT("a"), 1), VERDICT_BAD_CALL));
    cr_assert_eq(h2_conn_room(server.c), 0);
    cr_assert(fine(h2_conn_ping(client.c, opaque)));
    cr_assert(is(h2_conn_ping(client.c, opaque), VERDICT_BUSY));
    finish();
}

Test(h2_conn, stale_references) {
    meet();
    http_ref old = open_one(HTTP_NO_BODY), ref = server.ref;
    cr_assert(fine(h2_conn_reply(server.c, ref, ok(), 1, HTTP_NO_BODY)));
    settle();
    const http_ref list[] = {old, ref, HTTP_NO_REF, {0, 7}, {UINT32_MAX, 1}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        end *both[2] = {&client, &server};
        for (size_t k = 0; k < 2; k++) {
            h2_conn *c = both[k]->c;
            http_ref made;
            cr_expect(is(h2_conn_reply(c, list[i], ok(), 1, HTTP_NO_BODY), VERDICT_BAD_CALL));
            cr_expect(is(h2_conn_inform(c, list[i], ok(), 1), VERDICT_BAD_CALL));
            cr_expect(is(h2_conn_trailers(c, list[i], ok(), 1), VERDICT_BAD_CALL));
            cr_expect(is(h2_conn_push(c, list[i], request(), 4, &made), VERDICT_BAD_CALL));
            cr_expect(is(h2_conn_attach(c, list[i], NULL), VERDICT_BAD_CALL));
            cr_expect(is(h2_conn_credit(c, list[i], 0), VERDICT_BAD_CALL));
            cr_expect(is(h2_conn_wake(c, list[i]), VERDICT_BAD_CALL));
            cr_expect(is(h2_conn_reset(c, list[i], H2_CANCEL), VERDICT_BAD_CALL));
            cr_expect(is(h2_conn_prioritize(c, list[i], 1, false), VERDICT_BAD_CALL));
            cr_expect_not(h2_conn_has_output(c), "a wrong call sends nothing");
        }
    }
    /* The slot is taken by another stream: the old reference does not mean that one. */
    http_ref next = open_one(HTTP_NO_BODY);
    cr_assert_eq(next.slot, old.slot);
    cr_assert(is(h2_conn_reset(client.c, old, H2_CANCEL), VERDICT_BAD_CALL));
    cr_assert(fine(h2_conn_reset(client.c, next, H2_CANCEL)));
    finish();
}

Test(h2_conn, one_reply) {
    test_body b, refused;
    meet();
    open_one(HTTP_NO_BODY);
    cr_assert(fine(h2_conn_reply(server.c, server.ref, ok(), 1, body(&b, 10))));
    http_body second = body(&refused, 10);
    cr_assert(is(h2_conn_reply(server.c, server.ref, ok(), 1, second), VERDICT_BAD_CALL));
    settle();
    cr_assert_eq(client.received, 10);
    cr_assert(b.released == 1 && !b.misused);
    cr_assert_eq(refused.released, 0, "a refused body stays the caller's");
    free(refused.bytes);
    finish();
}

Test(h2_conn, trailers_only_before_the_end) {
    test_body b;
    meet();
    http_ref ref = open_one(HTTP_NO_BODY);
    cr_assert(is(h2_conn_trailers(client.c, ref, ok(), 1), VERDICT_BAD_CALL), "no body");
    cr_assert(is(h2_conn_trailers(server.c, server.ref, ok(), 1), VERDICT_BAD_CALL), "no reply");
    cr_assert(fine(h2_conn_reply(server.c, server.ref, ok(), 1, body(&b, 100000))));
    http_field f = {.name = SPAN("a"), .value = SPAN("b")};
    cr_assert(fine(h2_conn_trailers(server.c, server.ref, &f, 1)));
    cr_assert(is(h2_conn_trailers(server.c, server.ref, &f, 1), VERDICT_BAD_CALL), "twice");
    settle();
    cr_assert_eq(client.received, 100000);
    cr_assert_eq(client.last[client.told - 2].kind, HTTP_EVENT_TRAILERS);
    cr_assert_eq(client.last[client.told - 1].kind, HTTP_EVENT_CLOSED);
    finish();
}

/* ---- room ---- */

Test(h2_conn, room) {
    http_ref ref;
    server.config.settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = 2;
    meet();
    cr_assert_eq(h2_conn_room(client.c), 2);
    open_one(HTTP_NO_BODY);
    cr_assert_eq(h2_conn_room(client.c), 1);
    open_one(HTTP_NO_BODY);
    cr_assert_eq(h2_conn_room(client.c), 0);
    cr_assert(is(h2_conn_open(client.c, request(), 4, HTTP_NO_BODY, NULL, &ref), VERDICT_BUSY));
    client.told = 0;
    cr_assert(fine(h2_conn_reply(server.c, server.ref, ok(), 1, HTTP_NO_BODY)));
    settle();
    cr_assert_eq(h2_conn_room(client.c), 1);
    cr_assert_eq(client.last[client.told - 1].kind, HTTP_EVENT_ROOM);
    cr_assert_eq(h2_conn_streams(client.c), 1);
    h2_conn_drain(client.c, 1000);
    cr_assert_eq(h2_conn_room(client.c), 0);
    finish();
}

/* A client that sets no limit is still promised no more than a server would let it have. */
Test(h2_conn, promises) {
    const http_field f[] = {HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
                            HTTP_FIELD_OF(PATH, SPAN("/pushed")),
                            HTTP_FIELD_OF(AUTHORITY, SPAN("a.test"))};
    http_ref made;
    client.config.settings[H2_SLOT_ENABLE_PUSH] = 1;
    meet();
    open_one(HTTP_NO_BODY);
    for (unsigned i = 0; i < LIMIT_PROMISES; i++)
        cr_assert(fine(h2_conn_push(server.c, server.ref, f, 4, &made)));
    http_ref none;
    cr_assert(is(h2_conn_push(server.c, server.ref, f, 4, &none), VERDICT_BUSY));
    settle();
    cr_assert(fine(h2_conn_reply(server.c, made, ok(), 1, HTTP_NO_BODY)));
    cr_assert(fine(h2_conn_push(server.c, server.ref, f, 4, &none)), "one is over");
    finish();
}

/* ---- bodies ---- */

Test(h2_conn, intact_and_released_once) {
    test_body up, down;
    meet();
    open_one(body(&up, 300000));
    cr_assert(up.released == 1 && !up.misused && server.received == 300000 && !server.damaged);
    cr_assert(fine(h2_conn_reply(server.c, server.ref, ok(), 1, body(&down, 1000000))));
    settle();
    cr_assert(down.released == 1 && !down.misused && client.received == 1000000 && !client.damaged);
    cr_assert(h2_conn_streams(client.c) == 0 && h2_conn_streams(server.c) == 0);
    finish();
}

Test(h2_conn, small_pieces) {
    test_body b;
    meet();
    open_one(HTTP_NO_BODY);
    http_body reply = body(&b, 100000);
    b.step = 777;
    cr_assert(fine(h2_conn_reply(server.c, server.ref, ok(), 1, reply)));
    while (carry(&server, &client, 313)) carry(&client, &server, 17);
    settle();
    cr_assert(b.released == 1 && !b.misused && client.received == 100000 && !client.damaged);
    finish();
}

/* A frame once begun is finished: its bytes stay lent, although the stream is gone. */
Test(h2_conn, reset_while_lent) {
    test_body b;
    span iov[8];
    meet();
    http_ref ref = open_one(HTTP_NO_BODY);
    cr_assert(fine(h2_conn_reply(server.c, server.ref, ok(), 1, body(&b, 60000))));
    size_t n = h2_conn_output(server.c, iov, 8, 20000), sum = 0;
    for (size_t i = 0; i < n; i++) sum += iov[i].n;
    cr_assert(b.lent > 0 && b.back == 0);
    size_t lent = b.lent;
    cr_assert(fine(h2_conn_reset(client.c, ref, H2_CANCEL)));
    carry(&client, &server, SIZE_MAX); /* RST_STREAM comes while the write is pending */
    cr_assert(b.released == 0 && b.bytes, "still queued, still lent");
    uint8_t *copy = malloc(sum), *at = copy;
    for (size_t i = 0; i < n; i++) {
        memcpy(at, iov[i].p, iov[i].n);
        at += iov[i].n;
    }
    step(&client, span_of(copy, sum)); /* dropped there */
    free(copy);
    h2_conn_output_done(server.c, sum);
    cr_assert(b.lent == lent && b.back == lent, "no byte more was asked for");
    settle();
    cr_assert(b.released == 1 && !b.misused && client.received == 0);
    finish();
}

/* WINDOW_UPDATE for a body that has ended but is still lent out must not wake it. */
Test(h2_conn, window_after_the_end) {
    test_body b;
    span iov[8];
    meet();
    http_body up = body(&b, 30000);
    http_ref ref;
    cr_assert(fine(h2_conn_open(client.c, request(), 4, up, &client, &ref)));
    size_t n = h2_conn_output(client.c, iov, 8, 1u << 20), sum = 0;
    cr_assert_eq(b.lent, 30000);
    const uint8_t update[] = {0, 0, 4, 8, 0, 0, 0, 0, 1, 0, 0, 0, 9};
    const uint8_t settings[] = {0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0};
    step(&client, span_of(update, sizeof update));
    step(&client, span_of(settings, sizeof settings));
    for (size_t i = 0; i < n; i++) sum += iov[i].n;
    h2_conn_output_done(client.c, sum - 1);
    n = h2_conn_output(client.c, iov, 8, 1u << 20);
    cr_assert(n && !b.misused);
    finish();
    cr_assert(b.released == 1 && b.back == b.lent && !b.misused);
}

Test(h2_conn, free_gives_back) {
    test_body b[3];
    span iov[8];
    meet();
    for (int i = 0; i < 3; i++) {
        open_one(HTTP_NO_BODY);
        cr_assert(fine(h2_conn_reply(server.c, server.ref, ok(), 1, body(&b[i], 50000))));
    }
    cr_assert(h2_conn_output(server.c, iov, 8, 30000) > 0);
    finish();
    for (int i = 0; i < 3; i++) cr_assert(b[i].released == 1 && !b[i].misused);
}

Test(h2_conn, eof_tells_and_gives_back) {
    test_body b;
    span iov[8];
    meet();
    open_one(HTTP_NO_BODY);
    cr_assert(fine(h2_conn_attach(server.c, server.ref, &server)));
    cr_assert(fine(h2_conn_reply(server.c, server.ref, ok(), 1, body(&b, 50000))));
    size_t n = h2_conn_output(server.c, iov, 8, 1000);
    h2_conn_output_done(server.c, n ? iov[0].n : 0);
    server.told = 0;
    h2_conn_eof(server.c);
    step(&server, span_of(NULL, 0));
    cr_assert_eq(server.told, 2);
    cr_assert(server.last[0].kind == HTTP_EVENT_CLOSED && server.last[0].early_close);
    cr_assert(server.last[0].user == &server);
    cr_assert_eq(server.last[1].kind, HTTP_EVENT_OVER);
    cr_assert_eq(h2_conn_output(server.c, iov, 8, 1000), 0);
    cr_assert(b.released == 1 && !b.misused);
    cr_assert(is(h2_conn_reset(server.c, server.ref, H2_CANCEL), VERDICT_BAD_CALL));
    finish();
}

Test(h2_conn, failed_body) {
    test_body b;
    meet();
    http_ref ref = open_one(HTTP_NO_BODY);
    http_body reply = body(&b, 5000);
    b.at_end = HTTP_PULL_FAILED;
    cr_assert(fine(h2_conn_reply(server.c, server.ref, ok(), 1, reply)));
    settle();
    cr_assert(b.released == 1 && !b.misused);
    cr_assert_eq(client.last[client.told - 1].kind, HTTP_EVENT_CLOSED);
    cr_assert_eq(client.last[client.told - 1].code, H2_INTERNAL_ERROR);
    cr_assert(is(h2_conn_reset(client.c, ref, H2_CANCEL), VERDICT_BAD_CALL));
    finish();
}

Test(h2_conn, over_refuses_calls) {
    http_ref ref;
    const uint8_t opaque[8] = {0};
    meet();
    open_one(HTTP_NO_BODY);
    h2_conn_close(server.c, H2_NO_ERROR, "done");
    h2_conn_close(server.c, H2_NO_ERROR, "done");
    cr_assert(is(h2_conn_reply(server.c, server.ref, ok(), 1, HTTP_NO_BODY), VERDICT_BAD_CALL));
    cr_assert(is(h2_conn_ping(server.c, opaque), VERDICT_BAD_CALL));
    cr_assert(is(h2_conn_altsvc(server.c, SPAN("a"), SPAN("b")), VERDICT_BAD_CALL));
    cr_assert(is(h2_conn_origin(server.c, &(span)SPAN_LIT("a"), 1), VERDICT_BAD_CALL));
    cr_assert_eq(h2_conn_deadline(server.c), UINT64_MAX);
    settle();
    cr_assert(is(h2_conn_open(client.c, request(), 4, HTTP_NO_BODY, NULL, &ref), VERDICT_BUSY));
    finish();
}

/* ---- no memory ---- */

/* A whole exchange with the n-th allocation refused, for every n: no crash, no leak, every stream
 * with a user is told CLOSED, every body released. */
Test(h2_conn, every_refusal) {
    for (unsigned n = 1; n < 200; n++) {
        test_body up = {0}, down = {0};
        http_ref ref = HTTP_NO_REF;
        setup();
        refuse_at = n;
        bool opened = false, replied = false;
        if (start(&client, false) && start(&server, true)) {
            http_body b = body(&up, 5000);
            settle();
            opened = fine(h2_conn_open(client.c, request(), 4, b, &client, &ref));
            settle();
            b = body(&down, 50000);
            if (server.ref.id) replied = fine(h2_conn_reply(server.c, server.ref, ok(), 1, b));
            settle();
            h2_conn_eof(client.c);
            step(&client, span_of(NULL, 0));
            bool closed = false, over = false;
            for (size_t i = 0; i < client.told; i++) {
                closed |= client.last[i].kind == HTTP_EVENT_CLOSED;
                over |= client.last[i].kind == HTTP_EVENT_OVER;
            }
            cr_expect(over && (closed || !opened), "allocation %u", n);
        }
        finish();
        cr_expect(!up.misused && up.released == opened, "allocation %u", n);
        cr_expect(!down.misused && down.released == replied, "allocation %u", n);
        if (!up.released) free(up.bytes);
        if (!down.released) free(down.bytes);
        if (calls < n) return;
    }
    cr_assert_fail("it never ran without a refusal");
}

/* ---- clocks ---- */

/* Steps until there is nothing more to tell, or the connection is over; the last event's kind. */
static http_event_kind step_all(h2_conn *c, span *in, uint64_t now_ms, http_event *ev) {
    http_event_kind kind;
    do {
        kind = h2_conn_step(c, in, now_ms, ev);
    } while (kind != HTTP_EVENT_NONE && kind != HTTP_EVENT_PAUSED && kind != HTTP_EVENT_OVER &&
             kind != HTTP_EVENT_REQUEST);
    return kind;
}

static http_event_kind step_text(h2_conn *c, const char *bytes, size_t n, uint64_t now_ms,
                                 http_event *ev) {
    span in = span_of(bytes, n);
    return step_all(c, &in, now_ms, ev);
}

/* The rest of a frame that we hold back ourselves is not late; what is missing after that is. */
Test(h2_conn, what_is_held_back_is_not_late) {
    static const char ping[] = "\0\0\10\6\0\0\0\0\0ABCDEFGH";
    h2_config config;
    h2_scratch scratch;
    h2_conn_defaults(&config, true);
    h2_conn_scratch_init(&scratch, &hook);
    h2_birth birth = {
        .mem = &hook, .config = &config, .scratch = &scratch, .server = true, .now_ms = 1000};
    h2_conn *c = h2_conn_new(&birth);
    http_event ev;
    step_text(c, H2_PREFACE, H2_PREFACE_SIZE, 1000, &ev);
    step_text(c, "\0\0\0\4\0\0\0\0\0\0\0\0\4\1\0\0\0\0", 18, 1000, &ev);
    cr_assert_eq(step_text(c, "\0\0\3\1\5\0\0\0\1\x82\x86\x84", 12, 1000, &ev), HTTP_EVENT_REQUEST);
    http_ref ref = ev.ref;
    for (unsigned n = 0; n < (LIMIT_OUTPUT_QUEUED - 300) / 17; n++)
        cr_assert_eq(step_text(c, ping, 17, 1000, &ev), HTTP_EVENT_NONE);
    cr_assert_eq(step_text(c, ping, 12, 1000, &ev), HTTP_EVENT_NONE);

    /* The answer is one too many for the queue. */
    char text[600];
    memset(text, '~', sizeof text);
    http_field f[] = {HTTP_FIELD_OF(STATUS, SPAN("200")),
                      HTTP_FIELD_OF(SERVER, span_of(text, sizeof text))};
    cr_assert_eq(h2_conn_reply(c, ref, f, 2, HTTP_NO_BODY).scope, VERDICT_NONE);
    span rest = span_of(ping + 12, 3), none = {NULL, 0};
    cr_assert_eq(step_all(c, &rest, 1100, &ev), HTTP_EVENT_PAUSED);
    cr_assert_eq(rest.n, 3);
    uint64_t late = 1000 + LIMIT_PART_MS;
    cr_assert_eq(step_all(c, &none, late, &ev), HTTP_EVENT_NONE);

    span iov[64];
    for (size_t n; (n = h2_conn_output(c, iov, 64, 1 << 20)) > 0;) {
        size_t sum = 0;
        for (size_t i = 0; i < n; i++) sum += iov[i].n;
        h2_conn_output_done(c, sum);
    }
    cr_assert_eq(step_all(c, &rest, late, &ev), HTTP_EVENT_NONE);
    cr_assert_eq(step_all(c, &none, late + LIMIT_PART_MS - 1, &ev), HTTP_EVENT_NONE);
    cr_assert_eq(step_all(c, &none, late + LIMIT_PART_MS, &ev), HTTP_EVENT_OVER);
    h2_conn_free(c);
    h2_conn_scratch_end(&scratch);
    cr_assert_eq(held, 0);
}
