/* A third party on the wire: cuts both directions into frames with code of its own, keeps what each
 * side has been told so far, and lets other frames in between. */
#include <stdlib.h>

#include "tests/sim/sim.h"

struct fact {
    uint64_t position; /* of the pipe, from where on the other side knows */
    h2_frame frame;
    bool begin; /* a frame of DATA has begun; its end is another fact */
    uint8_t payload[8];
    settings_seen settings;
};

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"; /* RFC 9113 section 3.4 */
#define PREFACE_SIZE (sizeof preface - 1)

void wire_init(wire *w, sim *s, side from) {
    *w = (wire){.sim = s, .from = from};
    w->preface_n = from == CLIENT ? 0 : PREFACE_SIZE;
    w->pipe.capacity = s->plan.capacity;
    w->limits = (limits){65535, 16384, UINT32_MAX, 1}; /* RFC 9113 section 6.5.2 */
    w->refused_above = UINT32_MAX;
}

void wire_free(wire *w) {
    channel_free(&w->pipe);
    free(w->facts);
    free(w->queued.at);
    free(w->passed.at);
}

/* ---- lists ---- */

static void fact_add(wire *w, fact f) {
    if (w->fact_first + w->fact_count == w->fact_room) {
        size_t room = w->fact_count * 2 + 32;
        fact *moved = memory_block(room * sizeof *moved);
        if (w->fact_count) memcpy(moved, w->facts + w->fact_first, w->fact_count * sizeof *moved);
        free(w->facts);
        w->facts = moved;
        w->fact_room = room;
        w->fact_first = 0;
    }
    w->facts[w->fact_first + w->fact_count++] = f;
}

void wire_arrived(wire *w) {
    while (w->fact_count && w->facts[w->fact_first].position <= w->pipe.read) {
        fact f = w->facts[w->fact_first++];
        w->fact_count--;
        rules_arrived(w, f.frame, f.begin, f.payload, &f.settings);
    }
}

static void frames_add(frame_list *l, h2_frame f) {
    if (l->first + l->count == l->room) {
        l->room = l->count * 2 + 32;
        h2_frame *moved = memory_block(l->room * sizeof *moved);
        if (l->count) memcpy(moved, l->at + l->first, l->count * sizeof *moved);
        free(l->at);
        l->at = moved;
        l->first = 0;
    }
    l->at[l->first + l->count++] = f;
}

/* Takes the oldest, which must be f. */
static void frames_take(wire *w, frame_list *l, h2_frame f, const char *what) {
    sim *s = w->sim;
    const char *name = s->peer[w->from].name;
    if (!l->count) sim_fail(s, "frame type %u of %s %s", f.type, name, what);
    h2_frame first = l->at[l->first++];
    l->count--;
    if (first.type != f.type || first.flags != f.flags || first.stream_id != f.stream_id ||
        first.length != f.length)
        sim_fail(s, "frame type %u of %s, %u bytes, %s: type %u, %u bytes", f.type, name, f.length,
                 what, first.type, first.length);
}

static h2_frame traced(const h2_trace_frame *f) {
    return (h2_frame){f->length, f->stream_id, f->type, f->flags};
}

void wire_queued(wire *w, const h2_trace_frame *f) {
    sim *s = w->sim;
    const stream *st = model_find(s, f->stream_id);
    if (st && st->view[w->from].gone && f->type != H2_FRAME_RST_STREAM)
        sim_fail(s, "%s queues frame type %u on stream %u, which it has closed",
                 s->peer[w->from].name, f->type, st->id);
    frames_add(&w->queued, traced(f));
    w->queued_bytes += H2_FRAME_HEAD + f->length;
    if (f->type != H2_FRAME_DATA) w->queued_own += f->length;
}

void wire_taken(wire *w, const h2_trace_frame *f) {
    frames_take(w, &w->passed, traced(f), "is traced out of turn");
}

/* ---- bytes ---- */

static void pass(wire *w, span bytes) {
    sim *s = w->sim;
    log_bytes(s, bytes);
    s->carried += bytes.n;
    channel_write(&w->pipe, bytes, w->arrives);
}

