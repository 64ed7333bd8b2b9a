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

/* Codes that have been put together: the low `have` bits of `acc`, the last one lowest. */
typedef struct bit_writer {
    uint64_t acc;
    unsigned have;
} bit_writer;

static inline void append(bit_writer *w, uint64_t bits, unsigned n) {
    w->acc = w->acc << n | bits;
    w->have += n;
}

/* Writes the whole bytes of w; returns their number and leaves at most seven bits. */
static inline size_t put_whole(bit_writer *w, uint8_t *out) {
    size_t n = 0;
    for (; w->have >= 8; w->have -= 8) out[n++] = (uint8_t)(w->acc >> (w->have - 8));
    return n;
}

/* As long as four symbols take 56 bits or less, which is all but always, they go out with one store. Advances s past them;
 * writes only while eight bytes of `room` are left. Returns the bytes written. */
static inline size_t encode_fours(span *s, bit_writer *w, uint8_t *out, size_t room) {
    size_t n = 0;
    const uint8_t *p = s->p, *end = s->p + (s->n & ~(size_t)3);
    for (; p != end && n + 8 <= room; p += 4) {
        struct huffman_code a = huffman_code[p[0]], b = huffman_code[p[1]];
        struct huffman_code c = huffman_code[p[2]], d = huffman_code[p[3]];
        unsigned right = c.bits + d.bits, bits = a.bits + b.bits + right;
        if (bits > 56) break;
        uint64_t left_code = (uint64_t)a.code << b.bits | b.code;
        uint64_t right_code = (uint64_t)c.code << d.bits | d.code;
        append(w, left_code << right | right_code, bits);
        /* have is 5 at least, 7 + 56 at most: what lies over it in acc is shifted out. */
        put64(out + n, w->acc << (64 - w->have));
        n += w->have / 8;
        w->have %= 8;
    }
    *s = span_skip(*s, (size_t)(p - s->p));
    return n;
}

size_t huffman_encode_under(span s, uint8_t *out, size_t most) {
    bit_writer w = {0};
    size_t n = 0;
    while (s.n) {
        n += encode_fours(&s, &w, out + n, most - n);
        for (int i = 0; i < 4 && s.n; i++) {
            struct huffman_code c = huffman_code[*span_take(&s, 1).p];
            append(&w, c.code, c.bits);
            if (n + w.have / 8 >= most) return most;
            n += put_whole(&w, out + n);
        }
    }
    if (w.have == 0) return n;
    if (n + 1 >= most) return most;
    /* The most significant bits of EOS, all ones, pad the last byte. */
    out[n] = (uint8_t)(w.acc << (8 - w.have) | 0xffu >> w.have);
    return n + 1;
}

size_t huffman_encode(span s, uint8_t *out) { return huffman_encode_under(s, out, SIZE_MAX); }
