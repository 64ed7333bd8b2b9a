#include "applets/proxy/frontend_text.h"

#include "applets/proxy/address_text.h"

#include <stdio.h>

static bool *flag_of(frontend_text *f, const address_param *p) {
    if (address_text_is(p, "no-tls")) return &f->no_tls;
    if (address_text_is(p, "sni-fwd")) return &f->sni_fwd;
    if (address_text_is(p, "api")) return &f->api;
    if (address_text_is(p, "healthmon")) return &f->healthmon;
    if (address_text_is(p, "proxyproto")) return &f->proxy_protocol;
    return NULL;
}

static bool read_param(frontend_text *f, span text, char *why, size_t room) {
    address_param p = address_text_param(text);
    bool *flag = flag_of(f, &p);
    if (!text.n) return true;
    if (address_text_is(&p, "quic"))
        return address_text_fail(why, room, "", text, ": there is no HTTP/3");
    if (!flag) return address_text_fail(why, room, "", text, ": unknown parameter");
    if (p.has_value) return address_text_fail(why, room, "", text, ": this parameter has no value");
    *flag = true;
    return true;
}

bool frontend_text_read(frontend_text *f, span text, char *why, size_t room) {
    address_text a;
    span part;
    bool more = true;
    *f = (frontend_text){0};
    address_text_part(&text, &more, ';', &part);
    if (!address_text_read(&a, part, why, room)) return false;
    f->host = a.host;
    f->port = a.port;
    while (address_text_part(&text, &more, ';', &part)) {
        if (!read_param(f, part, why, room)) return false;
    }
    if (!f->api || !f->healthmon) return true;
    snprintf(why, room, "api and healthmon exclude each other");
    return false;
}

size_t frontend_text_write(const frontend_text *f, char *text, size_t room) {
    char port[8] = "";
    bool is_unix = span_ieq(span_head(f->host, 5), SPAN("unix:"));
    if (!is_unix) snprintf(port, sizeof port, ",%u", f->port);
    int n = snprintf(text, room, "%.*s%s%s%s%s%s%s", (int)f->host.n, (const char *)f->host.p, port,
                     f->no_tls ? ";no-tls" : "", f->sni_fwd ? ";sni-fwd" : "", f->api ? ";api" : "",
                     f->healthmon ? ";healthmon" : "", f->proxy_protocol ? ";proxyproto" : "");
    return n < 0 || (size_t)n >= room ? 0 : (size_t)n;
}