static h2_frame frame_of(const uint8_t *p) {
    return (h2_frame){.length = ((uint32_t)p[0] << 16) | ((uint32_t)p[1] << 8) | p[2],
                      .stream_id = (((uint32_t)p[5] & 0x7f) << 24) | ((uint32_t)p[6] << 16) |
                                   ((uint32_t)p[7] << 8) | p[8],
                      .type = p[3],
                      .flags = p[4]};
}

static bool is_block(uint8_t type) {
    return type == H2_FRAME_HEADERS || type == H2_FRAME_PUSH_PROMISE ||
           type == H2_FRAME_CONTINUATION;
}

static void settings_read(const uint8_t *p, uint32_t n, settings_seen *out) {
    *out = (settings_seen){.mask = 0};
    for (uint32_t i = 0; i + 6 <= n; i += 6) {
        int slot = h2_frame_setting_slot((uint16_t)(p[i] << 8 | p[i + 1]));
        if (slot < 0) continue;
        out->value[slot] = (uint32_t)p[i + 2] << 24 | (uint32_t)p[i + 3] << 16 |
                           (uint32_t)p[i + 4] << 8 | p[i + 5];
        out->mask |= 1u << slot;
    }
}

/* Where the other side may take DATA for whole: at the end of its content, before its padding. */
static void content_fact(wire *w, uint32_t padding) {
    fact_add(w, (fact){.position = w->pipe.written + w->left - padding, .frame = w->frame});
}

static void frame_end(wire *w) {
    h2_frame f = w->frame;
    rules_end(w);
    if (is_block(f.type)) {
        w->block_size += f.length;
        if (!(f.flags & H2_FLAG_END_HEADERS)) return;
        f = w->block_frame;
        f.flags |= H2_FLAG_END_HEADERS;
        f.length = w->block_size;
        w->block_id = 0;
    }
    frames_take(w, &w->queued, f, "was told otherwise by the trace");
    if (f.type == H2_FRAME_DATA) return; /* its facts are told */
    h2_frame passed = f;
    if (f.type == H2_FRAME_HEADERS && w->block_added) {
        passed.length += w->block_added;
        passed.flags |= H2_FLAG_PRIORITY;
    }
    frames_add(&w->passed, passed);
    fact known = {.position = w->pipe.written, .frame = f};
    memcpy(known.payload, w->payload, sizeof known.payload);
    if (f.type == H2_FRAME_SETTINGS && !(f.flags & H2_FLAG_ACK))
        settings_read(w->payload, w->payload_n, &known.settings);
    fact_add(w, known);
}

/* The client's HEADERS may get the priority fields of RFC 7540 section 6.2 on their way. */
static void pass_head(wire *w) {
    sim *s = w->sim;
    h2_frame f = w->frame;
    uint8_t fields[5];
    if (f.type == H2_FRAME_HEADERS) w->block_added = 0;
    if (f.type != H2_FRAME_HEADERS || w->from != CLIENT || (f.flags & H2_FLAG_PADDED) ||
        f.length + sizeof fields > 16384 || !sim_chance(s, s->plan.with_dependency)) {
        pass(w, span_of(w->head, H2_FRAME_HEAD));
        return;
    }
    uint32_t on = 2 * sim_draw(s, (uint32_t)s->stream_count[CLIENT] + 3) + 1;
    if (on == f.stream_id || sim_chance(s, 30)) on = 0;
    w->block_added = sizeof fields;
    bytes_put24(w->head, f.length + w->block_added);
    w->head[4] = f.flags | H2_FLAG_PRIORITY;
    bytes_put32(fields, on | sim_draw(s, 2) << 31);
    fields[4] = (uint8_t)sim_draw(s, 256);
    log_note(s, s->peer[w->from].name, "splice", "dependency", f.stream_id, on);
    pass(w, span_of(w->head, H2_FRAME_HEAD));
    pass(w, span_of(fields, sizeof fields));
}

