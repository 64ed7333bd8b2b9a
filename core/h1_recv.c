#include "core/h1_impl.h"

/* ---- what came in pieces ---- */

static bool part_append(h1_conn *c, span s) {
    if (c->part_n + s.n > c->part_room) {
        size_t room = c->part_room ? c->part_room * (size_t)2 : 512;
        while (room < c->part_n + s.n) room *= 2;
        uint8_t *grown = mem_resize(c->mem, c->part, c->part_room, room);
        if (!grown) return false;
        c->part = grown;
        c->part_room = (uint32_t)room;
    }
    if (c->part_n == 0 && c->config->head_ms) c->head_deadline = c->now_ms + c->config->head_ms;
    if (s.n) memcpy(c->part + c->part_n, s.p, s.n);
    c->part_n += (uint32_t)s.n;
    return true;
}

void h1_recv_drop(h1_conn *c) {
    mem_give(c->mem, c->part, c->part_room);
    c->part = NULL;
    c->part_n = c->part_room = c->line_at = 0;
    c->head_deadline = 0;
    c->part_told = c->line_seen = false;
}

/* ---- judgement ---- */

static uint32_t code_of(uint16_t status) {
    if (status == 408 || status == 413 || status == 414 || status == 431)
        return H2_ENHANCE_YOUR_CALM;
    return status == 500 ? H2_INTERNAL_ERROR : H2_PROTOCOL_ERROR;
}

/* The request that is read now, or NULL between two. */
static h1_stream *reading(const h1_conn *c) {
    h1_stream *s = h1_conn_at(c, c->reading_id);
    return s && !(s->flags & (H1_GONE | H1_RECV_DONE)) ? s : NULL;
}

static void tell_refused(h1_stream *s, h1_fault f, http_event *ev) {
    ev->kind = HTTP_EVENT_REFUSED;
    ev->ref = (http_ref){0, s->id};
    ev->user = s->user;
    ev->end = true;
    ev->summary.status = f.status;
    ev->verdict = (verdict){s->scope, s->code, s->line, s->id, s->why};
}

void h1_recv_judge(h1_conn *c, h1_fault f, http_event *ev) {
    verdict v = VERDICT_ON_CONNECTION(code_of(f.status), f.why);
    if (c->ending != H1_ENDING_NO) return;
    if (!c->server) {
        h1_conn_end(c, v);
        return;
    }
    c->closing = true;
    c->over = v;
    h1_stream *s = reading(c);
    if (s && (s->flags & H1_HEADED)) { /* half of an answer is out: only the end can say it */
        h1_conn_end(c, v);
        return;
    }
    if (s) *ev = (http_event){0}; /* its request was told */
    if (!s) s = h1_conn_add(c);
    if (!s) {
        h1_conn_no_memory(c);
        return;
    }
    s->flags |= H1_RECV_DONE | H1_EARLY | H1_CLOSE;
    if (span_eq(ev->summary.method, SPAN("HEAD"))) s->flags |= H1_NO_CONTENT;
    if (ev->old) s->flags |= H1_OLD;
    s->code = v.code;
    s->scope = v.scope;
    s->line = v.line;
    s->why = v.why;
    s->refusal = f.status;
    c->refused = c->part_told = true;
    c->content_deadline = 0;
    tell_refused(s, f, ev);
}

void h1_recv_refuse(h1_conn *c) {
    h1_stream *s = h1_conn_at(c, c->reading_id);
    c->refused = false;
    if (c->ending != H1_ENDING_NO || !s || (s->flags & (H1_HEADED | H1_GONE))) return;
    if (h1_send_error(c, s, s->refusal))
        h1_output_heads(c);
    else
        h1_conn_no_memory(c);
}

/* ---- content ---- */

/* The peer's message is whole. */
static void content_done(h1_conn *c, h1_stream *s) {
    c->phase = H1_PHASE_HEAD;
    c->content_deadline = 0;
    s->flags |= H1_RECV_DONE;
    if (!c->server) c->reading_id += 2;
    h1_conn_settle(c, s);
    if (!c->server && (s->flags & H1_CLOSE) && !c->half) h1_conn_abandon(c);
}

