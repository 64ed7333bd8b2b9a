/* applets/server/listing.c: what names become in HTML, the order of entries, and the page. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "applets/server/listing.h"

static const char *escaped(const char *bytes, size_t n) {
    static char copy[200];
    text out = {0};
    uint8_t *p = malloc(n ? n : 1); /* of exact size: the sanitizer sees a read past the end */
    cr_assert_not_null(p);
    memcpy(p, bytes, n);
    text_add_html(&out, span_of(p, n));
    free(p);
    cr_assert_lt(out.n, sizeof copy);
    memcpy(copy, out.p ? out.p : "", out.n);
    copy[out.n] = 0;
    text_end(&out);
    return copy;
}

#define BAD "\xef\xbf\xbd"

Test(listing, escapes) {
    static const struct {
        const char *bytes, *text;
    } list[] = {
        {"plain.txt", "plain.txt"},
        {"<b>\"'&", "&lt;b&gt;&quot;&#39;&amp;"},
        {"\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"a\nb\tc\x7f", "a" BAD "b" BAD "c" BAD},
        {"\xff\xfe", BAD BAD},
        {"\xc3", BAD},         /* cut */
        {"\xe2\x82", BAD BAD}, /* cut */
        {"\xc0\xbc", BAD BAD}, /* "<" in two bytes */
        {"\xe0\x80\xbc", BAD BAD BAD},
        {"\xed\xa0\x80", BAD BAD BAD},         /* a surrogate */
        {"\xf4\x90\x80\x80", BAD BAD BAD BAD}, /* past U+10FFFF */
        {"\xc2\x9b", BAD BAD},                 /* a control character of C1 */
        {"\xc2\xa0", "\xc2\xa0"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        cr_expect_str_eq(escaped(list[i].bytes, strlen(list[i].bytes)), list[i].text, "%zu", i);
}

static listing_entry entry(const char *name, uint64_t size, int64_t modified, bool is_folder) {
    return (listing_entry){span_str(name), size, modified, is_folder};
}

static const char *order_of(const char *query) {
    static char names[100];
    listing_entry list[] = {entry("b", 30, 100, false), entry("A", 10, 300, false),
                            entry("c", 20, 200, false), entry("a", 10, 300, false),
                            entry("z", 0, 50, true),    entry("Y", 0, 60, true)};
    listing_sort(list, 6, listing_order_of(span_str(query)));
    *names = 0;
    for (size_t i = 0; i < 6; i++) strncat(names, (const char *)list[i].name.p, list[i].name.n);
    return names;
}

Test(listing, sorts) {
    cr_expect_str_eq(order_of(""), "YzAabc");
    cr_expect_str_eq(order_of("sort=name"), "YzAabc");
    cr_expect_str_eq(order_of("sort=name&order=desc"), "zYcbaA");
    cr_expect_str_eq(order_of("sort=size"), "YzAacb");
    cr_expect_str_eq(order_of("x=y&sort=size&order=desc"), "zYbcaA");
    cr_expect_str_eq(order_of("sort=date"), "zYbcAa");
    cr_expect_str_eq(order_of("sort=date&order=desc"), "YzaAcb");
    cr_expect_str_eq(order_of("sort=colour&order=up"), "YzAabc");
}

Test(listing, page) {
    listing_entry list[] = {entry("folder", 0, 0, true), entry("a: <b>", 1536, 951782399, false)};
    text out = {0};
    listing_write(&out, SPAN("/<x>/"), list, 2, true, listing_order_of(SPAN("sort=size")),
                  SPAN("h2box & co"));
    text_add(&out, span_of("", 1));
    static const char *const has[] = {
        "<title>/&lt;x&gt;/</title>",
        "<a href=\"./folder/\">folder/</a>",
        "<a href=\"./a:%20%3Cb%3E\">a: &lt;b&gt;</a></td><td>1.5 KiB</td>",
        "<time datetime=\"2000-02-28T23:59:59Z\">2000-02-28 23:59</time>",
        "aria-sort=\"ascending\"><a href=\"?sort=size&amp;order=desc\">",
        "<a href=\"../\">../</a>",
        "The first 2 entries, there are more. h2box &amp; co",
    };
    for (size_t i = 0; i < sizeof has / sizeof has[0]; i++)
        cr_expect(strstr(out.p, has[i]), "%s in %s", has[i], out.p);
    text_end(&out);
    listing_write(&out, SPAN("/"), NULL, 0, false, listing_order_of(SPAN("")), SPAN("s"));
    text_add(&out, span_of("", 1));
    cr_expect(strstr(out.p, "0 entries. s") && !strstr(out.p, "../"));
    text_end(&out);
}
