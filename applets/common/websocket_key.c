#include "applets/common/websocket_key.h"
#include "core/base64.h"

/* SHA-1 (RFC 3174) of a text under 120 bytes: no secret hangs on it here, it only shows that the
 * server has read the key (RFC 6455 section 10.3). */
static void sha1(uint8_t out[20], const uint8_t *text, size_t n) {
    uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    uint8_t padded[128] = {0};
    size_t blocks = (n + 9 + 63) / 64;
    memcpy(padded, text, n);
    padded[n] = 0x80;
    bytes_put32(padded + blocks * 64 - 4, (uint32_t)(n * 8));
    for (size_t b = 0; b < blocks; b++) {
        uint32_t w[80], v[5];
        memcpy(v, h, sizeof v);
        for (unsigned t = 0; t < 80; t++) {
            uint32_t x = t < 16 ? bytes_get32(padded + b * 64 + t * 4)
                                : w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16];
            w[t] = t < 16 ? x : x << 1 | x >> 31;
            uint32_t f = t < 20   ? ((v[1] & v[2]) | (~v[1] & v[3])) + 0x5a827999
                         : t < 40 ? (v[1] ^ v[2] ^ v[3]) + 0x6ed9eba1
                         : t < 60 ? ((v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])) + 0x8f1bbcdc
                                  : (v[1] ^ v[2] ^ v[3]) + 0xca62c1d6;
            uint32_t next = (v[0] << 5 | v[0] >> 27) + f + v[4] + w[t];
            memmove(v + 1, v, 4 * sizeof *v);
            v[2] = v[2] << 30 | v[2] >> 2;
            v[0] = next;
        }
        for (unsigned i = 0; i < 5; i++) h[i] += v[i];
    }
    for (unsigned i = 0; i < 5; i++) bytes_put32(out + 4 * i, h[i]);
}

void websocket_key_make(uint8_t out[WEBSOCKET_KEY], const uint8_t nonce[16]) {
    base64_put(out, span_of(nonce, 16));
}

void websocket_key_accept(uint8_t out[WEBSOCKET_ACCEPT], const uint8_t key[WEBSOCKET_KEY]) {
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    uint8_t text[WEBSOCKET_KEY + sizeof guid - 1], digest[20];
    memcpy(text, key, WEBSOCKET_KEY);
    memcpy(text + WEBSOCKET_KEY, guid, sizeof guid - 1);
    sha1(digest, text, sizeof text);
    base64_put(out, span_of(digest, sizeof digest));
}
