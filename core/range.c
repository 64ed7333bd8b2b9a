#include "core/range.h"

static void skip_blanks(span *s) {
    while (s->n && (*s->p == ' ' || *s->p == '\t')) *s = span_skip(*s, 1);
}

static bool take(span *s, uint8_t byte) {
    if (!s->n || *s->p != byte) return false;
    *s = span_skip(*s, 1);
    return true;
}

/* Any number of digits: what is beyond all sizes stays that. False when there are none. */
static bool take_number(span *s, uint64_t *v) {
    const uint8_t *start = s->p;
    *v = 0;
    while (s->n && (uint8_t)(*s->p - '0') <= 9) {
        uint8_t digit = (uint8_t)(*s->p - '0');
        *v = *v > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *v * 10 + digit;
        *s = span_skip(*s, 1);
    }
    return s->p != start;
}

/* One range-spec; *asked is empty when the representation has none of it. False: it is none. */
static bool take_spec(span *s, uint64_t size, range *asked) {
    uint64_t first, last = UINT64_MAX;
    *asked = (range){0, 0};
    if (take(s, '-')) { /* suffix-range */
        uint64_t n;
        if (!take_number(s, &n)) return false;
        if (n > size) n = size;
        *asked = (range){size - n, n};
        return true;
    }
    if (!take_number(s, &first) || !take(s, '-')) return false;
    if (s->n && (uint8_t)(*s->p - '0') <= 9) take_number(s, &last);
    if (last < first) return false;
    if (first >= size) return true;
    if (last >= size) last = size - 1;
    *asked = (range){first, last - first + 1};
    return true;
}

static bool touch(range a, range b) {
    return a.first <= b.first + b.length && b.first <= a.first + a.length;
}

static range join(range a, range b) {
    uint64_t end_a = a.first + a.length, end_b = b.first + b.length;
    uint64_t first = a.first < b.first ? a.first : b.first;
    return (range){first, (end_a > end_b ? end_a : end_b) - first};
}

/* Adds r in place of the first that it touches, and takes in all others that the two then touch. */
static size_t add(range *parts, size_t n, range r) {
    size_t at = n;
    for (size_t i = 0; i < n;) {
        if (!touch(parts[i], r)) {
            i++;
            continue;
        }
        r = join(parts[i], r);
        memmove(parts + i, parts + i + 1, (n - i - 1) * sizeof *parts);
        n--;
        if (i < at) at = i;
        i = 0; /* it has grown */
    }
    memmove(parts + at + 1, parts + at, (n - at) * sizeof *parts);
    parts[at] = r;
    return n + 1;
}

range_result range_parse(span value, uint64_t size, range parts[LIMIT_RANGES], size_t *count) {
    static const span unit = SPAN_LIT("bytes=");
    uint64_t sum = 0;
    size_t specs = 0, n = 0;
    *count = 0;
    if (size == 0 || value.n < unit.n || !span_ieq(span_head(value, unit.n), unit))
        return RANGE_NONE;
    span rest = span_skip(value, unit.n);
    for (skip_blanks(&rest); rest.n; skip_blanks(&rest)) {
        range r;
        if (take(&rest, ',')) continue; /* an empty element (section 5.6.1.2) */
        if (!take_spec(&rest, size, &r) || ++specs > LIMIT_RANGES) return RANGE_NONE;
        skip_blanks(&rest);
        if (rest.n && *rest.p != ',') return RANGE_NONE;
        if (r.length) n = add(parts, n, r);
    }
    if (!specs) return RANGE_NONE;
    if (!n) return RANGE_UNSATISFIABLE;
    for (size_t i = 0; i < n; i++) sum += parts[i].length;
    if (specs > 1 && sum >= size) return RANGE_NONE;
    *count = n;
    return RANGE_PARTS;
}
