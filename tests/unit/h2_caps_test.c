/* What bounds a connection, driven by bytes of a peer: answers that are not read, budgets of
 * resets, streams that nobody reads, bodies that wait. Which frames come in which order is the
 * flows' business. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/h2_conn.h"
#include "core/h2_flow.h"
#include "core/limits.h"

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    void *moved = new_size ? malloc(new_size) : NULL;
    if (p && moved) memcpy(moved, p, old_size < new_size ? old_size : new_size);
    free(p);
    return moved;
}

static const mem hook = {resize, NULL};

/* ---- the connection under test, and what it told and wrote ---- */

static h2_conn *c;
static h2_config config;
static h2_scratch scratch;
static http_ref newest;                          /* of the last REQUEST */
static uint32_t unread;                          /* a stream whose DATA is not credited */
static size_t told[32];                          /* events, by kind */
static size_t received;                          /* bytes of DATA */
static size_t frames[256];                       /* written, by type */
static size_t pongs;                             /* PING acknowledgements, in order */
static uint32_t reset_code;                      /* of the last RST_STREAM */
static int64_t connection_window, stream_window; /* given to us: at first 65535, and by updates */

static void setup(void) {
    c = NULL;
    unread = 0;
    newest = HTTP_NO_REF;
    memset(told, 0, sizeof told);
    memset(frames, 0, sizeof frames);
    received = pongs = 0;
    connection_window = H2_FLOW_INITIAL;
    stream_window = 0;
}

static void act(const http_event *ev) {
    told[ev->kind]++;
    if (ev->kind == HTTP_EVENT_REQUEST) newest = ev->ref;
    if (ev->kind != HTTP_EVENT_DATA) return;
    received += ev->data.n;
    if (ev->ref.id != unread) h2_conn_credit(c, ev->ref, ev->credit);
}

static void feed(const void *p, size_t n) {
    http_event ev;
    uint8_t *copy = malloc(n ? n : 1);
    if (n) memcpy(copy, p, n);
    span in = span_of(copy, n);
    while (h2_conn_step(c, &in, 1000, &ev) != HTTP_EVENT_NONE) act(&ev);
    free(copy);
}

static void feed_frame(h2_frame_type type, uint8_t flags, uint32_t id, span payload) {
    uint8_t *p = malloc(H2_FRAME_HEAD + payload.n);
    h2_frame_put(p, (h2_frame){.length = (uint32_t)payload.n,
                               .stream_id = id,
                               .type = (uint8_t)type,
                               .flags = flags});
    if (payload.n) memcpy(p + H2_FRAME_HEAD, payload.p, payload.n);
    feed(p, H2_FRAME_HEAD + payload.n);
    free(p);
}

/* A frame whose payload is one number. */
static void feed_number(h2_frame_type type, uint32_t id, uint32_t n) {
    uint8_t four[4];
    bytes_put32(four, n);
    feed_frame(type, 0, id, span_of(four, 4));
}

static void feed_window_setting(uint32_t n) {
    uint8_t six[6];
    bytes_put16(six, H2_SETTINGS_INITIAL_WINDOW_SIZE);
    bytes_put32(six + 2, n);
    feed_frame(H2_FRAME_SETTINGS, 0, 0, span_of(six, 6));
}

static void read_frame(h2_frame f, const uint8_t *payload) {
    frames[f.type]++;
    if (f.type == H2_FRAME_RST_STREAM) reset_code = bytes_get32(payload);
    if (f.type == H2_FRAME_PING && bytes_get32(payload) == pongs) pongs++;
    if (f.type == H2_FRAME_WINDOW_UPDATE)
        *(f.stream_id ? &stream_window : &connection_window) += bytes_get32(payload);
}

/* Takes one round of output, without its last `kept` bytes; gives its length. */
static size_t write_some(uint8_t *to, size_t kept) {
    span iov[8];
    size_t n = h2_conn_output(c, iov, 8, 1u << 20), sum = 0, taken = 0;
    for (size_t i = 0; i < n; i++) sum += iov[i].n;
    if (sum == 0) return 0;
    sum -= kept;
    for (size_t i = 0; i < n && taken < sum; i++) {
        span part = span_head(iov[i], sum - taken);
        memcpy(to + taken, part.p, part.n);
        taken += part.n;
    }
    h2_conn_output_done(c, sum);
    return sum;
}

