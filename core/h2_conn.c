#include "core/h2_impl.h"
#include "core/priority.h"

/* ---- birth and death ---- */

void h2_conn_defaults(h2_config *c, bool server) {
    *c = (h2_config){.connection_window = LIMIT_CONNECTION_WINDOW,
                     .lowest_table = UINT32_MAX,
                     .encoder_table_cap = LIMIT_ENCODER_TABLE,
                     .peer_streams = LIMIT_STREAMS,
                     .held_max = LIMIT_HELD,
                     .discard_max = LIMIT_DISCARD,
                     .settings_ack_ms = LIMIT_SETTINGS_ACK_MS,
                     .window_ms = server ? LIMIT_STALL_MS : 0,
                     .content_ms = server ? LIMIT_STALL_MS : 0,
                     .obey_priority = server};
    for (unsigned i = 0; i < H2_SETTING_SLOTS; i++)
        c->settings[i] = h2_frame_setting_initial((h2_setting_slot)i);
    c->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = LIMIT_STREAMS;
    c->settings[H2_SLOT_INITIAL_WINDOW_SIZE] = LIMIT_STREAM_WINDOW;
}

void h2_conn_scratch_init(h2_scratch *s, const mem *m) {
    s->received.of = NULL;
    s->sent.of = NULL;
    s->checked = -1;
    hpack_list_init(&s->list, m, LIMIT_HEADER_FIELDS, LIMIT_HEADER_LIST);
}

void h2_conn_scratch_end(h2_scratch *s) { hpack_list_end(&s->list); }

h2_conn *h2_conn_new(const h2_birth *b) {
    h2_conn *c = mem_take_zero(b->mem, sizeof *c);
    if (!c) return NULL;
    c->mem = b->mem;
    c->config = b->config;
    c->scratch = b->scratch;
    c->trace = b->trace;
    c->server = b->server;
    c->told = H2_NO_SLOT;
    c->now_ms = b->now_ms;
    h2_stream_init(&c->streams, b->mem);
    h2_prio_init(&c->prio);
    outq_init(&c->out, b->mem);
    c->seed = b->seed;
    h2_guard_init(&c->guard, b->now_ms);
    for (unsigned i = 0; i < H2_SETTING_SLOTS; i++)
        c->peer[i] = h2_frame_setting_initial((h2_setting_slot)i);
    c->phase = b->server ? H2_PHASE_PREFACE : H2_PHASE_HEAD;
    c->next_id = b->server ? 2 : 1;
    c->send_window = H2_FLOW_INITIAL;
    c->recv_window =
        (int32_t)(b->config->connection_window > H2_FLOW_INITIAL ? b->config->connection_window
                                                                 : H2_FLOW_INITIAL);
    c->room_wanted = !b->server && h2_conn_room(c) == 0;
    h2_send_preface(c, b->before);
    if (c->ending == H2_ENDING_NO) return c;
    h2_conn_free(c);
    return NULL;
}

h2_codec *h2_conn_codec(h2_conn *c) {
    if (c->codec) return c->codec;
    c->codec = mem_take(c->mem, sizeof *c->codec);
    if (!c->codec) return NULL;
    hpack_dec_init(&c->codec->dec, c->mem, HPACK_DEFAULT_SIZE);
    hpack_enc_init(&c->codec->enc, c->mem, c->config->encoder_table_cap, c->seed);
    return c->codec;
}

const mem *h2_conn_mem(const h2_conn *c) { return c->mem; }

static bool drop_gone(void *user, h2_stream *s) {
    (void)user;
    if (s->lent || (s->flags & H2_STREAM_TELL)) return false;
    h2_send_release(s);
    return true;
}

static void reap(h2_conn *c) {
    c->told = H2_NO_SLOT;
    if (c->streams.gone != H2_NO_SLOT) h2_stream_reap(&c->streams, drop_gone, c);
    h2_stream_trim(&c->streams);
}

