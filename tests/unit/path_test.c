/* core/path.c: what may come out of a request target, and above all what may not. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/path.h"

/* Decodes from and into blocks of exactly the size in question, so that the sanitizer sees every
 * slip. */
static uint8_t *block;

static const char *decode(const char *target, size_t n, size_t room, path *out) {
    uint8_t *text = malloc(n ? n : 1);
    free(block);
    block = malloc(room ? room : 1);
    cr_assert(text != NULL && block != NULL);
    memcpy(text, target, n);
    const char *why = path_decode(span_of(text, n), block, room, out);
    if (why == NULL && out->query.p != NULL) {
        out->query.p = (const uint8_t *)target + (out->query.p - text);
    }
    free(text);
    return why;
}

Test(path, decodes) {
    static const struct {
        const char *target, *name, *query;
    } list[] = {
        {"/", "/", NULL},
        {"/index.html", "/index.html", NULL},
        {"/a/b/c", "/a/b/c", NULL},
        {"/a/b/", "/a/b/", NULL},
        {"/a?", "/a", ""},
        {"/a?b=c&d", "/a", "b=c&d"},
        {"/?/../x", "/", "/../x"},
        {"/a?b?c", "/a", "b?c"},
        {"/a%20b", "/a b", NULL},
        {"/a%3Fb", "/a?b", NULL},
        {"/a%23b", "/a#b", NULL},
        {"/a%25b", "/a%b", NULL},
        {"/%2525", "/%25", NULL},
        {"/%C3%a4", "/\xc3\xa4", NULL},
        {"/\xc3\xa4", "/\xc3\xa4", NULL},
        {"/%ff", "/\xff", NULL},
        {"/a?%zz%00%2f\\", "/a", "%zz%00%2f\\"},
        /* slashes */
        {"//", "/", NULL},
        {"//a", "/a", NULL},
        {"/a//b///c", "/a/b/c", NULL},
        {"/a//", "/a/", NULL},
        /* dot segments, plain */
        {"/.", "/", NULL},
        {"/..", "/", NULL},
        {"/./", "/", NULL},
        {"/../", "/", NULL},
        {"/a/.", "/a/", NULL},
        {"/a/..", "/", NULL},
        {"/a/./b", "/a/b", NULL},
        {"/a/../b", "/b", NULL},
        {"/www/../index.html", "/index.html", NULL},
        {"/a/b/../../c", "/c", NULL},
        {"/a/b/..", "/a/", NULL},
        {"/../../../../etc/passwd", "/etc/passwd", NULL},
        {"/a/../../etc/passwd", "/etc/passwd", NULL},
        {"//../a", "/a", NULL},
        {"/a//../b", "/b", NULL},
        {"/a/.//./b", "/a/b", NULL},
        /* dot segments, escaped */
        {"/%2e%2e/etc/passwd", "/etc/passwd", NULL},
        {"/%2E./a", "/a", NULL},
        {"/.%2e/a", "/a", NULL},
        {"/a/%2e", "/a/", NULL},
        {"/a/%2e%2e", "/", NULL},
        {"/a/%2e%2e/%2e%2e/%2e%2e/b", "/b", NULL},
        {"/%252e%252e/a", "/%2e%2e/a", NULL},
        /* not dot segments */
        {"/...", "/...", NULL},
        {"/.../a", "/.../a", NULL},
        {"/a..", "/a..", NULL},
        {"/a./b", "/a./b", NULL},
        {"/..a/b", "/..a/b", NULL},
        {"/.a", "/.a", NULL},
        {"/a/.../..", "/a/", NULL},
        {"/a.../..", "/", NULL},
        {"/..;/a", "/..;/a", NULL},
        {"/.. /a", "/.. /a", NULL},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        path p;
        const char *why = decode(list[i].target, strlen(list[i].target), 128, &p);
        cr_assert_null(why, "%s: %s", list[i].target, why);
        cr_expect(span_eq(p.name, span_str(list[i].name)), "%s -> %.*s", list[i].target,
                  (int)p.name.n, (const char *)p.name.p);
        cr_expect_eq(p.name.p[p.name.n], 0);
        cr_expect_eq(p.folder, p.name.p[p.name.n - 1] == '/', "%s", list[i].target);
        cr_expect_eq(p.query.p == NULL, list[i].query == NULL, "%s", list[i].target);
        if (list[i].query)
            cr_expect(span_eq(p.query, span_str(list[i].query)), "%s", list[i].target);
    }
}

