#include "core/h2_impl.h"
#include "core/priority.h"

/* The five bytes of HEADERS with PRIORITY and of PRIORITY frames (RFC 9113 section 6.2). */
static verdict take_priority(h2_conn *c, h2_frame f, span *payload) {
    if (!(f.flags & H2_FLAG_PRIORITY)) return VERDICT_OK;
    if (payload->n < 5)
        return VERDICT_ON_CONNECTION(H2_FRAME_SIZE_ERROR, "no room for the priority fields");
    span five = span_take(payload, 5);
    uint32_t word = bytes_get32(five.p);
    c->block.exclusive = word >> 31;
    c->block.depends_on = word & H2_ID_MASK;
    c->block.weight = (uint16_t)(five.p[4] + 1u);
    return VERDICT_OK;
}

static void trace_block(h2_conn *c, h2_trace_section section, verdict v) {
    c->block.traced = true;
    if (!c->trace.ops) return;
    const hpack_list *l = &c->scratch->list;
    h2_trace_frame t = h2_trace_of(c->block.frame, false);
    t.padding = c->block.padding;
    t.exclusive = c->block.exclusive;
    t.depends_on = c->block.depends_on;
    t.weight = c->block.weight;
    t.promised_id = c->block.promised_id;
    t.section = section;
    t.fields = l->fields;
    t.field_count = l->count;
    t.verdict = v;
    c->trace.ops->frame(c->trace.user, &t);
}

/* Fills the event's fields from the list and judges them. */
static verdict check_fields(h2_conn *c, fields_kind kind, http_event *ev) {
    h2_scratch *scratch = c->scratch;
    const hpack_list *l = &scratch->list;
    uint32_t id = c->block.promised_id ? c->block.promised_id : c->block.frame.stream_id;
    bool extended = c->server && c->config->settings[H2_SLOT_ENABLE_CONNECT_PROTOCOL];
    if (l->overflowed)
        return VERDICT_ON_STREAM(id, H2_ENHANCE_YOUR_CALM, "field section too large");
    ev->fields = l->fields;
    ev->field_count = l->count;
    if (scratch->checked == (int)kind) {
        ev->summary = scratch->summary;
        return VERDICT_OK;
    }
    const char *why = fields_check(l->fields, l->count, l->valid, kind, extended, &ev->summary);
    if (!why) {
        scratch->summary = ev->summary;
        scratch->checked = (int)kind;
    }
    return why ? VERDICT_ON_STREAM(id, H2_PROTOCOL_ERROR, why) : VERDICT_OK;
}

static verdict recv_end(h2_stream *s, http_event *ev) {
    s->state = h2_stream_next(s->state, H2_RECV_END);
    ev->end = true;
    if (s->recv_left != FIELDS_NO_LENGTH && s->recv_left && !(s->flags & H2_STREAM_NO_CONTENT))
        return VERDICT_ON_STREAM(s->id, H2_PROTOCOL_ERROR, "less DATA than content-length");
    return VERDICT_OK;
}

/* What a block of a response took, for those who count. */
static void tell_size(const h2_conn *c, http_event *ev) {
    const hpack_list *l = &c->scratch->list;
    ev->head_bytes = c->block.frame.length;
    ev->head_plain = l->size - l->count * HPACK_ENTRY_OVERHEAD;
}

static void tell(http_event *ev, http_event_kind kind, const h2_stream *s) {
    ev->kind = kind;
    ev->ref = (http_ref){s->slot, s->id};
    ev->user = s->user;
}

/* The priority fields of HEADERS, the first ones of a stream or later ones: RFC 7540 section 6.2.
 */
static void block_dependency(h2_conn *c, h2_stream *s) {
    h2_dependency d = {c->block.depends_on, c->block.weight, c->block.exclusive};
    if (d.weight && h2_conn_obeys_tree(c)) h2_prio_depend(&c->prio, &c->streams, s->id, s, d);
}

