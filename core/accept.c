#include "core/accept.h"

#define UNKNOWN 1001u

static bool blank(uint8_t c) { return c == ' ' || c == '\t'; }

static span trimmed(span s) {
    while (s.n && blank(*s.p)) s = span_skip(s, 1);
    while (s.n && blank(s.p[s.n - 1])) s.n--;
    return s;
}

static span take_until(span *rest, uint8_t mark) {
    const uint8_t *at = rest->n ? memchr(rest->p, mark, rest->n) : NULL;
    span head = span_take(rest, at ? (size_t)(at - rest->p) : rest->n);
    if (at) *rest = span_skip(*rest, 1);
    return head;
}

/* A qvalue (section 12.4.2): "0.123", "1.000"; UNKNOWN when it is none. */
static unsigned weight(span s) {
    unsigned v, unit = 100;
    if (s.n == 0 || s.n > 5 || (*s.p != '0' && *s.p != '1') || (s.n > 1 && s.p[1] != '.'))
        return UNKNOWN;
    v = *s.p == '1' ? 1000 : 0;
    for (size_t i = 2; i < s.n; i++, unit /= 10) {
        uint8_t digit = (uint8_t)(s.p[i] - '0');
        if (digit > 9) return UNKNOWN;
        v += digit * unit;
    }
    return v > 1000 ? UNKNOWN : v;
}

static unsigned weight_of(span parameters) {
    static const span gives_weight = SPAN_LIT("q=");
    parameters = trimmed(parameters);
    if (!parameters.n) return 1000;
    if (!span_ieq(span_head(parameters, 2), gives_weight)) return UNKNOWN;
    return weight(span_skip(parameters, 2));
}

static bool named(span name, span coding) {
    static const span gzip = SPAN_LIT("gzip"), old = SPAN_LIT("x-gzip");
    return span_ieq(name, coding) || (span_eq(coding, gzip) && span_ieq(name, old));
}

unsigned accept_coding(span value, span coding) {
    static const span any = SPAN_LIT("*"), identity = SPAN_LIT("identity");
    unsigned found = UNKNOWN, others = UNKNOWN;
    while (value.n) {
        span element = trimmed(take_until(&value, ','));
        if (!element.n) continue;
        span name = trimmed(take_until(&element, ';'));
        unsigned v = weight_of(element);
        if (v == UNKNOWN) return 0;
        if (named(name, coding)) found = v;
        if (span_eq(name, any)) others = v;
    }
    if (found != UNKNOWN) return found;
    if (others != UNKNOWN) return others;
    return span_eq(coding, identity) ? 1 : 0;
}

bool accept_prefers(span value, span coding) {
    unsigned coded = accept_coding(value, coding);
    return coded && coded >= accept_coding(value, SPAN("identity"));
}
