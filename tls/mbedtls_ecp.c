/* mbedTLS's multiplication on Curve25519 by accel/x25519: key shares and their secrets. The library
 * has no hook of its own for it, so the linker sends all calls between its files through here
 * (--wrap, cmake/deps.cmake); other curves go on to the library. Errors are those of mbedtls/ecp.h.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS
#include <mbedtls/ecp.h>

#include "tls/accel/wipe.h"
#include "tls/accel/x25519.h"

typedef int (*random_fn)(void *, unsigned char *, size_t);

int mbedtls_ecp_stock(mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *,
                      const mbedtls_ecp_point *, random_fn, void *,
                      mbedtls_ecp_restart_ctx *) __asm__("__real_mbedtls_ecp_mul_restartable");
int mbedtls_ecp_ours(mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *,
                     const mbedtls_ecp_point *, random_fn,
                     void *) __asm__("__wrap_mbedtls_ecp_mul");
int mbedtls_ecp_ours_restartable(
    mbedtls_ecp_group *, mbedtls_ecp_point *, const mbedtls_mpi *, const mbedtls_ecp_point *,
    random_fn, void *, mbedtls_ecp_restart_ctx *) __asm__("__wrap_mbedtls_ecp_mul_restartable");

/* The checks are the library's: a clamped scalar, and no point of low order. One that would pass
 * them makes a secret of zero, which is refused all the same (RFC 7748 section 6.1). */
static int multiply(mbedtls_ecp_group *g, mbedtls_ecp_point *r, const mbedtls_mpi *m,
                    const mbedtls_ecp_point *p) {
    uint8_t scalar[X25519_BYTES], u[X25519_BYTES];
    bool good = true;
    int result = mbedtls_ecp_check_privkey(g, m);
    if (!result) result = mbedtls_ecp_check_pubkey(g, p);
    if (!result) result = mbedtls_mpi_write_binary_le(m, scalar, sizeof scalar);
    if (!result) result = mbedtls_mpi_write_binary_le(&p->X, u, sizeof u);
    if (!result) {
        if (mbedtls_mpi_cmp_int(&p->X, 9) == 0)
            x25519_base(u, scalar);
        else
            good = x25519(u, scalar, u);
        result =
            good ? mbedtls_mpi_read_binary_le(&r->X, u, sizeof u) : MBEDTLS_ERR_ECP_INVALID_KEY;
    }
    if (!result) result = mbedtls_mpi_lset(&r->Z, 1);
    if (!result) mbedtls_mpi_free(&r->Y);
    wipe(scalar, sizeof scalar);
    wipe(u, sizeof u);
    return result;
}

__attribute__((used)) int mbedtls_ecp_ours_restartable(mbedtls_ecp_group *g, mbedtls_ecp_point *r,
                                                       const mbedtls_mpi *m,
                                                       const mbedtls_ecp_point *p, random_fn random,
                                                       void *user, mbedtls_ecp_restart_ctx *later) {
    /* The library takes a u of 256 bits as it is; RFC 7748 section 5 ignores the highest. */
    if (g->id != MBEDTLS_ECP_DP_CURVE25519 || !random || mbedtls_mpi_bitlen(&p->X) > 255)
        return mbedtls_ecp_stock(g, r, m, p, random, user, later);
    return multiply(g, r, m, p);
}

__attribute__((used)) int mbedtls_ecp_ours(mbedtls_ecp_group *g, mbedtls_ecp_point *r,
                                           const mbedtls_mpi *m, const mbedtls_ecp_point *p,
                                           random_fn random, void *user) {
    return mbedtls_ecp_ours_restartable(g, r, m, p, random, user, NULL);
}