void h2_conn_free(h2_conn *c) {
    if (!c) return;
    h2_send_written(c, c->out.bytes); /* lent spans go home */
    for (uint32_t i = 0; i < c->streams.begun; i++) {
        h2_stream *s = &c->streams.at[i];
        if (!s->id) continue;
        h2_send_release(s);
        h2_send_forget_trailers(c, s);
    }
    h2_stream_end(&c->streams);
    h2_prio_end(&c->prio);
    outq_end(&c->out);
    if (c->codec) {
        hpack_dec_end(&c->codec->dec);
        hpack_enc_end(&c->codec->enc);
        mem_give(c->mem, c->codec, sizeof *c->codec);
    }
    mem_give(c->mem, c->part, c->part_room);
    mem_give(c->mem, c->resets, LIMIT_RESET_MEMORY * sizeof *c->resets);
    mem_give(c->mem, c->early, LIMIT_EARLY_PRIORITIES * sizeof *c->early);
    mem_give(c->mem, c, sizeof *c);
}

/* ---- telling ---- */

static bool room_grew(const h2_conn *c) {
    return c->room_wanted && (c->peer_settings_seen || !c->settings_wanted) && h2_conn_room(c) > 0;
}

static bool drained(const h2_conn *c) {
    return c->drain_final && c->streams.live == 0 && c->ending == H2_ENDING_NO;
}

bool h2_conn_pending(const h2_conn *c) {
    return c->tell || c->refused || drained(c) || c->ending == H2_ENDING_TELL || room_grew(c);
}

static void tell_closed(h2_conn *c, http_event *ev) {
    uint32_t slot = c->told == H2_NO_SLOT ? c->streams.gone : c->streams.at[c->told].map_next;
    while (!(c->streams.at[slot].flags & H2_STREAM_TELL)) slot = c->streams.at[slot].map_next;
    h2_stream *s = &c->streams.at[slot];
    s->flags &= ~(uint32_t)H2_STREAM_TELL;
    c->tell--;
    c->told = slot;
    ev->kind = HTTP_EVENT_CLOSED;
    ev->ref = (http_ref){s->slot, s->id};
    ev->user = s->user;
    ev->by_peer = s->flags & H2_STREAM_BY_PEER;
    ev->early_close = s->flags & H2_STREAM_EARLY;
    ev->never_processed = s->flags & H2_STREAM_RETRY;
    ev->code = s->code;
    ev->verdict = (verdict){s->scope, s->code, s->line, s->id, s->why};
}

static http_event_kind tell_pending(h2_conn *c, http_event *ev) {
    if (c->tell) {
        tell_closed(c, ev);
    } else if (c->ending == H2_ENDING_TELL) {
        c->ending = H2_ENDING_TOLD;
        ev->kind = HTTP_EVENT_OVER;
        ev->verdict = c->over;
    } else {
        c->room_wanted = c->settings_wanted = false;
        ev->kind = HTTP_EVENT_ROOM;
    }
    return ev->kind;
}

/* The peer makes us write and does not read. A client's requests do not count: both would wait. */
bool h2_conn_piled_up(const h2_conn *c) {
    return (c->server ? c->out.own : c->control) > LIMIT_OUTPUT_QUEUED;
}

http_event_kind h2_conn_step(h2_conn *c, span *in, uint64_t now_ms, http_event *ev) {
    *ev = (http_event){0};
    c->now_ms = now_ms;
    if (c->phase == H2_PHASE_DATA_END) h2_recv_data_end(c);
    if (c->refused) h2_recv_block_refuse(c);
    if (in->n == 0) h2_watch_clock(c); /* what has come counts before what is late */
    for (;;) {
        if (c->tell | c->drain_final | c->room_wanted | c->ending) { /* seldom but for tell */
            if (c->ending == H2_ENDING_TELL && c->streams.live)
                h2_judge_end_streams(c); /* no memory */
            if (drained(c)) h2_judge_end(c, VERDICT_OK);
            if (h2_conn_pending(c)) return tell_pending(c, ev);
            if (c->ending == H2_ENDING_TOLD) {
                *in = span_skip(*in, in->n);
                h2_recv_drop(c);
                return HTTP_EVENT_NONE;
            }
        }
        if (in->n) h2_watch_paused(c, h2_conn_piled_up(c));
        if (c->paused && in->n) return ev->kind = HTTP_EVENT_PAUSED;
        bool stop = h2_recv_some(c, in, ev);
        if (ev->kind != HTTP_EVENT_NONE) return ev->kind;
        if (stop && !h2_conn_pending(c)) return HTTP_EVENT_NONE;
    }
}

uint64_t h2_conn_deadline(const h2_conn *c) { return h2_watch_deadline(c); }

/* ---- output ---- */

