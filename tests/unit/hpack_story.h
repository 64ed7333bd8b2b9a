/* The stories of hpack-test-case as tests want them: header sections with their wire bytes, and a
 * memory hook that counts what is held and can refuse.
 *
 * For test programs only: every function is static, faults end the test through Criterion. */
#ifndef H2BOX_TESTS_HPACK_STORY_H
#define H2BOX_TESTS_HPACK_STORY_H

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "core/hpack.h"

/* ---- memory ---- */

/* A hook over the heap that knows what is held, and refuses from the call number `refuse_at` (1 is
 * the first) on, for `refusals` calls; 0 never. */
typedef struct heap {
    size_t held, most, calls, refuse_at, refusals;
} heap;

static inline void *heap_resize(void *user, void *p, size_t old_size, size_t new_size) {
    heap *h = user;
    if (new_size) {
        h->calls++;
        if (h->refuse_at && h->calls >= h->refuse_at && h->calls < h->refuse_at + h->refusals) {
            return NULL;
        }
    }
    h->held = h->held - old_size + new_size;
    if (h->held > h->most) h->most = h->held;
    if (new_size) return realloc(p, new_size);
    free(p);
    return NULL;
}

/* ---- stories ---- */

typedef struct story_case {
    http_field *fields;
    size_t n;
    uint8_t *wire; /* NULL in raw-data */
    size_t wire_n;
    long table_size; /* SETTINGS_HEADER_TABLE_SIZE from here on; -1 when it stays */
} story_case;

typedef struct story {
    json_t *root; /* owns the text */
    story_case *cases;
    size_t n;
} story;

static inline uint8_t *hex_bytes(const char *hex, size_t *n) {
    *n = strlen(hex) / 2;
    uint8_t *out = malloc(*n ? *n : 1);
    for (size_t i = 0; i < *n; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
    return out;
}

static inline json_t *story_json(const char *path) {
    gzFile in = gzopen(path, "rb");
    cr_assert_not_null(in, "%s", path);
    size_t room = 1 << 22;
    char *text = malloc(room);
    int n = gzread(in, text, (unsigned)room);
    gzclose(in);
    cr_assert_gt(n, 0, "%s", path);
    json_t *root = json_loadb(text, (size_t)n, 0, NULL);
    free(text);
    cr_assert_not_null(root, "%s", path);
    return root;
}

static inline void story_case_load(story_case *c, json_t *from) {
    json_t *headers = json_object_get(from, "headers");
    const json_t *wire = json_object_get(from, "wire");
    const json_t *size = json_object_get(from, "header_table_size");
    c->n = json_array_size(headers);
    c->fields = calloc(c->n + 1, sizeof *c->fields);
    for (size_t i = 0; i < c->n; i++) {
        void *pair = json_object_iter(json_array_get(headers, i));
        span name = span_str(json_object_iter_key(pair));
        span value = span_str(json_string_value(json_object_iter_value(pair)));
        c->fields[i] = (http_field){name, value, (uint16_t)fields_token(name), false};
    }
    if (wire) c->wire = hex_bytes(json_string_value(wire), &c->wire_n);
    c->table_size = size ? (long)json_integer_value(size) : -1;
}

/* Story `number` of a folder of hpack-test-case; false when the folder ends before. */
static inline bool story_load(story *s, const char *folder, int number) {
    char path[4096];
    const char *vectors = getenv("H2BOX_VECTORS");
    snprintf(path, sizeof path, "%s/hpack-test-case/%s/story_%02d.json.gz",
             vectors ? vectors : "tests/vectors", folder, number);
    FILE *there = fopen(path, "rb");
    if (!there) return false;
    fclose(there);
    s->root = story_json(path);
    json_t *cases = json_object_get(s->root, "cases");
    s->n = json_array_size(cases);
    s->cases = calloc(s->n, sizeof *s->cases);
    for (size_t i = 0; i < s->n; i++) story_case_load(&s->cases[i], json_array_get(cases, i));
    return true;
}

static inline void story_free(story *s) {
    for (size_t i = 0; i < s->n; i++) {
        free(s->cases[i].fields);
        free(s->cases[i].wire);
    }
    free(s->cases);
    json_decref(s->root);
}

/* ---- comparing ---- */

static inline bool same_fields(const http_field *a, size_t an, const http_field *b, size_t bn) {
    if (an != bn) return false;
    for (size_t i = 0; i < an; i++) {
        if (!span_eq(a[i].name, b[i].name) || !span_eq(a[i].value, b[i].value)) return false;
    }
    return true;
}

/* A copy on the heap of exactly n bytes, so that the sanitizer sees a read or write past its end.
 */
static inline uint8_t *exact_copy(const uint8_t *p, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);
    if (n) memcpy(copy, p, n);
    return copy;
}

/* Encodes into a block of exactly hpack_enc_bound bytes; the caller frees it. */
static inline uint8_t *encode_block(hpack_enc *e, const http_field *f, size_t n, size_t *out_n) {
    size_t bound = hpack_enc_bound(e, f, n);
    uint8_t *out = malloc(bound ? bound : 1);
    *out_n = hpack_enc_block(e, f, n, out);
    cr_assert_leq(*out_n, bound);
    return out;
}

#endif
