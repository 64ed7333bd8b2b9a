/* applets/proxy/page.c: the pages of errors, as built in and as files give them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "applets/proxy/page.h"
#include "core/limits.h"

static void is(const page_set *p, unsigned status, const char *text) {
    span page = page_of(p, status);
    cr_expect(span_eq(page, span_str(text)), "%u: %.*s", status, (int)page.n, (const char *)page.p);
}

#define PAGE(title, name)                                                       \
    "<!DOCTYPE html><html lang=\"en\"><title>" title "</title><body><h1>" title \
    "</h1><footer>" name "</footer></body></html>"

Test(page, built_in) {
    page_set *p = page_set_new("nghttpx");
    is(p, 502, PAGE("502 Bad Gateway", "nghttpx")); /* as nghttpx 1.52 has it */
    is(p, 308, PAGE("308 Permanent Redirect", "nghttpx"));
    is(p, 400, PAGE("400 Bad Request", "nghttpx"));
    is(p, 504, PAGE("504 Gateway Timeout", "nghttpx"));
    is(p, 599, PAGE("500 Internal Server Error", "nghttpx"));
    is(p, 0, PAGE("500 Internal Server Error", "nghttpx"));
    is(p, 200, PAGE("500 Internal Server Error", "nghttpx"));
    page_set_free(p);
    page_set_free(NULL);
}

Test(page, name_is_text) {
    page_set *p = page_set_new("<script>&\"'\x01");
    is(p, 404, PAGE("404 Not Found", "&lt;script&gt;&amp;&quot;&#39;\xef\xbf\xbd"));
    page_set_free(p);
}

static const char *file_of(char name[64], const char *text) {
    snprintf(name, 64, P_tmpdir "/page-XXXXXX");
    int fd = mkstemp(name);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return name;
}

Test(page, files) {
    char one[64], all[64];
    const char *why;
    page_set *p = page_set_new("h2box");
    cr_assert(page_set_file(p, 503, file_of(one, "sorry"), &why));
    is(p, 503, "sorry");
    is(p, 502, PAGE("502 Bad Gateway", "h2box"));
    cr_assert(page_set_file(p, 0, file_of(all, "all"), &why));
    is(p, 503, "sorry");
    is(p, 502, "all");
    is(p, 404, "all");
    is(p, 599, "all");
    is(p, 308, PAGE("308 Permanent Redirect", "h2box"));
    cr_assert(page_set_file(p, 503, all, &why), "the last one counts");
    is(p, 503, "all");
    unlink(one);
    cr_assert(page_set_file(p, 503, file_of(one, ""), &why), "an empty one is one");
    is(p, 503, "");
    unlink(one);
    unlink(all);
    page_set_free(p);
}

Test(page, refused) {
    char big[64];
    const char *why = NULL;
    page_set *p = page_set_new("h2box");
    cr_expect_not(page_set_file(p, 404, "/nowhere/at/all", &why));
    cr_expect_str_eq(why, "No such file or directory");
    cr_expect_not(page_set_file(p, 404, "/", &why));
    cr_expect_str_eq(why, "not a regular file");
    cr_expect_not(page_set_file(p, 404, "/dev/zero", &why));
    cr_expect_str_eq(why, "not a regular file");
    cr_expect_not(page_set_file(p, 399, file_of(big, ""), &why));
    cr_expect_not(page_set_file(p, 600, big, &why));
    cr_assert_eq(truncate(big, LIMIT_ERROR_PAGE + 1), 0);
    cr_expect_not(page_set_file(p, 404, big, &why));
    cr_expect_str_eq(why, "too large for an error page");
    is(p, 404, PAGE("404 Not Found", "h2box"));
    unlink(big);
    page_set_free(p);
}
