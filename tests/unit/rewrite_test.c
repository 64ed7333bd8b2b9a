/* applets/proxy/rewrite*.c: fields of requests and answers on their way through the proxy. What
 * nghttpx 1.52 made of the same fields stands in the tables of the cases called as_nghttpx. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "applets/common/heap.h"
#include "applets/common/websocket_key.h"
#include "applets/proxy/rewrite.h"
#include "core/limits.h"

static rewritten room;
static rewrite_rules rules;
static rewrite_facts facts;
static char copies[200000];
static size_t copied;

/* A field that borrows from nobody: bytes without a NUL behind them, one block for all. */
static span keep(const char *p, size_t n) {
    cr_assert_lt(copied + n, sizeof copies);
    memcpy(copies + copied, p, n);
    copied += n;
    return span_of(copies + copied - n, n);
}

/* "name: value" lines; a name may begin with a colon. Returns the number of fields. */
static size_t read_fields(const char *lines, http_field *f) {
    size_t n = 0;
    copied = 0;
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        const char *colon = memchr(lines + 1, ':', length - 1);
        cr_assert_not_null(colon, "%s", lines);
        f[n] = (http_field){.name = keep(lines, (size_t)(colon - lines))};
        size_t skip = (size_t)(colon - lines) + (colon[1] == ' ' ? 2 : 1);
        f[n].value = keep(lines + skip, length - skip);
        f[n].token = (uint16_t)fields_token(f[n].name);
        n++;
        lines += length + (lines[length] == '\n');
    }
    return n;
}

static const char *written(void) {
    static char text[200000];
    size_t n = 0;
    for (size_t i = 0; i < room.count; i++) {
        const http_field *f = &room.fields[i];
        cr_expect_eq(f->token, fields_token(f->name), "%.*s", (int)f->name.n,
                     (const char *)f->name.p);
        n += (size_t)snprintf(text + n, sizeof text - n, "%.*s: %.*s\n", (int)f->name.n,
                              (const char *)f->name.p, (int)f->value.n, (const char *)f->value.p);
    }
    text[n] = 0;
    return text;
}

static void begin(void) {
    cr_assert(rewrite_room(&room, heap_mem()));
    rules = (rewrite_rules){.add_x_forwarded_proto = true,
                            .strip_x_forwarded_proto = true,
                            .via = true,
                            .via_name = SPAN("nghttpx"),
                            .strip_early_data = true,
                            .server = true,
                            .server_name = SPAN("nghttpx"),
                            .location = true,
                            .crumble_cookies = true};
    facts = (rewrite_facts){.client_address = SPAN("127.0.0.1"),
                            .local_address = SPAN("127.0.0.1:23999"),
                            .by = SPAN("_Be2U0SH9"),
                            .for_ = SPAN("_dCmWo7Ij"),
                            .backend_authority = SPAN("10.0.0.1:8080")};
}

static void end(void) { rewrite_end(&room, heap_mem()); }

TestSuite(rewrite, .init = begin, .fini = end);

/* What comes must be well-formed, and what goes out is again. */
static void request(const char *from, const char *to) {
    http_field f[LIMIT_HEADER_FIELDS];
    fields_summary s, again;
    size_t n = read_fields(from, f);
    const char *why = fields_check(f, n, 0, FIELDS_REQUEST, true, &s);
    cr_assert_null(why, "%s: %s", why, from);
    cr_assert(rewrite_request(&room, &rules, &facts, f, n, &s));
    why = fields_check(room.fields, room.count, 0, FIELDS_REQUEST, true, &again);
    cr_expect_null(why, "%s: %s", why, written());
    cr_expect_str_eq(written(), to);
}

