/* core/base64.c: RFC 4648's vectors, every run of one and two bytes, and one text for each. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/base64.h"

static void check_both_ways(span bytes, const char *want) {
    size_t size = (bytes.n * 4 + 2) / 3, n;
    uint8_t *text = malloc(size ? size : 1), *back = malloc(size / 4 * 3 + 2);
    cr_assert(text && back);
    cr_assert_eq(base64_put_url(text, bytes), size);
    if (want) cr_assert(span_eq(span_of(text, size), span_str(want)), "%s", want);
    cr_assert(base64_get_url(span_of(text, size), back, &n));
    cr_assert(span_eq(span_of(back, n), bytes));
    free(text);
    free(back);
}

Test(base64, vectors) { /* RFC 4648 section 10, without padding */
    check_both_ways(SPAN(""), "");
    check_both_ways(SPAN("f"), "Zg");
    check_both_ways(SPAN("fo"), "Zm8");
    check_both_ways(SPAN("foo"), "Zm9v");
    check_both_ways(SPAN("foob"), "Zm9vYg");
    check_both_ways(SPAN("fooba"), "Zm9vYmE");
    check_both_ways(SPAN("foobar"), "Zm9vYmFy");
    check_both_ways(SPAN("\xfb\xff\xfe"), "-__-");
    check_both_ways(SPAN("\0\x3\0\0\0\x64"), "AAMAAABk"); /* SETTINGS in RFC 7540 section 3.2.1 */
}

Test(base64, padded) { /* RFC 4648 section 10 */
    static const char *const texts[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xfb\xff\xfe", "+//+"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint8_t text[16];
        size_t n = base64_put(text, span_str(texts[i][0]));
        cr_assert(span_eq(span_of(text, n), span_str(texts[i][1])), "%s", texts[i][1]);
    }
}

Test(base64, every_run_of_one_and_two_bytes) {
    for (unsigned v = 0; v < 65536; v++) {
        uint8_t bytes[2] = {(uint8_t)(v >> 8), (uint8_t)v};
        if (v < 256) check_both_ways(span_of(bytes + 1, 1), NULL);
        check_both_ways(span_of(bytes, 2), NULL);
    }
}

/* What is read is what would be written: of all texts of two letters 256 stand for a byte. */
Test(base64, one_text_for_each) {
    unsigned taken = 0;
    for (unsigned v = 0; v < 65536; v++) {
        const uint8_t text[2] = {(uint8_t)(v >> 8), (uint8_t)v};
        uint8_t byte[2], again[2];
        size_t n;
        if (!base64_get_url(span_of(text, 2), byte, &n)) continue;
        cr_assert_eq(n, 1);
        base64_put_url(again, span_of(byte, 1));
        cr_assert(memcmp(again, text, 2) == 0);
        taken++;
    }
    cr_assert_eq(taken, 256);
}

Test(base64, refused) {
    static const char *const list[] = {"A",    "AAAAA", "AA==", "AA=",   "AAA=", "AA A",
                                       "AA\n", "AA+A",  "AA/A", "AAAA ", "AB",   "AAB"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        uint8_t bytes[8];
        size_t n;
        cr_assert_not(base64_get_url(span_str(list[i]), bytes, &n), "%s", list[i]);
    }
}
