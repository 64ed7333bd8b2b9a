/* core/huffman.c: RFC 7541 section 5.2 and appendix B. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/huffman.h"

static uint64_t random_state = 0x9e3779b97f4a7c15u;

static uint32_t random_bits(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

/* What any n coded bytes need when they are decoded. */
#define ROOM(n) ((n) * 8 / 5 + HUFFMAN_SLACK)

/* s coded, at its full length. */
static size_t encode(span s, uint8_t *out) {
    size_t size = huffman_size(s);
    uint8_t *room = malloc(size + 1 + HUFFMAN_SLACK);
    size_t n = huffman_encode_under(s, room, size + 1);
    cr_assert_eq(n, size);
    memcpy(out, room, n);
    free(room);
    return n;
}

/* Blocks of exactly the promised room, so that the sanitizer sees every byte too many. */
static void round_trip(span s) {
    size_t size = huffman_size(s);
    uint8_t *coded = malloc(size ? size : 1);
    cr_assert_eq(encode(s, coded), size);
    uint8_t *plain = malloc(ROOM(size));
    cr_assert_eq(huffman_decode(span_of(coded, size), plain), s.n);
    cr_assert(s.n == 0 || memcmp(plain, s.p, s.n) == 0);
    free(plain);
    plain = malloc(s.n + HUFFMAN_SLACK);
    cr_assert_eq(huffman_decode(span_of(coded, size), plain), s.n);
    cr_assert_eq(huffman_decoded_size(span_of(coded, size)), s.n);
    for (size_t most = 0; most <= size + 1; most += size > 100 ? 17 : 1) {
        uint8_t *under = malloc(most + HUFFMAN_SLACK);
        size_t n = huffman_encode_under(s, under, most);
        cr_assert_eq(n, size < most ? size : most);
        if (size < most) cr_assert(size == 0 || memcmp(under, coded, size) == 0);
        free(under);
    }
    free(plain);
    free(coded);
}

static size_t decode_hex(const char *hex) {
    size_t n = strlen(hex) / 2;
    uint8_t *coded = malloc(n ? n : 1), *plain = malloc(ROOM(n));
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        sscanf(hex + 2 * i, "%2x", &byte);
        coded[i] = (uint8_t)byte;
    }
    size_t got = huffman_decode(span_of(coded, n), plain);
    cr_assert_eq(huffman_decoded_size(span_of(coded, n)), got);
    free(coded);
    free(plain);
    return got;
}

/* RFC 7541 appendix C.4 and C.6. */
Test(huffman, examples) {
    static const struct {
        const char *plain;
        uint8_t coded[32];
        size_t n;
    } list[] = {
        {"www.example.com",
         {0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff},
         12},
        {"no-cache", {0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf}, 6},
        {"custom-key", {0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xa9, 0x7d, 0x7f}, 8},
        {"custom-value", {0x25, 0xa8, 0x49, 0xe9, 0x5b, 0xb8, 0xe8, 0xb4, 0xbf}, 9},
        {"302", {0x64, 0x02}, 2},
        {"307", {0x64, 0x0e, 0xff}, 3},
        {"private", {0xae, 0xc3, 0x77, 0x1a, 0x4b}, 5},
        {"Mon, 21 Oct 2013 20:13:21 GMT",
         {0xd0, 0x7a, 0xbe, 0x94, 0x10, 0x54, 0xd4, 0x44, 0xa8, 0x20, 0x05,
          0x95, 0x04, 0x0b, 0x81, 0x66, 0xe0, 0x82, 0xa6, 0x2d, 0x1b, 0xff},
         22},
        {"gzip", {0x9b, 0xd9, 0xab}, 3},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        span plain = span_str(list[i].plain);
        uint8_t out[64];
        cr_assert_eq(huffman_size(plain), list[i].n, "%s", list[i].plain);
        cr_assert_eq(encode(plain, out), list[i].n);
        cr_assert_arr_eq(out, list[i].coded, list[i].n);
        round_trip(plain);
    }
}

Test(huffman, empty) {
    uint8_t none[HUFFMAN_SLACK];
    cr_assert_eq(huffman_size(span_of(NULL, 0)), 0);
    cr_assert_eq(encode(span_of(NULL, 0), none), 0);
    cr_assert_eq(huffman_decode(span_of(NULL, 0), none), 0);
    cr_assert_eq(huffman_decoded_size(span_of(NULL, 0)), 0);
}

