#include "applets/server/parts.h"
#include "core/limits.h"

#include <stdio.h>

#define HEAD_ROOM 300u /* of the delimiter, the type and the range of a part */

/* A delimiter and what stands before a part, then the part; the last one has no part. */
typedef struct segment {
    uint64_t start; /* in the body */
    size_t head_size;
    char head[HEAD_ROOM];
    http_body part;
    uint64_t part_size;
} segment;

typedef struct parts {
    const mem *mem;
    size_t count, returning; /* returning: the segment whose bytes come back next */
    uint64_t returned;       /* of its head and part */
    uint64_t length;
    segment list[];
} parts;

static size_t room_of(size_t segments) { return sizeof(parts) + segments * sizeof(segment); }

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    parts *p = user;
    size_t i = p->count - 1;
    *lent = span_of(NULL, 0);
    if (want == 0) return offset == p->length ? HTTP_PULL_END : HTTP_PULL_MORE;
    while (p->list[i].start > offset) i--;
    const segment *s = &p->list[i];
    uint64_t at = offset - s->start;
    if (at < s->head_size) {
        size_t left = s->head_size - (size_t)at;
        *lent = span_of(s->head + at, left < want ? left : want);
        return offset + lent->n == p->length ? HTTP_PULL_END : HTTP_PULL_MORE;
    }
    http_pull result = s->part.ops->pull(s->part.user, at - s->head_size, want, lent);
    return result == HTTP_PULL_END ? HTTP_PULL_MORE : result; /* the last delimiter follows */
}

static void done(void *user, size_t n) {
    parts *p = user;
    while (n) {
        const segment *s = &p->list[p->returning];
        uint64_t left = s->head_size + s->part_size - p->returned;
        size_t mine = left < n ? (size_t)left : n, of_part = mine;
        if (p->returned < s->head_size) {
            size_t of_head = s->head_size - (size_t)p->returned;
            of_part = mine > of_head ? mine - of_head : 0;
        }
        if (of_part) s->part.ops->done(s->part.user, of_part);
        p->returned += mine;
        n -= mine;
        if (mine == left && p->returning + 1 < p->count) {
            p->returning++;
            p->returned = 0;
        }
    }
}

static void release(void *user) {
    parts *p = user;
    for (size_t i = 0; i < p->count; i++) {
        if (p->list[i].part.ops) p->list[i].part.ops->release(p->list[i].part.user);
    }
    mem_give(p->mem, p, room_of(p->count));
}

size_t parts_content_range(range part, uint64_t size, char *out, size_t room) {
    int n = snprintf(out, room, "bytes %llu-%llu/%llu", (unsigned long long)part.first,
                     (unsigned long long)(part.first + part.length - 1), (unsigned long long)size);
    return n < 0 ? 0 : (size_t)n;
}

bool parts_body(file *f, net_link *k, http_ref ref, span type, const range *list, size_t n,
                char out_type[PARTS_TYPE], uint64_t *length, http_body *body) {
    static const http_body_ops ops = {pull, done, release};
    const mem *m = loop_mem(link_loop(k));
    char boundary[40], range_text[70];
    parts *p = mem_take_zero(m, room_of(n + 1));
    if (!p) return false;
    p->mem = m;
    p->count = n + 1;
    /* Random, so that no file can hold it. */
    snprintf(boundary, sizeof boundary, "%08x%08x%08x", loop_random(link_loop(k)),
             loop_random(link_loop(k)), loop_random(link_loop(k)));
    snprintf(out_type, PARTS_TYPE, "multipart/byteranges; boundary=%s", boundary);
    for (size_t i = 0; i < n; i++) {
        segment *s = &p->list[i];
        parts_content_range(list[i], file_size(f), range_text, sizeof range_text);
        int size = snprintf(s->head, sizeof s->head,
                            "%s--%s\r\nContent-Type: %.*s\r\nContent-Range: %s\r\n\r\n",
                            i ? "\r\n" : "", boundary, (int)(type.n < 100 ? type.n : 100),
                            (const char *)type.p, range_text);
        s->start = p->length;
        s->head_size = (size_t)size;
        s->part_size = list[i].length;
        p->length += s->head_size + s->part_size;
        if (!file_body_part(f, k, ref, list[i].first, list[i].length, &s->part)) {
            release(p);
            return false;
        }
    }
    segment *last = &p->list[n];
    last->start = p->length;
    last->head_size = (size_t)snprintf(last->head, sizeof last->head, "\r\n--%s--\r\n", boundary);
    p->length += last->head_size;
    *length = p->length;
    *body = (http_body){&ops, p};
    return true;
}
