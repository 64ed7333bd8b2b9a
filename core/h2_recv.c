#include "core/h2_impl.h"

void h2_recv_trace(h2_conn *c, h2_frame f, span payload, verdict v) {
    if (!c->trace.ops) return;
    h2_trace_frame t = h2_trace_of(f, false);
    t.payload = payload;
    t.verdict = v;
    c->trace.ops->frame(c->trace.user, &t);
}

/* ---- payloads that came in pieces ---- */

static bool part_append(h2_conn *c, span s) {
    if (c->part_n + s.n > c->part_room) {
        size_t room = c->part_room ? c->part_room * (size_t)2 : 512;
        while (room < c->part_n + s.n) room *= 2;
        uint8_t *grown = mem_resize(c->mem, c->part, c->part_room, room);
        if (!grown) return false;
        c->part = grown;
        c->part_room = (uint32_t)room;
    }
    if (c->part_n == 0) c->part_deadline = c->now_ms + LIMIT_PART_MS;
    if (s.n) memcpy(c->part + c->part_n, s.p, s.n);
    c->part_n += (uint32_t)s.n;
    return true;
}

void h2_recv_drop(h2_conn *c) {
    mem_give(c->mem, c->part, c->part_room);
    c->part = NULL;
    c->part_n = c->part_room = 0;
    c->part_deadline = 0;
    c->part_told = false;
}

bool h2_recv_keep(h2_conn *c, span fragment) {
    uint32_t kept = c->block.length;
    if (fragment.n == 0) {
        c->part_n = kept; /* of a gathered payload only padding or priority is left */
    } else if (c->part && fragment.p >= c->part && fragment.p < c->part + c->part_n) {
        memmove(c->part + kept, fragment.p, fragment.n);
        c->part_n = kept + (uint32_t)fragment.n;
    } else if (!part_append(c, fragment)) {
        return false;
    }
    c->block.length = c->part_n;
    return true;
}

/* ---- DATA ---- */

/* The stream a DATA frame belongs to, or NULL with *v set when there is none to take it. */
static h2_stream *data_stream(h2_conn *c, h2_frame f, verdict *v) {
    h2_stream *s = h2_stream_find(&c->streams, f.stream_id);
    if (!s) {
        if (h2_conn_is_idle(c, f.stream_id))
            *v = VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "DATA on an idle stream");
        else if (!h2_judge_was_reset(c, f.stream_id) &&
                 !(c->drain_final && f.stream_id > c->our_last))
            *v = VERDICT_ON_STREAM(f.stream_id, H2_STREAM_CLOSED, "DATA on a closed stream");
        return NULL;
    }
    if (s->state == H2_STATE_RESERVED_LOCAL || s->state == H2_STATE_RESERVED_REMOTE)
        *v = VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "DATA on a reserved stream");
    else if (s->state == H2_STATE_HALF_CLOSED_REMOTE)
        *v = VERDICT_ON_STREAM(f.stream_id, H2_STREAM_CLOSED, "DATA after END_STREAM");
    else if (!(s->flags & H2_STREAM_PEER_FINAL))
        *v = VERDICT_ON_STREAM(f.stream_id, H2_PROTOCOL_ERROR, "DATA before the response");
    return s;
}

/* Until our SETTINGS are acknowledged, the peer may count with the initial window instead of a
 * smaller one of ours. */
static uint32_t stream_slack(const h2_conn *c) {
    uint32_t ours = c->config->settings[H2_SLOT_INITIAL_WINDOW_SIZE];
    return c->settings_unacked && ours < H2_FLOW_INITIAL ? H2_FLOW_INITIAL - ours : 0;
}

/* The content of a frame against content-length, before any of it is told: how it is cut must not
 * matter. */
static verdict data_length(const h2_stream *s, uint32_t content, bool end) {
    if (s->recv_left == FIELDS_NO_LENGTH) return VERDICT_OK;
    if (content > s->recv_left)
        return VERDICT_ON_STREAM(s->id, H2_PROTOCOL_ERROR, "more DATA than content-length");
    if (end && content < s->recv_left && !(s->flags & H2_STREAM_NO_CONTENT))
        return VERDICT_ON_STREAM(s->id, H2_PROTOCOL_ERROR, "less DATA than content-length");
    return VERDICT_OK;
}

