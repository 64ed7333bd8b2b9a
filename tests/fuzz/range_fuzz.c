/* range_parse over any value and size: parts lie within the representation, do not touch each
 * other, and written down again are the same. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    range parts[LIMIT_RANGES], again[LIMIT_RANGES];
    size_t count, count_again, at = 0;
    uint64_t size, sum = 0;
    char text[LIMIT_RANGES * 48];
    if (n < sizeof size) return 0;
    memcpy(&size, bytes, sizeof size);
    range_result result =
        range_parse(span_of(bytes + sizeof size, n - sizeof size), size, parts, &count);
    if (result != RANGE_PARTS) return 0;
    must(count > 0 && count <= LIMIT_RANGES && size > 0);
    for (size_t i = 0; i < count; i++) {
        range a = parts[i];
        must(a.length > 0 && a.first < size && a.length <= size - a.first);
        sum += a.length;
        for (size_t j = 0; j < i; j++)
            must(a.first + a.length < parts[j].first || parts[j].first + parts[j].length < a.first);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%llu-%llu",
                               i ? "," : "bytes=", (unsigned long long)a.first,
                               (unsigned long long)(a.first + a.length - 1));
    }
    must(count == 1 || sum < size);
    must(range_parse(span_of(text, at), size, again, &count_again) == RANGE_PARTS);
    must(count == count_again && memcmp(parts, again, count * sizeof *parts) == 0);
    return 0;
}
