#include "core/base64.h"

#define COMMON "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

static size_t put(uint8_t *text, span bytes, const char *letters) {
    uint8_t *at = text;
    uint32_t bits = 0;
    unsigned count = 0;
    for (size_t i = 0; i < bytes.n; i++) {
        bits = bits << 8 | bytes.p[i];
        for (count += 8; count >= 6; count -= 6) *at++ = (uint8_t)letters[bits >> (count - 6) & 63];
    }
    if (count) *at++ = (uint8_t)letters[bits << (6 - count) & 63];
    return (size_t)(at - text);
}

size_t base64_put_url(uint8_t *text, span bytes) { return put(text, bytes, COMMON "-_"); }

size_t base64_put(uint8_t *text, span bytes) {
    size_t n = put(text, bytes, COMMON "+/");
    while (n % 4) text[n++] = '=';
    return n;
}

static int value_of(uint8_t c) {
    if ((uint8_t)(c - 'A') < 26) return c - 'A';
    if ((uint8_t)(c - 'a') < 26) return c - 'a' + 26;
    if ((uint8_t)(c - '0') < 10) return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

bool base64_get_url(span text, uint8_t *bytes, size_t *n) {
    uint32_t bits = 0;
    unsigned count = 0;
    *n = 0;
    if (text.n % 4 == 1) return false;
    for (size_t i = 0; i < text.n; i++) {
        int value = value_of(text.p[i]);
        if (value < 0) return false;
        bits = bits << 6 | (unsigned)value;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        bytes[(*n)++] = (uint8_t)(bits >> count);
    }
    return (bits & ((1u << count) - 1)) == 0; /* what is left over says nothing */
}
