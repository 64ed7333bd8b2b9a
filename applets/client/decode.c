#include "applets/client/decode.h"

#include <stdlib.h>
#include <zlib.h>

struct decode {
    z_stream z;
    bool ended;
};

bool decode_new(span coding, decode **d) {
    *d = NULL;
    if (!span_ieq(coding, SPAN("gzip")) && !span_ieq(coding, SPAN("x-gzip")) &&
        !span_ieq(coding, SPAN("deflate")))
        return true;
    decode *made = calloc(1, sizeof *made);
    if (!made) return false;
    if (inflateInit2(&made->z, 15 + 32) != Z_OK) { /* 32: gzip or zlib, whichever it is */
        free(made);
        return false;
    }
    *d = made;
    return true;
}

void decode_free(decode *d) {
    if (!d) return;
    inflateEnd(&d->z);
    free(d);
}

bool decode_bytes(decode *d, span bytes, bool (*put)(void *user, span piece), void *user) {
    uint8_t out[16384];
    d->z.next_in = (Bytef *)(uintptr_t)bytes.p;
    d->z.avail_in = (uInt)bytes.n;
    while (d->z.avail_in && !d->ended) {
        d->z.next_out = out;
        d->z.avail_out = sizeof out;
        int said = inflate(&d->z, Z_NO_FLUSH);
        size_t n = sizeof out - d->z.avail_out;
        if (n && !put(user, span_of(out, n))) return false;
        if (said == Z_STREAM_END)
            d->ended = true; /* what follows is not content */
        else if (said != Z_OK && said != Z_BUF_ERROR)
            return false;
        else if (n == 0 && said == Z_BUF_ERROR)
            break;
    }
    return true;
}

bool decode_ended(const decode *d) { return d->ended; }
