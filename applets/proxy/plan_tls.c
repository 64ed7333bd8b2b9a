/* Configurations of TLS, toward clients and toward backends. */
#include "applets/common/tls_options.h"
#include "applets/proxy/option_text.h"
#include "applets/proxy/plan_parts.h"
#include "core/limits.h"

#include <stdio.h>
#include <stdlib.h>

#define VERSION_10 0x0301 /* index 0 of --tls-min-proto-version */

/* Lists for both versions of TLS as one. */
static bool join_ciphers(plan_making *m, const char *tls12, const char *tls13, const char **out) {
    *out = tls12 ? tls12 : tls13;
    if (!tls12 || !tls13) return true;
    size_t room = strlen(tls12) + strlen(tls13) + 2;
    char *text = plan_take(m, room);
    if (text) snprintf(text, room, "%s:%s", tls12, tls13);
    *out = text;
    return text != NULL;
}

static tls_settings base_of(const plan_making *m, tls_warmup *warmup) {
    const char *keylog = getenv("SSLKEYLOGFILE");
    *warmup = (tls_warmup){(uint32_t)m->set->warmup_bytes, (uint32_t)m->set->warmup_pause_ms};
    return (tls_settings){.version_min = (uint16_t)(VERSION_10 + m->set->tls_min),
                          .version_max = (uint16_t)(VERSION_10 + m->set->tls_max),
                          .warmup = warmup,
                          .keylog_file = keylog && *keylog ? keylog : NULL};
}

static tls_config *make(plan_making *m, const tls_settings *s, const char *whose) {
    char why[TLS_WHY_ROOM];
    tls_config *c = tls_config_new(s, why);
    if (!c) plan_fail(m, "TLS for %s: %s", whose, why);
    return c;
}

/* The key and certificate of the settings, then those of --subcert. */
static tls_identity *identities_of(plan_making *m, const char *password, size_t *count) {
    const proxy_settings *set = m->set;
    tls_identity *list = plan_take(m, (set->subcerts.count + 1) * sizeof *list);
    if (!list) return NULL;
    list[0] = (tls_identity){set->cert_file, set->key_file, password};
    for (uint32_t i = 0; i < set->subcerts.count; i++) {
        option_cert c;
        if (!option_text_cert(span_str(set->subcerts.v[i]), &c, m->why, m->room)) return NULL;
        tls_identity *to = &list[i + 1];
        *to = (tls_identity){plan_text(m, c.cert), plan_text(m, c.key), password};
        if (!to->cert_file || !to->key_file) return NULL;
    }
    *count = set->subcerts.count + 1;
    return list;
}

/* h2 and http/1.1 in the order of the list; others are passed over. */
static const char *const *alpn_of(const char *list, const char *alpn[3]) {
    static const char *const known[] = {"h2", "http/1.1"};
    span rest = span_str(list), word;
    size_t n = 0;
    while (option_text_word(&rest, &word)) {
        for (size_t i = 0; i < 2; i++) {
            bool twice = n > 0 && alpn[0] == known[i];
            if (n < 2 && !twice && span_eq(word, span_str(known[i]))) alpn[n++] = known[i];
        }
    }
    alpn[n] = NULL;
    return alpn;
}

bool plan_tls_front(plan_making *m) {
    const proxy_settings *set = m->set;
    char password[LIMIT_PASSWORD] = "", why[TLS_WHY_ROOM];
    const char *alpn[3];
    tls_warmup warmup;
    tls_settings s = base_of(m, &warmup);
    bool any = false;
    for (size_t i = 0; i < m->plan->frontend_count; i++) any |= m->plan->frontends[i].tls;
    if (!any) return true;
    if (set->key_password_file &&
        !tls_options_password(set->key_password_file, password, sizeof password, why))
        return plan_fail(m, "private-key-passwd-file: %s", why);
    s.server = true;
    s.identities = identities_of(m, set->key_password_file ? password : NULL, &s.identity_count);
    bool ok = s.identities && join_ciphers(m, set->ciphers, set->tls13_ciphers, &s.ciphers);
    s.groups = set->groups;
    s.alpn = alpn_of(set->alpn, alpn);
    s.check = set->verify_client ? TLS_CHECK_TRUST : TLS_CHECK_NONE;
    s.ca_file = set->client_ca_file;
    s.tolerate_expired = set->tolerate_expired;
    if (ok) m->plan->front_tls = make(m, &s, "frontends");
    explicit_bzero(password, sizeof password);
    return m->plan->front_tls != NULL;
}

static bool make_back(plan_making *m, const char *protocol, tls_config **to) {
    const proxy_settings *set = m->set;
    const char *alpn[] = {protocol, NULL};
    tls_identity identity = {set->client_cert_file, set->client_key_file, NULL};
    tls_warmup warmup;
    tls_settings s = base_of(m, &warmup);
    if (*to) return true;
    if (!join_ciphers(m, set->client_ciphers, set->tls13_client_ciphers, &s.ciphers)) return false;
    s.alpn = alpn;
    s.identities = &identity;
    s.identity_count = set->client_cert_file ? 1 : 0;
    s.check = set->insecure ? TLS_CHECK_NONE : TLS_CHECK_TRUST;
    s.ca_file = set->ca_file;
    return (*to = make(m, &s, "backends")) != NULL;
}

bool plan_tls_back(plan_making *m) {
    plan *p = m->plan;
    bool direct = p->mode == PLAN_DIRECT, h1 = direct, h2 = direct;
    for (size_t i = 0; i < p->pattern_count; i++) {
        for (size_t j = 0; j < p->patterns[i].backend_count; j++) {
            const plan_backend *b = &p->patterns[i].backends[j];
            h1 |= b->tls && !b->h2;
            h2 |= b->tls && b->h2;
        }
    }
    return (!h1 || make_back(m, "http/1.1", &p->back_tls_h1)) &&
           (!h2 || make_back(m, "h2", &p->back_tls_h2));
}
