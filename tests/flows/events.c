/* What step told, put into words for `event` lines. */
#include <stdlib.h>

#include "tests/flows/flow.h"

void events_learn(player *p, http_ref ref) {
    p->refs = realloc(p->refs, (p->ref_count + 1) * sizeof *p->refs);
    if (!p->refs) abort();
    p->refs[p->ref_count++] = ref;
}

/* Also the reference of a stream that is gone: scripts try what becomes of stale ones. */
http_ref events_ref(player *p, uint32_t id) {
    for (size_t i = p->ref_count; i-- > 0;)
        if (p->refs[i].id == id) return p->refs[i];
    if (!p->lenient) flow_fail(p, "stream %u was never told or opened", id);
    return (http_ref){0, id};
}

static const char *code_name(uint32_t code) {
    const char *name = h2_frame_code_name(code);
    return name ? name : "UNKNOWN";
}

static void fields_event(player *p, const char *kind, const http_event *ev) {
    char status[8] = "";
    if (ev->kind == HTTP_EVENT_INTERIM || ev->kind == HTTP_EVENT_RESPONSE)
        snprintf(status, sizeof status, " %u", ev->summary.status);
    log_entry *e = log_add(&p->events, "%s %u%s%s%s", kind, ev->ref.id, status,
                           ev->tunnel ? " tunnel" : "", ev->end ? " end" : "");
    e->id = ev->ref.id;
    log_alt_fields(e, ev->fields, ev->field_count);
}

/* How a body is cut into events depends on how its bytes came: what belongs together is joined. */
static void body_event(player *p, const http_event *ev) {
    log_entry *e = log_last(&p->events);
    if (ev->credit != ev->data.n) flow_fail(p, "DATA owes another credit than it has bytes");
    if (!e || !e->is_body || e->id != ev->ref.id || e->end) e = log_add(&p->events, "DATA");
    e->is_body = true;
    e->id = ev->ref.id;
    e->end = ev->end;
    bytes_buf_put(&e->body, ev->data.p, ev->data.n);
}

static void attach(player *p, http_ref ref) {
    session *s = pump_session(p);
    verdict v = s ? session_attach(s, ref, p) : h2_conn_attach(p->conn, ref, p);
    if (v.scope != VERDICT_NONE && !p->lenient) flow_fail(p, "cannot attach: %s", v.why);
}

/* With `set page` the applet answers within the event, as it may. */
static void refused(player *p, const http_event *ev) {
    char line[400];
    log_entry *e = log_add(&p->events, "REFUSED %u %u%s", ev->ref.id, ev->summary.status,
                           ev->end ? " end" : "");
    log_alt_fields(e, ev->fields, ev->field_count);
    if (!ev->field_count) log_alt(e, 0, "| nothing");
    if (!ev->user) events_learn(p, ev->ref);
    if (!p->page) return;
    if (!ev->user) attach(p, ev->ref);
    snprintf(line, sizeof line, "reply %u %u body %s", ev->ref.id, ev->summary.status, p->page);
    actions_do(p, line);
}

void events_add(player *p, const http_event *ev) {
    log_entry *e;
    switch (ev->kind) {
    case HTTP_EVENT_REQUEST:
        fields_event(p, "REQUEST", ev);
        events_learn(p, ev->ref);
        if (p->attach) attach(p, ev->ref);
        break;
    case HTTP_EVENT_REFUSED: refused(p, ev); break;
    case HTTP_EVENT_INTERIM: fields_event(p, "INTERIM", ev); break;
    case HTTP_EVENT_RESPONSE: fields_event(p, "RESPONSE", ev); break;
    case HTTP_EVENT_TRAILERS: fields_event(p, "TRAILERS", ev); break;
    case HTTP_EVENT_DATA: body_event(p, ev); break;
    case HTTP_EVENT_PUSH:
        e = log_add(&p->events, "PUSH %u on %u", ev->ref.id, ev->parent.id);
        log_alt_fields(e, ev->fields, ev->field_count);
        events_learn(p, ev->ref);
        if (p->attach) attach(p, ev->ref);
        break;
    case HTTP_EVENT_CLOSED:
        log_add(&p->events, "CLOSED %u %s%s%s", ev->ref.id, code_name(ev->code),
                ev->early_close ? " early" : "", ev->never_processed ? " retry" : "");
        if (ev->user != p && !p->lenient) flow_fail(p, "CLOSED without its user");
        break;
    case HTTP_EVENT_ROOM: log_add(&p->events, "ROOM"); break;
    case HTTP_EVENT_SETTINGS: log_add(&p->events, "SETTINGS"); break;
    case HTTP_EVENT_PONG: log_alt_text(log_add(&p->events, "PONG"), 0, ev->data); break;
    case HTTP_EVENT_GOAWAY:
        e = log_add(&p->events, "GOAWAY %u %s", ev->last_id, code_name(ev->code));
        log_alt_text(e, 0, ev->data);
        break;
    case HTTP_EVENT_ALTSVC:
        e = log_add(&p->events, "ALTSVC %u", ev->ref.id);
        log_alt_text(e, 0, ev->name);
        log_alt_text(e, 1, ev->data);
        break;
    case HTTP_EVENT_ORIGIN: log_alt_text(log_add(&p->events, "ORIGIN"), 0, ev->data); break;
    case HTTP_EVENT_OVER:
        log_add(&p->events, "OVER %s",
                ev->verdict.scope == VERDICT_NONE ? "drained" : code_name(ev->verdict.code));
        break;
    case HTTP_EVENT_NONE:
    case HTTP_EVENT_PAUSED: break;
    }
}
