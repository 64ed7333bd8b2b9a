/* The bytes a connection still has to write, in order: its own small frames and spans lent by
 * bodies.
 *
 * Own bytes live in chunks taken from the hook and given back when written; lent ones stay with
 * their lender, whose mark comes back as they are written. An empty queue holds nothing. It knows
 * no frames. */
#ifndef H2BOX_CORE_OUTQ_H
#define H2BOX_CORE_OUTQ_H

#include "core/mem.h"

#define OUTQ_OWN    UINT32_MAX       /* mark of own bytes */
#define OUTQ_STATIC (UINT32_MAX - 1) /* mark of bytes that nobody needs back */

typedef struct outq_chunk outq_chunk;

typedef struct outq_piece {
    const uint8_t *p;
    uint32_t n;
    uint32_t mark; /* who lent it, or OUTQ_OWN */
} outq_piece;

typedef struct outq {
    const mem *mem;
    outq_chunk *first, *last; /* own bytes, oldest first */
    outq_piece *pieces;       /* ring */
    uint32_t piece_first, piece_count, piece_room;
    uint32_t bytes; /* queued in all */
    uint32_t own;   /* queued in chunks */
} outq;

void outq_init(outq *q, const mem *m);

/* Forgets everything queued and frees what it holds; lent marks are not told: see outq_drop. */
void outq_end(outq *q);

/* Room for n own bytes in one stretch, to be filled and then committed with at most n. NULL when
 * memory is refused; then nothing changed. */
uint8_t *outq_reserve(outq *q, size_t n);

/* The first n bytes of the last reserve are queued. */
void outq_commit(outq *q, size_t n);

/* Makes sure that one outq_commit and two outq_lend after it will find room. */
bool outq_prepare(outq *q);

/* Queues s, which stays as it is until a take of its mark has covered it. s.n > 0. Needs a
 * successful outq_prepare before. */
void outq_lend(outq *q, span s, uint32_t mark);

/* Fills iov with up to niov spans from the front, and returns their number. */
size_t outq_peek(const outq *q, span *iov, size_t niov);

/* Takes up to *n bytes off the front, as far as they have one mark; lessens *n by them and returns
 * that count, with the mark. 0 when *n is 0. */
size_t outq_take(outq *q, size_t *n, uint32_t *mark);

#endif
