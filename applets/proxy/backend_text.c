#include "applets/proxy/backend_text.h"

#include "applets/opt.h"
#include "applets/proxy/address_text.h"
#include "core/limits.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Where a message goes. */
typedef struct room {
    char *why;
    size_t size;
} room;

static bool expected(const room *r, const address_param *p, const char *what) {
    return address_text_fail(r->why, r->size, "", p->text, what);
}

static bool number(const room *r, const address_param *p, uint64_t least, uint64_t most,
                   uint32_t *v) {
    uint64_t n;
    if (bytes_get_decimal(p->value, most, &n) && n >= least) {
        *v = (uint32_t)n;
        return true;
    }
    return expected(r, p,
                    least ? ": a number from 1 to 256 is expected" : ": a number is expected");
}

static bool duration(const room *r, const address_param *p, uint64_t *ms) {
    char text[32];
    if (p->value.n < sizeof text) {
        memcpy(text, p->value.p, p->value.n);
        text[p->value.n] = 0;
        if (strlen(text) == p->value.n && opt_value_duration(text, ms) && *ms <= LIMIT_OPTION_MS)
            return true;
    }
    return expected(r, p, ": a duration such as 500ms, 10s or 1m is expected, up to 24h");
}

/* One of up to three words, into an enumeration that begins at 0. */
static bool choice(const room *r, const address_param *p, const char *const *words, int *v) {
    char what[80];
    for (int i = 0; words[i]; i++) {
        *v = i;
        if (span_ieq(p->value, span_str(words[i]))) return true;
    }
    snprintf(what, sizeof what, ": %s, %s%s%s is expected", words[0], words[1],
             words[2] ? " or " : "", words[2] ? words[2] : "");
    return expected(r, p, what);
}

/* A token: names of cookies (RFC 6265 section 4.1.1), hosts, groups. */
static bool word(const room *r, const address_param *p, span *v) {
    for (size_t i = 0; i < p->value.n; i++) {
        if (p->value.p[i] <= ' ' || p->value.p[i] >= 0x7f)
            return expected(r, p, ": a word without blanks is expected");
    }
    if (!p->value.n) return expected(r, p, ": a value is expected");
    *v = p->value;
    return true;
}

static bool cookie_name(const room *r, const address_param *p, span *v) {
    static const char separators[] = "()<>@,;:\\\"/[]?={}";
    if (!word(r, p, v)) return false;
    for (size_t i = 0; i < v->n; i++) {
        if (strchr(separators, v->p[i])) return expected(r, p, ": a cookie's name is expected");
    }
    return true;
}

static const char *const protocols[] = {"http/1.1", "h2", NULL};
static const char *const affinities[] = {"none", "ip", "cookie", NULL};
static const char *const secures[] = {"auto", "yes", "no", NULL};
static const char *const stickinesses[] = {"loose", "strict", NULL};

/* Parameters that take a value; *known says whether it is one of them. */
static bool read_value(backend_text *b, const room *r, const address_param *p, bool *known) {
    int v = 0;
    bool ok;
    if (address_text_is(p, "proto")) {
        ok = choice(r, p, protocols, &v);
        b->h2 = v == 1;
    } else if (address_text_is(p, "sni")) {
        ok = word(r, p, &b->sni);
    } else if (address_text_is(p, "fall")) {
        ok = number(r, p, 0, UINT32_MAX, &b->fall);
    } else if (address_text_is(p, "rise")) {
        ok = number(r, p, 0, UINT32_MAX, &b->rise);
    } else if (address_text_is(p, "weight")) {
        ok = number(r, p, 1, 256, &b->weight);
    } else if (address_text_is(p, "group")) {
        ok = word(r, p, &b->group);
    } else if (address_text_is(p, "group-weight")) {
        ok = number(r, p, 1, 256, &b->group_weight);
    } else if (address_text_is(p, "affinity")) {
        ok = choice(r, p, affinities, &v);
        b->affinity = (plan_affinity)v;
        b->has_affinity = true;
    } else if (address_text_is(p, "affinity-cookie-name")) {
        ok = cookie_name(r, p, &b->cookie_name);
    } else if (address_text_is(p, "affinity-cookie-path")) {
        ok = word(r, p, &b->cookie_path);
    } else if (address_text_is(p, "affinity-cookie-secure")) {
        ok = choice(r, p, secures, &v);
        b->cookie_secure = (plan_secure)v;
    } else if (address_text_is(p, "affinity-cookie-stickiness")) {
        ok = choice(r, p, stickinesses, &v);
        b->cookie_strict = v == 1;
    } else if (address_text_is(p, "read-timeout")) {
        ok = duration(r, p, &b->read_ms);
    } else if (address_text_is(p, "write-timeout")) {
        ok = duration(r, p, &b->write_ms);
    } else if (address_text_is(p, "mruby")) {
        ok = word(r, p, &b->mruby);
    } else {
        ok = *known = false;
    }
    return ok;
}