bool h2_conn_has_output(const h2_conn *c) {
    return c->out.bytes || (c->streams.gone != H2_NO_SLOT && !c->tell) ||
           (!c->blocked && h2_prio_any(&c->prio) && c->ending == H2_ENDING_NO);
}

size_t h2_conn_output(h2_conn *c, span *iov, size_t niov, size_t budget) {
    h2_send_bodies(c, budget, niov);
    reap(c);
    return outq_peek(&c->out, iov, niov);
}

void h2_conn_output_done(h2_conn *c, size_t n) {
    h2_send_written(c, n);
    reap(c);
}

/* ---- what the applet asks for ---- */

#define BAD_CALL(text) VERDICT_ON_CALLER(VERDICT_BAD_CALL, text)
#define BUSY(text)     VERDICT_ON_CALLER(VERDICT_BUSY, text)
#define NO_MEMORY      VERDICT_ON_CALLER(VERDICT_NO_MEMORY, "out of memory")
#define STALE          BAD_CALL("no such stream")

uint32_t h2_conn_room(const h2_conn *c) {
    if (c->server || c->ending != H2_ENDING_NO || c->goaway_received || c->draining) return 0;
    if (c->next_id > H2_ID_MASK) return 0;
    uint32_t limit =
        c->peer_settings_seen ? c->peer[H2_SLOT_MAX_CONCURRENT_STREAMS] : c->config->peer_streams;
    uint32_t ids = (H2_ID_MASK - c->next_id) / 2 + 1;
    uint32_t room = limit > c->our_streams ? limit - c->our_streams : 0;
    return room < ids ? room : ids;
}

uint32_t h2_conn_streams(const h2_conn *c) { return c->streams.live; }

static void take_body(h2_conn *c, h2_stream *s, http_body body) {
    if (!body.ops) {
        s->state = h2_stream_next(s->state, H2_SEND_END);
        return;
    }
    s->body = body.ops;
    s->body_user = body.user;
    c->blocked = false;
    h2_prio_add(&c->prio, &c->streams, s);
    h2_watch_stream(c);
}

verdict h2_conn_open(h2_conn *c, const http_field *f, size_t n, http_body body, void *user,
                     http_ref *ref) {
    if (c->server) return BAD_CALL("a server opens no streams");
    if (h2_conn_room(c) == 0) {
        c->room_wanted = true;
        return BUSY("no room for a stream");
    }
    if (fields_find_name(f, n, SPAN(":protocol")) && !c->peer[H2_SLOT_ENABLE_CONNECT_PROTOCOL]) {
        if (c->peer_settings_seen) return BAD_CALL("the server has no extended CONNECT");
        c->room_wanted = c->settings_wanted = true; /* RFC 8441 section 3: it has to say so first */
        return BUSY("the server has not sent its SETTINGS");
    }
    h2_stream *s = h2_stream_add(&c->streams, c->next_id);
    if (!s) return NO_MEMORY;
    verdict v = h2_send_block(c, s->id, 0, !body.ops, f, n, H2_TRACE_REQUEST);
    if (v.scope != VERDICT_NONE) {
        h2_stream_retire(&c->streams, s);
        return v;
    }
    c->next_id += 2;
    c->our_streams++;
    s->state = H2_STATE_OPEN;
    s->flags |= H2_STREAM_OUR_FINAL | H2_STREAM_COUNTED;
    s->priority = H2_PRIO_DEFAULT;
    s->send_window = (int32_t)c->peer[H2_SLOT_INITIAL_WINDOW_SIZE];
    s->recv_window = (int32_t)c->config->settings[H2_SLOT_INITIAL_WINDOW_SIZE];
    s->user = user;
    const http_field *method = fields_find_name(f, n, SPAN(":method"));
    if (method && span_eq(method->value, SPAN("HEAD"))) s->flags |= H2_STREAM_NO_CONTENT;
    if (method && span_eq(method->value, SPAN("CONNECT"))) s->flags |= H2_STREAM_TUNNEL;
    *ref = (http_ref){s->slot, s->id};
    take_body(c, s, body);
    if (h2_conn_room(c) == 0) c->room_wanted = true;
    return VERDICT_OK;
}

