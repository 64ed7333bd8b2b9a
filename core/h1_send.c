#include "core/h1_impl.h"
#include "core/reason.h"

#define BAD_CALL(text) VERDICT_ON_CALLER(VERDICT_BAD_CALL, text)
#define NO_MEMORY      VERDICT_ON_CALLER(VERDICT_NO_MEMORY, "out of memory")

/* Bytes of a head beside those of its fields: lines that we add, and the start line's own. */
#define ADDED 320u

/* A head in the making. */
typedef struct writing {
    uint8_t *begin, *p;
    const char *wrong; /* with the fields that were given */
    uint64_t length;   /* content-length among them, or FIELDS_NO_LENGTH */
    bool title;        /* names like Content-Type */
    bool skip_length;  /* the message must not have one */
    bool skip_host;    /* it is written already */
    bool skip_te;      /* Connection is, without it */
    bool cookies, te;  /* written */
} writing;

static void put(writing *w, span s) {
    if (s.n) memcpy(w->p, s.p, s.n);
    w->p += s.n;
}

#define PUT(w, text) put((w), SPAN(text))

static void put_name(writing *w, span name) {
    if (!w->title) {
        put(w, name);
        return;
    }
    bool first = true;
    for (size_t i = 0; i < name.n; i++) {
        uint8_t c = name.p[i];
        *w->p++ = first && (uint8_t)(c - 'a') < 26 ? (uint8_t)(c - 0x20) : c;
        first = c == '-';
    }
}

static void put_line(writing *w, span name, span value) {
    put_name(w, name);
    PUT(w, ": ");
    put(w, value);
    PUT(w, "\r\n");
}

#define LINE(w, name, value) put_line((w), SPAN(name), SPAN(value))

/* ---- fields ---- */

static http_token token_of(const http_field *f) {
    return f->token == HTTP_TOKEN_OTHER ? fields_token(f->name) : (http_token)f->token;
}

/* Those of HTTP/2 are as many as there are crumbs; here they are one (RFC 9113 section 8.2.3). */
static void put_cookies(writing *w, const http_field *f, size_t n) {
    if (w->cookies) return;
    w->cookies = true;
    put_name(w, SPAN("cookie"));
    PUT(w, ": ");
    bool first = true;
    for (size_t i = 0; i < n; i++) {
        if (token_of(&f[i]) != HTTP_TOKEN_COOKIE) continue;
        if (!first) PUT(w, "; ");
        first = false;
        put(w, f[i].value);
    }
    PUT(w, "\r\n");
}

/* Whether a known field is left out, or was written in another way. */
static bool put_known(writing *w, http_token token, const http_field *f, size_t rest) {
    switch (token) {
    case HTTP_TOKEN_CONTENT_LENGTH:
        if (w->skip_length || w->length != FIELDS_NO_LENGTH) return true;
        if (!bytes_get_decimal(f->value, INT64_MAX, &w->length)) w->wrong = "bad content-length";
        return false;
    case HTTP_TOKEN_HOST: return w->skip_host;
    case HTTP_TOKEN_COOKIE: put_cookies(w, f, rest); return true;
    case HTTP_TOKEN_TE: w->te = true; return w->skip_te;
    default: return fields_flags(token) & HTTP_FIELD_CONNECTION;
    }
}

/* All but pseudo-header and connection-specific fields. Nothing that would end a line goes out,
 * whoever gave it. */
static void put_fields(writing *w, const http_field *f, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (f[i].name.n && f[i].name.p[0] == ':') continue;
        http_token token = token_of(&f[i]);
        if (!fields_value_valid(f[i].value)) w->wrong = "bad byte or blank in a field value";
        if (token == HTTP_TOKEN_OTHER) {
            if (!fields_name_valid(f[i].name)) w->wrong = "bad field name";
        } else if (put_known(w, token, &f[i], n - i)) {
            continue;
        }
        put_line(w, f[i].name, f[i].value);
    }
}

/* The value of a pseudo-header field; p is NULL when there is none. */
static span pseudo(const http_field *f, size_t n, span name) {
    const http_field *at = fields_find_name(f, n, name);
    return at ? at->value : (span){NULL, 0};
}

/* ---- where it goes ---- */

/* Room for a head of at most `most` bytes: in the queue when it is the stream's turn, else with the
 * stream. */
static bool begin(h1_conn *c, h1_stream *s, size_t most, writing *w) {
    *w = (writing){.length = FIELDS_NO_LENGTH, .title = c->config->title_case};
    if (s->id == c->sending_id && !s->head_n) {
        w->begin = outq_reserve(&c->out, most);
    } else {
        size_t room = s->head_n + most;
        uint8_t *grown = room > UINT32_MAX ? NULL : mem_resize(c->mem, s->head, s->head_room, room);
        if (grown) {
            s->head = grown;
            s->head_room = (uint32_t)room;
            w->begin = grown + s->head_n;
        }
    }
    w->p = w->begin;
    return w->begin;
}

