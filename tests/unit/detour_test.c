/* --resolve and --connect-to: where a URI's host and port lead. */
#include "applets/client/detour.h"

#include <criterion/criterion.h>

static opt_list list_of(const char **items) {
    opt_list l = {.v = items};
    while (items[l.count]) l.count++;
    return l;
}

static void leads(const char **connects, const char **resolves, const char *host, uint16_t port,
                  const char *to, uint16_t to_port) {
    opt_list c = list_of(connects), r = list_of(resolves);
    detour out;
    detour_find(&out, &c, &r, span_str(host), port);
    cr_assert_str_eq(out.host, to);
    cr_assert_eq(out.port, to_port, "%u", out.port);
}

#define NONE ((const char *[]){NULL})

Test(detour, nowhere_else) { leads(NONE, NONE, "a.test", 80, "a.test", 80); }

Test(detour, resolve) {
    const char *items[] = {"a.test:80:127.0.0.1", "b.test:443:[::1]", "c.test:80:::2", NULL};
    leads(NONE, items, "A.test", 80, "127.0.0.1", 80);
    leads(NONE, items, "a.test", 81, "a.test", 81);
    leads(NONE, items, "b.test", 443, "::1", 443);
    leads(NONE, items, "c.test", 80, "::2", 80);
}

Test(detour, connect_to) {
    const char *items[] = {"a.test:80:b.test:8080", "[::1]:443:[::2]:444",
                           "c.test::d.test:",       ":9:e.test:",
                           "::unix:/run/s.sock",    NULL};
    leads(items, NONE, "a.test", 80, "b.test", 8080);
    leads(items, NONE, "::1", 443, "::2", 444);
    leads(items, NONE, "c.test", 7, "d.test", 7);
    leads(items, NONE, "x", 9, "e.test", 9);
    leads(items, NONE, "x", 10, "unix:/run/s.sock", 10);
}

Test(detour, one_after_the_other) {
    const char *connects[] = {"a.test:80:b.test:81", NULL}, *resolves[] = {"b.test:81:::1", NULL};
    leads(connects, resolves, "a.test", 80, "::1", 81);
}

Test(detour, what_is_refused) {
    static const char *const resolves[] = {"",     "a",     "a:80",      ":80:b",
                                           "a::b", "a:0:b", "a:70000:b", "a:80:"};
    static const char *const connects[] = {"",         "a",        "a:80",        "a:80:b",
                                           "a:x:b:80", "a:80:b:x", "[::1:80:b:80"};
    for (size_t i = 0; i < sizeof resolves / sizeof resolves[0]; i++)
        cr_assert_not_null(detour_check_resolve(resolves[i]), "%s", resolves[i]);
    for (size_t i = 0; i < sizeof connects / sizeof connects[0]; i++)
        cr_assert_not_null(detour_check_connect(connects[i]), "%s", connects[i]);
}
