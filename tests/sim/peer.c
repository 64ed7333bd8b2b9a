/* An endpoint: one connection, driven as a link would, but with the oddest reads and writes. */
#include <stdlib.h>

#include "tests/sim/sim.h"

/* Time in all that a side may waste: a frame has to be whole in LIMIT_PART_MS. */
#define IDLED_MOST 2500u

static const char *const event_names[] = {
    "NONE",   "PAUSED", "REQUEST",  "REFUSED", "INTERIM", "RESPONSE", "DATA",   "TRAILERS", "PUSH",
    "CLOSED", "ROOM",   "SETTINGS", "PONG",    "GOAWAY",  "ALTSVC",   "ORIGIN", "OVER"};

static wire *incoming(const peer *p) { return &p->sim->wire[side_other(p->side)]; }

/* ---- the trace sink ---- */

static void trace_frame(void *user, const h2_trace_frame *f) {
    peer *p = user;
    const char *name = h2_frame_name(f->type);
    log_note(p->sim, p->name, f->sent ? "sends" : "takes", name ? name : "unknown frame",
             f->stream_id, f->length);
    if (f->verdict.scope) log_note(p->sim, p->name, "judges", f->verdict.why, f->verdict.code, 0);
    if (f->sent && f->type == H2_FRAME_GOAWAY) p->goaways_queued++;
    const stream *st = model_find(p->sim, f->stream_id);
    if (!f->sent && f->type == H2_FRAME_DATA && st && st->view[p->side].gone) p->strays++;
    if (f->sent)
        wire_queued(&p->sim->wire[p->side], f);
    else
        wire_taken(incoming(p), f);
}

static void trace_content(void *user, uint32_t id, size_t n, uint32_t owed,
                          uint32_t connection_owed) {
    peer *p = user;
    const stream *st = model_find(p->sim, id);
    if (!st || n == 0) sim_fail(p->sim, "%s traces no content of stream %u", p->name, id);
    const wire *w = incoming(p);
    p->traced += n;
    if (owed < n || owed > st->wire[w->from].flow || connection_owed > w->flow)
        sim_fail(p->sim, "%s traces %u and %u bytes owed, stream %u", p->name, owed,
                 connection_owed, id);
}

static void trace_closed(void *user, uint32_t id, uint32_t code) {
    peer *p = user;
    stream *st = model_find(p->sim, id);
    log_note(p->sim, p->name, "closes", "", id, code);
    if (!st) sim_fail(p->sim, "%s closes stream %u, which never was", p->name, id);
    if (++st->view[p->side].gone > 1) sim_fail(p->sim, "%s closes stream %u twice", p->name, id);
}

static const h2_trace_ops trace_ops = {trace_frame, trace_content, trace_closed, NULL};

/* ---- birth and death ---- */

void peer_birth(peer *p) {
    sim *s = p->sim;
    h2_birth birth = {.mem = &p->memory.hook,
                      .config = &s->plan.config[p->side],
                      .scratch = p->scratch,
                      .trace = {&trace_ops, p},
                      .server = p->side == SERVER,
                      .seed = s->plan.conn_seed[p->side],
                      .now_ms = s->now};
    p->conn = h2_conn_new(&birth);
    if (!p->conn && !sim_starved(s)) sim_fail(s, "%s was not born", p->name);
}

void peer_end(peer *p) {
    h2_conn_free(p->conn);
    p->conn = NULL;
    free(p->shown);
    p->shown = NULL;
    if (p->memory.held || p->memory.blocks)
        sim_fail(p->sim, "%s leaks %zu bytes in %zu blocks", p->name, p->memory.held,
                 p->memory.blocks);
}

/* ---- reading ---- */

