#include "core/huffman.h"
#include "core/huffman_table.h"

#define BAD_CODE SIZE_MAX

size_t huffman_size(span s) {
    size_t bits = 0;
    for (size_t i = 0; i < s.n; i++) bits += huffman_code[s.p[i]].bits;
    return (bits + 7) / 8;
}

static inline uint64_t get64(const uint8_t *p) {
    return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 |
           (uint64_t)p[3] << 32 | (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 |
           (uint64_t)p[6] << 8 | p[7];
}

static inline void put64(uint8_t *p, uint64_t v) {
    bytes_put32(p, (uint32_t)(v >> 32));
    bytes_put32(p + 4, (uint32_t)v);
}

/* ---- coding ---- */

/* The code of p[i], or of nothing at all when that is behind the string. p[0] must be there. */
static inline const struct huffman_code *code_at(const uint8_t *p, size_t i, size_t n) {
    unsigned symbol = p[i < n ? i : 0];
    return &huffman_code[i < n ? symbol : 256];
}

size_t huffman_encode_under(span s, uint8_t *out, size_t most) {
    const uint8_t *p = s.p;
    size_t left = s.n, n = 0;
    uint64_t acc = 0; /* the low `have` bits, at most seven, go before the next code */
    unsigned have = 0;
    while (left && n < most) {
        const struct huffman_code *a = &huffman_code[*p], *b, *c, *d;
        size_t symbols = left < 4 ? left : 4;
        if (left >= 4) {
            b = &huffman_code[p[1]], c = &huffman_code[p[2]], d = &huffman_code[p[3]];
        } else {
            b = code_at(p, 1, left), c = code_at(p, 2, left), d = code_at(p, 3, left);
        }
        unsigned low_bits = c->bits + d->bits, bits = a->bits + b->bits + low_bits;
        uint64_t code = a->code;
        if (bits <= 56) {
            /* All but always: four codes go out together. */
            uint64_t low = (uint64_t)c->code << d->bits | d->code;
            code = (code << b->bits | b->code) << low_bits | low;
        } else {
            bits = a->bits;
            symbols = 1;
        }
        acc = acc << bits | code;
        have += bits;
        put64(out + n, acc << (64 - have)); /* whole bytes, and some that are written again */
        n += have / 8;
        have %= 8;
        p += symbols;
        left -= symbols;
    }
    if (n + (have > 0) >= most) return most;
    if (have) out[n++] = (uint8_t)(acc << (8 - have) | 0xffu >> have);
    return n;
}

/* ---- decoding ---- */

/* The last n bytes of s, less than eight, in the top of a word whose rest is ones: behind a string
 * follow ones, the same as its padding. */
static inline uint64_t tail_word(span s, size_t n) {
    uint64_t word = 0;
    const uint8_t *p = s.p + (s.n - n);
    if (n && s.n >= 8) {
        word = get64(s.p + (s.n - 8)) << (64 - 8 * n);
    } else if (n >= 4) {
        word = (uint64_t)bytes_get32(p) << 32 | (uint64_t)bytes_get32(p + n - 4) << (64 - 8 * n);
    } else {
        for (size_t i = 0; i < n; i++) word |= (uint64_t)p[i] << (56 - 8 * i);
    }
    return word | UINT64_MAX >> (8 * n);
}

/* The symbol at the top of `bits`, whose code is over HUFFMAN_STEP_BITS; HUFFMAN_EOS also when it
 * takes more than the `left` bits of the string. */
static unsigned long_symbol(uint64_t bits, int64_t left, unsigned *used) {
    uint32_t window = (uint32_t)(bits >> 32);
    const struct huffman_class *c = huffman_class;
    while (window >= c->end && c->bits < 30) c++;
    *used = c->bits;
    if (c->bits > left) return HUFFMAN_EOS;
    return huffman_symbol[c->start + ((window >> (32 - c->bits)) - c->first)];
}

static inline const struct huffman_step *step_at(uint64_t bits) {
    return &huffman_step[bits >> (64 - HUFFMAN_STEP_BITS)];
}

/* Decodes what has eight bytes of the string at hand. Returns the bits used, BAD_CODE for EOS. */
static inline size_t decode_body(span s, uint8_t *out, size_t *out_n, bool store) {
    size_t pos = 0, n = 0;
    while (pos / 8 + 8 <= s.n) {
        uint64_t bits = get64(s.p + pos / 8) << pos % 8; /* 57 of them */
        const struct huffman_step *step = step_at(bits);
        if (step->count == 0) {
            unsigned used, symbol = long_symbol(bits, 57, &used);
            if (symbol == HUFFMAN_EOS) return BAD_CODE;
            if (store) out[n] = (uint8_t)symbol;
            n++;
            pos += used;
            continue;
        }
        /* Two bytes are always written; a step that finds a longer code has none and uses none. */
        for (int i = 1;; i++) {
            if (store) memcpy(out + n, step->symbol, 2);
            n += step->count;
            pos += step->bits;
            if (i == 57 / HUFFMAN_STEP_BITS) break;
            bits <<= step->bits;
            step = step_at(bits);
        }
    }
    *out_n = n;
    return pos;
}

/* Decodes the rest, from bit pos on, behind the n bytes that are out already. */
static inline size_t decode_tail(span s, size_t pos, uint8_t *out, size_t n, bool store) {
    /* Kept inverted, so that shifting brings in ones. */
    uint64_t inverted = ~tail_word(s, s.n - pos / 8) << pos % 8;
    int64_t left = (int64_t)(8 * s.n - pos); /* negative: a symbol took bits behind the string */
    for (;;) {
        const struct huffman_step *step = step_at(~inverted);
        if (step->count) {
            if (store) memcpy(out + n, step->symbol, 2);
            n += step->count;
            left -= step->bits;
            inverted <<= step->bits;
            continue;
        }
        if (left < 0) return BAD_CODE;
        /* Codes this long begin with eight ones and more: this is the padding (section 5.2). */
        if (left < 8) return n;
        unsigned used, symbol = long_symbol(~inverted, left, &used);
        if (symbol == HUFFMAN_EOS) return BAD_CODE;
        if (store) out[n] = (uint8_t)symbol;
        n++;
        left -= used;
        inverted <<= used;
    }
}

size_t huffman_decode(span s, uint8_t *out) {
    if (s.n == 0) return 0;
    size_t n, pos = decode_body(s, out, &n, true);
    return pos == BAD_CODE ? BAD_CODE : decode_tail(s, pos, out, n, true);
}

size_t huffman_decoded_size(span s) {
    if (s.n == 0) return 0;
    size_t n, pos = decode_body(s, NULL, &n, false);
    return pos == BAD_CODE ? BAD_CODE : decode_tail(s, pos, NULL, n, false);
}
