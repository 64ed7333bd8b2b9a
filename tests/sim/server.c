/* The server's applet: informs, pushes and answers, early or late. */
#include <stdio.h>

#include "tests/sim/sim.h"

static void learn(peer *p, stream *st, http_ref ref) {
    sim *s = p->sim;
    view *v = &st->view[SERVER];
    bool attached = !sim_chance(s, s->plan.detached);
    applet_learn(p, st, ref, false);
    if (attached && applet_done(p, st, h2_conn_attach(p->conn, ref, v), "attach"))
        v->attached = true;
}

void server_event(peer *p, stream *st, const http_event *ev) {
    sim *s = p->sim;
    if (ev->kind == HTTP_EVENT_REQUEST) {
        view *v = &st->view[SERVER];
        learn(p, st, ev->ref);
        if (!v->live) return;
        if (sim_chance(s, s->plan.with_interim)) applet_later(v, p, DUTY_INFORM);
        if (sim_chance(s, s->plan.with_push)) applet_later(v, p, DUTY_PUSH);
        v->reply_at_end = !ev->end && !st->tunnel && !sim_chance(s, s->plan.early_reply);
        if (!v->reply_at_end) applet_later(v, p, DUTY_REPLY);
        if (!v->reply_at_end && sim_chance(s, 20)) server_duty(p, st, DUTY_REPLY);
    } else if (st && ev->end && st->view[SERVER].reply_at_end && st->view[SERVER].live) {
        st->view[SERVER].reply_at_end = false;
        applet_later(&st->view[SERVER], p, DUTY_REPLY);
    }
}

static void inform(peer *p, stream *st) {
    static const unsigned statuses[] = {100, 102, 103, 199};
    sim *s = p->sim;
    message *m = &st->sent[SERVER];
    if (st->answered || m->interims == MAX_INTERIM) return;
    field_list *l = &m->interim[m->interims];
    message_draw(s, l, MESSAGE_INTERIM, NULL, statuses[sim_draw(s, 4)], FIELDS_NO_LENGTH,
                 applet_section_most(p));
    field_list copy = message_copy(l);
    verdict said = h2_conn_inform(p->conn, st->view[SERVER].ref, copy.at, copy.n);
    message_free(&copy);
    log_note(s, p->name, "calls", "inform", st->id, said.code);
    if (!applet_done(p, st, said, "inform")) {
        message_free(l);
        return;
    }
    l->given = true;
    m->interims++;
    if (sim_chance(s, 40)) applet_later(&st->view[SERVER], p, DUTY_INFORM);
}

static void push(peer *p, stream *parent) {
    sim *s = p->sim;
    if (model_ended(parent, SERVER)) return;
    stream *st = model_new(s);
    message *m = &st->sent[CLIENT]; /* the request that the server makes for the client */
    http_ref ref = HTTP_NO_REF;
    st->pushed = true;
    st->parent = parent;
    message_draw(s, &m->head, MESSAGE_PUSH, NULL, 0, FIELDS_NO_LENGTH, applet_section_most(p));
    st->head_method = span_eq(message_value(&m->head, ":method"), SPAN("HEAD"));
    m->head.given = true;
    field_list copy = message_copy(&m->head);
    verdict said = h2_conn_push(p->conn, parent->view[SERVER].ref, copy.at, copy.n, &ref);
    message_free(&copy);
    log_note(s, p->name, "calls", "push", parent->id, said.scope ? said.code : ref.id);
    if (said.scope == VERDICT_NONE) {
        if (parent->connected) sim_fail(s, "a promise on tunnel %u", parent->id);
        model_add(st, ref.id);
        learn(p, st, ref);
        applet_later(&st->view[SERVER], p, DUTY_REPLY);
        if (sim_chance(s, 30)) applet_later(&parent->view[SERVER], p, DUTY_PUSH);
        return;
    }
    model_drop(st);
    if (parent->connected) return; /* nothing is promised on a tunnel: RFC 9113 section 8.5 */
    if (said.code == VERDICT_BUSY && !p->over && !p->closed) {
        const uint32_t *settings = s->plan.config[CLIENT].settings;
        if (s->plan.splices || s->wire[CLIENT].goaways) return;
        if (settings[H2_SLOT_ENABLE_PUSH] &&
            s->stream_count[SERVER] < settings[H2_SLOT_MAX_CONCURRENT_STREAMS])
            sim_fail(s, "a push is refused: %s", said.why);
    } else {
        applet_done(p, parent, said, "push");
    }
}

static void reply(peer *p, stream *st) {
    static const unsigned statuses[] = {200, 200, 200, 200, 404, 500, 204, 304};
    sim *s = p->sim;
    message *m = &st->sent[SERVER];
    view *v = &st->view[SERVER];
    if (st->answered) return;
    unsigned status = statuses[sim_draw(s, sizeof statuses / sizeof statuses[0])];
    if (st->tunnel) status = sim_chance(s, 75) ? 200 : 403;
    bool tunnel = st->tunnel && status == 200, none = status == 204 || status == 304;
    uint64_t size = applet_size(p), length = FIELDS_NO_LENGTH;
    bool has_body = !none && !st->head_method && sim_chance(s, tunnel ? 80 : s->plan.with_body);
    if (!tunnel && status != 204 && sim_chance(s, s->plan.with_length))
        length = has_body || none || st->head_method ? size : 0;
    message_draw(s, &m->head, MESSAGE_RESPONSE, NULL, status, length, applet_section_most(p));
    if (has_body) applet_body(p, st, size, !tunnel && sim_chance(s, s->plan.with_trailers));
    field_list copy = message_copy(&m->head);
    verdict said = h2_conn_reply(p->conn, v->ref, copy.at, copy.n, body_face(m->body));
    message_free(&copy);
    log_note(s, p->name, "calls", "reply", st->id, status);
    if (applet_done(p, st, said, "reply")) {
        st->answered = true;
        st->connected = tunnel;
        applet_sent(p, st);
        return;
    }
    message_free(&m->head);
    message_free(&m->trailers);
    body_free(m->body);
    m->body = NULL;
    m->has_trailers = false;
    if (v->live) applet_plan(v, p, DUTY_REPLY, s->now + 1); /* memory was refused */
}

void server_duty(peer *p, stream *st, duty d) {
    view *v = &st->view[SERVER];
    v->at[d] = SIM_NEVER;
    if (d == DUTY_INFORM) inform(p, st);
    if (d == DUTY_PUSH) push(p, st);
    if (d == DUTY_REPLY) reply(p, st);
}
