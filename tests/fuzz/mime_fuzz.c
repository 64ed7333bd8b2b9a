/* A mime.types file of any bytes: each pair is a type and an extension, and the first pair of an
 * extension is what types_find tells. */
#include <stdint.h>
#include <stdlib.h>

#include "applets/server/types.h"
#include "core/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    mime_cursor c = {.rest = span_of(bytes, n)};
    span extension, type;
    types *t = types_new(span_of(bytes, n));
    if (!t) return 0;
    for (unsigned pairs = 0; mime_next(&c, &extension, &type); pairs++) {
        must(extension.n > 0 && type.n > 2 && memchr(type.p, '/', type.n));
        span found = types_find(t, extension);
        must(found.n > 0);
        if (pairs == 0) must(span_eq(found, type));
    }
    types_free(t);
    return 0;
}
