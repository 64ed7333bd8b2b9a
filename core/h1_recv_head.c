#include "core/h1_impl.h"

/* Places before the fields of a head for the pseudo-header fields that are made of its line. */
#define PSEUDO (H1_FIELDS - LIMIT_HEADER_FIELDS)

/* A head that is being looked at. */
typedef struct reading {
    h1_line line;
    h1_fields fields;       /* of the head; at[-PSEUDO..-1] are free */
    uint32_t pseudo;        /* of these, how many are used */
    span upgrade;           /* the one protocol of Upgrade; empty: none, or several */
    bool h2c;               /* Upgrade names h2c */
    bool close, keep_alive; /* what Connection says */
    uint32_t options;       /* others in it */
    bool upgrade_listed, settings_listed, te_trailers;
    bool chunked;  /* the last coding of Transfer-Encoding */
    bool coded;    /* there are others, or something that is none */
    bool relative; /* the target names no origin */
    span host;
} reading;

/* ---- scratch ---- */

bool h1_recv_head_room(h1_scratch *s, size_t n) {
    if (!s->fields) s->fields = mem_take(s->mem, H1_FIELDS * sizeof *s->fields);
    if (s->names_room < n) {
        size_t room = n < 1024 ? 1024 : n;
        mem_give(s->mem, s->names, s->names_room);
        s->names = mem_take(s->mem, room);
        s->names_room = s->names ? room : 0;
    }
    return s->fields && s->names;
}

/* The fields of a head, behind its line. */
static h1_fault read_fields(h1_conn *c, span head, span rest, reading *r) {
    h1_scratch *s = c->scratch;
    if (!h1_recv_head_room(s, head.n)) return H1_FAULT(500, "out of memory");
    r->fields =
        (h1_fields){.at = s->fields + PSEUDO, .room = LIMIT_HEADER_FIELDS, .names = s->names};
    return h1_parse_fields(rest, &r->fields);
}

void h1_recv_head_size(const h1_fields *f, http_event *ev) {
    size_t n = 0;
    for (size_t i = 0; i < f->count; i++) n += f->at[i].name.n + f->at[i].value.n;
    ev->head_bytes = ev->head_plain = (uint32_t)n;
}

/* Pseudo-header fields are put before the fields, from the last to the first. */
static void put_pseudo(reading *r, http_token token, span value) {
    r->pseudo++;
    r->fields.at[-(ptrdiff_t)r->pseudo] =
        (http_field){fields_name(token), value, (uint16_t)token, false};
}

/* ---- connection-specific fields (RFC 9110 section 7.6.1) ---- */

/* Fields that a Connection field names are not told, and marked by an empty name. Known fields are
 * meant for all who read the message, and are not taken away: else a client could hide what an
 * earlier proxy has said of it. */
static void nominate(reading *r, span option) {
    for (size_t i = 0; i < r->fields.count; i++) {
        http_field *f = &r->fields.at[i];
        if (f->token == HTTP_TOKEN_OTHER && span_ieq(option, f->name)) f->name.n = 0;
    }
}

static h1_fault take_connection(reading *r, span list) {
    for (span option; h1_parse_list(&list, &option);) {
        if (span_ieq(option, SPAN("close")))
            r->close = true;
        else if (span_ieq(option, SPAN("keep-alive")))
            r->keep_alive = true;
        else if (span_ieq(option, SPAN("upgrade")))
            r->upgrade_listed = true;
        else if (span_ieq(option, SPAN("http2-settings")))
            r->settings_listed = true;
        else if (span_ieq(option, SPAN("te"))) /* has its own rules */
            continue;
        else if (r->options++ < LIMIT_CONNECTION_OPTIONS)
            nominate(r, option);
        else
            return H1_FAULT(400, "too many options in connection");
    }
    return H1_FINE;
}

static void take_upgrade(reading *r, span list) {
    unsigned count = 0;
    for (span protocol; h1_parse_list(&list, &protocol);) {
        count++;
        r->upgrade = protocol;
        if (span_ieq(protocol, SPAN("h2c"))) r->h2c = true;
    }
    if (count != 1) r->upgrade = SPAN("");
}

