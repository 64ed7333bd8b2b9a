/* core/hpack_enc.c and core/hpack_index.c: representations chosen, size updates, refusals. */
#include "tests/unit/hpack_story.h"

typedef struct bed {
    heap h;
    mem m;
    hpack_enc e;
} bed;

static bed *bed_new(uint32_t cap) {
    bed *b = calloc(1, sizeof *b);
    b->m = (mem){heap_resize, &b->h};
    hpack_enc_init(&b->e, &b->m, cap, 42);
    cr_assert_eq(b->h.calls, 0, "nothing is held before the first entry");
    return b;
}

static void bed_free(bed *b) {
    hpack_enc_end(&b->e);
    cr_assert_eq(b->h.held, 0);
    free(b);
}

static http_field field(const char *name, const char *value) {
    return (http_field){span_str(name), span_str(value), (uint16_t)fields_token(span_str(name)),
                        false};
}

static void expect_block(bed *b, const http_field *f, size_t n, const char *hex) {
    size_t out_n;
    uint8_t *out = encode_block(&b->e, f, n, &out_n);
    char *got = calloc(out_n + 1, 2);
    for (size_t i = 0; i < out_n; i++) snprintf(got + 2 * i, 3, "%02x", out[i]);
    cr_assert_str_eq(got, hex);
    free(got);
    free(out);
}

static void expect_field(bed *b, http_field f, const char *hex) { expect_block(b, &f, 1, hex); }

/* Appendix C.4. C.6 has our encoder differ: it gives location and set-cookie no place. */
Test(hpack_enc, c4_requests) {
    bed *b = bed_new(4096);
    http_field f[5] = {field(":method", "GET"), field(":scheme", "http"), field(":path", "/"),
                       field(":authority", "www.example.com"), field("cache-control", "no-cache")};
    expect_block(b, f, 4, "828684418cf1e3c2e5f23a6ba0ab90f4ff");
    expect_block(b, f, 5, "828684be5886a8eb10649cbf");
    f[1] = field(":scheme", "https");
    f[2] = field(":path", "/index.html");
    f[4] = field("custom-key", "custom-value");
    expect_block(b, f, 5, "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf");
    cr_assert(b->e.table.count == 3 && b->e.table.size == 164);
    /* A token that the caller did not look up costs nothing on the wire. */
    for (size_t i = 0; i < 5; i++) f[i].token = HTTP_TOKEN_OTHER;
    expect_block(b, f, 5, "828785c0be");
    bed_free(b);
}

Test(hpack_enc, strings) {
    bed *b = bed_new(0);
    expect_field(b, field("age", "<>"), "200f06023c3e"); /* Huffman would be longer */
    expect_field(b, field("age", "a"), "0f060161");      /* the same length: not shorter */
    expect_field(b, field("age", "aa"), "0f06026161");
    expect_field(b, field("age", "aaa"), "0f068218c7");
    expect_field(b, field("age", ""), "95");
    bed_free(b);
}

/* Lengths around those that need another byte, coded and not. */
Test(hpack_enc, lengths) {
    char text[20000];
    for (int coded = 0; coded < 2; coded++) {
        for (size_t n = 100; n < sizeof text; n = n < 400 ? n + 1 : n * 3 / 2) {
            bed *b = bed_new(4096);
            memset(text, coded ? 'e' : '\\', n);
            http_field f = {SPAN("age"), span_of(text, n), HTTP_TOKEN_AGE, false};
            size_t out_n;
            uint8_t *out = encode_block(&b->e, &f, 1, &out_n);
            hpack_dec d;
            hpack_list l;
            hpack_dec_init(&d, &b->m, 4096);
            hpack_list_init(&l, &b->m, 1, 65536);
            cr_assert_eq(hpack_dec_block(&d, span_of(out, out_n), &l), HPACK_OK);
            cr_assert(same_fields(l.fields, l.count, &f, 1));
            hpack_list_end(&l);
            hpack_dec_end(&d);
            free(out);
            bed_free(b);
        }
    }
}

/* Section 7.1.3. */
Test(hpack_enc, secrets) {
    bed *b = bed_new(4096);
    for (int i = 0; i < 3; i++) {
        expect_field(b, field("authorization", "q"), "1f080171");
        expect_field(b, field("proxy-authorization", "q"), "1f220171");
        expect_field(b, field("cookie", "q"), "1f110171");
        http_field f = field("accept", "q");
        f.never_indexed = true;
        expect_field(b, f, "1f040171");
        f = field(":method", "GET");
        f.never_indexed = true;
        expect_field(b, f, "1203474554");
        f = field("x", "q");
        f.never_indexed = true;
        expect_field(b, f, "1001780171");
    }
    cr_assert_eq(b->e.table.count, 0);
    expect_field(b, field("cookie", "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"),
                 "1f11135c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c");
    expect_field(b, field("cookie", "\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\\"),
                 "60145c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c");
    /* Known to the table, but secret this time: the name alone is used. */
    expect_field(b, field("x", "q"), "4001780171");
    http_field f = field("x", "q");
    f.never_indexed = true;
    expect_field(b, f, "1f2f0171");
    expect_field(b, field("x", "q"), "be");
    bed_free(b);
}