static void tell_data(h1_conn *c, h1_stream *s, span piece, bool end, http_event *ev) {
    s->held += (uint32_t)piece.n;
    s->flags &= ~(uint32_t)H1_EXPECT; /* the client has not waited */
    if (c->config->content_ms && !(s->flags & H1_TUNNEL) && c->content_deadline)
        c->content_deadline = c->now_ms + c->config->content_ms;
    ev->kind = HTTP_EVENT_DATA;
    ev->ref = (http_ref){0, s->id};
    ev->user = s->user;
    ev->data = piece;
    ev->credit = piece.n;
    ev->end = end;
}

/* Nothing that still comes can change an answer that is complete. */
static void count_discarded(h1_conn *c, h1_stream *s, size_t n) {
    if (!c->server || !(s->flags & H1_SEND_DONE) || (s->flags & H1_TUNNEL)) return;
    s->discarded += (uint32_t)n;
    if (s->discarded <= LIMIT_DISCARD) return;
    c->closing = true;
    s->flags |= H1_RECV_DONE;
    h1_conn_settle(c, s);
}

static bool body_some(h1_conn *c, h1_stream *s, span *in, http_event *ev) {
    span piece = {NULL, 0};
    h1_fault f = H1_FINE;
    switch (h1_body_take(&c->body, in, &piece, &f)) {
    case H1_BODY_MORE: return true;
    case H1_BODY_DATA:
        tell_data(c, s, piece, false, ev);
        count_discarded(c, s, piece.n);
        return true;
    case H1_BODY_LAST:
        tell_data(c, s, piece, true, ev);
        content_done(c, s);
        return true;
    case H1_BODY_TRAILERS: c->phase = H1_PHASE_TRAILERS; return false;
    case H1_BODY_BROKEN: break;
    }
    h1_recv_judge(c, f, ev);
    return false;
}

/* ---- heads and trailers: found whole, where they lie or in part ---- */

/* Whether the first line is right by itself: what is wrong is told at once, not when a head that
 * perhaps never ends has ended. */
static h1_fault check_line(const h1_conn *c, span head) {
    h1_line line;
    return c->server ? h1_parse_request_line(&head, &line) : h1_parse_status_line(&head, &line);
}

/* TLS and other things have come to the wrong port. */
static bool begins_well(const h1_conn *c, uint8_t first) {
    return c->server ? fields_name_valid(span_of(&first, 1)) : first == 'H';
}

/* What there is of a head that is not whole, or too long. */
static h1_fault check_unfinished(h1_conn *c, span head, bool too_long) {
    bool trailers = c->phase == H1_PHASE_TRAILERS;
    if (!trailers && !begins_well(c, head.p[0])) return H1_FAULT(400, "not a message of HTTP/1.1");
    if (!trailers && !c->line_seen && memchr(head.p, '\n', head.n)) {
        c->line_seen = true;
        h1_fault f = check_line(c, head);
        if (f.status) return f;
    }
    if (!too_long) return H1_FINE;
    return c->line_seen || trailers ? H1_FAULT(431, "head too long")
                                    : H1_FAULT(414, "target too long");
}

static h1_fault take_trailers(h1_conn *c, h1_stream *s, span text, http_event *ev) {
    h1_fields f = {
        .at = c->scratch->fields, .room = LIMIT_HEADER_FIELDS, .names = c->scratch->names};
    h1_fault fault = h1_parse_fields(text, &f);
    if (fault.status) return fault;
    const char *why = fields_check(f.at, f.count, UINT64_MAX, FIELDS_TRAILERS, false, &ev->summary);
    if (why) return H1_FAULT(400, why);
    if (c->nominates) f.count = 0; /* some of them may be for this connection alone */
    if (f.count == 0) {
        tell_data(c, s, span_of(NULL, 0), true, ev);
        return H1_FINE;
    }
    ev->kind = HTTP_EVENT_TRAILERS;
    ev->ref = (http_ref){0, s->id};
    ev->user = s->user;
    ev->fields = f.at;
    ev->field_count = f.count;
    ev->end = true;
    if (!c->server) h1_recv_head_size(&f, ev);
    return H1_FINE;
}

