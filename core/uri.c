#include "core/uri.h"

/* ---- bytes ---- */

static inline bool digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }

static inline bool letter(uint8_t c) { return (uint8_t)(bytes_lower(c) - 'a') < 26; }

static inline bool hex(uint8_t c) { return digit(c) || (uint8_t)(bytes_lower(c) - 'a') < 6; }

/* Unreserved and sub-delims of RFC 3986 section 2; "%" is left out, since no resolver takes it. */
static bool in_name(uint8_t c) {
    return letter(c) || digit(c) || memchr("-._~!$&'()*+,;=", c, 15) != NULL;
}

/* What may stand in a target as it is: printable ASCII, but no "#". */
static inline bool in_target(uint8_t c) { return c > 0x20 && c < 0x7f && c != '#'; }

/* What uri_resolve percent-encodes: RFC 3986 has no place for these, though many a peer takes
 * them. */
static inline bool awkward(uint8_t c) {
    return !in_target(c) || memchr("\"<>\\^`{|}", c, 9) != NULL;
}

/* The length up to the first of the bytes in stops, or all of s. */
static size_t length_until(span s, const char *stops) {
    const size_t count = strlen(stops);
    for (size_t i = 0; i < s.n; i++) {
        if (memchr(stops, s.p[i], count) != NULL) return i;
    }
    return s.n;
}

/* ---- hosts ---- */

static bool ipv4_valid(span s) {
    for (int i = 0; i < 4; i++) {
        uint64_t number;
        size_t n = length_until(s, ".");
        if (n > 3 || !bytes_get_decimal(span_head(s, n), UINT16_MAX, &number) || number > 255) {
            return false;
        }
        if (n > 1 && s.p[0] == '0') return false;
        s = span_skip(s, n);
        if (i < 3 && s.n == 0) return false;
        if (i < 3) s = span_skip(s, 1);
    }
    return s.n == 0;
}

/* RFC 4291 section 2.2: eight groups, "::" for one run of zeros, the last two perhaps as IPv4. */
static bool ipv6_valid(span s) {
    int groups = 0;
    bool gap = false;
    if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
        gap = true;
        s = span_skip(s, 2);
    }
    while (s.n > 0) {
        size_t n = length_until(s, ":");
        if (n == s.n && n > 0 && memchr(s.p, '.', n) != NULL) {
            if (!ipv4_valid(s)) return false;
            groups += 2;
            break;
        }
        if (n == 0 || n > 4 || groups == 8) return false;
        for (size_t i = 0; i < n; i++) {
            if (!hex(s.p[i])) return false;
        }
        groups++;
        s = span_skip(s, n);
        if (s.n == 0) break;
        s = span_skip(s, 1);
        if (s.n == 0) return false;
        if (s.p[0] == ':') {
            if (gap) return false;
            gap = true;
            s = span_skip(s, 1);
        }
    }
    return gap ? groups < 8 : groups == 8;
}

static const char *check_name(span host, uri_host *kind) {
    if (host.n == 0) return "no host";
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] >= 0x80) return "host is not ASCII: write its xn-- form";
        if (!in_name(host.p[i])) return "bad byte in the host";
    }
    *kind = ipv4_valid(host) ? URI_HOST_IPV4 : URI_HOST_NAME;
    return NULL;
}

/* Cuts the host, with or without brackets, off *rest: what is left is empty or begins with ":". */
static const char *take_host(span *rest, span *host, uri_host *kind) {
    if (rest->n > 0 && rest->p[0] == '[') {
        const size_t end = length_until(*rest, "]");
        if (end == rest->n) return "] is missing after the IPv6 address";
        *host = span_of(rest->p + 1, end - 1);
        *kind = URI_HOST_IPV6;
        *rest = span_skip(*rest, end + 1);
        return rest->n == 0 || rest->p[0] == ':' ? NULL : "neither : nor / after the IPv6 address";
    }
    *host = span_take(rest, length_until(*rest, ":"));
    if (rest->n > 1 && memchr(rest->p + 1, ':', rest->n - 1) != NULL) {
        return "several : in the host: an IPv6 address goes in brackets";
    }
    return check_name(*host, kind);
}

/* ---- uri_parse ---- */