static void take_te(reading *r, span list) {
    for (span coding; h1_parse_list(&list, &coding);)
        if (span_ieq(coding, SPAN("trailers"))) r->te_trailers = true;
}

/* Only "chunked" is known, once, and nothing beside it: RFC 9112 section 6.1. */
static h1_fault take_coding(reading *r, span value) {
    span list = value, coding;
    r->coded |= !span_ieq(value, SPAN("chunked"));
    while (h1_parse_list(&list, &coding)) {
        bool chunked = span_ieq(coding, SPAN("chunked"));
        if (r->chunked) return H1_FAULT(400, "transfer-encoding chunked is not the last, or twice");
        r->chunked = chunked;
    }
    return H1_FINE;
}

#define SPECIFIC                                                                                \
    (H1_SEEN(CONNECTION) | H1_SEEN(KEEP_ALIVE) | H1_SEEN(PROXY_CONNECTION) | H1_SEEN(UPGRADE) | \
     H1_SEEN(HTTP2_SETTINGS) | H1_SEEN(TRANSFER_ENCODING) | H1_SEEN(TE) | H1_SEEN(HOST))

/* Reads what concerns the connection alone, and takes it out of the fields; Host too, which becomes
 * :authority. */
static h1_fault take_specific(h1_conn *c, reading *r) {
    h1_fields *f = &r->fields;
    c->nominates = false;
    bool length_twice = f->twice & H1_SEEN(CONTENT_LENGTH);
    if (!(f->seen & SPECIFIC) && !length_twice) return H1_FINE;
    for (size_t i = 0; i < f->count; i++) {
        h1_fault fault = H1_FINE;
        if (f->at[i].token == HTTP_TOKEN_CONNECTION) fault = take_connection(r, f->at[i].value);
        if (fault.status) return fault;
        if (f->at[i].token == HTTP_TOKEN_TE) take_te(r, f->at[i].value);
    }
    bool length_seen = false;
    uint64_t length = 0, again = 0;
    size_t kept = 0;
    for (size_t i = 0; i < f->count; i++) {
        http_field *at = &f->at[i];
        h1_fault fault = H1_FINE;
        bool keep = false;
        switch (at->token) {
        case HTTP_TOKEN_HOST: keep = !c->server; break;
        case HTTP_TOKEN_TE:
            keep = r->te_trailers; /* once, as HTTP/2 has it */
            r->te_trailers = false;
            at->value = SPAN("trailers");
            break;
        case HTTP_TOKEN_UPGRADE: take_upgrade(r, at->value); break;
        case HTTP_TOKEN_HTTP2_SETTINGS: c->offered = at->value; break;
        case HTTP_TOKEN_TRANSFER_ENCODING: fault = take_coding(r, at->value); break;
        case HTTP_TOKEN_CONTENT_LENGTH: /* the same number again says nothing new */
            if (at->value.n > 20 || !bytes_get_decimal(at->value, INT64_MAX, &again))
                return H1_FAULT(400, "bad content-length");
            if (length_seen && again != length)
                return H1_FAULT(400, "content-length twice, and not the same");
            keep = !length_seen;
            length_seen = true;
            length = again;
            break;
        case HTTP_TOKEN_OTHER: keep = at->name.n > 0; break;
        default: keep = !(fields_flags((http_token)at->token) & HTTP_FIELD_CONNECTION); break;
        }
        if (fault.status) return fault;
        if (keep) f->at[kept++] = *at;
    }
    if (f->twice & H1_SEEN(UPGRADE)) r->upgrade = SPAN("");
    c->nominates = r->options > 0;
    f->count = kept;
    return H1_FINE;
}

/* Lengths that contradict each other: CVE-2019-18277 and its like (RFC 9112 section 6.3). */
static h1_fault check_coding(const reading *r) {
    if (!(r->fields.seen & H1_SEEN(TRANSFER_ENCODING))) return H1_FINE;
    if (r->line.minor == 0) return H1_FAULT(400, "transfer-encoding in HTTP/1.0");
    if (!r->chunked) return H1_FAULT(400, "transfer-encoding does not end with chunked");
    if (r->fields.seen & H1_SEEN(CONTENT_LENGTH))
        return H1_FAULT(400, "content-length beside transfer-encoding");
    return r->coded ? H1_FAULT(501, "unknown transfer-encoding") : H1_FINE;
}