static void frame_begin(wire *w) {
    bool dropped = false;
    w->frame = frame_of(w->head);
    w->left = w->frame.length;
    w->head_n = 0;
    w->payload_n = 0;
    if (w->frame.type != H2_FRAME_DATA) w->queued_own -= w->frame.length;
    memset(w->payload, 0, sizeof w->payload);
    rules_begin(w, &dropped);
    w->begun = true;
    if (is_block(w->frame.type) && w->frame.type != H2_FRAME_CONTINUATION) {
        w->block_frame = w->frame;
        w->block_id = w->frame.stream_id;
        w->block_size = 0;
    }
    if (!dropped) pass_head(w);
    if (w->frame.type == H2_FRAME_DATA) {
        frames_add(&w->passed, w->frame);
        fact_add(w, (fact){.position = w->pipe.written, .frame = w->frame, .begin = true});
        if (!(w->frame.flags & H2_FLAG_PADDED)) content_fact(w, 0);
    }
    if (w->left) return;
    if (dropped)
        frames_take(w, &w->queued, w->frame, "was told otherwise by the trace");
    else
        frame_end(w);
}

static void payload_some(wire *w, span piece) {
    sim *s = w->sim;
    const char *name = s->peer[w->from].name;
    bool padded = w->frame.type == H2_FRAME_DATA && (w->frame.flags & H2_FLAG_PADDED);
    uint32_t at = w->frame.length - w->left;
    if (padded && at == 0) {
        w->padding = piece.p[0];
        if (w->padding >= w->frame.length) sim_fail(s, "%s sends more padding than frame", name);
        content_fact(w, w->padding);
        wire_half *half = &model_find(s, w->frame.stream_id)->wire[w->from];
        half->padding += w->padding + 1u;
    }
    for (size_t i = 0; padded && i < piece.n; i++)
        if (at + i >= w->frame.length - w->padding && piece.p[i])
            sim_fail(s, "%s sends padding that is not zero", name);
    for (size_t i = 0; i < piece.n && w->payload_n < sizeof w->payload; i++)
        w->payload[w->payload_n++] = piece.p[i];
    w->left -= (uint32_t)piece.n;
    pass(w, piece);
    if (w->left == 0) frame_end(w);
}

void wire_write(wire *w, span bytes) {
    sim *s = w->sim;
    const char *name = s->peer[w->from].name;
    w->arrives = s->now + sim_draw(s, s->plan.delay_ms + 1);
    w->queued_bytes -= bytes.n < w->queued_bytes ? bytes.n : w->queued_bytes;
    while (bytes.n) {
        if (w->preface_n < PREFACE_SIZE) {
            span one = span_take(&bytes, 1);
            if (one.p[0] != (uint8_t)preface[w->preface_n++])
                sim_fail(s, "%s sends a wrong preface", name);
            pass(w, one);
        } else if (w->left) {
            payload_some(w, span_take(&bytes, bytes.n < w->left ? bytes.n : w->left));
        } else {
            w->head[w->head_n++] = span_take(&bytes, 1).p[0];
            if (w->head_n == H2_FRAME_HEAD) frame_begin(w);
        }
    }
}

bool wire_between(const wire *w) {
    return w->begun && !w->left && !w->head_n && !w->block_id && !w->pipe.closed;
}

void wire_splice(wire *w, h2_frame f, const uint8_t *payload) {
    sim *s = w->sim;
    uint8_t head[H2_FRAME_HEAD] = {(uint8_t)(f.length >> 16),
                                   (uint8_t)(f.length >> 8),
                                   (uint8_t)f.length,
                                   f.type,
                                   f.flags,
                                   (uint8_t)(f.stream_id >> 24),
                                   (uint8_t)(f.stream_id >> 16),
                                   (uint8_t)(f.stream_id >> 8),
                                   (uint8_t)f.stream_id};
    w->arrives = s->now + sim_draw(s, s->plan.delay_ms + 1);
    frames_add(&w->passed, f);
    pass(w, span_of(head, sizeof head));
    if (f.length) pass(w, span_of(payload, f.length));
    fact known = {.position = w->pipe.written, .frame = f};
    if (f.length >= sizeof known.payload) memcpy(known.payload, payload, sizeof known.payload);
    if (f.type == H2_FRAME_SETTINGS) {
        settings_read(payload, f.length, &known.settings);
        known.settings.spliced = true;
    }
    if (f.type == H2_FRAME_SETTINGS || f.type == H2_FRAME_PING) fact_add(w, known);
}
