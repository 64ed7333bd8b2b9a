/* HPACK speed on the raw-data stories beside libnghttp2, in one run; prints JSON.
 *
 * Megabytes are of names and values (10^6 bytes). Each story has its own encoder and decoder.
 * Stories are taken one after another, each so many rounds in which the two libraries alternate,
 * and the best round counts: the machine's other work can only slow a round down, and fields that
 * are still in the cache, as those of a message just read are, show what the libraries do. Usage:
 * hpack_bench [rounds] */
#define _POSIX_C_SOURCE 200809L
#include <jansson.h>
#include <nghttp2/nghttp2.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

#include "applets/common/heap.h"
#include "core/hpack.h"

enum { STORIES = 32, WIRE_ROOM = 1 << 16 };

typedef struct section {
    http_field *fields;
    nghttp2_nv *nv;
    size_t n;
    uint8_t *ours, *theirs; /* as each library encodes it */
    size_t ours_n, theirs_n;
} section;

typedef struct story {
    section *sections;
    size_t n;
} story;

static story stories[STORIES];
static double field_bytes;

static void fail(const char *what) {
    fprintf(stderr, "hpack_bench: %s\n", what);
    exit(1);
}

static json_t *load_json(const char *path) {
    gzFile in = gzopen(path, "rb");
    if (!in) fail(path);
    size_t room = 1 << 22;
    char *text = malloc(room);
    int n = text ? gzread(in, text, (unsigned)room) : -1;
    gzclose(in);
    json_t *root = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
    if (!root) fail(path);
    free(text);
    return root;
}

static void load_section(section *s, json_t *headers) {
    s->n = json_array_size(headers);
    s->fields = calloc(s->n + 1, sizeof *s->fields);
    s->nv = calloc(s->n + 1, sizeof *s->nv);
    if (!s->fields || !s->nv) fail("no memory");
    for (size_t i = 0; i < s->n; i++) {
        void *pair = json_object_iter(json_array_get(headers, i));
        span name = span_str(json_object_iter_key(pair));
        span value = span_str(json_string_value(json_object_iter_value(pair)));
        s->fields[i] = (http_field){name, value, (uint16_t)fields_token(name), false};
        s->nv[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n,
                                value.n, NGHTTP2_NV_FLAG_NONE};
        field_bytes += (double)(name.n + value.n);
    }
}

static void load_stories(void) {
    const char *vectors = getenv("H2BOX_VECTORS");
    for (int i = 0; i < STORIES; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/hpack-test-case/raw-data/story_%02d.json.gz",
                 vectors ? vectors : "tests/vectors", i);
        json_t *cases = json_object_get(load_json(path), "cases");
        stories[i].n = json_array_size(cases);
        stories[i].sections = calloc(stories[i].n, sizeof(section));
        if (!stories[i].sections) fail("no memory");
        for (size_t k = 0; k < stories[i].n; k++) {
            load_section(&stories[i].sections[k],
                         json_object_get(json_array_get(cases, k), "headers"));
        }
    }
}

/* ---- one round each; the encoders return the bytes on the wire ---- */

static uint8_t wire[WIRE_ROOM];

static size_t encode_ours(story *st, uint32_t table, bool keep) {
    size_t total = 0;
    hpack_enc e;
    hpack_enc_init(&e, heap_mem(), table, 0x5eed);
    hpack_enc_limit(&e, table);
    for (size_t k = 0; k < st->n; k++) {
        section *s = &st->sections[k];
        if (hpack_enc_bound(&e, s->fields, s->n) > WIRE_ROOM) fail("a section too large");
        size_t n = hpack_enc_block(&e, s->fields, s->n, wire);
        total += n;
        if (!keep) continue;
        s->ours = memcpy(malloc(n), wire, n);
        s->ours_n = n;
    }
    hpack_enc_end(&e);
    return total;
}

static size_t encode_theirs(story *st, uint32_t table, bool keep) {
    size_t total = 0;
    nghttp2_hd_deflater *e;
    if (nghttp2_hd_deflate_new(&e, table)) fail("nghttp2_hd_deflate_new");
    /* At the default size it would announce a size all the same: three bytes a story. */
    if (table != HPACK_DEFAULT_SIZE) nghttp2_hd_deflate_change_table_size(e, table);
    for (size_t k = 0; k < st->n; k++) {
        section *s = &st->sections[k];
        ssize_t n = nghttp2_hd_deflate_hd(e, wire, WIRE_ROOM, s->nv, s->n);
        if (n < 0) fail("nghttp2_hd_deflate_hd");
        total += (size_t)n;
        if (!keep) continue;
        s->theirs = memcpy(malloc((size_t)n), wire, (size_t)n);
        s->theirs_n = (size_t)n;
    }
    nghttp2_hd_deflate_del(e);
    return total;
}

