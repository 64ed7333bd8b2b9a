/* AES-GCM for any processor, without a table that a secret could index.
 *
 * AES: four blocks at once in eight words, one for each bit of a byte; bit 16 b + 4 r + c of a word
 * belongs to block b, row r, column c. The S-box is the circuit of Boyer and Peralta ("A new
 * combinational logic minimization technique with applications to cryptology", 2009). GHASH:
 * carry-less products by integer multiplication of every fourth bit, so that carries fall into
 * the gaps. */
#include <string.h>

#include "core/bytes.h"
#include "tls/accel/aes_gcm_code.h"
#include "tls/accel/wipe.h"

enum { BLOCKS = 4 };

/* ---- AES ---- */

/* Bit i of byte j becomes bit j of byte i. */
static uint64_t transposed(uint64_t v) {
    uint64_t t = (v ^ (v >> 7)) & 0x00aa00aa00aa00aau;
    v ^= t ^ (t << 7);
    t = (v ^ (v >> 14)) & 0x0000cccc0000ccccu;
    v ^= t ^ (t << 14);
    t = (v ^ (v >> 28)) & 0x00000000f0f0f0f0u;
    return v ^ t ^ (t << 28);
}

static void planes_of(uint64_t q[8], const uint8_t bytes[16 * BLOCKS]) {
    memset(q, 0, 8 * sizeof *q);
    for (size_t word = 0; word < 8; word++) {
        const uint8_t *p = bytes + 16 * (word / 2) + 2 * (word % 2);
        uint64_t v = 0;
        for (size_t i = 0; i < 8; i++) v |= (uint64_t)p[4 * (i % 4) + i / 4] << (8 * i);
        v = transposed(v);
        for (size_t bit = 0; bit < 8; bit++) q[bit] |= ((v >> (8 * bit)) & 0xff) << (8 * word);
    }
}

static void bytes_of(uint8_t bytes[16 * BLOCKS], const uint64_t q[8]) {
    for (size_t word = 0; word < 8; word++) {
        uint8_t *p = bytes + 16 * (word / 2) + 2 * (word % 2);
        uint64_t v = 0;
        for (size_t bit = 0; bit < 8; bit++) v |= ((q[bit] >> (8 * word)) & 0xff) << (8 * bit);
        v = transposed(v);
        for (size_t i = 0; i < 8; i++) p[4 * (i % 4) + i / 4] = (uint8_t)(v >> (8 * i));
    }
}