Test(hpack_enc, names) {
    bed *b = bed_new(4096);
    expect_field(b, field("priority", "\\"), "4086aec31ec327d7015c");
    expect_field(b, field("priority", "^"), "7e015e");
    expect_field(b, field("x-a", "\\"), "4003782d61015c");
    bed_free(b);
}

/* ---- size updates ---- */

Test(hpack_enc, size_updates) {
    http_field get = field(":method", "GET");
    bed *b = bed_new(100);
    expect_field(b, get, "3f4582"); /* our cap is under the default: 100 */
    expect_field(b, get, "82");
    hpack_enc_limit(&b->e, 65536);
    expect_field(b, get, "82"); /* the cap stays */
    hpack_enc_limit(&b->e, 0);
    expect_field(b, get, "2082");
    hpack_enc_limit(&b->e, 50);
    expect_field(b, get, "3f1382");
    hpack_enc_limit(&b->e, 0);
    hpack_enc_limit(&b->e, 4096);
    expect_field(b, get, "203f4582"); /* the lowest, then the final one */
    hpack_enc_limit(&b->e, 10);
    hpack_enc_limit(&b->e, 20);
    hpack_enc_limit(&b->e, 15);
    expect_field(b, get, "2a2f82");
    bed_free(b);

    b = bed_new(16384);
    expect_field(b, get, "82"); /* the peer's default is 4096 */
    hpack_enc_limit(&b->e, 65536);
    expect_field(b, get, "3fe17f82");
    hpack_enc_limit(&b->e, 4096);
    expect_field(b, get, "3fe11f82");
    hpack_enc_limit(&b->e, 0);
    hpack_enc_limit(&b->e, 0);
    expect_block(b, NULL, 0, "20");
    expect_block(b, NULL, 0, "");
    bed_free(b);
}

Test(hpack_enc, lowered_limit_evicts) {
    bed *b = bed_new(4096);
    expect_field(b, field("x", "q"), "4001780171");
    expect_field(b, field("x", "q"), "be");
    hpack_enc_limit(&b->e, 0);
    cr_assert_eq(b->h.held, 0);
    hpack_enc_limit(&b->e, 4096);
    expect_field(b, field("x", "q"), "203fe11f4001780171");
    bed_free(b);
}

/* An entry that would push out nearly everything gets no place. */
Test(hpack_enc, large_entries_are_not_indexed) {
    bed *b = bed_new(4096);
    char text[5000];
    memset(text, 'a', sizeof text);
    expect_field(b, field("x", "q"), "4001780171");
    for (size_t n = 3100; n < sizeof text; n += 100) {
        http_field f = {SPAN("y"), span_of(text, n), 0, false};
        size_t out_n;
        free(encode_block(&b->e, &f, 1, &out_n));
    }
    expect_field(b, field("x", "q"), "be");
    bed_free(b);
}

/* ---- refusals ---- */

Test(hpack_enc, refused_memory_means_literals) {
    bed *b = bed_new(4096);
    b->h.refuse_at = 1;
    b->h.refusals = SIZE_MAX / 2;
    for (int i = 0; i < 3; i++) expect_field(b, field("x", "q"), "0001780171");
    cr_assert(b->e.table.count == 0 && b->h.held == 0);
    b->h.refusals = 0;
    expect_field(b, field("x", "q"), "4001780171");
    expect_field(b, field("x", "q"), "be");
    bed_free(b);
}

/* The table took the entry and the index could not: it is found once the index can be built. */
Test(hpack_enc, refused_index_recovers) {
    bed *b = bed_new(4096);
    b->h.refuse_at = 2;
    b->h.refusals = 1;
    expect_field(b, field("x", "q"), "4001780171");
    cr_assert_eq(b->e.table.count, 1);
    expect_field(b, field("y", "q"), "4001790171");
    expect_field(b, field("x", "q"), "bf");
    expect_field(b, field("y", "q"), "be");
    bed_free(b);
}

/* Section 4.1 numbers wrap after 2^32 insertions; the index must not care. */
Test(hpack_enc, entry_numbers_wrap) {
    bed *b = bed_new(4096);
    hpack_dec d;
    hpack_list l;
    hpack_dec_init(&d, &b->m, 4096);
    hpack_list_init(&l, &b->m, 1, 65536);
    b->e.table.inserted = UINT32_MAX - 500;
    d.table.inserted = UINT32_MAX - 300;
    size_t indexed = 0;
    for (int i = 0; i < 2000; i++) {
        char value[16];
        snprintf(value, sizeof value, "%d", i % 4 ? i / 7 : i);
        http_field f = field(i % 2 ? "x-n" : "te", value);
        size_t n;
        uint8_t *out = encode_block(&b->e, &f, 1, &n);
        hpack_list_clear(&l);
        cr_assert_eq(hpack_dec_block(&d, span_of(out, n), &l), HPACK_OK);
        cr_assert(same_fields(l.fields, l.count, &f, 1));
        indexed += out[0] & 0x80 && n <= 2;
        free(out);
    }
    cr_assert_gt(indexed, 600);
    hpack_list_end(&l);
    hpack_dec_end(&d);
    bed_free(b);
}
