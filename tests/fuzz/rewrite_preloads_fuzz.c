/* Link fields of any bytes: what they preload is a target of this origin. */
#include <stdint.h>
#include <stdlib.h>

#include "applets/proxy/rewrite.h"
#include "core/limits.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void found(void *user, span target) {
    unsigned *count = user;
    if (++*count > LIMIT_PRELOADS || target.n == 0 || target.p[0] != '/') abort();
    const http_field f[] = {HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
                            HTTP_FIELD_OF(AUTHORITY, SPAN("a.test")), HTTP_FIELD_OF(PATH, target)};
    fields_summary s;
    if (fields_check(f, 4, 0, FIELDS_PUSH, false, &s)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    unsigned count = 0;
    const http_field f[] = {HTTP_FIELD_OF(LINK, span_of(bytes, n / 2)),
                            HTTP_FIELD_OF(LINK, span_of(bytes + n / 2, n - n / 2))};
    rewrite_preloads(f, 2, SPAN("http"), SPAN("a.test"), SPAN("/x/y?z"), found, &count);
    return 0;
}