static void substitute(uint64_t q[8]) {
    uint64_t x0 = q[7], x1 = q[6], x2 = q[5], x3 = q[4], x4 = q[3], x5 = q[2], x6 = q[1], x7 = q[0];
    /* The linear layer at the top. */
    uint64_t y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5, t0 = x1 ^ x2;
    uint64_t y1 = t0 ^ x7, y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0, y5 = y1 ^ x6, y3 = y5 ^ y8;
    uint64_t t1 = x4 ^ y12, y15 = t1 ^ x5, y20 = t1 ^ x1, y6 = y15 ^ x7, y10 = y15 ^ t0;
    uint64_t y11 = y20 ^ y9, y7 = x7 ^ y11, y17 = y10 ^ y11, y19 = y10 ^ y8, y16 = t0 ^ y11;
    uint64_t y21 = y13 ^ y16, y18 = x0 ^ y16;
    /* Inversion. */
    uint64_t t2 = y12 & y15, t4 = (y3 & y6) ^ t2, t6 = (y4 & x7) ^ t2, t7 = y13 & y16;
    uint64_t t9 = (y5 & y1) ^ t7, t11 = (y2 & y7) ^ t7, t12 = y9 & y11, t14 = (y14 & y17) ^ t12;
    uint64_t t16 = (y8 & y10) ^ t12, t21 = t4 ^ t14 ^ y20, t22 = t6 ^ t16 ^ y19;
    uint64_t t23 = t9 ^ t14 ^ y21, t24 = t11 ^ t16 ^ y18;
    uint64_t t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26, t29 = (t25 & t27) ^ t22;
    uint64_t t30 = t23 ^ t24, t31 = t22 ^ t26, t33 = (t31 & t30) ^ t24, t34 = t23 ^ t33;
    uint64_t t36 = t24 & (t27 ^ t33), t37 = t36 ^ t34, t38 = t27 ^ t36, t40 = t25 ^ (t29 & t38);
    uint64_t t41 = t40 ^ t37, t42 = t29 ^ t33, t43 = t29 ^ t40, t44 = t33 ^ t37, t45 = t42 ^ t41;
    uint64_t z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & x7, z3 = t43 & y16, z4 = t40 & y1;
    uint64_t z5 = t29 & y7, z6 = t42 & y11, z7 = t45 & y17, z8 = t41 & y10, z9 = t44 & y12;
    uint64_t z10 = t37 & y3, z11 = t33 & y4, z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2;
    uint64_t z15 = t42 & y9, z16 = t45 & y14, z17 = t41 & y8;
    /* The linear layer at the bottom. */
    uint64_t t46 = z15 ^ z16, t47 = z10 ^ z11, t48 = z5 ^ z13, t49 = z9 ^ z10, t50 = z2 ^ z12;
    uint64_t t51 = z2 ^ z5, t52 = z7 ^ z8, t53 = z0 ^ z3, t54 = z6 ^ z7, t55 = z16 ^ z17;
    uint64_t t56 = z12 ^ t48, t57 = t50 ^ t53, t58 = z4 ^ t46, t59 = z3 ^ t54, t60 = t46 ^ t57;
    uint64_t t61 = z14 ^ t57, t62 = t52 ^ t58, t63 = t49 ^ t58, t64 = z4 ^ t59, t65 = t61 ^ t62;
    uint64_t t66 = z1 ^ t63, t67 = t64 ^ t65, s3 = t53 ^ t66;
    q[7] = t59 ^ t63;
    q[6] = t64 ^ ~s3;
    q[5] = t55 ^ ~t67;
    q[4] = s3;
    q[3] = t51 ^ t66;
    q[2] = t47 ^ t65;
    q[1] = t56 ^ ~t62;
    q[0] = t48 ^ ~t60;
}

static void shift_rows(uint64_t q[8]) {
    for (size_t i = 0; i < 8; i++) {
        uint64_t v = q[i];
        q[i] = (v & 0x000f000f000f000fu) | ((v >> 1) & 0x0070007000700070u) |
               ((v << 3) & 0x0080008000800080u) | ((v >> 2) & 0x0300030003000300u) |
               ((v << 2) & 0x0c000c000c000c00u) | ((v >> 3) & 0x1000100010001000u) |
               ((v << 1) & 0xe000e000e000e000u);
    }
}

/* Row r takes the place of row r - n. */
static uint64_t rows_up(uint64_t v, unsigned n) {
    uint64_t low = 0x0001000100010001u * ((1u << (16 - 4 * n)) - 1);
    return ((v >> (4 * n)) & low) | ((v << (16 - 4 * n)) & ~low);
}

static void mix_columns(uint64_t q[8]) {
    uint64_t sum[8], rest[8];
    for (size_t i = 0; i < 8; i++) {
        uint64_t up = rows_up(q[i], 1);
        sum[i] = q[i] ^ up;
        rest[i] = up ^ rows_up(sum[i], 2);
    }
    for (size_t i = 0; i < 8; i++) q[i] = rest[i] ^ (i ? sum[i - 1] : 0);
    q[0] ^= sum[7];
    q[1] ^= sum[7];
    q[3] ^= sum[7];
    q[4] ^= sum[7];
}

/* A round key is 16 bits for each plane, the same for all four blocks. */
static void add_key(uint64_t q[8], const uint8_t key[16]) {
    for (size_t i = 0; i < 8; i++) q[i] ^= 0x0001000100010001u * bytes_get16(key + 2 * i);
}

