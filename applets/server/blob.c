#include "applets/server/blob.h"
#include "core/limits.h"

#include <stdlib.h>

/* Of all blobs that this worker has. */
static _Thread_local size_t live;

bool blob_room(void) { return live < LIMIT_BLOB_BYTES; }

blob *blob_new(span bytes) {
    blob *b = malloc(sizeof *b);
    if (b)
        *b = (blob){1, bytes};
    else
        free((void *)(uintptr_t)bytes.p);
    if (b) live += bytes.n;
    return b;
}

blob *blob_hold(blob *b) {
    b->refs++;
    return b;
}

void blob_drop(blob *b) {
    if (!b || --b->refs) return;
    live -= b->bytes.n;
    free((void *)(uintptr_t)b->bytes.p);
    free(b);
}

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    const blob *b = user;
    size_t left = b->bytes.n - (size_t)offset;
    *lent = span_of(b->bytes.p + offset, left < want ? left : want);
    return lent->n == left ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    (void)user;
    (void)n;
}

static void release(void *user) { blob_drop(user); }

http_body blob_body(blob *b) {
    static const http_body_ops ops = {pull, done, release};
    return (http_body){&ops, blob_hold(b)};
}
