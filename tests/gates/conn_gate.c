/* conn_gate: prints what one server connection holds of its allocator in several states, a line
 * "NAME BYTES" each. The bytes are those asked for, so the figures are exact.
 *
 * "stream" figures are per stream, of STREAMS that are in that state at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/h2_conn.h"

enum { STREAMS = 64 };

static size_t held;

static void *counting_resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    held = held - old_size + new_size;
    if (new_size) return realloc(p, new_size);
    free(p);
    return NULL;
}

static const mem counting = {counting_resize, NULL};

_Noreturn static void fail(const char *what) {
    fprintf(stderr, "conn_gate: %s\n", what);
    exit(1);
}

/* ---- a connection and the client that the bytes come from ---- */

static h2_config config;
static h2_scratch scratch;
static h2_conn *conn;
static hpack_enc client;
static http_ref refs[STREAMS]; /* of the requests that came, in order */
static unsigned requests;

static void feed(const void *p, size_t n) {
    span in = span_of(p, n);
    http_event ev;
    while (h2_conn_step(conn, &in, 1000, &ev) != HTTP_EVENT_NONE) {
        if (ev.kind == HTTP_EVENT_OVER) fail(ev.verdict.why);
        if (ev.kind != HTTP_EVENT_REQUEST) continue;
        if (requests == STREAMS) fail("too many requests");
        refs[requests++] = ev.ref;
    }
}

static void feed_frame(h2_frame_type type, unsigned flags, uint32_t id, const void *p, size_t n) {
    uint8_t bytes[H2_FRAME_HEAD + 4096];
    if (n > 4096) fail("a frame too large");
    h2_frame_put(bytes, (h2_frame){(uint32_t)n, id, (uint8_t)type, (uint8_t)flags});
    memcpy(bytes + H2_FRAME_HEAD, p, n);
    feed(bytes, H2_FRAME_HEAD + n);
}

/* Takes everything that the connection has to write. */
static void drain(void) {
    span iov[16];
    size_t n, total;
    while ((n = h2_conn_output(conn, iov, 16, 1u << 20)) > 0) {
        total = 0;
        for (size_t i = 0; i < n; i++) total += iov[i].n;
        h2_conn_output_done(conn, total);
    }
}

static size_t encode(uint8_t *out, size_t n) {
    const http_field request[] = {
        HTTP_FIELD_OF(METHOD, SPAN("GET")),
        HTTP_FIELD_OF(SCHEME, SPAN("http")),
        HTTP_FIELD_OF(AUTHORITY, SPAN("gate.test")),
        HTTP_FIELD_OF(PATH, SPAN("/a/path/of/some/length?and=query")),
        HTTP_FIELD_OF(USER_AGENT, SPAN("gate/1.0 (a client of middling length)")),
        {SPAN("x-first"), SPAN("a field that nobody knows"), HTTP_TOKEN_OTHER, false},
        {SPAN("x-second"), SPAN("another one, a little longer than that"), HTTP_TOKEN_OTHER, false},
    };
    size_t count = sizeof request / sizeof request[0];
    if (hpack_enc_bound(&client, request, count) > n) fail("a block too large");
    return hpack_enc_block(&client, request, count, out);
}

static void request(uint32_t id, unsigned flags) {
    uint8_t block[1024];
    feed_frame(H2_FRAME_HEADERS, flags | H2_FLAG_END_HEADERS, id, block, encode(block, 1024));
}

static void begin(void) {
    /* INITIAL_WINDOW_SIZE 0: what a body has to send stays. */
    static const uint8_t settings[] = {0, H2_SETTINGS_INITIAL_WINDOW_SIZE, 0, 0, 0, 0};
    h2_birth b = {
        .mem = &counting, .config = &config, .scratch = &scratch, .server = true, .now_ms = 1000};
    conn = h2_conn_new(&b);
    if (!conn) fail("no connection");
    requests = 0;
    hpack_enc_init(&client, &counting, HPACK_DEFAULT_SIZE, 1);
    feed(H2_PREFACE, H2_PREFACE_SIZE);
    feed_frame(H2_FRAME_SETTINGS, 0, 0, settings, sizeof settings);
    feed_frame(H2_FRAME_SETTINGS, H2_FLAG_ACK, 0, NULL, 0);
    drain();
}

