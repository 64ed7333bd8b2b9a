#include "core/path.h"

/* One byte of the path, escaped or not; *c is set when NULL comes back. */
static const char *take_byte(span *s, uint8_t *c) {
    *c = *span_take(s, 1).p;
    if (*c == '#') return "fragment in the path";
    if (*c == '%') {
        if (s->n < 2) return "bad percent-escape";
        const int high = bytes_get_hex(s->p[0]), low = bytes_get_hex(s->p[1]);
        if (high < 0 || low < 0) return "bad percent-escape";
        *s = span_skip(*s, 2);
        *c = (uint8_t)(high * 16 + low);
        /* A folder's name cannot hold it, and a check on the raw path would not see it. */
        if (*c == '/') return "escaped / in the path";
    }
    if (*c < 0x20 || *c == 0x7f) return "control byte in the path";
    return *c == '\\' ? "\\ in the path" : NULL;
}

/* The segment that ends at n, after the last "/", when it is one or two dots: their number, or
 * 0. */
static unsigned dots_at_end(const uint8_t *p, size_t n) {
    if (p[n - 1] != '.') return 0;
    if (p[n - 2] == '/') return 1;
    return n >= 3 && p[n - 2] == '.' && p[n - 3] == '/' ? 2 : 0;
}

/* Bytes that do not stand for themselves everywhere: "/", and what take_byte or path_decode look at
 * twice. */
static const bool special[256] = {
    /* clang-format off */
    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
    0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
    /* clang-format on */
};

/* Whether the target is a path as it stands: no escape, no query, no dot at the beginning of a
 * segment, no empty one. That is most of them. */
static bool is_plain(span target) {
    for (size_t i = 0; i < target.n; i++) {
        uint8_t c = target.p[i];
        if (!special[c]) continue;
        if (c != '/') return false;
        if (i + 1 < target.n && (target.p[i + 1] == '/' || target.p[i + 1] == '.')) return false;
    }
    return true;
}

const char *path_decode(span target, uint8_t *buffer, size_t room, path *out) {
    size_t n = 0;

    *out = (path){0};
    if (target.n == 0 || target.p[0] != '/') return "path does not begin with /";
    if (room < 2) return "path too long";
    if (target.n < room && is_plain(target)) {
        memcpy(buffer, target.p, target.n);
        buffer[target.n] = 0;
        out->name = span_of(buffer, target.n);
        out->folder = buffer[target.n - 1] == '/';
        return NULL;
    }
    const uint8_t *mark = memchr(target.p, '?', target.n);
    span rest = span_head(target, mark ? (size_t)(mark - target.p) : target.n);
    if (mark != NULL) out->query = span_skip(target, rest.n + 1);
    for (size_t i = 0; i < out->query.n; i++) {
        const uint8_t c = out->query.p[i];
        if (c < 0x20 || c == 0x7f) return "control byte in the query";
        if (c == '#') return "fragment in the query";
    }

    /* What is written always begins with "/" and never holds a whole dot segment: each is taken
     * out where its end is seen, at the next "/" or at the end of the path. */
    rest = span_skip(rest, 1);
    buffer[n++] = '/';
    for (;;) {
        const bool end = rest.n == 0;
        uint8_t c = '/';
        if (!end) {
            const char *why = take_byte(&rest, &c);
            if (why != NULL) return why;
        }
        if (c == '/' && buffer[n - 1] != '/') {
            const unsigned dots = dots_at_end(buffer, n);
            n -= dots;
            if (dots == 2 && n > 1) {
                n--;
                while (buffer[n - 1] != '/') n--;
            }
            if (dots == 0 && !end) {
                if (n + 1 == room) return "path too long";
                buffer[n++] = '/';
            }
        } else if (c != '/') {
            if (n + 1 == room) return "path too long";
            buffer[n++] = c;
        }
        if (end) break;
    }
    buffer[n] = 0;
    out->name = span_of(buffer, n);
    out->folder = buffer[n - 1] == '/';
    return NULL;
}

/* pchar of RFC 3986 section 3.3, and "/". */
static bool plain(uint8_t c) {
    if ((uint8_t)(c - '0') < 10 || (uint8_t)(bytes_lower(c) - 'a') < 26) return true;
    return memchr("-._~!$&'()*+,;=:@/", c, 18) != NULL;
}

size_t path_encode(span name, uint8_t *buffer, size_t room) {
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;
    if (name.n == 0 || name.p[0] != '/' || (name.n > 1 && name.p[1] == '/')) return 0;
    for (size_t i = 0; i < name.n; i++) {
        const uint8_t c = name.p[i];
        const size_t need = plain(c) ? 1 : 3;
        if (room - n < need) return 0;
        if (need == 1) {
            buffer[n++] = c;
        } else {
            buffer[n++] = '%';
            buffer[n++] = (uint8_t)digits[c >> 4];
            buffer[n++] = (uint8_t)digits[c & 15];
        }
    }
    return n;
}
