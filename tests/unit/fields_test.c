/* core/fields.c: every row of fields.def, bytes of names and values, and each rule of messages
 * both ways. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/fields.h"

/* ---- names ---- */

static const char *const known[] = {
#define HTTP_FIELD(token, name, flags) name,
#include "core/fields.def"
#undef HTTP_FIELD
};

static const char *const known_as[] = {
#define HTTP_FIELD(token, name, flags) #token,
#include "core/fields.def"
#undef HTTP_FIELD
};

enum { KNOWN = sizeof known / sizeof known[0] };

static uint32_t slot_with(const char *name, uint32_t multiplier) {
    const size_t n = strlen(name);
    const uint8_t *p = (const uint8_t *)name;
    const uint32_t key =
        (uint32_t)n << 24 | (uint32_t)p[0] << 16 | (uint32_t)p[n / 2] << 8 | p[n - 1];
    return (key * multiplier) >> 24;
}

/* Prints a multiplier under which no two names share a slot, and the slots: core/fields.c takes
 * both. */
static void print_slots(void) {
    uint32_t multiplier = 0x9e3779b1;
    for (unsigned attempt = 0; attempt < 100000000; attempt++) {
        int owner[256];
        size_t i = 0;
        memset(owner, -1, sizeof owner);
        for (; i < KNOWN; i++) {
            int *slot = &owner[slot_with(known[i], multiplier)];
            if (*slot >= 0) break;
            *slot = (int)i;
        }
        if (i == KNOWN) {
            fprintf(stderr, "#define SLOT_MULTIPLIER 0x%08xu\n", (unsigned)multiplier);
            for (int s = 0; s < 256; s++) {
                if (owner[s] >= 0)
                    fprintf(stderr, "    [%d] = HTTP_TOKEN_%s,\n", s, known_as[owner[s]]);
            }
            return;
        }
        multiplier = (multiplier * 1664525 + 1013904223) | 1;
    }
    fprintf(stderr, "no multiplier found: take another letter into the key\n");
}

Test(fields, every_row_of_the_list_is_found) {
    bool stale = false;
    for (size_t i = 0; i < KNOWN; i++) {
        const span name = span_str(known[i]);
        if (fields_token(name) != (http_token)(i + 1)) stale = true;
        cr_expect(span_eq(fields_name((http_token)(i + 1)), name), "%s", known[i]);
        cr_expect(known[i][0] == ':' || fields_name_valid_h2(name), "%s", known[i]);
    }
    if (stale) print_slots();
    cr_expect_not(stale, "core/fields.c: the slots are stale, take the ones above");
    cr_expect_eq(fields_name(HTTP_TOKEN_OTHER).n, 0);
    cr_expect_eq(fields_flags(HTTP_TOKEN_OTHER), 0);
    cr_expect_eq(fields_flags(HTTP_TOKEN_UPGRADE), HTTP_FIELD_CONNECTION);
    cr_expect_eq(fields_flags(HTTP_TOKEN_STATUS), HTTP_FIELD_PSEUDO_RESPONSE);
}

Test(fields, neighbours_of_known_names_are_other) {
    char near[64];
    for (size_t i = 0; i < KNOWN; i++) {
        const size_t n = strlen(known[i]);
        for (size_t at = 0; at < n; at++) {
            memcpy(near, known[i], n);
            near[at] = near[at] == 'q' ? 'z' : 'q';
            cr_expect_eq(fields_token(span_of(near, n)), HTTP_TOKEN_OTHER, "%.*s", (int)n, near);
            memcpy(near, known[i], n);
            if (near[at] >= 'a' && near[at] <= 'z') {
                near[at] = (char)(near[at] - 32);
                cr_expect_eq(fields_token(span_of(near, n)), HTTP_TOKEN_OTHER, "%.*s", (int)n,
                             near);
            }
        }
        memcpy(near, known[i], n);
        near[n] = 'x';
        cr_expect_eq(fields_token(span_of(near, n + 1)), HTTP_TOKEN_OTHER);
        cr_expect_eq(fields_token(span_of(near, n - 1)), HTTP_TOKEN_OTHER, "%.*s", (int)n - 1,
                     near);
    }
    cr_expect_eq(fields_token(SPAN("")), HTTP_TOKEN_OTHER);
    cr_expect_eq(fields_token(span_of(NULL, 0)), HTTP_TOKEN_OTHER);
    cr_expect_eq(fields_token(SPAN("x")), HTTP_TOKEN_OTHER);
}

