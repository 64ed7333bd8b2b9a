/* core/hpack_again.c: the same again is what it would have been without it. Connections that share
 * the kept blocks are played beside plain encoders and decoders, which must give the same bytes and
 * fields throughout. */
#include "core/hpack_again.h"
#include "core/limits.h"
#include "tests/unit/hpack_story.h"

enum { CONNECTIONS = 3 };

typedef struct pair { /* one connection: what is tested, and what tells the truth */
    hpack_enc enc, plain_enc;
    hpack_dec dec, plain_dec;
} pair;

typedef struct bed {
    heap h;
    mem m;
    pair at[CONNECTIONS];
    hpack_again_in in;
    hpack_again_out out;
    hpack_list list, plain_list;
    uint32_t same, copied; /* blocks that were not decoded, not encoded */
} bed;

static void pair_begin(bed *b, pair *p) {
    hpack_enc_init(&p->enc, &b->m, 4096, 1);
    hpack_enc_init(&p->plain_enc, &b->m, 4096, 1);
    hpack_dec_init(&p->dec, &b->m, 4096);
    hpack_dec_init(&p->plain_dec, &b->m, 4096);
}

static void pair_end(pair *p) {
    hpack_enc_end(&p->enc);
    hpack_enc_end(&p->plain_enc);
    hpack_dec_end(&p->dec);
    hpack_dec_end(&p->plain_dec);
}

static bed *bed_new(void) {
    bed *b = calloc(1, sizeof *b);
    b->m = (mem){heap_resize, &b->h};
    hpack_list_init(&b->list, &b->m, 100, 65536);
    hpack_list_init(&b->plain_list, &b->m, 100, 65536);
    for (unsigned i = 0; i < CONNECTIONS; i++) pair_begin(b, &b->at[i]);
    return b;
}

static void bed_free(bed *b) {
    for (unsigned i = 0; i < CONNECTIONS; i++) pair_end(&b->at[i]);
    hpack_list_end(&b->list);
    hpack_list_end(&b->plain_list);
    cr_assert_eq(b->h.held, 0);
    free(b);
}

static void limit(pair *p, uint32_t n) {
    hpack_enc_limit(&p->enc, n);
    hpack_enc_limit(&p->plain_enc, n);
    hpack_dec_limit(&p->dec, n);
    hpack_dec_limit(&p->plain_dec, n);
}

static void decode(bed *b, pair *p, span block) {
    bool same;
    uint8_t *copy = malloc(block.n + 1); /* gone before the next one */
    memcpy(copy, block.p, block.n);
    hpack_status s = hpack_again_decode(&b->in, &p->dec, span_of(copy, block.n), &b->list, &same);
    free(copy);
    hpack_list_clear(&b->plain_list);
    cr_assert_eq(s, hpack_dec_block(&p->plain_dec, block, &b->plain_list));
    cr_assert_eq(b->list.size, b->plain_list.size);
    cr_assert_eq(b->list.valid, b->plain_list.valid);
    cr_assert_eq(b->list.overflowed, b->plain_list.overflowed);
    if (s == HPACK_OK)
        cr_assert(
            same_fields(b->list.fields, b->list.count, b->plain_list.fields, b->plain_list.count));
    cr_assert(p->dec.lowest == p->plain_dec.lowest && p->dec.limit == p->plain_dec.limit);
    cr_assert(p->dec.must_update == p->plain_dec.must_update);
    cr_assert(p->dec.table.size == p->plain_dec.table.size &&
              p->dec.table.count == p->plain_dec.table.count);
    b->same += same;
}

static void send(bed *b, pair *p, const http_field *f, size_t n) {
    static uint8_t out[65536], plain[65536];
    cr_assert_leq(hpack_enc_bound(&p->enc, f, n), sizeof out);
    b->copied += b->out.of == &p->enc && b->out.count > 0;
    span again = hpack_again_encoded(&b->out, &p->enc, f, n);
    if (again.n) memcpy(out, again.p, again.n);
    size_t size = again.n ? again.n : hpack_again_encode(&b->out, &p->enc, f, n, out);
    cr_assert_eq(size, hpack_enc_block(&p->plain_enc, f, n, plain));
    cr_assert_arr_eq(out, plain, size);
    decode(b, p, span_of(out, size));
}

static http_field field(const char *name, const char *value) {
    return (http_field){span_str(name), span_str(value), (uint16_t)fields_token(span_str(name)),
                        false};
}

/* ---- cases ---- */

Test(hpack_again, repeats_are_not_coded_twice) {
    bed *b = bed_new();
    char path[] = "/a";
    http_field f[] = {field(":method", "GET"), field(":path", path), field("x-own", "1"),
                      field("authorization", "secret")};
    f[3].never_indexed = true;
    for (int i = 0; i < 10; i++) send(b, b->at, f, 4);
    cr_assert_eq(b->same, 8, "all but the one that fills the table and the first after it");
    cr_assert_eq(b->copied, 7, "and one more, to see that it repeats");
    path[1] = 'b'; /* other bytes at the same address */
    for (int i = 0; i < 4; i++) send(b, b->at, f, 4);
    f[2].never_indexed = true; /* the same bytes, and not the same block */
    send(b, b->at, f, 4);
    f[2].never_indexed = false;
    send(b, b->at, f, 4);
    send(b, b->at, f, 3);
    bed_free(b);
}

