/* The client's applet: opens requests when there is room, takes what comes. */
#include "tests/sim/sim.h"

static void open_next(peer *p) {
    sim *s = p->sim;
    if (p->left_to_open) applet_chore(p, CHORE_OPEN, s->now + sim_draw(s, s->plan.pace_ms + 1));
}

static message_kind draw_kind(sim *s) {
    if (!sim_chance(s, s->plan.with_connect)) return MESSAGE_REQUEST;
    return sim_chance(s, 60) ? MESSAGE_CONNECT : MESSAGE_EXTENDED;
}

/* A request with all that goes with it, which the core has not seen yet. */
static stream *draw_request(peer *p, message_kind kind) {
    sim *s = p->sim;
    stream *st = model_new(s);
    message *m = &st->sent[CLIENT];
    bool tunnel = kind != MESSAGE_REQUEST;
    uint64_t size = applet_size(p), length = FIELDS_NO_LENGTH;
    bool has_body = tunnel ? sim_chance(s, 80) : sim_chance(s, s->plan.with_body);
    if (!tunnel && sim_chance(s, s->plan.with_length)) length = has_body ? size : 0;
    message_draw(s, &m->head, kind, has_body && !tunnel ? "POST" : NULL, 0, length,
                 s->plan.field_most);
    st->connect = kind == MESSAGE_CONNECT;
    st->tunnel = tunnel;
    st->head_method = span_eq(message_value(&m->head, ":method"), SPAN("HEAD"));
    uint32_t most = s->plan.config[SERVER].settings[H2_SLOT_MAX_HEADER_LIST_SIZE];
    st->too_large = m->head.size > (most < LIMIT_HEADER_LIST ? most : LIMIT_HEADER_LIST);
    if (has_body) applet_body(p, st, size, !tunnel && sim_chance(s, s->plan.with_trailers));
    if (st->too_large) { /* the server's core answers for itself */
        message *answer = &st->sent[SERVER];
        message_draw(s, &answer->head, MESSAGE_RESPONSE, NULL, 431, FIELDS_NO_LENGTH, 0);
        answer->head.given = true;
    }
    return st;
}

/* Whether a refusal is what the state of the connection asks for. */
static void check_refusal(peer *p, message_kind kind, verdict v, uint32_t room) {
    sim *s = p->sim;
    bool wants_settings = kind == MESSAGE_EXTENDED && !p->settings_told;
    if (v.code == VERDICT_BUSY) {
        if (room && !wants_settings) sim_fail(s, "room for %u streams, but BUSY", room);
        p->waits_for_room = true;
    } else if (v.code == VERDICT_BAD_CALL) {
        bool has = s->plan.config[SERVER].settings[H2_SLOT_ENABLE_CONNECT_PROTOCOL];
        if (kind != MESSAGE_EXTENDED || has || wants_settings)
            sim_fail(s, "open is a bad call: %s", v.why);
        p->left_to_open--;
        open_next(p);
    } else {
        if (!sim_starved(s)) sim_fail(s, "open: %s", v.why);
        applet_chore(p, CHORE_OPEN, s->now + 1);
    }
}

void client_open(peer *p) {
    sim *s = p->sim;
    if (!p->left_to_open || p->waits_for_room || p->over) return;
    if (!h2_conn_room(p->conn) && sim_chance(s, 50)) {
        p->waits_for_room = true; /* ROOM comes without being asked for */
        return;
    }
    message_kind kind = draw_kind(s);
    stream *st = draw_request(p, kind);
    message *m = &st->sent[CLIENT];
    view *v = &st->view[CLIENT];
    uint32_t room = h2_conn_room(p->conn);
    bool attached = !sim_chance(s, s->plan.detached);
    http_ref ref = HTTP_NO_REF;
    field_list copy = message_copy(&m->head);
    verdict said =
        h2_conn_open(p->conn, copy.at, copy.n, body_face(m->body), attached ? v : NULL, &ref);
    message_free(&copy);
    log_note(s, p->name, "calls", "open", ref.id, said.code);
    if (said.scope != VERDICT_NONE) {
        model_drop(st);
        check_refusal(p, kind, said, room);
        return;
    }
    if (!room) sim_fail(s, "stream %u is opened, but there was no room", ref.id);
    p->left_to_open--;
    model_add(st, ref.id);
    applet_learn(p, st, ref, attached);
    applet_sent(p, st);
    open_next(p);
}

void client_event(peer *p, stream *st, const http_event *ev) {
    sim *s = p->sim;
    if (ev->kind == HTTP_EVENT_ROOM) {
        p->waits_for_room = false;
        open_next(p);
    } else if (ev->kind == HTTP_EVENT_GOAWAY) {
        p->left_to_open = 0;
    } else if (ev->kind == HTTP_EVENT_PUSH) {
        view *v = &st->view[CLIENT];
        bool attached = !sim_chance(s, s->plan.detached);
        applet_learn(p, st, ev->ref, false);
        if (attached && applet_done(p, st, h2_conn_attach(p->conn, ev->ref, v), "attach"))
            v->attached = true;
    }
}