static void commit(h1_conn *c, h1_stream *s, const writing *w, bool keep) {
    size_t n = keep ? (size_t)(w->p - w->begin) : 0;
    if (n && c->trace.ops && c->trace.ops->head)
        c->trace.ops->head(c->trace.user, true, s->id, span_of(w->begin, n));
    if (s->id == c->sending_id && !s->head_n)
        outq_commit(&c->out, n);
    else
        s->head_n += (uint32_t)n;
}

static verdict finish(h1_conn *c, h1_stream *s, writing *w) {
    PUT(w, "\r\n");
    commit(c, s, w, !w->wrong);
    return w->wrong ? BAD_CALL(w->wrong) : VERDICT_OK;
}

/* What fields take up at most: each with its ": " and line end, and cookies with their "; ". */
static size_t most_of(const http_field *f, size_t n) { return fields_list_size(f, n) + ADDED; }

/* ---- requests ---- */

static bool in_line(span s) {
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f) return false;
    return s.n > 0;
}

static void put_request_line(h1_conn *c, h1_stream *s, writing *w, const http_field *f, size_t n) {
    span method = pseudo(f, n, SPAN(":method")), authority = pseudo(f, n, SPAN(":authority"));
    span target = pseudo(f, n, SPAN(":path")), scheme = pseudo(f, n, SPAN(":scheme"));
    bool tunnel = (s->flags & H1_TUNNEL) && !(s->flags & H1_UPGRADE);
    if (s->flags & H1_UPGRADE) method = SPAN("GET");
    if (tunnel) target = authority;
    if (!fields_name_valid(method) || !in_line(target)) {
        w->wrong = "bad method or target";
        return;
    }
    put(w, method);
    PUT(w, " ");
    if (c->config->absolute && !tunnel && in_line(scheme) && in_line(authority)) {
        put(w, scheme);
        PUT(w, "://");
        put(w, authority);
        if (span_eq(target, SPAN("*"))) target = SPAN("");
    }
    put(w, target);
    PUT(w, " HTTP/1.1\r\n");
    if (!authority.p) {
        const http_field *host = fields_find_name(f, n, SPAN("host"));
        authority = host ? host->value : SPAN("");
    }
    if (!in_line(authority)) w->wrong = "no authority";
    put_line(w, SPAN("host"), authority);
    w->skip_host = true;
}

/* RFC 7540 section 3.2; RFC 6455 section 4.1. */
static void put_upgrade(h1_conn *c, h1_stream *s, writing *w, span protocol) {
    if (s->flags & H1_OFFER) {
        LINE(w, "connection", "Upgrade, HTTP2-Settings");
        LINE(w, "upgrade", "h2c");
        put_line(w, SPAN("http2-settings"), c->offered);
    } else if (s->flags & H1_UPGRADE) {
        LINE(w, "connection", "Upgrade");
        put_line(w, SPAN("upgrade"), protocol);
    }
}

/* Methods whose content has a meaning: a length of 0 says that there is none (RFC 9110
 * section 8.6). */
static bool expects_content(span method) {
    return span_eq(method, SPAN("POST")) || span_eq(method, SPAN("PUT")) ||
           span_eq(method, SPAN("PATCH"));
}

verdict h1_send_request(h1_conn *c, h1_stream *s, const http_field *f, size_t n, bool body) {
    writing w;
    span protocol = pseudo(f, n, SPAN(":protocol"));
    if (!begin(c, s, most_of(f, n) + fields_list_size(f, n) + c->offered.n, &w)) return NO_MEMORY;
    w.skip_length = s->flags & H1_TUNNEL;
    w.skip_te = s->flags & (H1_OFFER | H1_UPGRADE);
    put_request_line(c, s, &w, f, n);
    put_upgrade(c, s, &w, protocol);
    put_fields(&w, f, n);
    if (protocol.p && (!in_line(protocol) || protocol.n > LIMIT_PROTOCOL))
        w.wrong = "bad :protocol";
    else if (protocol.p)
        memcpy(s->protocol, protocol.p, protocol.n);
    if (w.te && !w.skip_te) LINE(&w, "connection", "TE");
    s->send_left = w.length;
    if (s->flags & H1_TUNNEL) {
        s->send_left = FIELDS_NO_LENGTH;
    } else if (!body) {
        if (w.length != FIELDS_NO_LENGTH && w.length) w.wrong = "content-length without content";
        if (w.length == FIELDS_NO_LENGTH && expects_content(pseudo(f, n, SPAN(":method"))))
            LINE(&w, "content-length", "0");
    } else if (w.length == FIELDS_NO_LENGTH) {
        LINE(&w, "transfer-encoding", "chunked");
        s->flags |= H1_CHUNKED;
    }
    return finish(c, s, &w);
}

/* ---- responses ---- */

static void put_status(writing *w, unsigned status) {
    PUT(w, "HTTP/1.1 ");
    w->p += bytes_put_decimal(w->p, status);
    PUT(w, " ");
    put(w, reason_of(status));
    PUT(w, "\r\n");
}

/* How long the content of a final response is (RFC 9112 section 6), and what the connection becomes
 * behind it. */