static void response(const char *from, const char *to) {
    http_field f[LIMIT_HEADER_FIELDS];
    fields_summary s, again;
    size_t n = read_fields(from, f);
    const char *why = fields_check(f, n, 0, FIELDS_RESPONSE, true, &s);
    cr_assert_null(why, "%s: %s", why, from);
    cr_assert(rewrite_response(&room, &rules, &facts, SPAN("front.test:8080"), SPAN("http"),
                               SPAN(""), f, n, &s));
    why = fields_check(room.fields, room.count, 0, FIELDS_RESPONSE, true, &again);
    cr_expect_null(why, "%s: %s", why, written());
    cr_expect_str_eq(written(), to);
}

#define HEAD ":method: GET\n:scheme: http\n:authority: front.test:8080\n:path: /h2?x\n"

/* ---- requests ---- */

#define CAME                                                                                 \
    HEAD                                                                                     \
        "user-agent: ua\ncookie: a=b\nte: trailers\ncookie: c=d\nx-forwarded-for: 9.9.9.9\n" \
        "x-forwarded-proto: https\nforwarded: for=1.1.1.1\nvia: 1.0 foo\nearly-data: 1\nx-last: 1\n"

Test(rewrite, as_nghttpx_by_default) {
    facts.front_h2 = true;
    request(CAME, HEAD "user-agent: ua\nte: trailers\nx-last: 1\ncookie: a=b\ncookie: c=d\n"
                       "forwarded: for=1.1.1.1\nx-forwarded-for: 9.9.9.9\nx-forwarded-proto: http\n"
                       "via: 1.0 foo, 2 nghttpx\n");
    facts.front_h2 = false;
    facts.secure = true;
    request(HEAD "accept: */*\n", HEAD "accept: */*\nx-forwarded-proto: https\nvia: 1.1 nghttpx\n");
}

#define VIA_10     "x-forwarded-proto: http\nvia: 1.0 nghttpx\n"
#define OF(method) ":method: " method "\n:scheme: http\n:authority: a\n:path: *\n"

Test(rewrite, via_names_the_older_version) {
    facts.front_old = facts.back_old = true;
    request(HEAD, HEAD VIA_10);
    response(":status: 200\n", ":status: 200\nserver: nghttpx\nvia: 1.0 nghttpx\n");
}

Test(rewrite, max_forwards) {
    static const struct {
        const char *came, *left;
    } cases[] = {{"1", "0"}, {"10", "9"}, {"4294967295", "4294967294"}, {"x", "x"}, {"", ""}};
    facts.front_old = true;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char from[300], to[300];
        snprintf(from, sizeof from, OF("OPTIONS") "max-forwards: %s\n", cases[i].came);
        snprintf(to, sizeof to, OF("OPTIONS") "max-forwards: %s\n" VIA_10, cases[i].left);
        request(from, to);
    }
    request(HEAD "max-forwards: 7\n", HEAD "max-forwards: 7\n" VIA_10);
}

