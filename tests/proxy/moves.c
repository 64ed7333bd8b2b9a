#include "tests/proxy/moves.h"

#include "tests/proxy/world.h"

static span program;

static uint8_t next(void) { return program.n ? *span_take(&program, 1).p : 0; }

static uint32_t next_size(void) {
    static const uint32_t sizes[] = {0, 1, 10, 900, 4096, 17000, 66000, 300000};
    return sizes[next() & 7];
}

/* ---- what a byte picks ---- */

static world_end *some_end(uint8_t which, bool server) {
    world *w = &the_world;
    unsigned count = 0;
    for (unsigned i = 0; i < w->end_count; i++)
        count += w->ends[i].fd >= 0 && w->ends[i].server == server;
    if (!count) return NULL;
    unsigned n = which % count;
    for (unsigned i = 0;; i++) {
        world_end *e = &w->ends[i];
        if (e->fd >= 0 && e->server == server && !n--) return e;
    }
}

static world_request *some_request(uint8_t which) {
    world *w = &the_world;
    unsigned count = 0;
    for (unsigned i = 0; i < w->request_count; i++) count += w->requests[i].open;
    if (!count) return NULL;
    return &w->requests[(w->request_count - 1 - which % w->request_count)];
}

static world_arrival *some_arrival(uint8_t which) {
    world *w = &the_world;
    unsigned count = 0;
    for (unsigned i = 0; i < w->arrival_count; i++) count += w->arrivals[i].open;
    if (!count) return NULL;
    unsigned n = which % count;
    for (unsigned i = w->arrival_count;;) {
        world_arrival *a = &w->arrivals[--i];
        if (a->open && !n--) return a;
    }
}

/* ---- moves of the client ---- */

static void connect_one(void) {
    uint8_t how = next();
    client_connect(how & 1, (how & 7) == 2);
}

static void ask(void) {
    uint8_t how = next();
    world_end *e = some_end(how >> 5, false);
    world_method method = (how & 7) < WORLD_METHODS ? (world_method)(how & 7) : WORLD_POST;
    if (!e) e = client_connect(how & 8, false);
    uint32_t content = method >= WORLD_POST ? next_size() : 0;
    if (e) client_ask(e, method, content, method >= WORLD_POST ? next() & 15 : 0);
}

static void send_more(void) {
    uint8_t how = next();
    world_request *r = some_request(how & 31);
    if (r) client_allow(r, next_size(), how & 32);
}

static void reset_request(void) {
    world_request *r = some_request(next());
    if (r) client_reset(r);
}

/* ---- moves of either side's connection ---- */

static void end_connection(void) {
    uint8_t how = next();
    world_end *e = some_end(how >> 4, how & 1);
    if (!e) return;
    world_say("%s %td: ends, %u", e->server ? "backend" : "client", e - the_world.ends,
              how >> 1 & 3);
    switch (how >> 1 & 3) {
    case 0: ends_close(e); break;
    case 1:
        if (e->h2) ends_raw(e, span_of(NULL, 0)); /* which does not end so */
        ends_shut(e);
        break;
    default:
        if (!e->s) break;
        session_drain(e->s, loop_now_ms(the_world.worker.loop));
        e->drained = true;
    }
}

static void go_deaf(void) {
    uint8_t how = next();
    world_end *e = some_end(how >> 2, how & 1);
    if (e) e->deaf = how & 2;
}

#define WEBSOCKET                                                                \
    "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n" \
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"

/* Bytes that nobody's session has written: of the program, or what has a meaning here and there. */
static void speak_wildly(void) {
    static const char *const texts[] = {
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab",
        "POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\na",
        WEBSOCKET,
        "CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\nabc",
        "GET / HTTP/1.1\r\nhost: a\r\nupgrade: other\r\nconnection: upgrade\r\n\r\nabc",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: other\r\nconnection: upgrade\r\n\r\nabc",
        "GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n",
        "HEAD / HTTP/1.1\r\nhost: a\r\n\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\n",
        "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nlink: </preload/3>;rel=preload\r\n\r\n",
        "\0\0\0\4\0\0\0\0\0",                           /* SETTINGS */
        "\0\0\0\4\1\0\0\0\0",                           /* its acknowledgement */
        "\0\0\4\3\0\0\0\0\1\0\0\0\7",                   /* RST_STREAM 1 REFUSED_STREAM */
        "\0\0\10\7\0\0\0\0\0\0\0\0\0\0\0\0\0",          /* GOAWAY */
        "\0\0\4\10\0\0\0\0\0\0\0\377\377",              /* WINDOW_UPDATE */
        "\0\0\1\0\1\0\0\0\1a",                          /* DATA 1 END_STREAM */
        "\0\0\1\1\5\0\0\0\1\210",                       /* HEADERS 1 END_STREAM: 200 */
        "\0\0\4\1\5\0\0\0\41\202\206\204\201x",         /* HEADERS 33: half a request */
        "\0\0\6\4\0\0\0\0\0\0\4\0\0\0\0",               /* SETTINGS: no windows */
        "\0\0\6\4\0\0\0\0\0\0\4\177\377\377\377",       /* SETTINGS: the widest */
        "\0\0\6\4\0\0\0\0\0\0\1\0\0\0\0",               /* SETTINGS: no table */
        "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\0",               /* SETTINGS: no streams */
        "\0\0\4\10\0\0\0\0\1\0\1\0\0",                  /* WINDOW_UPDATE 1 */
        "\0\0\4\10\0\0\0\0\0\177\377\377\377",          /* and one too many */
        "\0\0\10\6\0\0\0\0\0\1\2\3\4\5\6\7\10",         /* PING */
        "\0\0\3\1\4\0\0\0\1\210\17\15\0",               /* HEADERS 1: 200, half */
        "\0\0\3\1\5\0\0\0\1\0\1x\1y",                   /* trailers, cut short */
        "\0\0\5\1\5\0\0\0\1\0\1x\1y",                   /* trailers of 1 */
        "\0\0\12\5\4\0\0\0\1\0\0\0\2\202\206\204\1\1a", /* PUSH_PROMISE 1: 2 */
        "\0\0\1\1\4\0\0\0\2\210",                       /* HEADERS 2: 200 */
        "\0\0\4\3\0\0\0\0\2\0\0\0\10",                  /* RST_STREAM 2 CANCEL */
        "\0\0\10\7\0\0\0\0\0\0\0\0\1\0\0\0\0",          /* GOAWAY: 1 is the last */
        "\0\0\10\7\0\0\0\0\0\177\377\377\377\0\0\0\0"}; /* GOAWAY: not yet */
    static const uint8_t frames[] = {9,  9,  13, 17, 13, 10, 10, 13, 15, 15, 15, 15,
                                     13, 13, 17, 12, 12, 14, 19, 10, 13, 17, 17};
    enum { TEXTS = sizeof texts / sizeof *texts, FRAMES = sizeof frames };
    uint8_t how = next(), which = next();
    world_end *e = some_end(how >> 1, how & 1);
    span bytes = span_take(&program, which < program.n ? which : program.n);
    if (which >= 128) {
        unsigned i = which % TEXTS;
        bytes = i < TEXTS - FRAMES ? span_str(texts[i])
                                   : span_of(texts[i], frames[i - (TEXTS - FRAMES)]);
    }
    if (!e) return;
    world_say("%s %td: sends %zu bytes of its own", e->server ? "backend" : "client",
              e - the_world.ends, bytes.n);
    ends_raw(e, bytes);
}

