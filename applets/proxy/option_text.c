#include "applets/proxy/option_text.h"

#include "applets/proxy/address_text.h"
#include "applets/proxy/backend_text.h"
#include "applets/proxy/frontend_text.h"
#include "core/uri.h"

#include <stdio.h>

static span trimmed(span s) {
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) s = span_skip(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

bool option_text_word(span *rest, span *word) {
    bool more = rest->n > 0;
    if (!address_text_part(rest, &more, ',', word)) return false;
    *word = trimmed(*word);
    return true;
}

#define NAME_MOST 256u

bool option_text_field(span text, http_field *f, char *why, size_t room) {
    /* Set by the sessions and the proxy itself, for each message. */
    static const http_token ours[] = {HTTP_TOKEN_CONTENT_LENGTH, HTTP_TOKEN_HOST, HTTP_TOKEN_TE,
                                      HTTP_TOKEN_TRAILER};
    uint8_t lower[NAME_MOST];
    const uint8_t *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
    size_t n = colon ? (size_t)(colon - text.p) : 0;
    f->name = span_head(text, n);
    if (!colon || n > NAME_MOST || !fields_name_valid(f->name))
        return address_text_fail(why, room, "'", text, "': NAME:VALUE is expected");
    f->value = trimmed(span_skip(text, n + 1));
    for (size_t i = 0; i < n; i++) lower[i] = bytes_lower(f->name.p[i]);
    f->token = (uint16_t)fields_token(span_of(lower, n));
    f->never_indexed = false;
    bool reserved = fields_flags((http_token)f->token) & HTTP_FIELD_CONNECTION;
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) reserved |= f->token == ours[i];
    if (reserved)
        return address_text_fail(why, room, "", f->name, " is not a field that can be added");
    if (!fields_value_valid(f->value))
        return address_text_fail(why, room, "'", text, "': the value holds control characters");
    return true;
}

static bool is_quotable(span s) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < ' ' || s.p[i] >= 0x7f || s.p[i] == '"' || s.p[i] == '\\') return false;
    }
    return true;
}

bool option_text_altsvc(span text, option_altsvc *a, char *why, size_t room) {
    span *parts[] = {&a->protocol, &a->port, &a->host, &a->origin};
    span rest = text;
    bool more = true;
    uint64_t port;
    *a = (option_altsvc){0};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        address_text_part(&rest, &more, ',', parts[i]);
    if (more) a->params = rest;
    if (!fields_name_valid(a->protocol) || !bytes_get_decimal(a->port, 65535, &port) || !port)
        return address_text_fail(why, room, "'", text,
                                 "': PROTO,PORT[,HOST[,ORIGIN[,PARAMS]]] is expected");
    if (!is_quotable(a->host) || !is_quotable(a->origin) || !fields_value_valid(a->params))
        return address_text_fail(why, room, "'", text, "': it holds quotes or controls");
    return true;
}

bool option_text_page(span text, unsigned *status, span *path, char *why, size_t room) {
    const uint8_t *equals = text.n ? memchr(text.p, '=', text.n) : NULL;
    size_t n = equals ? (size_t)(equals - text.p) : 0;
    span code = span_head(text, n);
    uint64_t v = 0;
    bool ok = equals && n + 1 < text.n;
    if (ok && !span_eq(code, SPAN("*"))) ok = bytes_get_decimal(code, 599, &v) && v >= 400;
    if (!ok)
        return address_text_fail(why, room, "'", text,
                                 "': CODE=FILE is expected, CODE from 400 to 599 or *");
    *status = (unsigned)v;
    *path = span_skip(text, n + 1);
    return true;
}

