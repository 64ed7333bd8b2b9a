#include "applets/client/fields_out.h"
#include "applets/client/channel.h"

#include <stdlib.h>

static void add(fields_out *out, http_field f) {
    if (out->n < FIELDS_OUT_ROOM) out->v[out->n++] = f;
}

/* The user's last value for a name we would send ourselves; host stands for :authority too. */
static const http_field *replaced(const client_run *run, http_token token) {
    const http_field *last = NULL;
    for (size_t i = 0; i < run->extra_count; i++)
        if (run->extra[i].token == token) last = &run->extra[i];
    if (!last && token == HTTP_TOKEN_AUTHORITY)
        return fields_find(run->extra, run->extra_count, HTTP_TOKEN_HOST);
    return last;
}

/* Whether -H counts for r. What names the target does so for what the person asked for alone;
 * credentials, for the origin that they were given for (RFC 9110 section 15.4). */
static bool counts(const request *r, uint16_t token) {
    switch (token) {
    case HTTP_TOKEN_METHOD: return r->kind == REQUEST_ASKED && !r->plain_get;
    case HTTP_TOKEN_PATH:
    case HTTP_TOKEN_PROTOCOL: return r->kind == REQUEST_ASKED && !r->hops;
    case HTTP_TOKEN_SCHEME:
    case HTTP_TOKEN_AUTHORITY:
    case HTTP_TOKEN_HOST:
    case HTTP_TOKEN_AUTHORIZATION:
    case HTTP_TOKEN_PROXY_AUTHORIZATION:
    case HTTP_TOKEN_COOKIE: return !r->stranger;
    case HTTP_TOKEN_CONTENT_TYPE:
    case HTTP_TOKEN_CONTENT_ENCODING:
    case HTTP_TOKEN_CONTENT_LENGTH: return r->kind == REQUEST_ASKED && !r->plain_get;
    default: return true;
    }
}

static void add_own(fields_out *out, const request *r, const client_run *run, http_token token,
                    span value) {
    const http_field *f = counts(r, (uint16_t)token) ? replaced(run, token) : NULL;
    add(out, (http_field){fields_name(token), f ? f->value : value, (uint16_t)token, false});
}

static bool ours(uint16_t token) {
    switch (token) {
    case HTTP_TOKEN_METHOD:
    case HTTP_TOKEN_PATH:
    case HTTP_TOKEN_SCHEME:
    case HTTP_TOKEN_AUTHORITY:
    case HTTP_TOKEN_HOST:
    case HTTP_TOKEN_PROTOCOL:
    case HTTP_TOKEN_ACCEPT:
    case HTTP_TOKEN_ACCEPT_ENCODING:
    case HTTP_TOKEN_USER_AGENT:
    case HTTP_TOKEN_PRIORITY: return true;
    default: return false;
    }
}

/* Past any frame, and past any peer's patience: for --continuation. */
#define LONG_VALUE 24000 /* Huffman coding makes six bits of a dash */
static const uint8_t *long_value(void) {
    static uint8_t dashes[LONG_VALUE];
    if (!dashes[0]) memset(dashes, '-', sizeof dashes);
    return dashes;
}

bool fields_out_has_body(const request *r, const client_run *run) {
    return run->upload && r->kind == REQUEST_ASKED && !r->plain_get;
}

span fields_out_method(const request *r, const client_run *run) {
    const http_field *f = counts(r, HTTP_TOKEN_METHOD) ? replaced(run, HTTP_TOKEN_METHOD) : NULL;
    if (f) return f->value;
    if (r->kind == REQUEST_OPENER) return SPAN("OPTIONS");
    return fields_out_has_body(r, run) ? SPAN("POST") : SPAN("GET");
}

const http_field *fields_out_authority(const request *r, const client_run *run) {
    return counts(r, HTTP_TOKEN_AUTHORITY) ? replaced(run, HTTP_TOKEN_AUTHORITY) : NULL;
}

static void add_content(fields_out *out, const request *r, const client_run *run) {
    const client_settings *set = run->set;
    if (!fields_out_has_body(r, run)) return;
    /* In HTTP/1.1 trailers come behind chunks alone (RFC 9112 section 7.1.2). */
    bool chunks = set->no_content_length || (r->http1 && run->trailer_count);
    if (!chunks && !replaced(run, HTTP_TOKEN_CONTENT_LENGTH))
        add(out, HTTP_FIELD_OF(CONTENT_LENGTH,
                               span_of(out->length,
                                       bytes_put_decimal(out->length, upload_size(run->upload)))));
    if (set->compress) add(out, HTTP_FIELD_OF(CONTENT_ENCODING, SPAN("gzip")));
    if (set->expect_continue) add(out, HTTP_FIELD_OF(EXPECT, SPAN("100-continue")));
    for (size_t i = 0; i < run->trailer_count; i++)
        add(out, HTTP_FIELD_OF(TRAILER, run->trailers[i].name));
}

