#include "applets/client/channel.h"
#include "applets/client/fetch.h"
#include "applets/client/input.h"
#include "applets/client/output.h"
#include "applets/client/stream_body.h"
#include "applets/common/heap.h"
#include "applets/common/text.h"
#include "applets/common/websocket_key.h"
#include "core/limits.h"

#include <stdlib.h>

struct channel {
    request *request;
    client_run *run;
    input *input;
    stream_body *body; /* NULL: the session has let go of it */
    bool is_websocket, said_close, heard_close;
    bool finished, in_line; /* our side has ended; a line goes on in another fragment */
    uint16_t code;          /* of the peer's close */
    websocket websocket;
    websocket_utf8 typed; /* of the line so far */
    timer farewell;       /* our close is not answered */
    uint8_t key[WEBSOCKET_KEY];
    char why[128];
};

/* ---- what goes out ---- */

static void wake(channel *c) {
    fetch *f = c->request->fetch;
    if (!f->link) return;
    session_wake(link_session(f->link), c->request->ref);
    link_touch(f->link);
}

static void finish(channel *c) {
    c->finished = true;
    input_close(c->input);
    c->input = NULL;
    if (c->body) stream_body_finish(c->body);
    wake(c);
}

static void put(channel *c, span bytes) {
    if (!c->body || c->finished) return;
    if (!stream_body_put(c->body, bytes)) finish(c);
}

/* A frame with at most a piece of input in it. */
static void put_frame(channel *c, uint8_t opcode, bool last, span payload) {
    uint8_t bytes[WEBSOCKET_HEAD + 16384];
    uint32_t mask = loop_random(c->run->loop);
    size_t head = websocket_head(bytes, opcode, last, payload.n, &mask);
    if (payload.n) memcpy(bytes + head, payload.p, payload.n);
    websocket_mask(bytes + head, payload.n, mask, 0);
    put(c, span_of(bytes, head + payload.n));
}

static void put_close(channel *c, uint16_t code) {
    uint8_t payload[2];
    if (c->said_close) return;
    bytes_put16(payload, code);
    put_frame(c, WEBSOCKET_CLOSE, true, span_of(payload, code == WEBSOCKET_NO_CODE ? 0 : 2));
    c->said_close = true;
    timer_arm(c->run->loop, &c->farewell, LIMIT_FAREWELL_MS);
    wake(c);
}

static void no_farewell(timer *t) {
    channel *c = t->user;
    if (!c->why[0]) snprintf(c->why, sizeof c->why, "the server did not answer our close");
    finish(c);
    fetch_stop(c->request->fetch, "the server did not answer our close");
}

/* Lines become text messages; one that is longer than a piece of input becomes fragments. */
static void put_lines(channel *c, span bytes) {
    while (bytes.n) {
        const uint8_t *end = memchr(bytes.p, '\n', bytes.n);
        span piece = span_take(&bytes, end ? (size_t)(end - bytes.p) : bytes.n);
        if (end) bytes = span_skip(bytes, 1);
        bool fits = websocket_utf8_take(&c->typed, piece);
        if (!fits || (end && !websocket_utf8_whole(&c->typed))) {
            snprintf(c->why, sizeof c->why, "a line of the input is not UTF-8");
            put_close(c, WEBSOCKET_BAD_TEXT);
            return;
        }
        put_frame(c, c->in_line ? WEBSOCKET_MORE : WEBSOCKET_TEXT, end != NULL, piece);
        c->in_line = !end;
    }
}

static void input_came(void *user, span bytes) {
    channel *c = user;
    if (!c->is_websocket && bytes.n == 0) {
        finish(c);
        return;
    }
    if (!c->is_websocket) {
        put(c, bytes);
    } else if (bytes.n) {
        put_lines(c, bytes);
    } else {
        if (c->in_line) put_frame(c, WEBSOCKET_MORE, true, bytes);
        put_close(c, WEBSOCKET_NORMAL);
    }
    wake(c);
}

/* Everything is written: time for more. Called from the session's output, so only the thread that
 * reads is told. */
static void body_drained(void *user) {
    channel *c = user;
    if (c->input && !c->said_close) input_more(c->input);
}

static void body_gone(void *user) { ((channel *)user)->body = NULL; }

/* ---- its way ---- */

