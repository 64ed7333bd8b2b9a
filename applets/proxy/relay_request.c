#include "applets/proxy/error_log.h"
#include "applets/proxy/relay_impl.h"
#include "core/limits.h"

#include <string.h>

static uint8_t *put(uint8_t *at, span from, span *to) {
    if (from.n) memcpy(at, from.p, from.n);
    *to = span_of(at, from.n);
    return at + from.n;
}

static void note(fields_summary *s, const http_field *f) {
    switch (f->token) {
    case HTTP_TOKEN_METHOD: s->method = f->value; break;
    case HTTP_TOKEN_SCHEME: s->scheme = f->value; break;
    case HTTP_TOKEN_AUTHORITY: s->authority = f->value; break;
    case HTTP_TOKEN_PATH: s->path = f->value; break;
    case HTTP_TOKEN_PROTOCOL: s->protocol = f->value; break;
    case HTTP_TOKEN_HOST:
        if (!s->authority.p) s->authority = f->value;
        break;
    default: break;
    }
}

/* Room for the fields of one more request of this client. */
static bool take_block(relay_request *r, front *near, size_t size) {
    if (near->kept && near->kept + size > LIMIT_PROXY_FIELDS) {
        error_log_say(ERROR_LOG_INFO, "503: a client's requests have more than %u bytes of fields",
                      LIMIT_PROXY_FIELDS);
        return false;
    }
    r->block = mem_take(loop_mem(near->worker->loop), size);
    if (!r->block) return false;
    r->block_size = size;
    near->kept += size;
    return true;
}

bool relay_request_keep(relay_request *r, front *near, const http_field *f, size_t n,
                        uint64_t content_length) {
    size_t size = n * sizeof *f;
    for (size_t i = 0; i < n; i++) size += f[i].value.n + (f[i].token ? 0 : f[i].name.n);
    if (!take_block(r, near, size ? size : 1)) return false;
    r->fields = r->block;
    r->count = n;
    r->summary = (fields_summary){.content_length = content_length};
    uint8_t *at = (uint8_t *)(r->fields + n);
    for (size_t i = 0; i < n; i++) {
        http_field *to = &r->fields[i];
        *to = f[i];
        if (f[i].token)
            to->name = fields_name((http_token)f[i].token);
        else
            at = put(at, f[i].name, &to->name);
        at = put(at, f[i].value, &to->value);
        note(&r->summary, to);
    }
    r->summary.connect = span_eq(r->summary.method, SPAN("CONNECT")) && !r->summary.protocol.p;
    return true;
}

void relay_request_leave(const relay_request *r, front *near) { near->kept -= r->block_size; }

void relay_request_free(relay_request *r, const mem *m) {
    mem_give(m, r->block, r->block_size);
    r->block = NULL;
}

size_t relay_request_count(const http_field *f, size_t n) {
    size_t pseudo = 0;
    while (pseudo < n && f[pseudo].name.n && f[pseudo].name.p[0] == ':') pseudo++;
    return n - pseudo;
}

void relay_request_decline(relay_request *r) {
    size_t n = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->fields[i].token == HTTP_TOKEN_PROTOCOL) continue;
        r->fields[n] = r->fields[i];
        if (r->fields[n].token == HTTP_TOKEN_METHOD) r->fields[n].value = SPAN("GET");
        n++;
    }
    r->count = n;
    r->summary.method = SPAN("GET");
    r->summary.protocol = span_of(NULL, 0);
}

relay_request *relay_request_keep_trailers(front *near, const http_field *f, size_t n) {
    const mem *m = loop_mem(near->worker->loop);
    relay_request *r = mem_take_zero(m, sizeof *r);
    if (!r || relay_request_keep(r, near, f, n, FIELDS_NO_LENGTH)) return r;
    mem_give(m, r, sizeof *r);
    return NULL;
}

void relay_request_leave_trailers(const relay_request *r, front *near) {
    if (r) relay_request_leave(r, near);
}

void relay_request_free_trailers(relay_request *r, const mem *m) {
    if (!r) return;
    relay_request_free(r, m);
    mem_give(m, r, sizeof *r);
}
