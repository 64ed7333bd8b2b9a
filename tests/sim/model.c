/* Every stream of a run: what its two sides sent, against what they were told. */
#include <stdlib.h>

#include "tests/sim/sim.h"

/* ---- streams ---- */

stream *model_new(sim *s) {
    stream *st = memory_block(sizeof *st);
    *st = (stream){.sim = s};
    for (int x = CLIENT; x <= SERVER; x++)
        for (int d = 0; d < DUTIES; d++) st->view[x].at[d] = SIM_NEVER;
    return st;
}

void model_add(stream *st, uint32_t id) {
    sim *s = st->sim;
    side opener = id % 2 ? CLIENT : SERVER;
    size_t n = s->stream_count[opener];
    if (id != n * 2 + (opener == CLIENT ? 1 : 2))
        sim_fail(s, "stream %u is opened as number %zu of its side", id, n + 1);
    if (n == s->stream_room[opener]) {
        s->stream_room[opener] = n * 2 + 8;
        s->streams[opener] = realloc(s->streams[opener], s->stream_room[opener] * sizeof(stream *));
        if (!s->streams[opener]) sim_fail(s, "out of memory");
    }
    st->id = id;
    s->streams[opener][s->stream_count[opener]++] = st;
}

void model_drop(stream *st) {
    for (int x = CLIENT; x <= SERVER; x++) {
        message *m = &st->sent[x];
        for (unsigned i = 0; i < MAX_INTERIM; i++) message_free(&m->interim[i]);
        message_free(&m->head);
        message_free(&m->trailers);
        body_free(m->body);
    }
    free(st);
}

stream *model_find(const sim *s, uint32_t id) {
    side opener = id % 2 ? CLIENT : SERVER;
    if (id == 0) return NULL;
    size_t n = opener == CLIENT ? id / 2 : id / 2 - 1;
    return n < s->stream_count[opener] ? s->streams[opener][n] : NULL;
}

void model_free(sim *s) {
    for (int x = CLIENT; x <= SERVER; x++) {
        for (size_t i = 0; i < s->stream_count[x]; i++) model_drop(s->streams[x][i]);
        free(s->streams[x]);
    }
}

bool model_ended(const stream *st, side from) {
    const message *m = &st->sent[from];
    if (!m->head.given) return false;
    return m->body ? m->body->ended : true;
}

/* ---- events ---- */

static void same_fields(peer *p, const stream *st, field_list *l, const http_event *ev,
                        const char *what) {
    const char *differs = message_differs(l, ev->fields, ev->field_count);
    if (differs)
        sim_fail(p->sim, "%s is told %s of stream %u with %s", p->name, what, st->id, differs);
    if (l->told) sim_fail(p->sim, "%s is told %s of stream %u twice", p->name, what, st->id);
    l->told = true;
}

static void same_summary(peer *p, const stream *st, const field_list *l, const http_event *ev) {
    span method = message_value(l, ":method"), path = message_value(l, ":path");
    span length = message_value(l, "content-length");
    uint64_t n = FIELDS_NO_LENGTH;
    if (length.p) bytes_get_decimal(length, UINT64_MAX - 1, &n);
    if (!span_eq(method, ev->summary.method) || !span_eq(path, ev->summary.path) ||
        n != ev->summary.content_length)
        sim_fail(p->sim, "%s is told a wrong summary of stream %u", p->name, st->id);
}

/* The stream of an event that needs one the applet knows. */
static stream *known(peer *p, const http_event *ev) {
    sim *s = p->sim;
    stream *st = model_find(s, ev->ref.id);
    if (!st || !st->view[p->side].known)
        sim_fail(s, "%s is told event %d of unknown stream %u", p->name, (int)ev->kind, ev->ref.id);
    view *v = &st->view[p->side];
    if (v->ref.slot != ev->ref.slot) sim_fail(s, "%s: stream %u has moved", p->name, st->id);
    if (v->closed_told)
        sim_fail(s, "%s: event %d after CLOSED of %u", p->name, (int)ev->kind, st->id);
    if (ev->user != (v->attached ? v : NULL))
        sim_fail(s, "%s: event %d of stream %u with a wrong user", p->name, (int)ev->kind, st->id);
    if (ev->kind == HTTP_EVENT_CLOSED) return st;
    if (v->stale || v->reset_called)
        sim_fail(s, "%s: event %d of stream %u after its end", p->name, (int)ev->kind, st->id);
    return st;
}