/* Reads all that it writes. */
static void drain(void) {
    static uint8_t wire[1u << 21];
    size_t n = 0, at = 0, some;
    while ((some = write_some(wire + n, 0)) > 0) n += some;
    if (n >= H2_PREFACE_SIZE && !memcmp(wire, H2_PREFACE, H2_PREFACE_SIZE)) at = H2_PREFACE_SIZE;
    while (at < n) {
        h2_frame f = h2_frame_get(wire + at);
        read_frame(f, wire + at + H2_FRAME_HEAD);
        at += H2_FRAME_HEAD + f.length;
    }
    cr_assert_eq(at, n, "it wrote whole frames");
}

static void begin(bool server) {
    h2_birth b = {
        .mem = &hook, .config = &config, .scratch = &scratch, .server = server, .now_ms = 1000};
    h2_conn_scratch_init(&scratch, &hook);
    c = h2_conn_new(&b);
    cr_assert(c);
    if (server) feed(H2_PREFACE, H2_PREFACE_SIZE);
    feed_frame(H2_FRAME_SETTINGS, 0, 0, SPAN(""));
    feed_frame(H2_FRAME_SETTINGS, H2_FLAG_ACK, 0, SPAN(""));
    drain();
}

static void finish(void) {
    h2_conn_free(c);
    h2_conn_scratch_end(&scratch);
}

static const uint8_t request[] = "\x82\x84\x86\x01\x06"
                                 "a.test"; /* GET http://a.test/ */

static void feed_request(uint32_t id) {
    feed_frame(H2_FRAME_HEADERS, H2_FLAG_END_HEADERS | H2_FLAG_END_STREAM, id,
               span_of(request, sizeof request - 1));
    cr_assert_eq(newest.id, id);
}

static void feed_response(uint32_t id) {
    feed_frame(H2_FRAME_HEADERS, H2_FLAG_END_HEADERS, id, SPAN("\x88"));
}

/* DATA, which must fit into the connection's window. */
static void feed_data(uint32_t id, uint32_t n, bool end) {
    static const uint8_t zeros[16384];
    cr_assert(connection_window >= n, "stream %u: %d bytes of window left", id,
              (int)connection_window);
    connection_window -= n;
    feed_frame(H2_FRAME_DATA, end ? H2_FLAG_END_STREAM : 0, id, span_of(zeros, n));
    drain();
}

static http_ref open_one(http_body body) {
    const http_field f[] = {HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
                            HTTP_FIELD_OF(PATH, SPAN("/")),
                            HTTP_FIELD_OF(AUTHORITY, SPAN("a.test"))};
    http_ref ref = HTTP_NO_REF;
    verdict v = h2_conn_open(c, f, 4, body, &c, &ref);
    cr_assert_eq(v.scope, VERDICT_NONE, "%s", v.why);
    return ref;
}

static void reply(http_body body) {
    const http_field status = HTTP_FIELD_OF(STATUS, SPAN("200"));
    cr_assert_eq(h2_conn_reply(c, newest, &status, 1, body).scope, VERDICT_NONE);
}

/* ---- a body that counts ---- */

typedef struct counted {
    size_t n, lent; /* of the bytes it has now */
    unsigned pulls, releases;
    http_pull at_end; /* said when all are lent */
} counted;

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    static const uint8_t zeros[16384];
    counted *b = user;
    size_t n = b->n - b->lent;
    if (n > want) n = want;
    if (n > sizeof zeros) n = sizeof zeros;
    cr_assert_eq(offset, b->lent);
    b->pulls++;
    if (b->at_end == HTTP_PULL_FAILED && b->lent + n == b->n) return HTTP_PULL_FAILED;
    *lent = span_of(zeros, n);
    b->lent += n;
    return b->lent == b->n ? b->at_end : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    (void)user;
    (void)n;
}

static void release(void *user) {
    counted *b = user;
    b->releases++;
}

static http_body counted_body(counted *b, size_t n, http_pull at_end) {
    static const http_body_ops ops = {pull, done, release};
    *b = (counted){.n = n, .at_end = at_end};
    return (http_body){&ops, b};
}

static void setup_server(void) {
    setup();
    h2_conn_defaults(&config, true);
    config.connection_window = H2_FLOW_INITIAL;
}

static void setup_client(void) {
    setup();
    h2_conn_defaults(&config, false);
    config.connection_window = H2_FLOW_INITIAL;
}

TestSuite(h2_caps);

/* ---- answers that are not read (CVE-2019-9512, CVE-2019-9517) ---- */

