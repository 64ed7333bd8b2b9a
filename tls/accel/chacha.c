#include "tls/accel/chacha.h"

#include <string.h>

#include "tls/accel/chacha_code.h"
#include "tls/accel/cpu.h"
#include "tls/accel/wipe.h"

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put32(uint8_t *p, uint32_t v) {
    for (unsigned i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (8 * i));
}

void chacha_start(uint32_t state[16], const uint8_t key[CHACHA_KEY],
                  const uint8_t nonce[CHACHA_NONCE], uint32_t number) {
    static const uint8_t constant[] = "expand 32-byte k";
    for (size_t i = 0; i < 4; i++) state[i] = get32(constant + 4 * i);
    for (size_t i = 0; i < 8; i++) state[4 + i] = get32(key + 4 * i);
    state[12] = number;
    for (size_t i = 0; i < 3; i++) state[13 + i] = get32(nonce + 4 * i);
}

static uint32_t left(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }

static inline void quarter(uint32_t x[16], size_t a, size_t b, size_t c, size_t d) {
    x[a] += x[b];
    x[d] = left(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = left(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = left(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = left(x[b] ^ x[c], 7);
}

void chacha_block(uint32_t state[16], uint8_t out[CHACHA_BLOCK]) {
    uint32_t x[16];
    memcpy(x, state, sizeof x);
    for (int i = 0; i < 10; i++) {
        quarter(x, 0, 4, 8, 12);
        quarter(x, 1, 5, 9, 13);
        quarter(x, 2, 6, 10, 14);
        quarter(x, 3, 7, 11, 15);
        quarter(x, 0, 5, 10, 15);
        quarter(x, 1, 6, 11, 12);
        quarter(x, 2, 7, 8, 13);
        quarter(x, 3, 4, 9, 14);
    }
    for (size_t i = 0; i < 16; i++) put32(out + 4 * i, x[i] + state[i]);
    state[12]++;
    wipe(x, sizeof x);
}

void chacha_xor(uint32_t state[16], const uint8_t *in, size_t n, uint8_t *out) {
    uint8_t pad[CHACHA_BLOCK];
    size_t taken = 0;
#if defined(__x86_64__)
    if (cpu_has(CPU_AVX2 | CPU_AVX512))
        taken = chacha_avx512_xor(state, in, n, out);
    else if (cpu_has(CPU_AVX2))
        taken = chacha_avx2_xor(state, in, n, out);
#endif
    for (; taken < n; taken += CHACHA_BLOCK) {
        chacha_block(state, pad);
        for (size_t i = 0; i < CHACHA_BLOCK; i++) out[taken + i] = in[taken + i] ^ pad[i];
    }
    wipe(pad, sizeof pad);
}
