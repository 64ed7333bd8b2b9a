#include "applets/client/stream_body.h"

#include <stdlib.h>

#define ROOM 16384u

typedef struct part {
    struct part *next;
    size_t n;
    uint8_t bytes[ROOM];
} part;

struct stream_body {
    const stream_body_calls *calls;
    void *user;
    part *first, **last;
    uint64_t begin, end; /* offsets of the bytes that are here */
    uint64_t first_at;   /* of the first part's first byte */
    bool finished;
};

stream_body *stream_body_new(const stream_body_calls *calls, void *user) {
    stream_body *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    b->calls = calls;
    b->user = user;
    b->last = &b->first;
    return b;
}

bool stream_body_put(stream_body *b, span bytes) {
    part *tail = NULL;
    for (part *p = b->first; p; p = p->next) tail = p;
    while (bytes.n) {
        if (!tail || tail->n == ROOM) {
            part *made = malloc(sizeof *made);
            if (!made) return false;
            made->next = NULL;
            made->n = 0;
            if (!b->first) b->first_at = b->end;
            *b->last = made;
            b->last = &made->next;
            tail = made;
        }
        span piece = span_take(&bytes, bytes.n < ROOM - tail->n ? bytes.n : ROOM - tail->n);
        memcpy(tail->bytes + tail->n, piece.p, piece.n);
        tail->n += piece.n;
        b->end += piece.n;
    }
    return true;
}

void stream_body_finish(stream_body *b) { b->finished = true; }

void stream_body_forget(stream_body *b) {
    b->calls = NULL;
    b->finished = true;
}

size_t stream_body_queued(const stream_body *b) { return (size_t)(b->end - b->begin); }

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    stream_body *b = user;
    uint64_t at = b->first_at;
    part *p = b->first;
    *lent = span_of(NULL, 0);
    if (offset == b->end) return b->finished ? HTTP_PULL_END : HTTP_PULL_LATER;
    if (want == 0) return HTTP_PULL_MORE;
    while (offset >= at + p->n) {
        at += p->n;
        p = p->next;
    }
    size_t n = (size_t)(at + p->n - offset);
    *lent = span_of(p->bytes + (offset - at), n < want ? n : want);
    if (offset + lent->n < b->end) return HTTP_PULL_MORE;
    return b->finished ? HTTP_PULL_END : HTTP_PULL_LATER;
}

static void done(void *user, size_t n) {
    stream_body *b = user;
    b->begin += n;
    while (b->first && b->first_at + b->first->n <= b->begin) {
        part *p = b->first;
        b->first_at += p->n;
        b->first = p->next;
        if (!b->first) b->last = &b->first;
        free(p);
    }
    if (b->begin == b->end && b->calls) b->calls->drained(b->user);
}

static void release(void *user) {
    stream_body *b = user;
    while (b->first) {
        part *p = b->first;
        b->first = p->next;
        free(p);
    }
    if (b->calls) b->calls->gone(b->user);
    free(b);
}

http_body stream_body_of(stream_body *b) {
    static const http_body_ops ops = {pull, done, release};
    return (http_body){&ops, b};
}