/* Steps until the input is used, or the connection says PAUSED. */
static void step(peer *p, span *in) {
    sim *s = p->sim;
    http_event ev;
    for (unsigned rounds = 0;; rounds++) {
        http_event_kind kind = h2_conn_step(p->conn, in, s->now, &ev);
        if (kind != ev.kind || kind > HTTP_EVENT_OVER)
            sim_fail(s, "%s: step says %d and tells %d", p->name, (int)kind, (int)ev.kind);
        if (kind == HTTP_EVENT_NONE) break;
        log_note(s, p->name, "told", event_names[kind], ev.ref.id, ev.data.n + ev.end);
        if (kind == HTTP_EVENT_PAUSED) {
            if (!in->n) sim_fail(s, "%s: PAUSED with nothing left over", p->name);
            if (!p->writing && !h2_conn_has_output(p->conn))
                sim_fail(s, "%s: PAUSED with nothing to write", p->name);
            p->paused = true;
            return;
        }
        applet_event(p, model_event(p, &ev), &ev);
        if (rounds > 1000000) sim_fail(s, "%s: step does not come to an end", p->name);
    }
    if (in->n) sim_fail(s, "%s: step said NONE and left %zu bytes", p->name, in->n);
    if (h2_conn_pending(p->conn)) sim_fail(s, "%s: NONE, but something is pending", p->name);
}

bool peer_can_read(const peer *p) {
    const sim *s = p->sim;
    if (p->shut || p->eof || p->paused || s->now < p->stalled_until) return false;
    return channel_any(&incoming(p)->pipe, s->now);
}

void peer_read(peer *p) {
    sim *s = p->sim;
    wire *w = incoming(p);
    size_t n = channel_ready(&w->pipe, s->now);
    if (p->idled < IDLED_MOST && sim_chance(s, s->plan.stall)) {
        p->stalled_until = s->now + 1 + sim_draw(s, s->plan.stall_ms);
        p->idled += p->stalled_until - s->now;
        log_note(s, p->name, "stalls", "", p->stalled_until, 0);
        return;
    }
    if (n > s->plan.read_most) n = s->plan.read_most;
    if (sim_chance(s, 50)) n = 1 + sim_draw(s, (uint32_t)n);
    uint8_t *copy = memory_block(n); /* a block of its own: nobody may look at it afterwards */
    memcpy(copy, channel_peek(&w->pipe, n).p, n);
    span in = span_of(copy, n);
    log_note(s, p->name, "reads", "", n, w->pipe.read);
    /* A client's own requests do not keep it from reading. */
    bool full = p->side == SERVER && s->wire[p->side].queued_own > LIMIT_OUTPUT_QUEUED;
    step(p, &in);
    if (full && in.n != n && !p->over)
        sim_fail(s, "%s reads on with %zu bytes of its own to write", p->name,
                 s->wire[p->side].queued_own);
    memset(copy, 0xcc, n);
    free(copy);
    channel_take(&w->pipe, n - in.n);
    wire_arrived(w);
}

/* ---- writing ---- */

bool peer_can_write(const peer *p) {
    const sim *s = p->sim;
    if (p->shut || p->eof || s->cut) return false;
    if (p->writing) return s->now >= p->write_ends;
    return channel_space(&s->wire[p->side].pipe) && h2_conn_has_output(p->conn);
}

static void write_begin(peer *p) {
    sim *s = p->sim;
    size_t most = sizeof p->iov / sizeof p->iov[0], total = 0;
    size_t niov = s->plan.niov < most ? 4 + sim_draw(s, s->plan.niov - 3) : most;
    size_t budget = 1 + sim_draw(s, s->plan.budget);
    p->niov = h2_conn_output(p->conn, p->iov, niov, budget);
    if (p->niov > niov) sim_fail(s, "%s: more spans than were asked for", p->name);
    for (size_t i = 0; i < p->niov; i++) {
        if (!p->iov[i].n) sim_fail(s, "%s: output gives an empty span", p->name);
        total += p->iov[i].n;
    }
    if (!total) {
        if (h2_conn_has_output(p->conn))
            sim_fail(s, "%s: has_output, but output gives nothing", p->name);
        return;
    }
    size_t space = channel_space(&s->wire[p->side].pipe);
    p->writing = total < space ? total : space;
    if (sim_chance(s, s->plan.partial)) p->writing = 1 + sim_draw(s, (uint32_t)p->writing);
    p->shown = memory_block(p->writing);
    for (size_t i = 0, at = 0; at < p->writing; i++) {
        span part = span_head(p->iov[i], p->writing - at);
        memcpy(p->shown + at, part.p, part.n);
        at += part.n;
    }
    p->write_ends = s->now;
    if (p->idled < IDLED_MOST && sim_chance(s, s->plan.slow_write)) {
        p->write_ends += 1 + sim_draw(s, s->plan.think_ms + 1);
        p->idled += p->write_ends - s->now;
    }
}

