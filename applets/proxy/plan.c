#include "applets/proxy/plan_parts.h"

#include "applets/proxy/conf_text.h"
#include "applets/proxy/config.h"
#include "applets/proxy/option_text.h"
#include "applets/proxy/settle.h"
#include "core/limits.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct block {
    struct block *next;
    _Alignas(max_align_t) unsigned char bytes[];
} block;

/* A plan and what it owns. One that was made by plan_with_backends has routes and TLS for backends
 * of its own, and shares the rest with its root. */
typedef struct whole {
    plan plan;
    atomic_uint holds;
    block *blocks;
    proxy_config *config; /* held; NULL in a derived one */
    plan *root;           /* held; NULL in one that is its own */
} whole;

static whole *whole_of(const plan *p) { return (whole *)(uintptr_t)p; }

/* ---- making ---- */

bool plan_fail(plan_making *m, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(m->why, m->room, format, args);
    va_end(args);
    return false;
}

void *plan_take(plan_making *m, size_t n) {
    whole *w = whole_of(m->plan);
    block *b = calloc(1, sizeof *b + n);
    if (!b) {
        plan_fail(m, "out of memory");
        return NULL;
    }
    b->next = w->blocks;
    w->blocks = b;
    return b->bytes;
}

char *plan_text(plan_making *m, span s) {
    char *text = plan_take(m, s.n + 1);
    if (text && s.n) memcpy(text, s.p, s.n);
    return text;
}

span plan_span(plan_making *m, span s) {
    char *text = plan_text(m, s);
    return span_of(text, text ? s.n : 0);
}

static plan *begin(plan_making *m, const proxy_settings *set, bool old_name, char *why,
                   size_t room) {
    whole *w = calloc(1, sizeof *w);
    *m = (plan_making){w ? &w->plan : NULL, set, old_name, why, room};
    if (!w) {
        plan_fail(m, "out of memory");
        return NULL;
    }
    atomic_init(&w->holds, 1);
    return &w->plan;
}

static bool make_pages(plan_making *m) {
    const opt_list *list = &m->set->error_pages;
    const char *why;
    m->plan->pages = page_set_new(m->set->server_name);
    if (!m->plan->pages) return plan_fail(m, "out of memory");
    for (uint32_t i = 0; i < list->count; i++) {
        unsigned status;
        span named;
        if (!option_text_page(span_str(list->v[i]), &status, &named, m->why, m->room)) return false;
        const char *path = (const char *)named.p; /* it ends where the text does */
        if (!page_set_file(m->plan->pages, status, path, &why))
            return plan_fail(m, "error-page: %s: %s", path, why);
    }
    return true;
}

static bool make_log(plan_making *m) {
    const proxy_settings *set = m->set;
    char why[256];
    m->plan->log_early = set->access_early;
    if (!set->access_file && !set->access_syslog) return true;
    m->plan->access_format = log_format_new(
        set->access_format ? set->access_format : LOG_FORMAT_COMBINED, why, sizeof why);
    return m->plan->access_format || plan_fail(m, "accesslog-format: %s", why);
}

static bool make_tunnel(plan_making *m) {
    option_proxy p;
    plan *to = m->plan;
    if (!m->set->proxy_uri) return true;
    if (!option_text_proxy(span_str(m->set->proxy_uri), &p, m->why, m->room)) return false;
    to->proxy_port = p.port;
    if (!(to->proxy_host = plan_text(m, p.host))) return false;
    if (!p.credentials.n) return true;
    char *out = plan_text(m, p.credentials);
    to->proxy_credentials = out;
    for (const char *in = out; out && *in; in++, out++) { /* percent-decoded, in its place */
        int high = *in == '%' ? bytes_get_hex((uint8_t)in[1]) : -1;
        int low = high >= 0 ? bytes_get_hex((uint8_t)in[2]) : -1;
        *out = low >= 0 ? (char)(high * 16 + low) : *in;
        if (low >= 0) in += 2;
    }
    if (out) *out = 0;
    return out != NULL;
}

static void make_numbers(plan_making *m) {
    const proxy_settings *set = m->set;
    plan *p = m->plan;
    p->workers = set->workers ? (unsigned)set->workers : worker_cores();
    p->front_connections = (uint32_t)set->worker_connections;
    p->back_per_host = (uint32_t)set->per_host;
    p->back_per_frontend = (uint32_t)set->per_frontend;
    p->request_body_max = (uint32_t)set->api_body;
    p->request_fields_max = (uint32_t)set->request_fields_max;
    p->response_fields_max = (uint32_t)set->response_fields_max;
    p->push = !set->no_push && !set->http2_proxy;
    p->frame_log = set->frame_debug;
    p->https_port = (uint16_t)set->https_port;
    p->require_scheme = set->require_scheme;
    p->family = set->family == PROXY_IPV4   ? DIAL_IPV4
                : set->family == PROXY_IPV6 ? DIAL_IPV6
                                            : DIAL_ANY;
    p->rates = (link_rates){.read_rate = (uint32_t)set->read_rate,
                            .read_burst = (uint32_t)set->read_burst,
                            .write_rate = (uint32_t)set->write_rate,
                            .write_burst = (uint32_t)set->write_burst,
                            .least_rate = (uint32_t)set->least_rate,
                            .least_grace_ms = (uint32_t)set->least_grace_ms,
                            .least_most_ms = (uint32_t)set->least_most_ms};
    p->limits_rates = set->read_rate || set->write_rate || set->least_rate;
    p->worker_rates = (link_rates){.read_rate = (uint32_t)set->worker_read_rate,
                                   .read_burst = (uint32_t)set->worker_read_burst,
                                   .write_rate = (uint32_t)set->worker_write_rate,
                                   .write_burst = (uint32_t)set->worker_write_burst};
}

