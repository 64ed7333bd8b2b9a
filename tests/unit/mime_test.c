/* core/mime.c: the order of mime.def and every row of it, extensions of paths, and mime.types
 * files. */
#include <criterion/criterion.h>

#include "core/mime.h"

static const struct row {
    const char *extension, *type;
} rows[] = {
#define MIME(extension, type) {extension, type},
#include "core/mime.def"
#undef MIME
};

enum { ROWS = sizeof rows / sizeof rows[0] };

Test(mime, table_is_sorted_and_found) {
    cr_expect_geq(ROWS, 120);
    for (size_t i = 0; i < ROWS; i++) {
        const char *e = rows[i].extension;
        char upper[32] = "";
        if (i > 0) cr_expect_lt(strcmp(rows[i - 1].extension, e), 0, "%s is out of order", e);
        cr_assert_leq(strlen(e), 16);
        for (size_t k = 0; e[k]; k++) {
            cr_expect((e[k] >= 'a' && e[k] <= 'z') || (e[k] >= '0' && e[k] <= '9'), "%s", e);
            upper[k] = e[k] >= 'a' ? (char)(e[k] - 32) : e[k];
        }
        cr_expect(span_eq(mime_type(span_str(e)), span_str(rows[i].type)), "%s", e);
        cr_expect(span_eq(mime_type(span_str(upper)), span_str(rows[i].type)), "%s", e);
        cr_expect_null(strchr(rows[i].type, ';'), "%s", e);
        cr_expect_not_null(strchr(rows[i].type, '/'), "%s", e);
    }
}

Test(mime, types) {
    static const struct row list[] = {
        {"html", "text/html"},
        {"css", "text/css"},
        {"js", "text/javascript"},
        {"mjs", "text/javascript"},
        {"json", "application/json"},
        {"map", "application/json"},
        {"svg", "image/svg+xml"},
        {"wasm", "application/wasm"},
        {"woff2", "font/woff2"},
        {"txt", "text/plain"},
        {"PnG", "image/png"},
        {"", ""},
        {"x", ""},
        {"htm ", ""},
        {"htmlx", ""},
        {"ht", ""},
        {"zzz", ""},
        {"0", ""},
        {"abcdefghijklmnopq", ""},
        {"\xff\xff", ""},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        cr_expect(span_eq(mime_type(span_str(list[i].extension)), span_str(list[i].type)), "%s",
                  list[i].extension);
    }
    cr_expect_eq(mime_type(span_of("htm\0", 4)).n, 0);
    cr_expect_eq(mime_type(span_of(NULL, 0)).n, 0);
}

Test(mime, extensions) {
    static const struct {
        const char *path, *extension;
    } list[] = {
        {"/index.html", "html"},
        {"/a/b.c/d", ""},
        {"/a.tar.gz", "gz"},
        {"/a", ""},
        {"/", ""},
        {"", ""},
        {"/.profile", ""},
        {"/.profile.txt", "txt"},
        {"/a/.b", ""},
        {"/a.", ""},
        {"/a..", ""},
        {"a.X", "X"},
        {".", ""},
        {".a", ""},
        {"..", ""},
        {"/a.b/", ""},
        {"/..a", "a"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        cr_expect(span_eq(mime_extension(span_str(list[i].path)), span_str(list[i].extension)),
                  "%s", list[i].path);
    }
    cr_expect_eq(mime_extension(span_of(NULL, 0)).n, 0);
}

/* "extension=type" of each pair, one a line. */
static const char *walk(span text) {
    static char out[512];
    size_t n = 0;
    mime_cursor c = {.rest = text};
    span extension, type;
    while (mime_next(&c, &extension, &type)) {
        cr_assert_lt(n + extension.n + type.n + 3, sizeof out);
        memcpy(out + n, extension.p, extension.n);
        n += extension.n;
        out[n++] = '=';
        memcpy(out + n, type.p, type.n);
        n += type.n;
        out[n++] = '\n';
    }
    cr_expect_not(mime_next(&c, &extension, &type));
    out[n] = 0;
    return out;
}

Test(mime, files) {
    static const struct {
        const char *text, *want;
    } list[] = {
        {"", ""},
        {"\n\n \t\n", ""},
        {"text/html html htm\n", "html=text/html\nhtm=text/html\n"},
        {"text/html\thtml\t\t htm", "html=text/html\nhtm=text/html\n"},
        {"text/html html\r\nimage/png png\r\n", "html=text/html\npng=image/png\n"},
        {"# text/html html\ntext/css css # sheet\n  # x\n", "css=text/css\n"},
        {"application/atom+xml\n\nimage/svg+xml svg\n", "svg=image/svg+xml\n"},
        {"text/x c++ h++ c#\n", "c++=text/x\nh++=text/x\nc#=text/x\n"},
        {"  text/x a\n", "a=text/x\n"},
        {"text a b\n/x a\ntext/ a\na/b/c a\nte;xt/a a\ntext/x b\n", "b=text/x\n"},
        {"text/x a/b ../c .d \xc3\xa4 e\n", "e=text/x\n"},
        {"types {\n    text/html html;\n}\n", "html;=text/html\n"},
        {"text/x a\n\nb c\n", "a=text/x\n"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const char *got = walk(span_str(list[i].text));
        cr_expect_str_eq(got, list[i].want, "%s -> %s", list[i].text, got);
    }
    cr_expect_str_eq(walk(span_of("te\0t/x a\ntext/x \0 b\n", 20)), "b=text/x\n");
    cr_expect_str_eq(walk(span_of(NULL, 0)), "");
}
