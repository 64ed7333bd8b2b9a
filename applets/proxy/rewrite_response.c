#include "applets/common/websocket_key.h"
#include "applets/proxy/rewrite_parts.h"

/* Cuts scheme, "://" and authority of an http or https URI off *rest. False for any other
 * reference. */
static bool take_authority(span *rest, span *authority) {
    span http = SPAN("http://"), https = SPAN("https://");
    if (rest->n >= http.n && span_ieq(span_head(*rest, http.n), http))
        *rest = span_skip(*rest, http.n);
    else if (rest->n >= https.n && span_ieq(span_head(*rest, https.n), https))
        *rest = span_skip(*rest, https.n);
    else
        return false;
    size_t n = 0;
    while (n < rest->n && !memchr("/?#\\", rest->p[n], 4)) n++;
    *authority = span_take(rest, n);
    return authority->n && !memchr(authority->p, '@', authority->n);
}

static span without_port(span authority) {
    size_t n = authority.n;
    while (n && (uint8_t)(authority.p[n - 1] - '0') < 10) n--;
    return n && authority.p[n - 1] == ':' ? span_head(authority, n - 1) : authority;
}

/* A Location that names the host that the backend was asked for, on whatever port, leads where the
 * client asked: the backend need not know where that is. */
static bool put_location(rewritten *r, const rewrite_rules *rules, const rewrite_facts *x,
                         span request_authority, span request_scheme, const http_field *f) {
    span rest = f->value, named, asked = rewrite_authority(rules, x, request_authority);
    if (!rules->location || rules->forward || request_authority.n == 0 ||
        !take_authority(&rest, &named) || !span_ieq(without_port(named), without_port(asked))) {
        rewrite_put(r, f);
        return true;
    }
    size_t n = request_scheme.n + 3 + request_authority.n + rest.n;
    uint8_t *begin = rewrite_take(r, n), *p = begin;
    if (!begin) return false;
    p = rewrite_copy(rewrite_copy(p, request_scheme), SPAN("://"));
    rewrite_copy(rewrite_copy(p, request_authority), rest);
    rewrite_put_known(r, HTTP_TOKEN_LOCATION, span_of(begin, n));
    return true;
}

/* What came of the fields that are not passed on as they are. */
typedef struct seen {
    rewrite_list via;
    bool length, altsvc, date;
} seen;

static bool take_field(rewritten *r, const rewrite_rules *rules, const rewrite_facts *x,
                       span request_authority, span request_scheme, unsigned status,
                       const http_field *f, seen *was) {
    switch (f->token) {
    case HTTP_TOKEN_OTHER:
        if (x->websocket_key && span_eq(f->name, SPAN("sec-websocket-accept"))) return true;
        break;
    case HTTP_TOKEN_STATUS: break;
    case HTTP_TOKEN_LOCATION:
        return put_location(r, rules, x, request_authority, request_scheme, f);
    case HTTP_TOKEN_VIA: rewrite_list_take(&was->via, f->value); return true;
    case HTTP_TOKEN_SERVER:
        if (rules->server && !rules->forward) return true;
        break;
    case HTTP_TOKEN_CONTENT_LENGTH: /* RFC 9110 section 8.6: neither 204 nor a tunnel has one */
        if (was->length || x->accepted || status == 204) return true;
        was->length = true;
        break;
    case HTTP_TOKEN_ALT_SVC: was->altsvc = true; break;
    case HTTP_TOKEN_DATE: was->date = true; break;
    case HTTP_TOKEN_TE: return true;
    default:
        if (fields_flags((http_token)f->token) &
            (HTTP_FIELD_CONNECTION | HTTP_FIELD_PSEUDO_REQUEST))
            return true;
    }
    rewrite_put(r, f);
    return true;
}

static bool put_accept(rewritten *r, const uint8_t *key) {
    uint8_t *accept = rewrite_take(r, WEBSOCKET_ACCEPT);
    if (!accept) return false;
    websocket_key_accept(accept, key);
    rewrite_put(r, &(http_field){SPAN("sec-websocket-accept"), span_of(accept, WEBSOCKET_ACCEPT),
                                 HTTP_TOKEN_OTHER, false});
    return true;
}

bool rewrite_response(rewritten *r, const rewrite_rules *rules, const rewrite_facts *facts,
                      span request_authority, span request_scheme, span set_cookie,
                      const http_field *f, size_t n, const fields_summary *s) {
    seen was = {.length = false};
    span version = {NULL, 0}, name = {NULL, 0};
    span altsvc = facts->front_h2 ? rules->http2_altsvc : rules->altsvc;
    bool accepted = facts->websocket_key && s->status / 100 == 2 && !facts->front_h2;
    if (!rewrite_begin(r, n, rules->add_response_count)) return false;
    for (size_t i = 0; i < n; i++) {
        if (!take_field(r, rules, facts, request_authority, request_scheme, s->status, &f[i], &was))
            return false;
    }
    if (rules->server && !rules->forward && rules->server_name.n)
        rewrite_put_known(r, HTTP_TOKEN_SERVER, rules->server_name);
    if (rules->via) {
        version = rewrite_protocol(facts->back_h2, facts->back_old);
        name = rules->via_name;
    }
    if (!rewrite_put_list(r, HTTP_TOKEN_VIA, &was.via, f, n, version, name)) return false;
    if (facts->date.n && !was.date) rewrite_put_known(r, HTTP_TOKEN_DATE, facts->date);
    /* RFC 7838 section 3: only whoever speaks for the origin has a say in it. */
    if (altsvc.n && !was.altsvc && !rules->forward)
        rewrite_put_known(r, HTTP_TOKEN_ALT_SVC, altsvc);
    if (set_cookie.n) rewrite_put_known(r, HTTP_TOKEN_SET_COOKIE, set_cookie);
    if (accepted && !put_accept(r, facts->websocket_key)) return false;
    for (size_t i = 0; i < rules->add_response_count; i++) rewrite_put(r, &rules->add_response[i]);
    return true;
}