static void write_end(peer *p) {
    sim *s = p->sim;
    size_t n = p->writing;
    for (size_t i = 0, at = 0; at < n; i++) {
        span part = span_head(p->iov[i], n - at);
        if (memcmp(p->shown + at, part.p, part.n) != 0)
            sim_fail(s, "%s: bytes changed while they were written", p->name);
        at += part.n;
    }
    log_note(s, p->name, "writes", "", n, s->wire[p->side].pipe.written);
    wire_write(&s->wire[p->side], span_of(p->shown, n));
    free(p->shown);
    p->shown = NULL;
    p->writing = 0;
    p->paused = false;
    h2_conn_output_done(p->conn, n);
}

void peer_write(peer *p) {
    if (!p->writing) write_begin(p);
    if (p->writing && p->sim->now >= p->write_ends) write_end(p);
}

/* ---- time and the transport ---- */

bool peer_has_time(const peer *p) {
    if (p->eof && p->over) return false;
    return h2_conn_pending(p->conn) || h2_conn_deadline(p->conn) <= p->sim->now;
}

void peer_tick(peer *p) {
    span none = {NULL, 0};
    log_note(p->sim, p->name, "ticks", "", 0, 0);
    step(p, &none);
    if (h2_conn_deadline(p->conn) <= p->sim->now)
        sim_fail(p->sim, "%s: step does nothing about its deadline", p->name);
}

uint64_t peer_next(const peer *p) {
    const sim *s = p->sim;
    uint64_t at = p->eof ? SIM_NEVER : h2_conn_deadline(p->conn);
    if (p->writing && !s->cut && p->write_ends < at) at = p->write_ends;
    if (p->stalled_until > s->now && p->stalled_until < at) at = p->stalled_until;
    return at;
}

bool peer_times_out(const peer *p, uint32_t code) {
    const h2_config *config = &p->sim->plan.config[p->side];
    uint64_t now = p->sim->now;
    if (code == H2_SETTINGS_TIMEOUT)
        return config->settings_ack_ms && now >= config->settings_ack_ms &&
               !incoming(p)->ack_arrived;
    if (code != H2_ENHANCE_YOUR_CALM) return false;
    return p->strays > LIMIT_GLITCH_BURST / 2 || (config->window_ms && now >= config->window_ms) ||
           (config->content_ms && now >= config->content_ms);
}

bool peer_sees_eof(const peer *p) {
    const channel *in = &incoming(p)->pipe;
    if (p->sim->cut && p->paused) return !p->eof; /* the next write says so */
    return !p->eof && !p->shut && in->closed && in->count == 0;
}

void peer_eof(peer *p) {
    sim *s = p->sim;
    span none = {NULL, 0};
    log_note(s, p->name, "eof", "", 0, 0);
    p->eof = true;
    free(p->shown);
    p->shown = NULL;
    p->writing = 0;
    h2_conn_eof(p->conn);
    step(p, &none);
    if (!p->over) sim_fail(s, "%s: no OVER after eof", p->name);
    if (h2_conn_output(p->conn, p->iov, 64, SIZE_MAX / 2) || h2_conn_has_output(p->conn))
        sim_fail(s, "%s has output after eof", p->name);
    channel_cut(&s->wire[p->side].pipe, SIZE_MAX);
}

bool peer_can_shut(const peer *p) {
    return p->over && !p->eof && !p->shut && !p->writing && !h2_conn_has_output(p->conn);
}

void peer_shut(peer *p) {
    log_note(p->sim, p->name, "shuts", "", 0, 0);
    p->shut = true;
    channel_cut(&p->sim->wire[p->side].pipe, SIZE_MAX);
    channel_cut(&incoming(p)->pipe, 0);
}