/* Fields as HTTP/2 has them, judged by its rules. */
static h1_fault check_message(reading *r, fields_kind kind, http_event *ev) {
    /* The parser has looked at names and values; what stands before them is still to be judged. */
    uint64_t valid = UINT64_MAX << r->pseudo;
    ev->fields = r->fields.at - r->pseudo;
    ev->field_count = r->fields.count + r->pseudo;
    const char *why = fields_check(ev->fields, ev->field_count, valid, kind, true, &ev->summary);
    return why ? H1_FAULT(400, why) : H1_FINE;
}

static void trace_head(h1_conn *c, uint32_t id, span head) {
    if (c->trace.ops && c->trace.ops->head) c->trace.ops->head(c->trace.user, false, id, head);
}

/* ---- requests ---- */

/* Cuts http[s]://authority off a target in absolute-form (RFC 9112 section 3.2.2). */
static h1_fault take_absolute(reading *r, span *scheme, span *authority, span *path) {
    span rest = r->line.target;
    if (rest.n >= 7 && span_ieq(span_head(rest, 7), SPAN("http://"))) {
        *scheme = SPAN("http");
        rest = span_skip(rest, 7);
    } else if (rest.n >= 8 && span_ieq(span_head(rest, 8), SPAN("https://"))) {
        *scheme = SPAN("https");
        rest = span_skip(rest, 8);
    } else {
        return H1_FAULT(400, "bad target");
    }
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?') n++;
    *authority = span_head(rest, n);
    *path = span_skip(rest, n);
    if (path->n == 0) {
        *path = span_eq(r->line.method, SPAN("OPTIONS")) ? SPAN("*") : SPAN("/");
    } else if (path->p[0] == '?') { /* RFC 9110 section 4.2.3: an empty path is "/" */
        uint8_t *p = r->fields.names;
        p[0] = '/';
        memcpy(p + 1, path->p, path->n);
        *path = span_of(p, path->n + 1);
        r->fields.names += path->n;
    }
    return H1_FINE;
}

/* Exactly one Host, unless the request is of HTTP/1.0 (RFC 9112 section 3.2). */
static h1_fault take_host(const reading *r, span *host) {
    const h1_fields *f = &r->fields;
    if (f->twice & H1_SEEN(HOST)) return H1_FAULT(400, "host twice");
    if (!(f->seen & H1_SEEN(HOST))) return r->line.minor ? H1_FAULT(400, "no host") : H1_FINE;
    *host = fields_find(f->at, f->count, HTTP_TOKEN_HOST)->value;
    return host->n ? H1_FINE : H1_FAULT(400, "empty host");
}

/* A name, perhaps with a version (RFC 9110 section 7.8), of the letters that registered ones have,
 * and not HTTP itself. */
static bool may_be_any(span protocol) {
    size_t slashes = 0;
    for (size_t i = 0; i < protocol.n; i++) {
        uint8_t c = bytes_lower(protocol.p[i]);
        bool inside = i > 0 && i + 1 < protocol.n;
        if (c == '/' && inside && !slashes++) continue;
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.') return false;
    }
    return protocol.n && protocol.n <= LIMIT_PROTOCOL && !fields_protocol_http(protocol);
}

/* A tunnel by Upgrade; all others are ignored, as section 7.8 allows. */
static bool is_upgrade(const h1_conn *c, const reading *r) {
    if (!r->line.minor || !r->upgrade_listed || !span_eq(r->line.method, SPAN("GET"))) return false;
    if (r->chunked || (r->fields.seen & H1_SEEN(CONTENT_LENGTH))) return false;
    if (r->fields.seen & H1_SEEN(EXPECT)) return false; /* 100 would be due before 101 */
    if (span_ieq(r->upgrade, SPAN("websocket"))) return true;
    return c->config->upgrade_any && !r->h2c && may_be_any(r->upgrade);
}

