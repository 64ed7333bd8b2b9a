#include "applets/common/websocket_key.h"
#include "applets/proxy/rewrite.h"

bool rewrite_websocket(const fields_summary *s) {
    return s->protocol.n && span_ieq(s->protocol, SPAN("websocket"));
}

/* The only field of that name. */
static const http_field *find_one(const http_field *f, size_t n, span name) {
    const http_field *found = fields_find_name(f, n, name);
    if (!found) return NULL;
    size_t rest = n - (size_t)(found - f) - 1;
    return fields_find_name(found + 1, rest, name) ? NULL : found;
}

/* Base64 of 16 bytes: 22 letters, of which the last has four bits, and padding. */
static bool is_key(span s) {
    if (s.n != WEBSOCKET_KEY || s.p[22] != '=' || s.p[23] != '=') return false;
    for (size_t i = 0; i < 22; i++) {
        uint8_t c = s.p[i];
        bool letter = (uint8_t)(bytes_lower(c) - 'a') < 26 || (uint8_t)(c - '0') < 10;
        if (!letter && c != '+' && c != '/') return false;
    }
    return memchr("AQgw", s.p[21], 4) != NULL;
}

bool rewrite_websocket_key(uint8_t key[], bool front_h2, const uint8_t nonce[16],
                           const http_field *f, size_t n) {
    if (front_h2) {
        websocket_key_make(key, nonce);
        return true;
    }
    const http_field *sent = find_one(f, n, SPAN("sec-websocket-key"));
    if (!sent || !is_key(sent->value)) return false;
    memcpy(key, sent->value.p, WEBSOCKET_KEY);
    return true;
}

bool rewrite_websocket_agreed(const uint8_t key[], const http_field *f, size_t n) {
    uint8_t expected[WEBSOCKET_ACCEPT];
    const http_field *sent = find_one(f, n, SPAN("sec-websocket-accept"));
    websocket_key_accept(expected, key);
    return sent && span_eq(sent->value, span_of(expected, WEBSOCKET_ACCEPT));
}
