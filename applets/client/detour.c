#include "applets/client/detour.h"

#include <stdio.h>

/* One item: what it is for, and what it leads to. */
typedef struct rule {
    span host, to_host;
    bool any_port, same_port, local;
    uint16_t port, to_port;
} rule;

/* Cuts up to the next colon off *s, or a bracketed address with the colon behind it. */
static bool take_part(span *s, span *part) {
    bool bracketed = s->n && s->p[0] == '[';
    const uint8_t *end = memchr(s->p, bracketed ? ']' : ':', s->n);
    if (!end) return false;
    *part = span_take(s, (size_t)(end - s->p));
    *s = span_skip(*s, 1);
    if (!bracketed) return true;
    *part = span_skip(*part, 1);
    if (s->n == 0 || s->p[0] != ':') return false;
    *s = span_skip(*s, 1);
    return true;
}

static bool get_port(span text, uint16_t *port) {
    uint64_t v;
    if (!bytes_get_decimal(text, 65535, &v) || v == 0) return false;
    *port = (uint16_t)v;
    return true;
}

static span without_brackets(span s) {
    return s.n > 1 && s.p[0] == '[' && s.p[s.n - 1] == ']' ? span_of(s.p + 1, s.n - 2) : s;
}

static const char *parse_head(span *s, rule *r) {
    span port;
    if (!take_part(s, &r->host) || !take_part(s, &port)) return "needs more colons";
    r->any_port = port.n == 0;
    return r->any_port || get_port(port, &r->port) ? NULL : "its first port is not one";
}

static const char *parse_resolve(const char *item, rule *r) {
    span s = span_str(item);
    const char *why = parse_head(&s, r);
    if (why) return why;
    r->to_host = without_brackets(s);
    r->same_port = true;
    if (r->host.n == 0 || r->any_port) return "needs the form HOST:PORT:ADDRESS";
    return r->to_host.n && r->to_host.n < DETOUR_HOST_ROOM ? NULL : "its address is empty or long";
}

static const char *parse_connect(const char *item, rule *r) {
    span s = span_str(item), port;
    const char *why = parse_head(&s, r);
    if (why) return why;
    r->local = span_starts(s, SPAN("unix:"));
    if (r->local) {
        r->to_host = s;
        r->same_port = true;
    } else {
        if (!take_part(&s, &r->to_host)) return "needs the form HOST1:PORT1:HOST2:PORT2";
        port = s;
        r->same_port = port.n == 0;
        if (!r->same_port && !get_port(port, &r->to_port)) return "its second port is not one";
    }
    return r->to_host.n < DETOUR_HOST_ROOM ? NULL : "its second host is too long";
}

const char *detour_check_resolve(const char *item) {
    rule r = {0};
    return parse_resolve(item, &r);
}

const char *detour_check_connect(const char *item) {
    rule r = {0};
    return parse_connect(item, &r);
}

static bool fits(const rule *r, span host, uint16_t port) {
    return (r->host.n == 0 || span_ieq(r->host, host)) && (r->any_port || r->port == port);
}

static void set_host(detour *out, span host) {
    size_t n = host.n < DETOUR_HOST_ROOM ? host.n : DETOUR_HOST_ROOM - 1;
    memmove(out->host, host.p, n);
    out->host[n] = '\0';
}

void detour_find(detour *out, const opt_list *connects, const opt_list *resolves, span host,
                 uint16_t port) {
    set_host(out, host);
    out->port = port;
    for (uint32_t i = 0; i < connects->count; i++) {
        rule r = {0};
        if (parse_connect(connects->v[i], &r) || !fits(&r, host, port)) continue;
        if (r.to_host.n) set_host(out, r.to_host);
        if (!r.same_port) out->port = r.to_port;
        if (r.local) return;
        break;
    }
    for (uint32_t i = 0; i < resolves->count; i++) {
        rule r = {0};
        if (parse_resolve(resolves->v[i], &r) || !fits(&r, span_str(out->host), out->port))
            continue;
        set_host(out, r.to_host);
        return;
    }
}