Test(rewrite, max_forwards_that_end) {
    static const struct {
        const char *fields;
        bool here;
    } cases[] = {
        {OF("OPTIONS") "max-forwards: 0\n", true},
        {":method: TRACE\n:scheme: http\n:authority: a\n:path: /\nmax-forwards: 0\n", true},
        {OF("OPTIONS") "max-forwards: 1\n", false},
        {OF("OPTIONS") "max-forwards: -0\n", false},
        {OF("OPTIONS"), false},
        {HEAD "max-forwards: 0\n", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        http_field f[LIMIT_HEADER_FIELDS];
        fields_summary s;
        size_t n = read_fields(cases[i].fields, f);
        cr_assert_null(fields_check(f, n, 0, FIELDS_REQUEST, true, &s));
        cr_expect_eq(rewrite_ends_here(f, n, &s), cases[i].here, "%s", cases[i].fields);
    }
}

Test(rewrite, date_where_there_is_none) {
    facts.date = SPAN("Sat, 28 Nov 2026 14:13:00 GMT");
    response(":status: 200\n", ":status: 200\nserver: nghttpx\nvia: 1.1 nghttpx\n"
                               "date: Sat, 28 Nov 2026 14:13:00 GMT\n");
    response(":status: 200\ndate: x\n",
             ":status: 200\ndate: x\nserver: nghttpx\nvia: 1.1 nghttpx\n");
}

Test(rewrite, as_nghttpx_with_everything_added) {
    const http_field more[] = {{SPAN("foo"), SPAN("bar"), HTTP_TOKEN_OTHER, false}};
    rules.add_x_forwarded_for = true;
    rules.forwarded_by = rules.forwarded_for = REWRITE_NODE_OBFUSCATED;
    rules.forwarded_host = rules.forwarded_proto = true;
    rules.add_request = more;
    rules.add_request_count = 1;
    request(
        CAME, HEAD
        "user-agent: ua\nte: trailers\nx-last: 1\ncookie: a=b\ncookie: c=d\n"
        "forwarded: for=1.1.1.1, by=_Be2U0SH9;for=_dCmWo7Ij;host=\"front.test:8080\";proto=http\n"
        "x-forwarded-for: 9.9.9.9, 127.0.0.1\nx-forwarded-proto: http\n"
        "via: 1.0 foo, 1.1 nghttpx\nfoo: bar\n");
}

Test(rewrite, as_nghttpx_with_what_came_stripped) {
    rules.forwarded_by = rules.forwarded_for = REWRITE_NODE_IP;
    rules.forwarded_host = rules.forwarded_proto = true;
    rules.strip_forwarded = rules.strip_x_forwarded_for = rules.host = true;
    rules.via = rules.strip_x_forwarded_proto = rules.strip_early_data = false;
    request(CAME,
            ":method: GET\n:scheme: http\n:authority: 10.0.0.1:8080\n:path: /h2?x\n"
            "user-agent: ua\nte: trailers\nearly-data: 1\nx-last: 1\ncookie: a=b\ncookie: c=d\n"
            "forwarded: by=\"127.0.0.1:23999\";for=127.0.0.1;host=\"front.test:8080\";proto=http\n"
            "x-forwarded-proto: https, http\nvia: 1.0 foo\n");
}

Test(rewrite, as_nghttpx_for_some_parameters) {
    rules.forwarded_for = REWRITE_NODE_OBFUSCATED;
    rules.forwarded_proto = rules.add_x_forwarded_for = rules.strip_x_forwarded_for = true;
    rules.add_x_forwarded_proto = false;
    request(CAME,
            HEAD "user-agent: ua\nte: trailers\nx-last: 1\ncookie: a=b\ncookie: c=d\n"
                 "forwarded: for=1.1.1.1, for=_dCmWo7Ij;proto=http\nx-forwarded-for: 127.0.0.1\n"
                 "via: 1.0 foo, 1.1 nghttpx\n");
}

Test(rewrite, as_nghttpx_forward) {
    rules.forward = rules.host = rules.forwarded_proto = true;
    request(CAME,
            HEAD "user-agent: ua\nte: trailers\nx-last: 1\ncookie: a=b\ncookie: c=d\n"
                 "forwarded: for=1.1.1.1\nx-forwarded-for: 9.9.9.9\nvia: 1.0 foo, 1.1 nghttpx\n");
}

/* RFC 7239 section 6; nghttpx says "localhost" for UNIX sockets. */
Test(rewrite, nodes) {
    static const char *const cases[][3] = {
        {"127.0.0.1", "127.0.0.1:443", "by=\"127.0.0.1:443\";for=127.0.0.1"},
        {"::1", "[::1]:23999", "by=\"[::1]:23999\";for=\"[::1]\""},
        {"localhost", "localhost", "by=localhost;for=localhost"},
        {"fe80::1%eth0", "[fe80::2%eth0]:80", "by=\"[fe80::2]:80\";for=\"[fe80::1]\""},
        {"", "", "by=;for="},
    };
    rules.forwarded_by = rules.forwarded_for = REWRITE_NODE_IP;
    rules.via = rules.add_x_forwarded_proto = false;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char to[300];
        facts.client_address = span_str(cases[i][0]);
        facts.local_address = span_str(cases[i][1]);
        snprintf(to, sizeof to, HEAD "forwarded: %s\n", cases[i][2]);
        request(HEAD, to);
    }
    rules.forwarded_by = REWRITE_NODE_TOKEN;
    rules.forwarded_token = SPAN("_edge.7");
    rules.forwarded_for = REWRITE_NODE_NONE;
    request(HEAD, HEAD "forwarded: by=_edge.7\n");
}