Test(hpack_again, a_decoder_at_the_same_address) {
    bed *b = bed_new();
    http_field f[] = {field(":method", "GET"), field("x-own", "1")};
    for (int i = 0; i < 5; i++) send(b, b->at, f, 2);
    pair_end(b->at);
    pair_begin(b, b->at);
    bool same;
    /* The block means something to the old table only. */
    cr_assert_eq(
        hpack_again_decode(&b->in, &b->at->dec, span_of(b->in.block, b->in.n), &b->list, &same),
        HPACK_BAD_INDEX);
    pair_end(b->at);
    pair_begin(b, b->at);
    for (int i = 0; i < 5; i++) send(b, b->at, f, 2);
    bed_free(b);
}

/* A limit that fell must be acknowledged by the next block, also when that repeats (RFC 7541
 * section 4.2). */
Test(hpack_again, limits) {
    bed *b = bed_new();
    http_field f[] = {field(":method", "GET"), field(":path", "/")};
    for (int i = 0; i < 4; i++) send(b, b->at, f, 2);
    bool same;
    hpack_dec_limit(&b->at->dec, 100);
    span again = span_of(b->in.block, b->in.n);
    cr_assert_eq(again.n, 2);
    cr_assert_eq(hpack_again_decode(&b->in, &b->at->dec, span_str("\x82\x84"), &b->list, &same),
                 HPACK_MISSING_SIZE);
    bed_free(b);
    b = bed_new();
    static const uint32_t sizes[] = {100, 4096, 50, 60, 0, 4096};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int j = 0; j < 4; j++) send(b, b->at, f, 2);
        limit(b->at, sizes[i]);
    }
    bed_free(b);
}

/* What a list has no room for is judged anew each time, and so is what is too large to keep. */
Test(hpack_again, large) {
    bed *b = bed_new();
    static char text[HPACK_AGAIN_TEXT * 3 + 1];
    for (size_t n = HPACK_AGAIN_BLOCK - 40; n < sizeof text; n += 97) {
        memset(text, 'a', n);
        http_field f[] = {field(":method", "GET"), field("age", text)};
        for (int i = 0; i < 5; i++) send(b, b->at, f, 2);
    }
    http_field many[HPACK_AGAIN_FIELDS + 2];
    for (size_t i = 0; i < HPACK_AGAIN_FIELDS + 2; i++) many[i] = field("age", "7");
    for (size_t n = HPACK_AGAIN_FIELDS - 1; n <= HPACK_AGAIN_FIELDS + 2; n++)
        for (int i = 0; i < 5; i++) send(b, b->at, many, n);
    b->list.max_size = b->plain_list.max_size = 100;
    for (int i = 0; i < 5; i++) send(b, b->at, many, 4);
    b->list.max_size = b->plain_list.max_size = 65536;
    for (int i = 0; i < 5; i++) send(b, b->at, many, 4);
    send(b, b->at, many, 0);
    send(b, b->at, many, 0);
    bed_free(b);
}

/* Anything, drawn from a seed. */
Test(hpack_again, random) {
    static const char *const names[] = {":method", ":path", "x-a",          "x-b",
                                        "cookie",  "age",   "authorization"};
    static const char *const values[] = {
        "", "GET", "/", "1", "a longer value that has no place in a static table", "x"};
    uint64_t dice = 88172645463325252u;
    bed *b = bed_new();
    http_field f[6];
    size_t n = 0;
    for (int turn = 0; turn < 60000; turn++) {
        dice ^= dice << 13, dice ^= dice >> 7, dice ^= dice << 17;
        uint32_t roll = (uint32_t)(dice >> 32);
        pair *p = &b->at[roll % 16 ? 0 : roll / 16 % CONNECTIONS];
        if (roll % 5 == 0) { /* another message */
            n = roll / 5 % 7;
            for (size_t i = 0; i < n; i++) {
                f[i] = field(names[(dice >> (i * 5)) % 7], values[(dice >> (i * 5 + 3)) % 6]);
                f[i].never_indexed = (dice >> i) % 32 == 0;
            }
        } else if (roll % 97 == 1) {
            limit(p, (uint32_t)(dice % 3) * 150);
        } else if (roll % 211 == 2) {
            pair_end(p);
            pair_begin(b, p);
        } else if (roll % 101 == 3) {
            b->list.max_size = b->plain_list.max_size = dice % 2 ? 65536 : 120;
        } else if (n && roll % 7 == 4) { /* one field differs */
            f[roll / 7 % n].value = span_str(values[dice % 6]);
        }
        send(b, p, f, n);
    }
    cr_assert(b->same > 10000 && b->copied > 10000);
    bed_free(b);
}
