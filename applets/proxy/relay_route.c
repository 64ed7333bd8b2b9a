#include "applets/proxy/relay_impl.h"
#include "core/uri.h"

#include <string.h>

/* The backend that a cookie of ours names; 0: there is none. (RFC 6265 section 5.4) */
static uint32_t cookie_affinity(const relay *r, const char *name) {
    size_t n = strlen(name);
    for (size_t i = 0; i < r->request.count; i++) {
        const http_field *f = &r->request.fields[i];
        if (f->token != HTTP_TOKEN_COOKIE) continue;
        span rest = f->value;
        while (rest.n) {
            const uint8_t *semicolon = memchr(rest.p, ';', rest.n);
            span pair = span_of(rest.p, semicolon ? (size_t)(semicolon - rest.p) : rest.n);
            span_take(&rest, pair.n + (semicolon != NULL));
            while (pair.n && pair.p[0] == ' ') span_take(&pair, 1);
            if (pair.n != n + 9 || memcmp(pair.p, name, n) != 0 || pair.p[n] != '=') continue;
            uint32_t v = 0;
            bool good = true;
            for (size_t at = n + 1; at < n + 9; at++) {
                int digit = bytes_get_hex(pair.p[at]);
                good &= digit >= 0;
                v = v << 4 | ((uint32_t)digit & 15);
            }
            if (good) return v;
        }
    }
    return 0;
}

/* Host and port of an authority of http. False: there is no host, or no port and no default. */
static bool host_of(span authority, uint16_t usual, uri_address *a) {
    return uri_address_parse(authority, usual, a) == NULL && !a->local && a->host.n && a->port;
}

/* The origin that a request to a forward proxy names. False: it names none. */
static bool origin_of(const fields_summary *s, char host[256], pool_wish *w) {
    bool https = span_eq(s->scheme, SPAN("https"));
    uri_address a;
    /* Another scheme is not ours to speak: HTTP/2 lets anything be asked for. */
    if (!s->connect && !https && !span_eq(s->scheme, SPAN("http"))) return false;
    if (!host_of(s->authority, s->connect ? 0 : https ? 443 : 80, &a) || a.host.n > 255)
        return false;
    memcpy(host, a.host.p, a.host.n);
    host[a.host.n] = '\0';
    w->host = host;
    w->port = a.port;
    w->tunnel = s->connect;
    w->tls = !s->connect && https;
    return true;
}

static void take_connection(relay *r) {
    const plan *p = r->generation->plan;
    char host[256];
    pool_wish w = {.pattern = r->pattern_index,
                   .affinity = r->affinity,
                   .has_cookie = r->has_cookie,
                   .fresh = r->fresh,
                   .extended = r->websocket};
    if (p->mode == PLAN_DIRECT && !origin_of(&r->request.summary, host, &w)) {
        relay_page_refuse(r, 400, "no origin in the request");
        return;
    }
    if (p->mode == PLAN_DIRECT && !option_text_has_port(&p->origin_ports, w.port)) {
        relay_page_refuse(r, 403, "the origin's port is not in --origin-ports");
        return;
    }
    if (p->mode == PLAN_DIRECT) w.network = link_network(r->near.front->link);
    r->holds |= RELAY_SEAT;
    pool_link *k = pool_take(r->generation->pool, &r->seat, &w);
    if (!k) return;
    r->holds &= ~(unsigned)RELAY_SEAT;
    relay_send(r, k);
}

/* Sends to "https://host:port/path?query"; the port is left out where it is the usual one. */
static void redirect(relay *r) {
    const fields_summary *s = &r->request.summary;
    uint16_t port = r->generation->plan->https_port;
    rewritten *out = &r->worker->rewritten;
    uri_address a;
    if (!host_of(s->authority, 80, &a) || !s->path.n) {
        relay_page_refuse(r, 400, "no host in the request");
        return;
    }
    bool brackets = a.kind == URI_HOST_IPV6;
    uint8_t digits[24];
    size_t digit_count = port == 443 ? 0 : bytes_put_decimal(digits, port);
    span parts[] = {SPAN("https://"),
                    brackets ? SPAN("[") : SPAN(""),
                    a.host,
                    brackets ? SPAN("]") : SPAN(""),
                    digit_count ? SPAN(":") : SPAN(""),
                    span_of(digits, digit_count),
                    span_eq(s->path, SPAN("*")) ? SPAN("") : s->path};
    size_t n = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].n > out->bytes_room - n) {
            relay_page_refuse(r, 414, "the request's path is too long");
            return;
        }
        if (parts[i].n) memcpy(out->bytes + n, parts[i].p, parts[i].n);
        n += parts[i].n;
    }
    http_field location = HTTP_FIELD_OF(LOCATION, span_of(out->bytes, n));
    relay_page_answer(r, 308, &location, 1);
}

/* A reload came while the request was with a backend that has not taken it: nothing of the old
 * configuration is left to it. */
static void renew(relay *r) {
    generation_drop(r->generation);
    r->generation = generation_hold(r->worker->now);
    r->pattern = NULL;
    r->backend = NULL;
    r->affinity = 0;
    r->has_cookie = false;
}

void relay_route_again(relay *r) {
    if (r->generation->pool) {
        take_connection(r);
    } else {
        renew(r);
        relay_route(r);
    }
}

void relay_route(relay *r) {
    const plan *p = r->generation->plan;
    const fields_summary *s = &r->request.summary;
    front *f = r->near.front;
    if (p->mode != PLAN_DIRECT) {
        const tls_facts *tls = link_tls(f->link);
        span host = s->authority;
        if (f->frontend->sni_fwd && tls && *tls->server_name)
            host = span_of(tls->server_name, strlen(tls->server_name));
        r->pattern_index = route_find(p->routes, host, s->connect ? SPAN("/") : s->path);
        if (r->pattern_index == ROUTE_NONE) {
            relay_page_refuse(r, 404, "no pattern fits");
            return;
        }
        r->pattern = &p->patterns[r->pattern_index];
        if (r->pattern->redirect_if_not_tls && !tls) {
            redirect(r);
            return;
        }
        if (r->pattern->never_forward) {
            relay_page_refuse(r, 404, "the pattern is never forwarded");
            return;
        }
        if (r->pattern->affinity == PLAN_AFFINITY_IP) r->affinity = f->affinity;
        if (r->pattern->affinity == PLAN_AFFINITY_COOKIE) {
            r->affinity = cookie_affinity(r, r->pattern->cookie_name);
            r->has_cookie = r->affinity != 0;
        }
    }
    take_connection(r);
}

/* ---- what the pool tells ---- */

static relay *of_seat(pool_seat *s) { return (relay *)(void *)((char *)s - offsetof(relay, seat)); }

static void on_ready(pool_seat *seat, pool_link *k) {
    relay *r = of_seat(seat);
    r->holds &= ~(unsigned)RELAY_SEAT;
    relay_send(r, k);
}

static void on_refused(pool_seat *seat, pool_refusal refusal, const char *why) {
    static const uint16_t statuses[] = {
        [POOL_CONNECT] = 502, [POOL_DOWN] = 502, [POOL_STRICT] = 503,
        [POOL_FULL] = 503,    [POOL_SLOW] = 504, [POOL_MEMORY] = 500};
    relay *r = of_seat(seat);
    r->holds &= ~(unsigned)RELAY_SEAT;
    relay_page_refuse(r, statuses[refusal], why);
}

const pool_calls relay_pool_calls = {on_ready, on_refused, relay_answer_event, relay_log_say};
