/* What the connection tells, held against the order of a message and the windows it gave. */
#include "tests/fuzz/h2_game.h"

/* Those of the events that have some. */
static void check_fields(const http_event *ev) {
    bool some = ev->kind == HTTP_EVENT_REQUEST || ev->kind == HTTP_EVENT_INTERIM ||
                ev->kind == HTTP_EVENT_RESPONSE || ev->kind == HTTP_EVENT_TRAILERS ||
                ev->kind == HTTP_EVENT_PUSH;
    if (!some) return;
    for (size_t i = 0; i < ev->field_count; i++) {
        span name = ev->fields[i].name;
        if (name.n && *name.p == ':') span_take(&name, 1);
        game_demand(fields_name_valid_h2(name) && fields_value_valid(ev->fields[i].value));
    }
}

/* The stream of an event that belongs to one that was told before; NULL when it is past the table.
 */
static game_stream *known(game *g, const http_event *ev) {
    game_stream *s = game_find(g, ev->ref.id);
    if (!s) game_demand(g->stream_count == GAME_STREAMS);
    if (s) game_demand(s->told && !s->gone);
    return s;
}

static void on_request(game *g, const http_event *ev) {
    game_stream *s = game_find_or_add(g, ev->ref.id);
    game_demand(g->server && (ev->ref.id & 1) && ev->ref.id > g->last_request);
    g->last_request = ev->ref.id;
    if (!s) return;
    game_demand(!s->told);
    s->told = true;
    s->ref = ev->ref;
    s->ended = ev->end;
    if (g->auto_reply) game_applet_reply(g, s, (uint8_t)ev->ref.id, (uint8_t)(ev->ref.id * 37));
}

static void on_push(game *g, const http_event *ev) {
    game_stream *s = game_find_or_add(g, ev->ref.id);
    game_demand(!g->server && !(ev->ref.id & 1) && ev->ref.id > g->last_push);
    game_demand(ev->parent.id & 1);
    g->last_push = ev->ref.id;
    if (!s) return;
    game_demand(!s->told);
    s->told = true;
    s->ref = ev->ref;
}

static void on_response(game *g, const http_event *ev) {
    game_stream *s = known(g, ev);
    game_demand(!g->server);
    if (!s) return;
    game_demand(!s->answered && !s->ended);
    if (ev->kind == HTTP_EVENT_INTERIM) {
        game_demand(ev->summary.status / 100 == 1 && !ev->end);
        return;
    }
    game_demand(ev->summary.status >= 200);
    s->answered = true;
    s->ended = ev->end;
}

static void on_data(game *g, const http_event *ev) {
    game_stream *s = known(g, ev);
    game_demand(ev->credit == ev->data.n);
    g->told_bytes += (int64_t)ev->data.n;
    if (!s) return;
    game_demand(!s->ended && (g->server || s->answered));
    s->told_bytes += (int64_t)ev->data.n;
    s->ended = ev->end;
    s->owed += ev->credit;
    if (!g->auto_credit || !s->owed) return;
    /* The stream may have gone with its last DATA, or with content that nobody wants. */
    verdict v = h2_conn_credit(g->conn, s->ref, s->owed);
    game_demand(v.scope == VERDICT_NONE || v.code == VERDICT_BAD_CALL);
    s->owed = 0;
}

void game_check_given(const game *g) {
    /* The peer may not have seen our SETTINGS: the RFC's own window holds until then. */
    uint32_t initial = g->config.settings[H2_SLOT_INITIAL_WINDOW_SIZE];
    if (initial < 65535) initial = 65535;
    game_demand(g->told_bytes <= g->given);
    for (size_t i = 0; i < g->stream_count; i++)
        game_demand(g->streams[i].told_bytes <= g->streams[i].given + initial);
}

static void on_trailers(game *g, const http_event *ev) {
    game_stream *s = known(g, ev);
    game_demand(ev->end);
    if (!s) return;
    game_demand(!s->ended && (g->server || s->answered));
    s->ended = true;
}

static void on_closed(game *g, const http_event *ev) {
    game_stream *s = known(g, ev);
    game_demand(ev->user == g);
    if (!s) return;
    game_demand(s->attached);
    s->gone = true;
}

/* Who has attached something must have been told by now. */
static void on_over(game *g) {
    g->over = true;
    for (size_t i = 0; i < g->stream_count; i++)
        game_demand(!g->streams[i].attached || g->streams[i].gone);
}

void game_event(game *g, const http_event *ev) {
    game_demand(!g->over);
    check_fields(ev);
    switch (ev->kind) {
    case HTTP_EVENT_REQUEST:
    case HTTP_EVENT_REFUSED: on_request(g, ev); break;
    case HTTP_EVENT_PUSH: on_push(g, ev); break;
    case HTTP_EVENT_INTERIM:
    case HTTP_EVENT_RESPONSE: on_response(g, ev); break;
    case HTTP_EVENT_DATA: on_data(g, ev); break;
    case HTTP_EVENT_TRAILERS: on_trailers(g, ev); break;
    case HTTP_EVENT_CLOSED: on_closed(g, ev); break;
    case HTTP_EVENT_PONG:
        game_demand(g->ping_out && span_eq(ev->data, SPAN("ourping!")));
        g->ping_out = false;
        break;
    case HTTP_EVENT_OVER: on_over(g); break;
    default: break;
    }
}
