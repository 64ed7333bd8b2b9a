/* SHA-256 by the processor's own rounds (Intel, "SHA Extensions", 2013): two rounds an instruction,
 * the state as ABEF and CDGH, four words of the schedule in a register. */
#include "tls/accel/sha2_code.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define NI        __attribute__((target("sha,ssse3,sse4.1")))
#define NI_INLINE NI __attribute__((always_inline))

NI_INLINE static inline __m128i load(const void *p) { return _mm_loadu_si128((const __m128i *)p); }

NI void sha2_ni_blocks256(uint32_t h[8], const uint8_t *p, size_t n) {
    const __m128i swap = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    __m128i low = _mm_shuffle_epi32(load(h), 0xb1);      /* BADC -> CDAB in memory order */
    __m128i high = _mm_shuffle_epi32(load(h + 4), 0x1b); /* EFGH reversed */
    __m128i abef = _mm_alignr_epi8(low, high, 8);
    __m128i cdgh = _mm_blend_epi16(high, low, 0xf0);
    for (; n; n -= 64, p += 64) {
        __m128i w[4], old_abef = abef, old_cdgh = cdgh;
        for (int i = 0; i < 4; i++) w[i] = _mm_shuffle_epi8(load(p + 16 * i), swap);
#pragma GCC unroll 16
        for (int i = 0; i < 16; i++) {
            __m128i t = _mm_add_epi32(w[i % 4], load(sha2_k32 + 4 * i));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, t);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(t, 0x0e));
            if (i < 12) {
                /* The four words sixteen later. */
                __m128i next = _mm_sha256msg1_epu32(w[i % 4], w[(i + 1) % 4]);
                next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) % 4], w[(i + 2) % 4], 4));
                w[i % 4] = _mm_sha256msg2_epu32(next, w[(i + 3) % 4]);
            }
        }
        abef = _mm_add_epi32(abef, old_abef);
        cdgh = _mm_add_epi32(cdgh, old_cdgh);
    }
    low = _mm_shuffle_epi32(abef, 0x1b);
    high = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(high, low, 8));
}
#else
typedef int sha2_ni_is_for_x86;
#endif
