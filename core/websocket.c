#include "core/websocket.h"

/* A message's space that is kept for the next; more is given back at once, since most sockets wait
 * most of the time. */
#define KEPT 4096u

/* ---- UTF-8 ---- */

bool websocket_utf8_take(websocket_utf8 *u, span bytes) {
    for (size_t i = 0; i < bytes.n; i++) {
        uint8_t c = bytes.p[i];
        if (u->missing) {
            if (c < u->low || c > u->high) return false;
            u->missing--;
            u->low = 0x80;
            u->high = 0xbf;
            continue;
        }
        if (c < 0x80) continue;
        if (c < 0xc2 || c > 0xf4) return false;
        u->missing = c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        /* No overlong forms, no surrogates, nothing past U+10FFFF (RFC 3629 section 4). */
        u->low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
        u->high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    }
    return true;
}

/* ---- reading ---- */

static websocket_kind fault(websocket *w, websocket_event *ev, uint16_t code, const char *why) {
    w->over = true;
    ev->code = code;
    ev->data = span_of(NULL, 0);
    ev->why = why;
    return ev->kind = WEBSOCKET_FAULT;
}

static const char *check_head(const websocket *w) {
    bool control = w->opcode & 8;
    if (w->head[0] & 0x70) return "a reserved bit is set";
    if (w->server != (w->head[1] & 0x80) >> 7)
        return w->server ? "a client's frame is not masked" : "a server's frame is masked";
    if (control && (!w->last || (w->head[1] & 0x7f) > 125)) return "a control frame is long or cut";
    switch (w->opcode) {
    case WEBSOCKET_MORE: return w->in_message ? NULL : "a continuation of nothing";
    case WEBSOCKET_TEXT:
    case WEBSOCKET_BINARY: return w->in_message ? "a message begins inside another" : NULL;
    case WEBSOCKET_CLOSE:
    case WEBSOCKET_PING:
    case WEBSOCKET_PONG: return NULL;
    default: return "an unknown opcode";
    }
}

/* Takes bytes of the head until it is whole. True when it is. */
static bool take_head(websocket *w, span *in) {
    for (;;) {
        size_t n = w->have < 2                  ? 2
                   : (w->head[1] & 0x7f) == 126 ? 4
                   : (w->head[1] & 0x7f) == 127 ? 10
                                                : 2;
        if (w->have >= 2 && w->head[1] & 0x80) n += 4;
        if (w->have == n) return true;
        if (in->n == 0) return false;
        w->head[w->have++] = in->p[0];
        *in = span_skip(*in, 1);
    }
}

static const char *begin_frame(websocket *w) {
    const char *why;
    unsigned form = w->head[1] & 0x7f;
    w->opcode = w->head[0] & 15;
    w->last = w->head[0] >> 7;
    if ((why = check_head(w))) return why;
    if (w->server) w->mask = bytes_get32(w->head + w->have - 4);
    w->have = 0;
    w->at = 0;
    w->left = form < 126    ? form
              : form == 126 ? bytes_get16(w->head + 2)
                            : (uint64_t)bytes_get32(w->head + 2) << 32 | bytes_get32(w->head + 6);
    if ((form == 126 && w->left < 126) || (form == 127 && w->left < 65536) || w->left >> 63)
        return "a length is not written in the shortest form";
    w->in_frame = true;
    w->control_n = 0;
    if (w->opcode == WEBSOCKET_TEXT || w->opcode == WEBSOCKET_BINARY) {
        w->message_text = w->opcode == WEBSOCKET_TEXT;
        w->in_message = true;
        w->n = 0;
        w->utf8 = (websocket_utf8){0};
    }
    return NULL;
}

/* Adds a piece of the payload to the message, without its mask. */
static bool keep(websocket *w, span piece) {
    if (piece.n == 0) return true;
    if (piece.n > w->room - w->n) {
        size_t room = w->room ? w->room : KEPT;
        while (room - w->n < piece.n) room *= 2;
        uint8_t *grown = mem_resize(w->mem, w->message, w->room, room);
        if (!grown) return false;
        w->message = grown;
        w->room = room;
    }
    memcpy(w->message + w->n, piece.p, piece.n);
    if (w->server) websocket_mask(w->message + w->n, piece.n, w->mask, w->at);
    w->n += piece.n;
    return true;
}

static void forget_message(websocket *w) {
    mem_give(w->mem, w->message, w->room);
    w->message = NULL;
    w->n = w->room = 0;
}

