/* What a page needs, read whole and cut everywhere. */
#include "applets/client/assets.h"
#include "core/limits.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static char seen[1 << 20];
static unsigned count;

static void found(void *user, asset_kind kind, const uri *address) {
    size_t n = strlen(seen);
    (void)user;
    count++;
    snprintf(seen + n, sizeof seen - n, "%c %.*s\n", "sbjio"[kind], (int)address -> text.n,
             (const char *)address->text.p);
}

static const char *read_page(const char *where, const char *html, size_t cut) {
    uri page;
    span left = span_str(html);
    seen[0] = '\0';
    count = 0;
    cr_assert_null(uri_parse(span_str(where), &page));
    assets *a = assets_new(&page, found, NULL);
    cr_assert_not_null(a);
    while (left.n) assets_take(a, span_take(&left, left.n < cut ? left.n : cut));
    assets_free(a, true);
    return seen;
}

static void page_needs(const char *html, const char *expected) {
    for (size_t cut = 1; cut < 200; cut += cut < 20 ? 1 : 37)
        cr_assert_str_eq(read_page("http://a.test/dir/page.html", html, cut), expected);
    cr_assert_str_eq(read_page("http://a.test/dir/page.html", html, SIZE_MAX), expected);
}

Test(assets, kinds) {
    page_needs(
        "<!doctype html><html><head><title>t</title>"
        "<link rel=stylesheet href=a.css><LINK REL='Alternate StyleSheet' HREF='b.css'>"
        "<link rel='shortcut icon' href=/favicon.ico>"
        "<script src=one.js></script><script async src=two.js></script>"
        "<script type=module src=three.js></script><script>var x = '<img src=no.png>'</script>"
        "<link rel=preload as=font href=f.woff2><link rel=preload as=image href=p.png>"
        "</head><body><img src=x.png><script src=four.js></script>"
        "<input type=image src=go.png><input type=text src=no.png>"
        "<video poster=v.jpg></video><a href=no.html>no</a></body></html>",
        "s http://a.test/dir/a.css\no http://a.test/favicon.ico\n"
        "b http://a.test/dir/one.js\nj http://a.test/dir/two.js\nj http://a.test/dir/three.js\n"
        "o http://a.test/dir/f.woff2\ni http://a.test/dir/p.png\n"
        "i http://a.test/dir/x.png\nj http://a.test/dir/four.js\ni http://a.test/dir/go.png\n"
        "i http://a.test/dir/v.jpg\n");
}

Test(assets, srcset) {
    page_needs("<img src=a.png srcset='b.png 1x, c.png 2x,d.png'>"
               "<picture><source srcset=\"e.png 100w (x, y), f.png, data:image/png;base64,AA==\">"
               "</picture><img srcset=', ,'>",
               "i http://a.test/dir/a.png\ni http://a.test/dir/b.png\ni http://a.test/dir/c.png\n"
               "i http://a.test/dir/d.png\ni http://a.test/dir/e.png\ni http://a.test/dir/f.png\n");
}

Test(assets, only_its_own_origin_and_once) {
    page_needs(
        "<img src=a.png><img src=./a.png><img src='http://a.test/dir/a.png#x'>"
        "<img src=//a.test:80/dir/a.png><img src=//b.test/b.png><img src=https://a.test/c.png>"
        "<img src=http://a.test:81/d.png><img src='javascript:1'><img src=''><img>",
        "i http://a.test/dir/a.png\n");
}

Test(assets, base) {
    page_needs("<head><img src=a.png><base href=/other/><base href=/third/></head><img src=b.png>",
               "i http://a.test/dir/a.png\ni http://a.test/other/b.png\n");
    page_needs("<base href=http://b.test/><img src=a.png><img src=http://a.test/b.png>",
               "i http://a.test/b.png\n");
}

Test(assets, what_people_write) {
    page_needs("<img src=' a b\xc3\xa4.png\n'><IMG SRC=&quot;x&amp;y.png>",
               "i http://a.test/dir/a%20b%C3%A4.png\ni http://a.test/dir/%22x&y.png\n");
    page_needs("no html at all < > & <<<img src=a.png>>", "i http://a.test/dir/a.png\n");
}

static char *repeat(const char *piece, size_t times) {
    size_t n = strlen(piece);
    char *all = malloc(n * times + 1);
    cr_assert_not_null(all);
    for (size_t i = 0; i < times; i++) memcpy(all + i * n, piece, n);
    all[n * times] = '\0';
    return all;
}

Test(assets, bounds) {
    char *many = malloc(3000 * 24 + 1), *p = many;
    for (int i = 0; i < 3000; i++) p += sprintf(p, "<img src=%d.png>", i);
    read_page("http://a.test/", many, 65536);
    cr_assert_eq(count, LIMIT_ASSETS);
    free(many);

    char *same = repeat("<img src=a.png>", 200000); /* 3 MB: each is looked up, up to a limit */
    read_page("http://a.test/", same, 65536);
    cr_assert_eq(count, 1);
    free(same);

    /* Every end tag looks through all open elements. */
    char *deep = repeat("<b>", 100000), *ends = repeat("</i>", 100000);
    char *both = malloc(strlen(deep) + strlen(ends) + 1);
    strcat(strcpy(both, deep), ends);
    read_page("http://a.test/", both, 65536);
    cr_assert_eq(count, 0);
    free(both);
    free(ends);

    char *open = repeat("<img src='", 300000);
    read_page("http://a.test/", open, 4096);
    free(open);
    char *comment = repeat("<!-- ", 600000);
    read_page("http://a.test/", comment, 100);
    free(comment);
    free(deep);
}

/* A tag that does not end, with attributes that are compared with each other. */
Test(assets, a_tag_without_end, .timeout = 20) {
    static char html[4000000];
    for (size_t size = 30000; size < sizeof html; size *= 10) {
        size_t n = (size_t)sprintf(html, "<p><img src=/1><a ");
        for (unsigned i = 0; n < size; i++) n += (size_t)sprintf(html + n, "a%x ", i);
        sprintf(html + n, "><img src=/2>");
        read_page("http://a.test/", html, SIZE_MAX);
        cr_assert_eq(count, size < LIMIT_HTML_TAG ? 2 : 1, "%zu", size);
    }
}
