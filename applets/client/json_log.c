#include "applets/client/json_log.h"
#include "applets/common/frame_log.h"

/* ---- values ---- */

static void add_string(text *t, span s) {
    text_add(t, SPAN("\""));
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c < 0x20 || c >= 0x7f)
            text_print(t, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            text_print(t, "\\%c", c);
        else
            text_add(t, span_of(&c, 1));
    }
    text_add(t, SPAN("\""));
}

static void add_key(text *t, const char *key) { text_print(t, ",\"%s\":", key); }

static void add_number(text *t, const char *key, uint64_t v) {
    text_print(t, ",\"%s\":%llu", key, (unsigned long long)v);
}

static void add_text(text *t, const char *key, span s) {
    add_key(t, key);
    add_string(t, s);
}

static void add_hex(text *t, const char *key, span s) {
    text_print(t, ",\"%s\":\"", key);
    for (size_t i = 0; i < s.n; i++) text_print(t, "%02x", s.p[i]);
    text_print(t, "\"");
}

/* A name from a list, or the number where the list has none. */
static void add_name(text *t, const char *key, const char *name, uint32_t v) {
    if (name)
        add_text(t, key, span_str(name));
    else
        add_number(t, key, v);
}

static void begin(json_log *l, const char *event) {
    text_clear(&l->line);
    text_print(&l->line, "{\"time_us\":%llu,\"event\":\"%s\",\"connection\":%u",
               (unsigned long long)(loop_now_us() - l->start_us), event, l->connection);
}

static void finish(json_log *l) {
    text_print(&l->line, "}\n");
    fwrite(l->line.p, 1, l->line.n, l->out);
    fflush(l->out);
}

/* ---- frames ---- */

static void add_flags(text *t, const h2_trace_frame *f) {
    const char *before = "";
    text_print(t, ",\"flags\":[");
    for (unsigned bit = 1; bit < 256; bit <<= 1) {
        if (!(f->flags & bit)) continue;
        const char *name = frame_log_flag(f->type, (uint8_t)bit);
        text_print(t, name ? "%s\"%s\"" : "%s%s%u", before, name ? name : "", bit);
        before = ",";
    }
    text_print(t, "]");
}

static void add_fields(text *t, const http_field *f, size_t n) {
    text_print(t, ",\"fields\":[");
    for (size_t i = 0; i < n; i++) {
        text_print(t, i ? ",[" : "[");
        add_string(t, f[i].name);
        text_print(t, ",");
        add_string(t, f[i].value);
        text_print(t, "]");
    }
    text_print(t, "]");
}

static void add_settings(text *t, span p) {
    text_print(t, ",\"settings\":[");
    for (bool more = false; p.n >= 6; more = true) {
        span entry = span_take(&p, 6);
        uint16_t id = bytes_get16(entry.p);
        const char *name = h2_frame_setting_name(id);
        text_print(t, more ? ",{\"id\":%u" : "{\"id\":%u", id);
        if (name) add_text(t, "name", span_str(name));
        add_number(t, "value", bytes_get32(entry.p + 2));
        text_print(t, "}");
    }
    text_print(t, "]");
}

static void add_payload(text *t, const h2_trace_frame *f) {
    span p = f->payload;
    switch (f->type) {
    case H2_FRAME_PRIORITY:
        if (p.n != 5) return;
        add_number(t, "depends_on", bytes_get32(p.p) & H2_ID_MASK);
        add_number(t, "weight", p.p[4] + 1u);
        text_print(t, ",\"exclusive\":%s", p.p[0] >> 7 ? "true" : "false");
        return;
    case H2_FRAME_RST_STREAM:
        if (p.n == 4) add_name(t, "code", h2_frame_code_name(bytes_get32(p.p)), bytes_get32(p.p));
        return;
    case H2_FRAME_SETTINGS: add_settings(t, p); return;
    case H2_FRAME_PING: add_hex(t, "opaque", p); return;
    case H2_FRAME_GOAWAY:
        if (p.n < 8) return;
        add_number(t, "last_stream", bytes_get32(p.p) & H2_ID_MASK);
        add_name(t, "code", h2_frame_code_name(bytes_get32(p.p + 4)), bytes_get32(p.p + 4));
        add_text(t, "debug", span_skip(p, 8));
        return;
    case H2_FRAME_WINDOW_UPDATE:
        if (p.n == 4) add_number(t, "increment", bytes_get32(p.p) & H2_ID_MASK);
        return;
    case H2_FRAME_ALTSVC:
        if (p.n < 2 || bytes_get16(p.p) > p.n - 2) return;
        add_text(t, "origin", span_of(p.p + 2, bytes_get16(p.p)));
        add_text(t, "value", span_skip(p, 2u + bytes_get16(p.p)));
        return;
    case H2_FRAME_ORIGIN:
        text_print(t, ",\"origins\":[");
        for (bool more = false; p.n >= 2 && bytes_get16(p.p) <= p.n - 2; more = true) {
            size_t n = bytes_get16(p.p);
            if (more) text_print(t, ",");
            add_string(t, span_of(p.p + 2, n));
            p = span_skip(p, 2 + n);
        }
        text_print(t, "]");
        return;
    case H2_FRAME_PRIORITY_UPDATE:
        if (p.n < 4) return;
        add_number(t, "prioritized", bytes_get32(p.p) & H2_ID_MASK);
        add_text(t, "value", span_skip(p, 4));
        return;
    default:
        if (!h2_frame_name(f->type)) add_hex(t, "payload", span_head(p, 256));
    }
}