/* In lower case, as :protocol has it. */
static span take_protocol(reading *r) {
    uint8_t *p = r->fields.names;
    for (size_t i = 0; i < r->upgrade.n; i++) p[i] = bytes_lower(r->upgrade.p[i]);
    r->fields.names += r->upgrade.n;
    return span_of(p, r->upgrade.n);
}

static h1_fault make_pseudo(const h1_conn *c, reading *r, bool upgrade) {
    span scheme = c->secure ? SPAN("https") : SPAN("http"), authority = r->host;
    span path = r->line.target, method = r->line.method;
    if (span_eq(method, SPAN("CONNECT"))) {
        put_pseudo(r, HTTP_TOKEN_AUTHORITY, path);
        put_pseudo(r, HTTP_TOKEN_METHOD, method);
        return H1_FINE;
    }
    r->relative = path.p[0] == '/' || span_eq(path, SPAN("*"));
    if (!r->relative) {
        h1_fault f = take_absolute(r, &scheme, &authority, &path);
        if (f.status) return f;
    }
    put_pseudo(r, HTTP_TOKEN_PATH, path);
    if (authority.n || r->host.n) put_pseudo(r, HTTP_TOKEN_AUTHORITY, authority);
    put_pseudo(r, HTTP_TOKEN_SCHEME, scheme);
    if (upgrade) put_pseudo(r, HTTP_TOKEN_PROTOCOL, take_protocol(r));
    put_pseudo(r, HTTP_TOKEN_METHOD, upgrade ? SPAN("CONNECT") : method);
    return H1_FINE;
}

/* Host stands beside the authority of a target and is not used then, but it must be one. */
static bool host_valid(span host) {
    return fields_pair_valid(HTTP_TOKEN_AUTHORITY, fields_name(HTTP_TOKEN_AUTHORITY), host);
}

static h1_fault read_request(h1_conn *c, span head, reading *r, http_event *ev) {
    span rest = head;
    h1_fault f = h1_parse_request_line(&rest, &r->line);
    if (f.status) return f;
    f = read_fields(c, head, rest, r);
    if (f.status) return f;
    f = take_host(r, &r->host);
    if (f.status) return f;
    if (r->host.n && !host_valid(r->host)) return H1_FAULT(400, "host is not host[:port]");
    c->offered = (span){NULL, 0};
    f = take_specific(c, r);
    if (f.status) return f;
    f = check_coding(r);
    if (f.status) return f;
    f = make_pseudo(c, r, is_upgrade(c, r));
    if (!f.status) f = check_message(r, FIELDS_REQUEST, ev);
    bool content = r->chunked || ev->summary.content_length != FIELDS_NO_LENGTH;
    if (!f.status && ev->summary.connect && content) return H1_FAULT(400, "CONNECT with content");
    return f;
}

/* RFC 7540 section 3.2: HTTP/1.1, both fields listed in Connection, HTTP2-Settings once. A request
 * with content keeps HTTP/1.1: its content would have to be read first. */
static bool asks_for_h2c(const h1_conn *c, const reading *r, const http_event *ev) {
    bool content = r->chunked || (ev->summary.content_length != FIELDS_NO_LENGTH &&
                                  ev->summary.content_length > 0);
    return c->config->upgrade && !c->secure && r->h2c && r->line.minor && r->upgrade_listed &&
           r->settings_listed && c->offered.p && !(r->fields.twice & H1_SEEN(HTTP2_SETTINGS)) &&
           !(r->fields.seen & H1_SEEN(EXPECT)) && !content && !ev->summary.connect &&
           !c->draining && !r->close;
}

static void begin_content(h1_conn *c, h1_stream *s, const reading *r, const http_event *ev) {
    if (s->flags & H1_TUNNEL)
        c->body = h1_body_until_close();
    else if (r->chunked)
        c->body = h1_body_of_chunks();
    else if (ev->summary.content_length != FIELDS_NO_LENGTH)
        c->body = h1_body_of_length(ev->summary.content_length);
    else
        c->body = h1_body_of_length(0);
}

