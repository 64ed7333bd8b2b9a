#include "tls/accel/sha2.h"

#include <string.h>

#include "tls/accel/cpu.h"
#include "tls/accel/sha2_code.h"
#include "tls/accel/wipe.h"

/* Fractions of the cube roots of the first primes (FIPS 180-4 section 4.2). */
const uint32_t sha2_k32[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static const uint64_t k64[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* Fractions of square roots of primes (sections 5.3.3 and 5.3.4). */
static const uint32_t start256[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint64_t start384[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
    0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t get64(const uint8_t *p) { return (uint64_t)get32(p) << 32 | get32(p + 4); }

static void put64(uint8_t *p, uint64_t v) {
    for (unsigned i = 0; i < 8; i++) p[i] = (uint8_t)(v >> (56 - 8 * i));
}

static uint32_t right32(uint32_t v, unsigned n) { return v >> n | v << (32 - n); }
static uint64_t right64(uint64_t v, unsigned n) { return v >> n | v << (64 - n); }

static void blocks256(uint32_t h[8], const uint8_t *p, size_t n) {
    uint32_t w[64], v[8];
    for (; n; n -= 64, p += 64) {
        for (size_t i = 0; i < 16; i++) w[i] = get32(p + 4 * i);
        for (size_t i = 16; i < 64; i++) {
            uint32_t a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + (right32(a, 7) ^ right32(a, 18) ^ a >> 3) + w[i - 7] +
                   (right32(b, 17) ^ right32(b, 19) ^ b >> 10);
        }
        memcpy(v, h, sizeof v);
        for (size_t i = 0; i < 64; i++) {
            uint32_t e = v[4], a = v[0];
            uint32_t t = v[7] + (right32(e, 6) ^ right32(e, 11) ^ right32(e, 25)) +
                         ((e & v[5]) ^ (~e & v[6])) + sha2_k32[i] + w[i];
            uint32_t u = (right32(a, 2) ^ right32(a, 13) ^ right32(a, 22)) +
                         ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof *v);
            v[4] += t;
            v[0] = t + u;
        }
        for (size_t i = 0; i < 8; i++) h[i] += v[i];
    }
    wipe(w, sizeof w);
    wipe(v, sizeof v);
}

static void blocks384(uint64_t h[8], const uint8_t *p, size_t n) {
    uint64_t w[80], v[8];
    for (; n; n -= 128, p += 128) {
        for (size_t i = 0; i < 16; i++) w[i] = get64(p + 8 * i);
        for (size_t i = 16; i < 80; i++) {
            uint64_t a = w[i - 15], b = w[i - 2];
            w[i] = w[i - 16] + (right64(a, 1) ^ right64(a, 8) ^ a >> 7) + w[i - 7] +
                   (right64(b, 19) ^ right64(b, 61) ^ b >> 6);
        }
        memcpy(v, h, sizeof v);
        for (size_t i = 0; i < 80; i++) {
            uint64_t e = v[4], a = v[0];
            uint64_t t = v[7] + (right64(e, 14) ^ right64(e, 18) ^ right64(e, 41)) +
                         ((e & v[5]) ^ (~e & v[6])) + k64[i] + w[i];
            uint64_t u = (right64(a, 28) ^ right64(a, 34) ^ right64(a, 39)) +
                         ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
            memmove(v + 1, v, 7 * sizeof *v);
            v[4] += t;
            v[0] = t + u;
        }
        for (size_t i = 0; i < 8; i++) h[i] += v[i];
    }
    wipe(w, sizeof w);
    wipe(v, sizeof v);
}

void sha2_blocks256(uint32_t h[8], const uint8_t *p, size_t n) {
#if defined(__x86_64__)
    if (cpu_has(CPU_SHA)) {
        sha2_ni_blocks256(h, p, n);
        return;
    }
#endif
    blocks256(h, p, n);
}

static size_t block_bytes(const sha2 *s) { return s->size == SHA2_256 ? 64 : 128; }

static void compress(sha2 *s, const uint8_t *p, size_t n) {
    if (s->size == SHA2_256)
        sha2_blocks256(s->h32, p, n);
    else
        blocks384(s->h64, p, n);
}

void sha2_begin(sha2 *s, size_t size) {
    s->n = 0;
    s->size = size;
    if (size == SHA2_256)
        memcpy(s->h32, start256, sizeof start256);
    else
        memcpy(s->h64, start384, sizeof start384);
}

void sha2_add(sha2 *s, const uint8_t *p, size_t n) {
    size_t block = block_bytes(s), used = s->n % block;
    if (n == 0) return;
    s->n += n;
    if (used) {
        size_t more = n < block - used ? n : block - used;
        memcpy(s->block + used, p, more);
        if (used + more < block) return;
        compress(s, s->block, block);
        p += more;
        n -= more;
    }
    size_t whole = n - n % block;
    if (whole) compress(s, p, whole);
    if (n > whole) memcpy(s->block, p + whole, n - whole);
}

/* Section 5.1: one bit, zeros, and the length in bits. */
void sha2_end(sha2 *s, uint8_t *digest) {
    size_t block = block_bytes(s), used = s->n % block, length = block / 8;
    uint8_t word[8];
    s->block[used++] = 0x80;
    if (used > block - length) {
        memset(s->block + used, 0, block - used);
        compress(s, s->block, block);
        used = 0;
    }
    memset(s->block + used, 0, block - used);
    put64(s->block + block - 8, s->n * 8);
    compress(s, s->block, block);
    for (size_t i = 0; i < s->size; i += 8) {
        put64(word, s->size == SHA2_256 ? (uint64_t)s->h32[i / 4] << 32 | s->h32[i / 4 + 1]
                                        : s->h64[i / 8]);
        memcpy(digest + i, word, 8);
    }
    wipe(s, sizeof *s);
}

void sha2_hmac(size_t size, const uint8_t *key, size_t key_n, const uint8_t *text, size_t text_n,
               uint8_t *mac) {
    uint8_t pad[128] = {0}, inner[SHA2_MAX];
    size_t block = size == SHA2_256 ? 64 : 128;
    sha2 s;
    if (key_n > block) {
        sha2_begin(&s, size);
        sha2_add(&s, key, key_n);
        sha2_end(&s, pad);
    } else if (key_n) {
        memcpy(pad, key, key_n);
    }
    for (size_t i = 0; i < block; i++) pad[i] ^= 0x36;
    sha2_begin(&s, size);
    sha2_add(&s, pad, block);
    sha2_add(&s, text, text_n);
    sha2_end(&s, inner);
    for (size_t i = 0; i < block; i++) pad[i] ^= 0x36 ^ 0x5c;
    sha2_begin(&s, size);
    sha2_add(&s, pad, block);
    sha2_add(&s, inner, size);
    sha2_end(&s, mac);
    wipe(pad, sizeof pad);
    wipe(inner, sizeof inner);
}
