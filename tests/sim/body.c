/* Bodies that are sent: each piece that is lent is a block of its own, which dies when it has come
 * back, so that a byte read after done() is seen. */
#include <stdlib.h>

#include "tests/sim/sim.h"

struct body_piece {
    body_piece *next;
    size_t n, back;
    uint8_t bytes[];
};

/* A function of run, stream, direction and offset: eight bytes at a time. */
static uint64_t word_at(uint64_t seed, uint32_t id, side from, uint64_t word) {
    return sim_mix(seed * 0x9e3779b97f4a7c15u + id * 2u + (from == SERVER) + (word << 33));
}

static void fill(const sim *s, uint32_t id, side from, uint64_t offset, uint8_t *p, size_t n) {
    for (size_t i = 0; i < n;) {
        uint64_t word = word_at(s->seed, id, from, (offset + i) / 8);
        for (unsigned k = (unsigned)((offset + i) % 8); k < 8 && i < n; k++, i++)
            p[i] = (uint8_t)(word >> (8 * k));
    }
}

bool body_same(const sim *s, uint32_t id, side from, uint64_t offset, span bytes) {
    for (size_t i = 0; i < bytes.n;) {
        uint64_t word = word_at(s->seed, id, from, (offset + i) / 8);
        for (unsigned k = (unsigned)((offset + i) % 8); k < 8 && i < bytes.n; k++, i++)
            if (bytes.p[i] != (uint8_t)(word >> (8 * k))) return false;
    }
    return true;
}

static span lend(body *b, size_t n) {
    body_piece *piece = memory_block(sizeof *piece + n);
    *piece = (body_piece){.n = n};
    fill(b->sim, b->stream->id, b->side, b->lent, piece->bytes, n);
    if (b->last)
        b->last->next = piece;
    else
        b->first = piece;
    b->last = piece;
    b->lent += n;
    return span_of(piece->bytes, n);
}

static http_pull wait(body *b) {
    peer *p = &b->sim->peer[b->side];
    b->waiting = true;
    applet_later(&b->stream->view[b->side], p, DUTY_WAKE);
    return HTTP_PULL_LATER;
}

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    body *b = user;
    sim *s = b->sim;
    const message *m = &b->stream->sent[b->side];
    uint32_t id = b->stream->id;
    *lent = (span){NULL, 0};
    if (!b->accepted) sim_fail(s, "stream %u: pull of a body that was not taken", id);
    if (b->released) sim_fail(s, "stream %u: pull after release", id);
    if (b->ended || b->failed) sim_fail(s, "stream %u: pull after END or FAILED", id);
    if (b->waiting) sim_fail(s, "stream %u: pull after LATER, without a wake", id);
    if (offset != b->lent) sim_fail(s, "stream %u: pull at a wrong offset", id);
    bool trailers_missing = m->has_trailers && !m->trailers.given;
    if (want == 0) {
        if (b->lent < b->size) return HTTP_PULL_MORE;
        if (trailers_missing) return wait(b);
        b->ended = true;
        return HTTP_PULL_END;
    }
    if (b->lent < b->size && sim_chance(s, b->later) && sim_chance(s, 50)) return wait(b);
    uint64_t n = b->size - b->lent;
    if (n > want) n = want;
    uint64_t step = b->mixed ? 1 + sim_draw(s, b->step) : b->step;
    if (n > step) n = step;
    if (b->lent + n > b->fail_at) {
        b->failed = true;
        log_note(s, s->peer[b->side].name, "body", "fails", id, b->lent);
        return HTTP_PULL_FAILED;
    }
    bool last = b->lent + n == b->size;
    if (n) *lent = lend(b, (size_t)n);
    if (last && trailers_missing) return wait(b);
    if (last && !(b->end_apart && n)) {
        b->ended = true;
        return HTTP_PULL_END;
    }
    if (sim_chance(s, b->later)) return wait(b);
    return HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    body *b = user;
    uint32_t id = b->stream->id;
    if (b->released) sim_fail(b->sim, "stream %u: done after release", id);
    if (n == 0) sim_fail(b->sim, "stream %u: done of nothing", id);
    if (b->given_back + n > b->lent) sim_fail(b->sim, "stream %u: more done than lent", id);
    b->given_back += n;
    while (n) {
        body_piece *piece = b->first;
        size_t part = piece->n - piece->back < n ? piece->n - piece->back : n;
        piece->back += part;
        n -= part;
        if (piece->back < piece->n) break;
        b->first = piece->next;
        if (!b->first) b->last = NULL;
        memset(piece->bytes, 0xee, piece->n);
        free(piece);
    }
}

static void release(void *user) {
    body *b = user;
    uint32_t id = b->stream->id;
    if (!b->accepted) sim_fail(b->sim, "stream %u: release of a body that was not taken", id);
    if (b->released) sim_fail(b->sim, "stream %u: released twice", id);
    if (b->first) sim_fail(b->sim, "stream %u: released while bytes are lent", id);
    b->released = true;
}

static const http_body_ops ops = {pull, done, release};

body *body_new(stream *st, side from, uint64_t size) {
    sim *s = st->sim;
    static const uint32_t steps[] = {1, 7, 100, 2048, 2049, 5000, 16384, UINT32_MAX};
    body *b = memory_block(sizeof *b);
    *b = (body){.sim = s, .stream = st, .side = from, .size = size, .fail_at = SIM_NEVER};
    b->step = steps[sim_draw(s, sizeof steps / sizeof steps[0])];
    /* Many small frames would be a flood: LIMIT_SMALL_BURST. */
    if (size / b->step > 200) b->step = (uint32_t)(size / 200) + LIMIT_SMALL_DATA;
    b->mixed = b->step > 2048 && sim_chance(s, 50);
    if (b->mixed) b->step = 8000;
    if (sim_chance(s, s->plan.later)) b->later = 1 + sim_draw(s, 50);
    b->end_apart = sim_chance(s, s->plan.end_apart);
    if (s->plan.fails && sim_chance(s, 15)) b->fail_at = sim_draw(s, (uint32_t)size + 1);
    return b;
}

http_body body_face(body *b) { return b ? (http_body){&ops, b} : HTTP_NO_BODY; }

void body_free(body *b) {
    if (!b) return;
    while (b->first) {
        body_piece *piece = b->first;
        b->first = piece->next;
        free(piece);
    }
    free(b);
}
