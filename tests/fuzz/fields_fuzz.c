/* fields_check over any list of fields: the first byte says what the message is, then name NUL
 * value NUL ... What is found well-formed must keep what the summary promises. */
#include <stdint.h>
#include <stdlib.h>

#include "core/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    http_field f[32];
    size_t count = 0;
    fields_summary sum;
    span in = span_of(bytes, n);

    if (in.n == 0) return 0;
    const uint8_t how = *span_take(&in, 1).p;
    while (in.n > 0 && count < 32) {
        span part[2];
        for (int i = 0; i < 2; i++) {
            const uint8_t *nul = in.n ? memchr(in.p, 0, in.n) : NULL;
            part[i] = span_take(&in, nul ? (size_t)(nul - in.p) : in.n);
            if (in.n > 0) in = span_skip(in, 1);
        }
        f[count] = (http_field){part[0], part[1], (uint16_t)fields_token(part[0]), false};
        must(f[count].token == HTTP_TOKEN_OTHER || span_eq(fields_name(f[count].token), part[0]));
        must(!fields_name_valid_h2(part[0]) || fields_name_valid(part[0]));
        count++;
    }
    const fields_kind kind = (fields_kind)(how & 3);
    uint64_t valid = 0; /* vouched for or not, the judgement is the same */
    for (size_t i = 0; i < count; i++)
        valid |= (uint64_t)fields_pair_valid((http_token)f[i].token, f[i].name, f[i].value) << i;
    const char *why = fields_check(f, count, valid, kind, (how & 4) != 0, &sum);
    must((why == NULL) == (fields_check(f, count, 0, kind, (how & 4) != 0, &sum) == NULL));
    if (why != NULL) return 0;
    for (size_t i = 0; i < count; i++) {
        must((fields_flags(f[i].token) & HTTP_FIELD_CONNECTION) == 0);
        for (size_t k = 0; k < f[i].value.n; k++) {
            const uint8_t c = f[i].value.p[k];
            must(c == '\t' || (c >= 0x20 && c != 0x7f));
        }
    }
    if (kind == FIELDS_RESPONSE) must(sum.status >= 100 && sum.status <= 999 && sum.status != 101);
    if (kind == FIELDS_REQUEST || kind == FIELDS_PUSH) {
        must(fields_name_valid(sum.method));
        must(sum.connect == (sum.path.p == NULL) && sum.connect == (sum.scheme.p == NULL));
        must(sum.protocol.p == NULL || (how & 4) != 0);
        must(sum.path.n == 0 || memchr(sum.path.p, ' ', sum.path.n) == NULL);
        must(sum.authority.n == 0 || memchr(sum.authority.p, ' ', sum.authority.n) == NULL);
    }
    return 0;
}
