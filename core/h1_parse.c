#include "core/h1_parse.h"

/* ---- bytes ---- */

/* The letter of a token in lower case (RFC 9110 section 5.6.2), 0 for what is none. */
static const uint8_t token_byte[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*',
    ['+'] = '+', ['-'] = '-', ['.'] = '.', ['^'] = '^', ['_'] = '_', ['`'] = '`',   ['|'] = '|',
    ['~'] = '~', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4',   ['5'] = '5',
    ['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9', ['A'] = 'a', ['B'] = 'b',   ['C'] = 'c',
    ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g', ['H'] = 'h', ['I'] = 'i',   ['J'] = 'j',
    ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n', ['O'] = 'o', ['P'] = 'p',   ['Q'] = 'q',
    ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u', ['V'] = 'v', ['W'] = 'w',   ['X'] = 'x',
    ['Y'] = 'y', ['Z'] = 'z', ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd',   ['e'] = 'e',
    ['f'] = 'f', ['g'] = 'g', ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k',   ['l'] = 'l',
    ['m'] = 'm', ['n'] = 'n', ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r',   ['s'] = 's',
    ['t'] = 't', ['u'] = 'u', ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y',   ['z'] = 'z',
};

static inline bool blank(uint8_t c) { return c == ' ' || c == '\t'; }
static inline bool control(uint8_t c) { return c < ' ' || c == 0x7f; }

/* The first byte from p on that is a control (HTAB too) or the given one, or end. */
#if defined(__SSE2__) && defined(__GNUC__)
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef char mask16 __attribute__((vector_size(16)));

static const uint8_t *next_control(const uint8_t *p, const uint8_t *end) {
    for (; end - p >= 16; p += 16) {
        bytes16 v;
        memcpy(&v, p, sizeof v);
        mask16 hit = (mask16)((v < (uint8_t)' ') | (v == (uint8_t)0x7f));
        int bits = __builtin_ia32_pmovmskb128(hit);
        if (bits) return p + __builtin_ctz((unsigned)bits);
    }
    while (p < end && !control(*p)) p++;
    return p;
}
#else
static const uint8_t *next_control(const uint8_t *p, const uint8_t *end) {
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    for (; end - p >= 8; p += 8) {
        uint64_t w;
        memcpy(&w, p, sizeof w);
        uint64_t del = w ^ (ones * 0x7f);
        uint64_t low = (w - ones * 0x20) & ~w, same = (del - ones) & ~del;
        if ((low | same) & tops) break;
    }
    while (p < end && !control(*p)) p++;
    return p;
}
#endif

/* ---- where a head ends ---- */

size_t h1_parse_whole(span s, size_t *line_at) {
    size_t at = *line_at;
    for (;;) {
        const uint8_t *lf = at < s.n ? memchr(s.p + at, '\n', s.n - at) : NULL;
        if (!lf) return 0;
        size_t n = (size_t)(lf - s.p) - at;
        if (n == 0 || (n == 1 && lf[-1] == '\r')) return at + n + 1;
        at += n + 1;
        *line_at = at;
    }
}

/* ---- start lines ---- */

/* What stands at a byte that ends a line too early. */
static h1_fault bad_end(const uint8_t *p, const uint8_t *end) {
    if (p == end || *p == '\n') return H1_FAULT(400, "LF without CR");
    if (*p == '\r') return H1_FAULT(400, "CR without LF");
    return H1_FAULT(400, *p ? "control byte in a head" : "NUL in a head");
}

/* Whether a line ends at p, as it must: CR LF. */
static inline bool line_ends(const uint8_t *p, const uint8_t *end) {
    return end - p >= 2 && p[0] == '\r' && p[1] == '\n';
}

/* HTTP/1.x at p; takes it. */
static h1_fault take_version(const uint8_t **p, const uint8_t *end, uint8_t *minor) {
    const uint8_t *v = *p;
    if (end - v < 8 || memcmp(v, "HTTP/", 5) != 0 || (uint8_t)(v[5] - '0') > 9 || v[6] != '.' ||
        (uint8_t)(v[7] - '0') > 9)
        return H1_FAULT(400, "no HTTP version");
    if (v[5] != '1') return H1_FAULT(505, "an HTTP version other than 1.x");
    *minor = v[7] == '0' ? 0 : 1;
    *p = v + 8;
    return H1_FINE;
}

h1_fault h1_parse_request_line(span *rest, h1_line *out) {
    const uint8_t *p = rest->p, *end = rest->p + rest->n;
    const uint8_t *begin = p;
    while (p < end && token_byte[*p]) p++;
    if (p == begin || p == end || *p != ' ') {
        if (p < end && control(*p) && *p != '\t') return bad_end(p, end);
        return H1_FAULT(400, "the method is not a token");
    }
    out->method = span_of(begin, (size_t)(p - begin));
    begin = ++p;
    while (p < end && *p > ' ' && *p < 0x7f) p++;
    out->target = span_of(begin, (size_t)(p - begin));
    if (p == begin) return H1_FAULT(400, "no target behind the method");
    if (line_ends(p, end)) return H1_FAULT(400, "no HTTP version"); /* HTTP/0.9 */
    if (p == end || *p != ' ') {
        if (p < end && *p < 0x7f) return bad_end(p, end);
        return H1_FAULT(400, "bad byte in the target");
    }
    p++;
    h1_fault f = take_version(&p, end, &out->minor);
    if (f.status) return f;
    if (!line_ends(p, end)) {
        if (p < end && (*p == '\n' || *p == '\r')) return bad_end(p, end);
        return H1_FAULT(400, "more than a version behind the target");
    }
    *rest = span_of(p + 2, (size_t)(end - p) - 2);
    return H1_FINE;
}

h1_fault h1_parse_status_line(span *rest, h1_line *out) {
    uint64_t status;
    const uint8_t *p = rest->p, *end = rest->p + rest->n;
    h1_fault f = take_version(&p, end, &out->minor);
    if (f.status) return f;
    /* RFC 9112 section 4 has a blank behind the code, also when no phrase follows. Some servers
     * leave it out; nothing depends on it, and nginx, haproxy, nghttpx and curl read such lines. */
    if (end - p < 5 || p[0] != ' ' || (p[4] != ' ' && p[4] != '\r') ||
        !bytes_get_decimal(span_of(p + 1, 3), 999, &status) || status < 100)
        return H1_FAULT(400, "bad status line");
    out->digits = span_of(p + 1, 3);
    out->status = (uint16_t)status;
    p += p[4] == ' ' ? 5 : 4;
    do {
        p = next_control(p, end);
    } while (p < end && *p == '\t' && p++);
    if (!line_ends(p, end)) return bad_end(p, end);
    *rest = span_of(p + 2, (size_t)(end - p) - 2);
    return H1_FINE;
}

/* ---- fields ---- */

/* The name at *p, in lower case, up to its colon; takes both. */
static h1_fault take_name(const uint8_t **p, const uint8_t *end, h1_fields *out, http_field *f) {
    const uint8_t *begin = *p, *at = begin;
    uint8_t *lower = out->names, c, differs = 0;
    while (at < end && (c = token_byte[*at]) != 0) {
        differs |= c ^ *at++;
        *lower++ = c;
    }
    size_t n = (size_t)(at - begin);
    if (n == 0 || at == end || *at != ':') {
        if (n == 0 && at < end && blank(*at)) return H1_FAULT(400, "a folded line");
        if (at < end && blank(*at)) return H1_FAULT(400, "blank before the colon of a field");
        if (at < end && control(*at)) return bad_end(at, end);
        return H1_FAULT(400, "bad field name");
    }
    http_token token = fields_token(span_of(out->names, n));
    f->token = (uint16_t)token;
    f->never_indexed = false;
    if (token != HTTP_TOKEN_OTHER) {
        f->name = fields_name(token);
        out->twice |= out->seen & UINT64_C(1) << token;
        out->seen |= UINT64_C(1) << token;
    } else if (differs) {
        f->name = span_of(out->names, n);
        out->names = lower;
    } else {
        f->name = span_of(begin, n);
    }
    *p = at + 1;
    return H1_FINE;
}

/* The value at *p up to the end of its line, without the blanks around it; takes the line. */
static h1_fault take_value(const uint8_t **p, const uint8_t *end, http_field *f) {
    const uint8_t *begin = *p, *at;
    while (begin < end && blank(*begin)) begin++;
    at = begin;
    do {
        at = next_control(at, end);
    } while (at < end && *at == '\t' && at++);
    if (!line_ends(at, end)) return bad_end(at, end);
    *p = at + 2;
    while (at > begin && blank(at[-1])) at--;
    f->value = span_of(begin, (size_t)(at - begin));
    return H1_FINE;
}

h1_fault h1_parse_fields(span rest, h1_fields *out) {
    const uint8_t *p = rest.p, *end = rest.p + rest.n;
    out->count = 0;
    out->seen = out->twice = 0;
    while (!line_ends(p, end)) {
        if (out->count == out->room) return H1_FAULT(431, "too many fields");
        http_field *f = &out->at[out->count++];
        h1_fault fault = take_name(&p, end, out, f);
        if (!fault.status) fault = take_value(&p, end, f);
        if (!fault.status) continue;
        out->count--;
        return fault;
    }
    return H1_FINE;
}

bool h1_parse_list(span *list, span *element) {
    const uint8_t *p = list->p, *end = p + list->n;
    while (p < end && (blank(*p) || *p == ',')) p++;
    const uint8_t *begin = p;
    while (p < end && *p != ',') p++;
    *list = span_of(p, (size_t)(end - p));
    while (p > begin && blank(p[-1])) p--;
    *element = span_of(begin, (size_t)(p - begin));
    return element->n > 0;
}
