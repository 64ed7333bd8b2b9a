#include "applets/proxy/rewrite.h"
#include "core/limits.h"
#include "core/uri.h"

/* One item of a Link field (RFC 8288 section 3). */
typedef struct item {
    span reference;
    bool preload, nopush;
} item;

static void skip_blanks(span *s) {
    while (s->n && (s->p[0] == ' ' || s->p[0] == '\t')) *s = span_skip(*s, 1);
}

static bool skip_byte(span *s, uint8_t c) {
    if (!s->n || s->p[0] != c) return false;
    *s = span_skip(*s, 1);
    return true;
}

/* A token, perhaps an empty one: what is none stops it. */
static span take_token(span *s) {
    size_t n = 0;
    while (n < s->n && fields_name_valid(span_of(s->p + n, 1))) n++;
    return span_take(s, n);
}

/* A token or a quoted text; of that what is between its quotes, as it stands. False: it has no end.
 */
static bool take_value(span *s, span *value) {
    if (!skip_byte(s, '"')) {
        *value = take_token(s);
        return true;
    }
    size_t n = 0;
    while (n < s->n && s->p[n] != '"') n += s->p[n] == '\\' ? 2 : 1;
    if (n >= s->n) return false;
    *value = span_take(s, n);
    *s = span_skip(*s, 1);
    return true;
}

/* Whether a list of relation types has preload (section 3.3). */
static bool has_preload(span list) {
    while (list.n) {
        const uint8_t *end = memchr(list.p, ' ', list.n);
        span type = span_take(&list, end ? (size_t)(end - list.p) : list.n);
        if (end) list = span_skip(list, 1);
        if (span_ieq(type, SPAN("preload"))) return true;
    }
    return false;
}

static bool take_parameters(span *s, item *it) {
    bool rel = false;
    for (skip_blanks(s); skip_byte(s, ';'); skip_blanks(s)) {
        span value = {NULL, 0};
        skip_blanks(s);
        span name = take_token(s);
        skip_blanks(s);
        if (skip_byte(s, '=')) {
            skip_blanks(s);
            if (!take_value(s, &value)) return false;
        }
        if (span_ieq(name, SPAN("nopush"))) it->nopush = true;
        if (rel || !span_ieq(name, SPAN("rel"))) continue;
        rel = true; /* those after the first do not count */
        it->preload = has_preload(value);
    }
    return true;
}

/* Cuts the next item off *s. False at the end, and where what follows is no item. */
static bool take_item(span *s, item *it) {
    *it = (item){.preload = false};
    for (skip_blanks(s); skip_byte(s, ','); skip_blanks(s)) {
    }
    if (!skip_byte(s, '<')) return false;
    const uint8_t *end = s->n ? memchr(s->p, '>', s->n) : NULL;
    if (!end) return false;
    it->reference = span_take(s, (size_t)(end - s->p));
    *s = span_skip(*s, 1);
    return take_parameters(s, it) && (s->n == 0 || s->p[0] == ',');
}

/* What references are resolved against; false: it is too long, or no URI. */
static bool base_of(span scheme, span authority, span path, uint8_t *buffer, size_t room,
                    uri *base) {
    const span parts[] = {scheme, SPAN("://"), authority, path};
    size_t n = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (parts[i].n > room - n) return false;
        if (parts[i].n) memcpy(buffer + n, parts[i].p, parts[i].n);
        n += parts[i].n;
    }
    return uri_parse(span_of(buffer, n), base) == NULL;
}

void rewrite_preloads(const http_field *f, size_t n, span scheme, span authority, span path,
                      void (*found)(void *user, span target), void *user) {
    uint8_t whole[LIMIT_PRELOAD_URI], buffer[LIMIT_PRELOAD_URI];
    unsigned left = LIMIT_PRELOADS;
    uri base, target;
    bool has_base = false;
    for (size_t i = 0; i < n; i++) {
        if (f[i].token != HTTP_TOKEN_LINK) continue;
        if (!has_base && !base_of(scheme, authority, path, whole, sizeof whole, &base)) return;
        has_base = true;
        span rest = f[i].value;
        for (item it; left && take_item(&rest, &it);) {
            if (!it.preload || it.nopush) continue;
            if (uri_resolve(&base, it.reference, buffer, sizeof buffer, &target)) continue;
            if (!span_eq(target.scheme, base.scheme) || target.port != base.port ||
                !span_ieq(target.host, base.host))
                continue;
            left--;
            found(user, target.target);
        }
    }
}
