#include "applets/client/gzip_body.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>
#include <zlib.h>

/* Writes what deflate makes of its input. */
static bool drain(z_stream *z, int to, int flush) {
    uint8_t out[16384];
    do {
        z->next_out = out;
        z->avail_out = sizeof out;
        deflate(z, flush);
        size_t n = sizeof out - z->avail_out;
        if (n && write(to, out, n) != (ssize_t)n) {
            if (errno == 0) errno = ENOSPC;
            return false;
        }
    } while (z->avail_out == 0);
    return true;
}

bool gzip_body_make(int from, int to) {
    uint8_t in[16384];
    z_stream z = {0};
    bool ok = true;
    ssize_t n;
    if (lseek(from, 0, SEEK_SET) != 0) return false;
    /* 16: with the wrapper of gzip. */
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        errno = ENOMEM;
        return false;
    }
    while (ok && (n = read(from, in, sizeof in)) != 0) {
        if (n < 0) break;
        z.next_in = in;
        z.avail_in = (uInt)n;
        ok = drain(&z, to, Z_NO_FLUSH);
    }
    ok = ok && n == 0 && drain(&z, to, Z_FINISH);
    deflateEnd(&z);
    return ok;
}
