/* Bytes of a peer against a whole connection, in either role, cut where the input says.
 *
 * Input: one byte of switches (role, padding, tables, windows), then chunks of a length byte and
 * that many bytes. A server answers every request, a client opens a few; bodies lend and say LATER.
 * What must hold: nothing crashes or leaks, lent bytes come back, every body is released once, step
 * ends. */
#include <stdlib.h>

#include "core/session.h"

typedef struct lender {
    size_t size, out, back;
    bool released;
} lender;

static uint8_t content[40000];

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    (void)old_size;
    if (new_size) return realloc(p, new_size);
    free(p);
    return NULL;
}

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    lender *b = user;
    size_t left = b->size - (size_t)offset, n = left < want ? left : want;
    if (n > 5000) n = 5000;
    *lent = span_of(content + offset, n);
    b->out += n;
    if (n == left) return HTTP_PULL_END;
    return b->out % 3 == 0 && n ? HTTP_PULL_LATER : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    lender *b = user;
    b->back += n;
    if (b->back > b->out) abort();
}

static void release(void *user) {
    lender *b = user;
    if (b->released || b->back != b->out) abort();
    free(b);
}

static const http_body_ops ops = {pull, done, release};

static http_body new_body(size_t size) {
    lender *b = calloc(1, sizeof *b);
    if (!b) abort();
    b->size = size;
    return (http_body){&ops, b};
}

static void answer(session *s, const http_event *ev) {
    http_field fields[] = {HTTP_FIELD_OF(STATUS, SPAN("200")), HTTP_FIELD_OF(DATE, SPAN("today"))};
    http_body body = new_body(ev->ref.id * 997 % sizeof content);
    verdict v = session_reply(s, ev->ref, fields, 2, body);
    if (v.scope != VERDICT_NONE) body.ops->release(body.user);
    if (ev->ref.id % 5 == 0) session_trailers(s, ev->ref, &fields[1], 1);
    if (ev->ref.id % 7 == 0) session_reset(s, ev->ref, H2_CANCEL);
    if (ev->ref.id % 3 == 0) session_attach(s, ev->ref, s);
}

static void ask(session *s) {
    http_field fields[] = {HTTP_FIELD_OF(METHOD, SPAN("POST")), HTTP_FIELD_OF(PATH, SPAN("/")),
                           HTTP_FIELD_OF(SCHEME, SPAN("http")),
                           HTTP_FIELD_OF(AUTHORITY, SPAN("a"))};
    http_ref ref;
    http_body body = new_body(30000);
    verdict v = session_open(s, fields, 4, body, s, &ref);
    if (v.scope != VERDICT_NONE) body.ops->release(body.user);
}

static void step_all(session *s, span in, uint64_t now) {
    http_event ev;
    for (http_event_kind k; (k = session_step(s, &in, now, &ev)) != HTTP_EVENT_NONE;) {
        if (k == HTTP_EVENT_PAUSED) return;
        if (k == HTTP_EVENT_REQUEST) answer(s, &ev);
        if (k == HTTP_EVENT_DATA && ev.ref.id % 2) session_credit(s, ev.ref, ev.credit);
        if (k == HTTP_EVENT_RESPONSE || k == HTTP_EVENT_REQUEST) session_wake(s, ev.ref);
    }
}

static void write_all(session *s, size_t budget) {
    span iov[8];
    for (size_t n; (n = session_output(s, iov, 8, budget)) > 0;) {
        size_t bytes = 0;
        for (size_t i = 0; i < n; i++) bytes += iov[i].n;
        session_output_done(s, bytes > 3 ? bytes - bytes / 3 : bytes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
    static const mem hook = {resize, NULL};
    session_config config;
    session_scratch scratch;
    if (n < 1) return 0;
    uint8_t switches = data[0];
    span in = span_of(data + 1, n - 1);
    session_defaults(&config, switches & 1);
    if (switches & 2) config.h2.padding = 100;
    if (switches & 4) config.h2.settings[H2_SLOT_HEADER_TABLE_SIZE] = 0;
    if (switches & 8) config.h2.settings[H2_SLOT_INITIAL_WINDOW_SIZE] = 100;
    if (switches & 16) config.h2.settings[H2_SLOT_ENABLE_CONNECT_PROTOCOL] = 1;
    session_scratch_init(&scratch, &hook);
    session *s = session_new(&(session_birth){
        .mem = &hook, .config = &config, .start = SESSION_H2, .scratch = &scratch});
    if (!s) abort();
    uint64_t now = 0;
    if (switches & 1 && !(switches & 128)) step_all(s, SPAN(H2_PREFACE), now);
    for (int i = 0; !(switches & 1) && i < 3; i++) ask(s);
    while (in.n) {
        size_t want = span_take(&in, 1).p[0];
        span chunk = span_take(&in, want < in.n ? want : in.n);
        step_all(s, chunk, now);
        if (want & 1) write_all(s, 1000 + want * 100);
        if (want == 255) session_drain(s, now);
        now += want;
    }
    write_all(s, 100000);
    if (switches & 64) session_eof(s);
    step_all(s, SPAN(""), now + 20000);
    write_all(s, 100000);
    session_free(s);
    session_scratch_end(&scratch);
    return 0;
}
