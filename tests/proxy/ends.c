#include "tests/proxy/world.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "applets/common/heap.h"

/* ---- content ---- */

enum { PATTERN = 65521 }; /* a prime: places do not repeat in step with buffers */

static uint8_t pattern[PATTERN];

static void make_pattern(void) {
    uint32_t v = 1;
    for (size_t i = 0; i < PATTERN; i++) {
        v = v * 1664525u + 1013904223u; /* Numerical Recipes, section 7.1 */
        pattern[i] = (uint8_t)(v >> 24);
    }
}

span world_content_at(const world_content *c, uint32_t at, size_t n) {
    if (!pattern[0] && !pattern[1]) make_pattern();
    size_t place = ((size_t)c->begin + at) % PATTERN;
    return span_of(pattern + place, n < PATTERN - place ? n : PATTERN - place);
}

void world_content_check(const world_content *c, uint64_t at, span bytes) {
    world_demand(at + bytes.n <= c->pulled, "content that was not sent: %zu bytes at %llu of %u",
                 bytes.n, (unsigned long long)at, c->pulled);
    while (bytes.n) {
        span want = world_content_at(c, (uint32_t)at, bytes.n);
        world_demand(span_eq(want, span_head(bytes, want.n)), "other content at %llu",
                     (unsigned long long)at);
        at += want.n;
        span_take(&bytes, want.n);
    }
}

bool world_content_whole(const world_content *c, uint64_t n) {
    return n == c->size && (c->ended || (c->told && c->pulled == c->size));
}

static http_pull after(world_content *c, uint32_t at) {
    uint32_t most = c->allowed < c->size ? c->allowed : c->size;
    if (at < most) return HTTP_PULL_MORE;
    if (at < c->size || c->open_end) return HTTP_PULL_LATER;
    if (c->fails) return HTTP_PULL_FAILED;
    c->ended = true;
    return HTTP_PULL_END;
}

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    world_content *c = user;
    uint32_t at = (uint32_t)offset, most = c->allowed < c->size ? c->allowed : c->size;
    *lent = span_of(NULL, 0);
    if (want && at < most) {
        *lent = world_content_at(c, at, want < most - at ? want : most - at);
        at += (uint32_t)lent->n;
        if (at > c->pulled) c->pulled = at;
    }
    http_pull then = after(c, at);
    return then == HTTP_PULL_FAILED && lent->n ? HTTP_PULL_MORE : then;
}

static void done(void *user, size_t n) {
    (void)user;
    (void)n;
}

static void release(void *user) { ((world_content *)user)->lent--; }

http_body world_content_body(world_content *c) {
    static const http_body_ops ops = {pull, done, release};
    c->lent++;
    return (http_body){&ops, c};
}

/* ---- what an end finds wrong with the proxy ---- */

/* Faults that are no question of load or of choice. */
static bool is_fault(uint32_t code) {
    return code == H2_PROTOCOL_ERROR || code == H2_FLOW_CONTROL_ERROR ||
           code == H2_FRAME_SIZE_ERROR || code == H2_COMPRESSION_ERROR || code == H2_STREAM_CLOSED;
}

static void on_frame(void *user, const h2_trace_frame *f) {
    world_end *e = user;
    if (!f->sent || f->type != 3 || f->payload.n != 4 || e->wild) return; /* RST_STREAM */
    world_demand(!is_fault(bytes_get32(f->payload.p)),
                 "the proxy's stream %u breaks a rule toward a %s", f->stream_id,
                 e->server ? "backend" : "client");
}

static void on_data(void *user, uint32_t id, size_t n, uint32_t owed, uint32_t all) {
    (void)user, (void)id, (void)n, (void)owed, (void)all;
}

static void on_gone(void *user, uint32_t id, uint32_t code) { (void)user, (void)id, (void)code; }

static void note_over(world_end *e, const http_event *ev) {
    world_say("%s %td: over: %s", e->server ? "backend" : "client", e - the_world.ends,
              ev->verdict.why ? ev->verdict.why : "");
    if (e->wild || e->eof || e->fd < 0 || ev->verdict.scope == VERDICT_NONE) return;
    world_demand(!is_fault(ev->verdict.code), "the proxy breaks a rule toward a %s: %s",
                 e->server ? "backend" : "client", ev->verdict.why);
}

/* ---- its life ---- */

void ends_open(world_end *e, int fd, bool server, session_start start) {
    static const h2_trace_ops ops = {on_frame, on_data, on_gone, NULL};
    world *w = &the_world;
    *e = (world_end){.fd = fd, .server = server, .h2 = start == SESSION_H2};
    session_defaults(&e->config, server);
    e->config.h1.head_ms = e->config.h2.settings_ack_ms = UINT32_MAX;
    e->config.h1.content_ms = e->config.h2.content_ms = e->config.h2.window_ms = 0;
    e->config.h1.upgrade = false;
    e->config.h1.pipeline = 4;
    e->config.h2.settings[H2_SLOT_ENABLE_CONNECT_PROTOCOL] = server;
    if (!server) e->config.h2.settings[H2_SLOT_ENABLE_PUSH] = 1;
    if (w->choice.narrow) {
        e->config.h2.settings[H2_SLOT_INITIAL_WINDOW_SIZE] = 700;
        e->config.h2.settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = 2;
        e->config.h1.held_max = 900;
    }
    session_birth birth = {.mem = heap_mem(),
                           .config = &e->config,
                           .start = start,
                           .scratch = &w->scratch,
                           .trace = {&ops, e},
                           .now_ms = loop_now_ms(w->worker.loop)};
    e->s = session_new(&birth);
    world_demand(e->s != NULL, "no session");
}

