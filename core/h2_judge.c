/* Who dies of what: the end of streams and of the connection, and what is charged on the way. */
#include "core/h2_impl.h"

void h2_judge_held(h2_conn *c, uint32_t n) {
    c->held -= n;
    if (c->held > c->config->held_max || !c->recv_unpaid) return;
    uint32_t owed = c->recv_unpaid;
    c->recv_unpaid = 0;
    h2_conn_credit_connection(c, owed);
}

void h2_judge_retire(h2_conn *c, h2_stream *s, verdict v) {
    if (s->flags & H2_STREAM_COUNTED) {
        if (h2_conn_is_ours(c, s->id))
            c->our_streams--;
        else
            c->peer_streams--;
    }
    if (s->state == H2_STATE_RESERVED_REMOTE) c->reserved--;
    if (s->state != H2_STATE_CLOSED || v.scope != VERDICT_NONE) s->flags |= H2_STREAM_EARLY;
    s->state = H2_STATE_CLOSED;
    s->code = v.code;
    s->scope = v.scope;
    s->line = v.line;
    s->why = v.why;
    h2_prio_close(&c->prio, &c->streams, s);
    h2_send_forget_trailers(c, s);
    uint32_t held = s->recv_held;
    s->recv_held = 0;
    if (s->user) {
        s->flags |= H2_STREAM_TELL;
        c->tell++;
    }
    h2_stream_retire(&c->streams, s);
    if (c->trace.ops) c->trace.ops->closed(c->trace.user, s->id, v.code);
    if (held) h2_judge_held(c, held);
}

void h2_judge_settle(h2_conn *c, h2_stream *s) {
    if (s->state == H2_STATE_CLOSED) h2_judge_retire(c, s, VERDICT_OK);
}

void h2_judge_end_streams(h2_conn *c) {
    for (uint32_t i = 0; i < c->streams.begun; i++) {
        h2_stream *s = &c->streams.at[i];
        if (h2_stream_is_open(s)) h2_judge_retire(c, s, c->over);
    }
}

void h2_judge_end(h2_conn *c, verdict v) {
    if (c->ending != H2_ENDING_NO) return;
    c->over = v;
    c->ending = H2_ENDING_TELL;
    h2_judge_end_streams(c);
}

uint32_t h2_judge_last_taken(const h2_conn *c) {
    return c->drain_final ? c->our_last : c->last_peer_id;
}

void h2_judge(h2_conn *c, verdict v) {
    if (c->ending != H2_ENDING_NO) return;
    if (v.scope == VERDICT_STREAM && h2_conn_is_idle(c, v.stream_id))
        v.scope = VERDICT_CONNECTION; /* an idle stream cannot be reset */
    if (v.scope == VERDICT_CONNECTION) {
        h2_send_goaway(c, h2_judge_last_taken(c), (h2_code)v.code, v.why);
        h2_judge_end(c, v);
        return;
    }
    h2_send_reset(c, v.stream_id, (h2_code)v.code);
    h2_stream *s = h2_stream_find(&c->streams, v.stream_id);
    if (s) h2_judge_retire(c, s, v);
    if (c->server && v.code != H2_INTERNAL_ERROR) h2_judge_charge(c, H2_GUARD_RESET);
}

bool h2_judge_charge(h2_conn *c, h2_guard_cost cost) {
    if (h2_guard_charge(&c->guard, cost, c->now_ms)) return true;
    h2_judge(c, VERDICT_ON_CONNECTION(H2_ENHANCE_YOUR_CALM, h2_guard_text(cost)));
    return false;
}

bool h2_judge_was_reset(const h2_conn *c, uint32_t id) {
    uint32_t n = c->reset_count < LIMIT_RESET_MEMORY ? c->reset_count : LIMIT_RESET_MEMORY;
    for (uint32_t i = 0; i < n; i++)
        if (c->resets[i] == id) return true;
    return false;
}
