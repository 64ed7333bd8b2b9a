#include "applets/common/websocket_key.h"
#include "applets/proxy/rewrite_parts.h"

/* What came of the fields that are not passed on as they are. */
typedef struct seen {
    rewrite_list cookies, forwarded, x_for, x_proto, via;
    bool length;
    const http_field *hops; /* Max-Forwards that is counted */
    uint64_t hops_left;
} seen;

static void put_pseudo(rewritten *r, const rewrite_rules *rules, const rewrite_facts *x,
                       const fields_summary *s) {
    bool https = x->back_h2 && x->backend_upgrade_scheme;
    rewrite_put_known(r, HTTP_TOKEN_METHOD, s->method);
    if (!s->connect) rewrite_put_known(r, HTTP_TOKEN_SCHEME, https ? SPAN("https") : s->scheme);
    rewrite_put_known(r, HTTP_TOKEN_AUTHORITY, rewrite_authority(rules, x, s->authority));
    if (!s->connect) rewrite_put_known(r, HTTP_TOKEN_PATH, s->path);
    if (s->protocol.p) rewrite_put_known(r, HTTP_TOKEN_PROTOCOL, s->protocol);
}

/* ---- cookies ---- */

static span without_blanks(span s) {
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) s = span_skip(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

/* Each pair as a field of its own, so that a change in one costs HPACK no more than that (RFC 9113
 * section 8.2.3). When there are too many, the last has all that are left. */
static void put_crumbs(rewritten *r, const http_field *f, size_t *left) {
    http_field crumb = *f;
    span rest = f->value;
    while (rest.n) {
        const uint8_t *end = *left > 1 ? memchr(rest.p, ';', rest.n) : NULL;
        span pair = span_take(&rest, end ? (size_t)(end - rest.p) : rest.n);
        if (end) rest = span_skip(rest, 1);
        crumb.value = without_blanks(pair);
        if (crumb.value.n == 0) continue;
        rewrite_put(r, &crumb);
        if (*left > 1) --*left;
    }
}

/* Crumbs of HTTP/2 as one field; a session of HTTP/1.1 does it itself. */
static bool join_cookies(rewritten *r, const http_field *f, size_t n) {
    size_t size = 0;
    http_field whole = {.name = {NULL, 0}};
    for (size_t i = 0; i < n; i++)
        if (f[i].token == HTTP_TOKEN_COOKIE) size += f[i].value.n + 2;
    uint8_t *begin = rewrite_take(r, size), *p = begin;
    if (!begin) return false;
    for (size_t i = 0; i < n; i++) {
        if (f[i].token != HTTP_TOKEN_COOKIE || f[i].value.n == 0) continue;
        bool secret = whole.never_indexed || f[i].never_indexed;
        if (p > begin) p = rewrite_copy(p, SPAN("; "));
        p = rewrite_copy(p, f[i].value);
        whole = f[i];
        whole.never_indexed = secret;
    }
    r->used -= size - (size_t)(p - begin);
    whole.value = span_of(begin, (size_t)(p - begin));
    rewrite_put(r, &whole);
    return true;
}

/* ---- Forwarded (RFC 7239) ---- */

/* A node: an IPv6 address goes in brackets and quotes (section 6), without the zone that means
 * something to this machine alone. */
static uint8_t *put_node(uint8_t *p, span name, span node) {
    unsigned colons = 0;
    bool skip = false;
    for (size_t i = 0; i < node.n; i++) colons += node.p[i] == ':';
    bool bare = colons > 1 && node.p[0] != '[';
    p = rewrite_copy(p, name);
    if (colons) *p++ = '"';
    if (bare) *p++ = '[';
    for (size_t i = 0; i < node.n; i++) {
        if (node.p[i] == '%') skip = true;
        if (node.p[i] == ']') skip = false;
        if (!skip) *p++ = node.p[i];
    }
    if (bare) *p++ = ']';
    if (colons) *p++ = '"';
    *p++ = ';';
    return p;
}

static uint8_t *put_quoted(uint8_t *p, span s) {
    *p++ = '"';
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\') *p++ = '\\';
        *p++ = s.p[i];
    }
    *p++ = '"';
    *p++ = ';';
    return p;
}

