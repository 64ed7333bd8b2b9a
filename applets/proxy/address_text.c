#include "applets/proxy/address_text.h"

#include <stdio.h>

#define HOST_MOST 253u /* RFC 1035 section 2.3.4, without the dot at the end */
#define PATH_MOST 107u /* sun_path */

bool address_text_fail(char *why, size_t room, const char *before, span text, const char *after) {
    char shown[81];
    size_t n = text.n < sizeof shown - 1 ? text.n : sizeof shown - 1;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text.p[i];
        shown[i] = c >= ' ' && c < 0x7f ? (char)c : '?';
    }
    shown[n] = 0;
    snprintf(why, room, "%s%s%s", before, shown, after);
    return false;
}

bool address_text_part(span *rest, bool *more, char mark, span *part) {
    if (!*more) return false;
    const uint8_t *at = rest->n ? memchr(rest->p, mark, rest->n) : NULL;
    *more = at != NULL;
    *part = span_take(rest, at ? (size_t)(at - rest->p) : rest->n);
    if (at) *rest = span_skip(*rest, 1);
    return true;
}

address_param address_text_param(span text) {
    const uint8_t *equals = text.n ? memchr(text.p, '=', text.n) : NULL;
    size_t n = equals ? (size_t)(equals - text.p) : text.n;
    address_param p = {text, {text.p, 0}, n, equals != NULL};
    if (equals) p.value = span_skip(text, n + 1);
    return p;
}

bool address_text_is(const address_param *p, const char *keyword) {
    return span_ieq(span_head(p->text, p->keyword), span_str(keyword));
}

/* What names and numeric addresses are made of, a zone included. */
static bool is_host(span s) {
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i], low = bytes_lower(c);
        bool good = (low >= 'a' && low <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                    c == '_' || c == ':' || c == '%';
        if (!good) return false;
    }
    return s.n > 0 && s.n <= HOST_MOST;
}

static bool is_path(span s) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < ' ' || s.p[i] == 0x7f) return false;
    }
    return s.n > 0 && s.n <= PATH_MOST;
}

bool address_text_read(address_text *a, span text, char *why, size_t room) {
    span unix_mark = SPAN("unix:");
    *a = (address_text){0};
    if (span_ieq(span_head(text, unix_mark.n), unix_mark)) {
        a->host = text;
        a->is_unix = true;
        if (is_path(span_skip(text, unix_mark.n))) return true;
        return address_text_fail(why, room, "'", text, "': the path of a UNIX socket is expected");
    }
    const uint8_t *comma = text.n ? memchr(text.p, ',', text.n) : NULL;
    if (!comma)
        return address_text_fail(why, room, "'", text, "': HOST,PORT or unix:PATH is expected");
    a->host = span_head(text, (size_t)(comma - text.p));
    if (a->host.n > 2 && a->host.p[0] == '[' && a->host.p[a->host.n - 1] == ']')
        a->host = span_of(a->host.p + 1, a->host.n - 2);
    uint64_t port = 0;
    if (!bytes_get_decimal(span_skip(text, (size_t)(comma - text.p) + 1), 65535, &port))
        return address_text_fail(why, room, "'", text, "': a port from 0 to 65535 is expected");
    a->port = (uint16_t)port;
    if (!is_host(a->host) && !span_eq(a->host, SPAN("*")))
        return address_text_fail(why, room, "'", a->host,
                                 "': a host's name or address is expected");
    return true;
}