Test(rewrite, lists_become_one) {
    rules.strip_x_forwarded_proto = false;
    rules.add_x_forwarded_for = true;
    request(HEAD "via: 1.0 a\nx-forwarded-for: 1.1.1.1\nvia:\nforwarded: for=a\n"
                 "x-forwarded-for: 2.2.2.2, 3.3.3.3\n"
                 "via: 1.1 b, 1.1 c\nforwarded: for=b\nx-forwarded-proto:\n",
            HEAD "forwarded: for=a, for=b\nx-forwarded-for: 1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1\n"
                 "x-forwarded-proto: http\nvia: 1.0 a, 1.1 b, 1.1 c, 1.1 nghttpx\n");
}

Test(rewrite, cookies_toward_http2) {
    facts.back_h2 = true;
    rules.via = rules.add_x_forwarded_proto = false;
    request(HEAD "cookie: a=b; c=d;e=f\ncookie: g=h\n",
            HEAD "cookie: a=b\ncookie: c=d\ncookie: e=f\ncookie: g=h\n");
    request(HEAD "cookie: a=b ;  c=d; ; ;\n", HEAD "cookie: a=b\ncookie: c=d\n");
    request(HEAD "cookie: ;\n", HEAD);
    request(HEAD "cookie:\n", HEAD);
    rules.crumble_cookies = false;
    request(HEAD "cookie: a=b; c=d\ncookie: e=f\n", HEAD "cookie: a=b; c=d; e=f\n");
    request(HEAD "cookie: a=b; c=d\n", HEAD "cookie: a=b; c=d\n");
}

Test(rewrite, many_cookies_leave_the_last_whole) {
    char many[4000] = HEAD "cookie: ";
    for (unsigned i = 0; i < 200; i++) strcat(many, "a=b; ");
    strcat(many, "z=z\n");
    http_field f[20];
    fields_summary s;
    size_t n = read_fields(many, f);
    cr_assert_null(fields_check(f, n, 0, FIELDS_REQUEST, true, &s));
    facts.back_h2 = true;
    cr_assert(rewrite_request(&room, &rules, &facts, f, n, &s));
    size_t cookies = 0, bytes = 0;
    for (size_t i = 0; i < room.count; i++) {
        if (room.fields[i].token != HTTP_TOKEN_COOKIE) continue;
        cookies++;
        bytes += room.fields[i].value.n + 2;
    }
    cr_expect_eq(cookies, LIMIT_COOKIE_CRUMBS);
    cr_expect_eq(bytes, 201 * 5);
}

/* A client's own crumbs count: those that it has made and ours are as many as the limit says. */
Test(rewrite, crumbs_that_came_count) {
    char many[4000] = HEAD, out[4000] = HEAD;
    for (unsigned i = 0; i < LIMIT_COOKIE_CRUMBS - 2; i++) strcat(many, "cookie: a=b\n");
    strcpy(out, many);
    strcat(many, "cookie: c=d; e=f; g=h\n");
    strcat(out, "cookie: c=d\ncookie: e=f; g=h\n");
    facts.back_h2 = true;
    rules.via = rules.add_x_forwarded_proto = false;
    request(many, out);
}