bool option_text_forwarded(span text, option_forwarded *f, char *why, size_t room) {
    const struct {
        const char *name;
        bool *on;
    } words[] = {{"by", &f->by}, {"for", &f->for_}, {"host", &f->host}, {"proto", &f->proto}};
    *f = (option_forwarded){0};
    for (span word; option_text_word(&text, &word);) {
        bool *on = NULL;
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
            if (span_ieq(word, span_str(words[i].name))) on = words[i].on;
        }
        if (!on)
            return address_text_fail(why, room, "'", word,
                                     "': by, for, host or proto is expected, with ',' between");
        *on = true;
    }
    return true;
}

static bool is_obfuscated(span s) {
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = bytes_lower(s.p[i]);
        bool good =
            (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!good) return false;
    }
    return s.n > 1 && s.n < 256 && s.p[0] == '_';
}

bool option_text_node(span text, bool may_name, rewrite_node *node, char *why, size_t room) {
    if (span_ieq(text, SPAN("obfuscated")))
        *node = REWRITE_NODE_OBFUSCATED;
    else if (span_ieq(text, SPAN("ip")))
        *node = REWRITE_NODE_IP;
    else if (may_name && is_obfuscated(text))
        *node = REWRITE_NODE_TOKEN;
    else
        return address_text_fail(
            why, room, "'", text,
            may_name ? "': obfuscated, ip, or a name of A-Z a-z 0-9 . _ - that begins with _"
                     : "': obfuscated or ip is expected");
    return true;
}

bool option_text_cert(span text, option_cert *c, char *why, size_t room) {
    span whole = text, part;
    bool more = true;
    *c = (option_cert){0};
    address_text_part(&text, &more, ';', &part);
    const uint8_t *colon = part.n ? memchr(part.p, ':', part.n) : NULL;
    size_t n = colon ? (size_t)(colon - part.p) : 0;
    if (n == 0 || n + 1 == part.n)
        return address_text_fail(why, room, "'", whole, "': KEY:CERT is expected");
    c->key = span_head(part, n);
    c->cert = span_skip(part, n + 1);
    while (address_text_part(&text, &more, ';', &part)) {
        address_param p = address_text_param(part);
        if (!part.n) continue;
        if (!address_text_is(&p, "sct-dir"))
            return address_text_fail(why, room, "", part, ": unknown parameter");
        c->has_sct = true;
    }
    return true;
}

bool option_text_proxy(span text, option_proxy *p, char *why, size_t room) {
    span scheme = SPAN("http://"), rest = text;
    uri_address a;
    *p = (option_proxy){0};
    bool ok = span_ieq(span_head(text, scheme.n), scheme);
    if (ok) {
        rest = span_skip(text, scheme.n);
        if (rest.n && rest.p[rest.n - 1] == '/') rest.n--;
        for (size_t i = rest.n; i-- > 0;) {
            if (rest.p[i] != '@') continue;
            p->credentials = span_head(rest, i);
            rest = span_skip(rest, i + 1);
            break;
        }
        ok = rest.n && !uri_address_parse(rest, 80, &a) && !a.local && a.host.n && a.port;
    }
    if (!ok)
        return address_text_fail(why, room, "'", text,
                                 "': http://[USER:PASSWORD@]HOST:PORT is expected");
    p->host = a.host;
    p->port = a.port;
    return true;
}