static verdict trailers(h2_conn *c, h2_stream *s, http_event *ev) {
    verdict v = check_fields(c, FIELDS_TRAILERS, ev);
    if (v.scope == VERDICT_NONE && !(c->block.frame.flags & H2_FLAG_END_STREAM))
        v = VERDICT_ON_STREAM(s->id, H2_PROTOCOL_ERROR, "trailers without END_STREAM");
    trace_block(c, H2_TRACE_TRAILERS, v);
    if (v.scope != VERDICT_NONE) return v;
    block_dependency(c, s);
    tell(ev, HTTP_EVENT_TRAILERS, s);
    if (!c->server) tell_size(c, ev);
    v = recv_end(s, ev);
    if (v.scope == VERDICT_NONE) h2_judge_settle(c, s);
    return v;
}

/* ---- server: requests ---- */

/* Those that are on their way are still taken, since the first GOAWAY names no last one. */
void h2_recv_block_count(h2_conn *c, uint32_t id) {
    c->last_peer_id = id;
    c->peer_opened++;
    if (c->config->requests_max && c->peer_opened >= c->config->requests_max)
        h2_conn_drain(c, c->now_ms);
}

/* To be answered 431, so that the client learns why (RFC 6585 section 5). What came of the fields
 * is told if it is well-formed by itself. */
static void tell_large(h2_conn *c, h2_stream *s, verdict why, http_event *ev) {
    const hpack_list *l = &c->scratch->list;
    bool well = !fields_check(l->fields, l->count, l->valid, FIELDS_REQUEST, true, &ev->summary);
    if (!well) ev->summary = (fields_summary){.content_length = FIELDS_NO_LENGTH};
    ev->fields = l->fields;
    ev->field_count = well ? l->count : 0;
    ev->summary.status = 431;
    ev->verdict = why;
    s->recv_left = FIELDS_NO_LENGTH;
    if (c->block.frame.flags & H2_FLAG_END_STREAM) recv_end(s, ev);
    tell(ev, HTTP_EVENT_REFUSED, s);
    c->refused = true;
}

void h2_recv_block_refuse(h2_conn *c) {
    http_field status = HTTP_FIELD_OF(STATUS, SPAN("431"));
    h2_stream *s = h2_stream_find(&c->streams, c->last_peer_id);
    c->refused = false;
    if (c->ending != H2_ENDING_NO) return;
    if (s && !(s->flags & H2_STREAM_OUR_FINAL)) {
        verdict v = h2_send_block(c, s->id, 0, true, &status, 1, H2_TRACE_RESPONSE);
        if (v.scope != VERDICT_NONE) {
            h2_judge(c, VERDICT_ON_CONNECTION(H2_INTERNAL_ERROR, "out of memory"));
            return;
        }
        if (s->state == H2_STATE_OPEN) h2_send_reset(c, s->id, H2_NO_ERROR);
        h2_judge_retire(c, s, VERDICT_OK);
    }
    h2_judge_charge(c, H2_GUARD_RESET);
}

static void begin_priority(h2_conn *c, h2_stream *s) {
    s->priority = H2_PRIO_DEFAULT;
    if (!c->config->obey_priority) return;
    const hpack_list *l = &c->scratch->list;
    priority p = PRIORITY_DEFAULT;
    size_t bytes = 0;
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->fields[i].token != HTTP_TOKEN_PRIORITY) continue;
        bytes += l->fields[i].value.n;
        if (bytes > LIMIT_PRIORITY_BYTES) break;
        priority_parse(l->fields[i].value, p, &p); /* lines are one dictionary: the last wins */
    }
    s->priority = (uint8_t)(p.urgency * 2 + p.incremental);
    for (uint32_t i = 0; i < c->early_count;
         i++) /* PRIORITY_UPDATE overrides the field: RFC 9218 section 7 */
        if (c->early[i].id == s->id) s->priority = c->early[i].priority;
    h2_prio_open(&c->prio, s);
    block_dependency(c, s);
}

