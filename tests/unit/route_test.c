/* applets/proxy/route.c: which pattern a request belongs to. What nghttpx 1.52 says of the same
 * patterns and requests is in the table; where we differ, it says so. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "applets/proxy/route.h"
#include "core/limits.h"

static const char *const patterns[] = {
    "",         "/foo/",  "/foo/*", "/foo",          "/fo*",      "/bar/",
    "/bar*",    "/c%3Ad", "/E%2fg", "h.org",         "*.h.org/a", "*.g.h.org/b",
    "*h.org/z", "/m*",    "/m/x/",  "[%3A%3a1]/six", NULL};

static route_table *table_of(const char *const *list) {
    route_table *t = route_table_new();
    cr_assert_not_null(t);
    for (uint32_t i = 0; list[i]; i++) {
        const char *why;
        uint32_t target = i;
        cr_assert(route_table_add(t, span_str(list[i]), &target, &why), "%s: %s", list[i], why);
        cr_assert_eq(target, i, "%s", list[i]);
    }
    return t;
}

/* From blocks of their own size, so that the sanitizer sees a read past their ends. */
static uint32_t find(const route_table *t, const char *authority, const char *path) {
    size_t a = strlen(authority), b = strlen(path);
    uint8_t *host = malloc(a + !a), *target = malloc(b + !b);
    cr_assert(host && target);
    memcpy(host, authority, a);
    memcpy(target, path, b);
    uint32_t found = route_find(t, span_of(host, a), span_of(target, b));
    free(host);
    free(target);
    return found;
}

static void leads(const route_table *t, const char *const *list, const char *host, const char *path,
                  const char *to) {
    uint32_t found = find(t, host, path);
    cr_expect_str_eq(found == ROUTE_NONE ? "none" : list[found], to, "%s %s: %s", host, path,
                     found == ROUTE_NONE ? "none" : list[found]);
}

Test(route, as_nghttpx) {
    static const char *const cases[][3] = {
        {"x", "/foo", "/foo"},
        {"x", "/foo/", "/foo/"},
        {"x", "/foo/b", "/foo/*"},
        {"x", "/foob", "/fo*"},
        {"x", "/fo", ""},
        {"x", "/bar", "/bar/"},
        {"x", "/bar/", "/bar/"},
        {"x", "/barx", "/bar*"},
        {"x", "/bar/x", "/bar/"},
        {"x", "/c:d", "/c%3Ad"},
        {"x", "/E%2Fg", "/E%2fg"},
        {"x", "/E%2fg", "/E%2fg"},
        {"x", "/%45%2fg", "/E%2fg"},
        {"h.org", "/", "h.org"},
        {"H.ORG:80", "/zz", "h.org"},
        {"a.h.org", "/a", "*.h.org/a"},
        {"a.g.h.org", "/a", "*.h.org/a"},
        {"a.g.h.org", "/b", "*.g.h.org/b"},
        {"a.g.h.org", "/c", ""},
        {"ah.org", "/z", "*h.org/z"},
        {"h.org", "/z", "h.org"},
        {"x", "//foo", "/foo"},
        {"x", "/./foo", "/foo"},
        {"x", "/q/../foo/.", "/foo/"},
        {"x", "/q/..foo", ""},
        {"x", "/../foo", "/foo"},
        {"x", "/foo/..", ""},
        {"x", "/foo?x", "/foo"},
        {"x", "/m/x/y", "/m/x/"},
        {"x", "/m/x", "/m/x/"},
        {"x", "/m/xy", "/m*"},
        {"x", "/foo/../bar", "/bar/"},
        {"[::1]:80", "/foo", "/foo"},
        {"[::1]:80", "/six", "[%3A%3a1]/six"},
        {"x", "/%2e%2e/foo", "/foo"},
        {"x", "/q/%2e%2E/foo", "/foo"},
        {"x", "/foo%", "/fo*"},
        {"x", "/foo%zz", "/fo*"},
        /* CONNECT, OPTIONS * and nothing at all count as "/". */
        {"h.org", "", "h.org"},
        {"h.org", "*", "h.org"},
        {"", "/foo", "/foo"},
        {":80", "/foo", "/foo"},
        {"[", "/foo", "/foo"},
        /* Otherwise than nghttpx: an escaped colon is one, several slashes count as one everywhere.
         */
        {"x", "/c%3Ad", "/c%3Ad"},
        {"x", "/c%3ad", "/c%3Ad"},
        {"x", "/q//..//foo", "/foo"},
        /* A name from the root is that name. */
        {"h.org.", "/", "h.org"},
        {"H.ORG.:80", "/", "h.org"},
        {"a.h.org.", "/a", "*.h.org/a"},
        {"h.org..", "/", ""},
        {".", "/foo", "/foo"},
        /* What a query says is not looked at. */
        {"x", "/?/../foo", ""},
        {"x", "/foo?/../bar", "/foo"},
    };
    route_table *t = table_of(patterns);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        leads(t, patterns, cases[i][0], cases[i][1], cases[i][2]);
    cr_expect_eq(route_catch_all(t), 0);
    route_table_free(t);
}

