#include "core/h1_impl.h"

/* The head of a chunk: the digits of its size, and a line end before and behind. */
#define CHUNK_HEAD 20u

/* ---- what streams hold ---- */

static void release(h1_stream *s) {
    if (s->body) s->body->release(s->body_user);
    s->body = NULL;
}

void h1_output_forget(h1_conn *c, h1_stream *s) {
    release(s);
    mem_give(c->mem, s->head, s->head_room);
    mem_give(c->mem, s->trailers, s->trailers_n);
    s->head = s->trailers = NULL;
    s->head_n = s->head_room = s->trailers_n = 0;
}

void h1_output_written(h1_conn *c, size_t n) {
    uint32_t mark;
    for (size_t taken; (taken = outq_take(&c->out, &n, &mark)) > 0;) {
        if (mark == OUTQ_OWN || mark == OUTQ_STATIC) continue;
        h1_stream *s = h1_conn_at(c, mark);
        s->body->done(s->body_user, taken);
        s->lent -= (uint32_t)taken;
    }
}

void h1_output_reap(h1_conn *c) {
    if (!c->room) return;
    for (uint32_t id = c->first_id; id != c->next_id; id += 2) {
        h1_stream *s = h1_conn_at(c, id);
        if (s->lent || !(s->flags & (H1_GONE | H1_SEND_DONE))) continue;
        h1_output_forget(c, s);
        if (id == c->first_id && (s->flags & H1_GONE) && !(s->flags & H1_TELL)) c->first_id += 2;
    }
    if (c->first_id != c->next_id) return;
    mem_give(c->mem, c->ring, c->room * sizeof *c->ring);
    c->ring = NULL;
    c->room = 0;
}

/* ---- heads ---- */

/* The heads that the stream gathered while it was not its turn. False when memory is refused. */
static bool queue_head(h1_conn *c, h1_stream *s) {
    uint8_t *p = s->head_n ? outq_reserve(&c->out, s->head_n) : NULL;
    if (s->head_n && !p) {
        h1_conn_no_memory(c);
        return false;
    }
    if (p) {
        memcpy(p, s->head, s->head_n);
        outq_commit(&c->out, s->head_n);
    }
    mem_give(c->mem, s->head, s->head_room);
    s->head = NULL;
    s->head_n = s->head_room = 0;
    return true;
}

/* All of the message is queued. */
static void sent(h1_conn *c, h1_stream *s) {
    s->flags |= H1_SEND_DONE;
    c->sending_id += 2;
    h1_conn_settle(c, s);
}

/* Bytes for a tunnel would be a request of their own to who refuses it. */
static bool is_unaccepted(const h1_conn *c, const h1_stream *s) {
    return !c->server && (s->flags & (H1_TUNNEL | H1_FINAL)) == H1_TUNNEL;
}

static bool has_content(const h1_conn *c, const h1_stream *s) {
    if (!s->body || (s->flags & H1_UNSENT)) return false;
    return !((s->flags & H1_NO_CONTENT) && c->server);
}

/* The stream whose turn it is, with its head queued; NULL when there is nothing to send for it. */
static h1_stream *next(h1_conn *c) {
    for (;;) {
        h1_stream *s = h1_conn_at(c, c->sending_id);
        if (!s || c->ending != H1_ENDING_NO) return NULL;
        if (s->head && !queue_head(c, s)) return NULL;
        if (!(s->flags & H1_HEADED)) return NULL;
        if (has_content(c, s)) return is_unaccepted(c, s) ? NULL : s;
        sent(c, s);
    }
}

void h1_output_heads(h1_conn *c) { next(c); }

/* ---- content ---- */

