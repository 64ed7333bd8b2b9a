#include "applets/client/decode.h"

#include <stdlib.h>
#include <zlib.h>

struct decode {
    z_stream z;
    bool gzip, begun, ended;
};

bool decode_known(span coding) {
    return span_ieq(coding, SPAN("gzip")) || span_ieq(coding, SPAN("x-gzip")) ||
           span_ieq(coding, SPAN("deflate"));
}

decode *decode_new(span coding) {
    decode *d = calloc(1, sizeof *d);
    if (!d) return NULL;
    d->gzip = !span_ieq(coding, SPAN("deflate"));
    if (inflateInit2(&d->z, d->gzip ? 15 + 16 : 15) == Z_OK) return d;
    free(d);
    return NULL;
}

void decode_free(decode *d) {
    if (!d) return;
    inflateEnd(&d->z);
    free(d);
}

/* "deflate" is the zlib format (RFC 9110 section 8.4.1.2), but some senders leave its wrapper out.
 * Its first byte names method 8 in the low half. */
static bool begin(decode *d, uint8_t first) {
    d->begun = true;
    bool bare = !d->gzip && (first & 15) != 8;
    return !bare || inflateReset2(&d->z, -15) == Z_OK;
}

bool decode_bytes(decode *d, span bytes, bool (*put)(void *user, span piece), void *user) {
    uint8_t out[16384];
    if (bytes.n && !d->begun && !begin(d, bytes.p[0])) return false;
    d->z.next_in = (Bytef *)(uintptr_t)bytes.p;
    d->z.avail_in = (uInt)bytes.n;
    for (bool full = false; d->z.avail_in || full;) {
        if (d->ended) { /* gzip may have more members (RFC 1952 section 2.2); else this is no
                           content */
            if (!d->gzip || inflateReset(&d->z) != Z_OK) return false;
            d->ended = false;
        }
        d->z.next_out = out;
        d->z.avail_out = sizeof out;
        int said = inflate(&d->z, Z_NO_FLUSH);
        size_t n = sizeof out - d->z.avail_out;
        if (n && !put(user, span_of(out, n))) return false;
        d->ended = said == Z_STREAM_END;
        if (!d->ended && said != Z_OK && said != Z_BUF_ERROR) return false;
        full = !d->ended && d->z.avail_out == 0;
        if (n == 0 && said == Z_BUF_ERROR) break;
    }
    return true;
}

bool decode_ended(const decode *d) { return d->ended || !d->begun; }
