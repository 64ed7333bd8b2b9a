#include "applets/common/frame_log.h"
#include "netio/net.h"

#include <stdarg.h>

#define INDENT "          "

/* ---- the parts of a record ---- */

static const char *paint(const frame_log *l, const char *code) { return l->colour ? code : ""; }
#define STAMP "\033[33m"
#define SEND  "\033[1;35m"
#define RECV  "\033[1;36m"
#define NAME  "\033[1;34m"
#define FAULT "\033[1;31m"
#define PLAIN "\033[0m"

static void begin(frame_log *l) {
    const char *first = l->first;
    l->first = NULL;
    if (first) frame_log_say(l, "%s", first);
    uint64_t ms = (loop_now_us() - l->start_us) / 1000;
    text_clear(&l->line);
    if (l->id) text_print(&l->line, "[id=%u] ", l->id);
    text_print(&l->line, "%s[%3u.%03u]%s ", paint(l, STAMP), (unsigned)(ms / 1000),
               (unsigned)(ms % 1000), paint(l, PLAIN));
}

/* Flushed at once: who watches a log, or a process that dies, wants what has happened so far. */
static void finish(frame_log *l) {
    fwrite(l->line.p, 1, l->line.n, l->out);
    fflush(l->out);
}

static void add_field(frame_log *l, const http_field *f) {
    text_print(&l->line, "%s", paint(l, NAME));
    text_add_visible(&l->line, f->name);
    text_print(&l->line, "%s: ", paint(l, PLAIN));
    text_add_visible(&l->line, f->value);
    text_print(&l->line, "\n");
}

const char *frame_log_flag(uint8_t type, uint8_t bit) {
    static const struct {
        uint8_t type, flag;
        const char *name;
    } names[] = {
        {H2_FRAME_DATA, H2_FLAG_END_STREAM, "END_STREAM"},
        {H2_FRAME_DATA, H2_FLAG_PADDED, "PADDED"},
        {H2_FRAME_HEADERS, H2_FLAG_END_STREAM, "END_STREAM"},
        {H2_FRAME_HEADERS, H2_FLAG_END_HEADERS, "END_HEADERS"},
        {H2_FRAME_HEADERS, H2_FLAG_PADDED, "PADDED"},
        {H2_FRAME_HEADERS, H2_FLAG_PRIORITY, "PRIORITY"},
        {H2_FRAME_SETTINGS, H2_FLAG_ACK, "ACK"},
        {H2_FRAME_PING, H2_FLAG_ACK, "ACK"},
        {H2_FRAME_PUSH_PROMISE, H2_FLAG_END_HEADERS, "END_HEADERS"},
        {H2_FRAME_PUSH_PROMISE, H2_FLAG_PADDED, "PADDED"},
        {H2_FRAME_CONTINUATION, H2_FLAG_END_HEADERS, "END_HEADERS"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].type == type && names[i].flag == bit) return names[i].name;
    return NULL;
}

static void add_flags(text *t, const h2_trace_frame *f) {
    const char *before = INDENT "; ";
    for (unsigned bit = 1; bit < 256; bit <<= 1) {
        const char *name = f->flags & bit ? frame_log_flag(f->type, (uint8_t)bit) : NULL;
        if (!name) continue;
        text_print(t, "%s%s", before, name);
        before = " | ";
    }
    if (before[0] == ' ' && before[1] == '|') text_print(t, "\n");
}

static void add_code(text *t, uint32_t code) {
    const char *name = h2_frame_code_name(code);
    text_print(t, "error_code=%s(0x%02x)", name ? name : "unknown", code);
}

/* With the Pad Length byte, as the tools before count it. */
static unsigned padlen(const h2_trace_frame *f) { return f->padding; }

static void add_headers(text *t, const h2_trace_frame *f) {
    static const char *const sections[] = {[H2_TRACE_REQUEST] = "Open new stream",
                                           [H2_TRACE_RESPONSE] = "First response header",
                                           [H2_TRACE_PUSH_RESPONSE] = "First push response header"};
    text_print(t, INDENT "(padlen=%u", padlen(f));
    if (f->flags & H2_FLAG_PRIORITY)
        text_print(t, ", dep_stream_id=%u, weight=%u, exclusive=%u", f->depends_on, f->weight,
                   f->exclusive);
    text_print(t, ")\n");
    if (f->section <= H2_TRACE_PUSH_RESPONSE) text_print(t, INDENT "; %s\n", sections[f->section]);
}