static size_t put_hex(uint8_t *p, size_t v) {
    uint8_t digits[16];
    size_t n = 0;
    do {
        digits[n++] = (uint8_t)"0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v);
    for (size_t i = 0; i < n; i++) p[i] = digits[n - 1 - i];
    return n;
}

/* The end of chunked content: the last chunk and the trailers, in room that was reserved. */
static size_t put_last(const h1_stream *s, uint8_t *p) {
    size_t n = 3;
    memcpy(p, "0\r\n", 3);
    if (s->trailers_n) memcpy(p + n, s->trailers, s->trailers_n);
    n += s->trailers_n;
    memcpy(p + n, "\r\n", 2);
    return n + 2;
}

/* What a pull brought goes into the queue: copied when it is small, lent otherwise. p has room for
 * the head of a chunk, the copy, and the end. */
static void queue_content(h1_conn *c, h1_stream *s, uint8_t *p, span lent, bool end) {
    bool chunked = s->flags & H1_CHUNKED;
    size_t n = 0;
    if (chunked && lent.n) {
        n = put_hex(p, lent.n);
        memcpy(p + n, "\r\n", 2);
        n += 2;
    }
    /* done() is in order: a piece is copied when nothing is out before it. */
    if (lent.n && lent.n <= LIMIT_COPY_BODY && s->lent == 0) {
        memcpy(p + n, lent.p, lent.n);
        n += lent.n;
        s->body->done(s->body_user, lent.n);
    } else if (lent.n) {
        if (n) outq_commit(&c->out, n);
        outq_lend(&c->out, lent, s->id);
        s->lent += (uint32_t)lent.n;
        p += n;
        n = 0;
    }
    if (chunked && lent.n) {
        memcpy(p + n, "\r\n", 2);
        n += 2;
    }
    if (chunked && end) n += put_last(s, p + n);
    outq_commit(&c->out, n);
    s->body_offset += lent.n;
    if (s->send_left != FIELDS_NO_LENGTH) s->send_left -= lent.n;
}

/* The content is not what was said of it: only the end of the connection can tell the peer. */
static void failed(h1_conn *c, const char *why) {
    h1_conn_end(c, VERDICT_ON_CONNECTION(H2_INTERNAL_ERROR, why));
}

/* Pulls once for s. False when it has nothing more now. */
static bool send_some(h1_conn *c, h1_stream *s) {
    size_t most = LIMIT_FLUSH_BUDGET;
    size_t want = s->send_left < most ? (size_t)s->send_left : most;
    uint8_t *p = outq_reserve(&c->out, CHUNK_HEAD + LIMIT_COPY_BODY + 5 + s->trailers_n);
    if (!p) {
        h1_conn_no_memory(c);
        return false;
    }
    span lent = {NULL, 0};
    http_pull said = s->body->pull(s->body_user, s->body_offset, want, &lent);
    if (said == HTTP_PULL_FAILED || (said == HTTP_PULL_MORE && lent.n == 0)) {
        outq_commit(&c->out, 0);
        failed(c, want || said == HTTP_PULL_FAILED ? "the body failed"
                                                   : "more content than content-length");
        return false;
    }
    bool end = said == HTTP_PULL_END;
    queue_content(c, s, p, lent, end);
    if (end && s->send_left != FIELDS_NO_LENGTH && s->send_left) {
        failed(c, "less content than content-length");
        return false;
    }
    if (end) {
        sent(c, s);
        return true;
    }
    if (said == HTTP_PULL_LATER) s->flags |= H1_LATER;
    return said != HTTP_PULL_LATER;
}

void h1_output_streams(h1_conn *c, size_t budget, size_t max_pieces) {
    while (c->out.bytes < budget && c->out.piece_count + 4 <= max_pieces) {
        h1_stream *s = next(c);
        if (!s || (s->flags & H1_LATER) || !send_some(c, s)) break;
    }
}

bool h1_output_ready(const h1_conn *c) {
    const h1_stream *s = h1_conn_at(c, c->sending_id);
    if (!s || c->ending != H1_ENDING_NO) return false;
    if (s->head) return true;
    return (s->flags & H1_HEADED) && !(s->flags & H1_LATER) && !is_unaccepted(c, s);
}