/* The rest of the frame is nobody's: the connection's window gets it back. */
static void data_skip(h2_conn *c, uint32_t owed, verdict v) {
    c->phase = H2_PHASE_SKIP;
    h2_conn_credit_connection(c, owed);
    h2_recv_trace(c, c->frame, SPAN(""), v);
}

/* DATA that brings little, unless our own windows let no more through. */
static void charge_small(h2_conn *c, const h2_stream *s, uint32_t length) {
    if (length == 0)
        h2_judge_charge(c, H2_GUARD_GLITCH);
    else if (c->recv_window > 0 && !(s && s->recv_window <= 0))
        h2_judge_charge(c, H2_GUARD_SMALL);
}

static verdict data_begin(h2_conn *c) {
    h2_frame f = c->frame;
    verdict v = VERDICT_OK;
    if (!h2_flow_receive(&c->recv_window, f.length, 0))
        return VERDICT_ON_CONNECTION(H2_FLOW_CONTROL_ERROR, "more DATA than the connection window");
    h2_stream *s = data_stream(c, f, &v);
    if (s && v.scope == VERDICT_NONE &&
        !h2_flow_receive(&s->recv_window, f.length, stream_slack(c)))
        v = VERDICT_ON_STREAM(f.stream_id, H2_FLOW_CONTROL_ERROR,
                              "more DATA than the stream window");
    if (f.length < LIMIT_SMALL_DATA && !(f.flags & H2_FLAG_END_STREAM))
        charge_small(c, s, f.length);
    if (s && v.scope == VERDICT_NONE && !(f.flags & H2_FLAG_PADDED))
        v = data_length(s, f.length, f.flags & H2_FLAG_END_STREAM);
    c->left = f.length;
    c->pad_left = 0;
    if (!s && v.scope == VERDICT_NONE) h2_judge_charge(c, H2_GUARD_GLITCH);
    if (!s || v.scope != VERDICT_NONE) {
        data_skip(c, f.length, v);
    } else if (f.flags & H2_FLAG_PADDED) {
        if (f.length == 0)
            return VERDICT_ON_CONNECTION(H2_FRAME_SIZE_ERROR, "no room for the pad length");
        c->phase = H2_PHASE_PAD;
    } else {
        c->phase = H2_PHASE_DATA;
    }
    return v;
}

static verdict data_pad(h2_conn *c, uint8_t pad) {
    if (pad >= c->frame.length)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "padding as long as the frame or longer");
    bool end = c->frame.flags & H2_FLAG_END_STREAM;
    uint32_t content = c->frame.length - 1 - pad;
    h2_stream *s = h2_stream_find(&c->streams, c->frame.stream_id);
    verdict v = s ? data_length(s, content, end) : VERDICT_OK;
    if (v.scope != VERDICT_NONE) {
        c->left = c->frame.length - 1;
        data_skip(c, c->frame.length, v);
        return v;
    }
    c->pad_left = pad;
    c->left = content;
    c->phase = H2_PHASE_DATA;
    if (s) s->recv_owed += pad + 1u;
    if (s && !end) h2_conn_credit_stream(c, s);
    h2_conn_credit_connection(c, pad + 1u);
    if (content == 0 && !end)
        h2_judge_charge(c, H2_GUARD_GLITCH); /* padding alone brings nothing */
    return VERDICT_OK;
}

void h2_recv_data_end(h2_conn *c) {
    c->left = c->pad_left;
    c->phase = c->left ? H2_PHASE_SKIP : H2_PHASE_HEAD;
    if (!c->trace.ops) return;
    h2_trace_frame t = h2_trace_of(c->frame, false);
    t.padding = c->frame.flags & H2_FLAG_PADDED ? c->pad_left + 1 : 0;
    c->trace.ops->frame(c->trace.user, &t);
}

/* A piece of content for a stream that is open to it. */
static void data_piece(h2_conn *c, h2_stream *s, span piece, bool last, http_event *ev) {
    bool end = last && (c->frame.flags & H2_FLAG_END_STREAM);
    if (s->recv_left != FIELDS_NO_LENGTH) s->recv_left -= piece.n;
    c->held += (uint32_t)piece.n;
    s->recv_held += (uint32_t)piece.n;
    s->flags &= ~(uint32_t)H2_STREAM_QUIET;
    if (c->held <= c->config->held_max)
        h2_conn_credit_connection(c, (uint32_t)piece.n);
    else
        c->recv_unpaid += (uint32_t)piece.n;
    if (c->trace.ops && piece.n)
        c->trace.ops->data(c->trace.user, s->id, piece.n, s->recv_held + s->recv_owed,
                           c->recv_owed + c->recv_unpaid);
    if (end) s->state = h2_stream_next(s->state, H2_RECV_END);
    ev->kind = HTTP_EVENT_DATA;
    ev->ref = (http_ref){s->slot, s->id};
    ev->user = s->user;
    ev->data = piece;
    ev->credit = piece.n;
    ev->end = end;
}

