#include "applets/hpack/case_fields.h"

#include "applets/common/heap.h"

#include <stdlib.h>

void case_fields_begin(case_fields *f) {
    *f = (case_fields){0};
    mem_arena_init(&f->bytes, heap_mem(), CASE_FIELDS_BYTES_MAX);
}

void case_fields_clear(case_fields *f) {
    f->count = 0;
    f->length = 0;
    mem_arena_clear(&f->bytes);
}

void case_fields_end(case_fields *f) {
    mem_arena_end(&f->bytes);
    free(f->v);
    f->v = NULL;
}

static http_field *one_more(case_fields *f) {
    if (f->count == f->room) {
        uint32_t wider = f->room ? f->room * 2 : 64;
        void *moved = wider <= CASE_FIELDS_MAX ? realloc(f->v, wider * sizeof(*f->v)) : NULL;
        if (!moved) return NULL;
        f->v = moved;
        f->room = wider;
    }
    return &f->v[f->count];
}

/* A copy in the arena; .p is NULL when it was refused. */
static span copy(case_fields *f, span s) {
    if (s.n == 0) return SPAN("");
    uint8_t *p = mem_arena_take(&f->bytes, s.n);
    if (p) memcpy(p, s.p, s.n);
    return span_of(p, s.n);
}

/* Takes over spans that live in the arena. */
static bool add_owned(case_fields *f, span name, span value) {
    http_field *field = name.p && value.p ? one_more(f) : NULL;
    if (!field) return false;
    *field = (http_field){name, value, (uint16_t)fields_token(name), false};
    f->count++;
    f->length += name.n + value.n;
    return true;
}

/* The same in lower case. */
static span lowered(span owned) {
    uint8_t *p = (uint8_t *)(uintptr_t)owned.p;
    for (size_t i = 0; p && i < owned.n; i++) p[i] = bytes_lower(p[i]);
    return owned;
}

bool case_fields_add(case_fields *f, span name, span value) {
    return add_owned(f, lowered(copy(f, name)), copy(f, value));
}

/* Turns code points below 256, in UTF-8, into bytes in place. */
static bool narrow(span *owned) {
    uint8_t *p = (uint8_t *)(uintptr_t)owned->p;
    size_t n = 0;
    for (size_t i = 0; i < owned->n; i++) {
        if (p[i] < 0x80) {
            p[n++] = p[i];
            continue;
        }
        if (p[i] > 0xc3) return false;
        p[n++] = (uint8_t)(p[i] << 6 | (p[i + 1] & 0x3f));
        i++;
    }
    owned->n = n;
    return true;
}

static const char *read_pair(case_fields *f, const json_t *pair, bool latin1) {
    if (!json_is_object(pair) || json_object_size(pair) != 1) {
        return "headers: an item is not an object of one name and its value";
    }
    void *at = json_object_iter((json_t *)(uintptr_t)pair);
    const json_t *text = json_object_iter_value(at);
    if (!json_is_string(text)) return "headers: a value is not a string";
    span name = copy(f, span_of(json_object_iter_key(at), json_object_iter_key_len(at)));
    span value = copy(f, span_of(json_string_value(text), json_string_length(text)));
    if (latin1 && name.p && value.p && !(narrow(&name) && narrow(&value))) {
        return "headers: a character is not in latin-1, which the case says it is in";
    }
    return add_owned(f, lowered(name), value) ? NULL : "headers: too many or too long";
}

const char *case_fields_read(case_fields *f, const json_t *headers, bool latin1) {
    const json_t *pair;
    const char *wrong = NULL;
    size_t i;
    if (!json_is_array(headers)) return headers ? "headers: not an array" : "headers: missing";
    json_array_foreach(headers, i, pair) {
        if (!wrong) wrong = read_pair(f, pair, latin1);
    }
    return wrong;
}

static bool utf8(span s) {
    size_t ascii = 0;
    while (ascii < s.n && s.p[ascii] < 0x80) ascii++;
    if (ascii == s.n) return true;
    json_t *probe = json_stringn((const char *)s.p, s.n); /* refuses what is not UTF-8 */
    json_decref(probe);
    return probe != NULL;
}

bool case_fields_utf8(const http_field *f, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (!utf8(f[i].name) || !utf8(f[i].value)) return false;
    }
    return true;
}

bool case_fields_table_utf8(const hpack_table *t) {
    for (uint32_t i = 0; i < t->count; i++) {
        hpack_entry entry = hpack_table_entry(t, i);
        if (!utf8(entry.name) || !utf8(entry.value)) return false;
    }
    return true;
}

/* Bytes as code points of the same number, in UTF-8; *n is the length. Freed by the caller. */
static char *widened(span s, size_t *n) {
    char *wide = malloc(s.n * 2 + 1);
    *n = 0;
    for (size_t i = 0; wide && i < s.n; i++) {
        if (s.p[i] >= 0x80) wide[(*n)++] = (char)(0xc0 | s.p[i] >> 6);
        wide[(*n)++] = (char)(s.p[i] < 0x80 ? s.p[i] : 0x80 | (s.p[i] & 0x3f));
    }
    return wide;
}

static json_t *text_json(span s, bool latin1) {
    size_t n;
    if (!latin1) return json_stringn_nocheck(s.n ? (const char *)s.p : "", s.n);
    char *wide = widened(s, &n);
    json_t *text = wide ? json_stringn_nocheck(wide, n) : NULL;
    free(wide);
    return text;
}

static json_t *pair_json(const http_field *f, bool latin1) {
    size_t n = f->name.n;
    json_t *pair = json_object();
    char *wide = latin1 ? widened(f->name, &n) : NULL;
    const char *name = latin1 ? wide : f->name.n ? (const char *)f->name.p : "";
    bool good =
        name && json_object_setn_new_nocheck(pair, name, n, text_json(f->value, latin1)) == 0;
    free(wide);
    if (good) return pair;
    json_decref(pair);
    return NULL;
}

json_t *case_fields_json(const http_field *f, size_t n, bool latin1) {
    json_t *headers = json_array();
    for (size_t i = 0; headers && i < n; i++) {
        if (json_array_append_new(headers, pair_json(&f[i], latin1)) == 0) continue;
        json_decref(headers);
        return NULL;
    }
    return headers;
}

static json_t *entry_json(uint32_t index, const hpack_entry *entry, bool latin1) {
    return json_pack("{s:I, s:o, s:o, s:I}", "index", (json_int_t)index, "name",
                     text_json(entry->name, latin1), "value", text_json(entry->value, latin1),
                     "size", (json_int_t)(entry->name.n + entry->value.n + HPACK_ENTRY_OVERHEAD));
}

json_t *case_fields_table_json(const hpack_table *t, uint32_t limit, bool latin1) {
    json_t *entries = json_array();
    for (uint32_t i = 0; entries && i < t->count; i++) {
        hpack_entry entry = hpack_table_entry(t, i);
        json_t *item = entry_json(HPACK_STATIC_COUNT + 1 + i, &entry, latin1);
        if (json_array_append_new(entries, item) == 0) continue;
        json_decref(entries);
        return NULL;
    }
    return json_pack("{s:o, s:I, s:I, s:I, s:I}", "entries", entries, "size", (json_int_t)t->size,
                     "max_size", (json_int_t)limit, "deflate_size", (json_int_t)t->size,
                     "max_deflate_size", (json_int_t)t->max_size);
}
