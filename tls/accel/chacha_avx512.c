/* ChaCha20, sixteen blocks at a time. What is left over may still be enough for AVX2. */
#include "tls/accel/chacha_code.h"

#if defined(__x86_64__)
#define WIDE                  __attribute__((target("avx2,avx512f,avx512bw,avx512vl")))
#define LANES                 16
#define V                     __m512i
#define V_XOR(a, b)           _mm512_xor_si512(a, b)
#define V_ADD32(a, b)         _mm512_add_epi32(a, b)
#define V_SET32(n)            _mm512_set1_epi32(n)
#define V_LANE_NUMBERS        _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define V_LEFT(v, n)          _mm512_rol_epi32(v, n)
#define V_LEFT16(v)           V_LEFT(v, 16)
#define V_LEFT8(v)            V_LEFT(v, 8)
#define V_UNPACK_LOW32(a, b)  _mm512_unpacklo_epi32(a, b)
#define V_UNPACK_HIGH32(a, b) _mm512_unpackhi_epi32(a, b)
#define V_UNPACK_LOW64(a, b)  _mm512_unpacklo_epi64(a, b)
#define V_UNPACK_HIGH64(a, b) _mm512_unpackhi_epi64(a, b)
#define V_GROUP(v, n)         _mm512_extracti32x4_epi32(v, n)
#include "tls/accel/chacha_wide.h"

size_t chacha_avx512_xor(uint32_t state[16], const uint8_t *in, size_t n, uint8_t *out) {
    size_t taken = wide_xor(state, in, n, out);
    return taken + chacha_avx2_xor(state, in + taken, n - taken, out + taken);
}
#else
typedef int chacha_avx512_is_for_x86;
#endif
