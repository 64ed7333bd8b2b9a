/* The compression of mbedTLS's SHA-256 (MBEDTLS_SHA256_PROCESS_ALT) by accel/sha2: transcripts,
 * certificates and key schedules are made of it. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <mbedtls/build_info.h>

#if defined(MBEDTLS_SHA256_PROCESS_ALT)
#include <mbedtls/sha256.h>

#include "tls/accel/sha2.h"

int mbedtls_internal_sha256_process(mbedtls_sha256_context *c, const unsigned char block[64]) {
    sha2_blocks256(c->state, block, 64);
    return 0;
}
#else
typedef int mbedtls_internal_sha256_is_the_library_s_own;
#endif