static h2_stream *add_stream(h2_conn *c, uint32_t id) {
    h2_stream *s = h2_stream_add(&c->streams, id);
    if (!s) return NULL;
    s->send_window = (int32_t)c->peer[H2_SLOT_INITIAL_WINDOW_SIZE];
    s->recv_window = (int32_t)c->config->settings[H2_SLOT_INITIAL_WINDOW_SIZE];
    s->priority = H2_PRIO_DEFAULT;
    return s;
}

static verdict request(h2_conn *c, http_event *ev) {
    uint32_t id = c->block.frame.stream_id;
    bool end = c->block.frame.flags & H2_FLAG_END_STREAM;
    verdict v = check_fields(c, FIELDS_REQUEST, ev);
    bool large = c->scratch->list.overflowed;
    if (c->drain_final && id > c->our_last) { /* GOAWAY said so */
        h2_judge_charge(c, H2_GUARD_GLITCH);
        return VERDICT_OK;
    }
    h2_recv_block_count(c, id);
    if (c->peer_streams >= c->config->settings[H2_SLOT_MAX_CONCURRENT_STREAMS])
        v = VERDICT_ON_STREAM(id, H2_REFUSED_STREAM, "over SETTINGS_MAX_CONCURRENT_STREAMS");
    trace_block(c, H2_TRACE_REQUEST, v);
    if (v.scope != VERDICT_NONE && !(large && v.code == H2_ENHANCE_YOUR_CALM)) return v;
    h2_stream *s = add_stream(c, id);
    if (!s) return VERDICT_ON_STREAM(id, H2_REFUSED_STREAM, "out of memory");
    s->state = H2_STATE_OPEN;
    s->flags = H2_STREAM_PEER_FINAL | H2_STREAM_COUNTED;
    c->peer_streams++;
    h2_watch_stream(c);
    begin_priority(c, s);
    if (large) {
        tell_large(c, s, v, ev);
        return VERDICT_OK;
    }
    s->recv_left = ev->summary.content_length;
    if (ev->summary.connect || ev->summary.protocol.p) {
        s->flags |= H2_STREAM_TUNNEL;
        s->recv_left = FIELDS_NO_LENGTH; /* CONNECT has no content: RFC 9110 section 9.3.6 */
    }
    if (end && recv_end(s, ev).scope != VERDICT_NONE)
        return VERDICT_ON_STREAM(id, H2_PROTOCOL_ERROR, "less DATA than content-length");
    tell(ev, HTTP_EVENT_REQUEST, s);
    return VERDICT_OK;
}

/* HEADERS for a stream that is closed. */
static verdict closed_block(h2_conn *c, uint32_t id) {
    if (h2_judge_was_reset(c, id)) { /* on its way when we reset it, once; not for ever */
        h2_judge_charge(c, H2_GUARD_GLITCH);
        return VERDICT_OK;
    }
    if (h2_conn_forgot_resets(c))
        return VERDICT_ON_STREAM(id, H2_STREAM_CLOSED, "HEADERS on a closed stream");
    /* Without a gap every lower stream was opened once; with one, this may be new and out of order:
     * RFC 9113 section 5.1.1. */
    if (c->server && c->peer_opened < c->last_peer_id / 2 + 1)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "stream identifier below an earlier one");
    return VERDICT_ON_CONNECTION(H2_STREAM_CLOSED, "HEADERS on a closed stream");
}

static verdict server_block(h2_conn *c, http_event *ev) {
    uint32_t id = c->block.frame.stream_id;
    h2_stream *s = h2_stream_find(&c->streams, id);
    if (s && !h2_conn_is_ours(c, id)) {
        if (s->state == H2_STATE_HALF_CLOSED_REMOTE)
            return VERDICT_ON_STREAM(id, H2_STREAM_CLOSED, "HEADERS after END_STREAM");
        if (s->flags & H2_STREAM_TUNNEL)
            return VERDICT_ON_STREAM(id, H2_PROTOCOL_ERROR, "HEADERS on a CONNECT stream");
        return trailers(c, s, ev);
    }
    if (h2_conn_is_ours(c, id))
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "HEADERS on an even stream");
    if (id > c->last_peer_id) return request(c, ev);
    return closed_block(c, id);
}

