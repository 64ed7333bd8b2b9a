/* Bytes into the connection and out of it, cut as the mode says. */
#include <stdlib.h>

#include "tests/flows/flow.h"

/* The trace only has to survive: it reads everything that it is shown, for the sanitizer's sake. */
static void read_all(player *p, span s) {
    for (size_t i = 0; i < s.n; i++) p->traced += s.p[i];
}

static void trace_frame(void *user, const h2_trace_frame *f) {
    player *p = user;
    read_all(p, f->payload);
    for (size_t i = 0; i < f->field_count; i++) {
        read_all(p, f->fields[i].name);
        read_all(p, f->fields[i].value);
    }
    if (f->verdict.why) p->traced += strlen(f->verdict.why);
}

static void trace_piece(void *user, uint32_t id, size_t n, uint32_t owed,
                        uint32_t connection_owed) {
    player *p = user;
    p->traced += id + n + owed + connection_owed;
}

static void trace_closed(void *user, uint32_t id, uint32_t code) {
    player *p = user;
    p->traced += id + code;
}

static void trace_head(void *user, bool sent, uint32_t id, span head) {
    player *p = user;
    p->traced += id + sent;
    read_all(p, head);
}

h2_trace pump_trace(player *p) {
    static const h2_trace_ops ops = {trace_frame, trace_piece, trace_closed, trace_head};
    return (h2_trace){&ops, p};
}

void pump_start(player *p) {
    p->started = true;
    p->config.server = p->server;
    hpack_dec_init(&p->dec, &p->dec_memory.hook, HPACK_DEFAULT_SIZE);
    hpack_list_init(&p->list, &p->dec_memory.hook, 4096, 1u << 20);
    if (p->cut == CUT_LOOPBACK) {
        p->link = loopback_open(p);
        if (!p->link) flow_fail(p, "no loopback connection");
        return;
    }
    session_scratch_init(&p->scratch, &p->memory.hook);
    if (p->text) {
        session_birth birth = {.mem = &p->memory.hook,
                               .config = &p->config,
                               .start = p->config.start,
                               .scratch = &p->scratch,
                               .trace = pump_trace(p),
                               .seed = 7,
                               .now_ms = p->now_ms};
        p->session = session_new(&birth);
        if (!p->session) flow_fail(p, "the session was not born");
        return;
    }
    h2_birth birth = {.mem = &p->memory.hook,
                      .config = &p->config.h2,
                      .scratch = &p->scratch.h2,
                      .trace = pump_trace(p),
                      .server = p->server,
                      .seed = 7,
                      .now_ms = p->now_ms};
    p->conn = h2_conn_new(&birth);
    if (!p->conn) flow_fail(p, "the connection was not born");
}

static uint32_t any(player *p, uint32_t below) {
    p->random ^= p->random << 13; /* xorshift64, Marsaglia 2003 */
    p->random ^= p->random >> 7;
    p->random ^= p->random << 17;
    return (uint32_t)(p->random >> 33) % below;
}

/* Steps until the input is used, or not wanted now; returns what is left. The piece lies in a block
 * of its own, which dies before the next. */
static size_t step_piece(player *p, span piece) {
    uint8_t *copy = malloc(piece.n ? piece.n : 1);
    if (!copy) abort();
    if (piece.n) memcpy(copy, piece.p, piece.n);
    span in = span_of(copy, piece.n);
    pump_step(p, &in);
    free(copy);
    return in.n;
}

session *pump_session(const player *p) { return p->link ? loopback_session(p->link) : p->session; }

static bool is_pending(const player *p) {
    return p->session ? session_pending(p->session) : h2_conn_pending(p->conn);
}

void pump_step(player *p, span *in) {
    http_event ev;
    unsigned rounds = 0;
    size_t paused_at = SIZE_MAX;
    for (;;) {
        http_event_kind kind = p->session ? session_step(p->session, in, p->now_ms, &ev)
                                          : h2_conn_step(p->conn, in, p->now_ms, &ev);
        if (kind != ev.kind) flow_fail(p, "step says %d and tells %d", (int)kind, (int)ev.kind);
        if (kind == HTTP_EVENT_NONE) break;
        if (kind == HTTP_EVENT_PAUSED && p->session && in->n == paused_at) return;
        if (kind == HTTP_EVENT_PAUSED) {
            paused_at = in->n;
            pump_drain(p);
        } else {
            events_add(p, &ev);
        }
        if (++rounds > 1000000) flow_fail(p, "step does not come to an end");
    }
    if (in->n) flow_fail(p, "step said NONE and left %zu bytes", in->n);
    if (is_pending(p)) flow_fail(p, "step said NONE with something to tell");
}