static void on_frame(void *user, const h2_trace_frame *f) {
    static const char *const sections[] = {[H2_TRACE_REQUEST] = "request",
                                           [H2_TRACE_RESPONSE] = "response",
                                           [H2_TRACE_PUSH_RESPONSE] = "push_response",
                                           [H2_TRACE_INTERIM] = "interim",
                                           [H2_TRACE_TRAILERS] = "trailers"};
    json_log *l = user;
    text *t = &l->line;
    begin(l, "frame");
    add_text(t, "dir", f->sent ? SPAN("send") : SPAN("recv"));
    add_name(t, "type", h2_frame_name(f->type), f->type);
    add_number(t, "stream", f->stream_id);
    add_number(t, "length", f->length);
    add_flags(t, f);
    if (f->padding) add_number(t, "padding", f->padding);
    if (f->type == H2_FRAME_HEADERS) {
        if (f->section <= H2_TRACE_TRAILERS) add_text(t, "section", span_str(sections[f->section]));
        if (f->flags & H2_FLAG_PRIORITY) {
            add_number(t, "depends_on", f->depends_on);
            add_number(t, "weight", f->weight);
            text_print(t, ",\"exclusive\":%s", f->exclusive ? "true" : "false");
        }
    }
    if (f->type == H2_FRAME_PUSH_PROMISE) add_number(t, "promised", f->promised_id);
    if (f->type == H2_FRAME_HEADERS || f->type == H2_FRAME_PUSH_PROMISE)
        add_fields(t, f->fields, f->field_count);
    else if (f->type != H2_FRAME_DATA)
        add_payload(t, f);
    if (f->verdict.scope != VERDICT_NONE) add_text(t, "invalid", span_str(f->verdict.why));
    finish(l);
}

static void on_data(void *user, uint32_t stream_id, size_t length, uint32_t stream_owed,
                    uint32_t connection_owed) {
    json_log *l = user;
    if (!l->chunks) return;
    begin(l, "data");
    add_number(&l->line, "stream", stream_id);
    add_number(&l->line, "length", length);
    add_number(&l->line, "stream_owed", stream_owed);
    add_number(&l->line, "connection_owed", connection_owed);
    finish(l);
}

static void on_stream_closed(void *user, uint32_t stream_id, uint32_t code) {
    json_log *l = user;
    begin(l, "stream_closed");
    add_number(&l->line, "stream", stream_id);
    add_name(&l->line, "code", h2_frame_code_name(code), code);
    finish(l);
}

static void on_head(void *user, bool sent, uint32_t stream_id, span head) {
    json_log *l = user;
    begin(l, "head");
    add_text(&l->line, "dir", sent ? SPAN("send") : SPAN("recv"));
    add_number(&l->line, "stream", stream_id);
    add_text(&l->line, "head", head);
    finish(l);
}

h2_trace json_log_trace(json_log *l) {
    static const h2_trace_ops ops = {on_frame, on_data, on_stream_closed, on_head};
    return (h2_trace){&ops, l};
}

/* ---- the run ---- */

void json_log_connected(json_log *l, net_link *k, const uri *to) {
    if (!l) return;
    text *t = &l->line;
    const tls_facts *tls = link_tls(k);
    begin(l, "connected");
    add_text(t, "authority", to->authority);
    add_text(t, "peer", span_str(link_peer(k)));
    add_text(t, "protocol", span_str(session_protocol(link_session(k))));
    if (tls) {
        add_text(t, "tls", span_str(tls->version_name));
        add_text(t, "cipher", span_str(tls->cipher));
        add_text(t, "group", span_str(tls->group));
        add_text(t, "alpn", span_str(tls->alpn));
        text_print(t, ",\"resumed\":%s", tls->resumed ? "true" : "false");
        add_text(t, "distrust", span_str(tls->distrust));
    }
    finish(l);
}

void json_log_closed(json_log *l, const char *why) {
    if (!l) return;
    begin(l, "closed");
    if (why) add_text(&l->line, "error", span_str(why));
    finish(l);
}

void json_log_request(json_log *l, const request *r, const char *why) {
    static const char *const kinds[] = {"asked",  "asset",     "pushed",
                                        "tunnel", "websocket", "opener"};
    if (!l) return;
    text *t = &l->line;
    begin(l, "request");
    add_text(t, "uri", r->uri.text);
    add_text(t, "kind", span_str(kinds[r->kind]));
    add_number(t, "stream", r->ref.id);
    add_number(t, "status", r->status);
    add_number(t, "bytes", r->received);
    if (r->start_us) {
        add_number(t, "start_us", r->start_us - l->start_us);
        add_number(t, "took_us", r->end_us - r->start_us);
    }
    add_number(t, "tries", r->tries);
    text_print(t, ",\"ok\":%s", why ? "false" : "true");
    if (why) add_text(t, "error", span_str(why));
    finish(l);
}

void json_log_end(json_log *l) {
    if (l) text_end(&l->line);
}
