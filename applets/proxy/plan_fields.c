/* What is changed in header fields, as rules of rewrite.h. */
#include "applets/proxy/option_text.h"
#include "applets/proxy/plan_parts.h"
#include "core/limits.h"

#include <stdio.h>

static bool take_fields(plan_making *m, const opt_list *list, const http_field **out,
                        size_t *count) {
    if (list->count > LIMIT_ADDED_FIELDS)
        return plan_fail(m, "at most %u header fields can be added", LIMIT_ADDED_FIELDS);
    http_field *f = plan_take(m, list->count * sizeof *f);
    if (!f) return false;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!option_text_field(span_str(list->v[i]), &f[i], m->why, m->room)) return false;
        uint8_t *name = (uint8_t *)plan_text(m, f[i].name);
        f[i].value = plan_span(m, f[i].value);
        if (!name || !f[i].value.p) return false;
        for (size_t j = 0; j < f[i].name.n; j++) name[j] = bytes_lower(name[j]);
        f[i].name.p = name;
    }
    *out = f;
    *count = list->count;
    return true;
}

/* One value of Alt-Svc from all (RFC 7838 section 3): h2="host:443"; ma=3600, ... The origin of
 * one belongs into ALTSVC frames; in a field it is that of the answer. */
static bool take_altsvc(plan_making *m, const opt_list *list, span *out) {
    size_t room = 1, n = 0;
    for (uint32_t i = 0; i < list->count; i++) room += strlen(list->v[i]) + 8;
    char *value = list->count ? plan_take(m, room) : NULL;
    if (!value) return !list->count;
    for (uint32_t i = 0; i < list->count; i++) {
        option_altsvc a;
        if (!option_text_altsvc(span_str(list->v[i]), &a, m->why, m->room)) return false;
        n += (size_t)snprintf(value + n, room - n, "%s%.*s=\"%.*s:%.*s\"%s%.*s", n ? ", " : "",
                              (int)a.protocol.n, (const char *)a.protocol.p, (int)a.host.n,
                              (const char *)a.host.p, (int)a.port.n, (const char *)a.port.p,
                              a.params.n ? "; " : "", (int)a.params.n, (const char *)a.params.p);
    }
    *out = span_of(value, n);
    return true;
}

static bool take_forwarded(plan_making *m, rewrite_rules *r) {
    const proxy_settings *set = m->set;
    option_forwarded f = {0};
    rewrite_node by, for_;
    if (set->add_forwarded &&
        !option_text_forwarded(span_str(set->add_forwarded), &f, m->why, m->room))
        return false;
    if (!option_text_node(span_str(set->forwarded_by), true, &by, m->why, m->room) ||
        !option_text_node(span_str(set->forwarded_for), false, &for_, m->why, m->room))
        return false;
    r->forwarded_by = f.by ? by : REWRITE_NODE_NONE;
    r->forwarded_for = f.for_ ? for_ : REWRITE_NODE_NONE;
    r->forwarded_host = f.host;
    r->forwarded_proto = f.proto;
    r->forwarded_token = plan_span(m, span_str(set->forwarded_by));
    return r->forwarded_token.p != NULL;
}

bool plan_fields_make(plan_making *m) {
    const proxy_settings *set = m->set;
    rewrite_rules *r = &m->plan->rewrite;
    *r = (rewrite_rules){.add_x_forwarded_for = set->add_x_forwarded_for,
                         .strip_x_forwarded_for = set->strip_x_forwarded_for,
                         .add_x_forwarded_proto = !set->no_add_x_forwarded_proto,
                         .strip_x_forwarded_proto = !set->no_strip_x_forwarded_proto,
                         .strip_forwarded = set->strip_forwarded,
                         .via = !set->no_via,
                         .via_name = m->old_name ? SPAN("nghttpx") : SPAN("h2box"),
                         .strip_early_data = !set->no_strip_early_data,
                         .server = !set->no_server_rewrite && !set->http2_proxy,
                         .location = !set->no_location_rewrite,
                         .host = set->host_rewrite,
                         .crumble_cookies = !set->no_cookie_crumbling,
                         .forward = set->http2_proxy,
                         .direct = m->plan->mode == PLAN_DIRECT};
    r->server_name = plan_span(m, span_str(set->server_name));
    return r->server_name.p && take_forwarded(m, r) &&
           take_fields(m, &set->request_headers, &r->add_request, &r->add_request_count) &&
           take_fields(m, &set->response_headers, &r->add_response, &r->add_response_count) &&
           take_altsvc(m, &set->altsvc, &r->altsvc) &&
           take_altsvc(m, &set->http2_altsvc, &r->http2_altsvc);
}