/* ---- client: responses ---- */

static verdict response(h2_conn *c, h2_stream *s, http_event *ev) {
    bool end = c->block.frame.flags & H2_FLAG_END_STREAM;
    verdict v = check_fields(c, FIELDS_RESPONSE, ev);
    bool interim = v.scope == VERDICT_NONE && ev->summary.status < 200;
    if (interim && end) v = VERDICT_ON_STREAM(s->id, H2_PROTOCOL_ERROR, "1xx with END_STREAM");
    if (v.scope == VERDICT_NONE && s->state == H2_STATE_RESERVED_REMOTE &&
        c->peer_streams >= c->config->settings[H2_SLOT_MAX_CONCURRENT_STREAMS])
        v = VERDICT_ON_STREAM(s->id, H2_REFUSED_STREAM, "over SETTINGS_MAX_CONCURRENT_STREAMS");
    if (v.scope == VERDICT_NONE && s->state == H2_STATE_RESERVED_REMOTE) {
        c->reserved--;
        c->peer_streams++;
        s->flags |= H2_STREAM_COUNTED;
    }
    trace_block(c,
                interim                         ? H2_TRACE_INTERIM
                : (s->flags & H2_STREAM_PUSHED) ? H2_TRACE_PUSH_RESPONSE
                                                : H2_TRACE_RESPONSE,
                v);
    if (v.scope != VERDICT_NONE) return v;
    s->state = h2_stream_next(s->state, H2_RECV_HEADERS);
    tell(ev, interim ? HTTP_EVENT_INTERIM : HTTP_EVENT_RESPONSE, s);
    tell_size(c, ev);
    if (interim) return VERDICT_OK;
    s->flags |= H2_STREAM_PEER_FINAL;
    s->recv_left = ev->summary.content_length;
    if (ev->summary.status == 204 || ev->summary.status == 304) s->flags |= H2_STREAM_NO_CONTENT;
    if (s->flags & H2_STREAM_NO_CONTENT) s->recv_left = 0;
    if (ev->summary.status / 100 != 2) s->flags &= ~(uint32_t)H2_STREAM_TUNNEL;
    ev->tunnel = s->flags & H2_STREAM_TUNNEL;
    if (ev->tunnel) s->recv_left = FIELDS_NO_LENGTH; /* RFC 9110 section 9.3.6 */
    if (!end) return VERDICT_OK;
    v = recv_end(s, ev);
    if (v.scope == VERDICT_NONE) h2_judge_settle(c, s);
    return v;
}

static verdict client_block(h2_conn *c, http_event *ev) {
    uint32_t id = c->block.frame.stream_id;
    h2_stream *s = h2_stream_find(&c->streams, id);
    if (!s) {
        if (h2_conn_is_idle(c, id))
            return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "HEADERS on an idle stream");
        return closed_block(c, id);
    }
    if (h2_stream_next(s->state, H2_RECV_HEADERS) == H2_STATE_INVALID)
        return VERDICT_ON_STREAM(id, H2_STREAM_CLOSED, "HEADERS after END_STREAM");
    if (!(s->flags & H2_STREAM_PEER_FINAL)) return response(c, s, ev);
    if (s->flags & H2_STREAM_TUNNEL)
        return VERDICT_ON_STREAM(id, H2_PROTOCOL_ERROR, "HEADERS on a CONNECT stream");
    return trailers(c, s, ev);
}

/* ---- client: promises ---- */

/* What is promised beyond what a page may have, or on a stream that was reset, brings nothing. */
static bool pay_promise(h2_conn *c, h2_stream *parent) {
    if (parent && parent->promises++ < LIMIT_RESERVED) return true;
    return h2_judge_charge(c, H2_GUARD_GLITCH);
}