channel *channel_new(request *r) {
    static const stream_body_calls calls = {body_drained, body_gone};
    uint8_t nonce[16];
    channel *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->request = r;
    c->run = r->fetch->run;
    c->is_websocket = r->kind == REQUEST_WEBSOCKET;
    c->farewell = (timer){.fire = no_farewell, .user = c};
    websocket_init(&c->websocket, heap_mem(), false, LIMIT_MESSAGE);
    for (unsigned i = 0; i < 16; i += 4) bytes_put32(nonce + i, loop_random(c->run->loop));
    websocket_key_make(c->key, nonce);
    c->body = stream_body_new(&calls, c);
    if (c->body) return c;
    free(c);
    return NULL;
}

http_body channel_body(channel *c) { return stream_body_of(c->body); }

span channel_key(const channel *c) { return span_of(c->key, sizeof c->key); }

static bool accepted(const channel *c, const http_event *ev) {
    uint8_t expected[WEBSOCKET_ACCEPT];
    const http_field *said =
        fields_find_name(ev->fields, ev->field_count, SPAN("sec-websocket-accept"));
    websocket_key_accept(expected, c->key);
    return said && span_eq(said->value, span_of(expected, sizeof expected));
}

const char *channel_answer(channel *c, const http_event *ev) {
    unsigned status = ev->summary.status;
    c->request->status = ev->summary.status;
    c->request->first_us = loop_now_us();
    if (status < 200 || status > 299) {
        snprintf(c->why, sizeof c->why, "the server answered %u", status);
        return c->why;
    }
    if (c->is_websocket && c->request->http1 && !accepted(c, ev))
        return "the server's Sec-WebSocket-Accept is wrong";
    if (ev->end) return "the server ended it at once";
    c->input = input_open(c->run->loop, input_came, c);
    return c->input ? NULL : "standard input cannot be read";
}

static void print_message(channel *c, const websocket_event *ev) {
    text line = {0};
    if (ev->text) {
        output_print(c->run, ev->data);
    } else {
        text_print(&line, "binary ");
        for (size_t i = 0; i < ev->data.n; i++) text_print(&line, "%02x", ev->data.p[i]);
        output_print(c->run, span_of(line.p, line.n));
        text_end(&line);
    }
    output_print(c->run, SPAN("\n"));
}

static void take_close(channel *c, const websocket_event *ev) {
    c->heard_close = true;
    c->code = ev->code;
    timer_cancel(&c->farewell);
    if (!c->why[0] && ev->code != WEBSOCKET_NORMAL && ev->code != WEBSOCKET_GOING_AWAY &&
        ev->code != WEBSOCKET_NO_CODE)
        snprintf(c->why, sizeof c->why, "closed by the server: %u %.*s", ev->code,
                 (int)(ev->data.n < 80 ? ev->data.n : 80), (const char *)ev->data.p);
    put_close(c, ev->code);
    timer_cancel(&c->farewell);
    finish(c);
}

static const char *take_messages(channel *c, span bytes) {
    websocket_event ev;
    for (;;) {
        switch (websocket_step(&c->websocket, &bytes, &ev)) {
        case WEBSOCKET_NOTHING: return NULL;
        case WEBSOCKET_MESSAGE: print_message(c, &ev); break;
        case WEBSOCKET_PINGED:
            /* Of many, the latest is enough (RFC 6455 section 5.5.3). */
            if (c->body && stream_body_queued(c->body) < LIMIT_OUTPUT_QUEUED && !c->said_close)
                put_frame(c, WEBSOCKET_PONG, true, ev.data);
            wake(c);
            break;
        case WEBSOCKET_PONGED: break;
        case WEBSOCKET_CLOSED: take_close(c, &ev); return NULL;
        case WEBSOCKET_FAULT:
            snprintf(c->why, sizeof c->why, "the server's WebSocket is at fault: %s", ev.why);
            put_close(c, ev.code);
            finish(c);
            return NULL;
        }
    }
}

const char *channel_take(channel *c, span bytes) {
    const char *why = NULL;
    c->request->received += bytes.n;
    if (c->is_websocket)
        why = take_messages(c, bytes);
    else
        output_print(c->run, bytes);
    if (fflush(stdout) != 0 || c->run->output_error) return "stdout takes no more";
    return why;
}

void channel_ended(channel *c) { finish(c); }

const char *channel_end(channel *c, const char *why) {
    static char last[128];
    timer_cancel(&c->farewell);
    input_close(c->input);
    if (c->body) stream_body_forget(c->body);
    /* What came after both have said close is no loss. */
    if (c->is_websocket && c->heard_close && c->said_close) why = NULL;
    if (c->is_websocket && !c->heard_close && !why) why = "it ended without a close";
    if (c->why[0]) why = memcpy(last, c->why, sizeof last);
    websocket_end(&c->websocket);
    free(c);
    return why;
}
