/* core/uri.c: URIs, references (RFC 3986 section 5.4 in full) and listen addresses. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/uri.h"

static bool is(span got, const char *want) { return span_eq(got, span_str(want)); }

/* A copy without a NUL behind it, so that the sanitizer sees a read past the end. Lives for
 * three more calls. */
static span exact(const char *text) {
    static uint8_t *lent[4];
    static unsigned turn;
    const size_t n = strlen(text);
    uint8_t **p = &lent[turn++ % 4];
    free(*p);
    *p = malloc(n ? n : 1);
    cr_assert_not_null(*p);
    memcpy(*p, text, n);
    return span_of(*p, n);
}

Test(uri, parses) {
    static const struct {
        const char *text, *scheme, *authority, *host;
        unsigned port;
        uri_host kind;
        const char *target;
    } list[] = {
        {"http://a", "http", "a", "a", 80, URI_HOST_NAME, "/"},
        {"https://a.example/", "https", "a.example", "a.example", 443, URI_HOST_NAME, "/"},
        {"HTTPS://A.example/x", "https", "A.example", "A.example", 443, URI_HOST_NAME, "/x"},
        {"http://a:8080/x?y=z&w", "http", "a:8080", "a", 8080, URI_HOST_NAME, "/x?y=z&w"},
        {"http://a:80/x", "http", "a", "a", 80, URI_HOST_NAME, "/x"},
        {"https://a:443", "https", "a", "a", 443, URI_HOST_NAME, "/"},
        {"https://a:80", "https", "a:80", "a", 80, URI_HOST_NAME, "/"},
        {"http://a:/x", "http", "a", "a", 80, URI_HOST_NAME, "/x"},
        {"http://a:65535/", "http", "a:65535", "a", 65535, URI_HOST_NAME, "/"},
        {"http://a:1/", "http", "a:1", "a", 1, URI_HOST_NAME, "/"},
        {"http://127.0.0.1:1/", "http", "127.0.0.1:1", "127.0.0.1", 1, URI_HOST_IPV4, "/"},
        {"http://127.0.0.256/", "http", "127.0.0.256", "127.0.0.256", 80, URI_HOST_NAME, "/"},
        {"http://1.2.3/", "http", "1.2.3", "1.2.3", 80, URI_HOST_NAME, "/"},
        {"http://01.2.3.4/", "http", "01.2.3.4", "01.2.3.4", 80, URI_HOST_NAME, "/"},
        {"http://[::1]/", "http", "[::1]", "::1", 80, URI_HOST_IPV6, "/"},
        {"http://[::1]:81/", "http", "[::1]:81", "::1", 81, URI_HOST_IPV6, "/"},
        {"https://[2001:db8::1]:443/", "https", "[2001:db8::1]", "2001:db8::1", 443, URI_HOST_IPV6,
         "/"},
        {"http://a_b/", "http", "a_b", "a_b", 80, URI_HOST_NAME, "/"},
        {"http://a/x#frag", "http", "a", "a", 80, URI_HOST_NAME, "/x"},
        {"http://a#frag", "http", "a", "a", 80, URI_HOST_NAME, "/"},
        {"http://a/?#", "http", "a", "a", 80, URI_HOST_NAME, "/?"},
        {"http://a/x?http://b/@c:d", "http", "a", "a", 80, URI_HOST_NAME, "/x?http://b/@c:d"},
        {"http://a//b/../c", "http", "a", "a", 80, URI_HOST_NAME, "//b/../c"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        uri u;
        const char *why = uri_parse(exact(list[i].text), &u);
        cr_assert_null(why, "%s: %s", list[i].text, why);
        cr_expect(is(u.scheme, list[i].scheme), "%s", list[i].text);
        cr_expect(is(u.authority, list[i].authority), "%s", list[i].text);
        cr_expect(is(u.host, list[i].host), "%s", list[i].text);
        cr_expect(is(u.target, list[i].target), "%s", list[i].text);
        cr_expect_eq(u.port, list[i].port, "%s", list[i].text);
        cr_expect_eq(u.kind, list[i].kind, "%s", list[i].text);
        cr_expect_eq(u.https, list[i].scheme[4] == 's');
        const char *fragment = strchr(list[i].text, '#');
        cr_expect_eq(u.text.n, fragment ? (size_t)(fragment - list[i].text) : strlen(list[i].text));
    }
}

#define NO_SCHEME "no scheme: write http:// or https:// before it"
#define BAD_PORT  "port is not a number from 1 to 65535"

Test(uri, refuses) {
    static const struct {
        const char *text, *why;
    } list[] = {
        {"", NO_SCHEME},
        {"a.example", NO_SCHEME},
        {"a.example/x", NO_SCHEME},
        {"localhost:8080", NO_SCHEME},
        {"localhost:8080/http://x", NO_SCHEME},
        {"//a/x", NO_SCHEME},
        {"://a/x", NO_SCHEME},
        {"1http://a/x", NO_SCHEME},
        {"ftp://a/", "scheme is neither http nor https"},
        {"httpx://a/", "scheme is neither http nor https"},
        {"mailto:a", "scheme is neither http nor https"},
        {"http:a", "// is missing after the scheme"},
        {"http:/a", "// is missing after the scheme"},
        {"http:", "// is missing after the scheme"},
        {"http://", "no host"},
        {"http:///x", "no host"},
        {"http://:80/", "no host"},
        {"http://?x", "no host"},
        {"http://a?x", "/ is missing between host and ?"},
        {"http://u@a/", "user@ before the host: send credentials in a header"},
        {"http://u:p@a/", "user@ before the host: send credentials in a header"},
        {"http://@a/", "user@ before the host: send credentials in a header"},
        {"http://good\\@evil/", "user@ before the host: send credentials in a header"},
        {"http://a\\b/", "bad byte in the host"},
        {"http://a%41/", "bad byte in the host"},
        {"http://a<b/", "bad byte in the host"},
        {"http://\xc3\xa4/", "host is not ASCII: write its xn-- form"},
        {"http://a/\xc3\xa4", "path is not ASCII: percent-encode it"},
        {"http://a/x y", "blank or control byte"},
        {" http://a/", "blank or control byte"},
        {"http://a/\n", "blank or control byte"},
        {"http://a/\x7f", "blank or control byte"},
        {"http://a\t/", "blank or control byte"},
        {"http://a:0/", BAD_PORT},
        {"http://a:65536/", BAD_PORT},
        {"http://a:99999999999999999999999/", BAD_PORT},
        {"http://a:x/", BAD_PORT},
        {"http://a:-1/", BAD_PORT},
        {"http://a:8 0/", "blank or control byte"},
        {"http://a:1:2/", "several : in the host: an IPv6 address goes in brackets"},
        {"http://::1/", "several : in the host: an IPv6 address goes in brackets"},
        {"http://[::1/", "] is missing after the IPv6 address"},
        {"http://[", "] is missing after the IPv6 address"},
        {"http://[::1]x/", "neither : nor / after the IPv6 address"},
        {"http://[]/", "bad IPv6 address"},
        {"http://[::1%25eth0]/", "bad IPv6 address"},
        {"http://[v1.a]/", "bad IPv6 address"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        uri u;
        const char *why = uri_parse(exact(list[i].text), &u);
        cr_assert_not_null(why, "%s", list[i].text);
        cr_expect_str_eq(why, list[i].why, "%s -> %s", list[i].text, why);
    }
    uri u;
    cr_expect_not_null(uri_parse(span_of("http://a/\0b", 11), &u));
    cr_expect_not_null(uri_parse(span_of(NULL, 0), &u));
}

Test(uri, ipv6_forms) {
    static const char *const good[] = {
        "::",
        "::1",
        "1::",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "1::8",
        "fe80::abCD",
        "::1.2.3.4",
        "::ffff:1.2.3.4",
        "1:2:3:4:5:6:1.2.3.4",
        "1::5:1.2.3.4",
    };
    static const char *const bad[] = {
        "",
        ":",
        ":::",
        "1",
        "1:",
        ":1",
        "1:2",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "1::2::3",
        "1:::2",
        "12345::",
        "g::",
        "1.2.3.4",
        "::1.2.3",
        "::1.2.3.256",
        "::1.2.3.4:5",
        "::01.2.3.4",
        "1:2:3:4:5:6:7:1.2.3.4",
        "1:2:3:4:5:1.2.3.4",
        "::.",
        "::1.2.3.4.",
        "1:2:3:4:5:6:7:8:",
    };
    char text[80];
    uri u;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const size_t n = (size_t)snprintf(text, sizeof text, "http://[%s]/", good[i]);
        cr_expect_null(uri_parse(span_of(text, n), &u), "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const size_t n = (size_t)snprintf(text, sizeof text, "http://[%s]/", bad[i]);
        cr_expect_not_null(uri_parse(span_of(text, n), &u), "%s", bad[i]);
    }
}

static uint8_t buffer[256];

static const char *resolve(const char *base, const char *ref, uri *u) {
    uri b;
    if (base == NULL) return uri_resolve(NULL, exact(ref), buffer, sizeof buffer, u);
    cr_assert_null(uri_parse(exact(base), &b), "%s", base);
    return uri_resolve(&b, exact(ref), buffer, sizeof buffer, u);
}

Test(uri, resolves_references) {
    static const struct {
        const char *base, *ref, *want;
    } list[] = {
        /* RFC 3986 sections 5.4.1 and 5.4.2; a fragment is never sent, so it is dropped. */
        {"http://a/b/c/d;p?q", "g", "http://a/b/c/g"},
        {"http://a/b/c/d;p?q", "./g", "http://a/b/c/g"},
        {"http://a/b/c/d;p?q", "g/", "http://a/b/c/g/"},
        {"http://a/b/c/d;p?q", "/g", "http://a/g"},
        {"http://a/b/c/d;p?q", "//g", "http://g/"},
        {"http://a/b/c/d;p?q", "?y", "http://a/b/c/d;p?y"},
        {"http://a/b/c/d;p?q", "g?y", "http://a/b/c/g?y"},
        {"http://a/b/c/d;p?q", "#s", "http://a/b/c/d;p?q"},
        {"http://a/b/c/d;p?q", "g#s", "http://a/b/c/g"},
        {"http://a/b/c/d;p?q", "g?y#s", "http://a/b/c/g?y"},
        {"http://a/b/c/d;p?q", ";x", "http://a/b/c/;x"},
        {"http://a/b/c/d;p?q", "g;x", "http://a/b/c/g;x"},
        {"http://a/b/c/d;p?q", "", "http://a/b/c/d;p?q"},
        {"http://a/b/c/d;p?q", ".", "http://a/b/c/"},
        {"http://a/b/c/d;p?q", "./", "http://a/b/c/"},
        {"http://a/b/c/d;p?q", "..", "http://a/b/"},
        {"http://a/b/c/d;p?q", "../", "http://a/b/"},
        {"http://a/b/c/d;p?q", "../g", "http://a/b/g"},
        {"http://a/b/c/d;p?q", "../..", "http://a/"},
        {"http://a/b/c/d;p?q", "../../", "http://a/"},
        {"http://a/b/c/d;p?q", "../../g", "http://a/g"},
        {"http://a/b/c/d;p?q", "../../../g", "http://a/g"},
        {"http://a/b/c/d;p?q", "../../../../g", "http://a/g"},
        {"http://a/b/c/d;p?q", "/./g", "http://a/g"},
        {"http://a/b/c/d;p?q", "/../g", "http://a/g"},
        {"http://a/b/c/d;p?q", "g.", "http://a/b/c/g."},
        {"http://a/b/c/d;p?q", ".g", "http://a/b/c/.g"},
        {"http://a/b/c/d;p?q", "g..", "http://a/b/c/g.."},
        {"http://a/b/c/d;p?q", "..g", "http://a/b/c/..g"},
        {"http://a/b/c/d;p?q", "./../g", "http://a/b/g"},
        {"http://a/b/c/d;p?q", "./g/.", "http://a/b/c/g/"},
        {"http://a/b/c/d;p?q", "g/./h", "http://a/b/c/g/h"},
        {"http://a/b/c/d;p?q", "g/../h", "http://a/b/c/h"},
        {"http://a/b/c/d;p?q", "g;x=1/./y", "http://a/b/c/g;x=1/y"},
        {"http://a/b/c/d;p?q", "g;x=1/../y", "http://a/b/c/y"},
        {"http://a/b/c/d;p?q", "g?y/./x", "http://a/b/c/g?y/./x"},
        {"http://a/b/c/d;p?q", "g?y/../x", "http://a/b/c/g?y/../x"},
        {"http://a/b/c/d;p?q", "g#s/../x", "http://a/b/c/g"},
        /* other schemes, ports, hosts without a path */
        {"http://a/b", "https://c:8443/d/../e", "https://c:8443/e"},
        {"http://a/b", "HTTP://C?q", "http://C/?q"},
        {"https://a:8443/b", "//c", "https://c/"},
        {"https://a:8443/b", "//c:1?q", "https://c:1/?q"},
        {"https://a:8443/b", "c", "https://a:8443/c"},
        {"http://a:80/b", "c", "http://a/c"},
        {"http://[::1]:81/b", "c", "http://[::1]:81/c"},
        {"http://a", "c", "http://a/c"},
        {"http://a", "../c", "http://a/c"},
        {"http://a/x/", "1:2", "http://a/x/1:2"},
        {"http://a/x/", "./b:c", "http://a/x/b:c"},
        {"http://a/", "..//b", "http://a//b"},
        {"http://a/", "//b//c/./..//d", "http://b///d"},
        /* what pages write */
        {"http://a/x", "b c?d \"e\"", "http://a/b%20c?d%20%22e%22"},
        {"http://a/x", "\xc3\xa4", "http://a/%C3%A4"},
        {"http://a/x", "%zz\\", "http://a/%zz%5C"},
        {"http://a/x", "%2e%2E/y", "http://a/%2e%2E/y"},
        {NULL, "http://a?q", "http://a/?q"},
        {NULL, "http://a", "http://a/"},
        {NULL, "https://a/b/../c d", "https://a/c%20d"},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        uri u;
        const char *why = resolve(list[i].base, list[i].ref, &u);
        cr_assert_null(why, "%s: %s", list[i].ref, why);
        cr_expect(is(u.text, list[i].want), "%s -> %.*s, want %s", list[i].ref, (int)u.text.n,
                  (const char *)u.text.p, list[i].want);
    }
}

Test(uri, refuses_references) {
    static const struct {
        const char *base, *ref, *why;
    } list[] = {
        {"http://a/b", "javascript:alert(1)", "scheme is neither http nor https"},
        {"http://a/b", "file:///etc/passwd", "scheme is neither http nor https"},
        {"http://a/b", "http:g", "// is missing after the scheme"},
        {"http://a/b", "///g", "no host"},
        {"http://a/b", "//u@b/", "user@ before the host: send credentials in a header"},
        {"http://a/b", "//b c/", "blank or control byte"},
        {"http://a/b", "c\rd", "control byte"},
        {"http://a/b", "c\nd", "control byte"},
        {NULL, "/x", NO_SCHEME},
        {NULL, "", NO_SCHEME},
    };
    uri u;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const char *why = resolve(list[i].base, list[i].ref, &u);
        cr_assert_not_null(why, "%s", list[i].ref);
        cr_expect_str_eq(why, list[i].why, "%s -> %s", list[i].ref, why);
    }
    /* Every room that is too small, and the first that is not. */
    uri base;
    cr_assert_null(uri_parse(SPAN("http://a/b/c"), &base));
    for (size_t room = 0; room < 40; room++) {
        uint8_t *tight = malloc(room ? room : 1);
        cr_assert_not_null(tight);
        const char *why = uri_resolve(&base, SPAN("d e?f g"), tight, room, &u);
        cr_expect_eq(why == NULL, room >= strlen("http://a/b/d%20e?f%20g"), "%zu", room);
        free(tight);
    }
}

Test(uri, addresses) {
    static const struct {
        const char *text;
        unsigned usual;
        const char *host;
        uri_host kind;
        unsigned port;
    } list[] = {
        {"a.example:80", 0, "a.example", URI_HOST_NAME, 80},
        {"a.example", 443, "a.example", URI_HOST_NAME, 443},
        {"127.0.0.1:0", 0, "127.0.0.1", URI_HOST_IPV4, 0},
        {"127.0.0.1", 1, "127.0.0.1", URI_HOST_IPV4, 1},
        {"[::1]:8080", 0, "::1", URI_HOST_IPV6, 8080},
        {"[::]", 80, "::", URI_HOST_IPV6, 80},
        {"[fe80::1%eth0]:1", 0, "fe80::1%eth0", URI_HOST_IPV6, 1},
        {":8080", 0, "", URI_HOST_NAME, 8080},
        {"*:8080", 0, "", URI_HOST_NAME, 8080},
        {"*", 81, "", URI_HOST_NAME, 81},
        {"8080", 0, "", URI_HOST_NAME, 8080},
        {"65535", 0, "", URI_HOST_NAME, 65535},
    };
    uri_address a;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        const char *why = uri_address_parse(exact(list[i].text), (uint16_t)list[i].usual, &a);
        cr_assert_null(why, "%s: %s", list[i].text, why);
        cr_expect(is(a.host, list[i].host), "%s", list[i].text);
        cr_expect_eq(a.kind, list[i].kind, "%s", list[i].text);
        cr_expect_eq(a.port, list[i].port, "%s", list[i].text);
        cr_expect_not(a.local);
    }
    cr_assert_null(uri_address_parse(SPAN("unix:/run/x y:z"), 80, &a));
    cr_expect(a.local && is(a.path, "/run/x y:z") && a.port == 0);

    static const char *const bad[] = {
        "",
        ":",
        "a",
        "a:",
        "a:x",
        "a:65536",
        "65536",
        "a:-1",
        "a:1:2",
        "::1",
        "[::1]",
        "[::1]:",
        "[::1]80",
        "[::1",
        "[fe80::1%]:1",
        "[fe80::1%a b]:1",
        "[1.2.3.4]:1",
        "*",
        "**:1:",
        "*:1:2",
        ":1:2",
        "a b:1",
        "a/b:1",
        "u@a:1",
        "unix:",
        "http://a:1",
        "*:",
        "\xc3\xa4:1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        cr_expect_not_null(uri_address_parse(exact(bad[i]), 0, &a), "%s", bad[i]);
    }
    cr_expect_not_null(uri_address_parse(span_of("unix:a\0b", 8), 0, &a));
}