/* ---- bytes ---- */

Test(fields, name_bytes) {
    for (unsigned c = 0; c < 256; c++) {
        const uint8_t name[3] = {'a', (uint8_t)c, 'b'};
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        const bool mark = c != 0 && c < 128 && strchr("!#$%&'*+-.^_`|~", (int)c) != NULL;
        const bool upper = c >= 'A' && c <= 'Z';
        cr_expect_eq(fields_name_valid(span_of(name, 3)), letter || mark || upper, "%u", c);
        cr_expect_eq(fields_name_valid_h2(span_of(name, 3)), letter || mark, "%u", c);
        cr_expect_eq(fields_name_valid_h2(span_of(name + 1, 1)), letter || mark, "%u", c);
    }
    cr_expect_not(fields_name_valid(SPAN("")));
    cr_expect_not(fields_name_valid_h2(SPAN("")));
    cr_expect_not(fields_name_valid_h2(SPAN(":path")));
}

static bool naive_value_valid(const uint8_t *p, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f) return false;
    }
    return n == 0 || (p[0] != ' ' && p[0] != '\t' && p[n - 1] != ' ' && p[n - 1] != '\t');
}

Test(fields, value_check_agrees_with_the_naive_one) {
    uint8_t v[40];
    cr_expect(fields_value_valid(span_of(NULL, 0)));
    for (size_t n = 1; n <= sizeof v; n++) {
        for (size_t at = 0; at < n; at++) {
            for (unsigned c = 0; c < 256; c++) {
                memset(v, c & 1 ? 'a' : 0xff, sizeof v);
                v[at] = (uint8_t)c;
                cr_assert_eq(fields_value_valid(span_of(v, n)), naive_value_valid(v, n),
                             "length %zu, byte %u at %zu", n, c, at);
            }
        }
    }
    /* Several odd bytes in one word: borrows between bytes must not hide one. */
    uint64_t seed = 88172645463325252u;
    for (int round = 0; round < 200000; round++) {
        static const uint8_t odd[] = {0,    1,    9,    10,   13,   0x1f, 0x20, 0x21,
                                      0x7e, 0x7f, 0x80, 0x9f, 0xff, 'a',  'b',  'c'};
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        const size_t n = 1 + seed % 24;
        uint64_t draw = seed;
        for (size_t i = 0; i < n; i++) {
            draw = draw * 6364136223846793005u + 1442695040888963407u;
            v[i] = (round & 1) ? odd[draw >> 60] : (uint8_t)(draw >> 33) | 0x20;
            if (v[i] == 0x7f && (round & 2)) v[i] = 'x';
        }
        cr_assert_eq(fields_value_valid(span_of(v, n)), naive_value_valid(v, n));
    }
}

/* ---- messages ---- */

enum { MOST = 16 };

/* "name: value" lines (":path: /x" too; the separator is the first ": "), tokens looked up as
 * the decoder does. */
static size_t fields_of(const char *lines, http_field *f) {
    size_t n = 0;
    while (*lines) {
        const char *colon = strstr(lines, ": ");
        const char *end = strchr(lines, '\n');
        cr_assert(colon != NULL && end != NULL && n < MOST);
        f[n].name = span_of(lines, (size_t)(colon - lines));
        f[n].value = span_of(colon + 2, (size_t)(end - colon - 2));
        f[n].token = (uint16_t)fields_token(f[n].name);
        f[n].never_indexed = false;
        n++;
        lines = end + 1;
    }
    return n;
}

static fields_summary sum;

static const char *check(const char *lines, fields_kind kind, bool extended) {
    http_field f[MOST], blind[MOST];
    const size_t n = fields_of(lines, f);
    /* Tokens that were not looked up must not change the judgement. */
    memcpy(blind, f, sizeof f);
    for (size_t i = 0; i < n; i++) blind[i].token = HTTP_TOKEN_OTHER;
    const char *without = fields_check(blind, n, 0, kind, extended, &sum);
    /* Nor what a table vouches for. */
    uint64_t valid = 0;
    for (size_t i = 0; i < n; i++)
        valid |= (uint64_t)fields_pair_valid((http_token)f[i].token, f[i].name, f[i].value) << i;
    const char *vouched = fields_check(f, n, valid, kind, extended, &sum);
    const char *why = fields_check(f, n, 0, kind, extended, &sum);
    cr_expect((why == NULL) == (without == NULL), "%s", lines);
    cr_expect((why == NULL) == (vouched == NULL), "%s", lines);
    return why;
}

