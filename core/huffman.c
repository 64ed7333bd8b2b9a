/* The Huffman code of HPACK (RFC 7541 section 5.2, appendix B). Tables: huffman_table.h. */
#include "core/huffman_table.h"
#include "core/hpack_impl.h"

#define BAD_CODE SIZE_MAX

size_t huffman_size(span s) {
    size_t bits = 0;
    for (size_t i = 0; i < s.n; i++) bits += huffman_code[s.p[i]].bits;
    return (bits + 7) / 8;
}

static uint64_t get64(const uint8_t *p) {
    return (uint64_t)bytes_get32(p) << 32 | bytes_get32(p + 4);
}

/* Codes collect at the low end of `acc`: 31 bits left over and the longest code of 30 always fit. */
size_t huffman_encode_under(span s, uint8_t *out, size_t most) {
    uint64_t acc = 0;
    unsigned have = 0;
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        struct huffman_code c = huffman_code[s.p[i]];
        acc = acc << c.bits | c.code;
        have += c.bits;
        if (have >= 32) {
            if (n + 4 >= most) return most;
            have -= 32;
            bytes_put32(out + n, (uint32_t)(acc >> have));
            n += 4;
        }
    }
    size_t rest = (have + 7) / 8;
    if (n + rest >= most) return most;
    /* The most significant bits of EOS, all ones, pad the last byte. */
    acc = (acc << 32 | UINT32_MAX) >> have;
    for (unsigned shift = 24; rest > 0; rest--, shift -= 8) out[n++] = (uint8_t)(acc >> shift);
    return n;
}

size_t huffman_encode(span s, uint8_t *out) { return huffman_encode_under(s, out, SIZE_MAX); }

/* The bits still to decode: the next one on top of `bits`, `have` of them the string's own. Behind the string follow
 * ones, the same as its padding: a symbol that eats any of them makes `have` negative, and nothing but padding
 * leaves it between 0 and 7. */
typedef struct bit_reader {
    const uint8_t *p, *end;
    uint64_t bits;
    int have;
} bit_reader;

/* The last, less than 8, bytes from r->p on, in the top of a word whose rest is ones. */
static uint64_t tail_word(const bit_reader *r) {
    uint64_t word = 0;
    unsigned n = (unsigned)(r->end - r->p);
    for (unsigned i = 0; i < n; i++) word |= (uint64_t)r->p[i] << (56 - 8 * i);
    return word | UINT64_MAX >> (8 * n);
}

/* At least 56 bits to look at, the ones behind the string included. have must not be negative. */
static inline void refill(bit_reader *r) {
    unsigned whole = (unsigned)(63 - r->have) / 8; /* bytes that fit */
    size_t left = (size_t)(r->end - r->p);
    if (left >= 8) {
        r->bits |= get64(r->p) >> r->have;
    } else {
        r->bits |= tail_word(r) >> r->have;
        if (whole > left) whole = (unsigned)left;
    }
    r->p += whole;
    r->have += (int)(8 * whole);
}

/* One symbol whose code is over HUFFMAN_STEP_BITS, or HUFFMAN_EOS for anything that must not be there. */
static unsigned long_symbol(bit_reader *r) {
    uint32_t window = (uint32_t)(r->bits >> 32);
    const struct huffman_class *c = huffman_class;
    while (window >= c->end && c->bits < 30) c++;
    unsigned bits = c->bits;
    if ((int)bits > r->have) return HUFFMAN_EOS;
    r->bits <<= bits;
    r->have -= (int)bits;
    return huffman_symbol[c->start + ((window >> (32 - bits)) - c->first)];
}

/* Decodes r to its end, with or without storing what comes out. */
static inline size_t decode(bit_reader *r, uint8_t *out, bool store) {
    size_t n = 0;
    for (;;) {
        if (r->have < 0) return BAD_CODE;
        refill(r);
        struct huffman_step s = huffman_step[r->bits >> (64 - HUFFMAN_STEP_BITS)];
        if (s.count == 0) {
            /* Only codes of eight ones and more are this long: with less than 8 bits left it is the padding. */
            if (r->have < 8) return n;
            unsigned symbol = long_symbol(r);
            if (symbol == HUFFMAN_EOS) return BAD_CODE;
            if (store) out[n] = (uint8_t)symbol;
            n++;
            continue;
        }
        /* Five steps use 55 of the 56 bits. Two bytes are always written: a step without a symbol uses nothing. */
        for (int step = 0;; step++) {
            if (store) memcpy(out + n, s.symbol, 2);
            n += s.count;
            r->bits <<= s.bits;
            r->have -= s.bits;
            if (step == 4) break;
            s = huffman_step[r->bits >> (64 - HUFFMAN_STEP_BITS)];
        }
    }
}

size_t huffman_decode(span s, uint8_t *out) {
    if (s.n == 0) return 0;
    bit_reader r = {.p = s.p, .end = s.p + s.n};
    return decode(&r, out, true);
}

size_t huffman_decoded_size(span s) {
    if (s.n == 0) return 0;
    bit_reader r = {.p = s.p, .end = s.p + s.n};
    return decode(&r, NULL, false);
}
