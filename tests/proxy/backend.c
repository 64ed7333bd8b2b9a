#include "tests/proxy/world.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "applets/common/websocket_key.h"

/* ---- connections ---- */

void backend_listen(void) {
    world *w = &the_world;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (w->ear >= 0) return;
    unlink(w->back_path);
    memcpy(a.sun_path, w->back_path, sizeof w->back_path);
    w->ear = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    world_demand(w->ear >= 0 && bind(w->ear, (struct sockaddr *)&a, sizeof a) == 0 &&
                     listen(w->ear, 64) == 0,
                 "the backend cannot listen");
}

void backend_shut(void) {
    world *w = &the_world;
    if (w->ear < 0) return;
    close(w->ear);
    w->ear = -1;
    unlink(w->back_path);
}

bool backend_accept(void) {
    world *w = &the_world;
    bool any = false;
    for (int fd; w->ear >= 0 && (fd = accept4(w->ear, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
        any = true;
        if (w->end_count == WORLD_ENDS) {
            close(fd);
            continue;
        }
        world_end *e = &w->ends[w->end_count++];
        ends_open(e, fd, true, w->choice.back_h2 ? SESSION_H2 : SESSION_H1);
        world_say("backend %td: is connected", e - w->ends);
    }
    return any;
}

/* ---- requests ---- */

static world_request *asked_by(const http_event *ev) {
    const http_field *f = fields_find_name(ev->fields, ev->field_count, SPAN("x-mark"));
    uint64_t id;
    if (!f || !span_starts(f->value, SPAN("/request/"))) return NULL;
    if (!bytes_get_decimal(span_skip(f->value, 9), WORLD_REQUESTS, &id)) return NULL;
    return id < the_world.request_count ? &the_world.requests[id] : NULL;
}

/* Whether an arrival may be followed by another one of the same request (RFC 9110 section 9.2.2,
 * RFC 9112 section 9.3.1, RFC 9113 section 8.7). */
static bool may_come_again(const world_arrival *a) {
    const world_request *r = a->request;
    if (a->refused || a->at->drained || a->at->wild) return true;
    if (a->replied && !a->unheard) return false;
    return !a->at->h2 && r->method <= WORLD_HEAD && (!a->open || a->at->shut);
}

static void check_again(const world_request *r) {
    world *w = &the_world;
    for (unsigned i = 0; i < w->arrival_count; i++) {
        const world_arrival *a = &w->arrivals[i];
        if (a->request == r && !w->refused)
            world_demand(may_come_again(a), "request %u arrives again", r->id);
    }
    world_demand(!r->from, "request %u arrives after its answer", r->id);
}

static void check_request(world_request *r, const http_event *ev) {
    static const char *const methods[WORLD_METHODS] = {"GET", "HEAD", "POST", "CONNECT", "CONNECT"};
    char path[64];
    snprintf(path, sizeof path, "/request/%u", r->id);
    world_demand(span_eq(ev->summary.method, span_str(methods[r->method])), "another method");
    world_demand((ev->summary.protocol.p != NULL) == (r->method == WORLD_WEBSOCKET),
                 "another protocol");
    if (r->method == WORLD_CONNECT) {
        snprintf(path, sizeof path, "request-%u:443", r->id);
        world_demand(span_eq(ev->summary.authority, span_str(path)), "another authority");
    } else {
        world_demand(span_eq(ev->summary.path, span_str(path)), "another path");
        world_demand(span_eq(ev->summary.authority, SPAN("test")), "another authority");
    }
    world_demand(++r->arrivals <= LIMIT_TRIES_PROGRESS, "too many tries");
}

static void note_end(world_arrival *a) {
    const world_request *r = a->request;
    a->ended = true;
    if (!r || r->at->wild || r->method >= WORLD_CONNECT) return;
    world_demand(world_content_whole(&r->up, a->got),
                 "%llu bytes of %u look whole to the backend, request %u",
                 (unsigned long long)a->got, r->up.size, r->id);
}

static void take_request(world_end *e, const http_event *ev) {
    world *w = &the_world;
    bool preload = span_starts(ev->summary.path, SPAN("/preload/"));
    world_request *r = asked_by(ev);
    if (r && r->at->wild) r = NULL;
    if (r && !e->wild) check_again(r); /* else it may have been given back before it came */
    if (w->arrival_count == WORLD_ARRIVALS) {
        session_reset(e->s, ev->ref, H2_CANCEL);
        return;
    }
    world_arrival *a = &w->arrivals[w->arrival_count];
    const http_field *key =
        fields_find_name(ev->fields, ev->field_count, SPAN("sec-websocket-key"));
    *a = (world_arrival){.request = r,
                         .at = e,
                         .ref = ev->ref,
                         .number = w->arrival_count++,
                         .open = true,
                         .connect = ev->summary.connect,
                         .websocket = ev->summary.protocol.p != NULL,
                         .head = span_eq(ev->summary.method, SPAN("HEAD"))};
    if (key) memcpy(a->key, key->value.p, key->value.n < 31 ? key->value.n : 31);
    world_say("backend %td: %u arrives: %.*s", e - w->ends, a->number, (int)ev->summary.method.n,
              (const char *)ev->summary.method.p);
    world_demand(r || preload || w->wild_client, "a request that nobody sent");
    session_attach(e->s, ev->ref, a);
    if (r) check_request(r, ev);
    if (ev->end) note_end(a);
}

void backend_event(world_end *e, const http_event *ev) {
    world_arrival *a = ev->user;
    if (ev->kind == HTTP_EVENT_DATA) session_credit(e->s, ev->ref, ev->credit);
    if (ev->kind == HTTP_EVENT_REQUEST) take_request(e, ev);
    if (!a) return;
    switch (ev->kind) {
    case HTTP_EVENT_DATA:
        if (a->request && !a->request->at->wild && !e->wild)
            world_content_check(&a->request->up, a->got, ev->data);
        a->got += ev->data.n;
        break;
    case HTTP_EVENT_TRAILERS:
        a->got_trailers = true;
        note_end(a);
        return;
    case HTTP_EVENT_CLOSED:
        world_say("backend %td: %u is closed, code %u%s", e - the_world.ends, a->number, ev->code,
                  ev->early_close ? ", early" : "");
        a->open = false;
        return;
    default: return;
    }
    if (ev->end) note_end(a);
}

/* ---- answers ---- */

static bool can_speak(const world_arrival *a) {
    return a->open && a->at->s && a->at->fd >= 0 && !a->at->by_hand;
}

bool backend_reply(world_arrival *a, const world_reply *how) {
    char status[16], number[16], length[16];
    uint8_t accept[WEBSOCKET_ACCEPT];
    http_field f[8];
    size_t n = 0;
    if (!can_speak(a) || a->replied) return false;
    bool tunnel = (a->connect || a->websocket) && how->status / 100 == 2;
    unsigned said = tunnel ? 200 : how->status; /* over HTTP/1.1 there is one way to say yes */
    bool bare = !tunnel && (a->head || how->status == 204 || how->status == 304);
    bool has_body = tunnel || (!bare && (how->content || how->waits || how->fails));
    snprintf(status, sizeof status, "%u", said);
    snprintf(number, sizeof number, "%u", a->number);
    snprintf(length, sizeof length, "%u", how->content);
    f[n++] = HTTP_FIELD_OF(STATUS, span_str(status));
    f[n++] = (http_field){.name = SPAN("x-arrival"), .value = span_str(number)};
    if (how->length && !tunnel && how->status != 204)
        f[n++] = HTTP_FIELD_OF(CONTENT_LENGTH, span_str(length));
    if (how->preload)
        f[n++] = HTTP_FIELD_OF(LINK, SPAN("</preload/1>; rel=preload, </preload/2>;rel=preload"));
    if (tunnel && a->websocket && !a->at->h2) {
        websocket_key_accept(accept, (const uint8_t *)a->key);
        if (how->refuses_key) accept[3] ^= 1;
        f[n++] = (http_field){.name = SPAN("sec-websocket-accept"),
                              .value = span_of(accept, WEBSOCKET_ACCEPT)};
    }
    a->down = (world_content){.begin = a->number * 911 + 7,
                              .size = has_body ? how->content : 0,
                              .allowed = how->waits ? how->allowed : UINT32_MAX,
                              .open_end = how->waits || tunnel,
                              .fails = how->fails,
                              .told = how->length && !tunnel,
                              .ended = !has_body};
    http_body body = has_body ? world_content_body(&a->down) : HTTP_NO_BODY;
    if (session_reply(a->at->s, a->ref, f, n, body).scope != VERDICT_NONE) {
        if (has_body) a->down.lent--;
        return false;
    }
    const http_field t = {.name = SPAN("x-sum"), .value = SPAN("of the answer")};
    if (how->trailers && has_body && !tunnel) session_trailers(a->at->s, a->ref, &t, 1);
    a->replied = true;
    a->unheard |= a->at->shut;
    a->bare = bare;
    a->trailers = how->trailers;
    a->status = said;
    world_say("backend %td: answers %u: %u, %u bytes%s", a->at - the_world.ends, a->number, said,
              a->down.size, how->fails ? ", and fails" : "");
    return true;
}

bool backend_reply_by_close(world_arrival *a, uint32_t content, bool old) {
    char head[128];
    world_end *e = a->at;
    if (!can_speak(a) || a->replied || e->h2 || a->connect || a->websocket) return false;
    int n =
        snprintf(head, sizeof head, "HTTP/1.%u 200 OK\r\nx-arrival: %u\r\n\r\n", !old, a->number);
    if (send(e->fd, head, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) != n) return false;
    world_say("backend %td: answers %u until it closes, %u bytes", e - the_world.ends, a->number,
              content);
    e->by_hand = a->replied = true;
    a->bare = a->head;
    a->status = 200;
    a->down = (world_content){.begin = a->number * 911 + 7, .size = content, .ended = true};
    while (!a->bare && a->down.pulled < content) {
        span piece = world_content_at(&a->down, a->down.pulled, content - a->down.pulled);
        ssize_t sent = send(e->fd, piece.p, piece.n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent <= 0) break;
        a->down.pulled += (uint32_t)sent;
    }
    a->down.size = a->down.pulled;
    ends_shut(e);
    return true;
}

void backend_inform(world_arrival *a, unsigned status) {
    char text[16];
    if (!can_speak(a) || a->replied || a->promise) return;
    snprintf(text, sizeof text, "%u", status);
    const http_field f[] = {HTTP_FIELD_OF(STATUS, span_str(text)),
                            HTTP_FIELD_OF(LINK, SPAN("</style.css>; rel=preload"))};
    session_inform(a->at->s, a->ref, f, status == 103 ? 2 : 1);
}

void backend_allow(world_arrival *a, uint32_t n, bool end) {
    world_content *c = &a->down;
    if (!can_speak(a) || !a->replied) return;
    c->allowed = n > UINT32_MAX - c->allowed ? UINT32_MAX : c->allowed + n;
    if (end) c->open_end = false;
    session_wake(a->at->s, a->ref);
}

void backend_reset(world_arrival *a, h2_code code) {
    if (!can_speak(a)) return;
    world_say("backend %td: resets %u, code %u", a->at - the_world.ends, a->number, code);
    if (code == H2_REFUSED_STREAM) a->refused = true;
    a->unheard = true;
    session_reset(a->at->s, a->ref, code);
}

world_arrival *backend_push(world_arrival *parent) {
    world *w = &the_world;
    const http_field f[] = {HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
                            HTTP_FIELD_OF(AUTHORITY, SPAN("test")),
                            HTTP_FIELD_OF(PATH, SPAN("/promised"))};
    http_ref ref;
    if (!can_speak(parent) || parent->promise || w->arrival_count == WORLD_ARRIVALS) return NULL;
    if (session_push(parent->at->s, parent->ref, f, 4, &ref).scope != VERDICT_NONE) return NULL;
    world_arrival *a = &w->arrivals[w->arrival_count];
    *a = (world_arrival){.at = parent->at,
                         .ref = ref,
                         .number = w->arrival_count++,
                         .open = true,
                         .promise = true,
                         .ended = true};
    world_say("backend %td: promises %u", parent->at - w->ends, a->number);
    session_attach(parent->at->s, ref, a);
    return a;
}
