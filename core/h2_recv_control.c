#include "core/h2_impl.h"

/* ---- SETTINGS ---- */

/* The window of s changed: it is ready when it has a body that goes on. A body that has ended may
 * still be lent out. */
static void may_send(h2_conn *c, h2_stream *s) {
    if (s->body && s->send_window > 0 && s->state != H2_STATE_HALF_CLOSED_LOCAL &&
        !(s->flags & H2_STREAM_LATER))
        h2_prio_add(&c->prio, &c->streams, s);
}

/* A new initial window moves the window of every stream (RFC 9113 section 6.9.2). */
static verdict shift_windows(h2_conn *c, uint32_t to) {
    uint32_t from = c->peer[H2_SLOT_INITIAL_WINDOW_SIZE];
    for (uint32_t i = 0; i < c->streams.begun; i++) {
        h2_stream *s = &c->streams.at[i];
        if (!h2_stream_is_open(s)) continue;
        if (!h2_flow_shift(&s->send_window, from, to))
            return VERDICT_ON_CONNECTION(H2_FLOW_CONTROL_ERROR, "a stream window passes 2^31-1");
        may_send(c, s);
    }
    return VERDICT_OK;
}

static verdict setting(h2_conn *c, uint16_t id, uint32_t value) {
    int slot = h2_frame_setting_slot(id);
    h2_code code;
    if (slot < 0) return VERDICT_OK; /* unknown: ignore */
    if (!h2_frame_setting_valid((h2_setting_slot)slot, value, &code))
        return VERDICT_ON_CONNECTION(code, "setting out of range");
    uint32_t before = c->peer[slot];
    switch (slot) {
    case H2_SLOT_HEADER_TABLE_SIZE:
        if (value == before) break;
        if (!h2_conn_codec(c)) return VERDICT_ON_CONNECTION(H2_INTERNAL_ERROR, "out of memory");
        hpack_enc_limit(&c->codec->enc, value);
        break;
    case H2_SLOT_ENABLE_PUSH:
        if (value && !c->server)
            return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "a server set ENABLE_PUSH");
        break;
    case H2_SLOT_INITIAL_WINDOW_SIZE: {
        verdict v = shift_windows(c, value);
        if (v.scope != VERDICT_NONE) return v;
        break;
    }
    case H2_SLOT_ENABLE_CONNECT_PROTOCOL:
        if (before && !value) /* RFC 8441 section 3 */
            return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "ENABLE_CONNECT_PROTOCOL taken back");
        break;
    case H2_SLOT_NO_RFC7540_PRIORITIES:
        if (c->peer_settings_seen && before != value) /* RFC 9218 section 2.1 */
            return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "NO_RFC7540_PRIORITIES changed");
        break;
    default: break;
    }
    c->peer[slot] = value;
    return VERDICT_OK;
}

verdict h2_recv_control_settings(h2_conn *c, span payload) {
    verdict v = VERDICT_OK;
    while (payload.n && v.scope == VERDICT_NONE) {
        span entry = span_take(&payload, 6);
        v = setting(c, bytes_get16(entry.p), bytes_get32(entry.p + 2));
    }
    return v;
}

/* The peer has our settings: its decoder-side consequences hold from now on (RFC 9113
 * section 6.5.3). */
static verdict settings_acked(h2_conn *c) {
    if (c->settings_unacked == 0)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR,
                                     "SETTINGS acknowledged that were never sent");
    c->settings_unacked--;
    c->settings_deadline = 0;
    uint32_t size = c->config->settings[H2_SLOT_HEADER_TABLE_SIZE];
    bool lowered = c->config->lowest_table < size;
    if (!lowered && size == HPACK_DEFAULT_SIZE) return VERDICT_OK;
    h2_codec *codec = h2_conn_codec(c);
    if (!codec) return VERDICT_ON_CONNECTION(H2_INTERNAL_ERROR, "out of memory");
    if (lowered) hpack_dec_limit(&codec->dec, c->config->lowest_table);
    hpack_dec_limit(&codec->dec, size);
    return VERDICT_OK;
}

