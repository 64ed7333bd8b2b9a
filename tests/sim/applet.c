/* What the applets of both sides do, each at its drawn time: credit, wake, trailers, resets,
 * priorities, calls that must be refused. */
#include "tests/sim/sim.h"

/* ---- times ---- */

void applet_plan(view *v, peer *p, duty d, uint64_t at) {
    v->at[d] = at;
    if (at < p->due) p->due = at;
}

static uint64_t soon(peer *p) {
    sim *s = p->sim;
    if (!sim_chance(s, s->plan.late)) return s->now;
    return s->now + sim_draw(s, s->plan.think_ms + 1);
}

void applet_later(view *v, peer *p, duty d) { applet_plan(v, p, d, soon(p)); }

void applet_chore(peer *p, chore c, uint64_t at) {
    p->at[c] = at;
    if (at < p->due) p->due = at;
}

/* ---- streams ---- */

void applet_learn(peer *p, stream *st, http_ref ref, bool attached) {
    sim *s = p->sim;
    view *v = &st->view[p->side];
    uint64_t life = s->plan.think_ms * (uint64_t)3 + 1;
    v->ref = ref;
    v->known = v->live = true;
    v->attached = attached;
    if (s->plan.resets && sim_chance(s, 20))
        applet_plan(v, p, DUTY_RESET, s->now + sim_draw(s, (uint32_t)life));
    if (sim_chance(s, s->plan.with_priority))
        applet_plan(v, p, DUTY_PRIORITIZE, s->now + sim_draw(s, (uint32_t)life));
    if (attached && sim_chance(s, s->plan.detached / 4))
        applet_plan(v, p, DUTY_DETACH, s->now + sim_draw(s, (uint32_t)life));
}

void applet_forget(peer *p, stream *st) {
    view *v = &st->view[p->side];
    v->live = false;
    p->held -= v->held;
    v->held = 0;
    for (int d = 0; d < DUTIES; d++) v->at[d] = SIM_NEVER;
    if (p->sim->plan.noise && (v->closed_told || v->reset_called)) applet_later(v, p, DUTY_STALE);
}

bool applet_done(peer *p, stream *st, verdict v, const char *call) {
    sim *s = p->sim;
    if (v.scope == VERDICT_NONE) return true;
    log_note(s, p->name, "fails", call, st->id, v.code);
    if (v.scope != VERDICT_CALLER)
        sim_fail(s, "%s: %s gives a verdict of scope %u", p->name, call, v.scope);
    if (v.code == VERDICT_NO_MEMORY) {
        if (!sim_starved(s)) sim_fail(s, "%s: %s: no memory", p->name, call);
    } else if (v.code == VERDICT_BAD_CALL) {
        st->view[p->side].stale = true;
        applet_forget(p, st);
    } else {
        sim_fail(s, "%s: %s is refused with %u: %s", p->name, call, v.code, v.why);
    }
    return false;
}

uint32_t applet_section_most(const peer *p) {
    const sim *s = p->sim;
    uint32_t most = s->plan.config[side_other(p->side)].settings[H2_SLOT_MAX_HEADER_LIST_SIZE];
    if (most > LIMIT_HEADER_LIST) most = LIMIT_HEADER_LIST;
    return most < s->plan.field_most ? most : s->plan.field_most;
}

/* A small window costs the receiver a WINDOW_UPDATE every few bytes, and these count as glitches:
 * LIMIT_GLITCH_BURST. */
uint64_t applet_size(peer *p) {
    sim *s = p->sim;
    static const uint32_t shares[] = {0, 1, 20, 100, 100, 500, 1000, 1000};
    uint32_t window = s->plan.config[side_other(p->side)].settings[H2_SLOT_INITIAL_WINDOW_SIZE];
    uint64_t most = window < s->plan.body_most / 300 ? (uint64_t)window * 300 : s->plan.body_most;
    uint64_t share = most * shares[sim_draw(s, sizeof shares / sizeof shares[0])] / 1000;
    uint64_t size = share ? sim_draw(s, (uint32_t)share + 1) : 0;
    uint32_t padding = s->plan.config[p->side].padding;
    if (window >= 2 * (LIMIT_SMALL_DATA + padding)) return size;
    uint64_t updates = padding ? size * 3 : size * 2 / window;
    if (p->updates + updates > LIMIT_GLITCH_BURST / 2) return 0;
    p->updates += updates;
    return size;
}

void applet_body(peer *p, stream *st, uint64_t size, bool with_trailers) {
    sim *s = p->sim;
    message *m = &st->sent[p->side];
    m->body = body_new(st, p->side, size);
    m->has_trailers = with_trailers;
    if (with_trailers)
        message_draw(s, &m->trailers, MESSAGE_TRAILERS, NULL, 0, FIELDS_NO_LENGTH,
                     applet_section_most(p));
}

