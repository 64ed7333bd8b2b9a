/* The loop of aes_gcm over vectors of several blocks, for whoever includes it: WIDE (the target
 * attribute), LANES (blocks in a vector), V and the V_ operations say which. Sixteen blocks a round
 * and one reduction for them; rounds overlap by themselves, since only the sum goes from one to the
 * next. What is left goes through once more, with one reduction too. */
#include <immintrin.h>
#include <string.h>

#include "tls/accel/aes_gcm_code.h"

#define WIDE_INLINE WIDE __attribute__((always_inline))
#define VECTORS     (AES_GCM_POWERS / LANES)

WIDE_INLINE static inline __m128i load(const uint8_t *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}
WIDE_INLINE static inline void store(uint8_t *p, __m128i v) {
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

WIDE_INLINE static inline __m128i reversal(void) {
    return _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

typedef struct product {
    V low, mid, high;
} product;

WIDE_INLINE static inline void product_add(product *p, V a, V b) {
    p->low = V_XOR(p->low, V_CLMUL(a, b, 0x00));
    p->high = V_XOR(p->high, V_CLMUL(a, b, 0x11));
    p->mid = V_XOR(p->mid, V_XOR(V_CLMUL(a, b, 0x01), V_CLMUL(a, b, 0x10)));
}

/* Modulo x^128 + x^127 + x^126 + x^121 + 1, by two folds of 64 bits. */
WIDE_INLINE static inline __m128i product_reduce(const product *p) {
    const __m128i poly = _mm_set_epi64x(0, (long long)0xc200000000000000u);
    __m128i mid = V_FOLD(p->mid);
    __m128i low = _mm_xor_si128(V_FOLD(p->low), _mm_slli_si128(mid, 8));
    __m128i high = _mm_xor_si128(V_FOLD(p->high), _mm_srli_si128(mid, 8));
    for (int i = 0; i < 2; i++) {
        __m128i folded = _mm_clmulepi64_si128(low, poly, 0x00);
        low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), folded);
    }
    return _mm_xor_si128(low, high);
}

WIDE_INLINE static inline V cipher(const V round[15], uint32_t rounds, V v) {
    v = V_XOR(v, round[0]);
#pragma GCC unroll 14
    for (uint32_t r = 1; r < rounds; r++) v = V_AES(v, round[r]);
    return V_AES_LAST(v, round[rounds]);
}

WIDE_INLINE static inline void run(const aes_gcm_key *k, const uint32_t rounds, uint8_t at[16],
                                   uint8_t sum[16], const uint8_t *in, size_t n, uint8_t *out,
                                   bool decrypt) {
    const V reverse = V_BROADCAST(reversal());
    const V step = V_COUNT(LANES);
    V round[15], power[VECTORS];
    for (uint32_t r = 0; r <= rounds; r++) round[r] = V_BROADCAST(load(k->round[r]));
    __m128i s = load(sum);
    __m128i counter = _mm_shuffle_epi8(load(at), reversal());
    V counters = V_ADD32(V_BROADCAST(counter), V_LANE_NUMBERS);
    counter = _mm_add_epi32(counter, _mm_set_epi32(0, 0, 0, (int)(uint32_t)(n / 16)));
    store(at, _mm_shuffle_epi8(counter, reversal()));

    if (n >= 16 * AES_GCM_POWERS) {
        for (size_t i = 0; i < VECTORS; i++) power[i] = V_LOAD(k->power[i * LANES]);
    }
    while (n >= 16 * AES_GCM_POWERS) {
        product p = {V_ZERO, V_ZERO, V_ZERO};
        V pad[VECTORS];
#pragma GCC unroll 8
        for (size_t i = 0; i < VECTORS; i++) {
            pad[i] = V_XOR(V_SHUFFLE8(counters, reverse), round[0]);
            counters = V_ADD32(counters, step);
        }
#pragma GCC unroll 14
        for (uint32_t r = 1; r < rounds; r++) {
#pragma GCC unroll 8
            for (size_t i = 0; i < VECTORS; i++) pad[i] = V_AES(pad[i], round[r]);
        }
#pragma GCC unroll 8
        for (size_t i = 0; i < VECTORS; i++) {
            V c = V_LOAD(in + 16 * LANES * i);
            V o = V_XOR(c, V_AES_LAST(pad[i], round[rounds]));
            V text = V_SHUFFLE8(decrypt ? c : o, reverse);
            V_STORE(out + 16 * LANES * i, o);
            if (i == 0) text = V_XOR(text, V_FIRST(s));
            product_add(&p, text, power[i]);
        }
        s = product_reduce(&p);
        in += 16 * AES_GCM_POWERS;
        out += 16 * AES_GCM_POWERS;
        n -= 16 * AES_GCM_POWERS;
    }
    if (n) {
        product p = {V_ZERO, V_ZERO, V_ZERO};
        const uint8_t *power_at = k->power[AES_GCM_POWERS - n / 16];
        for (; n >= 16 * LANES; n -= 16 * LANES) {
            V c = V_LOAD(in), o = V_XOR(c, cipher(round, rounds, V_SHUFFLE8(counters, reverse)));
            V text = V_XOR(V_SHUFFLE8(decrypt ? c : o, reverse), V_FIRST(s));
            V_STORE(out, o);
            product_add(&p, text, V_LOAD(power_at));
            counters = V_ADD32(counters, step);
            s = _mm_setzero_si128();
            in += 16 * LANES;
            out += 16 * LANES;
            power_at += 16 * LANES;
        }
        /* Fewer blocks than a vector has: the rest of it is zeros, which add nothing. */
        if (n) {
            uint8_t rest[16 * LANES] = {0}, powers[16 * LANES] = {0};
            memcpy(rest, in, n);
            memcpy(powers, power_at, n);
            V c = V_LOAD(rest), o = V_XOR(c, cipher(round, rounds, V_SHUFFLE8(counters, reverse)));
            V text = V_XOR(V_SHUFFLE8(decrypt ? c : o, reverse), V_FIRST(s));
            V_STORE(rest, o);
            memcpy(out, rest, n);
            product_add(&p, text, V_LOAD(powers));
        }
        s = product_reduce(&p);
    }
    store(sum, s);
}

#define WIDE_RUN(decrypt)                              \
    if (k->rounds == 10)                               \
        run(k, 10, counter, sum, in, n, out, decrypt); \
    else if (k->rounds == 14)                          \
        run(k, 14, counter, sum, in, n, out, decrypt); \
    else                                               \
        run(k, 12, counter, sum, in, n, out, decrypt)

WIDE static void wide_encrypt(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16],
                              const uint8_t *in, size_t n, uint8_t *out) {
    WIDE_RUN(false);
}

WIDE static void wide_decrypt(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16],
                              const uint8_t *in, size_t n, uint8_t *out) {
    WIDE_RUN(true);
}
