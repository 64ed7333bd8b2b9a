/* The table: the program, memory that is counted and may be refused, bytes in and out, the moves in
 * their order. */
#include "tests/fuzz/h2_game.h"

void game_demand(bool holds) {
    if (!holds) abort();
}

/* ---- the program ---- */

uint8_t game_byte(game *g) { return g->program.n ? span_take(&g->program, 1).p[0] : 0; }

uint16_t game_two(game *g) {
    uint8_t high = game_byte(g);
    return (uint16_t)(high << 8 | game_byte(g));
}

span game_bytes(game *g, size_t n) {
    return span_take(&g->program, n < g->program.n ? n : g->program.n);
}

game_stream *game_find(game *g, uint32_t id) {
    for (size_t i = g->stream_count; i-- > 0;)
        if (g->streams[i].id == id) return &g->streams[i];
    return NULL;
}

game_stream *game_find_or_add(game *g, uint32_t id) {
    game_stream *s = game_find(g, id);
    if (s || g->stream_count == GAME_STREAMS) return s;
    s = &g->streams[g->stream_count++];
    *s = (game_stream){.id = id};
    return s;
}

/* 0 is the newest, 1 the one before. */
game_stream *game_pick(game *g, uint8_t which) {
    return g->stream_count ? &g->streams[g->stream_count - 1 - which % g->stream_count] : NULL;
}

/* ---- memory ---- */

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    game *g = user;
    if (!new_size) {
        g->held -= old_size;
        free(p);
        return NULL;
    }
    if (++g->allocations == g->refuse_at) return NULL;
    p = realloc(p, new_size);
    game_demand(p != NULL);
    g->held += new_size - old_size;
    return p;
}

/* ---- bytes in and out ---- */

/* Steps until the bytes are used. They lie in a block of their own, which dies before the next. */
void game_step(game *g, span in) {
    uint8_t *copy = malloc(in.n ? in.n : 1);
    http_event ev;
    game_demand(copy != NULL);
    if (in.n) memcpy(copy, in.p, in.n);
    span rest = span_of(copy, in.n);
    for (unsigned rounds = 0;; rounds++) {
        game_demand(rounds < 1000000);
        http_event_kind kind = h2_conn_step(g->conn, &rest, g->now_ms, &ev);
        game_demand(kind == ev.kind);
        if (kind == HTTP_EVENT_NONE) break;
        if (kind == HTTP_EVENT_PAUSED)
            game_output(g, 1 << 20, false);
        else
            game_event(g, &ev);
    }
    game_demand(rest.n == 0 && !h2_conn_pending(g->conn));
    game_demand(h2_conn_deadline(g->conn) > g->now_ms); /* or a timer would fire for ever */
    free(copy);
}

void game_feed(game *g, size_t n) {
    if (n > g->wire_n) n = g->wire_n;
    if (n == 0 || g->silent) return;
    game_peer_fed(g, span_of(g->wire, n));
    game_step(g, span_of(g->wire, n));
    g->wire_n -= n;
    memmove(g->wire, g->wire + n, g->wire_n);
}

/* One round of output, as far as the budget goes; with `part` a third of it is not written. */
void game_output(game *g, size_t budget, bool part) {
    span iov[8];
    size_t n = h2_conn_output(g->conn, iov, 8, budget), all = 0, written = 0;
    game_demand(n <= 8);
    for (size_t i = 0; i < n; i++) all += iov[i].n;
    size_t most = part && all > 2 ? all - all / 3 : all;
    for (size_t i = 0; i < n && written < most; i++) {
        span piece = span_head(iov[i], most - written);
        game_demand(!g->silent);
        game_read(g, piece);
        written += piece.n;
    }
    h2_conn_output_done(g->conn, written);
    if (!h2_conn_has_output(g->conn) && !g->silent) game_check_given(g);
}

static void drain_output(game *g) {
    for (unsigned rounds = 0; h2_conn_has_output(g->conn); rounds++) {
        game_demand(rounds < 100000);
        game_output(g, 1 << 16, false);
    }
}

/* ---- trace: it reads everything that it is shown ---- */

static volatile uint8_t seen;

static void look(span s) {
    for (size_t i = 0; i < s.n; i++) seen ^= s.p[i];
}

static void trace_frame(void *user, const h2_trace_frame *f) {
    (void)user;
    look(f->payload);
    for (size_t i = 0; i < f->field_count; i++) {
        look(f->fields[i].name);
        look(f->fields[i].value);
    }
}

