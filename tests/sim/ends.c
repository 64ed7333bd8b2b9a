/* How streams may end: which RST_STREAM and GOAWAY have a cause, and what must be true when a run
 * is quiet. */
#include "tests/sim/sim.h"

void model_reset(sim *s, stream *st, side by, uint32_t code) {
    const view *v = &st->view[by];
    const wire_half *half = &st->wire[by];
    const message *ours = &st->sent[by];
    peer *p = &s->peer[by];
    p->resets++;
    if (sim_starved(s)) return;
    if (half->resets > 1) { /* frames were still on their way, and the reset is forgotten */
        if (code == H2_STREAM_CLOSED && p->resets > LIMIT_RESET_MEMORY) return;
        sim_fail(s, "%s resets stream %u again", p->name, st->id);
    }
    if (v->reset_called && v->reset_code == code) return;
    if (ours->body && ours->body->failed && code == H2_INTERNAL_ERROR) return;
    if (by == SERVER && code == H2_REFUSED_STREAM && st->before_ack &&
        !st->sent[CLIENT].head.told) {
        st->refused = true;
        return;
    }
    if (by == SERVER && code == H2_NO_ERROR && st->too_large) return;
    if (by == SERVER && code == H2_NO_ERROR && model_ended(st, SERVER) &&
        st->sent[CLIENT].told > s->plan.config[SERVER].discard_max)
        return;
    if (peer_times_out(p, code)) {
        st->given_up = true;
        return;
    }
    if (by == CLIENT && st->pushed && !v->known) {
        if (code == H2_CANCEL && st->parent->wire[CLIENT].reset) return;
        if (code == H2_REFUSED_STREAM && p->drained) return;
        if (code == H2_REFUSED_STREAM && s->stream_count[SERVER] > LIMIT_RESERVED) return;
    }
    sim_fail(s, "%s resets stream %u with code %u, and nobody asked for it", p->name, st->id, code);
}

void model_goaway(sim *s, side by, const goaway_seen *g) {
    const peer *p = &s->peer[by];
    if (p->told_last > g->last)
        sim_fail(s, "%s was told of stream %u and denies it by GOAWAY %u", p->name, p->told_last,
                 g->last);
    if (sim_starved(s)) return;
    if (p->closed && g->code == p->close_code) return;
    if (p->drained && g->code == H2_NO_ERROR) return;
    if (p->timed_out) return;
    sim_fail(s, "%s sends GOAWAY with code %u, and nobody asked for it: %.*s", p->name, g->code,
             (int)g->text_n, (const char *)g->text);
}

static void body_final(sim *s, const stream *st, side from) {
    const body *b = st->sent[from].body;
    if (!b || !b->accepted) return;
    if (!b->released) sim_fail(s, "stream %u: its body is not released", st->id);
    if (b->given_back != b->lent) sim_fail(s, "stream %u: lent bytes did not come back", st->id);
}

/* Whether the stream was left unprocessed by rule. */
static bool refused(const sim *s, const stream *st) {
    const wire *w = &s->wire[st->pushed ? CLIENT : SERVER];
    return st->refused || (w->goaways && st->id > w->goaway[w->goaways - 1].last);
}

static void whole(sim *s, const stream *st, side from) {
    const message *m = &st->sent[from];
    const char *what = from == CLIENT ? "request" : "response";
    if (!model_ended(st, from)) sim_fail(s, "the %s of stream %u was not sent whole", what, st->id);
    if (!m->end_told) sim_fail(s, "the %s of stream %u did not come whole", what, st->id);
    if (m->body && m->told != m->body->size)
        sim_fail(s, "the %s of stream %u is %llu bytes, not %llu", what, st->id,
                 (unsigned long long)m->told, (unsigned long long)m->body->size);
    if (m->has_trailers && !m->trailers.told)
        sim_fail(s, "the %s of stream %u lost its trailers", what, st->id);
}

static void messages_final(sim *s, const stream *st) {
    if (refused(s, st)) return;
    const wire_half *server = &st->wire[SERVER];
    bool excused = st->given_up || st->wire[CLIENT].reset;
    for (int x = CLIENT; x <= SERVER; x++) {
        const body *b =
            st->sent[x].body; /* what was reset may not have come to the wire any more */
        excused = excused || st->view[x].reset_called || (b && b->failed);
    }
    if (excused) return;
    if (server->reset || st->too_large) { /* what the server did not want to hear; all else came */
        whole(s, st, SERVER);
        return;
    }
    whole(s, st, SERVER);
    if (!st->pushed) whole(s, st, CLIENT);
}

static void stream_final(sim *s, const stream *st, bool survived) {
    if (survived) messages_final(s, st);
    for (int x = CLIENT; x <= SERVER; x++) {
        const view *v = &st->view[x];
        const char *name = s->peer[x].name;
        body_final(s, st, (side)x);
        if (v->attached && !v->closed_told)
            sim_fail(s, "%s was not told CLOSED of stream %u", name, st->id);
        if (v->known && v->gone != 1)
            sim_fail(s, "%s traced the end of stream %u %u times", name, st->id, v->gone);
    }
}

void model_final(sim *s) {
    bool survived = !s->cut;
    for (int x = CLIENT; x <= SERVER; x++) {
        const peer *p = &s->peer[x];
        if (p->closed || p->timed_out) survived = false;
        if (p->cut_told && !p->over) sim_fail(s, "%s: streams were cut, but no OVER", p->name);
    }
    for (int x = CLIENT; x <= SERVER; x++)
        for (size_t i = 0; i < s->stream_count[x]; i++) stream_final(s, s->streams[x][i], survived);
    if (!survived) return;
    for (int x = CLIENT; x <= SERVER; x++) {
        const peer *p = &s->peer[x];
        if (p->over || p->eof) continue;
        if (p->settings_told != s->wire[x].settings_arrived)
            sim_fail(s, "%s was told %u SETTINGS of %u", p->name, p->settings_told,
                     s->wire[x].settings_arrived);
        if (p->ping_out) sim_fail(s, "%s: a PING was not answered", p->name);
    }
    const peer *client = &s->peer[CLIENT], *server = &s->peer[SERVER];
    if (client->over || server->over) return;
    if (client->notices_told != server->notices)
        sim_fail(s, "%u of %u notices were told", client->notices_told, server->notices);
    if (client->left_to_open && s->plan.config[SERVER].settings[H2_SLOT_MAX_CONCURRENT_STREAMS] &&
        !client->drained && !server->drained)
        sim_fail(s, "%u requests wait for room that does not come", client->left_to_open);
    rules_final(s);
    peer_check_idle(&s->peer[CLIENT]);
    peer_check_idle(&s->peer[SERVER]);
}
