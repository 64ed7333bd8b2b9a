#include "core/h1_impl.h"

/* ---- birth and death ---- */

void h1_conn_defaults(h1_config *c, bool server) {
    *c = (h1_config){.upgrade = server,
                     .pipeline = 1,
                     .head_max = LIMIT_HEADER_LIST,
                     .held_max = LIMIT_HELD,
                     .head_ms = LIMIT_PART_MS,
                     .content_ms = server ? LIMIT_STALL_MS : 0};
}

void h1_conn_scratch_init(h1_scratch *s, const mem *m) { *s = (h1_scratch){.mem = m}; }

void h1_conn_scratch_end(h1_scratch *s) {
    mem_give(s->mem, s->fields, H1_FIELDS * sizeof *s->fields);
    mem_give(s->mem, s->names, s->names_room);
    h1_conn_scratch_init(s, s->mem);
}

h1_conn *h1_conn_new(const h1_birth *b) {
    h1_conn *c = mem_take_zero(b->mem, sizeof *c);
    if (!c) return NULL;
    c->mem = b->mem;
    c->config = b->config;
    c->scratch = b->scratch;
    c->trace = b->trace;
    c->server = b->server;
    c->secure = b->secure;
    c->bare = b->bare;
    c->now_ms = b->now_ms;
    c->first_id = c->next_id = c->sending_id = c->reading_id = 1;
    outq_init(&c->out, b->mem);
    return c;
}

void h1_conn_free(h1_conn *c) {
    if (!c) return;
    h1_output_written(c, c->out.bytes); /* lent spans go home */
    for (uint32_t id = c->first_id; id != c->next_id; id += 2)
        h1_output_forget(c, h1_conn_at(c, id));
    mem_give(c->mem, c->ring, c->room * sizeof *c->ring);
    mem_give(c->mem, c->part, c->part_room);
    outq_end(&c->out);
    mem_give(c->mem, c, sizeof *c);
}

const mem *h1_conn_mem(const h1_conn *c) { return c->mem; }

/* ---- streams ---- */

static bool grow(h1_conn *c) {
    uint32_t room = c->room ? c->room * 2 : 1;
    h1_stream *ring = mem_take(c->mem, room * sizeof *ring);
    if (!ring) return false;
    for (uint32_t id = c->first_id; id != c->next_id; id += 2)
        ring[(id >> 1) & (room - 1)] = *h1_conn_at(c, id);
    mem_give(c->mem, c->ring, c->room * sizeof *c->ring);
    c->ring = ring;
    c->room = room;
    return true;
}

h1_stream *h1_conn_add(h1_conn *c) {
    if ((c->next_id - c->first_id) / 2 == c->room && !grow(c)) return NULL;
    c->next_id += 2;
    c->live++;
    if (c->server) c->reading_id = c->next_id - 2;
    h1_stream *s = h1_conn_at(c, c->next_id - 2);
    *s = (h1_stream){.id = c->next_id - 2, .send_left = FIELDS_NO_LENGTH};
    return s;
}

/* The stream is closed: its CLOSED queued if anybody wants to know. */
static void retire(h1_conn *c, h1_stream *s, verdict v) {
    const uint32_t whole = H1_RECV_DONE | H1_SEND_DONE;
    if ((s->flags & whole) != whole) s->flags |= H1_EARLY;
    s->flags |= H1_GONE;
    c->greeting = false;
    if (s->scope == VERDICT_NONE) { /* else it was judged before */
        s->code = v.code;
        s->scope = v.scope;
        s->line = v.line;
        s->why = v.why;
    }
    c->live--;
    if (s->user) {
        s->flags |= H1_TELL;
        c->tell++;
    }
    if (s->flags & H1_CLOSE) c->closing = true;
    if (c->trace.ops) c->trace.ops->closed(c->trace.user, s->id, s->code);
}

void h1_conn_settle(h1_conn *c, h1_stream *s) {
    const uint32_t whole = H1_RECV_DONE | H1_SEND_DONE;
    if ((s->flags & (whole | H1_GONE)) == whole) retire(c, s, VERDICT_OK);
}

