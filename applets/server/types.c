#include "applets/server/types.h"
#include "core/limits.h"
#include "core/mime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct row {
    struct row *next;
    span extension, type; /* in the text */
} row;

#define SLOTS 1024u /* Debian's file has 1,500 extensions */

struct types {
    row *slots[SLOTS];
    row *rows;
    char *text;
};

static unsigned slot_of(span extension) {
    uint32_t h = 2166136261u; /* FNV-1a: the file is the administrator's own */
    for (size_t i = 0; i < extension.n; i++) h = (h ^ bytes_lower(extension.p[i])) * 16777619u;
    return (h ^ h >> 16) % SLOTS;
}

static const row *find(const types *t, span extension) {
    const row *r = t->slots[slot_of(extension)];
    while (r && !span_ieq(r->extension, extension)) r = r->next;
    return r;
}

static size_t count_pairs(span text) {
    mime_cursor c = {.rest = text};
    span extension, type;
    size_t n = 0;
    while (mime_next(&c, &extension, &type)) n++;
    return n;
}

types *types_new(span text) {
    types *t = calloc(1, sizeof *t);
    size_t n = count_pairs(text), used = 0;
    if (!t) return NULL;
    t->text = malloc(text.n + 1);
    t->rows = calloc(n + 1, sizeof *t->rows);
    if (!t->text || !t->rows) {
        types_free(t);
        return NULL;
    }
    if (text.n) memcpy(t->text, text.p, text.n);
    mime_cursor c = {.rest = span_of(t->text, text.n)};
    span extension, type;
    while (mime_next(&c, &extension, &type)) {
        if (find(t, extension)) continue;
        row *r = &t->rows[used++];
        row **slot = &t->slots[slot_of(extension)];
        *r = (row){*slot, extension, type};
        *slot = r;
    }
    return t;
}

types *types_read(const char *path, const char **why) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = fd < 0 ? NULL : malloc(LIMIT_TYPES_FILE + 1);
    size_t n = 0;
    ssize_t got = -1;
    while (text && n <= LIMIT_TYPES_FILE &&
           (got = read(fd, text + n, LIMIT_TYPES_FILE + 1 - n)) > 0)
        n += (size_t)got;
    *why = n > LIMIT_TYPES_FILE ? "it is too long" : strerror(errno);
    types *t = text && got == 0 ? types_new(span_of(text, n)) : NULL;
    free(text);
    if (fd >= 0) close(fd);
    return t;
}

void types_free(types *t) {
    if (!t) return;
    free(t->rows);
    free(t->text);
    free(t);
}

span types_find(const types *t, span extension) {
    if (!t) return mime_type(extension);
    const row *r = extension.n ? find(t, extension) : NULL;
    return r ? r->type : SPAN("");
}

static bool ends(span s, span end) {
    return s.n >= end.n && span_eq(span_skip(s, s.n - end.n), end);
}

bool types_compress(span type) {
    static const char *const others[] = {"application/javascript",
                                         "application/json",
                                         "application/xml",
                                         "application/wasm",
                                         "application/x-sh",
                                         "application/sql",
                                         "application/rtf",
                                         "application/x-tex",
                                         "application/postscript",
                                         "image/x-icon",
                                         "image/bmp",
                                         "image/vnd.microsoft.icon",
                                         "font/ttf",
                                         "font/otf",
                                         "application/vnd.ms-fontobject",
                                         "application/yaml",
                                         "application/toml"};
    if (span_starts(type, SPAN("text/")) || ends(type, SPAN("+xml")) || ends(type, SPAN("+json")))
        return true;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (span_eq(type, span_str(others[i]))) return true;
    }
    return false;
}