static void add_settings(text *t, span payload) {
    text_print(t, INDENT "(niv=%zu)\n", payload.n / 6);
    while (payload.n >= 6) {
        span entry = span_take(&payload, 6);
        uint16_t id = bytes_get16(entry.p);
        const char *name = h2_frame_setting_name(id);
        text_print(t, INDENT "[%s%s(0x%02x):%u]\n", name ? "SETTINGS_" : "",
                   name ? name : "UNKNOWN", id, bytes_get32(entry.p + 2));
    }
}

static void add_bracketed(text *t, const char *before, span s) {
    text_print(t, "%s[", before);
    text_add_visible(t, s);
    text_print(t, "]");
}

static void add_altsvc(text *t, span p) {
    size_t origin = p.n >= 2 ? bytes_get16(p.p) : 0;
    if (p.n < 2 || origin > p.n - 2) return;
    add_bracketed(t, INDENT "(origin=", span_of(p.p + 2, origin));
    add_bracketed(t, ", altsvc_field_value=", span_skip(p, 2 + origin));
    text_print(t, ")\n");
}

static void add_origin(text *t, span p) {
    while (p.n >= 2 && bytes_get16(p.p) <= p.n - 2) {
        size_t n = bytes_get16(p.p);
        add_bracketed(t, INDENT, span_of(p.p + 2, n));
        text_print(t, "\n");
        p = span_skip(p, 2 + n);
    }
}

/* The lines below the first, for frames whose payload is at hand. */
static void add_payload(text *t, const h2_trace_frame *f) {
    span p = f->payload;
    switch (f->type) {
    case H2_FRAME_PRIORITY:
        if (p.n != 5) return;
        text_print(t, INDENT "(dep_stream_id=%u, weight=%u, exclusive=%u)\n",
                   bytes_get32(p.p) & H2_ID_MASK, p.p[4] + 1u, p.p[0] >> 7);
        return;
    case H2_FRAME_RST_STREAM:
        if (p.n != 4) return;
        text_print(t, INDENT "(");
        add_code(t, bytes_get32(p.p));
        text_print(t, ")\n");
        return;
    case H2_FRAME_SETTINGS: add_settings(t, p); return;
    case H2_FRAME_PING:
        text_print(t, INDENT "(opaque_data=");
        for (size_t i = 0; i < p.n; i++) text_print(t, "%02x", p.p[i]);
        text_print(t, ")\n");
        return;
    case H2_FRAME_GOAWAY:
        if (p.n < 8) return;
        text_print(t, INDENT "(last_stream_id=%u, ", bytes_get32(p.p) & H2_ID_MASK);
        add_code(t, bytes_get32(p.p + 4));
        text_print(t, ", opaque_data(%zu)=", p.n - 8);
        add_bracketed(t, "", span_skip(p, 8));
        text_print(t, ")\n");
        return;
    case H2_FRAME_WINDOW_UPDATE:
        if (p.n != 4) return;
        text_print(t, INDENT "(window_size_increment=%u)\n", bytes_get32(p.p) & H2_ID_MASK);
        return;
    case H2_FRAME_ALTSVC: add_altsvc(t, p); return;
    case H2_FRAME_ORIGIN: add_origin(t, p); return;
    case H2_FRAME_PRIORITY_UPDATE:
        if (p.n < 4) return;
        text_print(t, INDENT "(prioritized_stream_id=%u, priority_field_value=",
                   bytes_get32(p.p) & H2_ID_MASK);
        add_bracketed(t, "", span_skip(p, 4));
        text_print(t, ")\n");
        return;
    default: return;
    }
}

/* ---- records ---- */

/* Received fields stand before their frame, each with a time stamp of its own. */
static void log_received_fields(frame_log *l, const h2_trace_frame *f) {
    uint32_t id = f->stream_id;
    for (size_t i = 0; i < f->field_count; i++) {
        begin(l);
        text_print(&l->line, "recv (stream_id=%u%s) ", id,
                   f->fields[i].never_indexed ? ", sensitive" : "");
        add_field(l, &f->fields[i]);
        finish(l);
    }
}