static void retire_all(h1_conn *c, uint32_t flags, verdict v) {
    for (uint32_t id = c->first_id; id != c->next_id; id += 2) {
        h1_stream *s = h1_conn_at(c, id);
        if (s->flags & H1_GONE) continue;
        s->flags |= flags;
        if (!c->server && s->head) s->flags |= H1_RETRY; /* it was never sent */
        retire(c, s, v);
    }
}

void h1_conn_abandon(h1_conn *c) {
    h1_stream *last = h1_conn_at(c, c->reading_id - 2);
    if (last && !(last->flags & H1_GONE)) retire(c, last, VERDICT_OK);
    retire_all(c, H1_RETRY, VERDICT_OK);
}

/* Whether the end of the connection would be taken for the end of what is being sent. */
static bool tears(const h1_conn *c) {
    const h1_stream *s = h1_conn_at(c, c->sending_id);
    return s && s->body && (s->flags & H1_HEADED) && !(s->flags & (H1_SEND_DONE | H1_CHUNKED)) &&
           s->send_left == FIELDS_NO_LENGTH;
}

void h1_conn_end(h1_conn *c, verdict v) {
    if (c->ending != H1_ENDING_NO) return;
    c->torn = v.code != H2_NO_ERROR && tears(c);
    c->over = v;
    c->ending = H1_ENDING_TELL;
    retire_all(c, 0, v);
    if (!c->part_told) h1_recv_drop(c);
}

void h1_conn_no_memory(h1_conn *c) {
    h1_conn_end(c, VERDICT_ON_CONNECTION(H2_INTERNAL_ERROR, "out of memory"));
}

/* ---- telling ---- */

static bool is_drained(const h1_conn *c) {
    return c->closing && c->live == 0 && c->ending == H1_ENDING_NO;
}

static bool room_grew(const h1_conn *c) { return c->room_wanted && h1_conn_room(c) > 0; }

static bool can_tell(const h1_conn *c) {
    return c->tell || is_drained(c) || c->ending == H1_ENDING_TELL || c->greeting || room_grew(c);
}

bool h1_conn_pending(const h1_conn *c) { return can_tell(c) || c->refused || h1_recv_ended(c); }

static void tell_closed(h1_conn *c, http_event *ev) {
    uint32_t id = c->first_id;
    while (!(h1_conn_at(c, id)->flags & H1_TELL)) id += 2;
    h1_stream *s = h1_conn_at(c, id);
    s->flags &= ~(uint32_t)H1_TELL;
    c->tell--;
    ev->kind = HTTP_EVENT_CLOSED;
    ev->ref = (http_ref){0, s->id};
    ev->user = s->user;
    ev->early_close = s->flags & H1_EARLY;
    ev->never_processed = s->flags & H1_RETRY;
    ev->unanswered = !c->server && !(s->flags & H1_HEARD);
    ev->code = s->code;
    ev->verdict = (verdict){s->scope, s->code, s->line, s->id, s->why};
}

/* Bare: the answer to CONNECT, as a proxy of HTTP/1.1 would give it. */
static void tell_greeting(h1_conn *c, http_event *ev) {
    static const http_field fields[] = {
        {{(const uint8_t *)":status", 7}, {(const uint8_t *)"200", 3}, HTTP_TOKEN_STATUS, false}};
    const h1_stream *s = h1_conn_at(c, c->reading_id);
    c->greeting = false;
    ev->kind = HTTP_EVENT_RESPONSE;
    ev->ref = (http_ref){0, s->id};
    ev->user = s->user;
    ev->tunnel = true;
    ev->fields = fields;
    ev->field_count = 1;
    ev->summary = (fields_summary){.status = 200, .content_length = FIELDS_NO_LENGTH};
}

static void tell_pending(h1_conn *c, http_event *ev) {
    if (c->tell) {
        tell_closed(c, ev);
    } else if (c->ending == H1_ENDING_TELL) {
        c->ending = H1_ENDING_TOLD;
        ev->kind = HTTP_EVENT_OVER;
        ev->verdict = c->over;
    } else if (c->greeting) {
        tell_greeting(c, ev);
    } else {
        c->room_wanted = false;
        ev->kind = HTTP_EVENT_ROOM;
    }
}