verdict h2_conn_reply(h2_conn *c, http_ref ref, const http_field *f, size_t n, http_body body) {
    h2_stream *s = h2_stream_of(&c->streams, ref);
    if (!s || !c->server) return STALE;
    if (s->flags & H2_STREAM_OUR_FINAL) return BAD_CALL("answered already");
    verdict v =
        h2_send_block(c, s->id, 0, !body.ops, f, n,
                      s->flags & H2_STREAM_PUSHED ? H2_TRACE_PUSH_RESPONSE : H2_TRACE_RESPONSE);
    if (v.scope != VERDICT_NONE) return v;
    s->flags |= H2_STREAM_OUR_FINAL;
    if (s->flags & H2_STREAM_TUNNEL) {
        const http_field *status = fields_find_name(f, n, SPAN(":status"));
        bool connected = status && status->value.n && status->value.p[0] == '2';
        if (!connected) s->flags &= ~(uint32_t)H2_STREAM_TUNNEL;
    }
    s->state = h2_stream_next(s->state, H2_SEND_HEADERS);
    take_body(c, s, body);
    h2_judge_settle(c, s);
    return VERDICT_OK;
}

verdict h2_conn_inform(h2_conn *c, http_ref ref, const http_field *f, size_t n) {
    h2_stream *s = h2_stream_of(&c->streams, ref);
    if (!s || !c->server) return STALE;
    if (s->flags & (H2_STREAM_OUR_FINAL | H2_STREAM_PUSHED)) return BAD_CALL("answered already");
    return h2_send_block(c, s->id, 0, false, f, n, H2_TRACE_INTERIM);
}

verdict h2_conn_trailers(h2_conn *c, http_ref ref, const http_field *f, size_t n) {
    h2_stream *s = h2_stream_of(&c->streams, ref);
    if (!s) return STALE;
    if (!s->body || s->trailers || s->state == H2_STATE_HALF_CLOSED_LOCAL)
        return BAD_CALL("no body to follow");
    if (s->flags & H2_STREAM_TUNNEL) return BAD_CALL("a tunnel has no trailers");
    size_t size = sizeof(h2_trailers) + n * sizeof *f;
    for (size_t i = 0; i < n; i++) size += f[i].name.n + f[i].value.n;
    h2_trailers *t = mem_take(c->mem, size);
    if (!t) return NO_MEMORY;
    t->size = size;
    t->count = (uint32_t)n;
    uint8_t *p = (uint8_t *)&t->fields[n];
    for (size_t i = 0; i < n; i++) {
        t->fields[i] = f[i];
        if (f[i].name.n) memcpy(p, f[i].name.p, f[i].name.n);
        t->fields[i].name.p = p;
        p += f[i].name.n;
        if (f[i].value.n) memcpy(p, f[i].value.p, f[i].value.n);
        t->fields[i].value.p = p;
        p += f[i].value.n;
    }
    s->trailers = t;
    return VERDICT_OK;
}

verdict h2_conn_push(h2_conn *c, http_ref parent, const http_field *f, size_t n, http_ref *ref) {
    h2_stream *p = h2_stream_of(&c->streams, parent);
    if (!p || !c->server || h2_conn_is_ours(c, parent.id)) return STALE;
    if (p->state != H2_STATE_OPEN && p->state != H2_STATE_HALF_CLOSED_REMOTE)
        return BAD_CALL("the request is answered");
    if ((p->flags & H2_STREAM_TUNNEL) && (p->flags & H2_STREAM_OUR_FINAL))
        return BAD_CALL("nothing is promised on a tunnel"); /* RFC 9113 section 8.5 */
    if (!c->peer[H2_SLOT_ENABLE_PUSH] || c->goaway_received || c->next_id > H2_ID_MASK ||
        c->our_streams >= c->peer[H2_SLOT_MAX_CONCURRENT_STREAMS] ||
        c->our_streams >= LIMIT_PROMISES)
        return BUSY("the client takes no push now");
    h2_stream *s = h2_stream_add(&c->streams, c->next_id); /* moves p */
    if (!s) return NO_MEMORY;
    verdict v = h2_send_block(c, parent.id, s->id, false, f, n, H2_TRACE_REQUEST);
    if (v.scope != VERDICT_NONE) {
        h2_stream_retire(&c->streams, s);
        return v;
    }
    c->next_id += 2;
    c->our_streams++;
    s->state = H2_STATE_RESERVED_LOCAL;
    s->flags |= H2_STREAM_PUSHED | H2_STREAM_PEER_FINAL | H2_STREAM_COUNTED;
    s->priority = H2_PRIO_DEFAULT;
    s->send_window = (int32_t)c->peer[H2_SLOT_INITIAL_WINDOW_SIZE];
    s->promised_on = parent.id;
    if (c->prio.tree) /* RFC 7540 section 5.3.5 */
        h2_prio_depend(&c->prio, &c->streams, s->id, s, (h2_dependency){parent.id, 16, false});
    *ref = (http_ref){s->slot, s->id};
    return VERDICT_OK;
}