typedef struct example {
    const char *lines, *why;
} example;

static void check_all(const example *e, size_t n, fields_kind kind, bool extended) {
    for (size_t i = 0; i < n; i++) {
        const char *why = check(e[i].lines, kind, extended);
        const bool same =
            e[i].why == NULL ? why == NULL : why != NULL && strcmp(why, e[i].why) == 0;
        cr_expect(same, "%s-> %s, want %s", e[i].lines, why ? why : "fine",
                  e[i].why ? e[i].why : "fine");
    }
}

#define CHECK_ALL(list, kind, extended) \
    check_all((list), sizeof(list) / sizeof((list)[0]), (kind), (extended))

#define GET ":method: GET\n:scheme: https\n:authority: a.example\n:path: /\n"

Test(fields, requests) {
    static const example list[] = {
        {GET, NULL},
        {GET "accept: */*\nx-own: \ncookie: a=b\ncookie: c=d\n", NULL},
        {":path: /\n:authority: a\n:scheme: http\n:method: GET\n", NULL},
        {":method: GET\n:scheme: http\n:path: /\n", NULL},
        {":method: GET\n:scheme: http\n:path: /\nhost: \n", NULL},
        /* pseudo-header fields: which, how often, where */
        {"", "no :method"},
        {":method: GET\n:path: /\n", "no :scheme"},
        {":method: GET\n:scheme: http\n", "no :path"},
        {":scheme: http\n:path: /\n", "no :method"},
        {GET ":method: GET\n", "pseudo-header field twice"},
        {GET ":path: /\n", "pseudo-header field twice"},
        {GET ":authority: a.example\n", "pseudo-header field twice"},
        {GET ":status: 200\n", ":status in a request"},
        {GET ":foo: bar\n", "unknown pseudo-header field"},
        {GET ":Path: bar\n", "unknown pseudo-header field"},
        {GET ":: bar\n", "unknown pseudo-header field"},
        {":method: GET\n:scheme: http\naccept: a\n:path: /\n",
         "pseudo-header field after a regular one"},
        {":method: GET\n:scheme: http\nx-own: a\n:path: /\n",
         "pseudo-header field after a regular one"},
        {GET ":protocol: websocket\n", ":protocol without leave"},
        /* names and values */
        {GET "Accept: a\n", "bad field name"},
        {GET "x own: a\n", "bad field name"},
        {GET "x:own: a\n", "bad field name"},
        {GET "x\xc3\xa4: a\n", "bad field name"},
        {GET ": a\n", "bad field name"},
        {GET "x:  a\n", "bad byte or blank in a field value"},
        {GET "x: a \n", "bad byte or blank in a field value"},
        {GET "x: a\t\n", "bad byte or blank in a field value"},
        {GET "x: a\rb\n", "bad byte or blank in a field value"},
        {GET "x: a\x01"
             "b\n",
         "bad byte or blank in a field value"},
        {GET "x: a\x7f"
             "b\n",
         "bad byte or blank in a field value"},
        {GET "x: a\t b \xff"
             "c\n",
         NULL},
        {":method: GET\n:scheme: http\n:path: / \n", "bad byte or blank in a field value"},
        /* :method */
        {":method: \n:scheme: http\n:path: /\n", ":method is not a token"},
        {":method: G ET\n:scheme: http\n:path: /\n", ":method is not a token"},
        {":method: GET/\n:scheme: http\n:path: /\n", ":method is not a token"},
        {":method: M-SEARCH\n:scheme: http\n:path: /\n", NULL},
        {":method: connect\n:scheme: http\n:path: /\n", NULL},
        /* :scheme */
        {":method: GET\n:scheme: \n:path: /\n", "bad :scheme"},
        {":method: GET\n:scheme: 1a\n:path: /\n", "bad :scheme"},
        {":method: GET\n:scheme: http:\n:path: /\n", "bad :scheme"},
        {":method: GET\n:scheme: ht tp\n:path: /\n", "bad :scheme"},
        {":method: GET\n:scheme: https://x/\n:path: /\n", "bad :scheme"},
        {":method: GET\n:scheme: coap+tcp\n:path: /\n", NULL},
        /* :path */
        {":method: GET\n:scheme: http\n:path: \n", "empty :path"},
        {":method: OPTIONS\n:scheme: HTTPS\n:path: \n", "empty :path"},
        {":method: GET\n:scheme: x\n:path: \n", NULL},
        {":method: GET\n:scheme: x\n:path: a\n", NULL},
        {":method: GET\n:scheme: x\n:path: a b\n", "bad byte in :path"},
        {":method: GET\n:scheme: http\n:path: a\n", ":path does not begin with /"},
        {":method: GET\n:scheme: http\n:path: ?a\n", ":path does not begin with /"},
        {":method: GET\n:scheme: http\n:path: http://a/\n", ":path does not begin with /"},
        {":method: GET\n:scheme: http\n:path: *\n", ":path * with a method other than options"},
        {":method: OPTIONS\n:scheme: http\n:path: *\n", NULL},
        {":method: OPTIONS\n:scheme: http\n:path: /\n", NULL},
        {":method: OPTIONS\n:scheme: http\n:path: **\n", ":path does not begin with /"},
        {":method: GET\n:scheme: http\n:path: /a b\n", "bad byte in :path"},
        {":method: GET\n:scheme: http\n:path: /a\tb\n", "bad byte in :path"},
        {":method: GET\n:scheme: http\n:path: /a#b\n", "bad byte in :path"},
        {":method: GET\n:scheme: http\n:path: /\xc3\xa4\n", "bad byte in :path"},
        {":method: GET\n:scheme: http\n:path: /a\x7f\n", "bad byte or blank in a field value"},
        {":method: GET\n:scheme: http\n:path: /a?b|{}\"<>^`\\[]%zz\n", NULL},
        {":method: GET\n:scheme: http\n:path: //evil\n", NULL},
        /* te and connection-specific */
        {GET "te: trailers\n", NULL},
        {GET "te: Trailers\n", NULL},
        {GET "te: gzip\n", "te other than trailers"},
        {GET "te: trailers, gzip\n", "te other than trailers"},
        {GET "te: \n", "te other than trailers"},
        {GET "connection: close\n", "connection-specific field"},
        {GET "keep-alive: 5\n", "connection-specific field"},
        {GET "proxy-connection: x\n", "connection-specific field"},
        {GET "transfer-encoding: chunked\n", "connection-specific field"},
        {GET "upgrade: h2c\n", "connection-specific field"},
        {GET "http2-settings: AA\n", "connection-specific field"},
        /* content-length */
        {GET "content-length: 0\n", NULL},
        {GET "content-length: 5\ncontent-length: 5\n", NULL},
        {GET "content-length: 9223372036854775807\n", NULL},
        {GET "content-length: 9223372036854775808\n", "bad content-length"},
        {GET "content-length: 18446744073709551616\n", "bad content-length"},
        {GET "content-length: 99999999999999999999999\n", "bad content-length"},
        {GET "content-length: \n", "bad content-length"},
        {GET "content-length: -1\n", "bad content-length"},
        {GET "content-length: +1\n", "bad content-length"},
        {GET "content-length: 0x1\n", "bad content-length"},
        {GET "content-length: 5, 5\n", "bad content-length"},
        {GET "content-length: 5\ncontent-length: 6\n", "content-length twice, and not the same"},
        {GET "content-length: 0\ncontent-length: 6\n", "content-length twice, and not the same"},
    };
    CHECK_ALL(list, FIELDS_REQUEST, false);
}

