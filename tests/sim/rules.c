/* What RFC 9113 asks of a sender, as far as somebody between the two can see it: frames and their
 * order, states of streams, windows, limits, acknowledgements.
 *
 * Settings bind a sender from its acknowledgement on: before that, frames it had queued may still
 * come. WINDOW_UPDATE counts when it has come to the sender. */
#include "tests/sim/sim.h"

static const char *who(const wire *w) { return w->sim->peer[w->from].name; }

/* Whether a stream is over for one side: both directions ended, or either reset, as it knows. */
static bool over_for(const wire *w, const stream *st) {
    const wire_half *ours = &st->wire[w->from], *theirs = &st->wire[side_other(w->from)];
    if (w->from == CLIENT && !st->pushed && st->id > w->refused_above) return true;
    return ours->reset || theirs->reset_arrived || (ours->ended && theirs->end_arrived) ||
           (st->pushed && w->from == SERVER && ours->ended);
}

/* Streams of this side that count against its peer's limit (section 5.1.2). */
static uint32_t count_open(const wire *w) {
    const sim *s = w->sim;
    uint32_t n = 0;
    for (size_t i = 0; i < s->stream_count[w->from]; i++) {
        const stream *st = s->streams[w->from][i];
        n += st->wire[w->from].opened && !over_for(w, st);
    }
    return n;
}

/* The stream of a frame that needs one that is not idle. */
static stream *stream_of(wire *w, const char *frame) {
    stream *st = model_find(w->sim, w->frame.stream_id);
    if (!st) sim_fail(w->sim, "%s sends %s on idle stream %u", who(w), frame, w->frame.stream_id);
    return st;
}

static void data_begin(wire *w) {
    sim *s = w->sim;
    uint32_t id = w->frame.stream_id, n = w->frame.length;
    stream *st = stream_of(w, "DATA");
    wire_half *half = &st->wire[w->from];
    if (!half->opened) sim_fail(s, "%s sends DATA before HEADERS on stream %u", who(w), id);
    if (half->ended) sim_fail(s, "%s sends DATA after END_STREAM on stream %u", who(w), id);
    if (half->reset) sim_fail(s, "%s sends DATA after RST_STREAM on stream %u", who(w), id);
    if (w->from == SERVER && !st->answered)
        sim_fail(s, "DATA on stream %u, which was not answered", id);
    int64_t window =
        (int64_t)w->limits.initial_window + (int64_t)half->granted_arrived - (int64_t)half->flow;
    int64_t connection = 65535 + (int64_t)w->granted_arrived - (int64_t)w->flow;
    if (n && n > window)
        sim_fail(s, "%s sends %u bytes of DATA on stream %u into a window of %lld", who(w), n, id,
                 (long long)window);
    if (n && n > connection)
        sim_fail(s, "%s sends %u bytes of DATA into a connection window of %lld", who(w), n,
                 (long long)connection);
    half->flow += n;
    w->flow += n;
    half->content = true;
    if (w->frame.flags & H2_FLAG_END_STREAM) half->ended = true;
}

static void headers_begin(wire *w) {
    sim *s = w->sim;
    uint32_t id = w->frame.stream_id;
    stream *st = stream_of(w, "HEADERS");
    wire_half *half = &st->wire[w->from];
    bool end = w->frame.flags & H2_FLAG_END_STREAM;
    if (half->ended) sim_fail(s, "%s sends HEADERS after END_STREAM on stream %u", who(w), id);
    if (half->reset) sim_fail(s, "%s sends HEADERS after RST_STREAM on stream %u", who(w), id);
    if (half->content && !end)
        sim_fail(s, "%s sends trailers without END_STREAM on stream %u", who(w), id);
    if (st->pushed && w->from == CLIENT)
        sim_fail(s, "the client sends HEADERS on pushed stream %u", id);
    if (!half->opened && st->pushed == (w->from == SERVER)) {
        if (w->from == CLIENT) {
            if (id % 2 == 0 || id <= w->last_id)
                sim_fail(s, "the client opens stream %u after %u", id, w->last_id);
            w->last_id = id;
            st->before_ack = w->settings_acked == 0;
        }
        /* What was promised before the limit fell may still be answered. */
        uint32_t most = w->limits.max_streams;
        if (st->pushed && st->promised_under > most) most = st->promised_under;
        if (count_open(w) >= most)
            sim_fail(s, "%s opens stream %u, one more than %u", who(w), id, most);
    }
    half->opened = true;
    if (end) half->ended = true;
}

