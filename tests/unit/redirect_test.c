/* Which request follows a redirect: RFC 9110 section 15.4. */
#include "applets/client/redirect.h"

#include <criterion/criterion.h>

static uri parsed(const char *text) {
    uri u;
    cr_assert_null(uri_parse(span_str(text), &u), "%s", text);
    return u;
}

static const char *follow(unsigned status, const char *method, const char *from, const char *to,
                          redirect *out) {
    uri a = parsed(from), b = parsed(to);
    return redirect_follow(status, span_str(method), &a, &b, out);
}

Test(redirect, statuses) {
    for (unsigned status = 100; status < 600; status++) {
        bool is = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
        cr_assert_eq(redirect_is(status), is, "%u", status);
    }
}

Test(redirect, methods) {
    static const struct {
        unsigned status;
        const char *method;
        bool as_get;
    } rules[] = {
        {301, "GET", false},  {301, "HEAD", false}, {301, "POST", true},    {301, "PUT", false},
        {302, "POST", true},  {302, "PUT", false},  {302, "DELETE", false}, {303, "GET", false},
        {303, "HEAD", false}, {303, "POST", true},  {303, "PUT", true},     {303, "DELETE", true},
        {307, "POST", false}, {307, "PUT", false},  {308, "POST", false},   {308, "DELETE", false},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        redirect r;
        cr_assert_null(follow(rules[i].status, rules[i].method, "http://a/", "http://a/b", &r));
        cr_assert_eq(r.as_get, rules[i].as_get, "%u %s", rules[i].status, rules[i].method);
        cr_assert_not(r.stranger);
    }
}

Test(redirect, credentials_stay_with_their_origin) {
    redirect r;
    cr_assert_null(follow(302, "GET", "http://a/", "http://A:80/x", &r));
    cr_assert_not(r.stranger);
    cr_assert_null(follow(302, "GET", "http://a/", "http://b/", &r));
    cr_assert(r.stranger);
    cr_assert_null(follow(302, "GET", "http://a/", "http://a:81/", &r));
    cr_assert(r.stranger);
    cr_assert_null(follow(302, "GET", "http://a:443/", "https://a/", &r));
    cr_assert(r.stranger);
}

Test(redirect, secrets_are_not_fetched_in_the_open) {
    redirect r;
    cr_assert_not_null(follow(301, "GET", "https://a/", "http://a/", &r));
    cr_assert_null(follow(301, "GET", "https://a/", "https://b/", &r));
}
