/* ChaCha20, eight blocks at a time. */
#include "tls/accel/chacha_code.h"

#if defined(__x86_64__)
#define WIDE                  __attribute__((target("avx2")))
#define LANES                 8
#define V                     __m256i
#define V_XOR(a, b)           _mm256_xor_si256(a, b)
#define V_ADD32(a, b)         _mm256_add_epi32(a, b)
#define V_SET32(n)            _mm256_set1_epi32(n)
#define V_LANE_NUMBERS        _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0)
#define V_RIGHT(v, n)         _mm256_srli_epi32(v, n)
#define V_LEFT(v, n)          _mm256_or_si256(_mm256_slli_epi32(v, n), V_RIGHT(v, 32 - (n)))
#define V_UNPACK_LOW32(a, b)  _mm256_unpacklo_epi32(a, b)
#define V_UNPACK_HIGH32(a, b) _mm256_unpackhi_epi32(a, b)
#define V_UNPACK_LOW64(a, b)  _mm256_unpacklo_epi64(a, b)
#define V_UNPACK_HIGH64(a, b) _mm256_unpackhi_epi64(a, b)
#define V_GROUP(v, n)         _mm256_extracti128_si256(v, n)
#define V_BYTES(v, a, b, c, d)                                                                   \
    _mm256_shuffle_epi8(v, _mm256_broadcastsi128_si256(_mm_setr_epi8(                            \
                               a, b, c, d, (a) + 4, (b) + 4, (c) + 4, (d) + 4, (a) + 8, (b) + 8, \
                               (c) + 8, (d) + 8, (a) + 12, (b) + 12, (c) + 12, (d) + 12)))
#define V_LEFT16(v) V_BYTES(v, 2, 3, 0, 1)
#define V_LEFT8(v)  V_BYTES(v, 3, 0, 1, 2)
#include "tls/accel/chacha_wide.h"

size_t chacha_avx2_xor(uint32_t state[16], const uint8_t *in, size_t n, uint8_t *out) {
    return wide_xor(state, in, n, out);
}
#else
typedef int chacha_avx2_is_for_x86;
#endif
