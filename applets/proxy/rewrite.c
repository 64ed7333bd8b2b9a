#include "applets/proxy/rewrite_parts.h"

#define FIELDS_ROOM \
    (LIMIT_HEADER_FIELDS + 5u + LIMIT_COOKIE_CRUMBS + LIMIT_ADDED_FIELDS + REWRITE_OWN)
#define BYTES_ROOM (LIMIT_HEADER_LIST + 4096u) /* a section with a list of 64 KiB goes on */

bool rewrite_room(rewritten *r, const mem *m) {
    *r = (rewritten){.room = FIELDS_ROOM, .bytes_room = BYTES_ROOM};
    r->fields = mem_take(m, FIELDS_ROOM * sizeof *r->fields);
    r->bytes = mem_take(m, BYTES_ROOM);
    if (r->fields && r->bytes) return true;
    rewrite_end(r, m);
    return false;
}

void rewrite_end(rewritten *r, const mem *m) {
    mem_give(m, r->fields, FIELDS_ROOM * sizeof *r->fields);
    mem_give(m, r->bytes, BYTES_ROOM);
    *r = (rewritten){0};
}

const char *rewrite_refuses(const fields_summary *s) {
    const uint8_t *at = s->authority.n ? memchr(s->authority.p, '@', s->authority.n) : NULL;
    if (at) return "userinfo in the authority";
    if (s->connect) return NULL;
    if (s->path.n && s->path.p[0] == '/') return NULL;
    bool all = span_eq(s->path, SPAN("*")) && span_eq(s->method, SPAN("OPTIONS"));
    return all ? NULL : ":path does not begin with /";
}

/* ---- Max-Forwards ---- */

/* More are counted as so many (RFC 9110 section 7.6.2 lets them be). */
#define MOST_HOPS UINT32_MAX

const http_field *rewrite_hops(const http_field *f, size_t n, const fields_summary *s,
                               uint64_t *hops) {
    if (!span_eq(s->method, SPAN("TRACE")) && !span_eq(s->method, SPAN("OPTIONS"))) return NULL;
    const http_field *at = fields_find_name(f, n, SPAN("max-forwards"));
    if (!at || !at->value.n) return NULL;
    if (bytes_get_decimal(at->value, MOST_HOPS, hops)) return at;
    for (size_t i = 0; i < at->value.n; i++)
        if ((uint8_t)(at->value.p[i] - '0') > 9) return NULL;
    *hops = MOST_HOPS;
    return at;
}

bool rewrite_ends_here(const http_field *f, size_t n, const fields_summary *s) {
    uint64_t hops;
    return rewrite_hops(f, n, s, &hops) && hops == 0;
}

/* ---- parts ---- */

bool rewrite_put_list(rewritten *r, http_token token, const rewrite_list *l, const http_field *f,
                      size_t n, span head, span tail) {
    size_t added = head.n + tail.n, size = added;
    if (l->count == 0 && added == 0) return true;
    if (l->count == 1 && added == 0) {
        rewrite_put_known(r, token, l->first);
        return true;
    }
    for (size_t i = 0; l->count && i < n; i++)
        if (f[i].token == token) size += f[i].value.n + 2;
    uint8_t *begin = rewrite_take(r, size), *p = begin;
    if (!begin) return false;
    for (size_t i = 0; l->count && i < n; i++) {
        if (f[i].token != token || f[i].value.n == 0) continue;
        if (p > begin) p = rewrite_copy(p, SPAN(", "));
        p = rewrite_copy(p, f[i].value);
    }
    if (p > begin && added) p = rewrite_copy(p, SPAN(", "));
    p = rewrite_copy(rewrite_copy(p, head), tail);
    r->used -= size - (size_t)(p - begin);
    rewrite_put_known(r, token, span_of(begin, (size_t)(p - begin)));
    return true;
}

/* ---- what is passed on as it is ---- */

bool rewrite_inform(rewritten *r, const rewrite_rules *rules, const rewrite_facts *facts,
                    const http_field *f, size_t n) {
    rewrite_list via = {0};
    bool named = rules->via && rules->forward;
    if (!rewrite_begin(r, n, 0)) return false;
    for (size_t i = 0; i < n; i++) {
        http_token token = (http_token)f[i].token;
        bool mine = token == HTTP_TOKEN_CONTENT_LENGTH || token == HTTP_TOKEN_TE;
        if (named && token == HTTP_TOKEN_VIA) {
            rewrite_list_take(&via, f[i].value);
            continue;
        }
        if (!mine && !(fields_flags(token) & HTTP_FIELD_CONNECTION)) rewrite_put(r, &f[i]);
    }
    return !named ||
           rewrite_put_list(r, HTTP_TOKEN_VIA, &via, f, n,
                            rewrite_protocol(facts->back_h2, facts->back_old), rules->via_name);
}

/* Whoever reads trailers may take them for fields of the head: what frames a message, says where it
 * goes, from whom it came or with which right must not come in by that door (RFC 9110
 * section 6.5.1). */
static bool in_head_only(http_token token) {
    switch (token) {
    case HTTP_TOKEN_AUTHORIZATION:
    case HTTP_TOKEN_CONTENT_ENCODING:
    case HTTP_TOKEN_CONTENT_LENGTH:
    case HTTP_TOKEN_CONTENT_RANGE:
    case HTTP_TOKEN_CONTENT_TYPE:
    case HTTP_TOKEN_COOKIE:
    case HTTP_TOKEN_EXPECT:
    case HTTP_TOKEN_FORWARDED:
    case HTTP_TOKEN_HOST:
    case HTTP_TOKEN_LOCATION:
    case HTTP_TOKEN_PROXY_AUTHENTICATE:
    case HTTP_TOKEN_PROXY_AUTHORIZATION:
    case HTTP_TOKEN_RANGE:
    case HTTP_TOKEN_SET_COOKIE:
    case HTTP_TOKEN_TE:
    case HTTP_TOKEN_TRAILER:
    case HTTP_TOKEN_VIA:
    case HTTP_TOKEN_X_FORWARDED_FOR:
    case HTTP_TOKEN_X_FORWARDED_PROTO: return true;
    default: return fields_flags(token) & HTTP_FIELD_CONNECTION;
    }
}

bool rewrite_trailers(rewritten *r, const http_field *f, size_t n) {
    if (!rewrite_begin(r, n, 0)) return false;
    for (size_t i = 0; i < n; i++)
        if (!in_head_only((http_token)f[i].token)) rewrite_put(r, &f[i]);
    return true;
}