/* Fixed sizes, and whether a frame belongs to a stream (RFC 9113 section 6). */
static void check_shape(wire *w) {
    sim *s = w->sim;
    h2_frame f = w->frame;
    bool on_stream = f.stream_id != 0, shape = true;
    switch (f.type) {
    case H2_FRAME_DATA:
    case H2_FRAME_HEADERS:
    case H2_FRAME_CONTINUATION: shape = on_stream; break;
    case H2_FRAME_PUSH_PROMISE: shape = on_stream && f.length >= 4 && w->from == SERVER; break;
    case H2_FRAME_RST_STREAM: shape = on_stream && f.length == 4; break;
    case H2_FRAME_SETTINGS:
        shape = !on_stream && f.length % 6 == 0 && (!(f.flags & H2_FLAG_ACK) || f.length == 0);
        break;
    case H2_FRAME_PING: shape = !on_stream && f.length == 8; break;
    case H2_FRAME_GOAWAY: shape = !on_stream && f.length >= 8; break;
    case H2_FRAME_WINDOW_UPDATE: shape = f.length == 4; break;
    case H2_FRAME_ALTSVC:
    case H2_FRAME_ORIGIN: shape = !on_stream && w->from == SERVER; break;
    default: shape = false; /* no other is ever sent */
    }
    if (!shape)
        sim_fail(s, "%s sends frame type %u on stream %u with %u bytes", who(w), f.type,
                 f.stream_id, f.length);
}

void rules_begin(wire *w, bool *dropped) {
    sim *s = w->sim;
    h2_frame f = w->frame;
    if (!w->begun && (f.type != H2_FRAME_SETTINGS || (f.flags & H2_FLAG_ACK)))
        sim_fail(s, "%s does not begin with SETTINGS", who(w));
    if (f.length > w->limits.max_frame)
        sim_fail(s, "%s sends a frame of %u bytes, %u are allowed", who(w), f.length,
                 w->limits.max_frame);
    if (w->block_id && (f.type != H2_FRAME_CONTINUATION || f.stream_id != w->block_id))
        sim_fail(s, "%s sends frame type %u inside of a header block", who(w), f.type);
    if (f.type == H2_FRAME_CONTINUATION && !w->block_id)
        sim_fail(s, "%s sends CONTINUATION outside of a header block", who(w));
    check_shape(w);
    if (f.type == H2_FRAME_DATA) data_begin(w);
    if (f.type == H2_FRAME_HEADERS) headers_begin(w);
    if (f.type == H2_FRAME_PUSH_PROMISE && !w->limits.push)
        sim_fail(s, "PUSH_PROMISE for a client that takes none");
    if (f.type != H2_FRAME_SETTINGS) return;
    if (!(f.flags & H2_FLAG_ACK)) {
        if (w->begun) sim_fail(s, "%s sends SETTINGS twice", who(w));
        return;
    }
    if (!w->pending_n) sim_fail(s, "%s acknowledges SETTINGS that never came", who(w));
    settings_seen now = w->pending[0];
    memmove(w->pending, w->pending + 1, --w->pending_n * sizeof now);
    *dropped = now.spliced;
    w->settings_acked++;
    if (now.mask & 1u << H2_SLOT_INITIAL_WINDOW_SIZE)
        w->limits.initial_window = now.value[H2_SLOT_INITIAL_WINDOW_SIZE];
    if (now.mask & 1u << H2_SLOT_MAX_FRAME_SIZE)
        w->limits.max_frame = now.value[H2_SLOT_MAX_FRAME_SIZE];
    if (now.mask & 1u << H2_SLOT_MAX_CONCURRENT_STREAMS)
        w->limits.max_streams = now.value[H2_SLOT_MAX_CONCURRENT_STREAMS];
    if (now.mask & 1u << H2_SLOT_ENABLE_PUSH) w->limits.push = now.value[H2_SLOT_ENABLE_PUSH];
}

