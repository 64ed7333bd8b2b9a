#include "core/outq.h"

#define CHUNK_ROOM \
    ((size_t)16384 - sizeof(outq_chunk)) /* one full frame of DATA heads and small bodies */
#define FIRST_PIECES 8u

struct outq_chunk {
    outq_chunk *next;
    uint32_t begin, end, room;
    uint32_t pad;
    uint8_t bytes[];
};

static void chunk_free(const mem *m, outq_chunk *c) { mem_give(m, c, sizeof *c + c->room); }

void outq_init(outq *q, const mem *m) {
    memset(q, 0, sizeof *q);
    q->mem = m;
}

void outq_end(outq *q) {
    while (q->first) {
        outq_chunk *c = q->first;
        q->first = c->next;
        chunk_free(q->mem, c);
    }
    mem_give(q->mem, q->pieces, q->piece_room * sizeof *q->pieces);
    outq_init(q, q->mem);
}

bool outq_prepare(outq *q) {
    if (q->piece_count + 3 <= q->piece_room) return true;
    uint32_t room = q->piece_room ? q->piece_room * 2 : FIRST_PIECES;
    outq_piece *grown = mem_take(q->mem, room * sizeof *grown);
    if (!grown) return false;
    for (uint32_t i = 0; i < q->piece_count; i++)
        grown[i] = q->pieces[(q->piece_first + i) & (q->piece_room - 1)];
    mem_give(q->mem, q->pieces, q->piece_room * sizeof *q->pieces);
    q->pieces = grown;
    q->piece_room = room;
    q->piece_first = 0;
    return true;
}

static outq_piece *piece_last(outq *q) {
    return &q->pieces[(q->piece_first + q->piece_count - 1) & (q->piece_room - 1)];
}

static void piece_push(outq *q, const uint8_t *p, size_t n, uint32_t mark) {
    q->piece_count++;
    *piece_last(q) = (outq_piece){p, (uint32_t)n, mark};
    q->bytes += (uint32_t)n;
}

uint8_t *outq_reserve(outq *q, size_t n) {
    outq_chunk *c = q->last;
    if (!outq_prepare(q)) return NULL;
    if (c && c->room - c->end >= n) return c->bytes + c->end;
    size_t room = n > CHUNK_ROOM ? n : CHUNK_ROOM;
    if (room > UINT32_MAX - sizeof *c) return NULL;
    c = mem_take(q->mem, sizeof *c + room);
    if (!c) return NULL;
    *c = (outq_chunk){.room = (uint32_t)room};
    if (q->last)
        q->last->next = c;
    else
        q->first = c;
    q->last = c;
    return c->bytes;
}

void outq_commit(outq *q, size_t n) {
    outq_chunk *c = q->last;
    const uint8_t *p = c->bytes + c->end;
    if (n == 0) {
        if (q->piece_count == 0) outq_end(q);
        return;
    }
    c->end += (uint32_t)n;
    q->own += (uint32_t)n;
    if (q->piece_count) {
        outq_piece *last = piece_last(q);
        if (last->mark == OUTQ_OWN && last->p + last->n == p) {
            last->n += (uint32_t)n;
            q->bytes += (uint32_t)n;
            return;
        }
    }
    piece_push(q, p, n, OUTQ_OWN);
}

void outq_lend(outq *q, span s, uint32_t mark) { piece_push(q, s.p, s.n, mark); }

size_t outq_peek(const outq *q, span *iov, size_t niov) {
    size_t n = q->piece_count < niov ? q->piece_count : niov;
    for (size_t i = 0; i < n; i++) {
        const outq_piece *piece = &q->pieces[(q->piece_first + i) & (q->piece_room - 1)];
        iov[i] = span_of(piece->p, piece->n);
    }
    return n;
}

/* Own bytes leave their chunks in the order they were committed, so the chunk is always the first
 * one that is not used up. */
static void own_taken(outq *q, size_t n) {
    q->own -= (uint32_t)n;
    while (n) {
        outq_chunk *c = q->first;
        size_t part = c->end - c->begin;
        if (part > n) part = n;
        c->begin += (uint32_t)part;
        n -= part;
        if (c->begin < c->end) break;
        if (!c->next && n == 0 && q->piece_count) break; /* room for what comes next */
        q->first = c->next;
        if (!q->first) q->last = NULL;
        chunk_free(q->mem, c);
    }
}

size_t outq_take(outq *q, size_t *n, uint32_t *mark) {
    if (*n == 0 || q->piece_count == 0) return 0;
    outq_piece *piece = &q->pieces[q->piece_first];
    size_t taken = piece->n < *n ? piece->n : *n;
    *mark = piece->mark;
    *n -= taken;
    q->bytes -= (uint32_t)taken;
    piece->p += taken;
    piece->n -= (uint32_t)taken;
    if (piece->n == 0) {
        q->piece_first = (q->piece_first + 1) & (q->piece_room - 1);
        q->piece_count--;
    }
    if (*mark == OUTQ_OWN) own_taken(q, taken);
    if (q->piece_count == 0) outq_end(q);
    return taken;
}