Test(h2_caps, answers_wait_for_the_reader, .init = setup_server) {
    enum { PING = H2_FRAME_HEAD + 8, COUNT = 2 * LIMIT_OUTPUT_QUEUED / PING + 100 };
    cr_assert(COUNT < LIMIT_GLITCH_BURST, "another cap would end this");
    static uint8_t wire[COUNT * PING];
    http_event ev;
    begin(true);
    for (uint32_t i = 0; i < COUNT; i++) {
        h2_frame_put(&wire[i * PING], (h2_frame){.length = 8, .type = H2_FRAME_PING});
        bytes_put32(&wire[i * PING + H2_FRAME_HEAD], i);
    }
    span in = span_of(wire, sizeof wire), none = span_of(NULL, 0);
    cr_assert_eq(h2_conn_step(c, &in, 1000, &ev), HTTP_EVENT_PAUSED);
    size_t left = in.n;
    cr_assert(sizeof wire - left >= LIMIT_OUTPUT_QUEUED, "not before");
    cr_assert(sizeof wire - left <= LIMIT_OUTPUT_QUEUED + 2 * PING, "nor much later");
    cr_assert_eq(h2_conn_step(c, &in, 1000, &ev), HTTP_EVENT_PAUSED);
    cr_assert_eq(in.n, left, "it takes nothing while nobody reads");
    cr_assert_eq(h2_conn_step(c, &none, 1000, &ev), HTTP_EVENT_NONE, "nothing is held up");
    unsigned pauses = 0;
    http_event_kind kind;
    while ((kind = h2_conn_step(c, &in, 1000, &ev)) == HTTP_EVENT_PAUSED) {
        cr_assert(++pauses < COUNT);
        drain();
    }
    cr_assert(kind == HTTP_EVENT_NONE && in.n == 0 && pauses >= 2);
    drain();
    cr_assert_eq(pongs, COUNT, "each is answered, in order");
    cr_assert_eq(frames[H2_FRAME_GOAWAY], 0);
    finish();
}

/* ---- whom the budget of resets is charged to (CVE-2023-44487, CVE-2025-8671) ---- */

enum { RESETS = LIMIT_RESET_BURST + 50 };

/* Our own failures are no fault of the peer. */
Test(h2_caps, failed_bodies_are_not_charged, .init = setup_server) {
    counted b;
    begin(true);
    for (uint32_t i = 0; i < RESETS; i++) {
        feed_request(1 + 2 * i);
        reply(counted_body(&b, 100, HTTP_PULL_FAILED));
        drain();
        cr_assert(b.releases == 1 && reset_code == H2_INTERNAL_ERROR);
    }
    cr_assert_eq(frames[H2_FRAME_RST_STREAM], RESETS);
    cr_assert_eq(frames[H2_FRAME_GOAWAY], 0);
    finish();
}

/* A server that resets costs a client nothing that the client did not ask for. */
Test(h2_caps, client_is_reset, .init = setup_client) {
    begin(false);
    for (uint32_t i = 0; i < RESETS; i++) {
        http_ref ref = open_one(HTTP_NO_BODY);
        drain();
        feed_number(H2_FRAME_RST_STREAM, ref.id, H2_CANCEL);
    }
    drain();
    cr_assert_eq(told[HTTP_EVENT_CLOSED], RESETS);
    cr_assert_eq(frames[H2_FRAME_GOAWAY], 0);
    finish();
}

Test(h2_caps, client_refuses_responses, .init = setup_client) {
    begin(false);
    for (uint32_t i = 0; i < RESETS; i++) {
        http_ref ref = open_one(HTTP_NO_BODY);
        drain();
        feed_frame(H2_FRAME_HEADERS, H2_FLAG_END_HEADERS, ref.id, SPAN("")); /* no :status */
        drain();
        cr_assert_eq(reset_code, H2_PROTOCOL_ERROR);
    }
    cr_assert_eq(frames[H2_FRAME_RST_STREAM], RESETS);
    cr_assert_eq(frames[H2_FRAME_GOAWAY], 0);
    finish();
}

/* ---- one stream that nobody reads ---- */

