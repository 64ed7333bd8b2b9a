/* HPACK over the stories of hpack-test-case: other encoders' blocks, round trips, compression,
 * refused memory, broken blocks. */
#include "tests/unit/hpack_story.h"

enum { MOST_STORIES = 100 };

static const char *seed_text(void) {
    const char *seed = getenv("H2BOX_SEED");
    return seed ? seed : "7541";
}

static uint64_t random_state;

static uint32_t random_below(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % n;
}

static void random_begin(void) {
    random_state = strtoull(seed_text(), NULL, 0) * 0x9e3779b97f4a7c15u + 1;
}

/* ---- what others encoded ---- */

static void decode_story(const story *s, const char *where) {
    heap h = {0};
    mem m = {heap_resize, &h};
    hpack_dec d;
    hpack_list l;
    hpack_dec_init(&d, &m, HPACK_DEFAULT_SIZE);
    hpack_list_init(&l, &m, 1000, 1 << 20);
    for (size_t i = 0; i < s->n; i++) {
        const story_case *c = &s->cases[i];
        if (c->table_size >= 0) hpack_dec_limit(&d, (uint32_t)c->table_size);
        uint8_t *wire = exact_copy(c->wire, c->wire_n);
        hpack_list_clear(&l);
        hpack_status status = hpack_dec_block(&d, span_of(wire, c->wire_n), &l);
        free(wire);
        cr_assert_eq(status, HPACK_OK, "%s case %zu: %s", where, i, hpack_status_text(status));
        cr_assert(same_fields(l.fields, l.count, c->fields, c->n), "%s case %zu", where, i);
        cr_assert_leq(d.table.size, d.table.max_size);
    }
    hpack_list_end(&l);
    hpack_dec_end(&d);
    cr_assert_eq(h.held, 0);
}

static void decode_folder(const char *folder, int least) {
    int found = 0;
    for (int i = 0; i < MOST_STORIES; i++) {
        story s;
        char where[64];
        snprintf(where, sizeof where, "%s story %d", folder, i);
        if (!story_load(&s, folder, i)) continue;
        decode_story(&s, where);
        story_free(&s);
        found++;
    }
    cr_assert_geq(found, least, "%s: %d stories", folder, found);
}

Test(hpack_stories, go) { decode_folder("go-hpack", 32); }
Test(hpack_stories, nghttp2) { decode_folder("nghttp2", 31); }
Test(hpack_stories, nghttp2_change_table_size) { decode_folder("nghttp2-change-table-size", 31); }

/* ---- our own ---- */

/* Encodes the story and decodes it again; returns the bytes on the wire. */
static size_t round_trip(const story *s, uint32_t table) {
    heap eh = {0}, dh = {0};
    mem em = {heap_resize, &eh}, dm = {heap_resize, &dh};
    hpack_enc e;
    hpack_dec d;
    hpack_list l;
    size_t total = 0;
    hpack_enc_init(&e, &em, table, 0x5eed);
    hpack_enc_limit(&e, table);
    hpack_dec_init(&d, &dm, table);
    hpack_list_init(&l, &dm, 1000, 1 << 20);
    for (size_t i = 0; i < s->n; i++) {
        const story_case *c = &s->cases[i];
        size_t n;
        uint8_t *wire = encode_block(&e, c->fields, c->n, &n);
        wire = realloc(wire, n ? n : 1);
        hpack_list_clear(&l);
        cr_assert_eq(hpack_dec_block(&d, span_of(wire, n), &l), HPACK_OK);
        cr_assert(same_fields(l.fields, l.count, c->fields, c->n), "case %zu", i);
        cr_assert(e.table.count == d.table.count && e.table.size == d.table.size);
        free(wire);
        total += n;
    }
    hpack_list_end(&l);
    hpack_dec_end(&d);
    hpack_enc_end(&e);
    cr_assert(eh.held == 0 && dh.held == 0);
    return total;
}

/* The figures are those of libnghttp2 1.52 on the same stories: never worse than that. */
Test(hpack_stories, round_trips_and_compression) {
    static const struct {
        uint32_t table;
        size_t most;
    } list[] = {{0, SIZE_MAX},  {64, SIZE_MAX},  {256, SIZE_MAX},
                {4096, 358782}, {16384, 321838}, {65536, 321838}};
    size_t total[sizeof list / sizeof list[0]] = {0};
    for (int i = 0; i < MOST_STORIES; i++) {
        story s;
        if (!story_load(&s, "raw-data", i)) continue;
        for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
            total[k] += round_trip(&s, list[k].table);
        }
        story_free(&s);
    }
    for (size_t k = 0; k < sizeof list / sizeof list[0]; k++) {
        cr_assert_gt(total[k], 0);
        cr_assert_leq(total[k], list[k].most, "table %u: %zu bytes", list[k].table, total[k]);
        if (k) cr_assert_leq(total[k], total[k - 1], "a larger table is no loss");
    }
}