Test(path, refuses) {
    static const struct {
        const char *target, *why;
    } list[] = {
        {"", "path does not begin with /"},
        {"*", "path does not begin with /"},
        {"a/b", "path does not begin with /"},
        {"?a", "path does not begin with /"},
        {"http://a/b", "path does not begin with /"},
        {"%2fa", "path does not begin with /"},
        {"\\a", "path does not begin with /"},
        {"/%", "bad percent-escape"},
        {"/%2", "bad percent-escape"},
        {"/a%?aa", "bad percent-escape"},
        {"/%zz", "bad percent-escape"},
        {"/%2g", "bad percent-escape"},
        {"/%u0041", "bad percent-escape"},
        {"/% 2", "bad percent-escape"},
        {"/%-1", "bad percent-escape"},
        {"/a%2fb", "escaped / in the path"},
        {"/..%2F..%2fetc", "escaped / in the path"},
        {"/a%00", "control byte in the path"},
        {"/a%00.html", "control byte in the path"},
        {"/a%0d%0ab", "control byte in the path"},
        {"/a%7f", "control byte in the path"},
        {"/a\nb", "control byte in the path"},
        {"/a\x7f", "control byte in the path"},
        {"/a\\b", "\\ in the path"},
        {"/..\\..\\a", "\\ in the path"},
        {"/a%5cb", "\\ in the path"},
        {"/a%5C..%5C", "\\ in the path"},
        {"/a#b", "fragment in the path"},
        {"/a?b#c", "fragment in the query"},
        {"/a?b\rc", "control byte in the query"},
        {"/a?b\x7f", "control byte in the query"},
    };
    path p;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const char *why = decode(list[i].target, strlen(list[i].target), 128, &p);
        cr_assert_not_null(why, "%s", list[i].target);
        cr_expect_str_eq(why, list[i].why, "%s -> %s", list[i].target, why);
    }
    cr_expect_str_eq(decode("/a\0b", 4, 128, &p), "control byte in the path");
    cr_expect_str_eq(decode("/a?\0b", 5, 128, &p), "control byte in the query");
}

Test(path, keeps_to_its_room) {
    path p;
    for (size_t room = 0; room < 12; room++) {
        cr_expect_eq(decode("/abc", 4, room, &p) == NULL, room >= 5, "%zu", room);
        cr_expect_eq(decode("/abc/", 5, room, &p) == NULL, room >= 6, "%zu", room);
        cr_expect_eq(decode("/%41%42", 7, room, &p) == NULL, room >= 4, "%zu", room);
        cr_expect_eq(decode("/", 1, room, &p) == NULL, room >= 2, "%zu", room);
        /* What dot segments take back is room again, once they are read whole. */
        cr_expect_eq(decode("/ab/../ab/../ab", 15, room, &p) == NULL, room >= 7, "%zu", room);
    }
}

Test(path, encodes) {
    static const struct {
        const char *name, *want;
    } list[] = {
        {"/", "/"},
        {"/a/b.html", "/a/b.html"},
        {"/a b", "/a%20b"},
        {"/a?b#c%d", "/a%3Fb%23c%25d"},
        {"/\xc3\xa4", "/%C3%A4"},
        {"/\r\n\x7f\\", "/%0D%0A%7F%5C"},
        {"/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"},
        {"/\"<>[]^`{|}", "/%22%3C%3E%5B%5D%5E%60%7B%7C%7D"},
        {"/a//b", "/a//b"},
        {"", ""},
        {"a", ""},
        {"//evil.example/", ""},
        {"//", ""},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const size_t need = strlen(list[i].want);
        for (size_t room = 0; room < need + 3; room++) {
            uint8_t *out = malloc(room ? room : 1);
            cr_assert_not_null(out);
            const size_t n = path_encode(span_str(list[i].name), out, room);
            cr_expect_eq(n, room < need ? 0 : need, "%s", list[i].name);
            if (n > 0) cr_expect(memcmp(out, list[i].want, n) == 0, "%s", list[i].name);
            free(out);
        }
    }
}
