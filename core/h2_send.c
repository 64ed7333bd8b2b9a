#include "core/h2_impl.h"

#define FRAME_PAYLOAD \
    16384u /* larger frames save little and hold up priorities: one is at most this long */

static const uint8_t zeros[256];

static void no_memory(h2_conn *c) {
    c->over = VERDICT_ON_CONNECTION(H2_INTERNAL_ERROR, "out of memory");
    if (c->ending == H2_ENDING_NO) c->ending = H2_ENDING_TELL;
}

static void trace_sent(h2_conn *c, h2_frame f, span payload) {
    if (!c->trace.ops) return;
    h2_trace_frame t = h2_trace_of(f, true);
    t.payload = payload;
    c->trace.ops->frame(c->trace.user, &t);
}

void h2_send_frame(h2_conn *c, h2_frame_type type, uint8_t flags, uint32_t id, span payload) {
    uint8_t *p = outq_reserve(&c->out, H2_FRAME_HEAD + payload.n);
    if (!p) {
        no_memory(c);
        return;
    }
    h2_frame f = {
        .length = (uint32_t)payload.n, .stream_id = id, .type = (uint8_t)type, .flags = flags};
    h2_frame_put(p, f);
    if (payload.n) memcpy(p + H2_FRAME_HEAD, payload.p, payload.n);
    outq_commit(&c->out, H2_FRAME_HEAD + payload.n);
    c->control += (uint32_t)(H2_FRAME_HEAD + payload.n);
    trace_sent(c, f, payload);
}

static size_t put_setting(uint8_t *p, h2_setting_slot slot, uint32_t value) {
    bytes_put16(p, h2_frame_setting_id(slot));
    bytes_put32(p + 2, value);
    return 6;
}

size_t h2_send_settings(const h2_config *c, uint8_t *payload) {
    size_t n = 0;
    if (c->lowest_table < c->settings[H2_SLOT_HEADER_TABLE_SIZE])
        n += put_setting(payload, H2_SLOT_HEADER_TABLE_SIZE, c->lowest_table);
    for (unsigned i = 0; i < H2_SETTING_SLOTS; i++) {
        uint32_t value = c->settings[i];
        if (value == h2_frame_setting_initial(i) && !(c->announce >> i & 1u)) continue;
        n += put_setting(payload + n, (h2_setting_slot)i, value);
    }
    return n;
}

static void send_settings(h2_conn *c) {
    uint8_t payload[(H2_SETTING_SLOTS + 1) * 6];
    size_t n = h2_send_settings(c->config, payload);
    h2_send_frame(c, H2_FRAME_SETTINGS, 0, 0, span_of(payload, n));
    c->settings_unacked++;
    if (c->config->settings_ack_ms) c->settings_deadline = c->now_ms + c->config->settings_ack_ms;
}

void h2_send_preface(h2_conn *c, span before) {
    if (!c->server) before = SPAN(H2_PREFACE);
    if (before.n) {
        uint8_t *p = outq_reserve(&c->out, before.n);
        if (!p) {
            no_memory(c);
            return;
        }
        memcpy(p, before.p, before.n);
        outq_commit(&c->out, before.n);
    }
    send_settings(c);
    if (c->config->connection_window > H2_FLOW_INITIAL)
        h2_send_window_update(c, 0, c->config->connection_window - H2_FLOW_INITIAL);
}

void h2_send_goaway(h2_conn *c, uint32_t last_id, h2_code code, const char *why) {
    uint8_t payload[8 + 128];
    span debug = why ? span_head(span_str(why), sizeof payload - 8) : SPAN("");
    bytes_put32(payload, last_id);
    bytes_put32(payload + 4, code);
    memcpy(payload + 8, debug.p, debug.n);
    h2_send_frame(c, H2_FRAME_GOAWAY, 0, 0, span_of(payload, 8 + debug.n));
}

void h2_send_reset(h2_conn *c, uint32_t id, h2_code code) {
    uint8_t payload[4];
    bytes_put32(payload, code);
    h2_send_frame(c, H2_FRAME_RST_STREAM, 0, id, span_of(payload, 4));
    if (!c->resets) c->resets = mem_take_zero(c->mem, LIMIT_RESET_MEMORY * sizeof *c->resets);
    if (c->resets) c->resets[c->reset_count++ % LIMIT_RESET_MEMORY] = id;
}

void h2_send_window_update(h2_conn *c, uint32_t id, uint32_t n) {
    uint8_t payload[4];
    bytes_put32(payload, n);
    h2_send_frame(c, H2_FRAME_WINDOW_UPDATE, 0, id, span_of(payload, 4));
}

/* ---- header blocks ---- */

static uint32_t frame_payload_max(const h2_conn *c) {
    uint32_t peer = c->peer[H2_SLOT_MAX_FRAME_SIZE];
    return peer < FRAME_PAYLOAD ? peer : FRAME_PAYLOAD;
}

