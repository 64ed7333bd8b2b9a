/* Fields of any well-formed message through the rewriting, with any rules: what comes out is
 * well-formed for the other side, holds nothing that is specific to a connection, and is the same
 * again when it is rewritten by rules that add nothing.
 *
 * Input: six bytes of rules, then name NUL value NUL ... */
#include <stdint.h>
#include <stdlib.h>

#include "applets/common/heap.h"
#include "applets/common/websocket_key.h"
#include "applets/proxy/rewrite.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { FIELDS = 64 };

static void must(bool so) {
    if (!so) abort();
}

static size_t read_fields(span in, http_field *f) {
    size_t count = 0;
    while (in.n > 0 && count < FIELDS) {
        span part[2];
        for (int i = 0; i < 2; i++) {
            const uint8_t *nul = in.n ? memchr(in.p, 0, in.n) : NULL;
            part[i] = span_take(&in, nul ? (size_t)(nul - in.p) : in.n);
            if (in.n > 0) in = span_skip(in, 1);
        }
        f[count++] = (http_field){part[0], part[1], (uint16_t)fields_token(part[0]), false};
    }
    return count;
}

static bool bit(const uint8_t *from, unsigned i) { return from[i / 8] >> (i % 8) & 1; }

static rewrite_rules rules_of(const uint8_t *b) {
    static const http_field more[] = {
        {SPAN_LIT("x-added"), SPAN_LIT("1"), HTTP_TOKEN_OTHER, false}};
    return (rewrite_rules){
        .add_x_forwarded_for = bit(b, 0),
        .strip_x_forwarded_for = bit(b, 1),
        .add_x_forwarded_proto = bit(b, 2),
        .strip_x_forwarded_proto = bit(b, 3),
        .strip_forwarded = bit(b, 4),
        .forwarded_by = (rewrite_node)(b[1] & 3),
        .forwarded_for = (rewrite_node)(b[1] >> 2 & 1),
        .forwarded_host = bit(b, 11),
        .forwarded_proto = bit(b, 12),
        .forwarded_token = SPAN("_edge"),
        .via = bit(b, 13),
        .via_name = SPAN("h2box"),
        .strip_early_data = bit(b, 14),
        .server = bit(b, 15),
        .server_name = SPAN("h2box"),
        .location = bit(b, 16),
        .host = bit(b, 17),
        .crumble_cookies = bit(b, 18),
        .forward = bit(b, 19),
        .direct = bit(b, 20),
        .add_request = more,
        .add_response = more,
        .add_request_count = bit(b, 21),
        .add_response_count = bit(b, 22),
        .altsvc = bit(b, 23) ? SPAN("h2=\":443\"") : SPAN(""),
        .http2_altsvc = bit(b, 24) ? SPAN("h2=\":443\"") : SPAN(""),
    };
}

static rewrite_facts facts_of(const uint8_t *b) {
    static const uint8_t key[WEBSOCKET_KEY + 1] = "dGhlIHNhbXBsZSBub25jZQ==";
    return (rewrite_facts){
        .client_address = bit(b, 32) ? SPAN("fe80::1%eth0") : SPAN("127.0.0.1"),
        .local_address = bit(b, 33) ? SPAN("[::1]:443") : SPAN("localhost"),
        .by = SPAN("_abcdefgh"),
        .for_ = SPAN("_ijklmnop"),
        .secure = bit(b, 34),
        .front_h2 = bit(b, 35),
        .back_h2 = bit(b, 36),
        .backend_authority = SPAN("back.test:8080"),
        .backend_upgrade_scheme = bit(b, 37),
        .websocket_key = bit(b, 38) ? key : NULL,
    };
}

static void check(const rewritten *r, fields_kind kind) {
    fields_summary s;
    unsigned hosts = 0, lengths = 0;
    must(fields_check(r->fields, r->count, 0, kind, true, &s) == NULL);
    for (size_t i = 0; i < r->count; i++) {
        const http_field *f = &r->fields[i];
        must(f->token == fields_token(f->name));
        must(!(fields_flags((http_token)f->token) & HTTP_FIELD_CONNECTION));
        must(f->value.n == 0 ||
             (!memchr(f->value.p, '\r', f->value.n) && !memchr(f->value.p, '\n', f->value.n) &&
              !memchr(f->value.p, 0, f->value.n)));
        hosts += f->token == HTTP_TOKEN_HOST;
        lengths += f->token == HTTP_TOKEN_CONTENT_LENGTH;
    }
    must(lengths <= 1);
    if (kind != FIELDS_REQUEST) return;
    must(hosts == 0 && s.authority.n > 0);
    must(s.connect || s.path.p[0] == '/' || span_eq(s.path, SPAN("*")));
    must(!memchr(s.authority.p, ' ', s.authority.n) && !memchr(s.method.p, ' ', s.method.n));
}

/* A field's bytes of its own: what one room lends does not survive its next use. */
static size_t copy_all(const rewritten *r, http_field *f, uint8_t *bytes) {
    for (size_t i = 0; i < r->count; i++) {
        f[i] = r->fields[i];
        if (f[i].value.n) memcpy(bytes, f[i].value.p, f[i].value.n);
        f[i].value.p = bytes;
        bytes += f[i].value.n;
    }
    return r->count;
}

static void request(rewritten *r, const rewrite_rules *rules, const rewrite_facts *x,
                    const http_field *f, size_t n) {
    static http_field once[FIELDS + 128];
    static uint8_t bytes[1 << 18];
    fields_summary s;
    if (fields_check(f, n, 0, FIELDS_REQUEST, true, &s) || rewrite_refuses(&s)) return;
    must(rewrite_request(r, rules, x, f, n, &s));
    check(r, FIELDS_REQUEST);
    size_t count = copy_all(r, once, bytes);
    rewrite_rules none = {.crumble_cookies = rules->crumble_cookies};
    rewrite_facts again = {.back_h2 = x->back_h2,
                           .websocket_key = x->websocket_key,
                           .backend_authority = x->backend_authority};
    must(!fields_check(once, count, 0, FIELDS_REQUEST, true, &s));
    must(rewrite_request(r, &none, &again, once, count, &s));
    check(r, FIELDS_REQUEST);
    must(r->count == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static rewritten r;
    http_field f[FIELDS];
    fields_summary s;
    if (n < 6 || n > 20000) return 0;
    if (!r.fields && !rewrite_room(&r, heap_mem())) return 0;
    const rewrite_rules rules = rules_of(bytes);
    const rewrite_facts x = facts_of(bytes);
    size_t count = read_fields(span_of(bytes + 6, n - 6), f);
    request(&r, &rules, &x, f, count);
    if (!fields_check(f, count, 0, FIELDS_RESPONSE, true, &s)) {
        must(rewrite_response(&r, &rules, &x, SPAN("front.test"), SPAN("https"), SPAN("lb=1"), f,
                              count, &s));
        check(&r, FIELDS_RESPONSE);
        must(rewrite_inform(&r, &rules, &x, f, count));
        check(&r, FIELDS_RESPONSE);
    }
    if (!fields_check(f, count, 0, FIELDS_TRAILERS, true, &s)) {
        must(rewrite_trailers(&r, f, count));
        check(&r, FIELDS_TRAILERS);
    }
    return 0;
}