static void cipher(const aes_gcm_key *k, uint8_t blocks[16 * BLOCKS]) {
    uint64_t q[8];
    planes_of(q, blocks);
    add_key(q, k->round[0]);
    for (uint32_t r = 1; r < k->rounds; r++) {
        substitute(q);
        shift_rows(q);
        mix_columns(q);
        add_key(q, k->round[r]);
    }
    substitute(q);
    shift_rows(q);
    add_key(q, k->round[k->rounds]);
    bytes_of(blocks, q);
}

static void block(const aes_gcm_key *k, const uint8_t in[16], uint8_t out[16]) {
    uint8_t blocks[16 * BLOCKS] = {0};
    memcpy(blocks, in, 16);
    cipher(k, blocks);
    memcpy(out, blocks, 16);
}

static void substitute_word(uint8_t word[4]) {
    uint8_t blocks[16 * BLOCKS] = {0};
    uint64_t q[8];
    memcpy(blocks, word, 4);
    planes_of(q, blocks);
    substitute(q);
    bytes_of(blocks, q);
    memcpy(word, blocks, 4);
}

/* FIPS 197 section 5.2. */
static void expand(aes_gcm_key *k, const uint8_t *key, size_t n) {
    uint8_t w[16 * 15], constant = 1;
    size_t all = 16 * (size_t)(k->rounds + 1);
    memcpy(w, key, n);
    for (size_t i = n; i < all; i += 4) {
        uint8_t t[4];
        memcpy(t, w + i - 4, 4);
        if (i % n == 0) {
            uint8_t first = t[0];
            t[0] = t[1];
            t[1] = t[2];
            t[2] = t[3];
            t[3] = first;
            substitute_word(t);
            t[0] ^= constant;
            constant = (uint8_t)((constant << 1) ^ (0x1b & (0 - (constant >> 7))));
        } else if (n == 32 && i % n == 16) {
            substitute_word(t);
        }
        for (size_t j = 0; j < 4; j++) w[i + j] = w[i - n + j] ^ t[j];
    }
    for (size_t r = 0; r <= k->rounds; r++) {
        uint8_t blocks[16 * BLOCKS] = {0};
        uint64_t q[8];
        memcpy(blocks, w + 16 * r, 16);
        planes_of(q, blocks);
        for (size_t i = 0; i < 8; i++) bytes_put16(k->round[r] + 2 * i, (uint32_t)q[i] & 0xffff);
    }
    wipe(w, sizeof w);
}

/* ---- GHASH ---- */

/* The low half of a carry-less product. Each sum of every fourth bit has at most 15 terms below
 * the top, so it does not reach the next one. */
static uint64_t times_low(uint64_t a, uint64_t b) {
    const uint64_t every = 0x1111111111111111u;
    uint64_t product = 0;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t sum = 0;
        for (unsigned j = 0; j < 4; j++) sum ^= (a & (every << j)) * (b & (every << ((i - j) & 3)));
        product |= sum & (every << i);
    }
    return product;
}

static uint64_t bits_reversed(uint64_t v) {
    v = ((v >> 1) & 0x5555555555555555u) | ((v & 0x5555555555555555u) << 1);
    v = ((v >> 2) & 0x3333333333333333u) | ((v & 0x3333333333333333u) << 2);
    v = ((v >> 4) & 0x0f0f0f0f0f0f0f0fu) | ((v & 0x0f0f0f0f0f0f0f0fu) << 4);
    return __builtin_bswap64(v);
}

typedef struct wide {
    uint64_t low, high;
} wide;

static wide times64(uint64_t a, uint64_t b) {
    return (wide){times_low(a, b),
                  bits_reversed(times_low(bits_reversed(a), bits_reversed(b))) >> 1};
}

/* Adds v times x^63 + x^62 + x^57 at the place of v's neighbour. */
static void fold(uint64_t v, uint64_t *low, uint64_t *high) {
    *low ^= (v << 63) ^ (v << 62) ^ (v << 57);
    *high ^= v ^ (v >> 1) ^ (v >> 2) ^ (v >> 7);
}

