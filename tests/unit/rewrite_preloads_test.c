/* applets/proxy/rewrite_preloads.c: which pushes Link fields ask for (RFC 8288, and nghttpx's words
 * for them: rel=preload, nopush). */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "applets/proxy/rewrite.h"
#include "core/limits.h"

static char told[100000];

static void found(void *user, span target) {
    size_t *n = user;
    *n += (size_t)snprintf(told + *n, sizeof told - *n, "%.*s ", (int)target.n,
                           (const char *)target.p);
}

/* From a block of its own size, so that the sanitizer sees a read past its end. */
static const char *preloads(const char *value, const char *more) {
    size_t n = strlen(value), used = 0;
    uint8_t *p = malloc(n + !n);
    cr_assert_not_null(p);
    memcpy(p, value, n);
    const http_field f[] = {HTTP_FIELD_OF(ACCEPT, SPAN("</no>; rel=preload")),
                            HTTP_FIELD_OF(LINK, span_of(p, n)),
                            HTTP_FIELD_OF(LINK, span_str(more ? more : ""))};
    *told = 0;
    rewrite_preloads(f, more ? 3 : 2, SPAN("https"), SPAN("a.test"), SPAN("/dir/page?q"), found,
                     &used);
    free(p);
    return told;
}

Test(rewrite_preloads, fields) {
    static const char *const cases[][2] = {
        {"</a>; rel=preload", "/a "},
        {"</a>;rel=preload,</b>;rel=preload", "/a /b "},
        {" , </a>; rel=\"preload\" , ,</b> ; rel = preload", "/a /b "},
        {"</a>; rel=preload; as=style; crossorigin", "/a "},
        {"</a>; REL=PreLoad", "/a "},
        {"</a>; rel=\"prefetch preload\"", "/a "},
        {"</a>; title=\"x, </b>; rel=preload\"; rel=preload", "/a "},
        {"</a>; title=\"\\\"\"; rel=preload", "/a "},
        {"</a?b=c>; rel=preload", "/a?b=c "},
        {"<b.css>; rel=preload", "/dir/b.css "},
        {"<../../b.css>; rel=preload", "/b.css "},
        {"<?x>; rel=preload", "/dir/page?x "},
        {"<//a.test/x>; rel=preload", "/x "},
        {"<https://A.test:443/x#y>; rel=preload", "/x "},
        /* not these */
        {"</a>; rel=preload; nopush", ""},
        {"</a>; nopush; rel=preload", ""},
        {"</a>; rel=prefetch", ""},
        {"</a>; rel=preloads", ""},
        {"</a>; rel=next; rel=preload", ""},
        {"</a>; rel", ""},
        {"</a>", ""},
        {"<//b.test/x>; rel=preload", ""},
        {"<http://a.test/x>; rel=preload", ""},
        {"<https://a.test:444/x>; rel=preload", ""},
        {"<data:x>; rel=preload", ""},
        {"<https://me@a.test/x>; rel=preload", ""},
        {"", ""},
        {"<", ""},
        {"</a; rel=preload", ""},
        {"</a>; rel=\"preload", ""},
        {"</a>; rel=\"preload\\", ""},
        {"/a; rel=preload", ""},
        {"</a> rel=preload", ""},
        {"</a>; rel=preload </b>; rel=preload", ""},
        {"</a>; rel=preload, b, </c>; rel=preload", "/a "}, /* what follows a fault is not read */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        cr_expect_str_eq(preloads(cases[i][0], NULL), cases[i][1], "%s: %s", cases[i][0], told);
    cr_expect_str_eq(preloads("</a", "</b>; rel=preload"), "/b ");
}

Test(rewrite_preloads, many) {
    static char many[90000];
    for (unsigned i = 0; i < 3000; i++) strcat(many, "</a>;rel=preload,");
    preloads(many, NULL);
    cr_expect_eq(strlen(told), 3 * LIMIT_PRELOADS);
    memset(many, 'a', sizeof many);
    memcpy(many, "</", 2);
    strcpy(many + 50000, ">; rel=preload, </b>; rel=preload");
    cr_expect_str_eq(preloads(many, NULL), "/b ");
}
