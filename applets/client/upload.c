#include "applets/client/upload.h"
#include "core/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

typedef struct body {
    const upload *upload;
    piece pieces[PIECES]; /* a ring */
    uint32_t first, count;
} body;

static int spool(void) {
    uint8_t bytes[16384];
    FILE *f = tmpfile();
    if (!f) return -1;
    int fd = dup(fileno(f));
    fclose(f);
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

upload *upload_open(const char *path) {
    struct stat st;
    int fd = strcmp(path, "-") == 0 ? spool() : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
        errno = EINVAL;
    else if (st.st_size >= 0) {
        upload *u = malloc(sizeof *u);
        if (u) {
            *u = (upload){fd, (uint64_t)st.st_size};
            return u;
        }
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
    for (unsigned i = 0; i < PIECES; i++) free(b->pieces[i].bytes);
    free(b);
}

http_body upload_body(upload *u) {
    static const http_body_ops ops = {pull, done, release};
    body *b = calloc(1, sizeof *b);
    if (!b) return HTTP_NO_BODY;
    b->upload = u;
    return (http_body){&ops, b};
}