Test(rewrite, marks_of_secrets_stay) {
    http_field f[20];
    fields_summary s;
    facts.back_h2 = true;
    size_t n = read_fields(HEAD "cookie: a=b; c=d\nx: y\n", f);
    f[4].never_indexed = f[5].never_indexed = true;
    cr_assert_null(fields_check(f, n, 0, FIELDS_REQUEST, true, &s));
    for (unsigned crumble = 0; crumble < 2; crumble++) {
        rules.crumble_cookies = crumble;
        cr_assert(rewrite_request(&room, &rules, &facts, f, n, &s));
        for (size_t i = 0; i < room.count; i++) {
            span name = room.fields[i].name;
            bool secret = span_eq(name, SPAN("cookie")) || span_eq(name, SPAN("x"));
            cr_expect_eq(room.fields[i].never_indexed, secret);
        }
    }
}

Test(rewrite, where_it_goes) {
    rules.via = rules.add_x_forwarded_proto = false;
    /* A Host field only repeats what is said already, or says it instead. */
    request(HEAD "host: FRONT.test:8080\n", HEAD);
    request(":method: GET\n:scheme: http\n:path: /\nhost: a.test\n",
            ":method: GET\n:scheme: http\n:authority: a.test\n:path: /\n");
    request(":method: GET\n:scheme: http\n:path: /\n",
            ":method: GET\n:scheme: http\n:authority: 10.0.0.1:8080\n:path: /\n");
    request(":method: OPTIONS\n:scheme: http\n:authority: a.test\n:path: *\n",
            ":method: OPTIONS\n:scheme: http\n:authority: a.test\n:path: *\n");
    facts.backend_upgrade_scheme = true;
    request(HEAD, HEAD);
    facts.back_h2 = true;
    request(HEAD, ":method: GET\n:scheme: https\n:authority: front.test:8080\n:path: /h2?x\n");
    rules.forward = true;
    request(":method: CONNECT\n:authority: a.test:443\nx: y\ncontent-length: 5\n",
            ":method: CONNECT\n:authority: a.test:443\nx: y\n");
}

Test(rewrite, connect_has_no_scheme) {
    rules.forwarded_proto = true;
    rules.forwarded_host = true;
    request(":method: CONNECT\n:authority: a.test:443\n",
            ":method: CONNECT\n:authority: a.test:443\nforwarded: host=\"a.test:443\"\n"
            "via: 1.1 nghttpx\n");
    rules.forwarded_host = false;
    request(":method: CONNECT\n:authority: a.test:443\n",
            ":method: CONNECT\n:authority: a.test:443\nvia: 1.1 nghttpx\n");
}

Test(rewrite, lengths_and_credentials) {
    rules.via = rules.add_x_forwarded_proto = false;
    request(HEAD "content-length: 5\ncontent-length: 5\n", HEAD "content-length: 5\n");
    request(HEAD "proxy-authorization: Basic x\n", HEAD "proxy-authorization: Basic x\n");
    rules.direct = true;
    request(HEAD "proxy-authorization: Basic x\nauthorization: y\n", HEAD "authorization: y\n");
}