http_event_kind h1_conn_step(h1_conn *c, span *in, uint64_t now_ms, http_event *ev) {
    *ev = (http_event){0};
    c->now_ms = now_ms;
    if (c->part_told) h1_recv_drop(c);
    if (c->server) c->offered = (span){NULL, 0};
    if (c->refused) h1_recv_refuse(c);
    if (in->n == 0) h1_recv_clock(c, ev); /* what has come counts before what is late */
    if (ev->kind != HTTP_EVENT_NONE) return ev->kind;
    for (;;) {
        if (is_drained(c)) h1_conn_end(c, c->over);
        if (can_tell(c)) {
            tell_pending(c, ev);
            return ev->kind;
        }
        if (c->ending == H1_ENDING_TOLD) {
            *in = span_skip(*in, in->n);
            h1_recv_drop(c);
            return HTTP_EVENT_NONE;
        }
        bool stop = h1_recv_some(c, in, ev);
        if (ev->kind != HTTP_EVENT_NONE) return ev->kind;
        *ev = (http_event){0}; /* nothing of what was judged is left for the next event */
        if (stop && !h1_conn_pending(c)) return HTTP_EVENT_NONE;
    }
}

uint64_t h1_conn_deadline(const h1_conn *c) { return h1_recv_deadline(c); }

/* ---- output ---- */

/* Heads of answers that wait for their turn are output, too: 50 hints of 50 KB for each of 20
 * requests behind one that is not read were 54 MB. */
bool h1_conn_piled_up(const h1_conn *c) {
    size_t own = c->out.own;
    for (uint32_t id = c->first_id; id != c->next_id; id += 2) own += h1_conn_at(c, id)->head_n;
    return own > LIMIT_OUTPUT_QUEUED;
}

bool h1_conn_has_output(const h1_conn *c) {
    if (c->out.bytes || h1_output_ready(c)) return true;
    for (uint32_t id = c->first_id; id != c->next_id; id += 2) { /* what reap would give back */
        const h1_stream *s = h1_conn_at(c, id);
        if (s->body && (s->flags & (H1_GONE | H1_SEND_DONE))) return true;
        if (id == c->first_id && (s->flags & H1_GONE) && !(s->flags & H1_TELL)) return true;
    }
    return false;
}

size_t h1_conn_output(h1_conn *c, span *iov, size_t niov, size_t budget) {
    h1_output_streams(c, budget, niov);
    h1_output_reap(c);
    return outq_peek(&c->out, iov, niov);
}

void h1_conn_output_done(h1_conn *c, size_t n) {
    h1_output_written(c, n);
    h1_output_reap(c);
}

/* ---- what the applet asks for ---- */

#define BAD_CALL(text) VERDICT_ON_CALLER(VERDICT_BAD_CALL, text)
#define NO_MEMORY      VERDICT_ON_CALLER(VERDICT_NO_MEMORY, "out of memory")
#define STALE          BAD_CALL("no such stream")

/* The stream a reference means, or NULL when the reference is stale. */
static h1_stream *stream_of(const h1_conn *c, http_ref ref) {
    h1_stream *s = ref.slot == 0 ? h1_conn_at(c, ref.id) : NULL;
    return s && !(s->flags & H1_GONE) ? s : NULL;
}

uint32_t h1_conn_room(const h1_conn *c) {
    if (c->server || c->ending != H1_ENDING_NO || c->closing || c->switched) return 0;
    if (c->next_id >= H2_ID_MASK) return 0;
    for (uint32_t id = c->first_id; id != c->next_id; id += 2) {
        const h1_stream *s = h1_conn_at(c, id);
        /* What becomes of the connection is not known yet. */
        if (!(s->flags & H1_FINAL) && (s->flags & (H1_TUNNEL | H1_OFFER))) return 0;
    }
    return c->config->pipeline > c->live ? c->config->pipeline - c->live : 0;
}

uint32_t h1_conn_streams(const h1_conn *c) { return c->live; }

