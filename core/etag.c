#include "core/etag.h"

static bool is_weak(span tag) { return tag.n >= 2 && tag.p[0] == 'W' && tag.p[1] == '/'; }

bool etag_same(span a, span b, bool weak) {
    if (!weak) return !is_weak(a) && span_eq(a, b);
    if (is_weak(a)) a = span_skip(a, 2);
    if (is_weak(b)) b = span_skip(b, 2);
    return span_eq(a, b);
}

static bool blank(uint8_t c) { return c == ' ' || c == '\t'; }

static void skip_blanks(span *s) {
    while (s->n && blank(*s->p)) *s = span_skip(*s, 1);
}

/* The next tag, with its quotes and its "W/"; empty when there is none. Commas may stand within
 * the quotes. */
static span take_tag(span *rest) {
    span s = *rest;
    if (is_weak(s)) s = span_skip(s, 2);
    if (!s.n || *s.p != '"') return span_of(NULL, 0);
    const uint8_t *end = memchr(s.p + 1, '"', s.n - 1);
    if (!end) return span_of(NULL, 0);
    return span_take(rest, (size_t)(end + 1 - rest->p));
}

bool etag_in_list(span list, span tag, bool weak) {
    skip_blanks(&list);
    if (list.n && *list.p == '*') {
        list = span_skip(list, 1);
        skip_blanks(&list);
        return !list.n;
    }
    while (list.n) {
        if (*list.p == ',') {
            list = span_skip(list, 1);
        } else {
            span one = take_tag(&list);
            if (!one.n) return false;
            if (etag_same(one, tag, weak)) return true;
            skip_blanks(&list);
            if (list.n && *list.p != ',') return false;
        }
        skip_blanks(&list);
    }
    return false;
}