bool websocket_code_valid(uint32_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static websocket_kind end_close(websocket *w, websocket_event *ev) {
    span body = span_of(w->control, w->control_n);
    websocket_utf8 reason = {0};
    ev->code = WEBSOCKET_NO_CODE;
    if (body.n == 1) return fault(w, ev, WEBSOCKET_PROTOCOL_ERROR, "a close frame with one byte");
    if (body.n) {
        ev->code = bytes_get16(body.p);
        ev->data = span_skip(body, 2);
        if (!websocket_code_valid(ev->code))
            return fault(w, ev, WEBSOCKET_PROTOCOL_ERROR, "a close code that is none");
        if (!websocket_utf8_take(&reason, ev->data) || !websocket_utf8_whole(&reason))
            return fault(w, ev, WEBSOCKET_BAD_TEXT, "text that is not UTF-8");
    }
    w->over = true;
    return ev->kind = WEBSOCKET_CLOSED;
}

/* A whole frame has come; NOTHING when it is part of a message that goes on. */
static websocket_kind end_frame(websocket *w, websocket_event *ev) {
    w->in_frame = false;
    if (w->opcode == WEBSOCKET_CLOSE) return end_close(w, ev);
    if (w->opcode & 8) {
        ev->data = span_of(w->control, w->control_n);
        return ev->kind = w->opcode == WEBSOCKET_PING ? WEBSOCKET_PINGED : WEBSOCKET_PONGED;
    }
    if (!w->last) return WEBSOCKET_NOTHING;
    w->in_message = false;
    if (w->message_text && !websocket_utf8_whole(&w->utf8))
        return fault(w, ev, WEBSOCKET_BAD_TEXT, "text that is not UTF-8");
    ev->text = w->message_text;
    ev->data = span_of(w->message, w->n);
    return ev->kind = WEBSOCKET_MESSAGE;
}

static const char *take_piece(websocket *w, span piece, uint16_t *code) {
    if (w->opcode & 8) {
        if (piece.n) memcpy(w->control + w->control_n, piece.p, piece.n);
        if (w->server) websocket_mask(w->control + w->control_n, piece.n, w->mask, w->at);
        w->control_n = (uint8_t)(w->control_n + piece.n);
        return NULL;
    }
    size_t before = w->n;
    *code = WEBSOCKET_TOO_BIG;
    if (w->left > w->most || before + piece.n + w->left > w->most) return "a message is too long";
    if (!keep(w, piece)) return "out of memory";
    *code = WEBSOCKET_BAD_TEXT;
    span fresh = span_of(w->message ? w->message + before : NULL, piece.n);
    return w->message_text && !websocket_utf8_take(&w->utf8, fresh) ? "text that is not UTF-8"
                                                                    : NULL;
}

void websocket_init(websocket *w, const mem *m, bool server, uint32_t most) {
    *w = (websocket){.mem = m, .server = server, .most = most};
}

websocket_kind websocket_step(websocket *w, span *in, websocket_event *ev) {
    *ev = (websocket_event){0};
    if (!w->in_message && w->room > KEPT) forget_message(w);
    while (!w->over) {
        const char *why;
        uint16_t code = WEBSOCKET_PROTOCOL_ERROR;
        if (!w->in_frame) {
            why = take_head(w, in) ? begin_frame(w) : NULL;
            if (why) return fault(w, ev, code, why);
            if (!w->in_frame) return WEBSOCKET_NOTHING;
        }
        span piece = span_take(in, in->n < w->left ? in->n : (size_t)w->left);
        w->left -= piece.n;
        if ((why = take_piece(w, piece, &code))) return fault(w, ev, code, why);
        w->at += piece.n;
        if (w->left) return WEBSOCKET_NOTHING;
        if (end_frame(w, ev) != WEBSOCKET_NOTHING) return ev->kind;
    }
    *in = span_skip(*in, in->n); /* nothing counts behind the end */
    return WEBSOCKET_NOTHING;
}

void websocket_end(websocket *w) {
    forget_message(w);
    w->over = true;
}

/* ---- writing ---- */

size_t websocket_head(uint8_t out[WEBSOCKET_HEAD], uint8_t opcode, bool last, uint64_t n,
                      const uint32_t *mask) {
    size_t at = 2;
    uint8_t masked = mask ? 0x80 : 0;
    out[0] = (uint8_t)((last ? 0x80 : 0) | opcode);
    if (n < 126) {
        out[1] = (uint8_t)(masked | n);
    } else if (n < 65536) {
        out[1] = masked | 126;
        bytes_put16(out + 2, (uint32_t)n);
        at = 4;
    } else {
        out[1] = masked | 127;
        bytes_put32(out + 2, (uint32_t)(n >> 32));
        bytes_put32(out + 6, (uint32_t)n);
        at = 10;
    }
    if (!mask) return at;
    bytes_put32(out + at, *mask);
    return at + 4;
}

void websocket_mask(uint8_t *p, size_t n, uint32_t mask, uint64_t offset) {
    uint8_t key[8];
    size_t i = 0;
    for (unsigned k = 0; k < 8; k++) key[k] = (uint8_t)(mask >> (24 - 8 * ((offset + k) & 3)));
    for (; n - i >= 8; i += 8)
        for (unsigned k = 0; k < 8; k++) p[i + k] ^= key[k];
    for (; i < n; i++) p[i] ^= key[i & 7];
}