static void put_framing(h1_stream *s, writing *w, unsigned status, bool body) {
    bool content = !(s->flags & H1_NO_CONTENT) && status != 204 && status != 304;
    s->send_left = w->length;
    if (content && !body) {
        if (w->length == FIELDS_NO_LENGTH)
            LINE(w, "content-length", "0");
        else if (w->length)
            w->wrong = "content-length without content";
    } else if (content && w->length == FIELDS_NO_LENGTH) {
        if (s->flags & H1_OLD) {
            s->flags |= H1_CLOSE;
        } else {
            LINE(w, "transfer-encoding", "chunked");
            s->flags |= H1_CHUNKED;
        }
    }
    if (!content) s->flags |= H1_NO_CONTENT;
    /* RFC 9110 section 7.8 wants to know what to upgrade to: on this connection, whatever is said
     * on another. */
    bool upgrade = status == 426 && !(s->flags & H1_OLD);
    if (upgrade) LINE(w, "upgrade", "websocket");
    if (s->flags & H1_CLOSE)
        put_line(w, SPAN("connection"), upgrade ? SPAN("Upgrade, close") : SPAN("close"));
    else if (s->flags & H1_OLD)
        LINE(w, "connection", "keep-alive");
    else if (upgrade)
        LINE(w, "connection", "Upgrade");
}

/* Both directions are DATA from here on. */
static void put_accepted(h1_stream *s, writing *w) {
    if (s->flags & H1_UPGRADE) {
        LINE(w, "connection", "Upgrade");
        put_line(w, SPAN("upgrade"), span_str(s->protocol));
    }
    s->send_left = FIELDS_NO_LENGTH;
}

/* The status among the fields; 0 when there is none. */
static unsigned status_of(const http_field *f, size_t n) {
    uint64_t status;
    span digits = pseudo(f, n, SPAN(":status"));
    if (digits.n != 3 || !bytes_get_decimal(digits, 999, &status) || status < 100) return 0;
    return (unsigned)status;
}

verdict h1_send_response(h1_conn *c, h1_stream *s, const http_field *f, size_t n, bool body) {
    writing w;
    unsigned status = status_of(f, n);
    uint32_t before = s->flags;
    if (status < 200) return BAD_CALL("bad :status");
    if (!begin(c, s, most_of(f, n), &w)) return NO_MEMORY;
    bool tunnel = s->flags & H1_TUNNEL, accepted = tunnel && status / 100 == 2;
    w.skip_length = accepted || status == 204;
    if (tunnel && !accepted) s->flags &= ~(uint32_t)H1_TUNNEL;
    /* A client may have sent already what was meant for the tunnel, or for a request that is
     * refused before it was asked for its content. */
    bool waits = (s->flags & H1_EXPECT) && !(s->flags & H1_RECV_DONE) && status / 100 != 2;
    if ((tunnel && !(s->flags & H1_UPGRADE)) || accepted || waits || c->draining)
        s->flags |= H1_CLOSE;
    put_status(&w, accepted && (s->flags & H1_UPGRADE) ? 101 : status);
    put_fields(&w, f, n);
    if (accepted)
        put_accepted(s, &w);
    else
        put_framing(s, &w, status, body);
    if (w.wrong) s->flags = before;
    return finish(c, s, &w);
}

verdict h1_send_interim(h1_conn *c, h1_stream *s, const http_field *f, size_t n) {
    writing w;
    unsigned status = status_of(f, n);
    if (status < 100 || status == 101 || status >= 200) return BAD_CALL("bad :status");
    if (s->flags & H1_OLD) return VERDICT_OK; /* RFC 9110 section 15.2 */
    if (!begin(c, s, most_of(f, n), &w)) return NO_MEMORY;
    w.skip_length = true;
    put_status(&w, status);
    put_fields(&w, f, n);
    if (status == 100 && !w.wrong) s->flags &= ~(uint32_t)H1_EXPECT;
    return finish(c, s, &w);
}

bool h1_send_error(h1_conn *c, h1_stream *s, uint16_t status) {
    writing w;
    if (!begin(c, s, ADDED, &w)) return false;
    put_status(&w, status);
    LINE(&w, "content-length", "0");
    LINE(&w, "connection", "close");
    s->flags |= H1_HEADED | H1_NO_CONTENT | H1_CLOSE;
    return finish(c, s, &w).scope == VERDICT_NONE;
}

/* ---- trailers ---- */

verdict h1_send_trailers(h1_conn *c, h1_stream *s, const http_field *f, size_t n) {
    writing w = {.title = c->config->title_case, .skip_length = true, .skip_host = true};
    size_t room = most_of(f, n);
    if (room > UINT32_MAX || !(w.begin = mem_take(c->mem, room))) return NO_MEMORY;
    w.p = w.begin;
    put_fields(&w, f, n);
    size_t used = (size_t)(w.p - w.begin);
    uint8_t *exact = used && !w.wrong ? mem_resize(c->mem, w.begin, room, used) : NULL;
    if (!exact) {
        mem_give(c->mem, w.begin, room);
        if (w.wrong) return BAD_CALL(w.wrong);
        return used ? NO_MEMORY : VERDICT_OK;
    }
    s->trailers = exact;
    s->trailers_n = (uint32_t)used;
    return VERDICT_OK;
}