static verdict promise(h2_conn *c, http_event *ev) {
    uint32_t id = c->block.promised_id, parent_id = c->block.frame.stream_id;
    h2_stream *parent = h2_stream_find(&c->streams, parent_id);
    if (h2_conn_is_ours(c, id) || id <= c->last_peer_id)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "promised stream is not new or not even");
    c->last_peer_id = id;
    if (!parent && h2_conn_is_idle(c, parent_id))
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "PUSH_PROMISE on an idle stream");
    if (!h2_conn_is_ours(c, parent_id))
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "PUSH_PROMISE on a pushed stream");
    if (!parent && !h2_judge_was_reset(c, parent_id) && !h2_conn_forgot_resets(c)) /* section 6.6 */
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "PUSH_PROMISE on a closed stream");
    if (parent && parent->state != H2_STATE_OPEN && parent->state != H2_STATE_HALF_CLOSED_LOCAL)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "PUSH_PROMISE in a wrong stream state");
    if (!pay_promise(c, parent)) return VERDICT_OK;
    verdict v = check_fields(c, FIELDS_PUSH, ev);
    if (v.scope == VERDICT_NONE && !parent)
        v = VERDICT_ON_STREAM(id, H2_CANCEL, "the stream it came on was reset");
    if (v.scope == VERDICT_NONE && !c->config->settings[H2_SLOT_ENABLE_PUSH])
        v = VERDICT_ON_STREAM(id, H2_REFUSED_STREAM, "push is switched off");
    if (v.scope == VERDICT_NONE && c->drain_final)
        v = VERDICT_ON_STREAM(id, H2_REFUSED_STREAM, "promised after GOAWAY");
    if (v.scope == VERDICT_NONE && c->reserved >= LIMIT_RESERVED)
        v = VERDICT_ON_STREAM(id, H2_REFUSED_STREAM, "too many promised streams");
    bool connected =
        parent && (parent->flags & H2_STREAM_TUNNEL) && (parent->flags & H2_STREAM_PEER_FINAL);
    if (connected) { /* section 8.5: only DATA and what concerns the stream may follow */
        v = VERDICT_ON_STREAM(parent_id, H2_PROTOCOL_ERROR, "PUSH_PROMISE on a CONNECT stream");
        h2_send_reset(c, id, H2_CANCEL);
    }
    trace_block(c, H2_TRACE_REQUEST, v);
    if (v.scope != VERDICT_NONE) return v;
    http_ref ref = {parent->slot, parent->id};
    void *user = parent->user;
    h2_stream *s = add_stream(c, id); /* moves parent */
    if (!s) return VERDICT_ON_STREAM(id, H2_REFUSED_STREAM, "out of memory");
    s->state = H2_STATE_RESERVED_REMOTE;
    s->flags = H2_STREAM_PUSHED | H2_STREAM_OUR_FINAL;
    if (span_eq(ev->summary.method, SPAN("HEAD"))) s->flags |= H2_STREAM_NO_CONTENT;
    c->reserved++;
    tell(ev, HTTP_EVENT_PUSH, s);
    ev->parent = ref;
    ev->user = user;
    return VERDICT_OK;
}

/* ---- any block ---- */

/* RFC 7540 section 5.3.1; the stream counts as used. */
static verdict self_dependency(h2_conn *c) {
    uint32_t id = c->block.frame.stream_id;
    if (c->server && h2_conn_is_idle(c, id) && !h2_conn_is_ours(c, id)) h2_recv_block_count(c, id);
    return VERDICT_ON_STREAM(id, H2_PROTOCOL_ERROR, "a stream depends on itself");
}

/* The block is whole: decode it whatever becomes of the message, so that the tables stay in step.
 */
