#include "core/h2_impl.h"

/* ---- stalls ---- */

void h2_watch_stream(h2_conn *c) {
    const h2_config *of = c->config;
    if (!c->window_deadline && of->window_ms) c->window_deadline = c->now_ms + of->window_ms;
    if (!c->content_deadline && of->content_ms && c->server)
        c->content_deadline = c->now_ms + of->content_ms;
}

/* Whether flags had `flag` at the last look; it is set anew. */
static bool was(h2_stream *s, uint32_t flag, bool now) {
    bool before = s->flags & flag;
    s->flags = now ? s->flags | flag : s->flags & ~flag;
    return before;
}

/* The stream has bytes to send, and no window lets it. */
static bool is_held(const h2_conn *c, const h2_stream *s) {
    return s->body && !(s->flags & H2_STREAM_LATER) && s->state != H2_STATE_HALF_CLOSED_LOCAL &&
           (s->send_window <= 0 || c->send_window <= 0);
}

/* Held at two looks, but for a few bytes between them, and not because its siblings go first: at
 * one look it was its own window, or next to nothing went out for all who are held. */
static bool window_stalled(h2_conn *c, h2_stream *s, bool slow) {
    bool shut = s->send_window <= 0, held = is_held(c, s);
    uint32_t progress = (uint32_t)s->body_offset - s->stall_mark;
    s->stall_mark = (uint32_t)s->body_offset;
    bool was_shut = was(s, H2_STREAM_SHUT, shut && held);
    return was(s, H2_STREAM_HELD, held) && held && progress < LIMIT_STALL_BYTES &&
           (shut || was_shut || slow);
}

/* The request is not whole, the peer may send, and not a byte has come from look to look. A tunnel
 * may be silent. */
static bool content_stalled(h2_stream *s) {
    bool awaited = (s->state == H2_STATE_OPEN || s->state == H2_STATE_HALF_CLOSED_LOCAL) &&
                   !(s->flags & H2_STREAM_TUNNEL) && s->recv_window > 0 && s->recv_held == 0;
    return was(s, H2_STREAM_QUIET, awaited) && awaited;
}

static uint32_t count_held(const h2_conn *c) {
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->streams.begun; i++)
        n += h2_stream_is_open(&c->streams.at[i]) && is_held(c, &c->streams.at[i]);
    return n;
}

/* When to look again: never while no stream is open. */
static uint64_t next_look(const h2_conn *c, uint32_t period_ms) {
    return c->streams.live ? c->now_ms + period_ms : 0;
}

static void look_at_windows(h2_conn *c) {
    c->window_deadline = next_look(c, c->config->window_ms);
    bool shut = c->send_window <= 0 && h2_prio_any(&c->prio), was_shut = c->shut;
    bool slow = c->data_sent - c->stall_sent < LIMIT_STALL_BYTES * count_held(c);
    c->shut = shut;
    c->stall_sent = c->data_sent;
    if (shut && was_shut && slow) {
        h2_judge(c,
                 VERDICT_ON_CONNECTION(H2_ENHANCE_YOUR_CALM, "the connection window is kept shut"));
        return;
    }
    for (uint32_t i = 0; i < c->streams.begun && c->ending == H2_ENDING_NO; i++) {
        h2_stream *s = &c->streams.at[i];
        if (h2_stream_is_open(s) && window_stalled(c, s, slow))
            h2_judge(c, VERDICT_ON_STREAM(s->id, H2_ENHANCE_YOUR_CALM, "the window is kept shut"));
    }
}

/* Of a server alone: what it answers with may come when it will, and its client has clocks of its
 * own. */
static void look_for_content(h2_conn *c) {
    c->content_deadline = next_look(c, c->config->content_ms);
    for (uint32_t i = 0; i < c->streams.begun && c->ending == H2_ENDING_NO; i++) {
        h2_stream *s = &c->streams.at[i];
        if (h2_stream_is_open(s) && content_stalled(s) && !c->paused)
            h2_judge(c,
                     VERDICT_ON_STREAM(s->id, H2_ENHANCE_YOUR_CALM, "the content stopped coming"));
    }
}

/* ---- all clocks ---- */

static bool is_due(const h2_conn *c, uint64_t deadline) {
    return deadline && c->now_ms >= deadline && c->ending == H2_ENDING_NO;
}

void h2_watch_paused(h2_conn *c, bool paused) {
    if (c->paused && !paused) { /* what the peer owes may lie in what was held back until now */
        if (c->part_deadline) c->part_deadline = c->now_ms + LIMIT_PART_MS;
        if (c->settings_deadline) c->settings_deadline = c->now_ms + c->config->settings_ack_ms;
    }
    c->paused = paused;
}

void h2_watch_clock(h2_conn *c) {
    if (is_due(c, c->settings_deadline) && !c->paused) {
        c->settings_deadline = 0;
        h2_judge(c,
                 VERDICT_ON_CONNECTION(H2_SETTINGS_TIMEOUT, "SETTINGS not acknowledged in time"));
    }
    if (is_due(c, c->part_deadline) && !c->paused)
        h2_judge(c,
                 VERDICT_ON_CONNECTION(H2_ENHANCE_YOUR_CALM, "a frame was not finished in time"));
    if (is_due(c, c->window_deadline)) look_at_windows(c);
    if (is_due(c, c->content_deadline)) look_for_content(c);
    if (is_due(c, c->drain_deadline)) h2_conn_drain_finish(c);
}

uint64_t h2_watch_deadline(const h2_conn *c) {
    const uint64_t all[] = {c->paused ? 0 : c->settings_deadline, c->paused ? 0 : c->part_deadline,
                            c->window_deadline, c->content_deadline, c->drain_deadline};
    uint64_t first = UINT64_MAX;
    if (c->ending != H2_ENDING_NO) return first;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] && all[i] < first) first = all[i];
    return first;
}