/* What was read of a request that is refused, as fields that are for logs alone. */
static void tell_known(reading *r, http_event *ev) {
    const h1_line *l = &r->line;
    bool connect = span_eq(l->method, SPAN("CONNECT"));
    *ev = (http_event){.old = l->minor == 0};
    ev->summary = (fields_summary){.method = l->method, .content_length = FIELDS_NO_LENGTH};
    if (!connect) ev->summary.path = l->target;
    r->pseudo = 0;
    if (!r->fields.at || !l->method.n) return;
    if (l->target.n) put_pseudo(r, connect ? HTTP_TOKEN_AUTHORITY : HTTP_TOKEN_PATH, l->target);
    if (r->host.n && !connect) put_pseudo(r, HTTP_TOKEN_AUTHORITY, r->host);
    put_pseudo(r, HTTP_TOKEN_METHOD, l->method);
    ev->fields = r->fields.at - r->pseudo;
    ev->field_count = r->fields.count + r->pseudo;
}

void h1_recv_head_begun(h1_conn *c, span head, http_event *ev) {
    reading r = {.line.minor = 1};
    if (c->phase != H1_PHASE_HEAD || !c->server) return;
    h1_parse_request_line(&head, &r.line);
    if (h1_recv_head_room(c->scratch, 1)) r.fields.at = c->scratch->fields + PSEUDO;
    tell_known(&r, ev);
}

h1_taken h1_recv_head_request(h1_conn *c, span head, http_event *ev) {
    reading r = {.line.minor = 1};
    h1_fault f = read_request(c, head, &r, ev);
    if (f.status) {
        trace_head(c, c->next_id, head);
        if (!r.fields.at && h1_recv_head_room(c->scratch, 1))
            r.fields.at = c->scratch->fields + PSEUDO;
        tell_known(&r, ev);
        h1_recv_judge(c, f, ev);
        return H1_JUDGED;
    }
    if (!asks_for_h2c(c, &r, ev)) {
        c->offered = (span){NULL, 0};
    } else if (c->live || c->out.bytes) { /* what came before belongs to HTTP/1 */
        c->offered = (span){NULL, 0};
        return H1_WAIT;
    }
    trace_head(c, c->next_id, head);
    h1_stream *s = h1_conn_add(c);
    if (!s) {
        h1_conn_no_memory(c);
        return H1_JUDGED;
    }
    bool asks = r.keep_alive && !c->config->close_old;
    bool kept = r.line.minor ? !r.close : asks && !r.close;
    if (!kept) s->flags |= H1_CLOSE;
    if (c->config->requests_max && s->id / 2 + 1 >= c->config->requests_max) s->flags |= H1_CLOSE;
    if (s->id >= H2_ID_MASK) s->flags |= H1_CLOSE;
    if (r.line.minor == 0) s->flags |= H1_OLD;
    if (span_eq(ev->summary.method, SPAN("HEAD"))) s->flags |= H1_NO_CONTENT;
    if (ev->summary.connect || ev->summary.protocol.p) s->flags |= H1_TUNNEL;
    if (ev->summary.protocol.p) {
        s->flags |= H1_UPGRADE;
        memcpy(s->protocol, ev->summary.protocol.p, ev->summary.protocol.n);
    }
    const http_field *expect = fields_find(ev->fields, ev->field_count, HTTP_TOKEN_EXPECT);
    if (expect && r.line.minor && span_ieq(expect->value, SPAN("100-continue")))
        s->flags |= H1_EXPECT;
    begin_content(c, s, &r, ev);
    ev->kind = HTTP_EVENT_REQUEST;
    ev->old = r.line.minor == 0;
    ev->relative = r.relative;
    ev->ref = (http_ref){0, s->id};
    ev->end = c->body.framing == H1_BODY_NONE;
    if (ev->end) {
        s->flags |= H1_RECV_DONE;
    } else {
        c->phase = H1_PHASE_BODY;
        if (c->config->content_ms && !(s->flags & H1_TUNNEL))
            c->content_deadline = c->now_ms + c->config->content_ms;
    }
    return H1_TAKEN;
}