verdict h2_conn_attach(h2_conn *c, http_ref ref, void *user) {
    h2_stream *s = h2_stream_of(&c->streams, ref);
    if (!s) return STALE;
    s->user = user;
    return VERDICT_OK;
}

void h2_conn_credit_connection(h2_conn *c, uint32_t n) {
    c->recv_owed += n;
    uint32_t due = h2_flow_due(c->recv_owed, c->config->connection_window);
    if (!due || c->ending != H2_ENDING_NO || !h2_flow_grow(&c->recv_window, due)) return;
    c->recv_owed = 0;
    h2_send_window_update(c, 0, due);
}

void h2_conn_credit_stream(h2_conn *c, h2_stream *s) {
    if (s->state != H2_STATE_OPEN && s->state != H2_STATE_HALF_CLOSED_LOCAL) return;
    uint32_t due = h2_flow_due(s->recv_owed, c->config->settings[H2_SLOT_INITIAL_WINDOW_SIZE]);
    if (!due || !h2_flow_grow(&s->recv_window, due)) return;
    s->recv_owed = 0;
    h2_send_window_update(c, s->id, due);
}

verdict h2_conn_credit(h2_conn *c, http_ref ref, size_t n) {
    h2_stream *s = h2_stream_of(&c->streams, ref);
    if (!s) return STALE;
    if (n > s->recv_held) return BAD_CALL("more credit than was told");
    s->recv_held -= (uint32_t)n;
    s->recv_owed += (uint32_t)n;
    h2_judge_held(c, (uint32_t)n);
    h2_conn_credit_stream(c, s);
    return VERDICT_OK;
}

verdict h2_conn_wake(h2_conn *c, http_ref ref) {
    h2_stream *s = h2_stream_of(&c->streams, ref);
    if (!s) return STALE;
    s->flags &= ~(uint32_t)H2_STREAM_LATER;
    if (!s->body || s->state == H2_STATE_HALF_CLOSED_LOCAL) return VERDICT_OK;
    c->blocked = false;
    h2_prio_add(&c->prio, &c->streams, s);
    return VERDICT_OK;
}

verdict h2_conn_reset(h2_conn *c, http_ref ref, h2_code code) {
    h2_stream *s = h2_stream_of(&c->streams, ref);
    if (!s) return STALE;
    h2_send_reset(c, s->id, code);
    h2_judge_retire(c, s, VERDICT_ON_STREAM(s->id, code, "reset by us"));
    return VERDICT_OK;
}

void h2_conn_set_priority(h2_conn *c, uint32_t id, span value) {
    priority p;
    if (value.n > LIMIT_PRIORITY_BYTES || !priority_parse(value, PRIORITY_DEFAULT, &p))
        return; /* RFC 9218 section 7.1 lets us ignore it */
    uint8_t value8 = (uint8_t)(p.urgency * 2 + p.incremental);
    h2_stream *s = h2_stream_find(&c->streams, id);
    if (s) {
        if (c->config->obey_priority) h2_prio_set(&c->prio, &c->streams, s, value8);
        return;
    }
    if (!h2_conn_is_idle(c, id)) return;
    if (!c->early) c->early = mem_take_zero(c->mem, LIMIT_EARLY_PRIORITIES * sizeof *c->early);
    if (!c->early) return;
    uint32_t at = c->early_count;
    for (uint32_t i = at; i-- > 0;) /* its own place, or else one whose stream has come */
        if (c->early[i].id == id || (!h2_conn_is_idle(c, c->early[i].id) &&
                                     (at == c->early_count || c->early[at].id != id)))
            at = i;
    if (at == LIMIT_EARLY_PRIORITIES) return;
    if (at == c->early_count) c->early_count++;
    c->early[at] = (h2_early){id, value8};
}