static void trace_block(h2_conn *c, h2_frame f, uint32_t promised_id, uint32_t padding,
                        const http_field *fields, size_t n, h2_trace_section section) {
    if (!c->trace.ops) return;
    h2_trace_frame t = h2_trace_of(f, true);
    t.padding = padding;
    t.promised_id = promised_id;
    t.section = section;
    t.fields = fields;
    t.field_count = n;
    c->trace.ops->frame(c->trace.user, &t);
}

/* Cuts a block that is too long for one frame: the fragments behind the first move up to make room
 * for their heads. */
static size_t split_block(uint8_t *p, h2_frame first, size_t total, uint32_t max) {
    size_t rest = total - max, heads = (rest + max - 1) / max;
    for (size_t i = heads; i > 0; i--) {
        size_t from = i * max, part = total - from < max ? total - from : max;
        uint8_t *at = p + H2_FRAME_HEAD + from + (i - 1) * H2_FRAME_HEAD;
        memmove(at + H2_FRAME_HEAD, p + H2_FRAME_HEAD + from, part);
        h2_frame_put(at, (h2_frame){.length = (uint32_t)part,
                                    .stream_id = first.stream_id,
                                    .type = H2_FRAME_CONTINUATION,
                                    .flags = i == heads ? H2_FLAG_END_HEADERS : 0});
    }
    first.length = max;
    h2_frame_put(p, first);
    return total + (heads + 1) * H2_FRAME_HEAD;
}

verdict h2_send_block(h2_conn *c, uint32_t id, uint32_t promised_id, bool end, const http_field *f,
                      size_t n, h2_trace_section section) {
    uint32_t max = frame_payload_max(c), pad = c->config->padding;
    h2_codec *codec = h2_conn_codec(c);
    if (!codec) return VERDICT_ON_CALLER(VERDICT_NO_MEMORY, "out of memory");
    span again = hpack_again_encoded(&c->scratch->sent, &codec->enc, f, n);
    size_t bound = again.n ? again.n : hpack_enc_bound(&codec->enc, f, n);
    size_t room = H2_FRAME_HEAD + 1 + 4 + bound + pad + (bound / max + 1) * H2_FRAME_HEAD;
    uint8_t *p = outq_reserve(&c->out, room);
    if (!p) return VERDICT_ON_CALLER(VERDICT_NO_MEMORY, "out of memory");

    uint8_t *payload = p + H2_FRAME_HEAD;
    size_t before = (pad ? 1u : 0u) + (promised_id ? 4u : 0u);
    size_t block = again.n;
    if (block)
        memcpy(payload + before, again.p, block);
    else
        block = hpack_again_encode(&c->scratch->sent, &codec->enc, f, n, payload + before);
    h2_frame frame = {.stream_id = id,
                      .type = promised_id ? H2_FRAME_PUSH_PROMISE : H2_FRAME_HEADERS,
                      .flags = end ? H2_FLAG_END_STREAM : 0};
    if (pad && before + block + pad > max) { /* only a block that fits one frame is padded */
        memmove(payload + before - 1, payload + before, block);
        before--;
        pad = 0;
    }
    if (pad) {
        payload[0] = (uint8_t)(pad - 1);
        memset(payload + before + block, 0, pad - 1);
        frame.flags |= H2_FLAG_PADDED;
    }
    if (promised_id) bytes_put32(payload + before - 4, promised_id);
    size_t total = before + block + (pad ? pad - 1 : 0);
    frame.length = (uint32_t)total;
    frame.flags |= H2_FLAG_END_HEADERS;
    trace_block(c, frame, promised_id, pad, f, n, section); /* with its CONTINUATION as one */
    if (total <= max) {
        h2_frame_put(p, frame);
        outq_commit(&c->out, H2_FRAME_HEAD + total);
    } else {
        frame.flags = (uint8_t)(frame.flags & ~H2_FLAG_END_HEADERS);
        outq_commit(&c->out, split_block(p, frame, total, max));
    }
    return VERDICT_OK;
}

void h2_send_forget_trailers(h2_conn *c, h2_stream *s) {
    if (s->trailers) mem_give(c->mem, s->trailers, s->trailers->size);
    s->trailers = NULL;
}

static void send_trailers(h2_conn *c, h2_stream *s) {
    verdict v = h2_send_block(c, s->id, 0, true, s->trailers->fields, s->trailers->count,
                              H2_TRACE_TRAILERS);
    h2_send_forget_trailers(c, s);
    if (v.scope != VERDICT_NONE) no_memory(c);
}

/* ---- bodies ---- */

void h2_send_release(h2_stream *s) {
    if (s->body) s->body->release(s->body_user);
    s->body = NULL;
}

static bool send_ended(const h2_stream *s) {
    return s->state == H2_STATE_HALF_CLOSED_LOCAL || s->state == H2_STATE_CLOSED;
}

/* What a pull brought goes into the queue: beside its head when it is small, lent otherwise. p has
 * room for head, pad length, copy and padding. */
