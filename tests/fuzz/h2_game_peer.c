/* The peer of a game: its moves as bytes, and what the connection has been fed of them. */
#include "tests/fuzz/h2_game.h"

#define HEX(s) SPAN_LIT(s)

/* Header blocks, with static indices as in RFC 7541 appendix A. Some leave entries in the dynamic
 * table (40 ...), some use them (be, bf). */
static const span requests[] = {
    HEX("\x82\x86\x84\x41\x01\x61"),                 /* GET / */
    HEX("\x83\x86\x84\x41\x01\x61"),                 /* POST / */
    HEX("\x83\x86\x84\x41\x01\x61\x0f\x0d\x01\x38"), /* content-length: 8 */
    HEX("\x42\x04HEAD\x86\x84\x41\x01\x61"),
    HEX("\x42\x07"
        "CONNECT\x41\x03"
        "a:1"),
    HEX("\x42\x07"
        "CONNECT\x40\x09:protocol\x09websocket\x86\x84\x41\x01\x61"),
    HEX("\x82\x86\x84\x41\x01\x61\x40\x08priority\x03u=1"),
    HEX("\x82\x86\x84\x41\x01\x61\x40\x08priority\x06u=6, i"),
    HEX("\x82\x86\x84\xbe\xbf"),
    HEX("\x20\x3f\xe1\x1f\x82\x86\x84\x41\x01\x61"), /* size updates: 0, 4096 */
    HEX("\x42\x07OPTIONS\x86\x44\x01*\x41\x01\x61"),
    HEX("\x82\x86\x84\x41\x01\x61\x40\x02te\x08trailers\x60\x03"
        "a=b"),
    HEX("\x83\x86\x84\x41\x01\x61\x40\x06"
        "expect\x0c"
        "100-continue"),
    HEX("\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"), /* Huffman */
    HEX("\x82\x86\x84\x66\x01\x61"), /* host for :authority */
    HEX("\x40\x01x\x01y"),           /* trailers */
};

static const span responses[] = {
    HEX("\x88"),                 /* 200 */
    HEX("\x89"),                 /* 204 */
    HEX("\x8b"),                 /* 304 */
    HEX("\x8d"),                 /* 404 */
    HEX("\x88\x0f\x0d\x01\x38"), /* content-length: 8 */
    HEX("\x48\x03"
        "100"),
    HEX("\x48\x03"
        "103\x40\x04link\x03</x"),
    HEX("\x48\x03"
        "101"),
    HEX("\x88\x40\x06server\x01x\x40\x04"
        "date\x01y"),
    HEX("\x88\xbe\xbf"),
    HEX("\x20\x3f\xe1\x1f\x88"),
    HEX("\x8e\x76\x01z"),
    HEX("\x48\x03"
        "421"),
    HEX("\x88\x40\x08priority\x03u=1"),
    HEX("\x48\x03"
        "999"),
    HEX("\x40\x01x\x01y"), /* trailers */
};

static span block(const game *g, uint8_t which, bool request) {
    return (request || g->server ? requests : responses)[which % 16];
}

/* ---- frames ---- */

static void put(game *g, span bytes) {
    if (g->wire_n + bytes.n > GAME_WIRE) game_feed(g, g->wire_n);
    if (bytes.n > GAME_WIRE - g->wire_n) return; /* the transport is shut */
    if (bytes.n) memcpy(g->wire + g->wire_n, bytes.p, bytes.n);
    g->wire_n += bytes.n;
    g->last_n = bytes.n <= sizeof g->last ? bytes.n : 0;
    if (g->last_n) memcpy(g->last, bytes.p, g->last_n);
}

static void put_frame(game *g, uint8_t type, uint8_t flags, uint32_t id, span payload) {
    uint8_t frame[H2_FRAME_HEAD + 70000];
    h2_frame head = {.length = (uint32_t)payload.n, .stream_id = id, .type = type, .flags = flags};
    h2_frame_put(frame, head);
    if (payload.n) memcpy(frame + H2_FRAME_HEAD, payload.p, payload.n);
    put(g, span_of(frame, H2_FRAME_HEAD + payload.n));
}

static void put_number(game *g, h2_frame_type type, uint32_t id, uint32_t value) {
    uint8_t four[4];
    bytes_put32(four, value);
    put_frame(g, (uint8_t)type, 0, id, span_of(four, 4));
}

void game_peer_hello(game *g, bool greet) {
    g->peer_next = g->server ? 1 : 2;
    g->peer_preface = g->server ? H2_PREFACE_SIZE : 0;
    if (!greet) return;
    if (g->server) put(g, SPAN(H2_PREFACE));
    put_frame(g, H2_FRAME_SETTINGS, 0, 0, SPAN(""));
    put_frame(g, H2_FRAME_SETTINGS, H2_FLAG_ACK, 0, SPAN(""));
    game_feed(g, g->wire_n);
}

