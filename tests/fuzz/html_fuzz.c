/* Pages of any bytes, whole and in pieces: what is found is of the page's origin, and can be sent.
 */
#include "applets/client/assets.h"
#include "core/limits.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct seen {
    uint64_t hash;
    unsigned count;
} seen;

static void found(void *user, asset_kind kind, const uri *address) {
    seen *s = user;
    if (!span_ieq(address->host, SPAN("a.test")) || address->https || address->port != 80) abort();
    if (address->target.n == 0 || address->target.p[0] != '/') abort();
    for (size_t i = 0; i < address->target.n; i++) {
        uint8_t c = address->target.p[i];
        if (c <= 0x20 || c >= 0x7f) abort();
        s->hash = (s->hash ^ c) * 1099511628211u;
    }
    s->hash = (s->hash ^ (unsigned)kind) * 1099511628211u;
    if (++s->count > LIMIT_ASSETS) abort();
}

static seen read_page(span html, size_t cut) {
    uri page;
    seen s = {0};
    if (uri_parse(SPAN("http://a.test/dir/page.html?q"), &page)) abort();
    assets *a = assets_new(&page, found, &s);
    if (!a) abort();
    while (html.n) assets_take(a, span_take(&html, html.n < cut ? html.n : cut));
    assets_free(a, true);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    span html = span_of(data, size);
    if (size < 2) return 0;
    read_page(html, SIZE_MAX);
    read_page(html, data[0] + 1u);
    return 0;
}