static bool put_forwarded(rewritten *r, const rewrite_rules *rules, const rewrite_facts *x,
                          const fields_summary *s, const seen *was, const http_field *f, size_t n) {
    span by = rules->forwarded_by == REWRITE_NODE_IP      ? x->local_address
              : rules->forwarded_by == REWRITE_NODE_TOKEN ? rules->forwarded_token
                                                          : x->by;
    span node = rules->forwarded_for == REWRITE_NODE_IP ? x->client_address : x->for_;
    size_t most = by.n + node.n + 2 * s->authority.n + 64;
    uint8_t *begin = rewrite_take(r, most), *p = begin;
    if (!begin) return false;
    if (rules->forwarded_by) p = put_node(p, SPAN("by="), by);
    if (rules->forwarded_for) p = put_node(p, SPAN("for="), node);
    if (rules->forwarded_host && s->authority.n) /* HTTP/1.0 may name none */
        p = put_quoted(rewrite_copy(p, SPAN("host=")), s->authority);
    if (rules->forwarded_proto && !rules->forward && !s->connect)
        p = rewrite_copy(p, x->secure ? SPAN("proto=https;") : SPAN("proto=http;"));
    if (p > begin) p--; /* the last ";" */
    r->used -= most - (size_t)(p - begin);
    return rewrite_put_list(r, HTTP_TOKEN_FORWARDED, &was->forwarded, f, n,
                            span_of(begin, (size_t)(p - begin)), SPAN(""));
}

/* ---- all together ---- */

/* A WebSocket's key is a matter of HTTP/1.1: RFC 8441 section 5. */
static bool is_key(const http_field *f) {
    return span_eq(f->name, SPAN("sec-websocket-key")) ||
           span_eq(f->name, SPAN("sec-websocket-accept"));
}

/* Fields that are not passed on as they are, and those that are. */
static void take_field(rewritten *r, const rewrite_rules *rules, const rewrite_facts *x,
                       const fields_summary *s, const http_field *f, seen *was, bool keys) {
    switch (f->token) {
    case HTTP_TOKEN_OTHER:
        if (rules->strip_early_data && span_eq(f->name, SPAN("early-data"))) return;
        if (keys && is_key(f)) return;
        if (f == was->hops) return;
        break;
    case HTTP_TOKEN_COOKIE: rewrite_list_take(&was->cookies, f->value); return;
    case HTTP_TOKEN_FORWARDED: rewrite_list_take(&was->forwarded, f->value); return;
    case HTTP_TOKEN_X_FORWARDED_FOR: rewrite_list_take(&was->x_for, f->value); return;
    case HTTP_TOKEN_X_FORWARDED_PROTO: rewrite_list_take(&was->x_proto, f->value); return;
    case HTTP_TOKEN_VIA: rewrite_list_take(&was->via, f->value); return;
    case HTTP_TOKEN_CONTENT_LENGTH:
        if (was->length || s->connect || s->protocol.p) return;
        was->length = true;
        break;
    case HTTP_TOKEN_TE:
        if (!span_ieq(f->value, SPAN("trailers"))) return;
        break;
    case HTTP_TOKEN_PROXY_AUTHORIZATION:
        if (rules->direct) return;
        break;
    case HTTP_TOKEN_EXPECT: /* RFC 9110 section 10.1.1: HTTP/1.0 knows none */
        if (x->front_old) return;
        break;
    case HTTP_TOKEN_HOST: return;
    default:
        if (fields_flags((http_token)f->token) &
            (HTTP_FIELD_CONNECTION | HTTP_FIELD_PSEUDO_REQUEST | HTTP_FIELD_PSEUDO_RESPONSE))
            return;
    }
    rewrite_put(r, f);
}