/* A whole head, or the trailers. */
static h1_taken take_whole(h1_conn *c, span text, http_event *ev) {
    h1_taken taken = H1_TAKEN;
    h1_stream *s = reading(c);
    if (c->phase == H1_PHASE_HEAD) {
        taken = c->server ? h1_recv_head_request(c, text, ev) : h1_recv_head_response(c, text, ev);
        if (taken == H1_TAKEN && !c->server && ev->end) content_done(c, s);
        return taken;
    }
    h1_fault f = h1_recv_head_room(c->scratch, text.n) ? take_trailers(c, s, text, ev)
                                                       : H1_FAULT(500, "out of memory");
    if (f.status) {
        h1_recv_judge(c, f, ev);
        return H1_JUDGED;
    }
    content_done(c, s);
    return H1_TAKEN;
}

/* True when *ev holds an event, or nothing more can be done. */
static bool head_some(h1_conn *c, span *in, http_event *ev) {
    size_t most = c->config->head_max, kept = c->part_n, line_at = c->line_at;
    if (!in->n) return true;
    span more = span_head(*in, most - kept), text = more;
    if (kept) {
        if (!part_append(c, more)) {
            h1_conn_no_memory(c);
            return true;
        }
        text = span_of(c->part, c->part_n);
    }
    size_t n = h1_parse_whole(text, &line_at);
    if (n) {
        h1_taken taken = take_whole(c, span_head(text, n), ev);
        if (taken == H1_WAIT) { /* it is offered again */
            c->part_n = (uint32_t)kept;
            return true;
        }
        if (taken == H1_JUDGED) return false;
        span_take(in, n - kept);
        c->part_told = kept > 0; /* the event's spans lie in it */
        c->head_deadline = 0;
        c->blank = 0;
        return true;
    }
    h1_fault f = check_unfinished(c, text, text.n == most);
    if (f.status) {
        h1_recv_head_begun(c, text, ev);
        h1_recv_judge(c, f, ev);
        return false;
    }
    c->line_at = (uint32_t)line_at;
    if (!kept && !part_append(c, more)) h1_conn_no_memory(c);
    span_take(in, more.n);
    return true;
}

/* An empty line before a request is ignored, once (RFC 9112 section 2.2). */
static bool skip_blank(h1_conn *c, span *in, http_event *ev) {
    if (!c->server || c->part_n || c->phase != H1_PHASE_HEAD || c->blank == 2) return false;
    uint8_t expected = c->blank ? '\n' : '\r';
    if (!in->n || (in->p[0] != expected && !c->blank)) return false;
    if (in->p[0] != expected) {
        h1_recv_judge(c, H1_FAULT(400, "CR without LF"), ev);
        return true;
    }
    span_take(in, 1);
    c->blank++;
    return true;
}

/* ---- one step ---- */

/* Server: whether the next request, or content of the one that is read, can be taken now. */
static bool server_waits(const h1_conn *c) {
    const h1_stream *s = h1_conn_at(c, c->next_id - 2);
    if (c->out.own > LIMIT_OUTPUT_QUEUED) return true;
    if (!s || (s->flags & H1_GONE)) return c->next_id - c->first_id >= 2 * LIMIT_PIPELINE;
    if (s->flags & H1_RECV_DONE)
        return !(s->flags & H1_HEADED) || c->next_id - c->first_id >= 2 * LIMIT_PIPELINE;
    return ((s->flags & H1_TUNNEL) && !(s->flags & H1_HEADED)) || s->held > c->config->held_max;
}

/* What the peer owes may lie in what was held back until now. */
static void pause(h1_conn *c, bool paused) {
    if (c->paused && !paused) {
        if (c->head_deadline) c->head_deadline = c->now_ms + c->config->head_ms;
        if (c->content_deadline) c->content_deadline = c->now_ms + c->config->content_ms;
    }
    c->paused = paused;
}

/* Nothing that comes is read any more: no request follows the last one. */
static bool is_deaf(const h1_conn *c) {
    const h1_stream *s = h1_conn_at(c, c->next_id - 2);
    bool open = s && !(s->flags & (H1_GONE | H1_RECV_DONE));
    if (open) return false;
    return c->closing || (c->server && s && (s->flags & H1_CLOSE));
}