/* Connection-specific fields never pass, also when a session were to let them in. */
Test(rewrite, hop_by_hop) {
    http_field f[30];
    fields_summary s;
    size_t n = read_fields(HEAD, f);
    cr_assert_null(fields_check(f, n, 0, FIELDS_REQUEST, true, &s));
    n = read_fields(
        HEAD "connection: x\nkeep-alive: x\nproxy-connection: x\ntransfer-encoding: chunked\n"
             "upgrade: x\n"
             "http2-settings: x\nte: gzip\nhost: other\nx: y\n",
        f);
    cr_assert(rewrite_request(&room, &rules, &facts, f, n, &s));
    cr_expect_str_eq(written(), HEAD "x: y\nx-forwarded-proto: http\nvia: 1.1 nghttpx\n");
    n = read_fields(":status: 200\nconnection: x\nkeep-alive: x\nproxy-connection: x\n"
                    "transfer-encoding: chunked\n"
                    "upgrade: x\nte: gzip\n:path: /\nx: y\n",
                    f);
    cr_assert(rewrite_response(&room, &rules, &facts, SPAN("a"), SPAN("http"), SPAN(""), f, n,
                               &(fields_summary){.status = 200}));
    cr_expect_str_eq(written(), ":status: 200\nx: y\nserver: nghttpx\nvia: 1.1 nghttpx\n");
    n = read_fields(":status: 103\nconnection: x\ncontent-length: 1\nlink: </a>\n", f);
    cr_assert(rewrite_inform(&room, &rules, &facts, f, n));
    cr_expect_str_eq(written(), ":status: 103\nlink: </a>\n");
    rules.forward = true; /* RFC 9110 section 7.6.3: a proxy is named in each message */
    n = read_fields(":status: 103\nvia: 1.1 far\nlink: </a>\n", f);
    cr_assert(rewrite_inform(&room, &rules, &facts, f, n));
    cr_expect_str_eq(written(), ":status: 103\nlink: </a>\nvia: 1.1 far, 1.1 nghttpx\n");
    rules.forward = false;
    n = read_fields("connection: x\ncontent-length: 1\ntransfer-encoding: x\nhost: x\n"
                    "authorization: x\ncookie: x\nset-cookie: x\n"
                    "via: x\nx-forwarded-for: x\ngrpc-status: 0\ndate: now\n",
                    f);
    cr_assert(rewrite_trailers(&room, f, n));
    cr_expect_str_eq(written(), "grpc-status: 0\ndate: now\n");
}