#define TO(scheme, authority) \
    ":method: GET\n:scheme: " scheme "\n:path: /\n:authority: " authority "\n"

Test(fields, authority_and_host) {
    static const example list[] = {
        {TO("http", "a"), NULL},
        {TO("http", "a.example:80"), NULL},
        {TO("http", "a_b-c~d"), NULL},
        {TO("http", "a%20b"), NULL},
        {TO("http", "a:"), NULL},
        {TO("http", "[::1]"), NULL},
        {TO("http", "[::ffff:1.2.3.4]:8080"), NULL},
        {TO("http", "a:65535"), NULL},
        {TO("http", ""), "empty authority"},
        {TO("http", "a:65536"), "authority is not host[:port]"},
        {TO("http", "a:b"), "authority is not host[:port]"},
        {TO("http", "a:1:2"), "authority is not host[:port]"},
        {TO("http", ":80"), "authority is not host[:port]"},
        {TO("http", "a b"), "authority is not host[:port]"},
        {TO("http", "a/b"), "authority is not host[:port]"},
        {TO("http", "a?b"), "authority is not host[:port]"},
        {TO("http", "a#b"), "authority is not host[:port]"},
        {TO("http", "a\\b"), "authority is not host[:port]"},
        {TO("http", "a%2"), "authority is not host[:port]"},
        {TO("http", "a%"), "authority is not host[:port]"},
        {TO("http", "a%zz"), "authority is not host[:port]"},
        {TO("http", "\xc3\xa4"), "authority is not host[:port]"},
        {TO("http", "[::1"), "authority is not host[:port]"},
        {TO("http", "[]"), "authority is not host[:port]"},
        {TO("http", "[::1]x"), "authority is not host[:port]"},
        {TO("http", "[::1%25eth0]"), "authority is not host[:port]"},
        {TO("http", "::1"), "authority is not host[:port]"},
        {TO("http", "u@a"), "userinfo in the authority"},
        {TO("https", "u:p@a:1"), "userinfo in the authority"},
        {TO("HTTP", "@a"), "userinfo in the authority"},
        {TO("ftp", "u:p@a"), NULL},
        {TO("ftp", "u@p@a"), "authority is not host[:port]"},
        {TO("ftp", "u/@a"), "bad byte in the authority"},
        {TO("ftp", ""), NULL},
        {TO("http", "a") "host: a\n", NULL},
        {TO("http", "a") "host: A\n", NULL},
        {TO("http", "a") "host: a:80\n", NULL},
        {TO("http", "a:80") "host: a\n", NULL},
        {TO("http", "a:080") "host: a:\n", NULL},
        {TO("https", "a:443") "host: a\n", NULL},
        {TO("http", "a:443") "host: a\n", "host is not :authority"},
        {TO("https", "a:80") "host: a\n", "host is not :authority"},
        {TO("http", "a") "host: b\n", "host is not :authority"},
        {TO("http", "a") "host: a:81\n", "host is not :authority"},
        {TO("http", "a") "host: \n", "host is not :authority"},
        {TO("http", "a") "host: u@a\n", "host is not :authority"},
        {TO("http", "a") "host: a, a\n", "host is not :authority"},
        {TO("http", "a") "host: a\nhost: a\n", "host twice"},
        {":method: GET\n:scheme: http\n:path: /\nhost: a\nhost: b\n", "host twice"},
        {":method: GET\n:scheme: http\n:path: /\nhost: a\n", NULL},
        {":method: GET\n:scheme: http\n:path: /\nhost: u@a\n", "userinfo in the authority"},
        {":method: GET\n:scheme: http\n:path: /\nhost: a b\n", "authority is not host[:port]"},
        {":method: GET\n:scheme: http\n:path: /\nhost: a,b /\n", "authority is not host[:port]"},
    };
    CHECK_ALL(list, FIELDS_REQUEST, false);
}

