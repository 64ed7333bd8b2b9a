/* accept_coding over any value: weights are weights, and a refusal at the end is one. */
#include <stdint.h>
#include <stdlib.h>

#include "core/accept.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static const char refusal[] = ",gzip;q=0";
    span value = span_of(bytes, n);
    unsigned gzip = accept_coding(value, SPAN("gzip"));
    must(gzip <= 1000 && accept_coding(value, SPAN("identity")) <= 1000);
    must(!accept_prefers(value, SPAN("gzip")) || gzip > 0);
    uint8_t *longer = malloc(n + sizeof refusal);
    if (!longer) return 0;
    if (n) memcpy(longer, bytes, n);
    memcpy(longer + n, refusal, sizeof refusal - 1);
    must(accept_coding(span_of(longer, n + sizeof refusal - 1), SPAN("gzip")) == 0);
    free(longer);
    return 0;
}
