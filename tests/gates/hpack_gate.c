/* hpack_gate encode|decode FILE ROUNDS: goes through the stories in FILE that many times, for
 * gates.py to count the instructions of a round. Prints the fields of one round.
 *
 * FILE, in little-endian numbers: for each story a count of sections; for each of these the counts
 * of fields and of wire bytes, the wire bytes, and the fields: two lengths, name, value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applets/common/heap.h"
#include "core/hpack.h"

typedef struct section {
    http_field *fields;
    size_t n;
    span wire;
} section;

typedef struct story {
    section *sections;
    size_t n;
} story;

static story stories[64];
static size_t story_count, field_count;
static uint8_t out[1 << 17];

_Noreturn static void fail(const char *what) {
    fprintf(stderr, "hpack_gate: %s\n", what);
    exit(1);
}

/* ---- the stories ---- */

static span take(span *in, size_t n) {
    if (in->n < n) fail("the file ends too early");
    return span_take(in, n);
}

static uint32_t number(span *in, size_t n) {
    span b = take(in, n);
    uint32_t v = 0;
    for (size_t i = n; i-- > 0;) v = v << 8 | b.p[i];
    return v;
}

static void *room(size_t n, size_t size) {
    void *p = calloc(n ? n : 1, size);
    if (!p) fail("no memory");
    return p;
}

static void load_section(section *s, span *in) {
    s->n = number(in, 4);
    s->wire = take(in, number(in, 4));
    s->fields = room(s->n, sizeof *s->fields);
    for (size_t i = 0; i < s->n; i++) {
        uint32_t name_n = number(in, 2), value_n = number(in, 2);
        span name = take(in, name_n);
        s->fields[i] = (http_field){name, take(in, value_n), (uint16_t)fields_token(name), false};
    }
    field_count += s->n;
}

static void load(const char *path) {
    static uint8_t bytes[1 << 23];
    FILE *f = fopen(path, "rb");
    if (!f) fail(path);
    span in = span_of(bytes, fread(bytes, 1, sizeof bytes, f));
    fclose(f);
    while (in.n && story_count < sizeof stories / sizeof stories[0]) {
        story *s = &stories[story_count++];
        s->n = number(&in, 4);
        s->sections = room(s->n, sizeof *s->sections);
        for (size_t k = 0; k < s->n; k++) load_section(&s->sections[k], &in);
    }
    if (in.n || !field_count) fail("no stories, or too many");
}

/* ---- one round ---- */

static void encode(const story *s) {
    hpack_enc e;
    hpack_enc_init(&e, heap_mem(), HPACK_DEFAULT_SIZE, 0x5eed);
    for (size_t k = 0; k < s->n; k++) {
        const section *at = &s->sections[k];
        if (hpack_enc_bound(&e, at->fields, at->n) > sizeof out) fail("a section too large");
        if (!hpack_enc_block(&e, at->fields, at->n, out)) fail("nothing was encoded");
    }
    hpack_enc_end(&e);
}

static void decode(const story *s) {
    hpack_dec d;
    hpack_list l;
    hpack_dec_init(&d, heap_mem(), HPACK_DEFAULT_SIZE);
    hpack_list_init(&l, heap_mem(), 1024, 1 << 20);
    for (size_t k = 0; k < s->n; k++) {
        const section *at = &s->sections[k];
        hpack_list_clear(&l);
        if (hpack_dec_block(&d, at->wire, &l)) fail("a block was refused");
        if (l.count != at->n) fail("fields were lost");
    }
    hpack_list_end(&l);
    hpack_dec_end(&d);
}

int main(int argc, char **argv) {
    if (argc != 4 || (strcmp(argv[1], "encode") && strcmp(argv[1], "decode")))
        fail("usage: hpack_gate encode|decode FILE ROUNDS");
    void (*work)(const story *s) = argv[1][0] == 'e' ? encode : decode;
    load(argv[2]);
    for (int round = atoi(argv[3]); round > 0; round--) {
        for (size_t i = 0; i < story_count; i++) work(&stories[i]);
    }
    printf("%zu\n", field_count);
    return 0;
}
