/* Header fields of messages: drawn so that tables fill, entries repeat and some never may. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/sim.h"

#define MOST_FIELDS 100u

typedef struct draft {
    sim *sim;
    http_field at[MOST_FIELDS + 8];
    size_t n;
    uint8_t bytes[131072];
    size_t used;
    uint32_t size, most;
} draft;

static span keep(draft *d, span s) {
    uint8_t *p = d->bytes + d->used;
    if (s.n) memcpy(p, s.p, s.n);
    d->used += s.n;
    return span_of(p, s.n);
}

/* False when the section would pass its limit: the field is left out. */
static bool add(draft *d, span name, span value) {
    uint32_t size = (uint32_t)(name.n + value.n) + 32;
    if (d->size + size > d->most || d->n == sizeof d->at / sizeof d->at[0]) return false;
    http_field *f = &d->at[d->n++];
    *f = (http_field){.name = keep(d, name), .value = keep(d, value)};
    if (sim_chance(d->sim, 50)) f->token = (uint16_t)fields_token(name);
    d->size += size;
    return true;
}

static void add_text(draft *d, const char *name, const char *value) {
    add(d, span_str(name), span_str(value));
}

/* Bytes of a value: letters, now and then a blank inside or a byte over 127. */
static span any_value(draft *d, uint32_t n) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~!#$%&'*+^`|/?=;,@\"\\<>{}[]";
    static uint8_t value[65536];
    uint64_t random = ((uint64_t)sim_draw(d->sim, UINT32_MAX) << 8) + n;
    bool plain = sim_chance(d->sim, 80);
    for (uint32_t i = 0; i < n; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u; /* Knuth, MMIX */
        uint32_t x = (uint32_t)(random >> 33);
        value[i] = (uint8_t)letters[x % (sizeof letters - 1)];
        if (plain || i == 0 || i + 1 == n) continue;
        if (x >> 20 < 600) value[i] = x & 1 ? ' ' : '\t';
        if (x >> 20 > 1500) value[i] = (uint8_t)(x | 0x80);
    }
    return span_of(value, n);
}

static void add_some(draft *d) {
    static const char *const names[] = {
        "accept", "user-agent", "cookie",        "x-a",        "x-b",     "x-c",
        "etag",   "date",       "authorization", "set-cookie", "x-empty", "x-long-name-of-a-field"};
    static const char *const values[] = {"",    "0",    "a=b; c=d", "text/html",
                                         "yes", "gzip", "one two",  "W/\"0123456789abcdef\""};
    sim *s = d->sim;
    span name = span_str(names[sim_draw(s, sizeof names / sizeof names[0])]);
    char numbered[24];
    if (sim_chance(s, 10)) {
        snprintf(numbered, sizeof numbered, "x-%u", sim_draw(s, 1000));
        name = span_str(numbered);
    }
    bool added;
    if (sim_chance(s, s->plan.huge))
        added = add(d, name, any_value(d, 1000 + sim_draw(s, 30000)));
    else if (sim_chance(s, 60))
        added = add(d, name, span_str(values[sim_draw(s, sizeof values / sizeof values[0])]));
    else
        added = add(d, name, any_value(d, sim_draw(s, 60)));
    if (added && sim_chance(s, 8)) d->at[d->n - 1].never_indexed = true;
}

