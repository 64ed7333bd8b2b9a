/* core/hpack_table.c and core/hpack_static.c: RFC 7541 sections 2.3 and 4. */
#include "tests/unit/hpack_story.h"

#include "core/hpack_impl.h"

static uint64_t random_state = 0x2545f4914f6cdd1du;

static uint32_t random_below(uint32_t n) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 33) % n;
}

Test(hpack_table, static_entries) {
    cr_assert(span_eq(hpack_static_entries[1].name, SPAN(":authority")));
    cr_assert(span_eq(hpack_static_entries[5].value, SPAN("/index.html")));
    cr_assert(span_eq(hpack_static_entries[16].value, SPAN("gzip, deflate")));
    cr_assert(span_eq(hpack_static_entries[61].name, SPAN("www-authenticate")));
    for (uint32_t i = 1; i <= HPACK_STATIC_COUNT; i++) {
        hpack_entry e = hpack_static_entries[i];
        cr_expect_eq(e.token, fields_token(e.name),
                     "static entry %u: fields.def and its row differ", i);
        uint32_t first =
            e.token ? hpack_static_of_token((http_token)e.token) : hpack_static_of_name(e.name);
        cr_assert(first && first <= i);
        cr_assert(span_eq(hpack_static_entries[first].name, e.name));
        cr_assert_eq(hpack_static_of_pair(first, e.value), i);
        cr_assert_eq(hpack_static_of_pair(first, SPAN("no such value")), 0);
        if (i > 1 && first == i) cr_assert_not(span_eq(hpack_static_entries[i - 1].name, e.name));
    }
    cr_assert_eq(hpack_static_of_token(HTTP_TOKEN_OTHER), 0);
    cr_assert_eq(hpack_static_of_token(HTTP_TOKEN_TE), 0);
    cr_assert_eq(hpack_static_of_name(SPAN("")), 0);
    cr_assert_eq(hpack_static_of_name(SPAN("fron")), 0);
    cr_assert_eq(hpack_static_of_name(SPAN("a-name-far-longer-than-any-in-the-static-table")), 0);
}

Test(hpack_table, unused_holds_nothing) {
    heap h = {0};
    mem m = {heap_resize, &h};
    hpack_table t;
    hpack_table_init(&t, &m, 4096);
    hpack_table_limit(&t, 100);
    hpack_table_limit(&t, 65536);
    cr_assert_eq(h.calls, 0);
    cr_assert(hpack_table_add(&t, 0, SPAN("a"), SPAN("b")));
    cr_assert_gt(h.held, 0);
    hpack_table_limit(&t, 0);
    cr_assert_eq(h.held, 0, "an emptied table gives its block back");
    hpack_table_end(&t);
}

/* Section 4.4: an entry over the maximum empties the table and is no error. */
Test(hpack_table, too_large_an_entry_empties) {
    heap h = {0};
    mem m = {heap_resize, &h};
    uint8_t bytes[100] = {0};
    hpack_table t;
    hpack_table_init(&t, &m, 100);
    cr_assert(hpack_table_add(&t, 0, SPAN("a"), span_of(bytes, 67)));
    cr_assert(t.count == 1 && t.size == 100);
    cr_assert(hpack_table_add(&t, 0, SPAN("a"), span_of(bytes, 68)));
    cr_assert(t.count == 0 && t.size == 0 && h.held == 0);
    cr_assert(hpack_table_add(&t, 0, SPAN(""), SPAN("")));
    cr_assert(hpack_table_add(&t, 0, SPAN(""), SPAN("")));
    cr_assert(hpack_table_add(&t, 0, SPAN(""), SPAN("")));
    cr_assert(hpack_table_add(&t, 0, SPAN(""), SPAN("")));
    cr_assert(t.count == 3 && t.size == 96);
    hpack_table_end(&t);
}

/* ---- against a model: a plain array, oldest first ---- */

typedef struct model_entry {
    uint16_t token;
    uint32_t name_n, value_n;
    uint32_t salt; /* its bytes follow from this */
} model_entry;

enum { MODEL_MOST = 1 << 14 };

static model_entry model[MODEL_MOST];
static uint32_t model_n, model_size;

static void model_evict(uint32_t most) {
    uint32_t gone = 0;
    while (model_size > most) {
        model_size -= model[gone].name_n + model[gone].value_n + HPACK_ENTRY_OVERHEAD;
        gone++;
    }
    memmove(model, model + gone, (model_n - gone) * sizeof model[0]);
    model_n -= gone;
}

static void fill(uint8_t *p, uint32_t n, uint32_t salt) {
    for (uint32_t i = 0; i < n; i++) p[i] = (uint8_t)(salt * 31 + i * 7);
}

