/* What the connection wrote, cut into frames and put into words for `<` lines. */
#include <stdlib.h>

#include "tests/flows/flow.h"

static const char *code_name(uint32_t code) {
    static char number[16];
    if (h2_frame_code_name(code)) return h2_frame_code_name(code);
    snprintf(number, sizeof number, "0x%x", code);
    return number;
}

/* The flags that have a meaning for a type (RFC 9113 section 6). */
static uint8_t flags_of(uint8_t type) {
    switch (type) {
    case H2_FRAME_DATA: return H2_FLAG_END_STREAM | H2_FLAG_PADDED;
    case H2_FRAME_HEADERS:
        return H2_FLAG_END_STREAM | H2_FLAG_END_HEADERS | H2_FLAG_PADDED | H2_FLAG_PRIORITY;
    case H2_FRAME_PUSH_PROMISE: return H2_FLAG_END_HEADERS | H2_FLAG_PADDED;
    case H2_FRAME_CONTINUATION: return H2_FLAG_END_HEADERS;
    case H2_FRAME_SETTINGS:
    case H2_FRAME_PING: return H2_FLAG_ACK;
    default: return 0;
    }
}

static const char *flag_words(h2_frame f) {
    static char words[80];
    bool block = f.type == H2_FRAME_HEADERS || f.type == H2_FRAME_PUSH_PROMISE ||
                 f.type == H2_FRAME_CONTINUATION;
    bool stream = f.type == H2_FRAME_HEADERS || f.type == H2_FRAME_DATA;
    snprintf(words, sizeof words, "%s%s%s%s", f.flags & 1 ? stream ? " END_STREAM" : " ACK" : "",
             block && !(f.flags & H2_FLAG_END_HEADERS) ? " MORE" : "",
             f.flags & H2_FLAG_PADDED ? " PADDED" : "",
             f.flags & H2_FLAG_PRIORITY ? " PRIORITY" : "");
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
    log_entry *e = &p->frames.entries[p->block_entry];
    log_alt_fields(e, p->list.fields, p->list.count);
    log_alt_hex(e, 1, span_head(span_of(p->block.p, p->block.n), 200));
    p->block.n = 0;
    p->block_id = 0;
}

static void settings(player *p, log_entry *e, span payload, bool ack) {
    bytes_buf text = {0};
    need(p, payload.n % 6 == 0 && (!ack || !payload.n), "SETTINGS of a wrong length");
    if (ack) { /* what the script said before is in force */
        hpack_dec_limit(&p->dec, p->table_size);
        p->frame_max = p->frame_size;
    }
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

/* Takes the padding off. */
static void unpad(player *p, h2_frame f, span *payload) {
    uint32_t padding;
    span whole = *payload;
    need(p, h2_frame_unpad(f, payload, &padding).scope == VERDICT_NONE, "bad padding");
    for (uint32_t i = 1; i < padding; i++)
        need(p, whole.p[whole.n - i] == 0, "padding that is not zeros");
}

/* The frames of a header block stand together, and CONTINUATION nowhere else. */
static void follow(player *p, h2_frame f) {
    if (p->block_id)
        need(p, f.type == H2_FRAME_CONTINUATION && f.stream_id == p->block_id,
             "a frame inside of a header block");
    else
        need(p, f.type != H2_FRAME_CONTINUATION, "CONTINUATION without a header block");
}

static void frame(player *p, h2_frame f, span payload) {
    uint32_t promised = 0;
    char id[16] = "";
    verdict v = h2_frame_check(f);
    need(p, v.scope == VERDICT_NONE, v.why);
    need(p, f.length <= p->frame_max, "a frame over MAX_FRAME_SIZE");
    need(p, !(f.flags & ~flags_of(f.type)), "a flag without a meaning");
    follow(p, f);
    if (f.type == H2_FRAME_DATA || f.type == H2_FRAME_HEADERS || f.type == H2_FRAME_PUSH_PROMISE)
        unpad(p, f, &payload);
    if (f.type == H2_FRAME_PUSH_PROMISE) promised = bytes_get32(span_take(&payload, 4).p);
    if (f.stream_id || f.type == H2_FRAME_WINDOW_UPDATE || f.type == H2_FRAME_ALTSVC)
        snprintf(id, sizeof id, " %u", f.stream_id);
    if (promised) snprintf(id, sizeof id, " %u %u", f.stream_id, promised);
    need(p, h2_frame_name(f.type) != NULL, "a frame of an unknown type");
    bool block = f.type == H2_FRAME_HEADERS || f.type == H2_FRAME_PUSH_PROMISE;
    if (block) {
        p->block_entry = p->frames.count;
        p->block_id = f.stream_id;
    }
    log_entry *e = log_add(&p->frames, "%s%s%s", h2_frame_name(f.type), id, flag_words(f));
    if (block || f.type == H2_FRAME_CONTINUATION) {
        bytes_buf_put(&p->block, payload.p, payload.n);
        if (f.flags & H2_FLAG_END_HEADERS) decode_block(p);
    } else {
        log_payload(p, f, payload, e);
    }
}

void reader_text(player *p, char *line) {
    bytes_buf expected = {0};
    bool nothing = !strcmp(line, "nothing");
    if (!nothing) script_unescape(&expected, line + 1, strlen(line) - 2);
    span got = span_of(p->output.p, p->output.n);
    bool same = nothing ? got.n == 0 : span_starts(got, span_of(expected.p, expected.n));
    p->shown.n = 0;
    if (same && expected.n) {
        p->output.n -= expected.n;
        memmove(p->output.p, p->output.p + expected.n, p->output.n);
    } else if (!same && !p->lenient) {
        log_print_text(&p->shown, got);
    }
    bytes_buf_free(&expected);
    if (!same && !p->lenient)
        flow_fail(p, "\n  expected: %s\n  got:      \"%.*s\"", line, (int)p->shown.n,
                  p->shown.n ? (char *)p->shown.p : "");
}

void reader_frames(player *p) {
    if (p->text) return;
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
        need(p, !(rest.p[5] & 0x80), "a reserved bit");
        span_take(&rest, H2_FRAME_HEAD);
        frame(p, f, span_take(&rest, f.length));
    }
    if (rest.n) memmove(p->output.p, rest.p, rest.n);
    p->output.n = rest.n;
}