/* The peer shuts its side behind its last byte. */
static void half(player *p) {
    span none = {NULL, 0};
    p->half = false;
    if (!p->session || !session_half_eof(p->session))
        flow_fail(p, "it cannot go on when its peer has shut its side");
    pump_step(p, &none);
}

void pump_feed(player *p) {
    span rest = span_of(p->pending.p, p->pending.n);
    if (p->link) {
        loopback_feed(p, rest);
        rest.n = 0;
    }
    while (rest.n) {
        size_t n = rest.n;
        if (p->cut == CUT_BYTES)
            n = 1;
        else if (p->cut == CUT_RANDOM)
            n = 1 + any(p, any(p, 4) ? 24 : 4096);
        if (n > rest.n) n = rest.n;
        size_t left = step_piece(p, span_head(rest, n));
        rest = span_skip(rest, n - left);
        if (left) break; /* it is offered again */
    }
    p->fed += p->pending.n - rest.n;
    if (rest.n) memmove(p->pending.p, rest.p, rest.n);
    p->pending.n = rest.n;
    if (p->half && !rest.n) half(p);
    /* As the link does while its socket is full. */
    if (p->session) session_output_done(p->session, 0);
    if (p->conn) h2_conn_output_done(p->conn, 0);
}

/* One round of output; the written part is as odd as the mode. */
static bool drain_some(player *p) {
    span iov[64];
    size_t niov = p->cut == CUT_WHOLE ? 64 : 4 + any(p, 8);
    size_t budget = p->cut == CUT_WHOLE ? SIZE_MAX / 2 : 1 + any(p, 20000);
    size_t sum = 0, written = 0;
    size_t n = p->session ? session_output(p->session, iov, niov, budget)
                          : h2_conn_output(p->conn, iov, niov, budget);
    if (n > niov) flow_fail(p, "output gave more spans than it was asked for");
    for (size_t i = 0; i < n; i++) sum += iov[i].n;
    if (p->cut != CUT_WHOLE && sum) sum = 1 + any(p, (uint32_t)sum);
    for (size_t i = 0; i < n && written < sum; i++) {
        span part = span_head(iov[i], sum - written);
        bytes_buf_put(&p->output, part.p, part.n);
        written += part.n;
    }
    if (p->session)
        session_output_done(p->session, written);
    else
        h2_conn_output_done(p->conn, written);
    return n > 0;
}

void pump_drain(player *p) {
    if (p->link) {
        loopback_drain(p);
    } else {
        bool more;
        unsigned rounds = 0;
        do {
            more = drain_some(p);
            if (++rounds > 1000000) flow_fail(p, "output does not come to an end");
        } while (more);
        if (p->session ? session_has_output(p->session) : h2_conn_has_output(p->conn))
            flow_fail(p, "has_output, but output gives nothing");
    }
    reader_frames(p);
}

/* A session, its connection, what it may become, and the two blocks of the scratch space. */
static void check_idle_session(player *p) {
    if (session_streams(p->session) || session_pending(p->session) || p->pending.n) return;
    if (p->memory.blocks > 5 && p->text)
        flow_fail(p, "no request is open, but %zu blocks are held", p->memory.blocks);
}

/* Closed streams keep no memory, an idle connection holds no buffer. */
static void check_idle(player *p) {
    const h2_conn *c = p->conn;
    bool between = c->phase == H2_PHASE_PREFACE || c->phase == H2_PHASE_HEAD;
    if (!between || c->block.frame.stream_id || h2_conn_streams(c) || h2_conn_pending(c)) return;
    if (c->streams.room) flow_fail(p, "no stream is left, but their slab is");
    if (c->out.first || c->out.pieces) flow_fail(p, "nothing to write, but the queue holds memory");
    if (c->part) flow_fail(p, "no frame is begun, but a part of one is held");
    if (c->held || c->recv_unpaid)
        flow_fail(p, "no stream is left, but %u bytes count as held", c->held);
    if (c->peer_streams || c->our_streams || c->reserved)
        flow_fail(p, "no stream is left, but %u + %u + %u are counted", c->peer_streams,
                  c->our_streams, c->reserved);
}

void pump_end(player *p) {
    if (p->conn && !p->lenient) check_idle(p);
    if (p->session && !p->lenient) check_idle_session(p);
    if (p->link) loopback_close(p->link);
    session_free(p->session);
    h2_conn_free(p->conn);
    p->conn = NULL;
    p->session = NULL;
    p->link = NULL;
    if (p->cut != CUT_LOOPBACK) session_scratch_end(&p->scratch);
    if (p->memory.held || p->memory.blocks)
        flow_fail(p, "%zu bytes in %zu blocks are leaked", p->memory.held, p->memory.blocks);
    const char *wrong = actions_check_bodies(p);
    if (wrong) flow_fail(p, "%s", wrong);
}