/* Nothing that still comes can change an answer that is complete. */
static void count_discarded(h2_conn *c, h2_stream *s, size_t n) {
    if (!c->server || s->state != H2_STATE_HALF_CLOSED_LOCAL) return;
    s->discarded += (uint32_t)n;
    if (s->discarded <= c->config->discard_max) return;
    h2_send_reset(c, s->id, H2_NO_ERROR);
    h2_judge_retire(c, s, VERDICT_OK);
}

/* Takes what there is of the content. True when *ev holds an event. */
static bool data_some(h2_conn *c, span *in, http_event *ev) {
    if (c->left && !in->n) return true; /* NONE: bring more */
    span piece = span_take(in, in->n < c->left ? in->n : c->left);
    c->left -= (uint32_t)piece.n;
    bool last = c->left == 0;
    h2_stream *s = h2_stream_find(&c->streams, c->frame.stream_id);
    if (s && (s->state == H2_STATE_OPEN || s->state == H2_STATE_HALF_CLOSED_LOCAL)) {
        if (piece.n || (last && (c->frame.flags & H2_FLAG_END_STREAM))) {
            data_piece(c, s, piece, last, ev);
            if (last) c->phase = H2_PHASE_DATA_END;
            h2_judge_settle(c, s);
            if (!(s->flags & H2_STREAM_GONE)) count_discarded(c, s, piece.n);
            return true;
        }
    } else {
        h2_conn_credit_connection(c, (uint32_t)piece.n); /* the stream went away in the middle */
    }
    if (last) h2_recv_data_end(c);
    return false;
}

/* ---- frames ---- */

/* A frame header is complete: what to do with its payload. */
static verdict frame_begin(h2_conn *c) {
    h2_frame f = c->frame;
    uint32_t ours = c->config->settings[H2_SLOT_MAX_FRAME_SIZE];
    c->left = f.length;
    c->phase = H2_PHASE_WHOLE;
    if (!c->peer_settings_seen && (f.type != H2_FRAME_SETTINGS || (f.flags & H2_FLAG_ACK)))
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "the first frame must be SETTINGS");
    if (c->block.frame.stream_id &&
        (f.type != H2_FRAME_CONTINUATION || f.stream_id != c->block.frame.stream_id))
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR,
                                     "a header block is open: CONTINUATION must follow");
    if (f.length > ours)
        return VERDICT_ON_CONNECTION(H2_FRAME_SIZE_ERROR, "frame over SETTINGS_MAX_FRAME_SIZE");
    verdict v = h2_frame_check(f);
    if (v.scope == VERDICT_CONNECTION) return v;
    if (v.scope == VERDICT_STREAM) {
        c->phase = H2_PHASE_SKIP;
        h2_recv_trace(c, f, SPAN(""), v);
        return v;
    }
    if (f.type == H2_FRAME_DATA) return data_begin(c);
    if (f.type == H2_FRAME_CONTINUATION) {
        if (!c->block.frame.stream_id)
            return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "CONTINUATION without a header block");
        if (++c->block.continuations > LIMIT_CONTINUATIONS ||
            c->block.length + f.length > LIMIT_HEADER_BLOCK)
            return VERDICT_ON_CONNECTION(H2_ENHANCE_YOUR_CALM, "header block too long");
    }
    if (!h2_frame_name(f.type)) { /* RFC 9113 section 4.1: ignore and discard */
        h2_judge_charge(c, H2_GUARD_GLITCH);
        h2_recv_trace(c, f, SPAN(""), VERDICT_OK);
        c->phase = H2_PHASE_SKIP;
    }
    return VERDICT_OK;
}

