#include "applets/client/secure.h"
#include "applets/client/fields_out.h"
#include "applets/client/progress.h"

#include <string.h>

bool secure_begin(client_run *run) {
    static const char *const h2[] = {"h2", NULL}, *const http1[] = {"http/1.1", NULL},
                             *const any[] = {"h2", "http/1.1", NULL};
    const client_settings *set = run->set;
    bool old_name = run->call->old_name;
    tls_identity identity = {.cert_file = set->cert, .key_file = set->key};
    /* Under the old name a certificate that is not trusted is only worth a warning, as it was. */
    tls_settings t = {.identity_count = set->cert ? 1 : 0,
                      .alpn = set->http1 ? http1
                              : old_name ? h2
                                         : any,
                      .check = set->insecure ? TLS_CHECK_NONE
                               : old_name    ? TLS_CHECK_TELL
                                             : TLS_CHECK_TRUST};
    run->tls = tls_options_config(run->call, &set->tls, t, &identity, NULL);
    if (run->tls) run->tickets = tls_tickets_new(loop_mem(run->loop));
    return run->tls != NULL;
}

void secure_end(client_run *run) {
    if (run->tickets) tls_tickets_free(run->tickets);
    tls_config_drop(run->tls);
}

/* The host of an authority that -H names stands for that of the URI, in SNI and in the check of the
 * certificate as well. */
static span name_of(const fetch *f) {
    const request *r = f->requests;
    const http_field *said = fields_out_authority(r, f->run);
    uri_address address;
    if (said && !uri_address_parse(said->value, 443, &address) && !address.local && address.host.n)
        return address.host;
    return r->uri.host;
}

void secure_birth(fetch *f, link_birth *birth) {
    if (!f->requests->uri.https) return;
    span name = span_head(name_of(f), sizeof f->tls_name - 1);
    memcpy(f->tls_name, name.p, name.n);
    f->tls_name[name.n] = '\0';
    birth->tls = f->run->tls;
    birth->tls_name = f->tls_name;
    birth->tls_tickets = f->run->tickets;
    f->log.first = f->log.first ? "Connected\nThe negotiated protocol: h2" : NULL;
}

const char *secure_opened(fetch *f, net_link *k) {
    client_run *run = f->run;
    const tls_facts *tls = link_tls(k);
    if (!tls) return NULL;
    if (*tls->distrust) {
        progress_wipe(run->progress);
        opt_say(run->call, "warning: %s", tls->distrust);
    }
    bool h2 = strcmp(tls->alpn, "h2") == 0;
    if (!h2 && f->log.first) {
        f->log.first = NULL;
        frame_log_say(&f->log, "Connected");
        printf("The negotiated protocol: %s\n", *tls->alpn ? tls->alpn : "none, so http/1.1");
    }
    if (h2 || run->set->http1 || !run->call->old_name) return NULL;
    return "HTTP/2 protocol was not selected. (nghttp2 expects h2)";
}
