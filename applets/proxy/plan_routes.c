/* Backends of one pattern belong together: routes lead to patterns, patterns hold backends in
 * groups, and what is said of a pattern by several of its backends must not differ. */
#include "applets/proxy/address_text.h"
#include "applets/proxy/backend_text.h"
#include "applets/proxy/plan_parts.h"
#include "applets/proxy/settle.h"
#include "core/limits.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

/* A backend within a pattern, before their numbers are known. */
typedef struct place {
    uint32_t pattern;
    uint32_t backend; /* index into texts */
} place;

typedef struct routing {
    plan_making *m;
    backend_text *texts;
    place *places;
    size_t place_count, place_room;
    span *names; /* of patterns */
    size_t pattern_count;
} routing;

/* ---- which patterns there are ---- */

static bool add_place(routing *r, uint32_t pattern, uint32_t backend) {
    if (r->place_count == r->place_room) {
        size_t room = r->place_room ? 2 * r->place_room : 32;
        place *places = realloc(r->places, room * sizeof *places);
        if (!places) return plan_fail(r->m, "out of memory");
        r->places = places;
        span *names = realloc(r->names, room * sizeof *names);
        if (!names) return plan_fail(r->m, "out of memory");
        r->names = names;
        r->place_room = room;
    }
    r->places[r->place_count++] = (place){pattern, backend};
    return true;
}

static bool add_patterns(routing *r, uint32_t backend) {
    span rest = r->texts[backend].patterns, part;
    bool more = true;
    while (address_text_part(&rest, &more, ':', &part)) {
        const char *why;
        uint32_t target = (uint32_t)r->pattern_count;
        if (!part.n) part = SPAN("/");
        if (target == LIMIT_PATTERNS)
            return plan_fail(r->m, "backend: more than %u patterns", LIMIT_PATTERNS);
        if (!route_table_add(r->m->plan->routes, part, &target, &why)) {
            char shown[128];
            address_text_fail(shown, sizeof shown, "", part, "");
            return plan_fail(r->m, "backend: pattern '%s': %s", shown, why);
        }
        if (!add_place(r, target, backend)) return false;
        if (target == r->pattern_count) r->names[r->pattern_count++] = part;
    }
    return true;
}

static bool check_numeric(plan_making *m, const backend_text *b) {
    char text[INET6_ADDRSTRLEN + 1], shown[128];
    struct in6_addr address;
    if (b->dns || !b->port) return true;
    bool numeric = b->host.n < sizeof text;
    if (numeric) {
        memcpy(text, b->host.p, b->host.n);
        text[b->host.n] = 0;
        numeric =
            inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
    }
    if (numeric) return true;
    address_text_fail(shown, sizeof shown, "", b->host, "");
    return plan_fail(m, "backend: '%s': an address, or the parameter dns, is expected", shown);
}

static bool read_texts(routing *r, const plan_texts *from) {
    char why[256];
    r->texts = calloc(from->count + 1, sizeof *r->texts);
    if (!r->texts) return plan_fail(r->m, "out of memory");
    for (size_t i = 0; i < from->count; i++) {
        backend_text *b = &r->texts[i];
        if (!backend_text_read(b, span_str(from->v[i]), why, sizeof why))
            return plan_fail(r->m, "backend: %s", why);
        settle_backend(r->m->set, b);
        if (from->numeric && !check_numeric(r->m, b)) return false;
        if (!add_patterns(r, (uint32_t)i)) return false;
    }
    return true;
}

/* ---- one backend ---- */

/* As a Host field has it. */
static span authority_of(plan_making *m, const backend_text *b) {
    char text[300];
    bool six = b->host.n && memchr(b->host.p, ':', b->host.n);
    bool usual = b->port == (b->tls ? 443 : 80);
    if (!b->port) return plan_span(m, SPAN("localhost"));
    int n = snprintf(text, sizeof text, "%s%.*s%s", six ? "[" : "", (int)b->host.n,
                     (const char *)b->host.p, six ? "]" : "");
    if (!usual) n += snprintf(text + n, sizeof text - (size_t)n, ":%u", b->port);
    return plan_span(m, span_of(text, (size_t)n));
}

static bool fill_backend(routing *r, plan_backend *to, const backend_text *b) {
    span sni = b->sni.n ? b->sni : b->port ? b->host : (span){0};
    *to = (plan_backend){.host = plan_text(r->m, b->host),
                         .port = b->port,
                         .authority = authority_of(r->m, b),
                         .h2 = b->h2,
                         .tls = b->tls,
                         .dns = b->dns,
                         .upgrade_scheme = b->upgrade_scheme && b->tls && b->h2,
                         .sni = b->tls && sni.n ? plan_text(r->m, sni) : NULL,
                         .fall = b->fall,
                         .rise = b->rise,
                         .weight = b->weight};
    return to->host && to->authority.p && (to->sni || !b->tls || !sni.n);
}

/* ---- one pattern ---- */

static bool differ(routing *r, const plan_pattern *p, const char *what) {
    return plan_fail(r->m, "backend: pattern %s: %s is not the same in all of its backends",
                     p->text, what);
}

/* The index of a group, which is new the first time; its weight so far is 0 when nobody gave one.
 */
