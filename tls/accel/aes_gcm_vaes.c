/* AES-GCM over vectors of two blocks: VAES and VPCLMULQDQ on 256 bits, where there is no AVX-512
 * (Zen 3, Alder Lake). */
#include "tls/accel/aes_gcm_code.h"

#if defined(__x86_64__)
#define WIDE              __attribute__((target("aes,pclmul,avx2,vaes,vpclmulqdq")))
#define LANES             2
#define V                 __m256i
#define V_ZERO            _mm256_setzero_si256()
#define V_LOAD(p)         _mm256_loadu_si256((const __m256i *)(const void *)(p))
#define V_STORE(p, v)     _mm256_storeu_si256((__m256i *)(void *)(p), v)
#define V_XOR(a, b)       _mm256_xor_si256(a, b)
#define V_ADD32(a, b)     _mm256_add_epi32(a, b)
#define V_SHUFFLE8(v, by) _mm256_shuffle_epi8(v, by)
#define V_CLMUL(a, b, w)  _mm256_clmulepi64_epi128(a, b, w)
#define V_AES(v, k)       _mm256_aesenc_epi128(v, k)
#define V_AES_LAST(v, k)  _mm256_aesenclast_epi128(v, k)
#define V_BROADCAST(x)    _mm256_broadcastsi128_si256(x)
#define V_FIRST(x)        _mm256_zextsi128_si256(x)
#define V_COUNT(n)        _mm256_broadcastsi128_si256(_mm_set_epi32(0, 0, 0, n))
#define V_LANE_NUMBERS    _mm256_set_epi32(0, 0, 0, 1, 0, 0, 0, 0)
#define V_FOLD(v)         _mm_xor_si128(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1))
#include "tls/accel/aes_gcm_wide.h"

const aes_gcm_code aes_gcm_vaes = {
    .setup = aes_gcm_ni_setup,
    .block = aes_gcm_ni_block,
    .ghash = aes_gcm_ni_ghash,
    .encrypt = wide_encrypt,
    .decrypt = wide_decrypt,
};
#else
typedef int aes_gcm_vaes_is_for_x86;
#endif