static uint32_t kind_of_request(const http_field *f, size_t n) {
    const http_field *method = fields_find_name(f, n, SPAN(":method"));
    if (fields_find_name(f, n, SPAN(":protocol"))) return H1_TUNNEL | H1_UPGRADE;
    if (method && span_eq(method->value, SPAN("CONNECT"))) return H1_TUNNEL;
    return method && span_eq(method->value, SPAN("HEAD")) ? H1_NO_CONTENT : 0;
}

/* The one request of a bare connection: both directions are DATA from here on. */
static void begin_bare(h1_conn *c, h1_stream *s) {
    s->flags |= H1_FINAL | H1_CLOSE;
    s->send_left = FIELDS_NO_LENGTH;
    c->body = h1_body_until_close();
    c->phase = H1_PHASE_BODY;
    c->closing = c->greeting = true;
}

verdict h1_conn_open(h1_conn *c, const http_field *f, size_t n, http_body body, void *user,
                     http_ref *ref) {
    if (c->server) return BAD_CALL("a server opens no streams");
    if (h1_conn_room(c) == 0) {
        c->room_wanted = true;
        return VERDICT_ON_CALLER(VERDICT_BUSY, "no room for a request");
    }
    uint32_t flags = kind_of_request(f, n) | (c->offered.p ? H1_OFFER : 0u);
    if ((flags & H1_OFFER) && (body.ops || (flags & H1_TUNNEL)))
        return BAD_CALL("a request with content cannot ask for h2c");
    if (c->bare && flags != H1_TUNNEL) return BAD_CALL("a bare connection takes CONNECT alone");
    h1_stream *s = h1_conn_add(c);
    if (!s) return NO_MEMORY;
    s->flags = flags;
    verdict v = c->bare ? VERDICT_OK : h1_send_request(c, s, f, n, body.ops != NULL);
    if (c->bare) begin_bare(c, s);
    if (v.scope != VERDICT_NONE) {
        h1_output_forget(c, s);
        c->next_id -= 2;
        c->live--;
        return v;
    }
    c->offered = (span){NULL, 0};
    s->flags |= H1_HEADED;
    s->user = user;
    s->body = body.ops;
    s->body_user = body.user;
    *ref = (http_ref){0, s->id};
    h1_output_heads(c);
    if (h1_conn_room(c) == 0) c->room_wanted = true;
    return VERDICT_OK;
}

/* The request ends here, whatever of it is still to come. */
static void stop_reading(h1_conn *c, h1_stream *s) {
    c->phase = H1_PHASE_HEAD;
    c->content_deadline = 0;
    s->flags |= H1_RECV_DONE;
}

verdict h1_conn_reply(h1_conn *c, http_ref ref, const http_field *f, size_t n, http_body body) {
    h1_stream *s = stream_of(c, ref);
    if (!s || !c->server) return STALE;
    if (s->flags & H1_HEADED) return BAD_CALL("answered already");
    bool tunnel = s->flags & H1_TUNNEL;
    verdict v = h1_send_response(c, s, f, n, body.ops != NULL);
    if (v.scope != VERDICT_NONE) return v;
    s->flags |= H1_HEADED;
    s->body = body.ops;
    s->body_user = body.user;
    /* A tunnel that is refused has no content, and what waits for 100 will not come. */
    if (tunnel && !(s->flags & H1_TUNNEL)) stop_reading(c, s);
    if ((s->flags & H1_EXPECT) && (s->flags & H1_CLOSE) && !(s->flags & H1_RECV_DONE))
        stop_reading(c, s);
    h1_output_heads(c);
    return VERDICT_OK;
}

verdict h1_conn_decline(h1_conn *c, http_ref ref) {
    h1_stream *s = stream_of(c, ref);
    if (!s || !c->server) return STALE;
    if (s->flags & H1_HEADED) return BAD_CALL("answered already");
    if (!(s->flags & H1_UPGRADE)) return BAD_CALL("no Upgrade");
    s->flags &= ~(uint32_t)(H1_TUNNEL | H1_UPGRADE);
    stop_reading(c, s);
    return VERDICT_OK;
}

verdict h1_conn_inform(h1_conn *c, http_ref ref, const http_field *f, size_t n) {
    h1_stream *s = stream_of(c, ref);
    if (!s || !c->server) return STALE;
    if (s->flags & H1_HEADED) return BAD_CALL("answered already");
    return h1_send_interim(c, s, f, n);
}