static wide field_times(wide a, wide b) {
    wide low = times64(a.low, b.low), high = times64(a.high, b.high);
    wide mid = times64(a.low ^ a.high, b.low ^ b.high);
    mid.low ^= low.low ^ high.low;
    mid.high ^= low.high ^ high.high;
    low.high ^= mid.low;
    high.low ^= mid.high;
    fold(low.low, &low.high, &high.low);
    fold(low.high, &high.low, &high.high);
    return high;
}

static uint64_t get64(const uint8_t *p) {
    return (uint64_t)bytes_get32(p) << 32 | bytes_get32(p + 4);
}

/* Field elements in memory: reversed bytes, so low first, both little-endian. */
static wide element(const uint8_t p[16]) {
    wide v;
    memcpy(&v.low, p, 8);
    memcpy(&v.high, p + 8, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = (wide){__builtin_bswap64(v.low), __builtin_bswap64(v.high)};
#endif
    return v;
}

static void element_put(uint8_t p[16], wide v) {
    for (unsigned i = 0; i < 8; i++) {
        p[i] = (uint8_t)(v.low >> (8 * i));
        p[8 + i] = (uint8_t)(v.high >> (8 * i));
    }
}

static void ghash(const aes_gcm_key *k, uint8_t sum[16], const uint8_t *p, size_t n) {
    wide h = element(k->power[AES_GCM_POWERS - 1]), s = element(sum);
    while (n) {
        uint8_t last[16] = {0};
        const uint8_t *at = p;
        size_t taken = n < 16 ? n : 16;
        if (taken < 16) at = memcpy(last, p, taken);
        s = field_times((wide){s.low ^ get64(at + 8), s.high ^ get64(at)}, h);
        p += taken;
        n -= taken;
    }
    element_put(sum, s);
}

static void setup(aes_gcm_key *k, const uint8_t *key, size_t n) {
    uint8_t h[16] = {0};
    memset(k->power, 0, sizeof k->power);
    expand(k, key, n);
    block(k, h, h);
    /* H times x: a shift to the left, and what falls out comes back by the polynomial. */
    wide v = {get64(h + 8), get64(h)};
    uint64_t carry = 0 - (v.high >> 63);
    wide shifted = {(v.low << 1) ^ (carry & 1), (v.high << 1) ^ (v.low >> 63)};
    shifted.high ^= carry & 0xc200000000000000u;
    element_put(k->power[AES_GCM_POWERS - 1], shifted);
    wipe(h, sizeof h);
}

/* ---- both ---- */

static void run(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16], const uint8_t *in,
                size_t n, uint8_t *out, bool decrypt) {
    uint8_t pad[16 * BLOCKS];
    uint32_t number = bytes_get32(counter + 12);
    while (n) {
        size_t taken = n < sizeof pad ? n : sizeof pad;
        for (size_t i = 0; i < BLOCKS; i++) {
            memcpy(pad + 16 * i, counter, 12);
            bytes_put32(pad + 16 * i + 12, number + (uint32_t)i);
        }
        cipher(k, pad);
        if (decrypt) ghash(k, sum, in, taken);
        for (size_t i = 0; i < taken; i++) out[i] = in[i] ^ pad[i];
        if (!decrypt) ghash(k, sum, out, taken);
        number += (uint32_t)(taken / 16);
        in += taken;
        out += taken;
        n -= taken;
    }
    bytes_put32(counter + 12, number);
    wipe(pad, sizeof pad);
}

static void encrypt(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16], const uint8_t *in,
                    size_t n, uint8_t *out) {
    run(k, counter, sum, in, n, out, false);
}

static void decrypt(const aes_gcm_key *k, uint8_t counter[16], uint8_t sum[16], const uint8_t *in,
                    size_t n, uint8_t *out) {
    run(k, counter, sum, in, n, out, true);
}

const aes_gcm_code aes_gcm_portable = {
    .setup = setup,
    .block = block,
    .ghash = ghash,
    .encrypt = encrypt,
    .decrypt = decrypt,
};