static bool server_some(h1_conn *c, span *in, http_event *ev) {
    if (is_deaf(c)) {
        *in = span_skip(*in, in->n);
        return true;
    }
    if (in->n) pause(c, server_waits(c));
    if (c->paused) {
        ev->kind = in->n ? HTTP_EVENT_PAUSED : HTTP_EVENT_NONE;
        return true;
    }
    if (c->phase == H1_PHASE_BODY) return body_some(c, reading(c), in, ev);
    if (skip_blank(c, in, ev)) return false;
    size_t before = in->n;
    bool stop = head_some(c, in, ev);
    bool waits = before && in->n == before && ev->kind == HTTP_EVENT_NONE &&
                 c->ending == H1_ENDING_NO && !c->closing;
    pause(c, waits);
    if (waits) ev->kind = HTTP_EVENT_PAUSED; /* h2c waits for the queue */
    return stop;
}

static bool client_some(h1_conn *c, span *in, http_event *ev) {
    h1_stream *s = h1_conn_at(c, c->reading_id);
    if (c->switched) return true;
    if (in->n && c->bare && !c->closing) { /* who was dialled speaks first */
        ev->kind = HTTP_EVENT_PAUSED;
        return true;
    }
    if (in->n && (!s || (s->flags & H1_GONE))) {
        h1_conn_end(c, VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "bytes that answer no request"));
        return true;
    }
    if (in->n && s->held > c->config->held_max) {
        ev->kind = HTTP_EVENT_PAUSED;
        return true;
    }
    if (in->n) s->flags |= H1_HEARD;
    if (c->phase == H1_PHASE_BODY) return body_some(c, s, in, ev);
    return head_some(c, in, ev);
}

/* What the end of the peer's bytes means for the message that it cuts, or ends; and if the peer
 * reads on, for those that are whole. */
static void take_eof(h1_conn *c, http_event *ev) {
    h1_stream *s = reading(c);
    bool delimited = s && c->phase == H1_PHASE_BODY && c->body.framing == H1_BODY_CLOSE;
    bool goes_on = c->half && (c->live || c->out.bytes);
    if (delimited && (!c->server || (s->flags & H1_HEADED))) {
        c->closing = true;
        c->eof = !c->half;
        tell_data(c, s, span_of(NULL, 0), true, ev);
        content_done(c, s);
        return;
    }
    if (!s && goes_on) { /* a server whose answers are not all out */
        c->closing = true;
        c->eof = false;
        h1_recv_drop(c);
        return;
    }
    h1_conn_end(c, c->live ? VERDICT_ON_CONNECTION(H2_NO_ERROR, "closed by the peer") : VERDICT_OK);
}

bool h1_recv_ended(const h1_conn *c) {
    const h1_stream *s = reading(c);
    bool waits = c->half && s && (s->flags & H1_TUNNEL) && !(s->flags & H1_HEADED);
    return c->eof && !waits && c->ending == H1_ENDING_NO;
}

bool h1_recv_some(h1_conn *c, span *in, http_event *ev) {
    if (c->part_told) h1_recv_drop(c);
    if (h1_recv_ended(c)) {
        take_eof(c, ev);
        return true;
    }
    return c->server ? server_some(c, in, ev) : client_some(c, in, ev);
}

/* ---- clocks ---- */

void h1_recv_clock(h1_conn *c, http_event *ev) {
    if (c->ending != H1_ENDING_NO || c->paused || is_deaf(c)) return;
    if (c->head_deadline && c->now_ms >= c->head_deadline) {
        h1_recv_head_begun(c, span_of(c->part, c->part_n), ev);
        h1_recv_judge(c, H1_FAULT(408, "a head was not finished in time"), ev);
    } else if (c->content_deadline && c->now_ms >= c->content_deadline) {
        h1_recv_judge(c, H1_FAULT(408, "the content stopped coming"), ev);
    }
    if (ev->kind == HTTP_EVENT_NONE) *ev = (http_event){0};
}

uint64_t h1_recv_deadline(const h1_conn *c) {
    uint64_t head = c->head_deadline ? c->head_deadline : UINT64_MAX;
    uint64_t stall = c->content_deadline ? c->content_deadline : UINT64_MAX;
    if (c->ending != H1_ENDING_NO || c->paused || is_deaf(c)) return UINT64_MAX;
    return head < stall ? head : stall;
}