/* A stream that is new to this side; its ref is checked by what follows. */
static stream *unknown(peer *p, const http_event *ev) {
    sim *s = p->sim;
    stream *st = model_find(s, ev->ref.id);
    if (!st || st->view[p->side].known || st->pushed != (p->side == CLIENT))
        sim_fail(s, "%s is told of stream %u as if it were new", p->name, ev->ref.id);
    if (ev->ref.id <= p->told_last)
        sim_fail(s, "%s is told of stream %u after %u", p->name, ev->ref.id, p->told_last);
    p->told_last = ev->ref.id;
    if (ev->user && ev->kind != HTTP_EVENT_PUSH)
        sim_fail(s, "%s: a new stream has a user", p->name);
    for (unsigned i = 0; i < s->wire[p->side].goaways; i++)
        if (ev->ref.id > s->wire[p->side].goaway[i].last)
            sim_fail(s, "%s is told of stream %u, which GOAWAY refused", p->name, ev->ref.id);
    return st;
}

static void end_of(peer *p, const stream *st, message *m, bool said, bool ends) {
    if (said != ends)
        sim_fail(p->sim, "%s is told %s end of stream %u", p->name, said ? "a wrong" : "no",
                 st->id);
    m->end_told = said;
}

static stream *request(peer *p, const http_event *ev) {
    stream *st = unknown(p, ev);
    message *m = &st->sent[CLIENT];
    if (st->too_large) sim_fail(p->sim, "stream %u is too large to be told", st->id);
    same_fields(p, st, &m->head, ev, "REQUEST");
    same_summary(p, st, &m->head, ev);
    if (ev->summary.connect != st->connect)
        sim_fail(p->sim, "stream %u is a wrong CONNECT", st->id);
    end_of(p, st, m, ev->end, m->body == NULL);
    return st;
}

/* Its core answers for itself, as the applet lets it. */
static void refused(peer *p, const http_event *ev) {
    stream *st = unknown(p, ev);
    if (!st->too_large || ev->summary.status != 431)
        sim_fail(p->sim, "stream %u is refused with %u", st->id, ev->summary.status);
    end_of(p, st, &st->sent[CLIENT], ev->end, st->sent[CLIENT].body == NULL);
}

static stream *promise(peer *p, const http_event *ev) {
    stream *st = unknown(p, ev);
    message *m = &st->sent[CLIENT];
    same_fields(p, st, &m->head, ev, "PUSH");
    same_summary(p, st, &m->head, ev);
    const view *parent = &st->parent->view[CLIENT];
    if (ev->parent.id != st->parent->id || ev->parent.slot != parent->ref.slot)
        sim_fail(p->sim, "PUSH of stream %u with a wrong parent", st->id);
    if (ev->user != (parent->attached ? parent : NULL))
        sim_fail(p->sim, "PUSH of stream %u with a wrong user", st->id);
    if (parent->closed_told || parent->reset_called)
        sim_fail(p->sim, "PUSH of stream %u on one that is closed", st->id);
    m->end_told = true;
    return st;
}

static stream *response(peer *p, const http_event *ev) {
    stream *st = known(p, ev);
    message *m = &st->sent[SERVER];
    sim *s = p->sim;
    if (m->head.told) sim_fail(s, "fields of stream %u after its response", st->id);
    if (ev->kind == HTTP_EVENT_INTERIM) {
        if (m->interims_told == m->interims) sim_fail(s, "stream %u: one 1xx too many", st->id);
        same_fields(p, st, &m->interim[m->interims_told++], ev, "INTERIM");
        return st;
    }
    if (m->interims_told != m->interims) sim_fail(s, "stream %u: a 1xx is missing", st->id);
    if (!m->head.given) sim_fail(s, "stream %u: a response that nobody gave", st->id);
    same_fields(p, st, &m->head, ev, "RESPONSE");
    same_summary(p, st, &m->head, ev);
    end_of(p, st, m, ev->end, m->body == NULL);
    return st;
}

