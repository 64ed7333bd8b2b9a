/* What the connection writes, read as a strict peer reads it: frames within the sizes and windows
 * that were acknowledged, header blocks that decode, nothing on a stream behind its end. */
#include "applets/common/heap.h"
#include "tests/fuzz/h2_game.h"

enum { OUTPUT_ROOM = 1 << 18, BLOCK_ROOM = 1 << 18 };

void game_read_start(game *g) {
    static uint8_t output[OUTPUT_ROOM], block[BLOCK_ROOM];
    g->output = output;
    g->block = block;
    g->window = g->given = 65535;
    g->our_goaway = H2_ID_MASK;
    for (unsigned slot = 0; slot < H2_SETTING_SLOTS; slot++)
        g->peer_settings[slot] = h2_frame_setting_initial((h2_setting_slot)slot);
    hpack_dec_init(&g->dec, heap_mem(), HPACK_DEFAULT_SIZE);
    hpack_list_init(&g->list, heap_mem(), UINT32_MAX, 1 << 24);
}

void game_read_end(game *g) {
    hpack_dec_end(&g->dec);
    hpack_list_end(&g->list);
}

/* ---- header blocks ---- */

static void block_end(game *g) {
    hpack_list_clear(&g->list);
    game_demand(hpack_dec_block(&g->dec, span_of(g->block, g->block_n), &g->list) == HPACK_OK);
    for (uint32_t i = 0; i < g->list.count; i++)
        game_demand(fields_value_valid(g->list.fields[i].value));
    g->block_id = 0;
}

static void block_piece(game *g, h2_frame f, span fragment) {
    game_demand(g->block_n + fragment.n <= BLOCK_ROOM);
    if (fragment.n) memcpy(g->block + g->block_n, fragment.p, fragment.n);
    g->block_n += fragment.n;
    if (f.flags & H2_FLAG_END_HEADERS) block_end(g);
}

static void block_begin(game *g, h2_frame f, span fragment) {
    g->block_id = f.stream_id;
    g->block_n = 0;
    block_piece(g, f, fragment);
}

/* Whether a frame of ours may stand on this stream now. */
static game_stream *open_stream(game *g, uint32_t id) {
    game_stream *s = game_find(g, id);
    if (s) game_demand(!s->we_ended && !s->we_reset);
    return s;
}

static void read_headers(game *g, h2_frame f, span payload) {
    bool ours = (f.stream_id & 1) != g->server;
    game_stream *s = open_stream(g, f.stream_id);
    if (g->server && !ours) game_demand(f.stream_id <= g->peer_highest);
    if (g->server && ours && s) game_demand(s->promised);
    if (!g->server) {
        game_demand(ours);
        if (!s || !s->begun) game_demand(f.stream_id > g->our_last_open);
        if (f.stream_id > g->our_last_open) g->our_last_open = f.stream_id;
        if (!s) s = game_find_or_add(g, f.stream_id);
    }
    if (s) {
        s->begun = true;
        s->we_ended = f.flags & H2_FLAG_END_STREAM;
    }
    block_begin(g, f, payload);
}

static void read_promise(game *g, h2_frame f, span payload) {
    uint32_t id = bytes_get32(span_take(&payload, 4).p);
    game_demand(g->server && !(id & 1) && id > g->our_last_open);
    if (!g->lost_settings) game_demand(g->peer_settings[H2_SLOT_ENABLE_PUSH]);
    open_stream(g, f.stream_id);
    g->our_last_open = id;
    game_stream *s = game_find_or_add(g, id);
    if (s) s->promised = true;
    block_begin(g, f, payload);
}

/* ---- the rest ---- */

static void read_data(game *g, h2_frame f) {
    game_stream *s = open_stream(g, f.stream_id);
    g->window -= f.length;
    game_demand(g->window >= 0 || f.length == 0);
    if (!s) return;
    game_demand(s->begun);
    s->window -= f.length;
    int64_t left = s->window + g->peer_settings[H2_SLOT_INITIAL_WINDOW_SIZE];
    if (!g->lost_settings) game_demand(left >= 0 || f.length == 0);
    s->we_ended = f.flags & H2_FLAG_END_STREAM;
}

