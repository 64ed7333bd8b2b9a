#include "python/ext/body.h"

static size_t size_of(PyObject *piece) { return (size_t)PyBytes_Size(piece); }

static bool make_room(body *b) {
    if (b->first + b->count < b->room) return true;
    if (b->first > b->room / 2) { /* most of it was given back */
        memmove(b->at, b->at + b->first, b->count * sizeof *b->at);
        b->first = 0;
        return true;
    }
    uint32_t room = b->room ? b->room * 2 : 4;
    PyObject **grown = room > b->room ? PyMem_Realloc(b->at, room * sizeof *b->at) : NULL;
    if (!grown) return false;
    b->at = grown;
    b->room = room;
    return true;
}

bool body_put(body *b, PyObject *piece) {
    size_t n = size_of(piece);
    if (n == 0) return true;
    if (!make_room(b)) return false;
    Py_INCREF(piece);
    b->at[b->first + b->count] = piece;
    if (b->count++ == 0) b->first_end = b->freed + n;
    b->queued += n;
    return true;
}

/* The core goes through a body from its beginning to its end, so this walks a piece at most. */
static void seek(body *b, uint64_t offset) {
    while (b->next < b->count) {
        uint64_t end = b->next_from + size_of(b->at[b->first + b->next]);
        if (offset < end) return;
        b->next_from = end;
        b->next++;
    }
}

http_pull body_pull(body *b, uint64_t offset, size_t want, span *lent) {
    seek(b, offset);
    if (b->next == b->count) return b->ended ? HTTP_PULL_END : HTTP_PULL_LATER;
    if (want == 0) return HTTP_PULL_MORE;
    PyObject *piece = b->at[b->first + b->next];
    span all = span_of(PyBytes_AsString(piece), size_of(piece));
    *lent = span_head(span_skip(all, (size_t)(offset - b->next_from)), want);
    if (offset + lent->n < b->next_from + all.n || b->next + 1 < b->count) return HTTP_PULL_MORE;
    return b->ended ? HTTP_PULL_END : HTTP_PULL_LATER;
}

void body_done(body *b, size_t n) {
    b->freed += n;
    b->queued -= n;
    while (b->count && b->first_end <= b->freed) {
        Py_DECREF(b->at[b->first++]);
        b->count--;
        if (b->next)
            b->next--;
        else
            b->next_from = b->first_end;
        if (b->count) b->first_end += size_of(b->at[b->first]);
    }
    if (b->count == 0) b->first = 0;
}

void body_end(body *b) {
    for (uint32_t i = 0; i < b->count; i++) Py_DECREF(b->at[b->first + i]);
    PyMem_Free(b->at);
    *b = (body){0};
}