void ends_free(world_end *e) {
    session_free(e->s);
    free(e->kept);
    if (e->fd >= 0) close(e->fd);
    e->s = NULL;
    e->kept = NULL;
    e->fd = -1;
}

static void tell(world_end *e, const http_event *ev) {
    if (ev->kind == HTTP_EVENT_OVER) {
        note_over(e, ev);
        e->closing = true;
    } else if (e->server) {
        backend_event(e, ev);
    } else {
        client_event(e, ev);
    }
}

static void keep(world_end *e, span rest) {
    if (rest.n > e->kept_room) {
        uint8_t *more = malloc(rest.n);
        world_demand(more != NULL, "no memory");
        memcpy(more, rest.p, rest.n);
        free(e->kept);
        e->kept = more;
        e->kept_room = rest.n;
    } else if (rest.n) {
        memmove(e->kept, rest.p, rest.n);
    }
    e->kept_count = rest.n;
}

static void step(world_end *e, span in) {
    http_event ev;
    uint64_t now = loop_now_ms(the_world.worker.loop);
    http_event_kind kind;
    while (e->s && (kind = session_step(e->s, &in, now, &ev)) != HTTP_EVENT_NONE) {
        if (kind == HTTP_EVENT_PAUSED) {
            keep(e, in);
            return;
        }
        tell(e, &ev);
    }
    e->kept_count = 0;
}

/* What it has answered may not have left. */
static void lose_answers(const world_end *e) {
    world *w = &the_world;
    for (unsigned i = 0; i < w->arrival_count; i++)
        w->arrivals[i].unheard |= w->arrivals[i].at == e;
}

void ends_close(world_end *e) {
    if (e->fd < 0) return;
    lose_answers(e);
    close(e->fd);
    e->fd = -1;
    if (!e->s) return;
    session_eof(e->s);
    step(e, span_of(NULL, 0));
}

void ends_shut(world_end *e) {
    e->shut = true;
    if (e->s && !e->by_hand && session_has_output(e->s)) lose_answers(e);
    if (e->fd >= 0) shutdown(e->fd, SHUT_WR);
}

/* ---- bytes ---- */

static bool read_some(world_end *e) {
    static uint8_t bytes[1 << 16];
    if (e->deaf || e->eof || e->kept_count) return false;
    size_t most = the_world.choice.narrow ? 1000 : sizeof bytes;
    ssize_t n = recv(e->fd, bytes, most, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return false;
    if (n > 0) {
        step(e, span_of(bytes, (size_t)n));
        return true;
    }
    e->eof = true;
    if (!e->s) return true;
    if (n < 0)
        session_cut(e->s, "reset");
    else if (!session_half_eof(e->s))
        session_eof(e->s);
    step(e, span_of(NULL, 0));
    return true;
}

static size_t gather(world_end *e, struct iovec v[16]) {
    span iov[16];
    size_t n = e->s && !e->by_hand ? session_output(e->s, iov, 16, 1 << 15) : 0;
    for (size_t i = 0; i < n; i++) v[i] = (struct iovec){(void *)(uintptr_t)iov[i].p, iov[i].n};
    return n;
}

static bool write_some(world_end *e) {
    struct iovec v[16];
    size_t n = gather(e, v);
    if (!n) return false;
    struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
    ssize_t written = sendmsg(e->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    session_output_done(e->s, written > 0 ? (size_t)written : 0);
    return written > 0;
}

bool ends_pump(world_end *e) {
    bool moved = false;
    if (e->fd < 0) return false;
    if (e->kept_count) {
        size_t before = e->kept_count;
        step(e, span_of(e->kept, e->kept_count));
        moved = e->kept_count < before;
    }
    moved |= read_some(e);
    if (e->s && session_pending(e->s)) step(e, span_of(NULL, 0));
    if (e->fd >= 0) moved |= write_some(e);
    if (e->fd < 0 || e->deaf) return moved;
    bool writes = e->s && !e->by_hand && session_has_output(e->s);
    if (e->s && session_shut(e->s) && !writes) ends_shut(e);
    if (e->closing && !writes) ends_close(e);
    return moved;
}

void ends_raw(world_end *e, span bytes) {
    e->wild = true;
    if (e->server)
        the_world.wild_backend = true;
    else
        the_world.wild_client = true;
    if (e->fd >= 0 && bytes.n) (void)!send(e->fd, bytes.p, bytes.n, MSG_DONTWAIT | MSG_NOSIGNAL);
}