static bool *flag_of(backend_text *b, const address_param *p) {
    if (address_text_is(p, "tls")) return &b->tls;
    if (address_text_is(p, "dns")) return &b->dns;
    if (address_text_is(p, "redirect-if-not-tls")) return &b->redirect_if_not_tls;
    if (address_text_is(p, "upgrade-scheme")) return &b->upgrade_scheme;
    if (address_text_is(p, "dnf")) return &b->never_forward;
    return NULL;
}

static bool read_param(backend_text *b, const room *r, span text) {
    address_param p = address_text_param(text);
    bool known = true, *flag = flag_of(b, &p);
    if (!text.n) return true;
    if (flag) {
        *flag = true;
        return !p.has_value || expected(r, &p, ": this parameter has no value");
    }
    bool ok = read_value(b, r, &p, &known);
    return ok || (!known ? expected(r, &p, ": unknown parameter") : false);
}

bool backend_text_read(backend_text *b, span text, char *why, size_t size) {
    room r = {why, size};
    address_text a;
    span part;
    bool more = true;
    *b = (backend_text){.patterns = SPAN("/"),
                        .weight = 1,
                        .read_ms = BACKEND_TEXT_NO_TIME,
                        .write_ms = BACKEND_TEXT_NO_TIME};
    address_text_part(&text, &more, ';', &part);
    if (!address_text_read(&a, part, why, size)) return false;
    if (span_eq(a.host, SPAN("*")) || (!a.is_unix && a.port == 0))
        return address_text_fail(why, size, "'", part, "': a host and a port from 1 are expected");
    b->host = a.host;
    b->port = a.port;
    if (address_text_part(&text, &more, ';', &part) && part.n) b->patterns = part;
    while (address_text_part(&text, &more, ';', &part)) {
        if (!read_param(b, &r, part)) return false;
    }
    if (b->affinity == PLAN_AFFINITY_COOKIE && !b->cookie_name.n) {
        snprintf(why, size, "affinity=cookie: affinity-cookie-name=NAME is expected beside it");
        return false;
    }
    return true;
}

/* ---- writing ---- */

typedef struct writer {
    char *p;
    size_t n, room;
} writer;

__attribute__((format(printf, 2, 3))) static void put(writer *w, const char *format, ...) {
    va_list args;
    if (w->n >= w->room) return;
    va_start(args, format);
    int n = vsnprintf(w->p + w->n, w->room - w->n, format, args);
    va_end(args);
    w->n = n < 0 ? w->room : w->n + (size_t)n;
}

static void put_span(writer *w, const char *keyword, span v) {
    if (v.n) put(w, ";%s=%.*s", keyword, (int)v.n, (const char *)v.p);
}

static void put_number(writer *w, const char *keyword, uint64_t v, uint64_t usual) {
    if (v != usual) put(w, ";%s=%" PRIu64, keyword, v);
}

static void put_time(writer *w, const char *keyword, uint64_t ms) {
    if (ms != BACKEND_TEXT_NO_TIME) put(w, ";%s=%" PRIu64 "ms", keyword, ms);
}

static void put_flag(writer *w, const char *keyword, bool on) {
    if (on) put(w, ";%s", keyword);
}

static void put_affinity(writer *w, const backend_text *b) {
    if (b->has_affinity) put(w, ";affinity=%s", affinities[b->affinity]);
    put_span(w, "affinity-cookie-name", b->cookie_name);
    put_span(w, "affinity-cookie-path", b->cookie_path);
    if (b->cookie_secure) put(w, ";affinity-cookie-secure=%s", secures[b->cookie_secure]);
    if (b->cookie_strict) put(w, ";affinity-cookie-stickiness=strict");
}

size_t backend_text_write(const backend_text *b, char *text, size_t size) {
    writer w = {text, 0, size};
    put(&w, "%.*s", (int)b->host.n, (const char *)b->host.p);
    if (b->port) put(&w, ",%u", b->port);
    put(&w, ";%.*s;proto=%s", (int)b->patterns.n, (const char *)b->patterns.p, protocols[b->h2]);
    put_flag(&w, "tls", b->tls);
    put_span(&w, "sni", b->sni);
    put_number(&w, "fall", b->fall, 0);
    put_number(&w, "rise", b->rise, 0);
    put_affinity(&w, b);
    put_flag(&w, "dns", b->dns);
    put_flag(&w, "redirect-if-not-tls", b->redirect_if_not_tls);
    put_flag(&w, "upgrade-scheme", b->upgrade_scheme);
    put_time(&w, "read-timeout", b->read_ms);
    put_time(&w, "write-timeout", b->write_ms);
    put_span(&w, "group", b->group);
    put_number(&w, "group-weight", b->group_weight, 0);
    put_number(&w, "weight", b->weight, 1);
    put_span(&w, "mruby", b->mruby);
    put_flag(&w, "dnf", b->never_forward);
    return w.n < size ? w.n : 0;
}