static verdict settings(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    if (f.flags & H2_FLAG_ACK) {
        if (payload.n)
            return VERDICT_ON_CONNECTION(H2_FRAME_SIZE_ERROR,
                                         "SETTINGS acknowledgement with a payload");
        return settings_acked(c);
    }
    if (payload.n % 6)
        return VERDICT_ON_CONNECTION(H2_FRAME_SIZE_ERROR, "SETTINGS of broken length");
    if (payload.n / 6 > LIMIT_SETTINGS_ENTRIES)
        return VERDICT_ON_CONNECTION(H2_ENHANCE_YOUR_CALM, "too many settings in a frame");
    if (c->peer_settings_seen && !h2_judge_charge(c, H2_GUARD_GLITCH)) return VERDICT_OK;
    verdict v = h2_recv_control_settings(c, payload);
    if (v.scope != VERDICT_NONE) return v;
    c->peer_settings_seen = true;
    if (!c->server && h2_conn_room(c) == 0) c->room_wanted = true;
    h2_recv_trace(c, f, payload, VERDICT_OK);
    h2_send_frame(c, H2_FRAME_SETTINGS, H2_FLAG_ACK, 0, SPAN(""));
    ev->kind = HTTP_EVENT_SETTINGS;
    return VERDICT_OK;
}

/* ---- the other frames ---- */

static verdict ping(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    if (!(f.flags & H2_FLAG_ACK)) {
        h2_recv_trace(c, f, payload, VERDICT_OK);
        if (h2_judge_charge(c, H2_GUARD_GLITCH))
            h2_send_frame(c, H2_FRAME_PING, H2_FLAG_ACK, 0, payload);
        return VERDICT_OK;
    }
    if ((c->ping_out & 2) && span_eq(payload, span_of(H2_DRAIN_OPAQUE, 8))) {
        h2_conn_drain_finish(c);
    } else if ((c->ping_out & 1) && span_eq(payload, span_of(c->ping_opaque, 8))) {
        c->ping_out &= (uint8_t)~1u;
        ev->kind = HTTP_EVENT_PONG;
        ev->data = payload;
    } else {
        h2_judge_charge(c, H2_GUARD_GLITCH); /* answers nothing we asked */
    }
    return VERDICT_OK;
}

static verdict goaway(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    uint32_t last = bytes_get32(payload.p) & H2_ID_MASK;
    if (c->goaway_received && last > c->peer_last)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "GOAWAY raised its last stream");
    h2_recv_trace(c, f, payload, VERDICT_OK);
    if (c->goaway_received && !h2_judge_charge(c, H2_GUARD_GLITCH)) return VERDICT_OK;
    c->goaway_received = true;
    c->peer_last = last;
    for (uint32_t i = 0; i < c->streams.begun; i++) {
        h2_stream *s = &c->streams.at[i];
        if (!h2_stream_is_open(s)) continue;
        if (!h2_conn_is_ours(c, s->id) || s->id <= last) continue;
        s->flags |= H2_STREAM_RETRY; /* RFC 9113 section 8.7 */
        h2_judge_retire(c, s,
                        VERDICT_ON_STREAM(s->id, H2_REFUSED_STREAM, "not processed before GOAWAY"));
    }
    ev->kind = HTTP_EVENT_GOAWAY;
    ev->last_id = last;
    ev->code = bytes_get32(payload.p + 4);
    ev->data = span_skip(payload, 8);
    return VERDICT_OK;
}

