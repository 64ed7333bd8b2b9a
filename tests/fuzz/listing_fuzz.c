/* text_add_html over any bytes: its text holds nothing that means something in HTML or in a quoted
 * attribute but for its own escapes, no control character, and a page made of it ends. */
#include <stdint.h>
#include <stdlib.h>

#include "applets/server/listing.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    text out = {0};
    if (n > 255) n = 255;
    text_add_html(&out, span_of(bytes, n));
    for (size_t i = 0; i < out.n; i++) {
        uint8_t c = (uint8_t)out.p[i];
        must(c >= 0x20 && c != 0x7f && !strchr("<>\"'", c));
        must(c != '&' || memchr(out.p + i, ';', out.n - i));
    }
    text_clear(&out);
    listing_entry e = {span_of(bytes, n), n, (int64_t)n << 40, n & 1};
    listing_order order = listing_order_of(span_of(bytes, n));
    if (n && !memchr(bytes, '/', n) && !memchr(bytes, 0, n))
        listing_write(&out, SPAN("/"), &e, 1, n & 2, order, span_of(bytes, n));
    text_end(&out);
    return 0;
}
