/* What the connection wrote, cut into frames and put into words for `<` lines. */
#include <stdlib.h>

#include "tests/flows/flow.h"

static const char *code_name(uint32_t code) {
    static char number[16];
    if (h2_frame_code_name(code)) return h2_frame_code_name(code);
    snprintf(number, sizeof number, "0x%x", code);
    return number;
}

static const char *flag_words(const player *p, h2_frame f) {
    static char words[80];
    bool block = f.type == H2_FRAME_HEADERS || f.type == H2_FRAME_PUSH_PROMISE ||
                 f.type == H2_FRAME_CONTINUATION;
    bool stream = f.type == H2_FRAME_HEADERS || f.type == H2_FRAME_DATA;
    (void)p;
    snprintf(words, sizeof words, "%s%s%s%s%s", f.flags & 1 ? stream ? " END_STREAM" : " ACK" : "",
             block && !(f.flags & H2_FLAG_END_HEADERS) ? " MORE" : "",
             f.flags & H2_FLAG_PADDED ? " PADDED" : "",
             f.flags & H2_FLAG_PRIORITY ? " PRIORITY" : "", f.flags & 0xd2 ? " ODD" : "");
    return words;
}

static void need(player *p, bool holds, const char *what) {
    if (!holds) flow_fail(p, "the connection wrote %s", what);
}

/* A whole header block: into the entry that it began with. */
static void decode_block(player *p) {
    hpack_list_clear(&p->list);
    hpack_status st = hpack_dec_block(&p->dec, span_of(p->block.p, p->block.n), &p->list);
    if (st != HPACK_OK) flow_fail(p, "the connection's header block: %s", hpack_status_text(st));
    log_alt_fields(&p->frames.entries[p->block_entry], p->list.fields, p->list.count);
    p->block.n = 0;
}

static void settings(player *p, log_entry *e, span payload, bool ack) {
    bytes_buf text = {0};
    need(p, payload.n % 6 == 0 && (!ack || !payload.n), "SETTINGS of a wrong length");
    if (ack) hpack_dec_limit(&p->dec, p->table_size);
    while (payload.n) {
        char word[80];
        span entry = span_take(&payload, 6);
        const char *name = h2_frame_setting_name(bytes_get16(entry.p));
        int n = snprintf(word, sizeof word, "%s=%u ", name ? name : "?", bytes_get32(entry.p + 2));
        bytes_buf_put(&text, word, (size_t)n);
    }
    if (text.n) log_alt(e, 0, "%.*s", (int)text.n, (char *)text.p);
    bytes_buf_free(&text);
}

static void log_payload(player *p, h2_frame f, span payload, log_entry *e) {
    switch (f.type) {
    case H2_FRAME_DATA:
        log_alt(e, 0, "%zu", payload.n);
        log_alt_text(e, 1, span_head(payload, 200));
        break;
    case H2_FRAME_SETTINGS: settings(p, e, payload, f.flags & H2_FLAG_ACK); break;
    case H2_FRAME_RST_STREAM:
        need(p, payload.n == 4, "RST_STREAM of a wrong length");
        log_alt(e, 0, "%s", code_name(bytes_get32(payload.p)));
        break;
    case H2_FRAME_PING:
        need(p, payload.n == 8, "PING of a wrong length");
        log_alt_text(e, 0, payload);
        break;
    case H2_FRAME_GOAWAY:
        need(p, payload.n >= 8, "GOAWAY of a wrong length");
        log_alt(e, 0, "%u %s", bytes_get32(payload.p), code_name(bytes_get32(payload.p + 4)));
        break;
    case H2_FRAME_WINDOW_UPDATE:
        need(p, payload.n == 4 && bytes_get32(payload.p) != 0, "WINDOW_UPDATE that is none");
        log_alt(e, 0, "%u", bytes_get32(payload.p));
        break;
    default: log_alt_text(e, 0, payload); break;
    }
}

static void frame(player *p, h2_frame f, span payload) {
    uint32_t padding, promised = 0;
    char id[16] = "";
    verdict v = h2_frame_check(f);
    need(p, v.scope == VERDICT_NONE, v.why);
    if (f.type == H2_FRAME_DATA || f.type == H2_FRAME_HEADERS || f.type == H2_FRAME_PUSH_PROMISE)
        need(p, h2_frame_unpad(f, &payload, &padding).scope == VERDICT_NONE, "bad padding");
    if (f.type == H2_FRAME_PUSH_PROMISE) promised = bytes_get32(span_take(&payload, 4).p);
    if (f.stream_id || f.type == H2_FRAME_WINDOW_UPDATE || f.type == H2_FRAME_ALTSVC)
        snprintf(id, sizeof id, " %u", f.stream_id);
    if (promised) snprintf(id, sizeof id, " %u %u", f.stream_id, promised);
    need(p, h2_frame_name(f.type) != NULL, "a frame of an unknown type");
    if (p->block.n) need(p, f.type == H2_FRAME_CONTINUATION, "a frame inside of a header block");
    bool block = f.type == H2_FRAME_HEADERS || f.type == H2_FRAME_PUSH_PROMISE;
    if (block) p->block_entry = p->frames.count;
    log_entry *e = log_add(&p->frames, "%s%s%s", h2_frame_name(f.type), id, flag_words(p, f));
    if (block || f.type == H2_FRAME_CONTINUATION) {
        bytes_buf_put(&p->block, payload.p, payload.n);
        if (f.flags & H2_FLAG_END_HEADERS) decode_block(p);
    } else {
        log_payload(p, f, payload, e);
    }
}

void reader_frames(player *p) {
    span rest = span_of(p->output.p, p->output.n);
    if (!p->server && !p->preface_seen && rest.n >= H2_PREFACE_SIZE) {
        span preface = span_take(&rest, H2_PREFACE_SIZE);
        need(p, span_eq(preface, SPAN(H2_PREFACE)), "no preface");
        log_add(&p->frames, "PREFACE");
        p->preface_seen = true;
    }
    while (rest.n >= H2_FRAME_HEAD) {
        h2_frame f = h2_frame_get(rest.p);
        if (rest.n < H2_FRAME_HEAD + f.length) break;
        span_take(&rest, H2_FRAME_HEAD);
        frame(p, f, span_take(&rest, f.length));
    }
    if (rest.n) memmove(p->output.p, rest.p, rest.n);
    p->output.n = rest.n;
}
