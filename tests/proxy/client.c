#include "tests/proxy/world.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

world_end *client_connect(bool h2, bool upgrade) {
    world *w = &the_world;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (w->end_count == WORLD_ENDS) return NULL;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    world_demand(fd >= 0, "no socket");
    memcpy(a.sun_path, w->front_path, sizeof w->front_path);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) { /* it listens no more */
        close(fd);
        return NULL;
    }
    world_end *e = &w->ends[w->end_count++];
    ends_open(e, fd, false, upgrade ? SESSION_UPGRADE : h2 ? SESSION_H2 : SESSION_H1);
    world_say("client %td: connects, %s", e - w->ends, session_protocol(e->s));
    return e;
}

/* ---- requests ---- */

static const char *const methods[WORLD_METHODS] = {"GET", "HEAD", "POST", "CONNECT", "CONNECT"};

static world_request *new_request(world_end *e, world_method method) {
    world *w = &the_world;
    if (w->request_count == WORLD_REQUESTS) return NULL;
    world_request *r = &w->requests[w->request_count];
    *r = (world_request){.at = e, .id = w->request_count++, .method = method};
    return r;
}

static void fill_content(world_request *r, uint32_t content, unsigned flags) {
    bool tunnel = r->method >= WORLD_CONNECT;
    r->has_body = tunnel || (r->method == WORLD_POST && (content || flags & CLIENT_WAITS));
    r->trailers = r->method == WORLD_POST && r->has_body && flags & CLIENT_TRAILERS;
    r->expects = r->method == WORLD_POST && r->has_body && flags & CLIENT_EXPECTS;
    r->up = (world_content){.begin = r->id * 977 + 13,
                            .size = r->has_body ? content : 0,
                            .allowed = flags & CLIENT_WAITS ? 0 : UINT32_MAX,
                            .open_end = tunnel || flags & CLIENT_WAITS,
                            .told = r->method == WORLD_POST && flags & CLIENT_LENGTH,
                            .ended = !r->has_body};
}

world_request *client_ask(world_end *e, world_method method, uint32_t content, unsigned flags) {
    char path[64], authority[64], length[16];
    http_field f[12];
    size_t n = 0;
    world_request *r = e->s && e->fd >= 0 && session_room(e->s) ? new_request(e, method) : NULL;
    if (!r) return NULL;
    fill_content(r, content, flags);
    snprintf(path, sizeof path, "/request/%u", r->id);
    snprintf(authority, sizeof authority, method == WORLD_CONNECT ? "request-%u:443" : "test",
             r->id);
    snprintf(length, sizeof length, "%u", r->up.size);
    f[n++] = HTTP_FIELD_OF(METHOD, span_str(methods[method]));
    if (method == WORLD_WEBSOCKET) f[n++] = HTTP_FIELD_OF(PROTOCOL, SPAN("websocket"));
    if (method != WORLD_CONNECT) {
        f[n++] = HTTP_FIELD_OF(SCHEME, SPAN("http"));
        f[n++] = HTTP_FIELD_OF(PATH, span_str(path));
    }
    f[n++] = HTTP_FIELD_OF(AUTHORITY, span_str(authority));
    f[n++] = (http_field){.name = SPAN("x-mark"), .value = span_str(path)};
    if (method == WORLD_WEBSOCKET && !e->h2)
        f[n++] = (http_field){.name = SPAN("sec-websocket-key"),
                              .value = SPAN("dGhlIHNhbXBsZSBub25jZQ==")}; /* RFC 6455 section 1.3 */
    if (method == WORLD_WEBSOCKET)
        f[n++] = (http_field){.name = SPAN("sec-websocket-version"), .value = SPAN("13")};
    if (r->expects) f[n++] = (http_field){.name = SPAN("expect"), .value = SPAN("100-continue")};
    if (r->up.told) f[n++] = HTTP_FIELD_OF(CONTENT_LENGTH, span_str(length));
    http_body body = r->has_body ? world_content_body(&r->up) : HTTP_NO_BODY;
    verdict v = session_open(e->s, f, n, body, r, &r->ref);
    if (v.scope != VERDICT_NONE) {
        if (r->has_body) r->up.lent--;
        the_world.request_count--;
        return NULL;
    }
    r->open = true;
    const http_field t = {.name = SPAN("x-sum"), .value = SPAN("of the request")};
    if (r->trailers) session_trailers(e->s, r->ref, &t, 1);
    world_say("client %td: asks %u: %s, %u bytes%s", e - the_world.ends, r->id, methods[method],
              r->up.size, r->up.told ? ", told" : "");
    return r;
}