static void send_trailers(peer *p, stream *st) {
    sim *s = p->sim;
    message *m = &st->sent[p->side];
    view *v = &st->view[p->side];
    field_list copy = message_copy(&m->trailers);
    verdict said = h2_conn_trailers(p->conn, v->ref, copy.at, copy.n);
    message_free(&copy);
    log_note(s, p->name, "calls", "trailers", st->id, m->trailers.n);
    if (!applet_done(p, st, said, "trailers")) {
        if (v->live) applet_plan(v, p, DUTY_TRAILERS, s->now + 1);
        return;
    }
    p->trailers_given += m->trailers.size + m->trailers.n * sizeof(http_field) + 64;
    m->trailers.given = true;
    if (m->body->waiting) applet_later(v, p, DUTY_WAKE);
}

void applet_sent(peer *p, stream *st) {
    message *m = &st->sent[p->side];
    view *v = &st->view[p->side];
    m->head.given = true;
    if (m->body) m->body->accepted = true;
    if (!m->has_trailers) return;
    if (sim_chance(p->sim, 50))
        send_trailers(p, st);
    else
        applet_later(v, p, DUTY_TRAILERS);
}

/* ---- duties ---- */

static void give_credit(peer *p, stream *st) {
    sim *s = p->sim;
    view *v = &st->view[p->side];
    size_t n = (size_t)v->held;
    if (s->plan.noise && sim_chance(s, 5) &&
        h2_conn_credit(p->conn, v->ref, n + 1).scope != VERDICT_CALLER)
        sim_fail(s, "%s: more credit than was told is taken, stream %u", p->name, st->id);
    if (n > 1 && sim_chance(s, 40)) n = 1 + sim_draw(s, (uint32_t)n);
    log_note(s, p->name, "calls", "credit", st->id, n);
    if (!applet_done(p, st, h2_conn_credit(p->conn, v->ref, n), "credit")) return;
    v->held -= n;
    p->held -= n;
    v->credited += n;
    if (v->held) applet_later(v, p, DUTY_CREDIT);
}

static void reset(peer *p, stream *st) {
    static const uint32_t codes[] = {H2_CANCEL, H2_NO_ERROR, H2_INTERNAL_ERROR, H2_REFUSED_STREAM,
                                     H2_ENHANCE_YOUR_CALM};
    sim *s = p->sim;
    view *v = &st->view[p->side];
    uint32_t code = codes[sim_draw(s, sizeof codes / sizeof codes[0])];
    log_note(s, p->name, "calls", "reset", st->id, code);
    if (!applet_done(p, st, h2_conn_reset(p->conn, v->ref, (h2_code)code), "reset")) return;
    v->reset_called = true;
    v->reset_code = code;
    applet_forget(p, st);
}

/* A reference that is known to be stale: every call must say so, and change nothing. */
static void stale(peer *p, stream *st) {
    sim *s = p->sim;
    const view *v = &st->view[p->side];
    h2_conn *c = p->conn;
    http_field status = HTTP_FIELD_OF(STATUS, SPAN("200"));
    http_ref ref = HTTP_NO_REF;
    verdict said[] = {h2_conn_reset(c, v->ref, H2_CANCEL),
                      h2_conn_credit(c, v->ref, 0),
                      h2_conn_credit(c, v->ref, 1),
                      h2_conn_wake(c, v->ref),
                      h2_conn_attach(c, v->ref, p),
                      h2_conn_prioritize(c, v->ref, 3, true),
                      h2_conn_trailers(c, v->ref, &status, 0),
                      h2_conn_reply(c, v->ref, &status, 1, HTTP_NO_BODY),
                      h2_conn_inform(c, v->ref, &status, 1),
                      h2_conn_push(c, v->ref, &status, 1, &ref)};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++)
        if (said[i].scope != VERDICT_CALLER || said[i].code != VERDICT_BAD_CALL)
            sim_fail(s, "%s: call %zu obeys the stale reference of stream %u", p->name, i, st->id);
}

static void prioritize(peer *p, stream *st) {
    sim *s = p->sim;
    view *v = &st->view[p->side];
    uint8_t urgency = (uint8_t)sim_draw(s, 8);
    if (s->plan.noise && h2_conn_prioritize(p->conn, v->ref, 8, false).scope != VERDICT_CALLER)
        sim_fail(s, "%s: urgency 8 is taken", p->name);
    log_note(s, p->name, "calls", "prioritize", st->id, urgency);
    applet_done(p, st, h2_conn_prioritize(p->conn, v->ref, urgency, sim_chance(s, 50)),
                "prioritize");
    if (v->live && sim_chance(s, 50))
        applet_plan(v, p, DUTY_PRIORITIZE, s->now + 1 + sim_draw(s, s->plan.think_ms + 1));
}

