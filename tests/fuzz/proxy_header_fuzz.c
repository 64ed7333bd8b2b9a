/* proxy_header_read over any bytes: what it says of them it says of no prefix, and bytes behind a
 * header change nothing. */
#include <stdint.h>
#include <stdlib.h>

#include "core/limits.h"
#include "core/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

/* In a block of its own, so that the sanitizer sees a byte too many. */
static proxy_header_status read_exactly(const uint8_t *bytes, size_t n, proxy_header *h) {
    uint8_t *copy = malloc(n ? n : 1);
    must(copy != NULL);
    if (n) memcpy(copy, bytes, n);
    proxy_header_status st = proxy_header_read(span_of(copy, n), h);
    if (st == PROXY_HEADER_DONE && h->family == PROXY_HEADER_UNIX) {
        must(h->source.path.n <= 108 && h->destination.path.n <= 108);
        for (size_t i = 0; i < h->source.path.n; i++) must(h->source.path.p[i] != 0);
    }
    free(copy);
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    proxy_header whole, part;
    if (n > 2 * LIMIT_PROXY_HEADER) return 0;
    proxy_header_status st = read_exactly(bytes, n, &whole);
    if (st == PROXY_HEADER_MORE) must(n < LIMIT_PROXY_HEADER);
    if (st == PROXY_HEADER_DONE) must(whole.size <= n && whole.size <= LIMIT_PROXY_HEADER);
    bool ended = false;
    for (size_t cut = 0; cut <= n && cut < 300; cut++) {
        proxy_header_status at = read_exactly(bytes, cut, &part);
        if (ended) must(at == st);
        if (at == PROXY_HEADER_MORE) continue;
        must(at == st);
        ended = true;
        if (at == PROXY_HEADER_DONE) must(part.size == whole.size && part.family == whole.family);
    }
    return 0;
}
