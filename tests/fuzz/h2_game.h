/* A game of two: the input of a fuzzer is a program whose moves are those of a peer and of an
 * applet, around one h2_conn.
 *
 * The peer's moves make frames that mostly fit the state the connection is in, so that it comes
 * far; the applet's moves are the calls of h2_conn.h. What must hold whatever is played is demanded
 * on the way: h2_game_reader.c reads what the connection writes as a strict peer would,
 * h2_game_events.c holds what it tells against the order of a message, and bodies and memory must
 * all come back. A demand that does not hold aborts. */
#ifndef H2BOX_TESTS_FUZZ_H2_GAME_H
#define H2BOX_TESTS_FUZZ_H2_GAME_H

#include <stdlib.h>

#include "core/h2_conn.h"

enum { GAME_STREAMS = 64, GAME_SETTINGS = 64, GAME_WIRE = 1 << 17 };

typedef enum game_move {
#define GAME_MOVE(name, byte, what) GAME_##name = (byte),
#include "tests/fuzz/h2_game.def"
#undef GAME_MOVE
} game_move;

typedef struct game_body game_body;

/* One stream as both sides have seen it. Those past GAME_STREAMS are only looked at as frames. */
typedef struct game_stream {
    uint32_t id;
    http_ref ref;
    bool told;               /* the applet knows ref */
    bool answered, ended;    /* told: RESPONSE; END of the peer's side */
    bool gone;               /* told: CLOSED */
    bool attached;           /* CLOSED is owed */
    size_t owed;             /* DATA told and not credited */
    int64_t told_bytes;      /* DATA told */
    int64_t given;           /* window we gave by WINDOW_UPDATE */
    bool we_ended, we_reset; /* written: END_STREAM, RST_STREAM */
    bool begun, promised;    /* written: HEADERS; PUSH_PROMISE for it */
    int64_t window;          /* what the peer lets us send, less the initial window */
} game_stream;

typedef struct game {
    span program;
    bool server, over, silent; /* OVER was told; transport ended */
    bool auto_reply, auto_credit;
    h2_config config;
    h2_scratch scratch;
    h2_conn *conn;
    uint64_t now_ms;

    /* memory */
    mem hook;
    size_t held;
    uint32_t allocations, refuse_at;

    /* the peer's side of the wire */
    uint8_t *wire;
    size_t wire_n;
    uint32_t peer_next, peer_pushed; /* identifiers that the peer opens next */
    uint8_t peer_head[H2_FRAME_HEAD + 4096];
    size_t peer_head_n, peer_skip, peer_preface;
    uint8_t last[64]; /* what the peer wrote last, when it is short */
    size_t last_n;

    /* streams, and the last one opened */
    game_stream streams[GAME_STREAMS];
    size_t stream_count;

    /* applet */
    game_body *bodies;
    bool ping_out;
    uint32_t last_request, last_push;
    int64_t told_bytes;

    /* reader */
    uint8_t *output;
    size_t output_n;
    bool preface_seen, goaway_error;
    hpack_dec dec;
    hpack_list list;
    uint8_t *block;
    size_t block_n;
    uint32_t block_id, our_last_open, our_goaway;
    uint32_t peer_settings[H2_SETTING_SLOTS];
    struct {
        uint16_t id;
        uint32_t value;
        bool end; /* of its frame */
    } unacked[GAME_SETTINGS];
    size_t unacked_n, settings_fed, settings_acked, pings_fed, pings_acked;
    bool lost_settings;    /* more than unacked holds: windows and sizes are not looked at */
    uint32_t peer_highest; /* stream that the peer has opened by HEADERS */
    int64_t window, given; /* of the connection: what we may send; what we gave */
} game;

/* What must hold. */
void game_demand(bool holds);

/* ---- the program ---- */

uint8_t game_byte(game *g); /* 0 behind the end */
uint16_t game_two(game *g);
span game_bytes(game *g, size_t n);

/* The stream that a byte picks; a new empty one is never made: NULL while there is none. */
game_stream *game_pick(game *g, uint8_t which);
game_stream *game_find(game *g, uint32_t id);
game_stream *game_find_or_add(game *g, uint32_t id);

/* ---- h2_game_peer.c ---- */

void game_peer_hello(game *g, bool greet);
/* Plays a peer's move; false when it is none. */
bool game_peer_move(game *g, game_move move, uint8_t flags);
/* Notes what the connection is about to be fed: settings, windows, streams opened. */
void game_peer_fed(game *g, span bytes);

/* ---- h2_game_events.c ---- */

void game_event(game *g, const http_event *ev);

/* All is written: no more content was told than windows were given for. */
void game_check_given(const game *g);

/* ---- h2_game_applet.c ---- */

bool game_applet_move(game *g, game_move move, uint8_t flags);
void game_applet_reply(game *g, game_stream *s, uint8_t status, uint8_t body);
void game_applet_end(game *g); /* after the connection is gone */

/* ---- h2_game_reader.c ---- */

void game_read_start(game *g);
void game_read(game *g, span written);
void game_read_end(game *g);

/* ---- h2_game.c ---- */

void game_feed(game *g, size_t n); /* of g->wire */
void game_step(game *g, span in);
void game_output(game *g, size_t budget, bool part);

/* The whole game. Always 0. */
int game_play(const uint8_t *program, size_t n, bool server);

#endif
