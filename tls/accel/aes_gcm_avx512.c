/* AES-GCM over vectors of four blocks: VAES and VPCLMULQDQ on 512 bits. */
#include "tls/accel/aes_gcm_code.h"

#if defined(__x86_64__)
#define WIDE               WIDE_FOR("aes,pclmul,avx2,vaes,vpclmulqdq,avx512f,avx512bw,avx512vl")
#define WIDE_FOR(features) __attribute__((target(features)))
#define LANES              4
#define V                  __m512i
#define V_ZERO             _mm512_setzero_si512()
#define V_LOAD(p)          _mm512_loadu_si512((const void *)(p))
#define V_STORE(p, v)      _mm512_storeu_si512((void *)(p), v)
#define V_XOR(a, b)        _mm512_xor_si512(a, b)
#define V_ADD32(a, b)      _mm512_add_epi32(a, b)
#define V_SHUFFLE8(v, by)  _mm512_shuffle_epi8(v, by)
#define V_CLMUL(a, b, w)   _mm512_clmulepi64_epi128(a, b, w)
#define V_AES(v, k)        _mm512_aesenc_epi128(v, k)
#define V_AES_LAST(v, k)   _mm512_aesenclast_epi128(v, k)
#define V_BROADCAST(x)     _mm512_broadcast_i32x4(x)
#define V_FIRST(x)         _mm512_zextsi128_si512(x)
#define V_COUNT(n)         _mm512_broadcast_i32x4(_mm_set_epi32(0, 0, 0, n))
#define V_LANE_NUMBERS     _mm512_set_epi32(0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0)
#define V_FOLD(v)                                                                            \
    _mm_xor_si128(_mm_xor_si128(_mm512_castsi512_si128(v), _mm512_extracti32x4_epi32(v, 1)), \
                  _mm_xor_si128(_mm512_extracti32x4_epi32(v, 2), _mm512_extracti32x4_epi32(v, 3)))
#include "tls/accel/aes_gcm_wide.h"

const aes_gcm_code aes_gcm_avx512 = {
    .setup = aes_gcm_ni_setup,
    .block = aes_gcm_ni_block,
    .ghash = aes_gcm_ni_ghash,
    .encrypt = wide_encrypt,
    .decrypt = wide_decrypt,
};
#else
typedef int aes_gcm_avx512_is_for_x86;
#endif
