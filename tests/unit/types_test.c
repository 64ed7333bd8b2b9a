/* applets/server/types.c: mime.types files, and what is worth a content coding. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "applets/server/types.h"

static bool is(const types *t, const char *extension, const char *type) {
    return span_eq(types_find(t, span_str(extension)), span_str(type));
}

Test(types, of_a_text) {
    types *t =
        types_new(SPAN("# comment\ntext/x-one one uno # more\n\napplication/x-late one two\r\n"
                       "nonsense three\ntext/x-empty\n"));
    cr_assert_not_null(t);
    cr_expect(is(t, "one", "text/x-one")); /* the first row counts */
    cr_expect(is(t, "ONE", "text/x-one"));
    cr_expect(is(t, "uno", "text/x-one"));
    cr_expect(is(t, "two", "application/x-late"));
    cr_expect(is(t, "three", ""));
    cr_expect(is(t, "html", ""));
    cr_expect(is(t, "", ""));
    types_free(t);
    t = types_new(SPAN(""));
    cr_expect(is(t, "one", ""));
    types_free(t);
    types_free(NULL);
}

Test(types, built_in) { cr_expect(is(NULL, "HTML", "text/html") && is(NULL, "none", "")); }

Test(types, of_a_file) {
    const char *why = NULL;
    char path[] = P_tmpdir "/h2box-types-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, "a/b c\n", 6), 6);
    close(fd);
    types *t = types_read(path, &why);
    cr_assert_not_null(t, "%s", why);
    cr_expect(is(t, "c", "a/b"));
    types_free(t);
    unlink(path);
    cr_expect_null(types_read(path, &why));
    cr_expect_str_eq(why, "No such file or directory");
    cr_expect_null(types_read(P_tmpdir, &why));
    cr_expect_null(types_read("/dev/zero", &why));
    cr_expect_str_eq(why, "it is too long");
}

Test(types, worth_a_coding) {
    static const char *const yes[] = {"text/html", "text/x-any", "application/json",
                                      "image/svg+xml", "application/ld+json"},
                             *const no[] = {"image/png",  "application/zip",
                                            "video/mp4",  "application/octet-stream",
                                            "font/woff2", ""};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        cr_expect(types_compress(span_str(yes[i])), "%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        cr_expect(!types_compress(span_str(no[i])), "%s", no[i]);
}
