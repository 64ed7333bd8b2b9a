/* The loop of chacha over vectors of one word of several blocks, for whoever includes it: WIDE (the
 * target attribute), LANES (blocks at once), V and the V_ operations say which. Words of a block
 * lie in sixteen vectors; a transposition at the end puts blocks together again. */
#include <immintrin.h>
#include <string.h>

#include "tls/accel/chacha_code.h"

#define WIDE_INLINE WIDE __attribute__((always_inline))

WIDE_INLINE static inline void quarter(V *a, V *b, V *c, V *d) {
    *a = V_ADD32(*a, *b);
    *d = V_LEFT16(V_XOR(*d, *a));
    *c = V_ADD32(*c, *d);
    *b = V_LEFT(V_XOR(*b, *c), 12);
    *a = V_ADD32(*a, *b);
    *d = V_LEFT8(V_XOR(*d, *a));
    *c = V_ADD32(*c, *d);
    *b = V_LEFT(V_XOR(*b, *c), 7);
}

/* Four vectors of one word each become four of four words each: in every group of 128 bits those of
 * another block. */
WIDE_INLINE static inline void turn4(V v[4]) {
    V a = V_UNPACK_LOW32(v[0], v[1]), b = V_UNPACK_HIGH32(v[0], v[1]);
    V c = V_UNPACK_LOW32(v[2], v[3]), d = V_UNPACK_HIGH32(v[2], v[3]);
    v[0] = V_UNPACK_LOW64(a, c);
    v[1] = V_UNPACK_HIGH64(a, c);
    v[2] = V_UNPACK_LOW64(b, d);
    v[3] = V_UNPACK_HIGH64(b, d);
}

WIDE_INLINE static inline __m128i load(const uint8_t *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}
WIDE_INLINE static inline void store(uint8_t *p, __m128i v) {
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

/* 16 bytes of a group to their place in the text. */
#define WIDE_PUT(group)                                                                \
    do {                                                                               \
        size_t at = (size_t)64 * (4 * (group) + j) + 16 * i;                           \
        store(out + at, _mm_xor_si128(load(in + at), V_GROUP(x[4 * i + j], (group)))); \
    } while (0)

WIDE static size_t wide_xor(uint32_t state[16], const uint8_t *in, size_t n, uint8_t *out) {
    V first[16];
    size_t taken = n - n % ((size_t)64 * LANES);
    const uint8_t *end = in + taken;
    if (taken == 0) return 0;
    for (size_t i = 0; i < 16; i++) first[i] = V_SET32((int)state[i]);
    first[12] = V_ADD32(first[12], V_LANE_NUMBERS);
    for (; in != end; in += (size_t)64 * LANES, out += (size_t)64 * LANES) {
        V x[16];
        memcpy(x, first, sizeof x);
        for (int i = 0; i < 10; i++) {
            quarter(&x[0], &x[4], &x[8], &x[12]);
            quarter(&x[1], &x[5], &x[9], &x[13]);
            quarter(&x[2], &x[6], &x[10], &x[14]);
            quarter(&x[3], &x[7], &x[11], &x[15]);
            quarter(&x[0], &x[5], &x[10], &x[15]);
            quarter(&x[1], &x[6], &x[11], &x[12]);
            quarter(&x[2], &x[7], &x[8], &x[13]);
            quarter(&x[3], &x[4], &x[9], &x[14]);
        }
#pragma GCC unroll 4
        for (size_t i = 0; i < 4; i++) {
#pragma GCC unroll 4
            for (size_t j = 0; j < 4; j++) x[4 * i + j] = V_ADD32(x[4 * i + j], first[4 * i + j]);
            turn4(x + 4 * i);
#pragma GCC unroll 4
            for (size_t j = 0; j < 4; j++) {
                WIDE_PUT(0);
                WIDE_PUT(1);
#if LANES == 16
                WIDE_PUT(2);
                WIDE_PUT(3);
#endif
            }
        }
        first[12] = V_ADD32(first[12], V_SET32(LANES));
    }
    state[12] += (uint32_t)(taken / 64);
    return taken;
}
