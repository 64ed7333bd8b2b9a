/* Routes over any patterns and requests, beside a plain reading of what they promise.
 *
 * Input: patterns, an authority and a path, each ended by NUL; the last two are the request. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "applets/proxy/route.h"
#include "core/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

enum { PARTS = 24, ROOM = 8192 };

static void must(bool so) {
    if (!so) abort();
}

/* ---- the plain reading: text in its normal form, a byte at a time ---- */

static bool unreserved(uint8_t c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("-._~", c) != NULL;
}

/* Escapes undone where they may be, else in capitals. */
static size_t decode(span s, char *out) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        int high = i + 2 < s.n ? bytes_get_hex(s.p[i + 1]) : -1;
        int low = i + 2 < s.n ? bytes_get_hex(s.p[i + 2]) : -1;
        if (s.p[i] != '%' || high < 0 || low < 0) {
            out[n++] = (char)s.p[i];
            continue;
        }
        uint8_t c = (uint8_t)(high * 16 + low);
        if (c && (unreserved(c) || c == ':'))
            out[n++] = (char)c;
        else
            n += (size_t)sprintf(out + n, "%%%02X", c);
        i += 2;
    }
    out[n] = 0;
    return n;
}

/* Without empty and dot segments. */
static void normal_path(span path, char *out) {
    static char text[ROOM];
    const char *starts[ROOM];
    size_t lengths[ROOM], count = 0, n = decode(path, text), at = 1;
    bool folder = true;
    while (at <= n) {
        size_t end = at;
        while (end < n && text[end] != '/') end++;
        size_t length = end - at;
        folder = end < n || length == 0;
        if (length == 2 && memcmp(text + at, "..", 2) == 0) {
            if (count) count--;
            folder = true;
        } else if (length == 1 && text[at] == '.') {
            folder = true;
        } else if (length) {
            starts[count] = text + at;
            lengths[count++] = length;
        }
        at = end + 1;
    }
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        out[written++] = '/';
        memcpy(out + written, starts[i], lengths[i]);
        written += lengths[i];
    }
    if (folder || count == 0) out[written++] = '/';
    out[written] = 0;
}

typedef struct reading {
    bool any_host, open_host, open_path;
    char host[ROOM], path[ROOM];
} reading;

static void lower(char *s) {
    for (; *s; s++) *s = (char)bytes_lower((uint8_t)*s);
}

/* Without the dot at its end; that of "." is all it has. */
static void from_root(char *host, bool open) {
    size_t n = strlen(host);
    if (n + open > 1 && host[n - 1] == '.') host[n - 1] = 0;
}

static void read_pattern(span pattern, reading *r) {
    const uint8_t *slash = pattern.n ? memchr(pattern.p, '/', pattern.n) : NULL;
    span host = span_head(pattern, slash ? (size_t)(slash - pattern.p) : pattern.n);
    span path = slash ? span_skip(pattern, host.n) : SPAN("/");
    r->any_host = host.n == 0;
    r->open_host = host.n && host.p[0] == '*';
    if (r->open_host) host = span_skip(host, 1);
    decode(host, r->host);
    lower(r->host);
    from_root(r->host, r->open_host);
    r->open_path = path.p[path.n - 1] == '*';
    if (r->open_path) path.n--;
    normal_path(path, r->path);
}

/* How well a host fits: 0 not at all, 1 any, then wildcards by their length, and the host itself.
 */
static size_t host_rank(const reading *r, const char *host) {
    size_t n = strlen(host), own = strlen(r->host);
    if (r->any_host) return 1;
    if (!r->open_host) return n && strcmp(r->host, host) == 0 ? 2 * ROOM : 0;
    return n > own && strcmp(host + n - own, r->host) == 0 ? 2 + own : 0;
}

/* And a path: the longer the better; for the same length, itself, an open end, what is below it. */
static size_t path_rank(const reading *r, const char *path) {
    size_t n = strlen(path), own = strlen(r->path);
    if (r->open_path) return n > own && memcmp(path, r->path, own) == 0 ? 4 * own + 1 : 0;
    if (r->path[own - 1] == '/') {
        bool lacks = n + 1 == own && memcmp(path, r->path, n) == 0;
        return lacks || (n >= own && memcmp(path, r->path, own) == 0) ? 4 * own : 0;
    }
    return strcmp(r->path, path) == 0 ? 4 * own + 3 + 4 : 0;
}

static bool same(const reading *a, const reading *b) {
    return a->any_host == b->any_host && a->open_host == b->open_host &&
           a->open_path == b->open_path && strcmp(a->host, b->host) == 0 &&
           strcmp(a->path, b->path) == 0;
}

static uint32_t look(const reading *list, size_t count, span authority, span path) {
    static char host[ROOM], normal[ROOM];
    uint32_t best = ROUTE_NONE;
    size_t best_host = 0, best_path = 0, n = 0;
    if (path.n == 0 || path.p[0] != '/') path = SPAN("/");
    while (n < path.n && path.p[n] != '?' && path.p[n] != '#') n++;
    normal_path(span_head(path, n), normal);
    n = 0;
    while (n < authority.n) {
        if (authority.p[0] == '[' ? n && authority.p[n - 1] == ']' : authority.p[n] == ':') break;
        n++;
    }
    memcpy(host, authority.p, n);
    host[n] = 0;
    lower(host);
    from_root(host, false);
    for (size_t i = 0; i < count; i++) {
        size_t h = host_rank(&list[i], host), p = path_rank(&list[i], normal);
        if (!h || !p || h < best_host || (h == best_host && p <= best_path)) continue;
        best_host = h;
        best_path = p;
        best = (uint32_t)i;
    }
    return best;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static reading list[PARTS];
    span parts[PARTS + 2], in = span_of(bytes, n);
    size_t count = 0, added = 0;
    if (n > 3000) return 0;
    while (in.n && count < PARTS + 2) {
        const uint8_t *end = memchr(in.p, 0, in.n);
        parts[count++] = span_take(&in, end ? (size_t)(end - in.p) : in.n);
        if (end) in = span_skip(in, 1);
    }
    if (count < 2) return 0;
    route_table *t = route_table_new();
    for (size_t i = 0; t && i + 2 < count; i++) {
        uint32_t target = (uint32_t)added, before = 0;
        const char *why = NULL;
        if (!route_table_add(t, parts[i], &target, &why)) {
            must(why != NULL);
            continue;
        }
        read_pattern(parts[i], &list[added]);
        while (before < added && !same(&list[before], &list[added])) before++;
        must(target == before);
        added += before == added;
    }
    span authority = parts[count - 2], path = parts[count - 1];
    if (t) must(route_find(t, authority, path) == look(list, added, authority, path));
    route_table_free(t);
    return 0;
}