static void queue_data(h2_conn *c, h2_stream *s, uint8_t *p, span lent, uint32_t pad, bool end) {
    h2_frame f = {.length = (uint32_t)lent.n + pad,
                  .stream_id = s->id,
                  .type = H2_FRAME_DATA,
                  .flags = (uint8_t)((end ? H2_FLAG_END_STREAM : 0) | (pad ? H2_FLAG_PADDED : 0))};
    size_t head = H2_FRAME_HEAD;
    h2_frame_put(p, f);
    uint32_t zeroes = pad ? pad - 1 : 0;
    if (pad) p[head++] = (uint8_t)zeroes;
    /* done() is in order: a piece is copied when nothing is out before it. */
    if (lent.n == 0 || (lent.n <= LIMIT_COPY_BODY && s->lent == 0)) {
        if (lent.n) memcpy(p + head, lent.p, lent.n);
        if (zeroes) memset(p + head + lent.n, 0, zeroes);
        outq_commit(&c->out, head + lent.n + zeroes);
        if (lent.n) s->body->done(s->body_user, lent.n);
    } else {
        outq_commit(&c->out, head);
        outq_lend(&c->out, lent, s->slot);
        if (zeroes) outq_lend(&c->out, span_of(zeros, zeroes), OUTQ_STATIC);
        s->lent += (uint32_t)lent.n;
    }
    s->body_offset += lent.n;
    h2_flow_spend(&s->send_window, f.length);
    h2_flow_spend(&c->send_window, f.length);
    c->data_sent += f.length;
    if (c->free_updates < LIMIT_FREE_UPDATES && (lent.n >= LIMIT_SMALL_DATA || end))
        c->free_updates += LIMIT_UPDATES_PER_DATA;
    if (c->trace.ops) {
        h2_trace_frame t = h2_trace_of(f, true);
        t.padding = pad;
        c->trace.ops->frame(c->trace.user, &t);
    }
}

static void body_ended(h2_conn *c, h2_stream *s) {
    h2_prio_remove(&c->prio, &c->streams, s);
    if (s->trailers) send_trailers(c, s);
    s->state = h2_stream_next(s->state, H2_SEND_END);
    if (s->lent == 0) h2_send_release(s);
    h2_judge_settle(c, s);
}

/* Sends one DATA frame of s. False when the connection's window is used up. */
static bool send_data(h2_conn *c, h2_stream *s) {
    uint32_t room = h2_flow_allowed(c->send_window, s->send_window, frame_payload_max(c));
    uint32_t pad = room > c->config->padding ? c->config->padding : 0;
    uint8_t *p = outq_reserve(&c->out, H2_FRAME_HEAD + 1 + LIMIT_COPY_BODY + pad);
    if (!p) {
        no_memory(c);
        return false;
    }
    span lent = {NULL, 0};
    uint32_t want = room - pad;
    http_pull said = s->body->pull(s->body_user, s->body_offset, want, &lent);
    bool stuck = said == HTTP_PULL_MORE && lent.n == 0 && want > 0; /* breaks its contract */
    if (said == HTTP_PULL_FAILED || stuck) {
        outq_commit(&c->out, 0);
        h2_judge(c, VERDICT_ON_STREAM(s->id, H2_INTERNAL_ERROR, "the body failed"));
        return true;
    }
    bool end = said == HTTP_PULL_END;
    if (lent.n || (end && !s->trailers)) {
        queue_data(c, s, p, lent, pad, end && !s->trailers);
        h2_prio_sent(&c->prio, &c->streams, s, (uint32_t)lent.n + H2_FRAME_HEAD);
    } else {
        outq_commit(&c->out, 0);
    }
    if (end) {
        body_ended(c, s);
        return true;
    }
    if (said == HTTP_PULL_LATER) {
        s->flags |= H2_STREAM_LATER;
        h2_prio_remove(&c->prio, &c->streams, s);
    } else if (s->send_window <= 0) {
        h2_prio_remove(&c->prio, &c->streams, s);
    } else if (c->send_window <= 0) {
        c->blocked = true;
        return false;
    }
    return true;
}

void h2_send_bodies(h2_conn *c, size_t budget, size_t max_pieces) {
    while (c->ending == H2_ENDING_NO && c->out.bytes < budget &&
           c->out.piece_count + 3 <= max_pieces) {
        h2_stream *s = h2_prio_next(&c->prio, &c->streams);
        if (!s || !send_data(c, s)) break;
    }
}

void h2_send_written(h2_conn *c, size_t n) {
    uint32_t mark;
    for (size_t taken; (taken = outq_take(&c->out, &n, &mark)) > 0;) {
        if (mark == OUTQ_OWN || mark == OUTQ_STATIC) continue;
        h2_stream *s = &c->streams.at[mark];
        s->body->done(s->body_user, taken);
        s->lent -= (uint32_t)taken;
        if (s->lent == 0 && !(s->flags & H2_STREAM_GONE) && send_ended(s)) h2_send_release(s);
    }
    if (c->out.own == 0) c->control = 0;
}
