#include "core/mime.h"

static const struct row {
    span extension, type;
} rows[] = {
#define MIME(extension, type) {SPAN_LIT(extension), SPAN_LIT(type)},
#include "core/mime.def"
#undef MIME
};

enum { ROWS = sizeof rows / sizeof rows[0], LONGEST = 16 };

span mime_extension(span path) {
    for (size_t i = path.n; i > 1; i--) {
        if (path.p[i - 1] == '/') break;
        if (path.p[i - 1] != '.') continue;
        return path.p[i - 2] == '/' ? (span){0} : span_skip(path, i);
    }
    return (span){0};
}

/* Below, at or above 0 as a comes before, is, or comes after b. */
static int compare(span a, span b) {
    const size_t n = a.n < b.n ? a.n : b.n;
    const int order = memcmp(a.p, b.p, n);
    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

span mime_type(span extension) {
    uint8_t lower[LONGEST];
    if (extension.n == 0 || extension.n > LONGEST) return (span){0};
    for (size_t i = 0; i < extension.n; i++) lower[i] = bytes_lower(extension.p[i]);
    const span want = span_of(lower, extension.n);
    size_t low = 0, high = ROWS;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = compare(want, rows[middle].extension);
        if (order == 0) return rows[middle].type;
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return (span){0};
}

static bool blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r'; }

/* Cuts the next word off *line; empty at its end or at a comment. */
static span take_word(span *line) {
    size_t n = 0;
    while (line->n > 0 && blank(line->p[0])) *line = span_skip(*line, 1);
    if (line->n > 0 && line->p[0] == '#') *line = span_skip(*line, line->n);
    while (n < line->n && !blank(line->p[n])) n++;
    return span_take(line, n);
}

static bool token(span s) {
    for (size_t i = 0; i < s.n; i++) {
        const uint8_t c = s.p[i];
        const bool word = (uint8_t)(c - '0') < 10 || (uint8_t)(bytes_lower(c) - 'a') < 26;
        if (!word && memchr("!#$%&'*+-.^_`|~", c, 15) == NULL) return false;
    }
    return s.n > 0;
}

static bool type_valid(span s) {
    const uint8_t *slash = s.n ? memchr(s.p, '/', s.n) : NULL;
    if (slash == NULL) return false;
    const size_t n = (size_t)(slash - s.p);
    return token(span_head(s, n)) && token(span_skip(s, n + 1));
}

static bool extension_valid(span s) {
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || s.p[i] == '/' || s.p[i] == '.') return false;
    }
    return true;
}

bool mime_next(mime_cursor *c, span *extension, span *type) {
    for (;;) {
        span word = take_word(&c->line);
        if (word.n > 0) {
            if (!extension_valid(word)) continue;
            *extension = word;
            *type = c->type;
            return true;
        }
        if (c->rest.n == 0) return false;
        const uint8_t *end = memchr(c->rest.p, '\n', c->rest.n);
        c->line = span_take(&c->rest, end ? (size_t)(end - c->rest.p) : c->rest.n);
        if (c->rest.n > 0) c->rest = span_skip(c->rest, 1);
        c->type = take_word(&c->line);
        if (!type_valid(c->type)) c->line = span_head(c->line, 0);
    }
}
