/* The same bytes whole and in pieces: a connection must tell the same events and write the same
 * bytes, however its input is cut.
 *
 * Input: a byte of switches, a byte that cuts, then what the peer sends. */
#include <stdlib.h>

#include "applets/common/heap.h"
#include "core/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void demand(bool holds) {
    if (!holds) abort();
}

typedef struct record {
    uint8_t *p;
    size_t n, room;
    uint32_t body_id; /* the last entry is content of this stream, that may go on */
} record;

static void put(record *r, const void *p, size_t n) {
    if (r->n + n > r->room) {
        r->room = (r->n + n) * 2;
        r->p = realloc(r->p, r->room);
        demand(r->p != NULL);
    }
    if (n) memcpy(r->p + r->n, p, n);
    r->n += n;
}

static void put_number(record *r, uint32_t v) { put(r, &v, sizeof v); }

static void put_text(record *r, span s) {
    put_number(r, (uint32_t)s.n);
    put(r, s.p, s.n);
}

static bool has_stream(http_event_kind kind) {
    return kind == HTTP_EVENT_REQUEST || kind == HTTP_EVENT_INTERIM ||
           kind == HTTP_EVENT_RESPONSE || kind == HTTP_EVENT_TRAILERS || kind == HTTP_EVENT_PUSH;
}

/* Content is one entry however many events told it. */
static void put_body(record *r, const http_event *ev) {
    if (r->body_id != ev->ref.id) {
        put_number(r, HTTP_EVENT_DATA);
        put_number(r, ev->ref.id);
    }
    put(r, ev->data.p, ev->data.n);
    r->body_id = ev->end ? 0 : ev->ref.id;
    if (ev->end) put(r, "end", 3);
}

static void put_event(record *r, const http_event *ev) {
    if (ev->kind == HTTP_EVENT_DATA) {
        put_body(r, ev);
        return;
    }
    r->body_id = 0;
    put_number(r, ev->kind);
    if (has_stream(ev->kind)) {
        put_number(r, ev->ref.id * 2 + ev->end);
        for (size_t i = 0; i < ev->field_count; i++) {
            put_text(r, ev->fields[i].name);
            put_text(r, ev->fields[i].value);
        }
    }
    if (ev->kind == HTTP_EVENT_PUSH) put_number(r, ev->parent.id);
    if (ev->kind == HTTP_EVENT_CLOSED) put_number(r, ev->ref.id);
    if (ev->kind == HTTP_EVENT_CLOSED || ev->kind == HTTP_EVENT_GOAWAY) put_number(r, ev->code);
    if (ev->kind == HTTP_EVENT_OVER) put_number(r, ev->verdict.code);
}

static void answer(session *s, const http_event *ev) {
    http_field fields[] = {HTTP_FIELD_OF(STATUS, SPAN("200")), HTTP_FIELD_OF(DATE, SPAN("today"))};
    if (ev->ref.id % 8 == 3) session_reset(s, ev->ref, H2_CANCEL);
    if (ev->ref.id % 8 != 5) session_reply(s, ev->ref, fields, 2, HTTP_NO_BODY);
}

static void ask(session *s) {
    http_field fields[] = {HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(PATH, SPAN("/")),
                           HTTP_FIELD_OF(SCHEME, SPAN("http")),
                           HTTP_FIELD_OF(AUTHORITY, SPAN("a"))};
    http_ref ref;
    demand(session_open(s, fields, 4, HTTP_NO_BODY, s, &ref).scope == VERDICT_NONE);
}

/* False: the input waits for output, which is written once, at the end. */
static bool step_all(session *s, span in, record *r) {
    http_event ev;
    uint8_t *copy = malloc(in.n ? in.n : 1);
    demand(copy != NULL);
    if (in.n) memcpy(copy, in.p, in.n);
    span rest = span_of(copy, in.n);
    http_event_kind k;
    while ((k = session_step(s, &rest, 1, &ev)) != HTTP_EVENT_NONE && k != HTTP_EVENT_PAUSED) {
        put_event(r, &ev);
        if (k == HTTP_EVENT_REQUEST) answer(s, &ev);
    }
    free(copy);
    return k == HTTP_EVENT_NONE;
}

static bool play(span in, uint8_t switches, uint32_t cut, record *r) {
    session_config config;
    session_scratch scratch;
    bool server = switches & 1, goes_on = true;
    session_defaults(&config, server);
    if (switches & 2) config.h2.settings[H2_SLOT_HEADER_TABLE_SIZE] = 64;
    if (switches & 4) config.h2.settings[H2_SLOT_INITIAL_WINDOW_SIZE] = 100;
    if (switches & 8) config.h2.settings[H2_SLOT_ENABLE_CONNECT_PROTOCOL] = server;
    if (switches & 16) config.h2.settings[H2_SLOT_MAX_HEADER_LIST_SIZE] = 200;
    session_scratch_init(&scratch, heap_mem());
    session_birth birth = {
        .mem = heap_mem(), .config = &config, .start = SESSION_H2, .scratch = &scratch};
    session *s = session_new(&birth);
    demand(s != NULL);
    for (int i = 0; !server && i < 3; i++) ask(s);
    if (server && !(switches & 128)) step_all(s, SPAN(H2_PREFACE), r);
    while (in.n && goes_on) {
        uint32_t n = cut ? 1 + (cut >> 8) % (cut & 7 ? 5 : 60) : (uint32_t)in.n;
        if (cut) cut = cut * 1664525u + 1013904223u; /* Numerical Recipes, section 7.1 */
        goes_on = step_all(s, span_take(&in, n < in.n ? n : in.n), r);
    }
    span iov[8];
    put_number(r, 0xffffffff);
    for (size_t n; (n = session_output(s, iov, 8, 1 << 16)) > 0;) {
        size_t all = 0;
        for (size_t i = 0; i < n; i++) {
            put(r, iov[i].p, iov[i].n);
            all += iov[i].n;
        }
        session_output_done(s, all);
    }
    session_free(s);
    session_scratch_end(&scratch);
    return goes_on;
}

/* Longer inputs open windows in the middle of a frame, at another byte than whole ones. */
enum { MOST = 30000 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    if (n < 2 || n > MOST) return 0;
    record whole = {0}, cut = {0};
    span in = span_of(bytes + 2, n - 2);
    bool both = play(in, bytes[0], 0, &whole);
    both &= play(in, bytes[0], 0x10001u + bytes[1] * 0x9e3779b1u, &cut);
    if (both) demand(span_eq(span_of(whole.p, whole.n), span_of(cut.p, cut.n)));
    free(whole.p);
    free(cut.p);
    return 0;
}