Test(h2_caps, slow_stream_among_many, .init = setup_client) {
    enum { STREAMS = 100, WINDOW = LIMIT_STREAM_WINDOW };
    http_ref refs[STREAMS];
    begin(false);
    for (size_t i = 0; i < STREAMS; i++) refs[i] = open_one(HTTP_NO_BODY);
    drain();
    unread = refs[0].id;
    feed_response(unread);
    for (uint32_t n = WINDOW; n;) {
        uint32_t part = n < 16384 ? n : 16384;
        feed_data(unread, part, false);
        n -= part;
    }
    for (size_t i = 1; i < STREAMS; i++) {
        feed_response(refs[i].id);
        feed_data(refs[i].id, 16384, false);
        feed_data(refs[i].id, 16384, true);
    }
    cr_assert_eq(told[HTTP_EVENT_CLOSED], STREAMS - 1);
    cr_assert_eq(received, WINDOW + (STREAMS - 1) * 32768);
    cr_assert_eq(h2_conn_streams(c), 1);
    /* What was not credited did not open its own window. */
    stream_window = 0;
    cr_assert_eq(h2_conn_credit(c, refs[0], WINDOW).scope, VERDICT_NONE);
    drain();
    cr_assert_eq(stream_window, WINDOW);
    feed_data(unread, 1000, true);
    cr_assert_eq(told[HTTP_EVENT_CLOSED], STREAMS);
    cr_assert_eq(frames[H2_FRAME_GOAWAY] + frames[H2_FRAME_RST_STREAM], 0);
    finish();
}

/* ---- bodies that wait ---- */

/* Only its owner knows when a body that said LATER has more. */
Test(h2_caps, later_is_only_woken, .init = setup_server) {
    counted b;
    begin(true);
    feed_request(1);
    reply(counted_body(&b, 5000, HTTP_PULL_LATER));
    drain();
    cr_assert(b.lent == 5000 && b.pulls == 1);
    feed_number(H2_FRAME_WINDOW_UPDATE, 1, 1000);
    feed_number(H2_FRAME_WINDOW_UPDATE, 0, 1000);
    cr_assert_not(h2_conn_has_output(c));
    drain();
    cr_assert_eq(b.pulls, 1, "WINDOW_UPDATE is none of its business");
    feed_window_setting(100000);
    drain();
    cr_assert_eq(b.pulls, 1, "nor is SETTINGS");
    b.n = 6000;
    b.at_end = HTTP_PULL_END;
    cr_assert_eq(h2_conn_wake(c, newest).scope, VERDICT_NONE);
    cr_assert(h2_conn_has_output(c));
    drain();
    cr_assert(b.pulls == 2 && b.lent == 6000 && b.releases == 1);
    finish();
}

/* A window that was used up and opens again lets the output go on. */
Test(h2_caps, blocked_connection_goes_on, .init = setup_client) {
    counted b;
    begin(false);
    feed_window_setting(1000000);
    open_one(counted_body(&b, 100000, HTTP_PULL_END));
    drain();
    cr_assert_eq(b.lent, H2_FLOW_INITIAL);
    cr_assert_not(h2_conn_has_output(c), "the connection's window is used up");
    feed_number(H2_FRAME_WINDOW_UPDATE, 1, 1000);
    cr_assert_not(h2_conn_has_output(c), "its own is not what it waits for");
    feed_number(H2_FRAME_WINDOW_UPDATE, 0, 1000);
    cr_assert(h2_conn_has_output(c));
    drain();
    cr_assert_eq(b.lent, H2_FLOW_INITIAL + 1000);
    cr_assert_not(h2_conn_has_output(c));
    feed_number(H2_FRAME_WINDOW_UPDATE, 0, 100000);
    cr_assert(h2_conn_has_output(c));
    drain();
    cr_assert(b.lent == 100000 && b.releases == 1);
    finish();
}

/* A body that has ended but is still lent out is not asked again, whoever calls. */
Test(h2_caps, woken_after_the_end, .init = setup_client) {
    static uint8_t wire[40000];
    counted b;
    begin(false);
    http_ref ref = open_one(counted_body(&b, 30000, HTTP_PULL_END));
    size_t n = write_some(wire, 1); /* all but the last byte */
    cr_assert(n > 30000 && b.lent == 30000 && b.releases == 0);
    unsigned pulls = b.pulls;
    const http_field f = {.name = SPAN("a"), .value = SPAN("b")};
    verdict v = h2_conn_trailers(c, ref, &f, 1);
    cr_assert(v.scope == VERDICT_CALLER && v.code == VERDICT_BAD_CALL, "END_STREAM is out");
    cr_assert_eq(h2_conn_wake(c, ref).scope, VERDICT_NONE, "late, but no mistake");
    cr_assert_eq(write_some(wire, 0), 1, "the last byte, and no DATA behind END_STREAM");
    cr_assert_eq(write_some(wire, 0), 0);
    cr_assert(b.pulls == pulls && b.releases == 1);
    cr_assert_eq(h2_conn_wake(c, ref).scope, VERDICT_NONE);
    cr_assert_not(h2_conn_has_output(c));
    cr_assert_eq(h2_conn_streams(c), 1, "its answer is still to come");
    finish();
}