static void draw_request(draft *d, message_kind kind, const char *method) {
    static const char *const methods[] = {"GET",  "GET",     "POST",   "PUT",
                                          "HEAD", "OPTIONS", "X-OTHER"};
    sim *s = d->sim;
    char path[32];
    bool tunnel = kind == MESSAGE_CONNECT;
    if (!method) method = methods[sim_draw(s, sizeof methods / sizeof methods[0])];
    if (kind == MESSAGE_PUSH) method = sim_chance(s, 80) ? "GET" : "HEAD";
    if (kind == MESSAGE_CONNECT || kind == MESSAGE_EXTENDED) method = "CONNECT";
    add_text(d, ":method", method);
    if (!tunnel) {
        add_text(d, ":scheme", sim_chance(s, 70) ? "https" : "http");
        snprintf(path, sizeof path, "/p/%u", sim_draw(s, 30));
        add_text(d, ":path", sim_chance(s, 30) ? "/" : path);
    }
    if (kind == MESSAGE_EXTENDED) add_text(d, ":protocol", "websocket");
    add_text(d, ":authority", tunnel ? "b.test:443" : sim_chance(s, 80) ? "a.test" : "b.test:8443");
    if (sim_chance(s, s->plan.with_priority)) {
        static const char *const values[] = {"u=0", "u=7, i", "i", "u=1", "u=5;x, a=(b c)",
                                             "u=9", "="};
        add_text(d, "priority", values[sim_draw(s, sizeof values / sizeof values[0])]);
    }
    if (sim_chance(s, 20)) add_text(d, "te", "trailers");
}

static void seal(draft *d, field_list *l) {
    *l = (field_list){.n = d->n, .size = d->size};
    l->at = memory_block(d->n * sizeof *l->at);
    l->bytes = memory_block(d->used);
    if (d->used) memcpy(l->bytes, d->bytes, d->used);
    for (size_t i = 0; i < d->n; i++) {
        l->at[i] = d->at[i];
        l->at[i].name.p = l->bytes + (d->at[i].name.p - d->bytes);
        l->at[i].value.p = l->bytes + (d->at[i].value.p - d->bytes);
    }
}

void message_draw(sim *s, field_list *l, message_kind kind, const char *method, unsigned status,
                  uint64_t length, uint32_t most) {
    static draft d;
    char number[24];
    d.sim = s;
    d.n = d.used = d.size = 0;
    d.most = UINT32_MAX;
    if (kind == MESSAGE_RESPONSE || kind == MESSAGE_INTERIM) {
        snprintf(number, sizeof number, "%u", status);
        add_text(&d, ":status", number);
    } else if (kind != MESSAGE_TRAILERS) {
        draw_request(&d, kind, method);
    }
    if (length != FIELDS_NO_LENGTH) {
        snprintf(number, sizeof number, "%llu", (unsigned long long)length);
        add_text(&d, "content-length", number);
    }
    d.most = most;
    uint32_t more = sim_draw(s, 8);
    if (sim_chance(s, 5)) more = sim_draw(s, MOST_FIELDS - 10);
    for (uint32_t i = 0; i < more; i++) add_some(&d);
    seal(&d, l);
}

void message_free(field_list *l) {
    free(l->at);
    free(l->bytes);
    *l = (field_list){0};
}

span message_value(const field_list *l, const char *name) {
    const http_field *f = fields_find_name(l->at, l->n, span_str(name));
    return f ? f->value : (span){NULL, 0};
}

field_list message_copy(const field_list *l) {
    field_list copy = *l;
    size_t used = l->size - 32 * l->n;
    copy.at = memory_block(l->n * sizeof *copy.at);
    copy.bytes = memory_block(used);
    if (used) memcpy(copy.bytes, l->bytes, used);
    for (size_t i = 0; i < l->n; i++) {
        copy.at[i] = l->at[i];
        copy.at[i].name.p = copy.bytes + (l->at[i].name.p - l->bytes);
        copy.at[i].value.p = copy.bytes + (l->at[i].value.p - l->bytes);
    }
    return copy;
}

const char *message_differs(const field_list *l, const http_field *f, size_t n) {
    for (size_t i = 0; i < n && i < l->n; i++) {
        if (!span_eq(f[i].name, l->at[i].name)) return "another name, or another order";
        if (!span_eq(f[i].value, l->at[i].value)) return "another value";
        if (l->at[i].never_indexed && !f[i].never_indexed) return "never-indexed was lost";
        if (f[i].token == HTTP_TOKEN_AUTHORIZATION && !f[i].never_indexed)
            return "a secret that is indexed"; /* RFC 7541 section 7.1.3 */
        if (f[i].token != (uint16_t)fields_token(f[i].name)) return "a wrong token";
    }
    return n == l->n ? NULL : n < l->n ? "fields are missing" : "fields too many";
}