static verdict rst_stream(h2_conn *c, h2_frame f, span payload) {
    h2_stream *s = h2_stream_find(&c->streams, f.stream_id);
    uint32_t code = bytes_get32(payload.p);
    if (!s && h2_conn_is_idle(c, f.stream_id))
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "RST_STREAM on an idle stream");
    h2_recv_trace(c, f, payload, VERDICT_OK);
    if (!s) {
        h2_judge_charge(c, H2_GUARD_GLITCH);
        return VERDICT_OK;
    }
    /* A client that only withdraws what it no longer needs after the answer began costs nothing
     * unusual, but cannot be told from rapid reset: every one is charged. */
    if (c->server && !h2_judge_charge(c, H2_GUARD_RESET)) return VERDICT_OK;
    if (code == H2_REFUSED_STREAM) s->flags |= H2_STREAM_RETRY;
    s->flags |= H2_STREAM_BY_PEER;
    h2_judge_retire(c, s, VERDICT_ON_STREAM(s->id, code, "reset by the peer"));
    return VERDICT_OK;
}

/* Each frame of DATA that we sent pays for some updates (LIMIT_UPDATES_PER_DATA); what comes beyond
 * that costs the peer its budget. */
static bool pay_update(h2_conn *c) {
    if (c->free_updates == 0) return h2_judge_charge(c, H2_GUARD_GLITCH);
    c->free_updates--;
    return true;
}

static verdict window_update(h2_conn *c, h2_frame f, span payload) {
    uint32_t by = bytes_get32(payload.p) & H2_ID_MASK;
    if (!pay_update(c)) return VERDICT_OK;
    if (f.stream_id == 0) {
        if (by == 0) return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "WINDOW_UPDATE by 0");
        if (!h2_flow_grow(&c->send_window, by))
            return VERDICT_ON_CONNECTION(H2_FLOW_CONTROL_ERROR, "connection window passes 2^31-1");
        c->blocked = false;
        return VERDICT_OK;
    }
    h2_stream *s = h2_stream_find(&c->streams, f.stream_id);
    if (!s) {
        if (h2_conn_is_idle(c, f.stream_id))
            return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "WINDOW_UPDATE on an idle stream");
        return VERDICT_OK;
    }
    if (s->state == H2_STATE_RESERVED_REMOTE)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "WINDOW_UPDATE on a reserved stream");
    if (by == 0) return VERDICT_ON_STREAM(s->id, H2_PROTOCOL_ERROR, "WINDOW_UPDATE by 0");
    if (!h2_flow_grow(&s->send_window, by))
        return VERDICT_ON_STREAM(s->id, H2_FLOW_CONTROL_ERROR, "stream window passes 2^31-1");
    may_send(c, s);
    return VERDICT_OK;
}

/* RFC 7540 section 5.3. For a stream that is closed and no longer in the tree it changes nothing.
 */
static verdict priority_frame(h2_conn *c, h2_frame f, span payload) {
    uint32_t word = bytes_get32(payload.p);
    h2_dependency d = {word & H2_ID_MASK, (uint16_t)(payload.p[4] + 1u), word >> 31};
    if (!h2_judge_charge(c, H2_GUARD_GLITCH) || c->peer[H2_SLOT_NO_RFC7540_PRIORITIES])
        return VERDICT_OK;
    if (d.on == f.stream_id)
        return VERDICT_ON_STREAM(f.stream_id, H2_PROTOCOL_ERROR, "a stream depends on itself");
    if (!h2_conn_obeys_tree(c)) return VERDICT_OK;
    h2_stream *s = h2_stream_find(&c->streams, f.stream_id);
    bool idle = h2_conn_is_idle(c, f.stream_id) && !h2_conn_is_ours(c, f.stream_id);
    if (s || idle || (c->prio.tree && h2_tree_has(c->prio.tree, f.stream_id)))
        h2_prio_depend(&c->prio, &c->streams, f.stream_id, s, d);
    return VERDICT_OK;
}

/* How many idle streams may still be given a priority: with the open ones they must stay within the
 * concurrency limit. */
static uint32_t early_room(const h2_conn *c, uint32_t id) {
    uint32_t used = c->peer_streams, limit = c->config->settings[H2_SLOT_MAX_CONCURRENT_STREAMS];
    for (uint32_t i = 0; i < c->early_count; i++)
        used += c->early[i].id != id && h2_conn_is_idle(c, c->early[i].id);
    return used < limit ? limit - used : 0;
}