static void end(void) {
    h2_conn_free(conn);
    hpack_enc_end(&client);
}

static void say(const char *name, size_t bytes) { printf("%s %zu\n", name, bytes); }

/* ---- a body that has one byte and cannot send it ---- */

static http_pull one_pull(void *user, uint64_t offset, size_t want, span *lent) {
    (void)user;
    (void)offset;
    *lent = span_of("x", want ? 1 : 0);
    return want ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void one_done(void *user, size_t n) {
    (void)user;
    (void)n;
}

static void one_release(void *user) { (void)user; }

static const http_body_ops one_ops = {one_pull, one_done, one_release};

/* ---- the states ---- */

/* What the first request leaves behind (tables, places for streams) is not the streams' own. */
static size_t warm(void) {
    uint8_t code[4] = {0, 0, 0, H2_CANCEL};
    begin();
    request(1, H2_FLAG_END_STREAM);
    feed_frame(H2_FRAME_RST_STREAM, 0, 1, code, 4);
    drain();
    requests = 0;
    return held;
}

static void idle(void) {
    size_t before = held;
    begin();
    say("conn.idle", held - before);
    end();
    before = held;
    warm();
    hpack_enc_end(&client); /* the client's part */
    say("conn.used", held - before);
    end();
}

static void streams(const char *name, unsigned flags, bool answered) {
    size_t before = warm();
    for (uint32_t i = 0; i < STREAMS; i++) request(2 * i + 3, flags);
    drain();
    if (requests != STREAMS) fail("requests were lost");
    for (unsigned i = 0; answered && i < STREAMS; i++) {
        const http_field reply[] = {HTTP_FIELD_OF(STATUS, SPAN("200"))};
        if (h2_conn_reply(conn, refs[i], reply, 1, (http_body){&one_ops, NULL}).scope)
            fail("a reply was refused");
    }
    drain();
    if (h2_conn_streams(conn) != STREAMS) fail("streams were lost");
    say(name, (held - before) / STREAMS);
    end();
}

/* Half of a header block: HEADERS without END_HEADERS. */
static void half_block(void) {
    uint8_t block[1024];
    begin();
    size_t n = encode(block, sizeof block), before = held;
    feed_frame(H2_FRAME_HEADERS, H2_FLAG_END_STREAM, 1, block, n / 2);
    drain();
    say("block.half", held - before);
    end();
}

/* Priorities of streams that do not exist yet, which a client may send ahead (RFC 9113 section
 * 5.3.2). */
static void priorities(void) {
    begin();
    size_t before = held;
    for (uint32_t i = 0; i < STREAMS; i++) {
        const uint8_t on_the_one_before[] = {0, 0, 0, (uint8_t)(i ? 2 * i - 1 : 0), 16};
        feed_frame(H2_FRAME_PRIORITY, 0, 2 * i + 1, on_the_one_before, 5);
    }
    drain();
    say("priority.idle", (held - before) / STREAMS);
    end();
}

int main(void) {
    h2_conn_defaults(&config, true);
    config.settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = STREAMS;
    h2_conn_scratch_init(&scratch, &counting);
    warm(); /* the scratch, which all connections of a worker share */
    end();
    say("scratch", held);
    idle();
    streams("stream.asked", H2_FLAG_END_STREAM, false);
    streams("stream.content", 0, false);
    streams("stream.answered", H2_FLAG_END_STREAM, true);
    half_block();
    priorities();
    h2_conn_scratch_end(&scratch);
    if (held) fail("something leaks");
    return 0;
}