static uint32_t number_at(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void promise_end(wire *w) {
    sim *s = w->sim;
    uint32_t id = number_at(w->payload + (w->frame.flags & H2_FLAG_PADDED ? 1 : 0)) & H2_ID_MASK;
    stream *parent = stream_of(w, "PUSH_PROMISE"), *st = model_find(s, id);
    if (!st || !st->pushed || st->parent != parent)
        sim_fail(s, "stream %u is promised, but was not pushed there", id);
    if (parent->pushed || parent->wire[SERVER].ended || parent->wire[SERVER].reset)
        sim_fail(s, "PUSH_PROMISE on stream %u, which is answered or pushed", parent->id);
    if (id <= w->last_id || id % 2) sim_fail(s, "stream %u is promised after %u", id, w->last_id);
    w->last_id = id;
    st->promised_under = w->limits.max_streams;
}

static void window_update_end(wire *w) {
    sim *s = w->sim;
    uint32_t by = number_at(w->payload) & H2_ID_MASK, id = w->frame.stream_id;
    wire *back = &s->wire[side_other(w->from)];
    const h2_config *config = &s->plan.config[w->from];
    if (by == 0) sim_fail(s, "%s sends WINDOW_UPDATE by 0", who(w));
    if (id == 0) {
        uint64_t birth = config->connection_window > 65535 ? config->connection_window - 65535 : 0;
        w->granted += by;
        if (w->granted > birth + back->flow_arrived)
            sim_fail(s, "%s gives more connection window than it has used", who(w));
        return;
    }
    stream *st = stream_of(w, "WINDOW_UPDATE");
    const view *v = &st->view[w->from];
    wire_half *half = &st->wire[w->from], *theirs = &st->wire[side_other(w->from)];
    if (half->reset) sim_fail(s, "%s sends WINDOW_UPDATE after RST_STREAM, %u", who(w), id);
    if (!theirs->opened) sim_fail(s, "%s sends WINDOW_UPDATE on unanswered %u", who(w), id);
    half->granted += by;
    if (half->granted > v->credited + theirs->padding)
        sim_fail(s, "%s gives %llu bytes of window on stream %u, of which %llu are credited",
                 who(w), (unsigned long long)half->granted, id, (unsigned long long)v->credited);
}

static void goaway_end(wire *w) {
    sim *s = w->sim;
    goaway_seen g = {.last = number_at(w->payload) & H2_ID_MASK,
                     .code = number_at(w->payload + 4),
                     .text_n = w->frame.length - 8};
    if (g.text_n > sizeof g.text) sim_fail(s, "%s sends a GOAWAY that long", who(w));
    memcpy(g.text, w->payload + 8, g.text_n);
    if (w->goaways == WIRE_GOAWAYS) sim_fail(s, "%s sends GOAWAY for ever", who(w));
    if (w->goaways && g.last > w->goaway[w->goaways - 1].last)
        sim_fail(s, "%s raises the last stream of GOAWAY", who(w));
    w->goaway[w->goaways++] = g;
    model_goaway(s, w->from, &g);
}

void rules_end(wire *w) {
    sim *s = w->sim;
    h2_frame f = w->frame;
    switch (f.type) {
    case H2_FRAME_PUSH_PROMISE: promise_end(w); break;
    case H2_FRAME_WINDOW_UPDATE: window_update_end(w); break;
    case H2_FRAME_GOAWAY: goaway_end(w); break;
    case H2_FRAME_RST_STREAM: {
        stream *st = stream_of(w, "RST_STREAM");
        wire_half *half = &st->wire[w->from];
        if (half->resets++ == 0) half->reset_code = number_at(w->payload);
        model_reset(s, st, w->from, number_at(w->payload));
        half->reset = true;
        break;
    }
    case H2_FRAME_PING:
        if (!(f.flags & H2_FLAG_ACK)) break;
        if (!w->pings_n || memcmp(w->pings[0], w->payload, 8) != 0)
            sim_fail(s, "%s answers a PING that did not come, or out of order", who(w));
        memmove(w->pings, w->pings + 1, --w->pings_n * sizeof w->pings[0]);
        break;
    default: break;
    }
}

void rules_arrived(wire *w, h2_frame f, bool begin, const uint8_t *payload,
                   const settings_seen *settings) {
    sim *s = w->sim;
    wire *back = &s->wire[side_other(w->from)];
    stream *st = f.stream_id ? model_find(s, f.stream_id) : NULL;
    wire_half *half = st ? &st->wire[w->from] : NULL;
    switch (f.type) {
    case H2_FRAME_DATA:
        if (begin)
            w->flow_arrived += f.length;
        else if (f.flags & H2_FLAG_END_STREAM)
            half->end_arrived = true;
        break;
    case H2_FRAME_HEADERS:
        if (f.flags & H2_FLAG_END_STREAM) half->end_arrived = true;
        break;
    case H2_FRAME_RST_STREAM: half->reset_arrived = true; break;
    case H2_FRAME_WINDOW_UPDATE:
        if (half)
            st->wire[back->from].granted_arrived += number_at(payload) & H2_ID_MASK;
        else
            back->granted_arrived += number_at(payload) & H2_ID_MASK;
        break;
    case H2_FRAME_SETTINGS:
        if (f.flags & H2_FLAG_ACK) {
            w->ack_arrived = true; /* others are taken out of the wire */
            break;
        }
        if (back->pending_n == WIRE_PENDING) sim_fail(s, "SETTINGS are never acknowledged");
        back->pending[back->pending_n++] = *settings;
        back->settings_arrived++;
        break;
    case H2_FRAME_PING:
        if (f.flags & H2_FLAG_ACK) {
            const peer *asked = &s->peer[back->from];
            if (memcmp(payload, "h2drain", 8) == 0 && asked->goaways_queued < 2 && !asked->over)
                sim_fail(s, "the PING of a drain was answered, but no second GOAWAY follows");
            break;
        }
        if (back->pings_n == WIRE_PINGS) sim_fail(s, "PINGs are never answered");
        memcpy(back->pings[back->pings_n++], payload, 8);
        break;
    case H2_FRAME_GOAWAY:
        if (back->from == CLIENT) back->refused_above = number_at(payload) & H2_ID_MASK;
        break;
    default: break;
    }
}

void rules_final(sim *s) {
    for (int x = CLIENT; x <= SERVER; x++) {
        wire *w = &s->wire[x];
        const peer *receiver = &s->peer[side_other(w->from)];
        if (w->left || w->head_n || w->block_id) sim_fail(s, "%s leaves a frame undone", who(w));
        if (w->pending_n) sim_fail(s, "%s has not acknowledged SETTINGS", who(w));
        if (w->pings_n) sim_fail(s, "%s has not answered a PING", who(w));
        if (w->queued.count) sim_fail(s, "%s has not sent a frame that the trace told", who(w));
        if (w->passed.count) sim_fail(s, "a frame of %s was not traced when it came", who(w));
        uint64_t full = s->plan.config[receiver->side].connection_window;
        if (full < 65535) full = 65535;
        uint64_t open = 65535 + w->granted_arrived - w->flow;
        if (receiver->held == 0 && full - open > full / 2)
            sim_fail(s, "%s was given back %llu of a connection window of %llu", who(w),
                     (unsigned long long)open, (unsigned long long)full);
    }
}