/* An acknowledgement: from here on the peer's values hold. */
static void settings_hold(game *g) {
    size_t n = 0;
    game_demand(++g->settings_acked <= g->settings_fed);
    while (n < g->unacked_n && !g->unacked[n].end) {
        int slot = h2_frame_setting_slot(g->unacked[n].id);
        uint32_t value = g->unacked[n++].value;
        if (slot >= 0) g->peer_settings[slot] = value;
        if (slot == H2_SLOT_HEADER_TABLE_SIZE) hpack_dec_limit(&g->dec, value);
    }
    if (g->lost_settings) return;
    game_demand(n < g->unacked_n);
    n++;
    g->unacked_n -= n;
    memmove(g->unacked, g->unacked + n, g->unacked_n * sizeof *g->unacked);
}

static void read_update(game *g, h2_frame f, uint32_t n) {
    game_stream *s = f.stream_id ? game_find(g, f.stream_id) : NULL;
    game_demand(n > 0 && n <= H2_ID_MASK);
    if (!f.stream_id) g->given += n;
    if (!s) return;
    game_demand(!s->we_reset);
    s->given += n;
}

static void read_goaway(game *g, span payload) {
    uint32_t last = bytes_get32(payload.p);
    game_demand(last <= g->our_goaway);
    g->our_goaway = last;
    g->goaway_error = bytes_get32(payload.p + 4) != H2_NO_ERROR;
}

static void read_frame(game *g, h2_frame f, span payload) {
    uint32_t padding;
    game_stream *s;
    game_demand(h2_frame_check(f).scope == VERDICT_NONE && h2_frame_name(f.type));
    game_demand(!g->goaway_error);
    game_demand(g->lost_settings || f.length <= g->peer_settings[H2_SLOT_MAX_FRAME_SIZE]);
    if (g->block_id) game_demand(f.type == H2_FRAME_CONTINUATION && f.stream_id == g->block_id);
    if (f.type == H2_FRAME_DATA || f.type == H2_FRAME_HEADERS || f.type == H2_FRAME_PUSH_PROMISE)
        game_demand(h2_frame_unpad(f, &payload, &padding).scope == VERDICT_NONE);
    switch (f.type) {
    case H2_FRAME_DATA: read_data(g, f); break;
    case H2_FRAME_HEADERS: read_headers(g, f, payload); break;
    case H2_FRAME_PUSH_PROMISE: read_promise(g, f, payload); break;
    case H2_FRAME_CONTINUATION:
        game_demand(g->block_id != 0);
        block_piece(g, f, payload);
        break;
    case H2_FRAME_SETTINGS:
        if (f.flags & H2_FLAG_ACK) settings_hold(g);
        break;
    case H2_FRAME_PING:
        if (f.flags & H2_FLAG_ACK) game_demand(++g->pings_acked <= g->pings_fed);
        break;
    case H2_FRAME_RST_STREAM:
        s = game_find(g, f.stream_id);
        if (s) s->we_reset = true;
        break;
    case H2_FRAME_WINDOW_UPDATE: read_update(g, f, bytes_get32(payload.p)); break;
    case H2_FRAME_GOAWAY: read_goaway(g, payload); break;
    case H2_FRAME_ALTSVC:
    case H2_FRAME_ORIGIN: game_demand(g->server); break;
    default: game_demand(false);
    }
}

void game_read(game *g, span written) {
    game_demand(g->output_n + written.n <= OUTPUT_ROOM);
    if (written.n) memcpy(g->output + g->output_n, written.p, written.n);
    g->output_n += written.n;
    span rest = span_of(g->output, g->output_n);
    if (!g->server && !g->preface_seen && rest.n >= H2_PREFACE_SIZE) {
        game_demand(span_eq(span_take(&rest, H2_PREFACE_SIZE), SPAN(H2_PREFACE)));
        g->preface_seen = true;
    }
    while ((g->server || g->preface_seen) && rest.n >= H2_FRAME_HEAD) {
        h2_frame f = h2_frame_get(rest.p);
        if (rest.n < H2_FRAME_HEAD + f.length) break;
        span_take(&rest, H2_FRAME_HEAD);
        read_frame(g, f, span_take(&rest, f.length));
    }
    if (rest.n) memmove(g->output, rest.p, rest.n);
    g->output_n = rest.n;
}
