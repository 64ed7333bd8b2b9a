#include "tls/accel/cpu.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static uint32_t present; /* written before main only */
static uint32_t allowed = CPU_ALL;

#if defined(__x86_64__)
static bool bits_of(uint32_t word, uint32_t mask) { return (word & mask) == mask; }

/* Registers that the system saves when it switches tasks (XCR0). */
static uint32_t saved_registers(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* Intel's manual, volume 2, CPUID: leaf 1 and leaf 7. */
static uint32_t ask(void) {
    uint32_t a, b, c, d, c1, b7 = 0, c7 = 0, found = 0, saved = 0;
    if (!__get_cpuid(1, &a, &b, &c1, &d)) return 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) b7 = b, c7 = c;
    if (bits_of(c1, 1u << 27)) saved = saved_registers();
    const uint32_t sse = 1u << 9 | 1u << 19; /* SSSE3, SSE4.1 */
    if (bits_of(c1, sse | 1u << 25 | 1u << 1)) found |= CPU_AES;
    if (bits_of(c1, sse) && bits_of(b7, 1u << 29)) found |= CPU_SHA;
    if (bits_of(b7, 1u << 8 | 1u << 19)) found |= CPU_BMI2_ADX;
    if (bits_of(saved, 0x06) && bits_of(b7, 1u << 5)) {
        found |= CPU_AVX2;
        if (bits_of(c7, 1u << 9 | 1u << 10)) found |= CPU_VAES;
        if (bits_of(saved, 0xe6) && bits_of(b7, 1u << 16 | 1u << 30 | 1u << 31))
            found |= CPU_AVX512;
    }
    return found;
}
#else
static uint32_t ask(void) { return 0; }
#endif

__attribute__((constructor)) static void look(void) {
    const char *wish = getenv("H2BOX_CPU");
    if (!wish || strcmp(wish, "portable") != 0) present = ask();
}

bool cpu_has(uint32_t bits) { return (present & allowed & bits) == bits; }

void cpu_limit(uint32_t bits) { allowed = bits; }