bool option_text_versions(span text, int *least, int *most, char *why, size_t room) {
    static const char *const names[] = {"TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
    *least = 3;
    *most = 0;
    for (span word; option_text_word(&text, &word);) {
        int found = -1;
        for (int i = 0; i < 4; i++) {
            if (span_ieq(word, span_str(names[i]))) found = i;
        }
        if (found < 0)
            return address_text_fail(why, room, "'", word,
                                     "': TLSv1.0, TLSv1.1, TLSv1.2 or TLSv1.3 is expected");
        if (found < *least) *least = found;
        if (found > *most) *most = found;
    }
    if (*least <= *most) return true;
    snprintf(why, room, "a version of TLS is expected");
    return false;
}

/* N or N-M, or any. */
static bool is_range(span word, struct option_port_range *r) {
    const uint8_t *dash = word.n ? memchr(word.p, '-', word.n) : NULL;
    size_t n = dash ? (size_t)(dash - word.p) : word.n;
    uint64_t from = 1, to = 65535;
    if (!span_ieq(word, SPAN("any"))) {
        if (!bytes_get_decimal(span_head(word, n), 65535, &from)) return false;
        to = from;
        if (dash && !bytes_get_decimal(span_skip(word, n + 1), 65535, &to)) return false;
    }
    *r = (struct option_port_range){(uint16_t)from, (uint16_t)to};
    return from && from <= to;
}

bool option_text_ports(span text, option_ports *p, char *why, size_t room) {
    p->count = 0;
    for (span word; option_text_word(&text, &word);) {
        if (p->count == LIMIT_PORT_RANGES) {
            snprintf(why, room, "at most %u ranges of ports are taken", LIMIT_PORT_RANGES);
            return false;
        }
        if (!is_range(word, &p->at[p->count++]))
            return address_text_fail(why, room, "'", word,
                                     "': a port, a range like 1024-65535 or any is expected");
    }
    if (p->count) return true;
    snprintf(why, room, "ports are expected, with ',' between, or any");
    return false;
}

bool option_text_has_port(const option_ports *p, uint16_t port) {
    for (size_t i = 0; i < p->count; i++)
        if (port >= p->at[i].from && port <= p->at[i].to) return true;
    return false;
}

/* ---- as opt_spec.read_by takes them ---- */

bool option_text_is_backend(const char *text, char *why, size_t room) {
    backend_text b;
    return backend_text_read(&b, span_str(text), why, room);
}

bool option_text_is_frontend(const char *text, char *why, size_t room) {
    frontend_text f;
    return frontend_text_read(&f, span_str(text), why, room);
}

bool option_text_is_field(const char *text, char *why, size_t room) {
    http_field f;
    return option_text_field(span_str(text), &f, why, room);
}

bool option_text_is_altsvc(const char *text, char *why, size_t room) {
    option_altsvc a;
    return option_text_altsvc(span_str(text), &a, why, room);
}

bool option_text_is_page(const char *text, char *why, size_t room) {
    unsigned status;
    span path;
    return option_text_page(span_str(text), &status, &path, why, room);
}

bool option_text_is_forwarded(const char *text, char *why, size_t room) {
    option_forwarded f;
    return option_text_forwarded(span_str(text), &f, why, room);
}

bool option_text_is_by(const char *text, char *why, size_t room) {
    rewrite_node node;
    return option_text_node(span_str(text), true, &node, why, room);
}

bool option_text_is_for(const char *text, char *why, size_t room) {
    rewrite_node node;
    return option_text_node(span_str(text), false, &node, why, room);
}

bool option_text_is_cert(const char *text, char *why, size_t room) {
    option_cert c;
    return option_text_cert(span_str(text), &c, why, room);
}

bool option_text_is_proxy(const char *text, char *why, size_t room) {
    option_proxy p;
    return option_text_proxy(span_str(text), &p, why, room);
}

bool option_text_is_versions(const char *text, char *why, size_t room) {
    int least, most;
    return option_text_versions(span_str(text), &least, &most, why, room);
}

bool option_text_is_ports(const char *text, char *why, size_t room) {
    option_ports p;
    return option_text_ports(span_str(text), &p, why, room);
}

bool option_text_is_alpn(const char *text, char *why, size_t room) {
    span rest = span_str(text), word;
    while (option_text_word(&rest, &word)) {
        if (span_eq(word, SPAN("h2")) || span_eq(word, SPAN("http/1.1"))) return true;
    }
    return address_text_fail(why, room, "'", span_str(text), "': h2 or http/1.1 is expected");
}

bool option_text_is_value(const char *text, char *why, size_t room) {
    if (fields_value_valid(span_str(text))) return true;
    snprintf(why, room, "a field's value is expected: no control characters, no blanks around it");
    return false;
}