Test(rewrite, refuses) {
    static const struct {
        const char *fields;
        bool refused;
    } cases[] = {
        {HEAD, false},
        {":method: OPTIONS\n:scheme: http\n:authority: a\n:path: *\n", false},
        {":method: CONNECT\n:authority: a:1\n", false},
        {":method: GET\n:scheme: x\n:authority: a\n:path: /\n", false},
        {":method: GET\n:scheme: x\n:authority: a\n:path: http://evil.test/\n", true},
        {":method: GET\n:scheme: x\n:authority: a\n:path: evil\n", true},
        {":method: GET\n:scheme: x\n:authority: a\n:path: *\n", true},
        {":method: GET\n:scheme: x\n:authority: a\n:path:\n", true},
        {":method: GET\n:scheme: x\n:authority: me@evil.test\n:path: /\n", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        http_field f[10];
        fields_summary s;
        size_t n = read_fields(cases[i].fields, f);
        cr_assert_null(fields_check(f, n, 0, FIELDS_REQUEST, true, &s));
        cr_expect_eq(rewrite_refuses(&s) != NULL, cases[i].refused, "%s", cases[i].fields);
    }
}

Test(rewrite, no_room) {
    static char huge[LIMIT_HEADER_LIST];
    http_field f[300];
    fields_summary s = {
        .method = SPAN("GET"), .scheme = SPAN("http"), .authority = SPAN("a"), .path = SPAN("/")};
    for (size_t i = 0; i < 300; i++) f[i] = HTTP_FIELD_OF(ACCEPT, SPAN("x"));
    cr_expect(rewrite_request(&room, &rules, &facts, f, LIMIT_HEADER_FIELDS + 5, &s));
    cr_expect_not(rewrite_request(&room, &rules, &facts, f, 300, &s));
    cr_expect_not(
        rewrite_response(&room, &rules, &facts, SPAN("a"), SPAN("http"), SPAN(""), f, 300, &s));
    cr_expect_not(rewrite_inform(&room, &rules, &facts, f, 300));
    cr_expect_not(rewrite_trailers(&room, f, 300));
    memset(huge, 'a', sizeof huge);
    f[0] = f[1] = HTTP_FIELD_OF(VIA, span_of(huge, sizeof huge));
    cr_expect(rewrite_request(&room, &rules, &facts, f, 1, &s));
    cr_expect_not(rewrite_request(&room, &rules, &facts, f, 2, &s));
    cr_expect_not(
        rewrite_response(&room, &rules, &facts, SPAN("a"), SPAN("http"), SPAN(""), f, 2, &s));
}

/* ---- answers ---- */

#define BACK                                                                         \
    ":status: 200\ncontent-length: 2\nserver: back/1\nvia: 1.0 x\nset-cookie: a=b\n" \
    "alt-svc: h2=\":1\"\n"

Test(rewrite, answers_as_nghttpx) {
    const http_field more[] = {{SPAN("x-r"), SPAN("1"), HTTP_TOKEN_OTHER, false}};
    rules.altsvc = SPAN("h2=\":443\"; ma=3");
    response(BACK, ":status: 200\ncontent-length: 2\nset-cookie: a=b\nalt-svc: h2=\":1\"\n"
                   "server: nghttpx\nvia: 1.0 x, 1.1 nghttpx\n");
    response(":status: 204\n",
             ":status: 204\nserver: nghttpx\nvia: 1.1 nghttpx\nalt-svc: h2=\":443\"; ma=3\n");
    facts.front_h2 = facts.back_h2 = true;
    rules.add_response = more;
    rules.add_response_count = 1;
    response(":status: 204\n", ":status: 204\nserver: nghttpx\nvia: 2 nghttpx\nx-r: 1\n");
    rules.http2_altsvc = SPAN("h3=\":44\"");
    response(":status: 204\n",
             ":status: 204\nserver: nghttpx\nvia: 2 nghttpx\nalt-svc: h3=\":44\"\nx-r: 1\n");
    rules.server = rules.via = false;
    response(BACK, ":status: 200\ncontent-length: 2\nserver: back/1\nset-cookie: a=b\n"
                   "alt-svc: h2=\":1\"\nvia: 1.0 x\nx-r: 1\n");
}

Test(rewrite, answers_of_a_forward_proxy) {
    rules.forward = true;
    response(":status: 302\nserver: back/1\nlocation: http://front.test/\n",
             ":status: 302\nserver: back/1\nlocation: http://front.test/\nvia: 1.1 nghttpx\n");
}

Test(rewrite, locations) {
    static const char *const cases[][2] = {
        {"http://front.test/a", "http://front.test:8080/a"}, /* these are as nghttpx has them */
        {"http://front.test:9999/a?b#c", "http://front.test:8080/a?b#c"},
        {"https://front.test", "http://front.test:8080"},
        {"HTTP://front.test/x", "http://front.test:8080/x"},
        {"//front.test/y", "//front.test/y"},
        {"/rel", "/rel"},
        {"http://front.test.evil/x", "http://front.test.evil/x"},
        {"http://front.test:8080?x", "http://front.test:8080?x"},
        {"http://FRONT.test/x", "http://front.test:8080/x"}, /* and these are not */
        {"http://front.test:/q", "http://front.test:8080/q"},
        {"http://me@front.test/z", "http://me@front.test/z"},
        {"ftp://front.test/x", "ftp://front.test/x"},
        {"http://front.test\\@evil/", "http://front.test:8080\\@evil/"},
        {"http://10.0.0.1:8080/x", "http://10.0.0.1:8080/x"},
        {"http://", "http://"},
        {"http:/front.test", "http:/front.test"},
        {"", ""},
    };
    rules.via = rules.server = false;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char from[200], to[200];
        snprintf(from, sizeof from, ":status: 302\nlocation: %s\n", cases[i][0]);
        snprintf(to, sizeof to, ":status: 302\nlocation: %s\n", cases[i][1]);
        response(from, to);
    }
    rules.host = true; /* then the backend speaks of itself */
    response(":status: 302\nlocation: http://10.0.0.1/x\n",
             ":status: 302\nlocation: http://front.test:8080/x\n");
    response(":status: 302\nlocation: http://front.test/x\n",
             ":status: 302\nlocation: http://front.test/x\n");
    rules.location = false;
    response(":status: 302\nlocation: http://10.0.0.1/x\n",
             ":status: 302\nlocation: http://10.0.0.1/x\n");
}