Test(fields, connect) {
    static const example list[] = {
        {":method: CONNECT\n:authority: a:443\n", NULL},
        {":method: CONNECT\n:authority: [::1]:1\n", NULL},
        {":method: CONNECT\n:authority: a:443\nhost: a:443\n", NULL},
        {":method: CONNECT\n", "connect without :authority"},
        {":method: CONNECT\nhost: a:443\n", "connect without :authority"},
        {":method: CONNECT\n:authority: \n", "empty authority"},
        {":method: CONNECT\n:authority: a\n", "connect without a port"},
        {":method: CONNECT\n:authority: a:\n", "connect without a port"},
        {":method: CONNECT\n:authority: a:0\n", "connect without a port"},
        {":method: CONNECT\n:authority: u@a:1\n", "userinfo in the authority"},
        {":method: CONNECT\n:authority: a:1/x\n", "authority is not host[:port]"},
        {":method: CONNECT\n:authority: a:443\nhost: a\n", "host is not :authority"},
        {":method: CONNECT\n:authority: a:443\n:scheme: https\n", "connect with :scheme"},
        {":method: CONNECT\n:authority: a:443\n:path: /\n", "connect with :path"},
    };
    CHECK_ALL(list, FIELDS_REQUEST, false);
    CHECK_ALL(list, FIELDS_REQUEST, true);
}

