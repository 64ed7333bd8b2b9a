/* Which instructions beyond the baseline this processor has, asked once before main.
 *
 * Code that has a choice asks when a key is made or at each call, never keeps a table of its own,
 * and always has a portable answer. H2BOX_CPU=portable in the environment, or cpu_limit in a test,
 * takes choices away so that the other paths can be tried. */
#ifndef H2BOX_TLS_ACCEL_CPU_H
#define H2BOX_TLS_ACCEL_CPU_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CPU_AES = 1,       /* AES-NI, PCLMULQDQ, SSSE3, SSE4.1 */
    CPU_SHA = 2,       /* SHA-NI, SSSE3, SSE4.1 */
    CPU_AVX2 = 4,      /* and the system saves the registers */
    CPU_VAES = 8,      /* VAES and VPCLMULQDQ on 256 bits, with AVX2 */
    CPU_AVX512 = 16,   /* F, BW, VL, and the system saves the registers */
    CPU_BMI2_ADX = 32, /* MULX, ADCX, ADOX */
    CPU_ALL = 63
};

/* Whether all of the bits are there. */
bool cpu_has(uint32_t bits);

/* From now on only these bits are there, as far as the processor has them. For tests, in one
 * thread. */
void cpu_limit(uint32_t bits);

#endif