static verdict frame_whole(h2_conn *c, span payload, http_event *ev) {
    switch (c->frame.type) {
    case H2_FRAME_HEADERS: return h2_recv_block_headers(c, c->frame, payload, ev);
    case H2_FRAME_PUSH_PROMISE: return h2_recv_block_promise(c, c->frame, payload, ev);
    case H2_FRAME_CONTINUATION: return h2_recv_block_continuation(c, c->frame, payload, ev);
    default: return h2_recv_control(c, c->frame, payload, ev);
    }
}

/* A whole payload: in place when the input holds it, else gathered in c->part behind an open header
 * block. */
static bool whole_some(h2_conn *c, span *in, http_event *ev) {
    span payload;
    uint32_t kept = c->block.length;
    if (in->n >= c->left && c->part_n == kept) {
        payload = span_take(in, c->left);
    } else {
        span piece = span_take(in, in->n < c->left ? in->n : c->left);
        c->left -= (uint32_t)piece.n;
        if (!part_append(c, piece)) {
            h2_judge(c, VERDICT_ON_CONNECTION(H2_INTERNAL_ERROR, "out of memory"));
            return true;
        }
        if (c->left) return true; /* NONE: bring more */
        payload = span_of(c->part + kept, c->part_n - kept);
    }
    c->phase = H2_PHASE_HEAD;
    verdict v = frame_whole(c, payload, ev);
    if (c->block.frame.stream_id == 0) {
        if (ev->kind == HTTP_EVENT_NONE)
            h2_recv_drop(c);
        else
            c->part_told = true; /* the event's spans may lie in it */
    }
    if (v.scope != VERDICT_NONE) h2_judge(c, v);
    return ev->kind != HTTP_EVENT_NONE;
}

static bool head_some(h2_conn *c, span *in) {
    if (c->head_n == 0 && in->n >= H2_FRAME_HEAD) {
        c->frame = h2_frame_get(span_take(in, H2_FRAME_HEAD).p);
    } else {
        span piece =
            span_take(in, in->n < H2_FRAME_HEAD - c->head_n ? in->n : H2_FRAME_HEAD - c->head_n);
        if (piece.n) memcpy(c->head + c->head_n, piece.p, piece.n);
        c->head_n = (uint8_t)(c->head_n + piece.n);
        if (c->head_n < H2_FRAME_HEAD) return true; /* NONE: bring more */
        c->frame = h2_frame_get(c->head);
        c->head_n = 0;
    }
    verdict v = frame_begin(c);
    if (v.scope == VERDICT_CONNECTION) h2_recv_trace(c, c->frame, SPAN(""), v);
    if (v.scope != VERDICT_NONE) h2_judge(c, v);
    return false;
}

/* The client's preface: 24 fixed bytes, c->head_n of them seen (RFC 9113 section 3.4). */
static bool preface_some(h2_conn *c, span *in) {
    span rest = span_of(&H2_PREFACE[c->head_n], H2_PREFACE_SIZE - c->head_n);
    span piece = span_take(in, in->n < rest.n ? in->n : rest.n);
    if (!span_starts(rest, piece)) {
        h2_judge(c, VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR,
                                          "not an HTTP/2 client preface (HTTP/1.1 or TLS?)"));
        return true;
    }
    c->head_n = (uint8_t)(c->head_n + piece.n);
    if (c->head_n < H2_PREFACE_SIZE) return true;
    c->head_n = 0;
    c->phase = H2_PHASE_HEAD;
    return false;
}

bool h2_recv_some(h2_conn *c, span *in, http_event *ev) {
    if (c->part_told) h2_recv_drop(c);
    switch ((h2_phase)c->phase) {
    case H2_PHASE_PREFACE: return preface_some(c, in);
    case H2_PHASE_HEAD: return in->n == 0 || head_some(c, in);
    case H2_PHASE_WHOLE: return whole_some(c, in, ev);
    case H2_PHASE_PAD:
        if (!in->n) return true;
        verdict v = data_pad(c, span_take(in, 1).p[0]);
        if (v.scope != VERDICT_NONE) h2_judge(c, v);
        return false;
    case H2_PHASE_DATA: return data_some(c, in, ev);
    case H2_PHASE_DATA_END: h2_recv_data_end(c); return false;
    case H2_PHASE_SKIP: break;
    }
    uint32_t n = in->n < c->left ? (uint32_t)in->n : c->left;
    span_take(in, n);
    c->left -= n;
    if (c->left) return true;
    c->phase = H2_PHASE_HEAD;
    return false;
}