Test(huffman, every_byte_at_every_alignment) {
    uint8_t text[24];
    for (int c = 0; c < 256; c++) {
        for (size_t before = 0; before < 10; before++) {
            memset(text, 'a', sizeof text); /* five bits each */
            text[before] = (uint8_t)c;
            for (size_t n = before + 1; n <= sizeof text; n += 3) round_trip(span_of(text, n));
        }
    }
}

Test(huffman, every_pair) {
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            uint8_t text[2] = {(uint8_t)a, (uint8_t)b}, coded[8], plain[ROOM(8)];
            size_t n = encode(span_of(text, 2), coded);
            cr_assert_eq(huffman_decode(span_of(coded, n), plain), 2);
            cr_assert(plain[0] == a && plain[1] == b);
        }
    }
}

Test(huffman, random_texts) {
    uint8_t text[700];
    for (int round = 0; round < 3000; round++) {
        size_t n = random_bits() % (round % 10 ? 60 : sizeof text);
        for (size_t i = 0; i < n; i++) {
            uint32_t r = random_bits();
            text[i] = round % 3 == 0 ? (uint8_t)r : (uint8_t)(' ' + r % 95);
        }
        round_trip(span_of(text, n));
    }
}

/* Section 5.2: padding over 7 bits, padding that is not ones, and EOS are errors. */
Test(huffman, padding) {
    cr_assert_eq(decode_hex("1f"), 1, "'a' (00011) and three ones");
    cr_assert_eq(decode_hex("1fff"), SIZE_MAX, "11 bits of padding");
    cr_assert_eq(decode_hex("1e"), SIZE_MAX, "padding 110");
    cr_assert_eq(decode_hex("18"), SIZE_MAX, "padding 000 is the begin of a symbol");
    cr_assert_eq(decode_hex("1b"), SIZE_MAX, "padding 011");
    cr_assert_eq(decode_hex("ff"), SIZE_MAX, "nothing but 8 bits of padding");
    cr_assert_eq(decode_hex("f8"), 1, "'&' takes all eight bits");
    cr_assert_eq(decode_hex("f8ff"), SIZE_MAX, "8 bits of padding");
    cr_assert_eq(decode_hex("53"), 1, "a blank (010100) and two ones");
    cr_assert_eq(decode_hex("52"), SIZE_MAX, "a blank and 10");
}

Test(huffman, end_of_string_symbol) {
    cr_assert_eq(decode_hex("ffffffff"), SIZE_MAX);
    cr_assert_eq(decode_hex("fffffffc"), SIZE_MAX);
    cr_assert_eq(decode_hex("1ffffffffc"), SIZE_MAX);
    cr_assert_eq(decode_hex("ffffffffffffffffffffffff"), SIZE_MAX);
    for (size_t n = 1; n < 40; n++) {
        char hex[81] = {0};
        memset(hex, 'f', 2 * n);
        cr_assert_eq(decode_hex(hex), SIZE_MAX);
    }
}

/* A long code cut anywhere is an error, unless what is left of it looks like padding. */
Test(huffman, truncated) {
    for (int c = 0; c < 256; c++) {
        uint8_t text[3] = {'a', (uint8_t)c, 'b'}, coded[16], plain[ROOM(16)];
        size_t n = encode(span_of(text, 3), coded);
        for (size_t cut = 0; cut < n; cut++) {
            size_t got = huffman_decode(span_of(coded, cut), plain);
            cr_assert(got == SIZE_MAX || got < 3);
        }
    }
}

/* What decodes, encodes to the same bytes: there is one coding of each text. */
Test(huffman, canonical) {
    uint8_t coded[12], plain[ROOM(12)], again[16];
    size_t good = 0;
    for (int round = 0; round < 400000; round++) {
        size_t n = 1 + random_bits() % sizeof coded;
        for (size_t i = 0; i < n; i++) coded[i] = (uint8_t)random_bits();
        if (round % 2) coded[n - 1] |= (uint8_t)(0xffu >> (random_bits() % 8));
        size_t got = huffman_decode(span_of(coded, n), plain);
        cr_assert_eq(huffman_decoded_size(span_of(coded, n)), got);
        if (got == SIZE_MAX) continue;
        good++;
        cr_assert_eq(encode(span_of(plain, got), again), n);
        cr_assert_arr_eq(again, coded, n);
    }
    cr_assert_gt(good, 1000);
}