verdict h2_conn_prioritize(h2_conn *c, http_ref ref, uint8_t urgency, bool incremental) {
    h2_stream *s = h2_stream_of(&c->streams, ref);
    if (!s) return STALE;
    if (urgency > 7) return BAD_CALL("urgency is 0 to 7");
    h2_prio_override(&c->prio, &c->streams, s, (uint8_t)(urgency * 2 + incremental));
    return VERDICT_OK;
}

verdict h2_conn_ping(h2_conn *c, const uint8_t opaque[8]) {
    if (c->ending != H2_ENDING_NO) return STALE;
    if (c->ping_out & 1) return BUSY("a PING is out");
    c->ping_out |= 1;
    memcpy(c->ping_opaque, opaque, sizeof c->ping_opaque);
    h2_send_frame(c, H2_FRAME_PING, 0, 0, span_of(opaque, 8));
    return VERDICT_OK;
}

verdict h2_conn_altsvc(h2_conn *c, span origin, span value) {
    uint8_t payload[2 + 256 + 1024];
    if (!c->server) return BAD_CALL("a client advertises nothing");
    if (c->ending != H2_ENDING_NO) return STALE;
    if (!origin.n || !value.n) return BAD_CALL("no origin or no value"); /* ignored on stream 0 */
    if (origin.n > 256 || value.n > 1024) return BAD_CALL("too long");
    bytes_put16(payload, (uint32_t)origin.n);
    memcpy(payload + 2, origin.p, origin.n);
    memcpy(payload + 2 + origin.n, value.p, value.n);
    h2_send_frame(c, H2_FRAME_ALTSVC, 0, 0, span_of(payload, 2 + origin.n + value.n));
    return VERDICT_OK;
}

verdict h2_conn_origin(h2_conn *c, const span *origins, size_t n) {
    uint8_t payload[4096];
    size_t at = 0;
    if (!c->server) return BAD_CALL("a client advertises nothing");
    if (c->ending != H2_ENDING_NO) return STALE;
    for (size_t i = 0; i < n; i++) {
        if (origins[i].n > sizeof payload - 2 - at || at > sizeof payload - 2)
            return BAD_CALL("too long");
        bytes_put16(payload + at, (uint32_t)origins[i].n);
        if (origins[i].n) memcpy(payload + at + 2, origins[i].p, origins[i].n);
        at += 2 + origins[i].n;
    }
    h2_send_frame(c, H2_FRAME_ORIGIN, 0, 0, span_of(payload, at));
    return VERDICT_OK;
}

/* ---- the end of the connection ---- */

void h2_conn_drain_finish(h2_conn *c) {
    c->drain_deadline = 0;
    c->ping_out &= (uint8_t)~2u;
    if (c->drain_final || c->ending != H2_ENDING_NO) return;
    c->drain_final = true;
    c->our_last = c->last_peer_id;
    h2_send_goaway(c, c->our_last, H2_NO_ERROR, NULL);
}

void h2_conn_drain(h2_conn *c, uint64_t now_ms) {
    if (c->draining || c->ending != H2_ENDING_NO) return;
    c->draining = true;
    if (!c->server) {
        h2_conn_drain_finish(c);
        return;
    }
    h2_send_goaway(c, H2_ID_MASK, H2_NO_ERROR, NULL);
    h2_send_frame(c, H2_FRAME_PING, 0, 0, span_of(H2_DRAIN_OPAQUE, 8));
    c->ping_out |= 2;
    c->drain_deadline = now_ms + LIMIT_DRAIN_PING_MS;
}

void h2_conn_close(h2_conn *c, h2_code code, const char *why) {
    if (c->ending != H2_ENDING_NO) return;
    h2_send_goaway(c, h2_judge_last_taken(c), code, why);
    h2_judge_end(c, code == H2_NO_ERROR ? VERDICT_OK : VERDICT_ON_CONNECTION(code, why));
}

void h2_conn_cut(h2_conn *c, const char *why) {
    h2_send_written(c, c->out.bytes);
    h2_judge_end(c, c->streams.live ? VERDICT_ON_CONNECTION(H2_NO_ERROR, why) : VERDICT_OK);
    outq_end(&c->out);
}

void h2_conn_eof(h2_conn *c) { h2_conn_cut(c, "closed by the peer"); }