static void check_entry(const hpack_table *t, uint32_t i) {
    static uint8_t want[1 << 16];
    const model_entry *m = &model[model_n - 1 - i];
    hpack_entry e = hpack_table_entry(t, i);
    cr_assert_eq(e.token, m->token);
    cr_assert(e.name.n == m->name_n && e.value.n == m->value_n);
    if (m->token) {
        cr_assert(span_eq(e.name, fields_name((http_token)m->token)));
    } else {
        fill(want, m->name_n, m->salt);
        cr_assert(memcmp(want, e.name.p, m->name_n) == 0);
    }
    fill(want, m->value_n, m->salt + 1);
    cr_assert(m->value_n == 0 || memcmp(want, e.value.p, m->value_n) == 0);
}

/* A thousand steps with names and values up to `largest`; every refusal must change nothing. */
static void play(heap *h, uint32_t max_size, uint32_t largest, bool refusals) {
    static uint8_t name[1 << 16], value[1 << 16];
    mem m = {heap_resize, h};
    hpack_table t;
    hpack_table_init(&t, &m, max_size);
    model_n = model_size = 0;
    for (uint32_t step = 0; step < 1500; step++) {
        if (random_below(200) == 0) {
            uint32_t size = random_below(3) ? max_size : random_below(max_size + 1);
            hpack_table_limit(&t, size);
            model_evict(size);
        }
        bool known = random_below(2);
        model_entry a = {known ? HTTP_TOKEN_VIA : 0, known ? 3 : random_below(largest + 1),
                         random_below(3) ? random_below(largest + 1) : 0, random_below(1000)};
        fill(name, a.name_n, a.salt);
        fill(value, a.value_n, a.salt + 1);
        h->refuse_at = refusals && random_below(3) == 0 ? h->calls + 1 : 0;
        h->refusals = 1;
        span n = known ? fields_name(HTTP_TOKEN_VIA) : span_of(name, a.name_n);
        if (hpack_table_add(&t, a.token, n, span_of(value, a.value_n))) {
            uint32_t size = a.name_n + a.value_n + HPACK_ENTRY_OVERHEAD;
            model_evict(size > t.max_size ? 0 : t.max_size - size);
            if (size <= t.max_size) {
                model[model_n++] = a;
                model_size += size;
            }
        }
        cr_assert(t.count == model_n && t.size == model_size && t.size <= t.max_size);
        cr_assert_leq(h->held, (size_t)max_size * 3 + 2048,
                      "the block stays near the table's size");
        for (uint32_t i = 0; i < t.count; i += 1 + t.count / 16) check_entry(&t, i);
        if (step % 50 == 0) {
            for (uint32_t i = 0; i < t.count; i++) check_entry(&t, i);
        }
    }
    hpack_table_end(&t);
    cr_assert_eq(h->held, 0);
}

Test(hpack_table, model) {
    static const uint32_t sizes[] = {31, 32, 64, 200, 1000, 4096, 16384, 65536};
    static const uint32_t largest[] = {0, 1, 20, 100, 700, 5000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t k = 0; k < sizeof largest / sizeof largest[0]; k++) {
            heap h = {0};
            play(&h, sizes[i], largest[k], false);
            play(&h, sizes[i], largest[k], true);
        }
    }
}

/* The typical table of a connection: what it costs beside what the peer knows of. */
Test(hpack_table, footprint) {
    heap h = {0};
    mem m = {heap_resize, &h};
    uint8_t value[60] = {0};
    hpack_table t;
    hpack_table_init(&t, &m, 4096);
    cr_assert(hpack_table_add(&t, HTTP_TOKEN_ACCEPT, SPAN("accept"), span_of(value, 10)));
    cr_assert_leq(h.held, 1024, "a single entry holds %zu bytes", h.held);
    for (int i = 0; i < 1000; i++) {
        hpack_table_add(&t, HTTP_TOKEN_ACCEPT, SPAN("accept"), span_of(value, (size_t)i % 60));
    }
    cr_assert_leq(h.held, 2 * 4096, "a full table holds %zu bytes", h.held);
    hpack_table_end(&t);
}

/* Sizes near 2^32 do not overflow; what memory cannot hold is refused. */
Test(hpack_table, huge_maximum) {
    heap h = {0};
    mem m = {heap_resize, &h};
    hpack_table t;
    hpack_table_init(&t, &m, UINT32_MAX);
    for (uint32_t i = 0; i < 10000; i++) {
        cr_assert(hpack_table_add(&t, HTTP_TOKEN_AGE, SPAN("age"), span_of(&i, sizeof i)));
    }
    cr_assert_eq(t.count, 10000);
    cr_assert(span_eq(hpack_table_entry(&t, 9999).value, span_of(&(uint32_t){0}, 4)));
    hpack_table_limit(&t, 39 * 100);
    cr_assert_eq(t.count, 100);
    cr_assert_leq(h.held, 10000, "a smaller maximum gives memory back: %zu", h.held);
    cr_assert(span_eq(hpack_table_entry(&t, 99).value, span_of(&(uint32_t){9900}, 4)));
    hpack_table_end(&t);
}
