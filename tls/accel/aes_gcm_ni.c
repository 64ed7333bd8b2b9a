/* AES-GCM with AES-NI and PCLMULQDQ: eight blocks at a time, so that the latency of one hides
 * behind the others, and one reduction for the eight products (Gueron and Kounavis, "Intel
 * Carry-Less Multiplication Instruction and its Usage for Computing the GCM Mode", 2014). */
#include "tls/accel/aes_gcm_code.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>

#define NI        __attribute__((target("aes,pclmul,ssse3,sse4.1")))
#define NI_INLINE NI __attribute__((always_inline))

NI_INLINE static inline __m128i load(const uint8_t *p) {
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}
NI_INLINE static inline void store(uint8_t *p, __m128i v) {
    _mm_storeu_si128((__m128i *)(void *)p, v);
}

NI_INLINE static inline __m128i reversed(__m128i v) {
    return _mm_shuffle_epi8(v, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

/* ---- GHASH ---- */

typedef struct product {
    __m128i low, mid, high;
} product;

NI_INLINE static inline void product_add(product *p, __m128i a, __m128i b) {
    p->low = _mm_xor_si128(p->low, _mm_clmulepi64_si128(a, b, 0x00));
    p->high = _mm_xor_si128(p->high, _mm_clmulepi64_si128(a, b, 0x11));
    p->mid = _mm_xor_si128(p->mid, _mm_clmulepi64_si128(a, b, 0x01));
    p->mid = _mm_xor_si128(p->mid, _mm_clmulepi64_si128(a, b, 0x10));
}

/* Modulo x^128 + x^127 + x^126 + x^121 + 1, by two folds of 64 bits. */
NI_INLINE static inline __m128i product_reduce(const product *p) {
    const __m128i poly = _mm_set_epi64x(0, (long long)0xc200000000000000u);
    __m128i low = _mm_xor_si128(p->low, _mm_slli_si128(p->mid, 8));
    __m128i high = _mm_xor_si128(p->high, _mm_srli_si128(p->mid, 8));
    for (int i = 0; i < 2; i++) {
        __m128i folded = _mm_clmulepi64_si128(low, poly, 0x00);
        low = _mm_xor_si128(_mm_shuffle_epi32(low, 0x4e), folded);
    }
    return _mm_xor_si128(low, high);
}

NI_INLINE static inline __m128i times(__m128i a, __m128i b) {
    product p = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    product_add(&p, a, b);
    return product_reduce(&p);
}

/* The sum after n <= 8 blocks. */
NI_INLINE static inline __m128i absorb(const aes_gcm_key *k, __m128i sum, const __m128i *block,
                                       size_t n) {
    product p = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    for (size_t i = 0; i < n; i++) {
        __m128i b = reversed(block[i]);
        if (i == 0) b = _mm_xor_si128(b, sum);
        product_add(&p, b, load(k->power[AES_GCM_POWERS - n + i]));
    }
    return product_reduce(&p);
}

NI void aes_gcm_ni_ghash(const aes_gcm_key *k, uint8_t sum[16], const uint8_t *p, size_t n) {
    __m128i s = load(sum), block[8];
    while (n >= 16) {
        size_t blocks = n / 16 < 8 ? n / 16 : 8;
        for (size_t i = 0; i < blocks; i++) block[i] = load(p + 16 * i);
        s = absorb(k, s, block, blocks);
        p += 16 * blocks;
        n -= 16 * blocks;
    }
    if (n) {
        uint8_t last[16] = {0};
        memcpy(last, p, n);
        block[0] = load(last);
        s = absorb(k, s, block, 1);
    }
    store(sum, s);
}

/* ---- AES ---- */

NI void aes_gcm_ni_block(const aes_gcm_key *k, const uint8_t in[16], uint8_t out[16]) {
    __m128i v = _mm_xor_si128(load(in), load(k->round[0]));
    for (size_t i = 1; i < k->rounds; i++) v = _mm_aesenc_si128(v, load(k->round[i]));
    store(out, _mm_aesenclast_si128(v, load(k->round[k->rounds])));
}

/* FIPS 197 section 5.2; the S-box is the one of AESKEYGENASSIST. */
NI static void expand(aes_gcm_key *k, const uint8_t *key, size_t n) {
    uint32_t w[60], step = (uint32_t)n / 4, constant = 1;
    memcpy(w, key, n);
    for (uint32_t i = step; i < 4 * (k->rounds + 1); i++) {
        uint32_t t = w[i - 1];
        if (i % step == 0 || (step > 6 && i % step == 4)) {
            __m128i v = _mm_aeskeygenassist_si128(_mm_set1_epi32((int)t), 0);
            if (i % step == 0) {
                /* SubWord and RotWord of a word in memory order. */
                t = (uint32_t)_mm_extract_epi32(v, 1) ^ constant;
                constant = (constant << 1) ^ (0x11b & (0u - (constant >> 7)));
            } else {
                t = (uint32_t)_mm_extract_epi32(v, 0);
            }
        }
        w[i] = w[i - step] ^ t;
    }
    memcpy(k->round, w, 16 * (size_t)(k->rounds + 1));
    memset(w, 0, sizeof w);
    __asm__ volatile("" : : "r"(w) : "memory");
}

NI void aes_gcm_ni_setup(aes_gcm_key *k, const uint8_t *key, size_t n) {
    static const uint8_t zeros[16];
    uint8_t h[16];
    expand(k, key, n);
    aes_gcm_ni_block(k, zeros, h);
    /* H times x: a shift to the left, and what falls out comes back by the polynomial. */
    __m128i v = reversed(load(h));
    __m128i carry = _mm_shuffle_epi32(_mm_srai_epi32(v, 31), 0xff);
    __m128i shifted = _mm_or_si128(_mm_slli_epi64(v, 1), _mm_slli_si128(_mm_srli_epi64(v, 63), 8));
    __m128i h1 = _mm_xor_si128(
        shifted, _mm_and_si128(carry, _mm_set_epi64x((long long)0xc200000000000000u, 1)));
    __m128i power = h1;
    store(k->power[AES_GCM_POWERS - 1], power);
    for (size_t i = AES_GCM_POWERS - 1; i-- > 0;) {
        power = times(power, h1);
        store(k->power[i], power);
    }
    memset(h, 0, sizeof h);
    __asm__ volatile("" : : "r"(h) : "memory");
}

/* ---- both ---- */

/* Key stream over n <= 8 blocks: block[i] becomes the output, and what was the cipher text of
 * eight blocks before or of these goes to GHASH outside. */
NI_INLINE static inline void stream8(const aes_gcm_key *k, uint32_t rounds, __m128i base,
                                     uint32_t counter, __m128i pad[8], size_t n) {
    __m128i key = load(k->round[0]);
    for (size_t i = 0; i < n; i++) {
        int big = (int)__builtin_bswap32(counter + (uint32_t)i);
        pad[i] = _mm_xor_si128(_mm_insert_epi32(base, big, 3), key);
    }
    for (uint32_t r = 1; r < rounds; r++) {
        key = load(k->round[r]);
        for (size_t i = 0; i < n; i++) pad[i] = _mm_aesenc_si128(pad[i], key);
    }
    key = load(k->round[rounds]);
    for (size_t i = 0; i < n; i++) pad[i] = _mm_aesenclast_si128(pad[i], key);
}

NI_INLINE static inline void run(const aes_gcm_key *k, uint8_t at[16], uint8_t sum[16],
                                 const uint8_t *in, size_t n, uint8_t *out, bool decrypt) {
    __m128i s = load(sum), base = load(at), pad[8], text[8];
    uint32_t counter = __builtin_bswap32((uint32_t)_mm_extract_epi32(base, 3));
    while (n >= 128) {
        stream8(k, k->rounds, base, counter, pad, 8);
        for (size_t i = 0; i < 8; i++) {
            __m128i c = load(in + 16 * i), o = _mm_xor_si128(c, pad[i]);
            text[i] = decrypt ? c : o;
            store(out + 16 * i, o);
        }
        s = absorb(k, s, text, 8);
        counter += 8;
        in += 128;
        out += 128;
        n -= 128;
    }
    if (n) {
        size_t blocks = n / 16;
        stream8(k, k->rounds, base, counter, pad, blocks);
        for (size_t i = 0; i < blocks; i++) {
            __m128i c = load(in + 16 * i), o = _mm_xor_si128(c, pad[i]);
            text[i] = decrypt ? c : o;
            store(out + 16 * i, o);
        }
        s = absorb(k, s, text, blocks);
        counter += (uint32_t)blocks;
    }
    store(sum, s);
    store(at, _mm_insert_epi32(base, (int)__builtin_bswap32(counter), 3));
}

NI void aes_gcm_ni_encrypt(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16],
                           const uint8_t *in, size_t n, uint8_t *out) {
    run(k, counter, sum, in, n, out, false);
}

static NI void decrypt(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16],
                       const uint8_t *in, size_t n, uint8_t *out) {
    run(k, counter, sum, in, n, out, true);
}

const aes_gcm_code aes_gcm_ni = {
    .setup = aes_gcm_ni_setup,
    .block = aes_gcm_ni_block,
    .ghash = aes_gcm_ni_ghash,
    .encrypt = aes_gcm_ni_encrypt,
    .decrypt = decrypt,
};
#else
typedef int aes_gcm_ni_is_for_x86;
#endif
