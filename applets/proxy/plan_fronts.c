/* Frontends: which addresses are listened on, and what for. */
#include "applets/proxy/frontend_text.h"
#include "applets/proxy/plan_parts.h"

static bool fill(plan_making *m, plan_frontend *to, const char *text) {
    frontend_text f;
    char why_text[256];
    const char *why;
    size_t room = sizeof to->addresses / sizeof to->addresses[0];
    if (!frontend_text_read(&f, span_str(text), why_text, sizeof why_text))
        return plan_fail(m, "frontend: %s", why_text);
    char *host = plan_text(m, f.host);
    to->text = plan_text(m, span_str(text));
    if (!host || !to->text) return false;
    to->tls = !f.no_tls;
    to->sni_fwd = f.sni_fwd;
    to->api = f.api;
    to->healthmon = f.healthmon;
    to->proxy_protocol = f.proxy_protocol;
    bool all = strcmp(host, "*") == 0;
    to->address_count = listen_resolve(all ? NULL : host, f.port, to->addresses, room, &why);
    for (size_t i = 0; i < to->address_count; i++) {
        to->addresses[i].backlog = (int)m->set->backlog;
        to->addresses[i].fastopen = (int)m->set->fastopen;
        to->addresses[i].retry_ms = (uint32_t)m->set->listen_pause_ms;
    }
    return to->address_count > 0 || plan_fail(m, "frontend: %s: %s", host, why);
}

bool plan_fronts_make(plan_making *m) {
    const opt_list *list = &m->set->frontends;
    plan *to = m->plan;
    to->frontends = plan_take(m, list->count * sizeof *to->frontends);
    if (!to->frontends) return false;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!fill(m, &to->frontends[to->frontend_count++], list->v[i])) return false;
    }
    return true;
}