static stream *content(peer *p, const http_event *ev) {
    sim *s = p->sim;
    stream *st = known(p, ev);
    side from = side_other(p->side);
    message *m = &st->sent[from];
    if (!m->head.told || m->end_told || !m->body)
        sim_fail(s, "%s: DATA of stream %u out of place", p->name, st->id);
    if (m->told + ev->data.n > m->body->lent)
        sim_fail(s, "%s: more DATA of stream %u than was lent", p->name, st->id);
    if (!body_same(s, st->id, from, m->told, ev->data))
        sim_fail(s, "%s: wrong bytes of stream %u at %llu", p->name, st->id,
                 (unsigned long long)m->told);
    if (ev->credit != ev->data.n) sim_fail(s, "%s: stream %u: a wrong credit", p->name, st->id);
    if (!ev->data.n && !ev->end) sim_fail(s, "%s: stream %u: empty DATA", p->name, st->id);
    m->told += ev->data.n;
    p->told += ev->data.n;
    if (p->told != p->traced) sim_fail(s, "%s: the trace counts another content", p->name);
    if (ev->end)
        end_of(p, st, m, true, m->body->ended && m->told == m->body->size && !m->has_trailers);
    return st;
}

static stream *trailers(peer *p, const http_event *ev) {
    stream *st = known(p, ev);
    message *m = &st->sent[side_other(p->side)];
    if (!m->head.told || m->end_told || !m->trailers.given || m->told != m->body->size)
        sim_fail(p->sim, "%s: trailers of stream %u out of place", p->name, st->id);
    same_fields(p, st, &m->trailers, ev, "TRAILERS");
    end_of(p, st, m, ev->end, m->body->ended);
    return st;
}

/* Why a stream may be gone before both sides were done. */
static bool may_close_early(peer *p, const stream *st, const http_event *ev) {
    sim *s = p->sim;
    const view *v = &st->view[p->side];
    const message *ours = &st->sent[p->side];
    const wire_half *theirs = &st->wire[side_other(p->side)];
    if (ev->by_peer)
        return theirs->reset && theirs->reset_code == ev->code &&
               ev->never_processed == (ev->code == H2_REFUSED_STREAM);
    if (v->reset_called) return v->reset_code == ev->code && !ev->never_processed;
    if (ours->body && ours->body->failed && ev->code == H2_INTERNAL_ERROR) return true;
    if (ev->never_processed) {
        const wire *w = &s->wire[side_other(p->side)];
        return ev->code == H2_REFUSED_STREAM && w->goaways &&
               w->goaway[w->goaways - 1].last < st->id;
    }
    if (p->side == SERVER && ev->code == H2_NO_ERROR && model_ended(st, SERVER) &&
        st->sent[CLIENT].told > s->plan.config[SERVER].discard_max)
        return true;
    if (peer_times_out(p, ev->code)) return true;
    p->cut_told = true; /* OVER must follow */
    return p->eof || p->closed || sim_starved(s);
}

static stream *closed(peer *p, const http_event *ev) {
    sim *s = p->sim;
    stream *st = known(p, ev);
    view *v = &st->view[p->side];
    side from = side_other(p->side);
    if (!v->attached) sim_fail(s, "%s: CLOSED of stream %u, which has no user", p->name, st->id);
    if (ev->early_close) {
        if (!may_close_early(p, st, ev))
            sim_fail(s, "%s: stream %u closed early without a cause: code %u, %s", p->name, st->id,
                     ev->code, ev->verdict.why ? ev->verdict.why : "");
    } else if (!model_ended(st, p->side) && !(st->pushed && p->side == CLIENT)) {
        sim_fail(s, "%s: stream %u closed before all was sent", p->name, st->id);
    } else if (!st->sent[from].end_told && !(st->pushed && p->side == SERVER)) {
        sim_fail(s, "%s: stream %u closed before all was told", p->name, st->id);
    } else if (ev->by_peer || ev->never_processed || ev->code || ev->verdict.scope) {
        sim_fail(s, "%s: stream %u was done, but closed with code %u", p->name, st->id, ev->code);
    }
    v->closed_told = true;
    return st;
}