#define WS(m, p) ":method: " m "\n:protocol: " p "\n:scheme: https\n:path: /chat\n"

Test(fields, extended_connect) {
    static const example list[] = {
        {WS("CONNECT", "websocket") ":authority: a\n", NULL},
        {WS("CONNECT", "foo/1.1") ":authority: a\n", NULL},
        {WS("CONNECT", "websocket"), ":protocol without :authority"},
        {WS("CONNECT", "websocket") "host: a\n", ":protocol without :authority"},
        {WS("GET", "websocket") ":authority: a\n", ":protocol with a method other than connect"},
        {WS("CONNECT", "") ":authority: a\n", ":protocol is not a protocol name"},
        {WS("CONNECT", "a b") ":authority: a\n", ":protocol is not a protocol name"},
        {WS("CONNECT", "a/") ":authority: a\n", ":protocol is not a protocol name"},
        {WS("CONNECT", "a/b/c") ":authority: a\n", ":protocol is not a protocol name"},
        {":method: CONNECT\n:protocol: websocket\n:authority: a\n:path: /\n", "no :scheme"},
        {":method: CONNECT\n:protocol: websocket\n:authority: a\n:scheme: https\n", "no :path"},
        {":method: CONNECT\n:protocol: websocket\n:authority: a\n:scheme: https\n:path: *\n",
         ":path * with a method other than options"},
    };
    CHECK_ALL(list, FIELDS_REQUEST, true);
    cr_expect_str_eq(check(WS("CONNECT", "websocket") ":authority: a\n", FIELDS_REQUEST, false),
                     ":protocol without leave");
}

Test(fields, responses) {
    static const example list[] = {
        {":status: 200\n", NULL},
        {":status: 100\n", NULL},
        {":status: 103\nlink: </a>\n", NULL},
        {":status: 999\nserver: x\ncontent-length: 5\n", NULL},
        {":status: 200\nhost: a\nhost: b\n", NULL},
        {"", "no :status"},
        {"server: x\n", "no :status"},
        {":status: 101\n", ":status 101"},
        {":status: 099\n", "bad :status"},
        {":status: 20\n", "bad :status"},
        {":status: 2000\n", "bad :status"},
        {":status: 0200\n", "bad :status"},
        {":status: 2x0\n", "bad :status"},
        {":status: -20\n", "bad :status"},
        {":status: \n", "bad :status"},
        {":status: 200\n:status: 200\n", "pseudo-header field twice"},
        {":status: 200\n:path: /\n", "request pseudo-header field in a response"},
        {":method: GET\n:status: 200\n", "request pseudo-header field in a response"},
        {":status: 200\n:protocol: a\n", "request pseudo-header field in a response"},
        {"server: x\n:status: 200\n", "pseudo-header field after a regular one"},
        {":status: 200\nconnection: close\n", "connection-specific field"},
        {":status: 200\ntransfer-encoding: chunked\n", "connection-specific field"},
        {":status: 200\nte: gzip\n", "te other than trailers"},
        {":status: 200\ncontent-length: 1\ncontent-length: 2\n",
         "content-length twice, and not the same"},
        {":status: 200\nServer: x\n", "bad field name"},
    };
    CHECK_ALL(list, FIELDS_RESPONSE, false);
    CHECK_ALL(list, FIELDS_RESPONSE, true);
}

Test(fields, trailers) {
    static const example list[] = {
        {"", NULL},
        {"x-sum: 1\n", NULL},
        {"content-length: 5\n", NULL},
        {"content-length: x\n", "bad content-length"},
        {":status: 200\n", "pseudo-header field in trailers"},
        {":path: /\n", "pseudo-header field in trailers"},
        {"x: 1\n:method: GET\n", "pseudo-header field in trailers"},
        {":foo: 1\n", "unknown pseudo-header field"},
        {"X: 1\n", "bad field name"},
        {"connection: close\n", "connection-specific field"},
    };
    CHECK_ALL(list, FIELDS_TRAILERS, true);
    cr_expect_null(check("content-length: 5\n", FIELDS_TRAILERS, false));
    cr_expect_eq(sum.content_length, FIELDS_NO_LENGTH);
}