/* ---- refused memory: the n-th allocation for every n, then for good ---- */

static void encode_refused(const story *s, size_t at, size_t refusals, size_t *calls) {
    heap eh = {.refuse_at = at, .refusals = refusals}, dh = {0};
    mem em = {heap_resize, &eh}, dm = {heap_resize, &dh};
    hpack_enc e;
    hpack_dec d;
    hpack_list l;
    hpack_enc_init(&e, &em, 4096, 1);
    hpack_dec_init(&d, &dm, 4096);
    hpack_list_init(&l, &dm, 1000, 1 << 20);
    for (size_t i = 0; i < s->n; i++) {
        const story_case *c = &s->cases[i];
        size_t n;
        uint8_t *wire = encode_block(&e, c->fields, c->n, &n);
        hpack_list_clear(&l);
        cr_assert_eq(hpack_dec_block(&d, span_of(wire, n), &l), HPACK_OK);
        cr_assert(same_fields(l.fields, l.count, c->fields, c->n));
        free(wire);
    }
    *calls = eh.calls;
    hpack_list_end(&l);
    hpack_dec_end(&d);
    hpack_enc_end(&e);
    cr_assert_eq(eh.held, 0);
}

static void decode_refused(const story *s, size_t at, size_t refusals, size_t *calls) {
    heap h = {.refuse_at = at, .refusals = refusals};
    mem m = {heap_resize, &h};
    hpack_dec d;
    hpack_list l;
    hpack_status status = HPACK_OK;
    hpack_dec_init(&d, &m, 4096);
    hpack_list_init(&l, &m, 1000, 1 << 20);
    for (size_t i = 0; i < s->n && !status; i++) {
        const story_case *c = &s->cases[i];
        hpack_list_clear(&l);
        status = hpack_dec_block(&d, span_of(c->wire, c->wire_n), &l);
        if (!status) cr_assert(same_fields(l.fields, l.count, c->fields, c->n));
    }
    *calls = h.calls;
    bool refused = at && h.calls >= at;
    cr_assert(refused ? status == HPACK_NO_MEMORY : !status, "call %zu: %s", at,
              hpack_status_text(status));
    hpack_list_end(&l);
    hpack_dec_end(&d);
    cr_assert_eq(h.held, 0);
}

Test(hpack_stories, nth_allocation_refused) {
    story raw, coded;
    size_t calls, unused;
    cr_assert(story_load(&raw, "raw-data", 24) && story_load(&coded, "nghttp2", 24));
    encode_refused(&raw, 0, 0, &calls);
    cr_assert_gt(calls, 3);
    for (size_t n = 1; n <= calls + 2; n++) {
        encode_refused(&raw, n, 1, &unused);
        encode_refused(&raw, n, SIZE_MAX / 2, &unused);
    }
    decode_refused(&coded, 0, 0, &calls);
    cr_assert_gt(calls, 3);
    for (size_t n = 1; n <= calls; n++) {
        decode_refused(&coded, n, 1, &unused);
        decode_refused(&coded, n, SIZE_MAX / 2, &unused);
    }
    story_free(&raw);
    story_free(&coded);
}

/* ---- broken blocks ---- */

/* Replays the story up to case i, then gives the decoder something else. */
static hpack_status after_cases(const story *s, size_t i, span instead, uint32_t max_size) {
    heap h = {0};
    mem m = {heap_resize, &h};
    hpack_dec d;
    hpack_list l;
    hpack_dec_init(&d, &m, 4096);
    hpack_list_init(&l, &m, 1000, max_size);
    for (size_t k = 0; k < i; k++) {
        hpack_list_clear(&l);
        cr_assert_eq(hpack_dec_block(&d, span_of(s->cases[k].wire, s->cases[k].wire_n), &l),
                     HPACK_OK);
    }
    uint8_t *wire = exact_copy(instead.p, instead.n);
    hpack_list_clear(&l);
    hpack_status status = hpack_dec_block(&d, span_of(wire, instead.n), &l);
    cr_assert_leq(l.count, s->cases[i].n + 1000);
    free(wire);
    hpack_list_end(&l);
    hpack_dec_end(&d);
    cr_assert_eq(h.held, 0);
    return status;
}