static void over(peer *p, const http_event *ev) {
    sim *s = p->sim;
    verdict v = ev->verdict;
    bool fine = v.scope == VERDICT_NONE;
    for (int x = CLIENT; x <= SERVER; x++)
        for (size_t i = 0; i < s->stream_count[x]; i++) {
            const view *w = &s->streams[x][i]->view[p->side];
            if (w->attached && !w->closed_told)
                sim_fail(s, "%s: OVER before CLOSED of stream %u", p->name, s->streams[x][i]->id);
        }
    if (p->over) sim_fail(s, "%s: OVER twice", p->name);
    p->over = true;
    if (sim_starved(s)) return;
    bool drained = p->drained && fine && !p->cut_told;
    bool cut = p->eof && v.code == H2_NO_ERROR;
    bool closed = p->closed && v.code == p->close_code && fine == (v.code == H2_NO_ERROR);
    p->timed_out = !fine && peer_times_out(p, v.code);
    if (!drained && !cut && !closed && !p->timed_out)
        sim_fail(s, "%s: OVER without a cause: code %u, %s", p->name, v.code, v.why ? v.why : "");
}

static void goaway(peer *p, const http_event *ev) {
    wire *w = &p->sim->wire[side_other(p->side)];
    if (w->goaways_told == w->goaways) sim_fail(p->sim, "%s: GOAWAY of nobody", p->name);
    const goaway_seen *g = &w->goaway[w->goaways_told++];
    if (g->last != ev->last_id || g->code != ev->code ||
        !span_eq(ev->data, span_of(g->text, g->text_n)))
        sim_fail(p->sim, "%s: GOAWAY is told wrongly", p->name);
    if (h2_conn_room(p->conn)) sim_fail(p->sim, "%s has room after GOAWAY", p->name);
}

stream *model_event(peer *p, const http_event *ev) {
    sim *s = p->sim;
    if (p->over) sim_fail(s, "%s: event %d after OVER", p->name, (int)ev->kind);
    switch (ev->kind) {
    case HTTP_EVENT_REQUEST: return request(p, ev);
    case HTTP_EVENT_REFUSED: refused(p, ev); return NULL;
    case HTTP_EVENT_PUSH: return promise(p, ev);
    case HTTP_EVENT_INTERIM:
    case HTTP_EVENT_RESPONSE: return response(p, ev);
    case HTTP_EVENT_DATA: return content(p, ev);
    case HTTP_EVENT_TRAILERS: return trailers(p, ev);
    case HTTP_EVENT_CLOSED: return closed(p, ev);
    case HTTP_EVENT_OVER: over(p, ev); return NULL;
    case HTTP_EVENT_GOAWAY: goaway(p, ev); return NULL;
    case HTTP_EVENT_SETTINGS: p->settings_told++; return NULL;
    case HTTP_EVENT_PONG:
        if (!p->ping_out || !span_eq(ev->data, span_of(p->ping, 8)))
            sim_fail(s, "%s: PONG without a PING", p->name);
        p->ping_out = false;
        return NULL;
    case HTTP_EVENT_ROOM:
        if (!h2_conn_room(p->conn)) sim_fail(s, "%s: ROOM, but there is none", p->name);
        return NULL;
    case HTTP_EVENT_ALTSVC:
    case HTTP_EVENT_ORIGIN: notice_told(p, ev); return NULL;
    case HTTP_EVENT_NONE:
    case HTTP_EVENT_PAUSED: break;
    }
    sim_fail(s, "%s: event %d is none", p->name, (int)ev->kind);
}