/* ---- moves of the backend ---- */

static void reply(void) {
    static const uint16_t statuses[] = {200, 200, 404, 204, 304, 500, 200, 206};
    uint8_t how = next(), more = next();
    world_arrival *a = some_arrival(how >> 5);
    world_reply r = {.status = statuses[how & 7],
                     .content = next_size(),
                     .length = more & 1,
                     .trailers = more & 2,
                     .waits = more & 4,
                     .fails = (more & 0x18) == 0x18,
                     .preload = more & 0x20,
                     .refuses_key = (more & 0xc0) == 0xc0};
    if (a) backend_reply(a, &r);
}

static void reply_by_close(void) {
    uint8_t how = next();
    world_arrival *a = some_arrival(how >> 4);
    uint32_t content = next_size();
    if (a) backend_reply_by_close(a, content, how & 1);
}

static void inform(void) {
    uint8_t how = next();
    world_arrival *a = some_arrival(how >> 2);
    if (a) backend_inform(a, how & 1 ? 103 : 100);
}

static void answer_more(void) {
    uint8_t how = next();
    world_arrival *a = some_arrival(how & 31);
    uint32_t n = next_size();
    if (a) backend_allow(a, n, how & 32);
}

static void reset_arrival(void) {
    static const h2_code codes[] = {H2_REFUSED_STREAM, H2_CANCEL, H2_INTERNAL_ERROR, H2_NO_ERROR};
    uint8_t how = next();
    world_arrival *a = some_arrival(how >> 2);
    if (a) backend_reset(a, codes[how & 3]);
}

static void push(void) {
    world_arrival *a = some_arrival(next());
    if (a) backend_push(a);
}

static void come_or_go(void) {
    world_say("backend: %s", the_world.ear >= 0 ? "goes" : "comes");
    if (the_world.ear >= 0)
        backend_shut();
    else
        backend_listen();
}

/* ---- what else happens ---- */

static void wait_some(void) {
    static const uint32_t times[] = {1, 20, 100, 1000, 3000, 11000, 31000, 61000};
    uint32_t ms = times[next() & 7];
    world_say("%u ms pass", ms);
    world_wait(ms);
}

static void refuse_some(void) {
    uint8_t n = next();
    world_say("allocation %u is refused", n + 1u);
    world_refuse(n + 1u);
}

static void reload(void) {
    world_say("reload");
    world_reload();
}

static void drain(void) {
    uint8_t how = next();
    if (how & 7) return; /* most of the time there is more to see */
    world_say("drain");
    world_drain();
}

static void (*const all_moves[])(void) = {ask,           ask,          ask,
                                          reply,         reply,        reply,
                                          send_more,     answer_more,  answer_more,
                                          inform,        push,         reset_request,
                                          reset_arrival, connect_one,  end_connection,
                                          go_deaf,       speak_wildly, reply_by_close,
                                          come_or_go,    wait_some,    refuse_some,
                                          reload,        drain};

void moves_play(span bytes) {
    program = bytes;
    uint8_t how = next();
    world_choice c = {.back_h2 = how & 1,
                      .small = how & 2,
                      .narrow = how & 4,
                      .preloads = how & 8,
                      .tight = (how & 0xc0) >= 0x80,
                      .sticky = (how & 0xc0) == 0xc0};
    world_begin(&c, 0);
    client_connect(how & 0x10, (how & 0x30) == 0x20);
    world_turn();
    while (program.n) {
        uint8_t move = next();
        all_moves[(move & 31) % (sizeof all_moves / sizeof *all_moves)]();
        if (!(move & 0x80)) world_turn(); /* or more happens in the same turn */
    }
    world_turn();
    world_end_all();
}