static void trace_data(void *user, uint32_t id, size_t n, uint32_t owed, uint32_t connection_owed) {
    (void)user;
    seen ^= (uint8_t)(id + n + owed + connection_owed);
}

static void trace_closed(void *user, uint32_t id, uint32_t code) {
    (void)user;
    seen ^= (uint8_t)(id + code);
}

static const h2_trace_ops trace_ops = {trace_frame, trace_data, trace_closed, NULL};

/* ---- the game ---- */

/* Four bytes of switches: what is unusual about our side. */
static bool open_game(game *g) {
    static const uint32_t windows[] = {65535, 0, 100, 1000000};
    static const uint32_t tables[] = {4096, 0, 64, 65536};
    uint8_t ours = game_byte(g), more = game_byte(g), refuse = game_byte(g), hello = game_byte(g);
    h2_conn_defaults(&g->config, g->server);
    h2_config *c = &g->config;
    c->settings[H2_SLOT_INITIAL_WINDOW_SIZE] = windows[ours & 3];
    c->settings[H2_SLOT_HEADER_TABLE_SIZE] = tables[ours >> 2 & 3];
    if (ours & 16) c->settings[H2_SLOT_ENABLE_CONNECT_PROTOCOL] = g->server;
    if (ours & 32) c->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = 2;
    if (ours & 64) c->settings[H2_SLOT_MAX_HEADER_LIST_SIZE] = 300;
    if (ours & 128) c->settings[H2_SLOT_MAX_FRAME_SIZE] = 20000;
    if (!g->server) c->settings[H2_SLOT_ENABLE_PUSH] = !(more & 128);
    if (more & 1) c->padding = 100;
    if (more & 2) c->held_max = 2000;
    if (more & 4) c->obey_priority = false;
    if (more & 8) c->discard_max = 1000;
    if (more & 16) c->encoder_table_cap = 100;
    if (more & 32) c->peer_streams = 2;
    if (more & 64) c->lowest_table = 32;
    if (!(hello & 16)) c->connection_window = 65535;
    g->refuse_at = refuse;
    g->auto_reply = hello & 1;
    g->auto_credit = hello & 2;
    h2_conn_scratch_init(&g->scratch, &g->hook);
    h2_birth birth = {.mem = &g->hook,
                      .config = c,
                      .scratch = &g->scratch,
                      .server = g->server,
                      .seed = hello,
                      .now_ms = g->now_ms};
    if (hello & 4) birth.trace = (h2_trace){&trace_ops, g};
    g->conn = h2_conn_new(&birth);
    if (!g->conn) return false;
    game_peer_hello(g, !(hello & 8));
    return true;
}

static void step_pending(game *g) {
    if (h2_conn_pending(g->conn)) game_step(g, SPAN(""));
}

static void move(game *g) {
    uint8_t first = game_byte(g);
    game_move m = (game_move)(first & 0x1f);
    if (m == GAME_FEED) {
        game_feed(g, game_two(g));
    } else if (m == GAME_OUTPUT) {
        size_t budget = game_byte(g) * 64u;
        if (first & 0x40)
            drain_output(g);
        else
            game_output(g, budget, first & 0x20);
    } else if (m == GAME_TIME) {
        g->now_ms += UINT64_C(1) << game_byte(g) % 20;
        game_step(g, SPAN(""));
    } else if (game_peer_move(g, m, first & 0x60)) {
        if (!(first & 0x80)) game_feed(g, g->wire_n);
    } else if (game_applet_move(g, m, first & 0x60)) {
        step_pending(g);
    }
    step_pending(g);
}

/* All that can still happen: what is held back, output, the end of the transport. */
static void finish(game *g) {
    if (!g->over) game_feed(g, g->wire_n);
    drain_output(g);
    game_demand(h2_conn_streams(g->conn) <= 400);
    if (!g->over && !g->silent) {
        h2_conn_eof(g->conn);
        g->silent = true;
        game_step(g, SPAN(""));
        game_demand(g->over);
    }
}

int game_play(const uint8_t *program, size_t n, bool server) {
    static uint8_t wire[GAME_WIRE];
    static game at;
    game *g = &at;
    *g = (game){.program = span_of(program, n), .server = server, .now_ms = 1000, .wire = wire};
    g->hook = (mem){resize, g};
    game_read_start(g);
    if (open_game(g)) {
        while (g->program.n && !g->over) move(g);
        finish(g);
        h2_conn_free(g->conn);
    }
    h2_conn_scratch_end(&g->scratch);
    game_applet_end(g);
    game_read_end(g);
    game_demand(g->held == 0);
    return 0;
}