static bool put_cookies(rewritten *r, const rewrite_rules *rules, const rewrite_facts *x,
                        const seen *was, const http_field *f, size_t n) {
    size_t left = LIMIT_COOKIE_CRUMBS;
    if (was->cookies.count == 0) return true;
    if (x->back_h2 && !rules->crumble_cookies && was->cookies.count > 1)
        return join_cookies(r, f, n);
    for (size_t i = 0; i < n; i++) {
        if (f[i].token != HTTP_TOKEN_COOKIE) continue;
        if (x->back_h2 && rules->crumble_cookies)
            put_crumbs(r, &f[i], &left);
        else
            rewrite_put(r, &f[i]);
    }
    return true;
}

/* What says from whom the request came, and through whom. */
static bool put_origin(rewritten *r, const rewrite_rules *rules, const rewrite_facts *x,
                       const fields_summary *s, seen *was, const http_field *f, size_t n) {
    span none = SPAN(""), address = none, scheme = none, version = none, name = none;
    bool forwarded = rules->forwarded_by || rules->forwarded_for || rules->forwarded_host ||
                     (rules->forwarded_proto && !rules->forward && !s->connect);
    if (rules->strip_forwarded) was->forwarded.count = 0;
    if (rules->strip_x_forwarded_for) was->x_for.count = 0;
    if (rules->strip_x_forwarded_proto) was->x_proto.count = 0;
    if (rules->add_x_forwarded_for) address = x->client_address;
    if (rules->add_x_forwarded_proto && !rules->forward && !s->connect)
        scheme = x->secure ? SPAN("https") : SPAN("http");
    if (rules->via) {
        version = rewrite_protocol(x->front_h2, x->front_old);
        name = rules->via_name;
    }
    if (forwarded ? !put_forwarded(r, rules, x, s, was, f, n)
                  : !rewrite_put_list(r, HTTP_TOKEN_FORWARDED, &was->forwarded, f, n, none, none))
        return false;
    return rewrite_put_list(r, HTTP_TOKEN_X_FORWARDED_FOR, &was->x_for, f, n, address, none) &&
           rewrite_put_list(r, HTTP_TOKEN_X_FORWARDED_PROTO, &was->x_proto, f, n, scheme, none) &&
           rewrite_put_list(r, HTTP_TOKEN_VIA, &was->via, f, n, version, name);
}

static bool put_hops(rewritten *r, const seen *was) {
    uint8_t *digits = rewrite_take(r, 20);
    if (!digits) return false;
    http_field less = *was->hops;
    less.value = span_of(digits, bytes_put_decimal(digits, was->hops_left - 1));
    rewrite_put(r, &less);
    return true;
}

bool rewrite_request(rewritten *r, const rewrite_rules *rules, const rewrite_facts *facts,
                     const http_field *f, size_t n, const fields_summary *s) {
    seen was = {.length = false};
    bool socket = rewrite_websocket(s), keys = socket && (facts->back_h2 || facts->websocket_key);
    if (!rewrite_begin(r, n + LIMIT_COOKIE_CRUMBS, rules->add_request_count)) return false;
    was.hops = rewrite_hops(f, n, s, &was.hops_left);
    if (was.hops && !was.hops_left) was.hops = NULL; /* it should not have come so far */
    put_pseudo(r, rules, facts, s);
    for (size_t i = 0; i < n; i++) take_field(r, rules, facts, s, &f[i], &was, keys);
    if (was.hops && !put_hops(r, &was)) return false;
    if (!put_cookies(r, rules, facts, &was, f, n)) return false;
    if (!put_origin(r, rules, facts, s, &was, f, n)) return false;
    if (keys && !facts->back_h2) {
        span key = span_of(facts->websocket_key, WEBSOCKET_KEY);
        rewrite_put(r, &(http_field){SPAN("sec-websocket-key"), key, HTTP_TOKEN_OTHER, false});
    }
    for (size_t i = 0; i < rules->add_request_count; i++) rewrite_put(r, &rules->add_request[i]);
    return true;
}
