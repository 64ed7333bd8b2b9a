/* The applet of a game: calls on streams it knows and on stale ones, bodies that pause and fail. */
#include "tests/fuzz/h2_game.h"

struct game_body {
    game_body *next;
    uint32_t id; /* of its stream, 0 while the call is not done */
    size_t size, piece, pause_at, fail_at, lent, back;
    bool woken, accepted, released, ended;
};

static const uint8_t content[40000];

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    game_body *b = user;
    *lent = (span){NULL, 0};
    game_demand(b->accepted && !b->released && !b->ended && offset == b->lent);
    size_t n = b->size - b->lent;
    if (n > want) n = want;
    if (n > b->piece) n = b->piece;
    if (b->lent + n > b->fail_at) {
        b->ended = true;
        return HTTP_PULL_FAILED;
    }
    if (!b->woken && b->lent + n > b->pause_at) n = b->pause_at - b->lent;
    *lent = span_of(content + b->lent, n);
    b->lent += n;
    b->ended = b->lent == b->size;
    if (b->ended) return HTTP_PULL_END;
    return !b->woken && b->lent == b->pause_at ? HTTP_PULL_LATER : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    game_body *b = user;
    b->back += n;
    game_demand(b->back <= b->lent && !b->released);
}

static void release(void *user) {
    game_body *b = user;
    game_demand(b->accepted && !b->released && b->back == b->lent);
    b->released = true;
}

static const http_body_ops ops = {pull, done, release};

/* A byte says all about a body: size, pieces, whether it pauses and fails. 0: none. */
static http_body new_body(game *g, uint8_t how, game_body **made) {
    static const size_t sizes[] = {0, 10, 3000, 40000};
    *made = NULL;
    if (!how) return HTTP_NO_BODY;
    game_body *b = calloc(1, sizeof *b);
    game_demand(b != NULL);
    b->size = sizes[how & 3];
    b->piece = how & 4 ? 700 : SIZE_MAX;
    b->pause_at = how & 8 ? b->size / 2 : SIZE_MAX;
    b->fail_at = how & 16 ? b->size / 3 : SIZE_MAX;
    b->next = g->bodies;
    g->bodies = b;
    *made = b;
    /* Output comes after the call: until then nobody may pull. */
    return (http_body){&ops, b};
}

void game_applet_end(game *g) {
    while (g->bodies) {
        game_body *b = g->bodies;
        g->bodies = b->next;
        game_demand(b->released == b->accepted);
        free(b);
    }
}

/* ---- calls ---- */

/* A call went well, or it was refused as one that could be. */
static bool went(const game_stream *s, verdict v) {
    game_demand(v.scope == VERDICT_NONE || v.scope == VERDICT_CALLER);
    if (s && s->gone) game_demand(v.scope == VERDICT_CALLER && v.code == VERDICT_BAD_CALL);
    return v.scope == VERDICT_NONE;
}

static http_ref ref_of(const game_stream *s) {
    return s && s->told ? s->ref : (http_ref){3, H2_ID_MASK};
}

static span many(size_t n) {
    static uint8_t letters[40000];
    if (!letters[0]) memset(letters, 'x', sizeof letters);
    return span_of(letters, n);
}

void game_applet_reply(game *g, game_stream *s, uint8_t status, uint8_t how) {
    static const char *const statuses[] = {"200", "204", "304", "404", "500", "206", "421", "200"};
    http_field fields[] = {HTTP_FIELD_OF(STATUS, span_str(statuses[status & 7])),
                           HTTP_FIELD_OF(SERVER, SPAN("h2box")), HTTP_FIELD_OF(DATE, SPAN("")),
                           HTTP_FIELD_OF(LOCATION, SPAN("/"))};
    game_body *b;
    fields[2].value = many(status >> 6);
    if (status >= 0xf8) fields[3].value = many(status * 150u); /* CONTINUATION, slow to encode */
    http_body body = new_body(g, how, &b);
    bool good = went(s, h2_conn_reply(g->conn, ref_of(s), fields, 1 + (status >> 3 & 3), body));
    if (good && b) b->accepted = true, b->id = s->id;
}

static void move_open(game *g) {
    uint8_t what = game_byte(g), how = game_byte(g);
    static const char *const methods[] = {"GET", "POST", "HEAD", "CONNECT"};
    span method = span_str(methods[what & 3]);
    http_field fields[] = {HTTP_FIELD_OF(METHOD, method), HTTP_FIELD_OF(AUTHORITY, SPAN("a:1")),
                           HTTP_FIELD_OF(SCHEME, SPAN("http")), HTTP_FIELD_OF(PATH, SPAN("/")),
                           HTTP_FIELD_OF(COOKIE, many(what < 0xf8 ? what : what * 80u))};
    bool connect = (what & 3) == 3, extended = (what & 7) == 7;
    size_t n = extended || (what & 4) ? 5 : connect ? 2 : 4;
    if (extended) fields[4] = HTTP_FIELD_OF(PROTOCOL, SPAN("websocket")); /* RFC 8441 */
    game_body *b;
    http_ref ref;
    http_body body = new_body(g, how, &b);
    uint32_t room = h2_conn_room(g->conn);
    verdict v = h2_conn_open(g->conn, fields, n, body, what & 8 ? NULL : g, &ref);
    /* Extended CONNECT also waits for the server's SETTINGS. */
    if (room && !extended) game_demand(v.scope == VERDICT_NONE || v.code != VERDICT_BUSY);
    if (!went(NULL, v)) return;
    game_demand(!g->server && room);
    if (b) b->accepted = true, b->id = ref.id;
    game_stream *s = game_find_or_add(g, ref.id);
    if (!s) return;
    s->told = true;
    s->ref = ref;
    s->attached = !(what & 8);
}

