#include "applets/client/upload.h"
#include "applets/client/gzip_body.h"
#include "core/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE  65536u
#define PIECES 5u

/* Between two writes output asks for one flush budget and a frame at most, wherever that begins in
 * a piece. */
_Static_assert((PIECES - 2) * PIECE >= LIMIT_FLUSH_BUDGET + 16384, "pieces never run out");

struct upload {
    int fd;
    uint64_t size;
};

typedef struct piece {
    uint64_t offset; /* of its first byte in the file */
    uint32_t n;      /* bytes read; 0: free */
    uint32_t back;   /* bytes given back */
    uint8_t *bytes;
} piece;

struct upload_hold {
    bool held;
    upload_hold **where; /* who holds it, or NULL */
};

typedef struct body {
    upload_hold hold; /* first: a hold is its body */
    const upload *upload;
    piece pieces[PIECES]; /* a ring */
    uint32_t first, count;
} body;

/* An unnamed file; where there is no place for one (an empty root), memory. */
static int spool_new(void) {
    FILE *f = tmpfile();
    int fd = f ? dup(fileno(f)) : memfd_create("h2box", MFD_CLOEXEC);
    if (f) fclose(f);
    return fd;
}

static int spool(void) {
    uint8_t bytes[16384];
    int fd = spool_new();
    if (fd < 0) return -1;
    for (ssize_t n; (n = read(STDIN_FILENO, bytes, sizeof bytes)) != 0;) {
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 || write(fd, bytes, (size_t)n) != n) {
            close(fd);
            return -1;
        }
    }
    return fd;
}

/* fd, or the gzip of it in its place; -1 with errno. */
static int compressed(int fd, bool wanted) {
    if (fd < 0 || !wanted) return fd;
    int to = spool_new();
    if (to >= 0 && !gzip_body_make(fd, to)) {
        close(to);
        to = -1;
    }
    int why = errno;
    close(fd);
    errno = why;
    return to;
}

static int open_regular(const char *path) {
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))) return fd;
    close(fd);
    errno = EINVAL;
    return -1;
}

upload *upload_open(const char *path, bool compress) {
    struct stat st;
    int fd = compressed(strcmp(path, "-") == 0 ? spool() : open_regular(path), compress);
    if (fd < 0) return NULL;
    upload *u = fstat(fd, &st) == 0 ? malloc(sizeof *u) : NULL;
    if (u) {
        *u = (upload){fd, (uint64_t)st.st_size};
        return u;
    }
    int why = errno;
    close(fd);
    errno = why;
    return NULL;
}

uint64_t upload_size(const upload *u) { return u->size; }

void upload_close(upload *u) {
    if (!u) return;
    close(u->fd);
    free(u);
}

/* The last piece read, when it holds offset; else the next one, read now. NULL: it cannot be read.
 */
static piece *piece_at(body *b, uint64_t offset) {
    if (b->count) {
        piece *last = &b->pieces[(b->first + b->count - 1) % PIECES];
        if (offset < last->offset + last->n) return last;
    }
    if (b->count == PIECES) return NULL;
    piece *p = &b->pieces[(b->first + b->count) % PIECES];
    if (!p->bytes) p->bytes = malloc(PIECE);
    ssize_t n = p->bytes ? pread(b->upload->fd, p->bytes, PIECE, (off_t)offset) : -1;
    if (n <= 0) return NULL; /* it shrank, or cannot be read */
    p->offset = offset;
    p->n = (uint32_t)n;
    p->back = 0;
    b->count++;
    return p;
}

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    body *b = user;
    uint64_t size = b->upload->size;
    *lent = span_of(NULL, 0);
    if (b->hold.held) return HTTP_PULL_LATER;
    if (offset >= size) return HTTP_PULL_END;
    if (want == 0) return HTTP_PULL_MORE;
    piece *p = piece_at(b, offset);
    if (!p) return HTTP_PULL_FAILED;
    size_t n = (size_t)(p->offset + p->n - offset);
    if (n > want) n = want;
    if (n > size - offset) n = (size_t)(size - offset);
    *lent = span_of(p->bytes + (offset - p->offset), n);
    return offset + n == size ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    body *b = user;
    while (n) {
        piece *p = &b->pieces[b->first];
        uint32_t part = p->n - p->back < n ? p->n - p->back : (uint32_t)n;
        p->back += part;
        n -= part;
        if (p->back < p->n) continue;
        b->first = (b->first + 1) % PIECES;
        b->count--;
    }
}

static void release(void *user) {
    body *b = user;
    if (b->hold.where) *b->hold.where = NULL;
    for (unsigned i = 0; i < PIECES; i++) free(b->pieces[i].bytes);
    free(b);
}

http_body upload_body(upload *u, upload_hold **hold) {
    static const http_body_ops ops = {pull, done, release};
    body *b = calloc(1, sizeof *b);
    if (!b) return HTTP_NO_BODY;
    b->upload = u;
    b->hold = (upload_hold){hold != NULL, hold};
    if (hold) *hold = &b->hold;
    return (http_body){&ops, b};
}

void upload_go(upload_hold *h) {
    h->held = false;
    *h->where = NULL;
    h->where = NULL;
}