static void duty_do(peer *p, stream *st, duty d) {
    view *v = &st->view[p->side];
    body *b = st->sent[p->side].body;
    v->at[d] = SIM_NEVER;
    switch (d) {
    case DUTY_WAKE:
        if (b->ended || b->failed) return;
        b->waiting = false;
        log_note(p->sim, p->name, "calls", "wake", st->id, b->lent);
        applet_done(p, st, h2_conn_wake(p->conn, v->ref), "wake");
        return;
    case DUTY_CREDIT: give_credit(p, st); return;
    case DUTY_TRAILERS: send_trailers(p, st); return;
    case DUTY_RESET: reset(p, st); return;
    case DUTY_PRIORITIZE: prioritize(p, st); return;
    case DUTY_DETACH:
        if (applet_done(p, st, h2_conn_attach(p->conn, v->ref, NULL), "attach"))
            v->attached = false;
        return;
    case DUTY_STALE: stale(p, st); return;
    case DUTY_INFORM:
    case DUTY_PUSH:
    case DUTY_REPLY: server_duty(p, st, d); return;
    case DUTIES: return;
    }
}

/* ---- chores ---- */

static void ping(peer *p) {
    sim *s = p->sim;
    uint8_t opaque[8];
    bytes_put32(opaque, sim_draw(s, UINT32_MAX));
    bytes_put32(opaque + 4, 1); /* never what a splice or a drain says */
    verdict v = h2_conn_ping(p->conn, opaque);
    log_note(s, p->name, "calls", "ping", v.scope, v.code);
    if (v.scope == VERDICT_NONE) {
        if (p->ping_out) sim_fail(s, "%s: a second PING is taken", p->name);
        p->ping_out = true;
        memcpy(p->ping, opaque, sizeof opaque);
    } else if (v.code == VERDICT_BUSY && !p->ping_out) {
        sim_fail(s, "%s: PING is refused: %s", p->name, v.why);
    }
    if (sim_chance(s, 60)) applet_chore(p, CHORE_PING, s->now + 1 + sim_draw(s, 50));
}

static void chore_do(peer *p, chore c) {
    sim *s = p->sim;
    p->at[c] = SIM_NEVER;
    switch (c) {
    case CHORE_OPEN: client_open(p); return;
    case CHORE_PING: ping(p); return;
    case CHORE_ALTSVC:
    case CHORE_ORIGIN: notice_send(p, c == CHORE_ALTSVC); return;
    case CHORE_DRAIN:
        log_note(s, p->name, "calls", "drain", 0, 0);
        p->drained = true;
        p->left_to_open = 0;
        h2_conn_drain(p->conn, s->now);
        return;
    case CHORE_CLOSE:
        if (p->over || p->closed) return;
        p->close_code = sim_chance(s, 50) ? H2_NO_ERROR : H2_INTERNAL_ERROR;
        p->closed = true;
        log_note(s, p->name, "calls", "close", p->close_code, 0);
        h2_conn_close(p->conn, (h2_code)p->close_code, "closed by the run");
        return;
    case CHORES: return;
    }
}

/* ---- acting ---- */

bool applet_due(const peer *p) { return p->due <= p->sim->now; }

uint64_t applet_next(const peer *p) { return p->due; }

void applet_act(peer *p) {
    sim *s = p->sim;
    stream *chosen = NULL;
    int what = -1;
    uint32_t found = 0;
    p->due = SIM_NEVER;
    for (int c = 0; c < CHORES; c++) {
        if (p->at[c] <= s->now && sim_draw(s, ++found) == 0) what = c;
        if (p->at[c] < p->due) p->due = p->at[c];
    }
    for (int x = CLIENT; x <= SERVER; x++) {
        for (size_t i = 0; i < s->stream_count[x]; i++) {
            stream *st = s->streams[x][i];
            const view *v = &st->view[p->side];
            for (int d = 0; v->known && d < DUTIES; d++) {
                if (v->at[d] < p->due) p->due = v->at[d];
                if (v->at[d] > s->now || sim_draw(s, ++found) != 0) continue;
                chosen = st;
                what = d;
            }
        }
    }
    if (chosen)
        duty_do(p, chosen, (duty)what);
    else if (what >= 0)
        chore_do(p, (chore)what);
}

void applet_event(peer *p, stream *st, const http_event *ev) {
    sim *s = p->sim;
    view *v = st ? &st->view[p->side] : NULL;
    if (ev->kind == HTTP_EVENT_DATA && ev->data.n) {
        const h2_config *config = &s->plan.config[p->side];
        v->held += ev->data.n;
        p->held += ev->data.n;
        if (!s->plan.detached && p->held > (uint64_t)config->held_max + config->connection_window)
            sim_fail(s, "%s is told more than it may hold: %llu bytes", p->name,
                     (unsigned long long)p->held);
        if (s->plan.hoard && v->at[DUTY_CREDIT] == SIM_NEVER)
            applet_plan(v, p, DUTY_CREDIT, s->now + 3000 + sim_draw(s, 3000));
        else if (!s->plan.hoard && sim_chance(s, 30))
            give_credit(p, st);
        else if (v->at[DUTY_CREDIT] == SIM_NEVER)
            applet_later(v, p, DUTY_CREDIT);
    }
    if (p->side == CLIENT)
        client_event(p, st, ev);
    else
        server_event(p, st, ev);
    if (ev->kind == HTTP_EVENT_CLOSED) applet_forget(p, st);
}