#define PUSH(m) ":method: " m "\n:scheme: https\n:path: /\n:authority: a\n"

Test(fields, pushes) {
    static const example list[] = {
        {PUSH("GET"), NULL},
        {PUSH("HEAD"), NULL},
        {PUSH("OPTIONS"), "push of a method that is not safe and cacheable"},
        {PUSH("POST"), "push of a method that is not safe and cacheable"},
        {PUSH("get"), "push of a method that is not safe and cacheable"},
        {":method: CONNECT\n:authority: a:1\n", "push of a method that is not safe and cacheable"},
        {PUSH("GET") "content-length: 0\n", NULL},
        {PUSH("GET") "content-length: 1\n", "push of a request with content"},
        {":method: GET\n:scheme: https\n:path: /\n", "push without :authority"},
        {":method: GET\n:scheme: https\n:path: /\nhost: a\n", "push without :authority"},
        {":status: 200\n", ":status in a request"},
    };
    CHECK_ALL(list, FIELDS_PUSH, false);
}

static void expect_span(span got, const char *want) {
    cr_expect(want == NULL ? got.p == NULL : got.p != NULL && span_eq(got, span_str(want)), "%s",
              want ? want : "(absent)");
}

Test(fields, summary) {
    cr_assert_null(check(GET "host: A.example:443\ncontent-length: 12\ncontent-length: 012\n",
                         FIELDS_REQUEST, false));
    expect_span(sum.method, "GET");
    expect_span(sum.scheme, "https");
    expect_span(sum.authority, "a.example");
    expect_span(sum.path, "/");
    expect_span(sum.protocol, NULL);
    cr_expect_eq(sum.content_length, 12);
    cr_expect_eq(sum.status, 0);
    cr_expect_not(sum.connect);

    cr_assert_null(
        check(":method: GET\n:scheme: http\n:path: /\nhost: h:8\n", FIELDS_REQUEST, false));
    expect_span(sum.authority, "h:8");
    cr_expect_eq(sum.content_length, FIELDS_NO_LENGTH);

    cr_assert_null(check(":method: GET\n:scheme: http\n:path: /\n", FIELDS_REQUEST, false));
    expect_span(sum.authority, NULL);

    cr_assert_null(check(":method: CONNECT\n:authority: a:443\n", FIELDS_REQUEST, false));
    cr_expect(sum.connect);
    expect_span(sum.scheme, NULL);
    expect_span(sum.path, NULL);

    cr_assert_null(check(WS("CONNECT", "websocket") ":authority: a\n", FIELDS_REQUEST, true));
    cr_expect_not(sum.connect);
    expect_span(sum.protocol, "websocket");

    cr_assert_null(check(":status: 404\n", FIELDS_RESPONSE, false));
    cr_expect_eq(sum.status, 404);
    expect_span(sum.method, NULL);
}

Test(fields, find_and_size) {
    http_field f[MOST];
    const size_t n = fields_of(GET "cookie: a=b\nx-own: 1\ncookie: c=d\n", f);
    cr_expect_eq(fields_find(f, n, HTTP_TOKEN_COOKIE), &f[4]);
    cr_expect_eq(fields_find(f, n, HTTP_TOKEN_PATH), &f[3]);
    cr_expect_null(fields_find(f, n, HTTP_TOKEN_VIA));
    cr_expect_eq(fields_find_name(f, n, SPAN("x-own")), &f[5]);
    cr_expect_null(fields_find_name(f, n, SPAN("x-ow")));
    cr_expect_null(fields_find(NULL, 0, HTTP_TOKEN_VIA));
    cr_expect_eq(fields_list_size(f + 4, 2), 6 + 3 + 32 + 5 + 1 + 32);
    cr_expect_eq(fields_list_size(NULL, 0), 0);
    const http_field of = HTTP_FIELD_OF(STATUS, SPAN("200"));
    cr_expect(span_eq(of.name, SPAN(":status")) && of.token == HTTP_TOKEN_STATUS);
}
