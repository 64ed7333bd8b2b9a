/* core/hpack_dec.c and core/hpack_list.c: RFC 7541 appendix C, every error, size updates, caps. */
#include "tests/unit/hpack_story.h"

typedef struct bed {
    heap h;
    mem m;
    hpack_dec d;
    hpack_list l;
} bed;

static bed *bed_new(uint32_t limit, uint32_t max_count, uint32_t max_size) {
    bed *b = calloc(1, sizeof *b);
    b->m = (mem){heap_resize, &b->h};
    hpack_dec_init(&b->d, &b->m, limit);
    hpack_list_init(&b->l, &b->m, max_count, max_size);
    cr_assert_eq(b->h.calls, 0, "nothing is held before the first block");
    return b;
}

static void bed_free(bed *b) {
    hpack_dec_end(&b->d);
    hpack_list_end(&b->l);
    cr_assert_eq(b->h.held, 0);
    free(b);
}

/* Decodes into the cleared list, from a copy that is gone afterwards. */
static hpack_status decode_hex(bed *b, const char *hex) {
    size_t n;
    uint8_t *wire = hex_bytes(hex, &n);
    hpack_list_clear(&b->l);
    hpack_status s = hpack_dec_block(&b->d, span_of(wire, n), &b->l);
    free(wire);
    return s;
}

static hpack_status first_status(const char *hex) {
    bed *b = bed_new(4096, 100, 65536);
    hpack_status s = decode_hex(b, hex);
    bed_free(b);
    return s;
}

/* Expects "name: value" lines in the list. */
static void expect_fields(const bed *b, const char *want) {
    char got[4096];
    size_t n = 0;
    for (uint32_t i = 0; i < b->l.count; i++) {
        const http_field *f = &b->l.fields[i];
        cr_assert_eq(f->token, fields_token(f->name));
        n += (size_t)snprintf(got + n, sizeof got - n, "%.*s: %.*s\n", (int)f->name.n, f->name.p,
                              (int)f->value.n, f->value.p);
    }
    got[n] = 0;
    cr_assert_str_eq(got, want);
}

static void expect_table(const bed *b, uint32_t size, const char *want) {
    char got[4096];
    size_t n = 0;
    for (uint32_t i = 0; i < b->d.table.count; i++) {
        hpack_entry e = hpack_table_entry(&b->d.table, i);
        n += (size_t)snprintf(got + n, sizeof got - n, "%.*s: %.*s\n", (int)e.name.n, e.name.p,
                              (int)e.value.n, e.value.p);
    }
    got[n] = 0;
    cr_assert_str_eq(got, want);
    cr_assert_eq(b->d.table.size, size);
}

/* ---- appendix C ---- */

Test(hpack_dec, c1_integers) {
    /* As string lengths, indices and sizes elsewhere; here 1337 behind a five bit prefix. */
    bed *b = bed_new(4096, 100, 65536);
    cr_assert_eq(decode_hex(b, "3f9a0a"), HPACK_OK);
    cr_assert_eq(b->d.table.max_size, 1337);
    cr_assert_eq(decode_hex(b, "2a"), HPACK_OK);
    cr_assert_eq(b->d.table.max_size, 10);
    bed_free(b);
}

Test(hpack_dec, c2_fields) {
    bed *b = bed_new(4096, 100, 65536);
    cr_assert_eq(decode_hex(b, "400a637573746f6d2d6b65790d637573746f6d2d686561646572"), HPACK_OK);
    expect_fields(b, "custom-key: custom-header\n");
    expect_table(b, 55, "custom-key: custom-header\n");
    cr_assert_not(b->l.fields[0].never_indexed);
    bed_free(b);

    b = bed_new(4096, 100, 65536);
    cr_assert_eq(decode_hex(b, "040c2f73616d706c652f70617468"), HPACK_OK);
    expect_fields(b, ":path: /sample/path\n");
    expect_table(b, 0, "");
    cr_assert_not(b->l.fields[0].never_indexed);
    cr_assert_eq(decode_hex(b, "100870617373776f726406736563726574"), HPACK_OK);
    expect_fields(b, "password: secret\n");
    expect_table(b, 0, "");
    cr_assert(b->l.fields[0].never_indexed);
    cr_assert_eq(decode_hex(b, "82"), HPACK_OK);
    expect_fields(b, ":method: GET\n");
    bed_free(b);
}

