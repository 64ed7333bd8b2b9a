/* Ends of secrets: memory that held one is overwritten, and bytes that decide are compared in
 * constant time. Neither may be left out by the compiler. */
#ifndef H2BOX_TLS_ACCEL_WIPE_H
#define H2BOX_TLS_ACCEL_WIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void wipe(void *p, size_t n) {
    memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory"); /* somebody reads it */
}

/* Equal in all n bytes; the time tells nothing of where they differ. */
static inline bool wipe_equal(const uint8_t *a, const uint8_t *b, size_t n) {
    uint32_t differ = 0;
    for (size_t i = 0; i < n; i++) {
        differ |= (uint32_t)(a[i] ^ b[i]);
        __asm__ volatile("" : "+r"(differ));
    }
    return differ == 0;
}

#endif
