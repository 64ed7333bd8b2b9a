/* Bytes that somebody else owns, and the big-endian numbers in them.
 *
 * A span is a view: it never owns, never frees, and lives as long as its lender says. Everything
 * here is pure and bounds are the caller's business, stated at each function. */
#ifndef H2BOX_CORE_BYTES_H
#define H2BOX_CORE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct span {
    const uint8_t *p;
    size_t n;
} span;

/* A span over a string literal, without its NUL. Works in constant initialisers too. */
#define SPAN_LIT(s) {(const uint8_t *)("" s), sizeof(s) - 1}
#define SPAN(s)     ((span)SPAN_LIT(s))

static inline span span_of(const void *p, size_t n) { return (span){p, n}; }

static inline span span_str(const char *s) { return (span){(const uint8_t *)s, strlen(s)}; }

/* The first n bytes of s, or all of it when it is shorter. */
static inline span span_head(span s, size_t n) { return (span){s.p, n < s.n ? n : s.n}; }

/* s without its first n bytes; n must not pass s.n. */
static inline span span_skip(span s, size_t n) { return (span){s.n ? s.p + n : s.p, s.n - n}; }

/* Cuts the first n bytes off *s and returns them; n must not pass s->n. */
static inline span span_take(span *s, size_t n) {
    span head = {s->p, n};
    *s = span_skip(*s, n);
    return head;
}

static inline bool span_eq(span a, span b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool span_starts(span s, span prefix) {
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline uint8_t bytes_lower(uint8_t c) {
    return (uint8_t)(c - 'A') < 26 ? (uint8_t)(c | 0x20) : c;
}

/* Equal when ASCII case is ignored (RFC 9110 section 5.1: field names; RFC 3986 section 6.2.2.1:
 * hosts). */
static inline bool span_ieq(span a, span b) {
    if (a.n != b.n) return false;
    for (size_t i = 0; i < a.n; i++) {
        if (bytes_lower(a.p[i]) != bytes_lower(b.p[i])) return false;
    }
    return true;
}

/* Big-endian reads and writes: p must have the bytes. */
static inline uint16_t bytes_get16(const uint8_t *p) { return (uint16_t)((p[0] << 8) | p[1]); }

static inline uint32_t bytes_get24(const uint8_t *p) {
    return ((uint32_t)p[0] << 16) | ((uint32_t)p[1] << 8) | p[2];
}

static inline uint32_t bytes_get32(const uint8_t *p) {
    return ((uint32_t)p[0] << 24) | ((uint32_t)p[1] << 16) | ((uint32_t)p[2] << 8) | p[3];
}

static inline void bytes_put16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void bytes_put24(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 16);
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)v;
}

static inline void bytes_put32(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* Writes v in decimal at p (20 bytes of room suffice) and returns the number of digits. */
static inline size_t bytes_put_decimal(uint8_t *p, uint64_t v) {
    uint8_t digits[20];
    size_t n = 0;
    do {
        digits[n++] = (uint8_t)('0' + v % 10);
        v /= 10;
    } while (v);
    for (size_t i = 0; i < n; i++) p[i] = digits[n - 1 - i];
    return n;
}

/* Reads a span of decimal digits only into *v; false when it is empty, holds anything else or
 * passes max. */
static inline bool bytes_get_decimal(span s, uint64_t max, uint64_t *v) {
    uint64_t sum = 0;
    if (s.n == 0) return false;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t digit = (uint8_t)(s.p[i] - '0');
        if (digit > 9 || digit > max || sum > (max - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *v = sum;
    return true;
}

/* The value of a hexadecimal digit, or -1. */
static inline int bytes_get_hex(uint8_t c) {
    if ((uint8_t)(c - '0') < 10) return c - '0';
    c = bytes_lower(c);
    return (uint8_t)(c - 'a') < 6 ? c - 'a' + 10 : -1;
}

#endif