Test(route, any_order) {
    /* Edges of the trees are cut at other places when patterns come in another order. */
    enum { COUNT = sizeof patterns / sizeof *patterns - 1 };
    _Static_assert(COUNT % 7, "steps of 7 lead to all of them");
    route_table *straight = table_of(patterns);
    for (unsigned turn = 1; turn < COUNT; turn++) {
        const char *list[COUNT + 1] = {NULL};
        for (unsigned i = 0; i < COUNT; i++) list[i] = patterns[(i + turn) * 7 % COUNT];
        route_table *t = table_of(list);
        static const char *const hosts[] = {"x",      "h.org", "a.h.org", "a.g.h.org",
                                            "ah.org", "[::1]", "org",     ""};
        static const char *const paths[] = {"/",     "/foo", "/foo/", "/foo/x", "/fo", "/f",
                                            "/foox", "/bar", "/a",    "/b",     "/z",  "/m",
                                            "/m/",   "/m/x", "/m/x/", "/E%2fg", "/six"};
        for (size_t h = 0; h < sizeof hosts / sizeof *hosts; h++) {
            for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
                uint32_t a = find(straight, hosts[h], paths[p]);
                leads(t, list, hosts[h], paths[p], a == ROUTE_NONE ? "none" : patterns[a]);
            }
        }
        route_table_free(t);
    }
    route_table_free(straight);
}

Test(route, without_catch_all) {
    static const char *const list[] = {"a.test/x/", "*/y", NULL};
    route_table *t = table_of(list);
    cr_expect_eq(route_catch_all(t), ROUTE_NONE);
    leads(t, list, "a.test", "/x", "a.test/x/");
    leads(t, list, "a.test", "/y", "*/y");
    leads(t, list, "b", "/y", "*/y");
    leads(t, list, "", "/y", "none");
    leads(t, list, "a.test", "/z", "none");
    route_table_free(t);
}

Test(route, same_patterns_share_a_target) {
    static const char *const same[][2] = {{"A.test", "a.TEST/"},
                                          {"/a/./b", "/a/b"},
                                          {"/%61*", "/a*"},
                                          {"", "/"},
                                          {"*.Test", "*.test/"}};
    route_table *t = route_table_new();
    for (uint32_t i = 0; i < sizeof same / sizeof *same; i++) {
        uint32_t first = i, second = 100;
        const char *why;
        cr_assert(route_table_add(t, span_str(same[i][0]), &first, &why));
        cr_assert(route_table_add(t, span_str(same[i][1]), &second, &why));
        cr_expect_eq(second, i, "%s", same[i][0]);
    }
    route_table_free(t);
}

Test(route, refused) {
    static char much[LIMIT_ROUTE_PATTERN + 2];
    memset(much, 'a', sizeof much - 1);
    *much = '/';
    const char *bad[] = {"a.*.test", "a*",    "**",   "a test/", "/a b",
                         "/a\n",     "\x80/", "/a?b", "/a#b",    much};
    route_table *t = route_table_new();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint32_t target = 0;
        const char *why = NULL;
        cr_expect_not(route_table_add(t, span_str(bad[i]), &target, &why), "%s", bad[i]);
        cr_expect(why && *why, "%s", bad[i]);
    }
    route_table_free(t);
}

/* Paths longer than any pattern, and what ".." takes back of them. */
Test(route, long_paths) {
    static const char *const list[] = {"/", "/short", "/b/", NULL};
    enum { ROOM = 70000 };
    route_table *t = table_of(list);
    char *path = malloc(ROOM + 100);
    for (size_t n = LIMIT_ROUTE_PATTERN - 20; n < LIMIT_ROUTE_PATTERN + 20; n++) {
        memset(path, 'x', ROOM);
        memcpy(path, "/b/", 3);
        strcpy(path + n, "/y%2f/z/../../..");
        leads(t, list, "", path, "/b/");
        strcat(path, "/..");
        leads(t, list, "", path, "/");
        strcat(path, "/.././/../short");
        leads(t, list, "", path, "/short");
    }
    /* As many segments as fit, and one ".." less than them. */
    for (size_t n = 0; n < ROOM; n += 2) memcpy(path + n, n < ROOM * 3 / 5 ? "/b" : "..", 2);
    for (size_t n = ROOM * 3 / 5; n + 3 <= ROOM; n += 3) memcpy(path + n, "/..", 3);
    path[ROOM] = 0;
    leads(t, list, "", path, "/b/");
    free(path);
    route_table_free(t);
}