/* ---- responses ---- */

static h1_fault read_response(h1_conn *c, span head, reading *r, h1_stream *s, http_event *ev) {
    span rest = head;
    h1_fault f = h1_parse_status_line(&rest, &r->line);
    if (f.status) return f;
    f = read_fields(c, head, rest, r);
    if (f.status) return f;
    h1_recv_head_size(&r->fields, ev);
    span offered = c->offered;
    f = take_specific(c, r);
    c->offered = offered;
    if (f.status) return f;
    f = check_coding(r);
    if (f.status) return f;
    bool switching = r->line.status == 101;
    if (switching) {
        bool h2c = (s->flags & H1_OFFER) && r->h2c;
        bool upgrade = (s->flags & H1_UPGRADE) && span_ieq(r->upgrade, span_str(s->protocol));
        if ((!h2c && !upgrade) || !r->upgrade_listed || !r->line.minor)
            return H1_FAULT(400, "101 to a request that did not ask for it");
        if (h2c && (!(s->flags & H1_SEND_DONE) || c->out.bytes))
            return H1_FAULT(400, "101 before the request");
        c->switched = h2c;
    }
    /* 101 is told as 200, so that a tunnel looks the same over both versions. */
    put_pseudo(r, HTTP_TOKEN_STATUS, switching ? SPAN("200") : r->line.digits);
    return check_message(r, FIELDS_RESPONSE, ev);
}

/* RFC 9112 section 6.3. */
static void response_content(h1_conn *c, h1_stream *s, const reading *r, const http_event *ev) {
    uint16_t status = ev->summary.status;
    bool accepted = s->flags & H1_UPGRADE ? r->line.status == 101 : status / 100 == 2;
    if ((s->flags & H1_TUNNEL) && !accepted) {
        s->flags &= ~(uint32_t)H1_TUNNEL;
        s->flags |= H1_UNSENT;
    }
    if ((s->flags & H1_NO_CONTENT) || status == 204 || status == 304) {
        c->body = h1_body_of_length(0);
    } else if (s->flags & H1_TUNNEL) {
        c->body = h1_body_until_close();
        s->flags |= H1_CLOSE;
    } else if (r->chunked) {
        c->body = h1_body_of_chunks();
    } else if (ev->summary.content_length != FIELDS_NO_LENGTH) {
        c->body = h1_body_of_length(ev->summary.content_length);
    } else {
        c->body = h1_body_until_close();
        s->flags |= H1_CLOSE;
    }
}

h1_taken h1_recv_head_response(h1_conn *c, span head, http_event *ev) {
    h1_stream *s = h1_conn_at(c, c->reading_id);
    reading r = {.close = false};
    h1_fault f = read_response(c, head, &r, s, ev);
    trace_head(c, s->id, head);
    if (!f.status && ev->summary.status < 200 && ++s->informs > LIMIT_INFORMS)
        f = H1_FAULT(400, "too many 1xx responses");
    if (f.status) {
        h1_recv_judge(c, f, ev);
        return H1_JUDGED;
    }
    if (c->switched) return H1_TAKEN; /* what the session does of it, it tells */
    ev->ref = (http_ref){0, s->id};
    ev->user = s->user;
    if (ev->summary.status < 200) {
        ev->kind = HTTP_EVENT_INTERIM;
        return H1_TAKEN;
    }
    bool kept = r.line.minor ? !r.close : r.keep_alive && !r.close;
    s->flags |= H1_FINAL | (kept ? 0u : H1_CLOSE);
    response_content(c, s, &r, ev);
    if (s->flags & H1_CLOSE) c->closing = true;
    if (s->flags & H1_UNSENT) h1_output_heads(c);
    ev->kind = HTTP_EVENT_RESPONSE;
    ev->tunnel = s->flags & H1_TUNNEL;
    ev->old = r.line.minor == 0;
    ev->end = c->body.framing == H1_BODY_NONE;
    if (ev->end)
        s->flags |= H1_RECV_DONE;
    else
        c->phase = H1_PHASE_BODY;
    return H1_TAKEN;
}
