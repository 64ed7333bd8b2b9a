/* path_decode over any target: what comes out keeps its promises, and is the same again after
 * path_encode. */
#include <stdint.h>
#include <stdlib.h>

#include "core/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void must(bool so) {
    if (!so) abort();
}

static bool holds(span s, const char *what) {
    const size_t n = strlen(what);
    for (size_t i = 0; i + n <= s.n; i++) {
        if (memcmp(s.p + i, what, n) == 0) return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    path p, again;
    if (n == 0) return 0;
    const size_t room = bytes[0];
    const span target = span_of(bytes + 1, n - 1);
    uint8_t *buffer = malloc(room + 1), *coded = malloc(3 * room + 1), *other = malloc(room + 1);
    if (buffer != NULL && coded != NULL && other != NULL &&
        path_decode(target, buffer, room, &p) == NULL) {
        must(p.name.n > 0 && p.name.n < room && p.name.p[0] == '/' && p.name.p[p.name.n] == 0);
        must(!holds(p.name, "//") && !holds(p.name, "/./") && !holds(p.name, "/../"));
        must(!holds(p.name, "\\") && memchr(p.name.p, 0, p.name.n) == NULL);
        must(p.folder == (p.name.p[p.name.n - 1] == '/'));
        const span tail = span_skip(p.name, p.name.n < 3 ? 0 : p.name.n - 3);
        must(!span_eq(tail, SPAN("/..")) && !span_eq(span_skip(tail, tail.n > 2), SPAN("/.")));
        const size_t length = path_encode(p.name, coded, 3 * p.name.n);
        must(length >= p.name.n);
        must(path_decode(span_of(coded, length), other, room, &again) == NULL);
        must(span_eq(again.name, p.name) && again.folder == p.folder && again.query.p == NULL);
    }
    free(buffer);
    free(coded);
    free(other);
    return 0;
}
