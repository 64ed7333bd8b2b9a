/* etag_in_list over any list: what is named strongly is named weakly, and a list that is put behind
 * a tag and a comma names that tag. */
#include <stdint.h>
#include <stdlib.h>

#include "core/etag.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static const span tag = SPAN_LIT("\"0123456789abcdef\"");
    span list = span_of(bytes, n);
    if (etag_in_list(list, tag, false)) must(etag_in_list(list, tag, true));
    uint8_t *longer = malloc(tag.n + 1 + n);
    if (!longer) return 0;
    memcpy(longer, tag.p, tag.n);
    longer[tag.n] = ',';
    if (n) memcpy(longer + tag.n + 1, bytes, n);
    must(etag_in_list(span_of(longer, tag.n + 1 + n), tag, false));
    free(longer);
    return 0;
}
