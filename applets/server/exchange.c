#include "applets/server/exchange.h"
#include "applets/server/echo.h"
#include "applets/server/site.h"
#include "core/limits.h"
#include "core/path.h"

#include <string.h>

static const mem *mem_of(const exchange *r) { return loop_mem(r->site->loop); }

exchange *exchange_new(site *s, net_link *k, const http_event *ev) {
    exchange *r = mem_take(loop_mem(s->loop), sizeof *r);
    if (!r) return NULL;
    *r = (exchange){.site = s,
                    .link = k,
                    .ref = ev->ref,
                    .event = ev,
                    .fields = ev->fields,
                    .field_count = ev->field_count};
    session_attach(link_session(k), r->ref, r);
    if (s->log) r->log = access_log_begin(k, ev);
    return r;
}

/* ---- where a directory is ---- */

size_t exchange_location_room(const http_event *ev, span name) {
    const fields_summary *r = &ev->summary;
    return r->scheme.n + 3 + r->authority.n + 3 * name.n + 1 + r->path.n;
}

span exchange_location(const http_event *ev, span name, uint8_t *out, size_t room) {
    const fields_summary *r = &ev->summary;
    const uint8_t *mark = r->path.n ? memchr(r->path.p, '?', r->path.n) : NULL;
    span query = mark ? span_skip(r->path, (size_t)(mark - r->path.p)) : SPAN("");
    size_t n = 0;
    if (r->authority.n) {
        memcpy(out, r->scheme.p, r->scheme.n);
        n += r->scheme.n;
        memcpy(out + n, "://", 3);
        n += 3;
        memcpy(out + n, r->authority.p, r->authority.n);
        n += r->authority.n;
    }
    size_t encoded = path_encode(name, out + n, room - n);
    if (encoded == 0) return SPAN("");
    n += encoded;
    out[n++] = '/';
    if (query.n) memcpy(out + n, query.p, query.n);
    return span_of(out, n + query.n);
}

/* ---- what is kept ---- */

static void forget_kept(exchange *r) {
    mem_give(mem_of(r), r->kept, r->kept_size);
    r->kept = NULL;
    r->kept_size = 0;
    r->name = r->location = SPAN("");
    r->fields = NULL;
    r->field_count = 0;
}

static bool counts(const exchange *r, const http_field *f) {
    return f->token && (r->asks >> f->token & 1);
}

/* How many fields are to be kept, and their bytes; none when they are too long. */
static size_t measure_fields(exchange *r, size_t *bytes) {
    size_t n = 0;
    *bytes = 0;
    for (size_t i = 0; r->asks && i < r->field_count; i++) {
        if (!counts(r, &r->fields[i])) continue;
        n++;
        *bytes += r->fields[i].value.n;
    }
    if (n <= LIMIT_HEADER_FIELDS && *bytes <= LIMIT_KEPT_FIELDS) return n;
    r->asks = 0;
    *bytes = 0;
    return 0;
}

static uint8_t *put(uint8_t *at, span *s) {
    if (s->n) memcpy(at, s->p, s->n);
    *s = span_of(at, s->n);
    return at + s->n;
}

/* A location that is long, by its escapes or its query, is not kept: a directory's path alone is
 * then made of its name. */
void exchange_keep(exchange *r) {
    const http_event *ev = r->event;
    size_t room = exchange_location_room(ev, r->name), bytes, from = 0;
    size_t n = measure_fields(r, &bytes);
    if (room > LIMIT_LOCATION) room = 0;
    span name = r->name;
    const http_field *fields = r->fields;
    r->event = NULL;
    r->name = r->location = SPAN("");
    r->fields = NULL;
    r->field_count = 0;
    r->kept_size = n * sizeof *fields + bytes + name.n + room;
    r->kept = r->kept_size ? mem_take(mem_of(r), r->kept_size) : NULL;
    if (!r->kept) {
        r->kept_size = 0;
        return;
    }
    http_field *kept = r->kept;
    uint8_t *at = (uint8_t *)(kept + n);
    for (size_t i = 0; i < n; from++) {
        if (!counts(r, &fields[from])) continue;
        kept[i] = fields[from];
        kept[i].name = fields_name((http_token)kept[i].token);
        at = put(at, &kept[i++].value);
    }
    r->fields = kept;
    r->field_count = n;
    at = put(at, &name);
    r->name = name;
    if (room) r->location = exchange_location(ev, r->name, at, room);
}

/* ---- the end ---- */

static void free_exchange(exchange *r) {
    forget_kept(r);
    if (r->file) file_close(r->file);
    mem_give(mem_of(r), r, sizeof *r);
}

static void uncount(exchange *r);

void exchange_leave(exchange *r) {
    if (r->event) *r->answered_now = true;
    r->answered = true;
    if (r->log || r->echo) return;
    session_attach(link_session(r->link), r->ref, NULL);
    r->link = NULL;
}

void exchange_end(exchange *r) {
    r->event = NULL;
    if (r->link)
        forget_kept(r);
    else
        free_exchange(r);
}

void exchange_closed(exchange *r) {
    uncount(r);
    if (r->log) access_log_end(r->site->log, r->site->loop, r->log, r->status, r->sent);
    r->log = NULL;
    echo_end(r->echo);
    r->echo = NULL;
    r->link = NULL;
    if (r->answered || r->until_end) {
        free_exchange(r);
        return;
    }
    forget_kept(r); /* what it waits for comes */
}

bool exchange_gone(exchange *r) {
    if (r->link) return false;
    if (r->event) *r->answered_now = true;
    exchange_end(r);
    return true;
}

/* ---- a body that is counted ---- */

typedef struct count {
    const mem *mem;
    exchange *request; /* NULL: it is gone */
    http_body body;
} count;

static http_pull pull_counted(void *user, uint64_t offset, size_t want, span *lent) {
    count *c = user;
    return c->body.ops->pull(c->body.user, offset, want, lent);
}

static void done_counted(void *user, size_t n) {
    count *c = user;
    if (c->request) c->request->sent += n;
    c->body.ops->done(c->body.user, n);
}

static void release_counted(void *user) {
    count *c = user;
    if (c->request) c->request->count = NULL;
    c->body.ops->release(c->body.user);
    mem_give(c->mem, c, sizeof *c);
}

http_body exchange_count(exchange *r, http_body body) {
    static const http_body_ops ops = {pull_counted, done_counted, release_counted};
    count *c = mem_take(mem_of(r), sizeof *c);
    if (!c) return body;
    *c = (count){mem_of(r), r, body};
    r->count = c;
    return (http_body){&ops, c};
}

static void uncount(exchange *r) {
    if (r->count) r->count->request = NULL;
    r->count = NULL;
}