/* The length of a scheme before its ":" (RFC 3986 section 3.1), or 0 when text begins with none. */
static size_t scheme_length(span text) {
    const size_t n = length_until(text, ":/?#");
    if (n == 0 || n == text.n || text.p[n] != ':' || !letter(text.p[0])) return 0;
    for (size_t i = 1; i < n; i++) {
        const uint8_t c = text.p[i];
        if (!letter(c) && !digit(c) && c != '+' && c != '-' && c != '.') return 0;
    }
    return n;
}

static const char *take_scheme(span *rest, uri *out) {
    const size_t n = scheme_length(*rest);
    const span scheme = span_head(*rest, n);
    const bool http = span_ieq(scheme, SPAN("http"));
    out->https = span_ieq(scheme, SPAN("https"));
    if (!http && !out->https) {
        /* localhost:8080 is a host whose scheme is missing, mailto:x is not. */
        const bool other = n > 0 && (rest->n == n + 1 || !digit(rest->p[n + 1]));
        return other ? "scheme is neither http nor https"
                     : "no scheme: write http:// or https:// before it";
    }
    *rest = span_skip(*rest, n + 1);
    if (!span_starts(*rest, SPAN("//"))) return "// is missing after the scheme";
    *rest = span_skip(*rest, 2);
    out->scheme = out->https ? SPAN("https") : SPAN("http");
    return NULL;
}

static const char *take_authority(span *rest, uri *out) {
    const uint16_t usual = out->https ? 443 : 80;
    span authority = span_take(rest, length_until(*rest, "/?#"));
    span port = authority;
    if (authority.n > 0 && memchr(authority.p, '@', authority.n) != NULL) {
        return "user@ before the host: send credentials in a header";
    }
    const char *why = take_host(&port, &out->host, &out->kind);
    if (why != NULL) return why;
    if (out->kind == URI_HOST_IPV6 && !ipv6_valid(out->host)) return "bad IPv6 address";
    out->authority = span_head(authority, authority.n - port.n);
    out->port = usual;
    if (port.n > 1) {
        uint64_t number;
        if (!bytes_get_decimal(span_skip(port, 1), UINT16_MAX, &number) || number == 0) {
            return "port is not a number from 1 to 65535";
        }
        out->port = (uint16_t)number;
        if (number != usual) out->authority = authority;
    }
    return NULL;
}

const char *uri_parse(span text, uri *out) {
    *out = (uri){.text = text};
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] <= 0x20 || text.p[i] == 0x7f) return "blank or control byte";
    }
    span rest = text;
    const char *why = take_scheme(&rest, out);
    if (why == NULL) why = take_authority(&rest, out);
    if (why != NULL) return why;

    out->target = span_head(rest, length_until(rest, "#"));
    out->text = span_head(text, text.n - rest.n + out->target.n);
    for (size_t i = 0; i < out->target.n; i++) {
        if (!in_target(out->target.p[i])) return "path is not ASCII: percent-encode it";
    }
    if (out->target.n == 0) out->target = SPAN("/");
    return out->target.p[0] == '/' ? NULL : "/ is missing between host and ?";
}

/* ---- uri_resolve ---- */

typedef struct writer {
    uint8_t *p;
    size_t n, room;
    bool full;
} writer;

static void put(writer *w, uint8_t c) {
    if (w->n < w->room) {
        w->p[w->n++] = c;
    } else {
        w->full = true;
    }
}

static void put_span(writer *w, span s) {
    for (size_t i = 0; i < s.n; i++) put(w, s.p[i]);
}

static void put_encoded(writer *w, span s) {
    for (size_t i = 0; i < s.n; i++) {
        if (awkward(s.p[i])) {
            put(w, '%');
            put(w, (uint8_t)"0123456789ABCDEF"[s.p[i] >> 4]);
            put(w, (uint8_t)"0123456789ABCDEF"[s.p[i] & 15]);
        } else {
            put(w, s.p[i]);
        }
    }
}

/* RFC 3986 section 5.2.4, in place, for a path that begins with "/": returns its new length. */
static size_t remove_dots(uint8_t *p, size_t n) {
    size_t in = 0, out = 0;
    while (in < n) {
        /* p[in] is the "/" that begins a segment. */
        const span rest = span_of(p + in + 1, n - in - 1);
        const size_t len = length_until(rest, "/");
        const bool one = len == 1 && rest.p[0] == '.';
        const bool two = len == 2 && rest.p[0] == '.' && rest.p[1] == '.';
        if (two) {
            while (out > 0 && p[--out] != '/') continue;
        }
        if (one || two) {
            if (len == rest.n) p[out++] = '/'; /* a last dot segment leaves the folder */
        } else {
            memmove(p + out, p + in, len + 1);
            out += len + 1;
        }
        in += len + 1;
    }
    return out;
}