static void log_frame(void *user, const h2_trace_frame *f) {
    frame_log *l = user;
    text *t = &l->line;
    const char *name = h2_frame_name(f->type);
    if (!f->sent) log_received_fields(l, f);
    begin(l);
    if (f->verdict.scope != VERDICT_NONE)
        text_print(t, "%s[INVALID; error=%s]%s ", paint(l, FAULT), f->verdict.why, paint(l, PLAIN));
    text_print(t, "%s%s ", paint(l, f->sent ? SEND : RECV), f->sent ? "send" : "recv");
    if (name)
        text_print(t, "%s", name);
    else
        text_print(t, "extension(0x%02x)", f->type);
    text_print(t, "%s frame <length=%u, flags=0x%02x, stream_id=%u>\n", paint(l, PLAIN), f->length,
               f->flags, f->stream_id);
    add_flags(t, f);
    switch (f->type) {
    case H2_FRAME_DATA:
        if (padlen(f)) text_print(t, INDENT "(padlen=%u)\n", padlen(f));
        break;
    case H2_FRAME_HEADERS: add_headers(t, f); break;
    case H2_FRAME_PUSH_PROMISE:
        text_print(t, INDENT "(padlen=%u, promised_stream_id=%u)\n", padlen(f), f->promised_id);
        break;
    default: add_payload(t, f); break;
    }
    for (size_t i = 0; f->sent && i < f->field_count; i++) {
        text_print(t, INDENT);
        add_field(l, &f->fields[i]);
    }
    finish(l);
}

static void log_data(void *user, uint32_t stream_id, size_t length, uint32_t stream_owed,
                     uint32_t connection_owed) {
    frame_log *l = user;
    if (!l->chunks) return;
    begin(l);
    text_print(&l->line, "recv (stream_id=%u, length=%zu, srecv=%u, crecv=%u) DATA\n", stream_id,
               length, stream_owed, connection_owed);
    finish(l);
}

static void log_closed(void *user, uint32_t stream_id, uint32_t code) {
    frame_log *l = user;
    (void)code;
    if (l->id) frame_log_say(l, "stream_id=%u closed", stream_id);
}

/* Whether a head has `upgrade: h2c`, or is a 101. */
static bool is_upgrade(span head) {
    static const span wanted = SPAN_LIT("\nupgrade: h2c\r");
    if (span_starts(head, SPAN("HTTP/1.1 101"))) return true;
    for (size_t i = 0; i + wanted.n <= head.n; i++)
        if (span_ieq(span_of(head.p + i, wanted.n), wanted)) return true;
    return false;
}

static void log_head(void *user, bool sent, uint32_t stream_id, span head) {
    frame_log *l = user;
    text *t = &l->line;
    bool upgrade = is_upgrade(head), answer = span_starts(head, SPAN("HTTP/"));
    begin(l);
    if (upgrade)
        text_print(t, "HTTP Upgrade %s\n", answer ? "response" : "request");
    else
        text_print(t, "%s%s%s (stream_id=%u) HTTP/1.1 %s\n", paint(l, sent ? SEND : RECV),
                   sent ? "send" : "recv", paint(l, PLAIN), stream_id,
                   answer ? "response" : "request");
    while (head.n) {
        const uint8_t *end = memchr(head.p, '\n', head.n);
        span line = span_take(&head, end ? (size_t)(end - head.p) + 1 : head.n);
        while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r')) line.n--;
        text_add_visible(t, line);
        text_print(t, "\n");
    }
    text_print(t, "\n");
    finish(l);
    if (upgrade && answer) frame_log_say(l, "HTTP Upgrade success");
}

h2_trace frame_log_trace(frame_log *l) {
    static const h2_trace_ops ops = {log_frame, log_data, log_closed, log_head};
    return (h2_trace){&ops, l};
}

void frame_log_say(frame_log *l, const char *format, ...) {
    char said[512];
    va_list args;
    va_start(args, format);
    vsnprintf(said, sizeof said, format, args);
    va_end(args);
    begin(l);
    text_print(&l->line, "%s\n", said);
    finish(l);
}

void frame_log_hexdump(frame_log *l, span bytes) {
    text *t = &l->line;
    text_clear(t);
    for (size_t at = 0; at < bytes.n; at += 16) {
        size_t n = bytes.n - at < 16 ? bytes.n - at : 16;
        text_print(t, "%08zx", at);
        for (size_t i = 0; i < 16; i++) {
            if (i % 8 == 0) text_print(t, " ");
            if (i < n)
                text_print(t, " %02x", bytes.p[at + i]);
            else
                text_print(t, "   ");
        }
        text_print(t, "  |");
        for (size_t i = 0; i < n; i++) {
            uint8_t c = bytes.p[at + i];
            text_print(t, "%c", c >= 0x20 && c < 0x7f ? c : '.');
        }
        text_print(t, "|\n");
    }
    text_print(t, "%08zx\n", bytes.n);
    finish(l);
}

void frame_log_end(frame_log *l) { text_end(&l->line); }
