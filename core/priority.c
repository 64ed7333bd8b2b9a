#include "core/priority.h"

/* What a member's value is, as far as it matters here. */
typedef struct item {
    enum { ITEM_OTHER, ITEM_INTEGER, ITEM_BOOLEAN } type;
    int64_t number;
} item;

static inline bool digit(uint8_t c) { return (uint8_t)(c - '0') < 10; }

static inline bool lower(uint8_t c) { return (uint8_t)(c - 'a') < 26; }

static inline bool letter(uint8_t c) { return lower(bytes_lower(c)); }

/* The next byte, or 0 at the end: no rule below takes a 0. */
static inline uint8_t peek(span s) { return s.n > 0 ? s.p[0] : 0; }

static bool take(span *s, uint8_t c) {
    if (s->n == 0 || s->p[0] != c) return false;
    *s = span_skip(*s, 1);
    return true;
}

static void take_blanks(span *s, bool tabs) {
    while (s->n > 0 && (s->p[0] == ' ' || (tabs && s->p[0] == '\t'))) *s = span_skip(*s, 1);
}

/* Each of these cuts one thing off *s, by the section of RFC 9651 it names; false when it is not
 * there. */

/* 4.2.3.3 */
static bool take_key(span *s, span *key) {
    size_t n = 0;
    if (!lower(peek(*s)) && peek(*s) != '*') return false;
    while (n < s->n && (lower(s->p[n]) || digit(s->p[n]) || memchr("_-.*", s->p[n], 4) != NULL))
        n++;
    *key = span_take(s, n);
    return true;
}

/* 4.2.4: at most 15 digits, or 12 "." 3. */
static bool take_number(span *s, item *it) {
    const bool minus = take(s, '-');
    size_t n = 0, fraction = 0;
    int64_t number = 0;
    for (; n < s->n && n < 16 && digit(s->p[n]); n++) number = number * 10 + (s->p[n] - '0');
    if (n == 0 || n > 15) return false;
    *s = span_skip(*s, n);
    it->type = ITEM_INTEGER;
    it->number = minus ? -number : number;
    if (!take(s, '.')) return true;
    it->type = ITEM_OTHER;
    while (fraction < s->n && fraction < 4 && digit(s->p[fraction])) fraction++;
    *s = span_skip(*s, fraction);
    return n <= 12 && fraction >= 1 && fraction <= 3;
}

/* 4.2.5, from the opening quote. */
static bool take_string(span *s) {
    if (!take(s, '"')) return false;
    while (s->n > 0) {
        const uint8_t c = *span_take(s, 1).p;
        if (c == '"') return true;
        if (c == '\\' && !take(s, '"') && !take(s, '\\')) return false;
        if (c < 0x20 || c >= 0x7f) return false;
    }
    return false;
}

/* 4.2.6 */
static void take_token(span *s) {
    size_t n = 1;
    while (n < s->n && (letter(s->p[n]) || digit(s->p[n]) ||
                        memchr("!#$%&'*+-.^_`|~:/", s->p[n], 17) != NULL)) {
        n++;
    }
    *s = span_skip(*s, n);
}

/* 4.2.7; whether the padding is right only matters to who decodes it. */
static bool take_bytes(span *s) {
    if (!take(s, ':')) return false;
    while (letter(peek(*s)) || digit(peek(*s)) || peek(*s) == '+' || peek(*s) == '/' ||
           peek(*s) == '=') {
        *s = span_skip(*s, 1);
    }
    return take(s, ':');
}

static bool hex_lower(span *s) {
    const uint8_t c = peek(*s);
    if (!digit(c) && (c < 'a' || c > 'f')) return false;
    *s = span_skip(*s, 1);
    return true;
}

/* 4.2.10; whether the bytes are UTF-8 only matters to who shows them. */
static bool take_display(span *s) {
    if (!take(s, '%') || !take(s, '"')) return false;
    while (s->n > 0) {
        const uint8_t c = *span_take(s, 1).p;
        if (c == '"') return true;
        if (c < 0x20 || c >= 0x7f) return false;
        if (c == '%' && (!hex_lower(s) || !hex_lower(s))) return false;
    }
    return false;
}

/* 4.2.3.1 */
static bool take_bare_item(span *s, item *it) {
    const uint8_t c = peek(*s);
    *it = (item){0};
    if (c == '-' || digit(c)) return take_number(s, it);
    if (c == '"') return take_string(s);
    if (c == ':') return take_bytes(s);
    if (c == '%') return take_display(s);
    if (c == '@') {
        /* 4.2.9: a date is an integer. */
        const bool whole = take(s, '@') && take_number(s, it) && it->type == ITEM_INTEGER;
        it->type = ITEM_OTHER;
        return whole;
    }
    if (c == '?') {
        *s = span_skip(*s, 1);
        it->type = ITEM_BOOLEAN;
        it->number = peek(*s) == '1';
        return take(s, '0') || take(s, '1');
    }
    if (!letter(c) && c != '*') return false;
    take_token(s);
    return true;
}

/* 4.2.3.2 */
static bool take_parameters(span *s) {
    while (take(s, ';')) {
        span key;
        item ignored;
        take_blanks(s, false);
        if (!take_key(s, &key)) return false;
        if (take(s, '=') && !take_bare_item(s, &ignored)) return false;
    }
    return true;
}

/* 4.2.1.2, from the opening parenthesis: lists do not nest. */
static bool take_inner_list(span *s) {
    if (!take(s, '(')) return false;
    for (;;) {
        item ignored;
        take_blanks(s, false);
        if (take(s, ')')) return true;
        if (!take_bare_item(s, &ignored) || !take_parameters(s)) return false;
        if (peek(*s) != ' ' && peek(*s) != ')') return false;
    }
}

/* One member of the dictionary, with its parameters; the last one with a key counts, also when
 * its value makes no sense (4.2.2). */
static bool take_member(span *s, priority base, priority *out) {
    span key;
    item it = {ITEM_BOOLEAN, 1};
    if (!take_key(s, &key)) return false;
    if (take(s, '=')) {
        if (peek(*s) == '(') {
            it.type = ITEM_OTHER;
            if (!take_inner_list(s)) return false;
        } else if (!take_bare_item(s, &it)) {
            return false;
        }
    }
    if (!take_parameters(s)) return false;
    if (span_eq(key, SPAN("u"))) {
        const bool known = it.type == ITEM_INTEGER && it.number >= 0 && it.number <= 7;
        out->urgency = known ? (uint8_t)it.number : base.urgency;
    } else if (span_eq(key, SPAN("i"))) {
        out->incremental = it.type == ITEM_BOOLEAN ? it.number != 0 : base.incremental;
    }
    return true;
}

bool priority_parse(span value, priority base, priority *out) {
    priority read = base;
    *out = base;
    take_blanks(&value, false);
    while (value.n > 0) {
        if (!take_member(&value, base, &read)) return false;
        /* Blanks may follow a member, at the end only spaces (section 4.2); a comma needs
         * another after it. */
        span after = value;
        take_blanks(&after, false);
        if (after.n == 0) break;
        take_blanks(&value, true);
        if (!take(&value, ',')) return false;
        take_blanks(&value, true);
        if (value.n == 0) return false;
    }
    *out = read;
    return true;
}

size_t priority_format(priority p, uint8_t out[PRIORITY_ROOM]) {
    memcpy(out, "u=0, i", PRIORITY_ROOM);
    out[2] = (uint8_t)('0' + (p.urgency & 7));
    return p.incremental ? 6 : 3;
}
