/* Two lines: a base and a reference. Whatever parses must parse again from what was written, and
 * resolving must not depend on room that is not needed. The first line is read as a listen
 * address too. */
#include <stdint.h>
#include <stdlib.h>

#include "core/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

static void check(const uri *u) {
    uri again;
    must(u->host.n > 0 && u->port > 0 && u->target.n > 0 && u->target.p[0] == '/');
    must(u->authority.n >= u->host.n && (u->kind != URI_HOST_IPV6 || u->authority.p[0] == '['));
    must(uri_parse(u->text, &again) == NULL);
    must(span_eq(again.text, u->text) && span_eq(again.target, u->target));
    for (size_t i = 0; i < u->target.n; i++) must(u->target.p[i] > 0x20 && u->target.p[i] < 0x7f);
    must(memchr(u->target.p, '#', u->target.n) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    static uint8_t first[4096];
    span all = span_of(bytes, n);
    uri base, out, bare;
    uri_address address;
    const uint8_t *line = n ? memchr(bytes, '\n', n) : NULL;
    const span one = span_take(&all, line ? (size_t)(line - bytes) : n);
    if (all.n > 0) all = span_skip(all, 1);

    if (uri_address_parse(one, 1, &address) == NULL)
        must(address.local || address.host.p != NULL || one.n > 0);
    const bool known = uri_parse(one, &base) == NULL;
    if (known) check(&base);
    if (uri_resolve(NULL, one, first, sizeof first, &bare) == NULL) check(&bare);
    if (uri_resolve(known ? &base : NULL, all, first, sizeof first, &out) != NULL) return 0;
    check(&out);
    const size_t need = out.text.n;
    uint8_t *tight = malloc(need * 3 + 64);
    if (tight == NULL) return 0;
    uri same;
    /* Resolving the result against the base changes nothing. */
    must(uri_resolve(known ? &base : NULL, out.text, tight, need * 3 + 64, &same) == NULL);
    must(span_eq(same.text, out.text));
    free(tight);
    return 0;
}