static verdict block_done(h2_conn *c, span block, http_event *ev) {
    h2_scratch *scratch = c->scratch;
    hpack_list *l = &scratch->list;
    bool same = false;
    uint32_t size = c->config->settings[H2_SLOT_MAX_HEADER_LIST_SIZE];
    l->max_size = size < LIMIT_HEADER_LIST ? size : LIMIT_HEADER_LIST;
    h2_codec *codec = h2_conn_codec(c);
    hpack_status st = codec ? hpack_again_decode(&scratch->received, &codec->dec, block, l, &same)
                            : HPACK_NO_MEMORY;
    if (!same) scratch->checked = -1;
    verdict v;
    if (st == HPACK_NO_MEMORY)
        v = VERDICT_ON_CONNECTION(H2_INTERNAL_ERROR, "out of memory");
    else if (st == HPACK_EXCESS)
        v = VERDICT_ON_CONNECTION(H2_ENHANCE_YOUR_CALM, hpack_status_text(st));
    else if (st != HPACK_OK)
        v = VERDICT_ON_CONNECTION(H2_COMPRESSION_ERROR, hpack_status_text(st));
    else if (c->block.weight && c->block.depends_on == c->block.frame.stream_id &&
             !c->peer[H2_SLOT_NO_RFC7540_PRIORITIES])
        v = self_dependency(c);
    else if (c->block.frame.type == H2_FRAME_PUSH_PROMISE)
        v = promise(c, ev);
    else
        v = c->server ? server_block(c, ev) : client_block(c, ev);
    if (v.scope != VERDICT_NONE || ev->kind == HTTP_EVENT_NONE)
        *ev = (http_event){0}; /* nothing of it is left for the next event of this step */
    if (!c->block.traced) trace_block(c, c->server ? H2_TRACE_REQUEST : H2_TRACE_RESPONSE, v);
    c->block = (h2_block){0};
    return v;
}

static verdict fragment(h2_conn *c, h2_frame f, span s, http_event *ev) {
    bool whole = f.flags & H2_FLAG_END_HEADERS;
    if (whole && c->block.length == 0) return block_done(c, s, ev);
    if (!whole && !c->part_deadline) c->part_deadline = c->now_ms + LIMIT_PART_MS;
    if (!h2_recv_keep(c, s)) return VERDICT_ON_CONNECTION(H2_INTERNAL_ERROR, "out of memory");
    return whole ? block_done(c, span_of(c->part, c->part_n), ev) : VERDICT_OK;
}

verdict h2_recv_block_headers(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    c->block = (h2_block){.frame = f};
    verdict v = h2_frame_unpad(f, &payload, &c->block.padding);
    if (v.scope == VERDICT_NONE) v = take_priority(c, f, &payload);
    if (v.scope != VERDICT_NONE) {
        h2_recv_trace(c, f, SPAN(""), v);
        return v;
    }
    return fragment(c, f, payload, ev);
}

/* Who may promise, and what. */
static verdict take_promised(h2_conn *c, span *payload) {
    if (c->server) return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "a client cannot push");
    if (!c->config->settings[H2_SLOT_ENABLE_PUSH] && !c->settings_unacked)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "push is switched off");
    if (payload->n < 4)
        return VERDICT_ON_CONNECTION(H2_FRAME_SIZE_ERROR, "no room for the promised stream");
    c->block.promised_id = bytes_get32(span_take(payload, 4).p) & H2_ID_MASK;
    if (c->block.promised_id == 0)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "stream 0 promised");
    return VERDICT_OK;
}

verdict h2_recv_block_promise(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    c->block = (h2_block){.frame = f};
    verdict v = h2_frame_unpad(f, &payload, &c->block.padding);
    if (v.scope == VERDICT_NONE) v = take_promised(c, &payload);
    if (v.scope != VERDICT_NONE) {
        h2_recv_trace(c, f, SPAN(""), v);
        return v;
    }
    return fragment(c, f, payload, ev);
}

verdict h2_recv_block_continuation(h2_conn *c, h2_frame f, span payload, http_event *ev) {
    c->block.frame.flags |= f.flags & H2_FLAG_END_HEADERS; /* the trace shows them as one frame */
    c->block.frame.length += f.length;
    return fragment(c, f, payload, ev);
}