Test(rewrite, affinity_cookie) {
    http_field f[2];
    fields_summary s = {.status = 200};
    size_t n = read_fields(":status: 200\nset-cookie: a=b\n", f);
    rules.via = rules.server = false;
    cr_assert(rewrite_response(&room, &rules, &facts, SPAN("a"), SPAN("http"),
                               SPAN("lb=0123abcd; Path=/; Secure"), f, n, &s));
    cr_expect_str_eq(written(),
                     ":status: 200\nset-cookie: a=b\nset-cookie: lb=0123abcd; Path=/; Secure\n");
}

/* ---- WebSockets ---- */

#define SOCKET_HEAD \
    ":method: CONNECT\n:scheme: http\n:authority: a.test\n:path: /chat\n:protocol: websocket\n"
#define KEY     "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\n"
#define VERSION "sec-websocket-version: 13\n"
#define ACCEPT  "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n"

Test(rewrite, websocket_keys) {
    uint8_t key[WEBSOCKET_KEY];
    http_field f[20];
    const uint8_t *nonce = (const uint8_t *)"the sample nonce";
    rules.via = rules.server = rules.add_x_forwarded_proto = false;
    for (unsigned both = 0; both < 4; both++) {
        facts.front_h2 = both & 1;
        facts.back_h2 = both & 2;
        size_t n = read_fields(facts.front_h2 ? SOCKET_HEAD VERSION : SOCKET_HEAD KEY VERSION, f);
        cr_assert(rewrite_websocket_key(key, facts.front_h2, nonce, f, n));
        facts.websocket_key = both < 3 ? key : NULL;
        request(facts.front_h2 ? SOCKET_HEAD VERSION : SOCKET_HEAD KEY VERSION,
                facts.back_h2 ? SOCKET_HEAD VERSION : SOCKET_HEAD VERSION KEY);
        response(facts.back_h2 ? ":status: 200\n" : ":status: 200\n" ACCEPT,
                 facts.front_h2 ? ":status: 200\n" : ":status: 200\n" ACCEPT);
        response(":status: 403\n", ":status: 403\n");
    }
    facts.websocket_key = NULL;
    facts.back_h2 = false;
    request(HEAD KEY, HEAD KEY); /* nobody asks for a WebSocket */
}

Test(rewrite, websocket_keys_that_are_none) {
    static const char *const bad[] = {
        VERSION,
        KEY KEY,
        "sec-websocket-key:\n",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=\n",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ===\n",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQAA\n",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25jZR==\n",
        "sec-websocket-key: dGhlIHNhbXBsZSBub25j,Q==\n",
    };
    uint8_t key[WEBSOCKET_KEY];
    http_field f[20];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t n = read_fields(bad[i], f);
        cr_expect_not(rewrite_websocket_key(key, false, NULL, f, n), "%s", bad[i]);
    }
}

Test(rewrite, websocket_agreement) {
    static const struct {
        const char *fields;
        bool agreed;
    } cases[] = {
        {ACCEPT, true},
        {"x: y\n" ACCEPT "x: y\n", true},
        {"x: y\n", false},
        {ACCEPT ACCEPT, false},
        {"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo\n", false},
        {"sec-websocket-accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\n", false},
    };
    http_field f[10];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = read_fields(cases[i].fields, f);
        bool agreed = rewrite_websocket_agreed((const uint8_t *)"dGhlIHNhbXBsZSBub25jZQ==", f, n);
        cr_expect_eq(agreed, cases[i].agreed, "%s", cases[i].fields);
    }
}