Test(hpack_stories, truncations) {
    story s;
    cr_assert(story_load(&s, "nghttp2", 24));
    for (size_t i = 0; i < 4; i++) {
        span whole = span_of(s.cases[i].wire, s.cases[i].wire_n);
        for (size_t n = 0; n < whole.n; n++) {
            hpack_status status = after_cases(&s, i, span_head(whole, n), 1 << 20);
            cr_assert(status == HPACK_OK || status == HPACK_TRUNCATED, "cut at %zu: %s", n,
                      hpack_status_text(status));
        }
        cr_assert_eq(after_cases(&s, i, whole, 1 << 20), HPACK_OK);
    }
    story_free(&s);
}

Test(hpack_stories, flipped_bits) {
    story s;
    random_begin();
    cr_assert(story_load(&s, "go-hpack", 24));
    for (int round = 0; round < 4000; round++) {
        size_t i = random_below(4);
        size_t n = s.cases[i].wire_n;
        uint8_t *wire = exact_copy(s.cases[i].wire, n);
        for (uint32_t flips = 1 + random_below(4); flips; flips--) {
            wire[random_below((uint32_t)n)] ^= (uint8_t)(1u << random_below(8));
        }
        after_cases(&s, i, span_of(wire, n), random_below(2) ? 1 << 20 : 300);
        free(wire);
    }
    story_free(&s);
}

/* ---- random sections through both ends, limits changing on the way ---- */

static http_field random_field(uint8_t *room) {
    static const char *const names[] = {":path", "cookie",        "accept",  "x-one", "x-two", "te",
                                        "from",  "authorization", "expires", "etag",  "a",     ""};
    uint32_t n = random_below(4) ? random_below(30) : random_below(random_below(8) ? 200 : 3000);
    bool few = random_below(2); /* values that repeat */
    for (uint32_t i = 0; i < n; i++) {
        room[i] = few ? (uint8_t)('a' + n % 3) : (uint8_t)random_below(256);
    }
    span name = span_str(names[random_below(sizeof names / sizeof names[0])]);
    uint16_t token = random_below(4) ? (uint16_t)fields_token(name) : HTTP_TOKEN_OTHER;
    return (http_field){name, span_of(room, n), token, random_below(20) == 0};
}

static void random_round(hpack_enc *e, hpack_dec *d, hpack_list *l) {
    enum { FIELDS = 12, VALUE = 3000 };
    static uint8_t room[FIELDS][VALUE];
    http_field f[FIELDS];
    size_t n = random_below(FIELDS + 1), wire_n;
    if (random_below(10) == 0) {
        for (uint32_t changes = 1 + random_below(3); changes; changes--) {
            uint32_t limit = random_below(3) ? random_below(300) : random_below(10000);
            hpack_dec_limit(d, limit);
            hpack_enc_limit(e, limit);
        }
    }
    for (size_t i = 0; i < n; i++) f[i] = random_field(room[i]);
    uint8_t *wire = encode_block(e, f, n, &wire_n);
    wire = realloc(wire, wire_n ? wire_n : 1);
    hpack_list_clear(l);
    hpack_status status = hpack_dec_block(d, span_of(wire, wire_n), l);
    cr_assert_eq(status, HPACK_OK, "H2BOX_SEED=%s: %s", seed_text(), hpack_status_text(status));
    if (!l->overflowed) {
        cr_assert(same_fields(l->fields, l->count, f, n), "H2BOX_SEED=%s", seed_text());
        for (size_t i = 0; i < n; i++) cr_assert(!f[i].never_indexed || l->fields[i].never_indexed);
    }
    cr_assert(e->table.count == d->table.count && e->table.size == d->table.size);
    cr_assert_eq(e->table.max_size, d->table.max_size);
    free(wire);
}

Test(hpack_stories, random_round_trips) {
    random_begin();
    for (int play = 0; play < 30; play++) {
        heap h = {0};
        mem m = {heap_resize, &h};
        hpack_enc e;
        hpack_dec d;
        hpack_list l;
        hpack_enc_init(&e, &m, random_below(20000), random_below(UINT32_MAX));
        hpack_dec_init(&d, &m, HPACK_DEFAULT_SIZE);
        hpack_list_init(&l, &m, play % 3 ? 1000 : 8, play % 2 ? 1 << 20 : 2500);
        for (int round = 0; round < 300; round++) random_round(&e, &d, &l);
        hpack_list_end(&l);
        hpack_dec_end(&d);
        hpack_enc_end(&e);
        cr_assert_eq(h.held, 0);
    }
}