static bool make_all(plan_making *m) {
    const opt_list *list = &m->set->backends;
    plan_texts backends = {list->v, list->count, false};
    plan *p = m->plan;
    p->mode = settle_is_direct(m->set, m->old_name) ? PLAN_DIRECT
              : m->set->http2_proxy                 ? PLAN_FORWARD
                                                    : PLAN_REVERSE;
    make_numbers(m);
    plan_sessions_make(m);
    if (p->mode != PLAN_DIRECT && !plan_routes_make(m, &backends)) return false;
    if (!option_text_ports(span_str(m->set->origin_ports), &p->origin_ports, m->why, m->room))
        return false;
    return plan_fronts_make(m) && plan_fields_make(m) && make_pages(m) && make_log(m) &&
           make_tunnel(m) && plan_tls_front(m) && plan_tls_back(m);
}

plan *plan_new(const proxy_settings *set, bool old_name, unsigned revision, char *why,
               size_t room) {
    plan_making m;
    plan *p = begin(&m, set, old_name, why, room);
    if (!p) return NULL;
    whole_of(p)->config = proxy_config_hold(set->config);
    p->revision = revision;
    p->settings = set;
    if (make_all(&m)) return p;
    plan_drop(p);
    return NULL;
}

/* ---- other backends ---- */

/* The backends of a configuration's text, which is cut up; false with a message. */
static bool find_backends(plan_making *m, char *text, size_t n, opt_list *found) {
    conf_text t;
    const char *name, *value;
    conf_text_begin(&t, text, n);
    for (;;) {
        conf_found what = conf_text_next(&t, &name, &value);
        if (what == CONF_NOTHING) break;
        if (what == CONF_MISTAKE) return plan_fail(m, "line %u: %s", t.line, name);
        if (strcmp(name, "backend") != 0) continue;
        if (found->count == LIMIT_BACKENDS) return plan_fail(m, "too many backends");
        if (found->count == found->room) {
            uint32_t room = found->room ? 2 * found->room : 16;
            const char **v = realloc(found->v, room * sizeof *v);
            if (!v) return plan_fail(m, "out of memory");
            found->v = v;
            found->room = room;
        }
        found->v[found->count++] = value;
    }
    return true;
}

static bool derive(plan_making *m, span config_text) {
    static const char *const usual[] = {SETTLE_BACKEND};
    opt_list found = {0};
    char *text = plan_text(m, config_text);
    bool ok = text && find_backends(m, text, config_text.n, &found);
    plan_texts backends = {found.v, found.count, true};
    if (!found.count) backends = (plan_texts){usual, 1, true};
    ok = ok && plan_routes_make(m, &backends) && plan_tls_back(m);
    free(found.v);
    return ok;
}

plan *plan_with_backends(const plan *base, span config_text, char *why, size_t room) {
    plan_making m;
    const whole *from = whole_of(base);
    plan *p = begin(&m, base->settings, false, why, room);
    if (!p) return NULL;
    plan *root = from->root ? from->root : &whole_of(base)->plan;
    *p = *base;
    whole_of(p)->root = plan_hold(root);
    p->patterns = NULL;
    p->pattern_count = 0;
    p->routes = NULL;
    if (p->back_tls_h1) tls_config_hold(p->back_tls_h1);
    if (p->back_tls_h2) tls_config_hold(p->back_tls_h2);
    if (base->mode == PLAN_DIRECT)
        plan_fail(&m, "this proxy goes to the origins themselves");
    else if (derive(&m, config_text))
        return p;
    plan_drop(p);
    return NULL;
}

/* ---- counts ---- */

plan *plan_hold(plan *p) {
    atomic_fetch_add_explicit(&whole_of(p)->holds, 1, memory_order_relaxed);
    return p;
}

void plan_drop(plan *p) {
    whole *w = whole_of(p);
    if (!p || atomic_fetch_sub_explicit(&w->holds, 1, memory_order_acq_rel) != 1) return;
    route_table_free(p->routes);
    tls_config_drop(p->back_tls_h1);
    tls_config_drop(p->back_tls_h2);
    if (!w->root) {
        tls_config_drop(p->front_tls);
        page_set_free(p->pages);
        log_format_free(p->access_format);
        for (int i = 0; i < PLAN_LOGS; i++) log_file_drop(p->logs[i]);
    }
    for (block *b = w->blocks, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    plan *root = w->root;
    proxy_config_drop(w->config);
    free(w);
    plan_drop(root);
}