verdict h1_conn_trailers(h1_conn *c, http_ref ref, const http_field *f, size_t n) {
    h1_stream *s = stream_of(c, ref);
    if (!s) return STALE;
    if (!s->body || s->trailers || (s->flags & H1_SEND_DONE)) return BAD_CALL("no body to follow");
    if (s->flags & H1_TUNNEL) return BAD_CALL("a tunnel has no trailers");
    return s->flags & H1_CHUNKED ? h1_send_trailers(c, s, f, n) : VERDICT_OK;
}

verdict h1_conn_attach(h1_conn *c, http_ref ref, void *user) {
    h1_stream *s = stream_of(c, ref);
    if (!s) return STALE;
    s->user = user;
    return VERDICT_OK;
}

verdict h1_conn_credit(h1_conn *c, http_ref ref, size_t n) {
    h1_stream *s = stream_of(c, ref);
    if (!s) return STALE;
    if (n > s->held) return BAD_CALL("more credit than was told");
    s->held -= (uint32_t)n;
    return VERDICT_OK;
}

verdict h1_conn_wake(h1_conn *c, http_ref ref) {
    h1_stream *s = stream_of(c, ref);
    if (!s) return STALE;
    s->flags &= ~(uint32_t)H1_LATER;
    return VERDICT_OK;
}

verdict h1_conn_reset(h1_conn *c, http_ref ref, uint32_t code) {
    h1_stream *s = stream_of(c, ref);
    if (!s) return STALE;
    retire(c, s, VERDICT_ON_STREAM(s->id, code, "reset by us"));
    h1_conn_end(c, VERDICT_ON_CONNECTION(code, "reset by us"));
    c->over = VERDICT_OK; /* nobody is at fault for that */
    return VERDICT_OK;
}

/* ---- h2c ---- */

bool h1_conn_offered(const h1_conn *c, span *settings) {
    *settings = c->offered;
    return c->server && c->offered.p;
}

void h1_conn_offer(h1_conn *c, span settings) { c->offered = settings; }

bool h1_conn_switched(const h1_conn *c, void **user, bool *head) {
    if (!c->switched) return false;
    const h1_stream *s = h1_conn_at(c, c->reading_id);
    *user = s->user;
    *head = s->flags & H1_NO_CONTENT;
    return true;
}

/* ---- the end of the connection ---- */

void h1_conn_drain(h1_conn *c, uint64_t now_ms) {
    (void)now_ms;
    c->draining = c->closing = true;
}

void h1_conn_close(h1_conn *c, uint32_t code, const char *why) {
    h1_conn_end(c, code == H2_NO_ERROR ? VERDICT_OK : VERDICT_ON_CONNECTION(code, why));
}

static void drop_output(h1_conn *c) {
    h1_output_written(c, c->out.bytes);
    outq_end(&c->out);
}

void h1_conn_eof(h1_conn *c) {
    drop_output(c);
    c->eof = true;
    c->half = false;
}

bool h1_conn_half_eof(h1_conn *c) {
    const h1_stream *s = h1_conn_at(c, c->reading_id);
    if (!c->server && !(s && (s->flags & H1_TUNNEL) && (s->flags & H1_FINAL))) return false;
    c->eof = c->half = true;
    return true;
}

bool h1_conn_torn(const h1_conn *c) { return c->torn; }

bool h1_conn_shut(const h1_conn *c) {
    const h1_stream *s = h1_conn_at(c, c->next_id - 2);
    if (!s || c->out.bytes || c->ending != H1_ENDING_NO) return false;
    if ((s->flags & (H1_SEND_DONE | H1_GONE)) != H1_SEND_DONE) return false;
    return c->server ? s->flags & H1_CLOSE : (s->flags & H1_TUNNEL) && (s->flags & H1_FINAL);
}

void h1_conn_cut(h1_conn *c, const char *why) {
    drop_output(c);
    bool torn = tears(c);
    h1_conn_end(c, c->live ? VERDICT_ON_CONNECTION(H2_NO_ERROR, why) : VERDICT_OK);
    c->torn |= torn;
}