void client_allow(world_request *r, uint32_t n, bool end) {
    world_content *c = &r->up;
    if (!r->open || r->closed || !r->has_body) return;
    c->allowed = n > UINT32_MAX - c->allowed ? UINT32_MAX : c->allowed + n;
    if (end && r->method < WORLD_CONNECT) c->open_end = false;
    session_wake(r->at->s, r->ref);
}

void client_reset(world_request *r) {
    if (!r->open || r->closed || r->at->fd < 0) return;
    world_say("client %td: resets %u", r->at - the_world.ends, r->id);
    session_reset(r->at->s, r->ref, H2_CANCEL);
}

/* ---- answers ---- */

static world_arrival *answered_by(const http_event *ev) {
    const http_field *f = fields_find_name(ev->fields, ev->field_count, SPAN("x-arrival"));
    uint64_t number = 0;
    if (!f) return NULL;
    world_demand(bytes_get_decimal(f->value, WORLD_ARRIVALS, &number) &&
                     number < the_world.arrival_count,
                 "an answer that nobody gave");
    return &the_world.arrivals[number];
}

static void take_answer(world_request *r, const http_event *ev) {
    world_demand(!r->status, "request %u is answered twice", r->id);
    r->status = ev->summary.status;
    r->from = answered_by(ev);
    world_say("client %td: %u is answered %u%s", r->at - the_world.ends, r->id, r->status,
              ev->end ? ", without content" : "");
    if (!r->from) {
        world_demand(the_world.wild_backend || r->status >= 400, "%u of the proxy's own",
                     r->status);
        return;
    }
    if (r->from->at->wild) return;
    world_demand(r->from->replied, "an answer before it was given");
    world_demand(r->from->request == (r->promised ? NULL : r),
                 "request %u has the answer of another", r->id);
    world_demand(r->status == r->from->status, "status %u, not %u", r->status, r->from->status);
}

static bool is_tunnel(const world_request *r) {
    return r->method >= WORLD_CONNECT && r->status / 100 == 2;
}

/* An answer that looks whole is whole. */
static void take_end(world_request *r) {
    const world_arrival *a = r->from;
    world_demand(!r->ended, "request %u ends twice", r->id);
    r->ended = true;
    world_say("client %td: %u is whole: %llu bytes", r->at - the_world.ends, r->id,
              (unsigned long long)r->got);
    if (!a || a->at->wild || is_tunnel(r)) return;
    if (a->bare)
        world_demand(r->got == 0, "content where none may be");
    else
        world_demand(world_content_whole(&a->down, r->got),
                     "%llu bytes of %u look whole to request %u", (unsigned long long)r->got,
                     a->down.size, r->id);
}

static void take_promise(world_end *e, const http_event *ev) {
    world_request *r = new_request(e, WORLD_GET);
    if (!r) {
        session_reset(e->s, ev->ref, H2_CANCEL);
        return;
    }
    world_say("client %td: %u is promised", e - the_world.ends, r->id);
    r->promised = r->open = r->up.ended = true;
    r->ref = ev->ref;
    session_attach(e->s, ev->ref, r);
}

void client_event(world_end *e, const http_event *ev) {
    world_request *r = ev->user;
    if (ev->kind == HTTP_EVENT_PUSH) take_promise(e, ev);
    if (ev->kind == HTTP_EVENT_DATA) session_credit(e->s, ev->ref, ev->credit);
    if (!r || e->wild) {
        if (r && ev->kind == HTTP_EVENT_CLOSED) r->closed = true;
        return;
    }
    switch (ev->kind) {
    case HTTP_EVENT_INTERIM: r->interims++; break;
    case HTTP_EVENT_RESPONSE: take_answer(r, ev); break;
    case HTTP_EVENT_DATA:
        if (r->from && !r->from->at->wild) world_content_check(&r->from->down, r->got, ev->data);
        r->got += ev->data.n;
        break;
    case HTTP_EVENT_TRAILERS: r->got_trailers = true; break;
    case HTTP_EVENT_CLOSED:
        world_say("client %td: %u is closed, code %u%s", e - the_world.ends, r->id, ev->code,
                  ev->early_close ? ", early" : "");
        r->closed = true;
        r->code = ev->code;
        return;
    default: return;
    }
    if (ev->end || ev->kind == HTTP_EVENT_TRAILERS) take_end(r);
}