const char *uri_resolve(const uri *base, span ref, uint8_t *buffer, size_t room, uri *out) {
    writer w = {buffer, 0, room, false};

    *out = (uri){0};
    for (size_t i = 0; i < ref.n; i++) {
        if (ref.p[i] < 0x20 || ref.p[i] == 0x7f) return "control byte";
    }
    ref = span_head(ref, length_until(ref, "#"));
    uri head = {0};
    const bool absolute = base == NULL || scheme_length(ref) > 0;
    if (absolute) {
        const char *why = take_scheme(&ref, &head);
        if (why != NULL) return why;
    } else {
        head = *base;
    }
    put_span(&w, head.scheme);
    put_span(&w, SPAN("://"));
    span base_path = {0}, base_query = {0};
    if (absolute || span_starts(ref, SPAN("//"))) {
        if (!absolute) ref = span_skip(ref, 2);
        put_span(&w, span_take(&ref, length_until(ref, "/?")));
    } else {
        put_span(&w, base->authority);
        base_path = span_head(base->target, length_until(base->target, "?"));
        base_query = span_skip(base->target, base_path.n);
    }

    const size_t begin = w.n;
    const span path = span_take(&ref, length_until(ref, "?"));
    if (path.n == 0) {
        put_encoded(&w, base_path);
        if (ref.n == 0) ref = base_query;
    } else {
        if (path.p[0] != '/') {
            /* All of the base's path up to its last "/" (section 5.2.3). */
            while (base_path.n > 0 && base_path.p[base_path.n - 1] != '/') base_path.n--;
            put_encoded(&w, base_path);
        }
        put_encoded(&w, path);
    }
    if (w.n == begin) put(&w, '/');
    if (w.full) return "too long";
    w.n = begin + remove_dots(buffer + begin, w.n - begin);
    put_encoded(&w, ref);
    if (w.full) return "too long";
    return uri_parse(span_of(buffer, w.n), out);
}

/* ---- uri_address_parse ---- */

/* fe80::1%eth0: a zone is this machine's own matter (RFC 4007 section 11) and its resolver's. */
static bool ipv6_zone_valid(span host) {
    const size_t n = length_until(host, "%");
    const span zone = span_skip(host, n);
    if (zone.n == 1) return false;
    for (size_t i = 1; i < zone.n; i++) {
        const uint8_t c = zone.p[i];
        if (!letter(c) && !digit(c) && c != '.' && c != '-' && c != '_') return false;
    }
    return ipv6_valid(span_head(host, n));
}

const char *uri_address_parse(span text, uint16_t default_port, uri_address *out) {
    *out = (uri_address){.port = default_port};
    if (span_starts(text, SPAN("unix:"))) {
        out->local = true;
        out->path = span_skip(text, 5);
        out->port = 0;
        if (out->path.n == 0) return "no path after unix:";
        return memchr(out->path.p, 0, out->path.n) ? "NUL in the path" : NULL;
    }
    if (text.n == 0) return "no address";
    span port = text;
    size_t digits = 0;
    while (digits < text.n && digit(text.p[digits])) digits++;
    if (digits < text.n) {
        const bool star = span_eq(text, SPAN("*")) || span_starts(text, SPAN("*:"));
        if (star || text.p[0] == ':') {
            port = span_skip(text, star ? 1 : 0);
            out->host = span_head(text, 0);
            if (port.n > 1 && memchr(port.p + 1, ':', port.n - 1) != NULL) {
                return "several : in the host: an IPv6 address goes in brackets";
            }
        } else {
            const char *why = take_host(&port, &out->host, &out->kind);
            if (why != NULL) return why;
            if (out->kind == URI_HOST_IPV6 && !ipv6_zone_valid(out->host)) {
                return "bad IPv6 address";
            }
        }
        if (port.n == 0) return default_port == 0 ? "no port: write HOST:PORT" : NULL;
        port = span_skip(port, 1);
    }
    uint64_t number;
    if (!bytes_get_decimal(port, UINT16_MAX, &number)) return "port is not a number up to 65535";
    out->port = (uint16_t)number;
    return NULL;
}