/* A tunnel has no scheme and no path (RFC 9113 section 8.5); a WebSocket is CONNECT with :protocol
 * (RFC 8441 section 5), which HTTP/1.1 writes as Upgrade. */
static void make_channel(fields_out *out, const request *r, const client_run *run) {
    add(out, HTTP_FIELD_OF(METHOD, SPAN("CONNECT")));
    if (r->kind == REQUEST_TUNNEL) {
        add(out, HTTP_FIELD_OF(AUTHORITY, span_str(run->set->tunnel)));
    } else {
        add(out, HTTP_FIELD_OF(PROTOCOL, SPAN("websocket")));
        add(out, HTTP_FIELD_OF(PATH, r->uri.target));
        add(out, HTTP_FIELD_OF(SCHEME, r->uri.scheme));
        add_own(out, r, run, HTTP_TOKEN_AUTHORITY, r->uri.authority);
        add(out, (http_field){SPAN("sec-websocket-version"), SPAN("13"), HTTP_TOKEN_OTHER, false});
        if (r->http1)
            add(out, (http_field){SPAN("sec-websocket-key"), channel_key(r->channel),
                                  HTTP_TOKEN_OTHER, false});
    }
    add_own(out, r, run, HTTP_TOKEN_USER_AGENT, SPAN("h2box/" H2BOX_VERSION));
}

static void make_plain(fields_out *out, const request *r, const client_run *run) {
    span urgency = r->said_priority
                       ? span_str(r->said_priority)
                       : span_of(out->priority, priority_format(r->priority, out->priority));
    add(out, HTTP_FIELD_OF(METHOD, fields_out_method(r, run)));
    add_own(out, r, run, HTTP_TOKEN_PATH, r->kind == REQUEST_OPENER ? SPAN("*") : r->uri.target);
    add_own(out, r, run, HTTP_TOKEN_SCHEME, r->uri.scheme);
    add_own(out, r, run, HTTP_TOKEN_AUTHORITY, r->uri.authority);
    const http_field *protocol = replaced(run, HTTP_TOKEN_PROTOCOL);
    if (protocol && counts(r, HTTP_TOKEN_PROTOCOL)) add(out, *protocol);
    add_own(out, r, run, HTTP_TOKEN_ACCEPT, SPAN("*/*"));
    add_own(out, r, run, HTTP_TOKEN_ACCEPT_ENCODING, SPAN("gzip, deflate"));
    add_own(out, r, run, HTTP_TOKEN_USER_AGENT, SPAN("h2box/" H2BOX_VERSION));
    add_own(out, r, run, HTTP_TOKEN_PRIORITY, urgency);
    add_content(out, r, run);
    if (run->set->continuation)
        add(out, (http_field){SPAN("x-h2box-continuation"), span_of(long_value(), LONG_VALUE),
                              HTTP_TOKEN_OTHER, false});
}

void fields_out_make(fields_out *out, const request *r, const client_run *run) {
    out->n = 0;
    if (r->channel)
        make_channel(out, r, run);
    else
        make_plain(out, r, run);
    for (size_t i = 0; i < run->extra_count; i++)
        if (!ours(run->extra[i].token) && counts(r, run->extra[i].token)) add(out, run->extra[i]);
}

static span trimmed(span s) {
    while (s.n && (s.p[0] == ' ' || s.p[0] == '\t')) s = span_skip(s, 1);
    while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t')) s.n--;
    return s;
}

const char *fields_out_parse(const opt_list *list, http_field **fields, uint32_t *bad) {
    *fields = calloc(list->count ? list->count : 1, sizeof **fields);
    if (!*fields) return "out of memory";
    for (uint32_t i = 0; i < list->count; i++) {
        char *s = (char *)(uintptr_t)list->v[i];
        char *colon = s[0] ? strchr(s + 1, ':') : NULL;
        *bad = i;
        if (!colon) return "needs the form 'name: value'";
        for (char *p = s; p < colon; p++) *p = (char)bytes_lower((uint8_t)*p);
        span name = trimmed(span_of(s, (size_t)(colon - s))), value = trimmed(span_str(colon + 1));
        if (!fields_name_valid_h2(name.n && name.p[0] == ':' ? span_skip(name, 1) : name))
            return "the name is not a valid header field name";
        if (!fields_value_valid(value)) return "the value holds control characters";
        (*fields)[i] = (http_field){name, value, (uint16_t)fields_token(name), false};
    }
    return NULL;
}