static void requests(const char *const blocks[3]) {
    bed *b = bed_new(4096, 100, 65536);
    cr_assert_eq(decode_hex(b, blocks[0]), HPACK_OK);
    expect_fields(b, ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n");
    expect_table(b, 57, ":authority: www.example.com\n");
    cr_assert_eq(decode_hex(b, blocks[1]), HPACK_OK);
    expect_fields(b, ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
                     "cache-control: no-cache\n");
    expect_table(b, 110, "cache-control: no-cache\n:authority: www.example.com\n");
    cr_assert_eq(decode_hex(b, blocks[2]), HPACK_OK);
    expect_fields(b, ":method: GET\n:scheme: https\n:path: /index.html\n"
                     ":authority: www.example.com\ncustom-key: custom-value\n");
    expect_table(b, 164,
                 "custom-key: custom-value\ncache-control: no-cache\n"
                 ":authority: www.example.com\n");
    bed_free(b);
}

Test(hpack_dec, c3_requests) {
    requests((const char *const[]){
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    });
}

Test(hpack_dec, c4_requests_huffman) {
    requests((const char *const[]){
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    });
}

#define DATE_21 "Mon, 21 Oct 2013 20:13:21 GMT"
#define DATE_22 "Mon, 21 Oct 2013 20:13:22 GMT"
#define COOKIE  "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"

static void responses(const char *const blocks[3]) {
    bed *b = bed_new(4096, 100, 65536);
    hpack_dec_limit(&b->d, 256);
    char first[512];
    snprintf(first, sizeof first, "3fe101%s", blocks[0]); /* says that it keeps to 256 */
    cr_assert_eq(decode_hex(b, first), HPACK_OK);
    expect_fields(b, ":status: 302\ncache-control: private\ndate: " DATE_21
                     "\nlocation: https://www.example.com\n");
    expect_table(b, 222,
                 "location: https://www.example.com\ndate: " DATE_21
                 "\ncache-control: private\n:status: 302\n");
    cr_assert_eq(decode_hex(b, blocks[1]), HPACK_OK);
    expect_fields(b, ":status: 307\ncache-control: private\ndate: " DATE_21
                     "\nlocation: https://www.example.com\n");
    expect_table(b, 222,
                 ":status: 307\nlocation: https://www.example.com\ndate: " DATE_21
                 "\ncache-control: private\n");
    cr_assert_eq(decode_hex(b, blocks[2]), HPACK_OK);
    expect_fields(b, ":status: 200\ncache-control: private\ndate: " DATE_22
                     "\nlocation: https://www.example.com\ncontent-encoding: gzip\n"
                     "set-cookie: " COOKIE "\n");
    expect_table(b, 215, "set-cookie: " COOKIE "\ncontent-encoding: gzip\ndate: " DATE_22 "\n");
    bed_free(b);
}

Test(hpack_dec, c5_responses) {
    responses((const char *const[]){
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
        "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f"
        "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076"
        "657273696f6e3d31",
    });
}

Test(hpack_dec, c6_responses_huffman) {
    responses((const char *const[]){
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f"
        "0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df"
        "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
    });
}

/* ---- errors ---- */

Test(hpack_dec, errors) {
    static const struct {
        const char *hex;
        hpack_status status;
        const char *why;
    } list[] = {
        {"", HPACK_OK, "an empty block"},
        {"80", HPACK_BAD_INDEX, "index 0"},
        {"bd", HPACK_OK, "index 61"},
        {"be", HPACK_BAD_INDEX, "index 62 of an empty table"},
        {"ff00", HPACK_BAD_INDEX, "index 127"},
        {"7e0161", HPACK_BAD_INDEX, "name index 62"},
        {"0f2f0161", HPACK_BAD_INDEX, "name index 62"},
        {"1f2f0161", HPACK_BAD_INDEX, "name index 62"},
        {"0f2e0161", HPACK_OK, "name index 61"},
        {"ff", HPACK_TRUNCATED, "an integer without its second byte"},
        {"ff80", HPACK_TRUNCATED, "an integer that goes on"},
        {"ffffffffff0f", HPACK_BAD_INTEGER, "2^32-1 + 127"},
        {"ff80ffffff0f", HPACK_BAD_INDEX, "2^32-1"},
        {"ff81ffffff0f", HPACK_BAD_INTEGER, "2^32"},
        {"ff8080808000", HPACK_BAD_INDEX, "127 in five bytes more"},
        {"ff808080808000", HPACK_BAD_INTEGER, "127 in six bytes more"},
        {"ff80808080", HPACK_TRUNCATED, "four bytes more, and it goes on"},
        {"ff8080808080", HPACK_BAD_INTEGER, "a sixth is announced"},
        {"40", HPACK_TRUNCATED, "a literal without name"},
        {"4001", HPACK_TRUNCATED, "a name without bytes"},
        {"400161", HPACK_TRUNCATED, "a field without value"},
        {"40016101", HPACK_TRUNCATED, "a value without bytes"},
        {"40016100", HPACK_OK, "an empty value"},
        {"40000161", HPACK_OK, "an empty name is for the message rules to refuse"},
        {"400161ff", HPACK_TRUNCATED, "a length that goes on"},
        {"4001617f80ffffff0f", HPACK_TRUNCATED, "a length of 2^32-1"},
        {"400161ff80ffffff0f", HPACK_TRUNCATED, "a Huffman length of 2^32-1"},
        {"400161ff81ffffff0f", HPACK_BAD_INTEGER, "a length of 2^32"},
        {"40016184ffffffff", HPACK_BAD_HUFFMAN, "EOS in a value"},
        {"4084ffffffff0161", HPACK_BAD_HUFFMAN, "EOS in a name"},
        {"400161811f", HPACK_OK, "three bits of padding"},
        {"4001618118", HPACK_BAD_HUFFMAN, "padding of zeros"},
        {"400161821fff", HPACK_BAD_HUFFMAN, "eleven bits of padding"},
        {"0001618118", HPACK_BAD_HUFFMAN, "the same in a literal that is not indexed"},
        {"1001618118", HPACK_BAD_HUFFMAN, "and in one that never is"},
        {"3fe11f", HPACK_OK, "size 4096"},
        {"3fe21f", HPACK_BAD_SIZE, "size 4097"},
        {"20", HPACK_OK, "size 0"},
        {"203fe11f82", HPACK_OK, "two updates"},
        {"2020202082", HPACK_OK, "four updates"},
        {"8220", HPACK_LATE_SIZE, "an update after a field"},
        {"208220", HPACK_LATE_SIZE, "an update after a field"},
        {"3f", HPACK_TRUNCATED, "an update without its second byte"},
        {"3f81ffffff0f", HPACK_BAD_SIZE, "a size just under 2^32"},
        {"3fe1ffffff0f", HPACK_BAD_INTEGER, "a size of 2^32"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        hpack_status s = first_status(list[i].hex);
        cr_expect_eq(s, list[i].status, "%s (%s): %s", list[i].hex, list[i].why,
                     hpack_status_text(s));
    }
}

Test(hpack_dec, status_texts) {
    for (int s = HPACK_OK; s <= HPACK_NO_MEMORY; s++) {
        const char *text = hpack_status_text((hpack_status)s);
        cr_assert(text && *text);
        for (int k = 0; k < s; k++) cr_assert_str_neq(text, hpack_status_text((hpack_status)k));
    }
}

/* ---- size updates: sections 4.2 and 6.3 ---- */

Test(hpack_dec, lowered_limit_must_be_acknowledged) {
    static const struct {
        uint32_t limits[3]; /* set before the block; 0xffff: none */
        const char *hex;
        hpack_status status;
    } list[] = {
        {{1000, 0xffff, 0xffff}, "82", HPACK_MISSING_SIZE},
        {{1000, 0xffff, 0xffff}, "", HPACK_MISSING_SIZE},
        {{1000, 0xffff, 0xffff}, "3fc90782", HPACK_OK},       /* 1000 */
        {{1000, 0xffff, 0xffff}, "3fca0782", HPACK_BAD_SIZE}, /* 1001 */
        {{1000, 0xffff, 0xffff}, "2082", HPACK_OK},
        {{0, 4096, 0xffff}, "82", HPACK_MISSING_SIZE},
        {{0, 4096, 0xffff}, "3fe11f82", HPACK_MISSING_SIZE}, /* the lowest must be said */
        {{0, 4096, 0xffff}, "2082", HPACK_OK},
        {{0, 4096, 0xffff}, "203fe11f82", HPACK_OK},
        {{1000, 0, 8192}, "3fc90782", HPACK_MISSING_SIZE},
        {{1000, 0, 8192}, "203fe13f82", HPACK_OK},
        {{8192, 0xffff, 0xffff}, "82", HPACK_OK}, /* more room need not be used */
        {{8192, 0xffff, 0xffff}, "3fe13f82", HPACK_OK},
        {{8192, 4096, 0xffff}, "82", HPACK_OK},
        {{8192, 4095, 0xffff}, "82", HPACK_MISSING_SIZE},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        bed *b = bed_new(4096, 100, 65536);
        for (size_t k = 0; k < 3 && list[i].limits[k] != 0xffff; k++) {
            hpack_dec_limit(&b->d, list[i].limits[k]);
        }
        hpack_status s = decode_hex(b, list[i].hex);
        cr_expect_eq(s, list[i].status, "row %zu: %s", i, hpack_status_text(s));
        bed_free(b);
    }
}

Test(hpack_dec, acknowledged_once) {
    bed *b = bed_new(4096, 100, 65536);
    cr_assert_eq(decode_hex(b, "3fe907"), HPACK_OK); /* the peer chooses 1032 itself */
    hpack_dec_limit(&b->d, 2000);
    cr_assert_eq(decode_hex(b, "82"), HPACK_OK, "2000 is not less than what the peer uses");
    hpack_dec_limit(&b->d, 8192);
    cr_assert_eq(decode_hex(b, "3fe13f82"), HPACK_OK);
    hpack_dec_limit(&b->d, 5000);
    cr_assert_eq(decode_hex(b, "3fe92682"), HPACK_OK, "5000: the old 2000 is past");
    cr_assert_eq(decode_hex(b, "82"), HPACK_OK);
    bed_free(b);

    b = bed_new(100, 100, 65536);
    cr_assert_eq(decode_hex(b, "82"), HPACK_MISSING_SIZE, "the peer begins with 4096");
    bed_free(b);
    b = bed_new(65536, 100, 65536);
    cr_assert_eq(b->d.table.max_size, 4096);
    cr_assert_eq(decode_hex(b, "3fe1ff0382"), HPACK_OK);
    cr_assert_eq(b->d.table.max_size, 65536);
    bed_free(b);
}

Test(hpack_dec, updates_evict) {
    bed *b = bed_new(4096, 100, 65536);
    cr_assert_eq(decode_hex(b, "400161016240016301644001650166"), HPACK_OK);
    cr_assert_eq(b->d.table.count, 3);
    cr_assert_eq(decode_hex(b, "3f25be"), HPACK_OK); /* 68 = two entries */
    cr_assert_eq(b->d.table.count, 2);
    expect_fields(b, "e: f\n");
    cr_assert_eq(decode_hex(b, "20be"), HPACK_BAD_INDEX);
    bed_free(b);
}

/* Section 4.4: the new entry's name may be that of an entry which it evicts. */
Test(hpack_dec, name_of_an_evicted_entry) {
    bed *b = bed_new(4096, 100, 65536);
    cr_assert_eq(decode_hex(b, "3f0c400a637573746f6d2d6b65790161"),
                 HPACK_OK); /* room for one: 43 */
    expect_table(b, 43, "custom-key: a\n");
    for (int i = 0; i < 40; i++) {
        cr_assert_eq(decode_hex(b, "7e0162"), HPACK_OK);
        expect_fields(b, "custom-key: b\n");
        expect_table(b, 43, "custom-key: b\n");
    }
    cr_assert_eq(decode_hex(b, "7e026263"), HPACK_OK, "one byte more than ever fits");
    expect_fields(b, "custom-key: bc\n");
    expect_table(b, 0, "");
    bed_free(b);
}

/* ---- caps of the list ---- */

Test(hpack_dec, list_count) {
    bed *b = bed_new(4096, 3, 65536);
    cr_assert_eq(decode_hex(b, "828486"), HPACK_OK);
    cr_assert(b->l.count == 3 && !b->l.overflowed);
    cr_assert_eq(decode_hex(b, "828486400161016240016301648480"), HPACK_BAD_INDEX);
    cr_assert_eq(decode_hex(b, "82848640016101624001630164be"), HPACK_OK);
    cr_assert(b->l.count == 3 && b->l.overflowed);
    cr_assert_eq(b->l.size, 42 + 38 + 43 + 34 * 3, "the size counts on");
    cr_assert_eq(b->d.table.count, 4, "the table stays in step");
    cr_assert_eq(decode_hex(b, "be"), HPACK_OK);
    expect_fields(b, "c: d\n");
    bed_free(b);
}

Test(hpack_dec, list_size) {
    bed *b = bed_new(4096, 100, 42 + 34 + 34);
    cr_assert_eq(decode_hex(b, "8240016101620001630164"), HPACK_OK);
    cr_assert(b->l.count == 3 && !b->l.overflowed && b->l.size == 110);
    /* Strings whose coding is longer or might be shorter than what is left. */
    cr_assert_eq(decode_hex(b, "820001610162000163811f"), HPACK_OK);
    cr_assert(b->l.count == 3 && !b->l.overflowed && b->l.size == 110);
    cr_assert_eq(decode_hex(b, "82000161016200016302648483"), HPACK_OK);
    cr_assert(b->l.count == 2 && b->l.overflowed);
    cr_assert_eq(decode_hex(b, "be82"), HPACK_OK);
    cr_assert(b->l.count == 2 && !b->l.overflowed);
    bed_free(b);
}

/* What the list drops and the table keeps, in every shape of name. */
Test(hpack_dec, dropped_but_indexed) {
    bed *b = bed_new(4096, 0, 65536);
    cr_assert_eq(decode_hex(b, "4001610162"                   /* a: b */
                               "7e811f"                       /* a: a, Huffman */
                               "418cf1e3c2e5f23a6ba0ab90f4ff" /* :authority: www.example.com */
                               "408825a849e95ba97d7f0161"     /* custom-key: a */
                            ),
                 HPACK_OK);
    cr_assert(b->l.count == 0 && b->l.overflowed);
    cr_assert_eq(b->d.table.count, 4);
    cr_assert(span_eq(hpack_table_entry(&b->d.table, 1).name, SPAN(":authority")));
    cr_assert_eq(hpack_table_entry(&b->d.table, 1).token, HTTP_TOKEN_AUTHORITY);
    cr_assert(span_eq(hpack_table_entry(&b->d.table, 2).name, SPAN("a")));
    cr_assert(span_eq(hpack_table_entry(&b->d.table, 2).value, SPAN("a")));
    cr_assert_eq(decode_hex(b, "40016184ffffffff"), HPACK_BAD_HUFFMAN);
    bed_free(b);
}

/* A literal as long as the block must not make us hold more than our caps. */
Test(hpack_dec, long_literals_cost_nothing) {
    enum { LONG = 1 << 20 };
    for (int shape = 0; shape < 4; shape++) {
        bed *b = bed_new(4096, 100, 16384);
        uint8_t *wire = malloc(LONG + 16);
        size_t n = 0;
        wire[n++] = shape & 1 ? 0x40 : 0x00;
        wire[n++] = 1;
        wire[n++] = 'a';
        wire[n++] = shape & 2 ? 0xff : 0x7f;
        uint32_t rest = LONG - 127;
        for (; rest >= 0x80; rest >>= 7) wire[n++] = (uint8_t)(rest | 0x80);
        wire[n++] = (uint8_t)rest;
        memset(wire + n, 0, LONG); /* Huffman: '0', five bits each, and a last byte of padding */
        if (shape & 2) wire[n + LONG - 1] = 0x07; /* 00000 111 */
        /* Over the list's maximum so many times that the block is given up. */
        cr_assert_eq(hpack_dec_block(&b->d, span_of(wire, n + LONG), &b->l), HPACK_EXCESS);
        cr_assert(b->l.overflowed && b->l.count == 0 && b->d.table.count == 0);
        cr_assert_leq(b->h.most, 8192);
        free(wire);
        bed_free(b);
    }
}

/* However fields are cut to size, a list that is not over its maximum is never refused memory. */
Test(hpack_dec, arena_ceiling_suffices) {
    for (uint32_t max_size = 64; max_size <= 65536; max_size *= 2) {
        for (uint32_t value = 0; value + 64 <= max_size; value = value * 5 / 3 + 1) {
            bed *b = bed_new(4096, UINT32_MAX, max_size);
            hpack_enc e;
            hpack_enc_init(&e, &b->m, 4096, 1);
            uint8_t *text = malloc(value + 1);
            memset(text, value % 2 ? '0' : 0xf9, value + 1); /* short codes, or none at all */
            http_field f = {SPAN("x"), span_of(text, value), 0, max_size & 0x5555};
            uint32_t fits = max_size / (value + 33);
            for (uint32_t i = 0; i < fits; i++) {
                size_t n;
                uint8_t *wire = encode_block(&e, &f, 1, &n);
                cr_assert_eq(hpack_dec_block(&b->d, span_of(wire, n), &b->l), HPACK_OK);
                free(wire);
            }
            cr_assert(b->l.count == fits && !b->l.overflowed);
            hpack_enc_end(&e);
            free(text);
            bed_free(b);
        }
    }
}

Test(hpack_dec, list_clear_and_end) {
    bed *b = bed_new(4096, 10000, 1 << 20);
    char hex[8192] = {0};
    for (int i = 0; i < 2000; i++) memcpy(hex + 2 * i, "82", 2);
    cr_assert_eq(decode_hex(b, hex), HPACK_OK);
    cr_assert_eq(b->l.count, 2000);
    hpack_list_clear(&b->l);
    cr_assert_eq(b->h.held, 0, "places for 2,000 fields are not kept");
    cr_assert_eq(decode_hex(b, "82001001"), HPACK_TRUNCATED);
    hpack_list_end(&b->l);
    cr_assert_eq(decode_hex(b, "82"), HPACK_OK, "usable again");
    expect_fields(b, ":method: GET\n");
    bed_free(b);
}