static void move_push(game *g) {
    game_stream *parent = game_pick(g, game_byte(g));
    span path = span_head(SPAN("/abcdefgh"), 1u + game_byte(g) % 9);
    http_field fields[] = {HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
                           HTTP_FIELD_OF(AUTHORITY, SPAN("a")), HTTP_FIELD_OF(PATH, path)};
    http_ref ref;
    if (!went(parent, h2_conn_push(g->conn, ref_of(parent), fields, 4, &ref))) return;
    game_demand(g->server);
    game_stream *s = game_find_or_add(g, ref.id);
    if (!s) return;
    s->told = true;
    s->ref = ref;
}

static void move_credit(game *g) {
    game_stream *s = game_pick(g, game_byte(g));
    uint8_t share = game_byte(g);
    size_t n = s ? s->owed * share / 255 : 1;
    if (went(s, h2_conn_credit(g->conn, ref_of(s), n)) && s) s->owed -= n;
}

static void move_wake(game *g) {
    game_stream *s = game_pick(g, game_byte(g));
    for (game_body *b = g->bodies; s && b; b = b->next)
        if (b->id == s->id) b->woken = true;
    went(s, h2_conn_wake(g->conn, ref_of(s)));
}

static void move_attach(game *g, bool attach) {
    game_stream *s = game_pick(g, game_byte(g));
    if (went(s, h2_conn_attach(g->conn, ref_of(s), attach ? g : NULL)) && s) s->attached = attach;
}

static void move_trailers(game *g) {
    game_stream *s = game_pick(g, game_byte(g));
    http_field fields[3];
    for (size_t i = 0; i < 3; i++) fields[i] = HTTP_FIELD_OF(ETAG, many(i * 10));
    went(s, h2_conn_trailers(g->conn, ref_of(s), fields, game_byte(g) % 4));
}

static void move_advertise(game *g, bool origin) {
    uint8_t n = game_byte(g);
    span entries[] = {SPAN("https://a.test"), many(n * 8u)};
    if (origin)
        went(NULL, h2_conn_origin(g->conn, entries, n % 3));
    else
        went(NULL, h2_conn_altsvc(g->conn, entries[n & 1], many(n)));
}

bool game_applet_move(game *g, game_move move, uint8_t flags) {
    static const http_field early[] = {{SPAN_LIT(":status"), SPAN_LIT("103"), 0, false}};
    game_stream *s;
    uint8_t a;
    switch (move) {
    case GAME_OPEN: move_open(g); return true;
    case GAME_REPLY:
        s = game_pick(g, game_byte(g));
        a = game_byte(g);
        game_applet_reply(g, s, a, game_byte(g));
        return true;
    case GAME_INFORM:
        s = game_pick(g, game_byte(g));
        went(s, h2_conn_inform(g->conn, ref_of(s), early, 1));
        return true;
    case GAME_TRAILERS: move_trailers(g); return true;
    case GAME_PUSH: move_push(g); return true;
    case GAME_CREDIT: move_credit(g); return true;
    case GAME_WAKE: move_wake(g); return true;
    case GAME_CANCEL:
        s = game_pick(g, game_byte(g));
        went(s, h2_conn_reset(g->conn, ref_of(s), (h2_code)(game_byte(g) % 14)));
        return true;
    case GAME_PRIORITIZE:
        s = game_pick(g, game_byte(g));
        a = game_byte(g);
        went(s, h2_conn_prioritize(g->conn, ref_of(s), a & 7, a > 127));
        return true;
    case GAME_OUR_PING:
        if (went(NULL, h2_conn_ping(g->conn, (const uint8_t *)"ourping!"))) g->ping_out = true;
        return true;
    case GAME_ADVERTISE: move_advertise(g, flags & 0x20); return true;
    case GAME_DRAIN: h2_conn_drain(g->conn, g->now_ms); return true;
    case GAME_CLOSE: h2_conn_close(g->conn, (h2_code)(game_byte(g) % 14), "a move"); return true;
    case GAME_EOF:
        h2_conn_eof(g->conn);
        g->silent = true;
        return true;
    case GAME_ATTACH: move_attach(g, !(flags & 0x20)); return true;
    default: return false;
    }
}