/* The stream that an `id` byte names: 0 is the newest, 254 is idle, 255 is 0. */
static uint32_t stream_id(game *g, uint8_t which) {
    game_stream *s = game_pick(g, which);
    if (which == 255) return 0;
    return s && which != 254 ? s->id : g->peer_next + 1000;
}

/* For HEADERS an even `id` byte opens a new one; a server opens none but those it promised. */
static uint32_t headers_id(game *g, uint8_t which) {
    if (!g->server) return stream_id(g, which);
    if (which & 1) return stream_id(g, which >> 1);
    uint32_t id = g->peer_next;
    g->peer_next += 2;
    return id;
}

static uint8_t end_stream(uint8_t flags) { return flags & 0x20 ? H2_FLAG_END_STREAM : 0; }

static void move_block(game *g, uint8_t flags) {
    uint8_t padded[64] = {3};
    uint32_t id = headers_id(g, game_byte(g));
    span b = block(g, game_byte(g), false);
    uint8_t f = end_stream(flags) | H2_FLAG_END_HEADERS;
    if (flags & 0x40) {
        memcpy(padded + 1, b.p, b.n);
        b = span_of(padded, b.n + 4);
        f |= H2_FLAG_PADDED;
    }
    put_frame(g, H2_FRAME_HEADERS, f, id, b);
}

static void move_odd_block(game *g, uint8_t flags) {
    uint8_t bytes[512];
    uint32_t id = headers_id(g, game_byte(g));
    span first = block(g, game_byte(g), false), more = game_bytes(g, game_byte(g));
    memcpy(bytes, first.p, first.n);
    if (more.n) memcpy(bytes + first.n, more.p, more.n);
    span all = span_of(bytes, first.n + more.n);
    if (!(flags & 0x40)) {
        put_frame(g, H2_FRAME_HEADERS, end_stream(flags) | H2_FLAG_END_HEADERS, id, all);
        return;
    }
    put_frame(g, H2_FRAME_HEADERS, end_stream(flags), id, span_take(&all, 3 % (all.n + 1)));
    put_frame(g, H2_FRAME_CONTINUATION, 0, id, span_take(&all, all.n / 2));
    put_frame(g, H2_FRAME_CONTINUATION, H2_FLAG_END_HEADERS, id, all);
}

static void move_data(game *g, uint8_t flags) {
    static const uint8_t zeros[65536];
    uint32_t id = stream_id(g, game_byte(g));
    size_t n = game_byte(g) * (flags & 0x40 ? 64u : 4u);
    put_frame(g, H2_FRAME_DATA, end_stream(flags), id, span_of(zeros, n));
}

static void move_setting(game *g, uint8_t flags) {
    uint8_t entry[6];
    bytes_put16(entry, game_byte(g) % 12u);
    uint32_t value = game_two(g);
    bytes_put32(entry + 2, flags & 0x20 ? value << 16 : value);
    put_frame(g, H2_FRAME_SETTINGS, 0, 0, span_of(entry, 6));
}

static void move_priority(game *g, uint8_t flags) {
    uint8_t payload[8] = {0};
    uint32_t id = stream_id(g, game_byte(g));
    uint8_t n = game_byte(g);
    if (flags & 0x20) {
        bytes_put32(payload, id);
        memcpy(payload + 4, "u=", 2);
        payload[6] = (uint8_t)('0' + n % 9);
        put_frame(g, H2_FRAME_PRIORITY_UPDATE, 0, 0, span_of(payload, 7));
    } else {
        bytes_put32(payload, stream_id(g, n));
        put_frame(g, H2_FRAME_PRIORITY, 0, id, span_of(payload, 5));
    }
}

static void move_promise(game *g, uint8_t flags) {
    uint8_t payload[64];
    uint32_t id = stream_id(g, game_byte(g));
    span b = block(g, game_byte(g), true);
    g->peer_pushed += flags & 0x20 ? 20 : 2;
    bytes_put32(payload, g->peer_pushed);
    memcpy(payload + 4, b.p, b.n);
    put_frame(g, H2_FRAME_PUSH_PROMISE, H2_FLAG_END_HEADERS, id, span_of(payload, b.n + 4));
}

static void move_goaway(game *g) {
    uint8_t payload[8];
    bytes_put32(payload, stream_id(g, game_byte(g)));
    bytes_put32(payload + 4, game_byte(g));
    put_frame(g, H2_FRAME_GOAWAY, 0, 0, span_of(payload, 8));
}

/* A flood takes both flags: it is slow to play. */
static void move_again(game *g, uint8_t flags) {
    unsigned times = game_byte(g) * (flags == 0x60 ? 64u : 1u);
    uint8_t last[sizeof g->last];
    span again = span_of(last, g->last_n);
    memcpy(last, g->last, g->last_n);
    for (unsigned i = 0; i < times && !g->over; i++) put(g, again);
}