static bool join_group(routing *r, plan_pattern *p, plan_backend *to, const backend_text *b) {
    size_t i = 0;
    while (i < p->group_count && !span_eq(span_str(p->groups[i].name), b->group)) i++;
    plan_group *g = &p->groups[i];
    if (i == p->group_count) {
        if (!(g->name = plan_text(r->m, b->group))) return false;
        p->group_count++;
    }
    if (b->group_weight && g->weight && b->group_weight != g->weight)
        return differ(r, p, "group-weight");
    if (b->group_weight) g->weight = b->group_weight;
    to->group = (uint32_t)i;
    return true;
}

static bool same_text(const char *a, span b) { return span_eq(a ? span_str(a) : SPAN(""), b); }

static bool join_affinity(routing *r, plan_pattern *p, const backend_text *b) {
    if (b->affinity == PLAN_AFFINITY_NONE) return true;
    bool cookie = b->affinity == PLAN_AFFINITY_COOKIE;
    if (p->affinity != PLAN_AFFINITY_NONE) {
        bool same =
            p->affinity == b->affinity && (!cookie || (same_text(p->cookie_name, b->cookie_name) &&
                                                       same_text(p->cookie_path, b->cookie_path) &&
                                                       p->cookie_secure == b->cookie_secure &&
                                                       p->cookie_strict == b->cookie_strict));
        return same || differ(r, p, "affinity");
    }
    p->affinity = b->affinity;
    if (!cookie) return true;
    p->cookie_name = plan_text(r->m, b->cookie_name);
    p->cookie_path = b->cookie_path.n ? plan_text(r->m, b->cookie_path) : NULL;
    p->cookie_secure = b->cookie_secure;
    p->cookie_strict = b->cookie_strict;
    return p->cookie_name && (p->cookie_path || !b->cookie_path.n);
}

/* Times that a pattern was given; until the end NO_TIME says that it was not. */
typedef struct times {
    uint64_t read_ms, write_ms;
} times;

static bool join_time(uint64_t *known, uint64_t given) {
    if (given == BACKEND_TEXT_NO_TIME) return true;
    bool same = *known == BACKEND_TEXT_NO_TIME || *known == given;
    *known = given;
    return same;
}

static bool join(routing *r, plan_pattern *p, times *t, const backend_text *b) {
    plan_backend *to = &p->backends[p->backend_count];
    if (!fill_backend(r, to, b) || !join_group(r, p, to, b) || !join_affinity(r, p, b))
        return false;
    if (!join_time(&t->read_ms, b->read_ms)) return differ(r, p, "read-timeout");
    if (!join_time(&t->write_ms, b->write_ms)) return differ(r, p, "write-timeout");
    p->redirect_if_not_tls |= b->redirect_if_not_tls;
    p->never_forward |= b->never_forward;
    p->backend_count++;
    return true;
}

static void finish(const routing *r, plan_pattern *p, const times *t) {
    const proxy_settings *set = r->m->set;
    bool no_read = t->read_ms == BACKEND_TEXT_NO_TIME,
         no_write = t->write_ms == BACKEND_TEXT_NO_TIME;
    p->read_ms = (uint32_t)(no_read ? set->back_read_ms : t->read_ms);
    p->write_ms = (uint32_t)(no_write ? set->back_write_ms : t->write_ms);
    for (size_t i = 0; i < p->group_count; i++) {
        if (!p->groups[i].weight) p->groups[i].weight = 1;
    }
}

/* Room for the backends of each pattern, by their number. */
static bool lay_out(routing *r) {
    plan *to = r->m->plan;
    plan_pattern *patterns = plan_take(r->m, r->pattern_count * sizeof *patterns);
    if (!patterns) return false;
    to->patterns = patterns;
    to->pattern_count = r->pattern_count;
    for (size_t i = 0; i < r->place_count; i++) patterns[r->places[i].pattern].backend_count++;
    for (size_t i = 0; i < r->pattern_count; i++) {
        plan_pattern *p = &patterns[i];
        p->text = plan_text(r->m, r->names[i]);
        p->backends = plan_take(r->m, p->backend_count * sizeof *p->backends);
        p->groups = plan_take(r->m, p->backend_count * sizeof *p->groups);
        if (!p->text || !p->backends || !p->groups) return false;
        p->backend_count = 0;
    }
    return true;
}

static bool fill_patterns(routing *r) {
    plan_pattern *patterns = r->m->plan->patterns;
    times *t = calloc(r->pattern_count + 1, sizeof *t);
    bool ok = t || plan_fail(r->m, "out of memory");
    for (size_t i = 0; t && i < r->pattern_count; i++)
        t[i] = (times){BACKEND_TEXT_NO_TIME, BACKEND_TEXT_NO_TIME};
    for (size_t i = 0; ok && i < r->place_count; i++) {
        const place *at = &r->places[i];
        ok = join(r, &patterns[at->pattern], &t[at->pattern], &r->texts[at->backend]);
    }
    for (size_t i = 0; ok && i < r->pattern_count; i++) finish(r, &patterns[i], &t[i]);
    free(t);
    return ok;
}

bool plan_routes_make(plan_making *m, const plan_texts *backends) {
    routing r = {.m = m};
    plan *to = m->plan;
    to->routes = route_table_new();
    bool ok = to->routes || plan_fail(m, "out of memory");
    ok = ok && read_texts(&r, backends);
    if (ok && route_catch_all(to->routes) == ROUTE_NONE)
        ok = plan_fail(m, "backend: one is expected for what fits no other pattern: without "
                          "patterns, or with /");
    ok = ok && lay_out(&r) && fill_patterns(&r);
    free(r.texts);
    free(r.places);
    free(r.names);
    return ok;
}