/* RFC 9218 section 7.1. */
static verdict priority_update(h2_conn *c, span payload) {
    uint32_t id = bytes_get32(payload.p) & H2_ID_MASK;
    if (!c->server)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "PRIORITY_UPDATE from a server");
    if (id == 0) return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "PRIORITY_UPDATE for stream 0");
    if (h2_conn_is_ours(c, id) && h2_conn_is_idle(c, id))
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "PRIORITY_UPDATE for an idle push");
    if (h2_conn_is_idle(c, id) && early_room(c, id) == 0)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "PRIORITY_UPDATE for too many streams");
    if (h2_judge_charge(c, H2_GUARD_GLITCH)) h2_conn_set_priority(c, id, span_skip(payload, 4));
    return VERDICT_OK;
}

/* RFC 7838 section 4: what makes no sense is ignored. */
static verdict altsvc(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    if (c->server) return VERDICT_OK; /* ignored, whatever it holds */
    if (payload.n < 2) return VERDICT_ON_CONNECTION(H2_FRAME_SIZE_ERROR, "wrong frame length");
    size_t origin = bytes_get16(payload.p);
    if (origin > payload.n - 2 || (f.stream_id == 0) == (origin == 0)) return VERDICT_OK;
    ev->kind = HTTP_EVENT_ALTSVC;
    ev->name = span_of(payload.p + 2, origin);
    ev->data = span_skip(payload, 2 + origin);
    h2_stream *s = h2_stream_find(&c->streams, f.stream_id);
    if (s) ev->ref = (http_ref){s->slot, s->id};
    return VERDICT_OK;
}

/* RFC 8336 section 2.1: flags, other streams and servers' receipts are ignored; so is a frame with
 * a broken entry. */
static void origin(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    if (c->server || f.stream_id != 0 || (f.flags & 0x0f))
        return; /* the other flags change nothing */
    for (span rest = payload; rest.n;) {
        if (rest.n < 2 || bytes_get16(rest.p) > rest.n - 2) return;
        rest = span_skip(rest, 2u + bytes_get16(rest.p));
    }
    ev->kind = HTTP_EVENT_ORIGIN;
    ev->data = payload;
}

static verdict dispatch(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    switch (f.type) {
    case H2_FRAME_SETTINGS: return settings(c, f, payload, ev);
    case H2_FRAME_PING: return ping(c, f, payload, ev);
    case H2_FRAME_GOAWAY: return goaway(c, f, payload, ev);
    case H2_FRAME_RST_STREAM: return rst_stream(c, f, payload);
    case H2_FRAME_WINDOW_UPDATE: return window_update(c, f, payload);
    case H2_FRAME_PRIORITY: return priority_frame(c, f, payload);
    case H2_FRAME_PRIORITY_UPDATE: return priority_update(c, payload);
    case H2_FRAME_ALTSVC:
        if (!h2_judge_charge(c, H2_GUARD_GLITCH)) return VERDICT_OK;
        return altsvc(c, f, payload, ev);
    case H2_FRAME_ORIGIN:
        if (h2_judge_charge(c, H2_GUARD_GLITCH)) origin(c, f, payload, ev);
        return VERDICT_OK;
    default: return VERDICT_OK;
    }
}

/* What is sent, or said to be closed, because of these stands behind them in the log: their
 * functions tell the trace themselves when all is well. */
static bool traces_itself(h2_frame f) {
    if (f.type == H2_FRAME_SETTINGS || f.type == H2_FRAME_PING) return !(f.flags & H2_FLAG_ACK);
    return f.type == H2_FRAME_GOAWAY || f.type == H2_FRAME_RST_STREAM;
}

verdict h2_recv_control(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    verdict v = dispatch(c, f, payload, ev);
    if (v.scope != VERDICT_NONE || !traces_itself(f)) h2_recv_trace(c, f, payload, v);
    return v;
}