static void move_frame(game *g) {
    uint8_t type = game_byte(g), flags = game_byte(g), which = game_byte(g), n = game_byte(g);
    put_frame(g, type, flags, stream_id(g, which), game_bytes(g, n));
}

bool game_peer_move(game *g, game_move move, uint8_t flags) {
    uint32_t id;
    switch (move) {
    case GAME_RAW: put(g, game_bytes(g, game_two(g))); return true;
    case GAME_FRAME: move_frame(g); return true;
    case GAME_BLOCK: move_block(g, flags); return true;
    case GAME_ODD_BLOCK: move_odd_block(g, flags); return true;
    case GAME_DATA: move_data(g, flags); return true;
    case GAME_RESET:
        id = stream_id(g, game_byte(g));
        put_number(g, H2_FRAME_RST_STREAM, id, game_byte(g));
        return true;
    case GAME_UPDATE:
        id = stream_id(g, game_byte(g));
        put_number(g, H2_FRAME_WINDOW_UPDATE, flags & 0x20 ? 0 : id, 1u << game_byte(g) % 32);
        return true;
    case GAME_SETTING: move_setting(g, flags); return true;
    case GAME_ACK:
        if (flags & 0x20)
            put_frame(g, H2_FRAME_PING, H2_FLAG_ACK, 0, SPAN("ourping!"));
        else
            put_frame(g, H2_FRAME_SETTINGS, H2_FLAG_ACK, 0, SPAN(""));
        return true;
    case GAME_PING: put_frame(g, H2_FRAME_PING, 0, 0, SPAN("thepeer!")); return true;
    case GAME_GOAWAY: move_goaway(g); return true;
    case GAME_PRIORITY: move_priority(g, flags); return true;
    case GAME_PROMISE: move_promise(g, flags); return true;
    case GAME_AGAIN: move_again(g, flags); return true;
    default: return false;
    }
}

/* ---- what has been fed ---- */

static void fed_settings(game *g, span payload) {
    g->settings_fed++;
    if (payload.n % 6 || g->unacked_n + payload.n / 6 + 1 > GAME_SETTINGS) {
        g->lost_settings = true;
        return;
    }
    while (payload.n) {
        span entry = span_take(&payload, 6);
        g->unacked[g->unacked_n].id = bytes_get16(entry.p);
        g->unacked[g->unacked_n].value = bytes_get32(entry.p + 2);
        g->unacked[g->unacked_n++].end = false;
    }
    g->unacked[g->unacked_n].id = 0;
    g->unacked[g->unacked_n++].end = true;
}

static void fed_update(game *g, uint32_t id, span payload) {
    if (payload.n != 4) return;
    uint32_t n = bytes_get32(payload.p) & H2_ID_MASK;
    game_stream *s = id ? game_find(g, id) : NULL;
    if (s) s->window += n;
    if (!id) g->window += n;
}

static void fed_frame(game *g, h2_frame f, span payload) {
    bool ack = f.flags & H2_FLAG_ACK;
    if (f.type == H2_FRAME_SETTINGS && !ack && f.stream_id == 0) fed_settings(g, payload);
    if (f.type == H2_FRAME_PING && !ack) g->pings_fed++;
    if (f.type == H2_FRAME_WINDOW_UPDATE) fed_update(g, f.stream_id, payload);
    if (f.type != H2_FRAME_HEADERS || !g->server || !(f.stream_id & 1)) return;
    if (f.stream_id > g->peer_highest) g->peer_highest = f.stream_id;
    game_find_or_add(g, f.stream_id);
}

/* Frames longer than its room are noted by their head and first bytes alone. */
void game_peer_fed(game *g, span bytes) {
    span_take(&bytes, g->peer_preface < bytes.n ? g->peer_preface : bytes.n);
    g->peer_preface = 0;
    while (bytes.n) {
        size_t n = bytes.n < g->peer_skip ? bytes.n : g->peer_skip;
        span_take(&bytes, n);
        g->peer_skip -= n;
        if (!bytes.n) break;
        size_t want = H2_FRAME_HEAD;
        if (g->peer_head_n >= H2_FRAME_HEAD) want += h2_frame_get(g->peer_head).length;
        if (want > sizeof g->peer_head) want = sizeof g->peer_head;
        n = want - g->peer_head_n;
        if (n > bytes.n) n = bytes.n;
        memcpy(g->peer_head + g->peer_head_n, bytes.p, n);
        span_take(&bytes, n);
        g->peer_head_n += n;
        if (g->peer_head_n < H2_FRAME_HEAD) break;
        h2_frame f = h2_frame_get(g->peer_head);
        size_t whole = H2_FRAME_HEAD + f.length;
        if (g->peer_head_n < whole && g->peer_head_n < sizeof g->peer_head) continue;
        fed_frame(g, f, span_of(g->peer_head + H2_FRAME_HEAD, g->peer_head_n - H2_FRAME_HEAD));
        g->peer_skip = whole - g->peer_head_n;
        g->peer_head_n = 0;
    }
}