static void decode_ours(story *st, uint32_t table) {
    hpack_list l;
    hpack_list_init(&l, heap_mem(), 1024, 1 << 20);
    hpack_dec d;
    hpack_dec_init(&d, heap_mem(), table);
    for (size_t k = 0; k < st->n; k++) {
        section *s = &st->sections[k];
        hpack_list_clear(&l);
        if (hpack_dec_block(&d, span_of(s->theirs, s->theirs_n), &l)) fail("hpack_dec_block");
        if (l.count != s->n) fail("hpack_dec_block lost a field");
    }
    hpack_dec_end(&d);
    hpack_list_end(&l);
}

static size_t inflate_block(nghttp2_hd_inflater *d, const uint8_t *in, size_t n) {
    size_t fields = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t used = nghttp2_hd_inflate_hd2(d, &nv, &flags, in, n, 1);
        if (used < 0) fail("nghttp2_hd_inflate_hd2");
        in += used;
        n -= (size_t)used;
        if (flags & NGHTTP2_HD_INFLATE_EMIT) fields++;
        if (flags & NGHTTP2_HD_INFLATE_FINAL) break;
    }
    nghttp2_hd_inflate_end_headers(d);
    return fields;
}

static void decode_theirs(story *st, uint32_t table) {
    nghttp2_hd_inflater *d;
    if (nghttp2_hd_inflate_new(&d)) fail("nghttp2_hd_inflate_new");
    nghttp2_hd_inflate_change_table_size(d, table);
    for (size_t k = 0; k < st->n; k++) {
        section *s = &st->sections[k];
        if (inflate_block(d, s->theirs, s->theirs_n) != s->n) fail("nghttp2 lost a field");
    }
    nghttp2_hd_inflate_del(d);
}

/* ---- timing ---- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

enum { ENCODE_OURS, ENCODE_THEIRS, DECODE_OURS, DECODE_THEIRS, WORKS };

static void round_of(int work, story *st, uint32_t table) {
    switch (work) {
    case ENCODE_OURS: encode_ours(st, table, false); break;
    case ENCODE_THEIRS: encode_theirs(st, table, false); break;
    case DECODE_OURS: decode_ours(st, table); break;
    default: decode_theirs(st, table);
    }
}

static void bench(uint32_t table, int rounds, const char *end) {
    double took[WORKS] = {0}, rate[WORKS];
    size_t ours = 0, theirs = 0;
    for (story *st = stories; st < stories + STORIES; st++) {
        double best[WORKS] = {1e9, 1e9, 1e9, 1e9};
        ours += encode_ours(st, table, true);
        theirs += encode_theirs(st, table, true);
        for (int r = 0; r < rounds; r++) {
            for (int work = 0; work < WORKS; work++) {
                double begin = now(), t;
                round_of(work, st, table);
                t = now() - begin;
                if (t < best[work]) best[work] = t;
            }
        }
        for (int work = 0; work < WORKS; work++) took[work] += best[work];
    }
    for (int work = 0; work < WORKS; work++) rate[work] = field_bytes / took[work] / 1e6;
    printf("  {\"table\": %u, \"wire_bytes\": {\"h2box\": %zu, \"nghttp2\": %zu},\n"
           "   \"encode_mb_s\": {\"h2box\": %.0f, \"nghttp2\": %.0f},\n"
           "   \"decode_mb_s\": {\"h2box\": %.0f, \"nghttp2\": %.0f}}%s\n",
           table, ours, theirs, rate[ENCODE_OURS], rate[ENCODE_THEIRS], rate[DECODE_OURS],
           rate[DECODE_THEIRS], end);
}

int main(int argc, char **argv) {
    int rounds = argc > 1 ? atoi(argv[1]) : 200;
    load_stories();
    printf("{\"bench\": \"hpack\", \"field_bytes\": %.0f, \"rounds\": %d, \"nghttp2\": \"%s\", "
           "\"tables\": [\n",
           field_bytes, rounds, nghttp2_version(0)->version_str);
    bench(4096, rounds, ",");
    bench(16384, rounds, "");
    printf("]}\n");
    return 0;
}
