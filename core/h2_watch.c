#include "core/h2_impl.h"

/* ---- stalls ---- */

void h2_watch_stream(h2_conn *c) {
    if (!c->stall_deadline && c->config->stall_ms)
        c->stall_deadline = c->now_ms + c->config->stall_ms;
}

/* Whether flags had `flag` at the last look; it is set anew. */
static bool was(h2_stream *s, uint16_t flag, bool now) {
    bool before = s->flags & flag;
    s->flags = (uint16_t)(now ? s->flags | flag : s->flags & ~flag);
    return before;
}

/* The stream has bytes to send and its window has been shut for a whole interval, but for a few
 * bytes. */
static bool window_stalled(h2_stream *s) {
    bool shut = s->body && !(s->flags & H2_STREAM_LATER) && s->send_window <= 0 &&
                s->state != H2_STATE_HALF_CLOSED_LOCAL;
    uint32_t progress = (uint32_t)s->body_offset - s->stall_mark;
    s->stall_mark = (uint32_t)s->body_offset;
    return was(s, H2_STREAM_SHUT, shut) && shut && progress < LIMIT_STALL_BYTES;
}

/* The request is not whole, the peer may send, and nothing has come for a whole interval. A tunnel
 * may be silent. */
static bool content_stalled(h2_stream *s) {
    bool awaited = (s->state == H2_STATE_OPEN || s->state == H2_STATE_HALF_CLOSED_LOCAL) &&
                   !(s->flags & H2_STREAM_TUNNEL) && s->recv_window > 0 && s->recv_held == 0;
    return was(s, H2_STREAM_QUIET, awaited) && awaited;
}

static bool connection_stalled(h2_conn *c) {
    bool shut = c->send_window <= 0 && h2_prio_any(&c->prio), before = c->shut;
    uint32_t progress = c->data_sent - c->stall_sent;
    c->shut = shut;
    c->stall_sent = c->data_sent;
    return shut && before && progress < LIMIT_STALL_BYTES;
}

static void look_for_stalls(h2_conn *c) {
    c->stall_deadline = c->streams.live ? c->now_ms + c->config->stall_ms : 0;
    if (connection_stalled(c)) {
        h2_conn_judge(
            c, VERDICT_ON_CONNECTION(H2_ENHANCE_YOUR_CALM, "the connection window is kept shut"));
        return;
    }
    for (uint32_t i = 0; i < c->streams.begun && c->ending == H2_ENDING_NO; i++) {
        h2_stream *s = &c->streams.at[i];
        if (!s->id || (s->flags & H2_STREAM_GONE)) continue;
        bool window = window_stalled(s), content = content_stalled(s);
        if (window || content)
            h2_conn_judge(c, VERDICT_ON_STREAM(s->id, H2_ENHANCE_YOUR_CALM,
                                               window ? "the stream window is kept shut"
                                                      : "the content stopped coming"));
    }
}

/* ---- all clocks ---- */

static bool is_due(const h2_conn *c, uint64_t deadline) {
    return deadline && c->now_ms >= deadline && c->ending == H2_ENDING_NO;
}

void h2_watch_clock(h2_conn *c) {
    if (is_due(c, c->settings_deadline)) {
        c->settings_deadline = 0;
        h2_conn_judge(
            c, VERDICT_ON_CONNECTION(H2_SETTINGS_TIMEOUT, "SETTINGS not acknowledged in time"));
    }
    if (is_due(c, c->part_deadline))
        h2_conn_judge(
            c, VERDICT_ON_CONNECTION(H2_ENHANCE_YOUR_CALM, "a frame was not finished in time"));
    if (is_due(c, c->stall_deadline)) look_for_stalls(c);
    if (is_due(c, c->drain_deadline)) h2_conn_drain_finish(c);
}

uint64_t h2_watch_deadline(const h2_conn *c) {
    const uint64_t all[] = {c->settings_deadline, c->part_deadline, c->stall_deadline,
                            c->drain_deadline};
    uint64_t first = UINT64_MAX;
    if (c->ending != H2_ENDING_NO) return first;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] && all[i] < first) first = all[i];
    return first;
}
