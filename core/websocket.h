/* The frames of the WebSocket protocol as a client and as a server read and write them (RFC 6455
 * sections 5 to 8).
 *
 * Bytes in, messages out; whose bytes they are (HTTP/1.1 after 101, or DATA of HTTP/2) is not
 * known here. Extensions are not spoken. It owns the message that is being put together, up to
 * what it was told at birth. */
#ifndef H2BOX_CORE_WEBSOCKET_H
#define H2BOX_CORE_WEBSOCKET_H

#include "core/mem.h"

enum { /* opcodes, section 5.2 */
       WEBSOCKET_MORE = 0x0,
       WEBSOCKET_TEXT = 0x1,
       WEBSOCKET_BINARY = 0x2,
       WEBSOCKET_CLOSE = 0x8,
       WEBSOCKET_PING = 0x9,
       WEBSOCKET_PONG = 0xa
};

/* Status codes, section 7.4.1. */
enum {
    WEBSOCKET_NORMAL = 1000,
    WEBSOCKET_GOING_AWAY = 1001,
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_NO_CODE = 1005,
    WEBSOCKET_BAD_TEXT = 1007,
    WEBSOCKET_TOO_BIG = 1009
};

/* Whether a close frame may carry it (section 7.4). */
bool websocket_code_valid(uint32_t code);

/* ---- UTF-8, piece by piece ---- */

typedef struct websocket_utf8 {
    uint8_t missing, low, high; /* continuation bytes to come, and what the next may be */
} websocket_utf8;

/* False when the bytes cannot be part of UTF-8 (RFC 3629). */
bool websocket_utf8_take(websocket_utf8 *u, span bytes);
static inline bool websocket_utf8_whole(const websocket_utf8 *u) { return u->missing == 0; }

/* ---- reading ---- */

typedef enum websocket_kind {
    WEBSOCKET_NOTHING, /* all input is used */
    WEBSOCKET_MESSAGE, /* data, and whether it is text */
    WEBSOCKET_PINGED,  /* data is to be sent back */
    WEBSOCKET_PONGED,
    WEBSOCKET_CLOSED, /* code (NO_CODE when there is none) and the reason in data; nothing follows
                       */
    WEBSOCKET_FAULT   /* the peer broke the protocol: code to close with, and why */
} websocket_kind;

typedef struct websocket_event {
    websocket_kind kind;
    bool text;
    uint16_t code;
    span data; /* until the next step */
    const char *why;
} websocket_event;

#define WEBSOCKET_HEAD    14u
#define WEBSOCKET_CONTROL 125u /* bytes that a control frame has at most, section 5.5 */

typedef struct websocket {
    const mem *mem;
    uint32_t most;                      /* bytes of a message, all fragments together */
    bool server;                        /* frames come masked */
    uint8_t head[WEBSOCKET_HEAD], have; /* of a frame */
    bool over, message_text, in_message;
    uint8_t opcode;
    bool last;
    bool in_frame;
    uint64_t at, left; /* bytes of its payload that have come, and that are to come */
    uint32_t mask;
    uint8_t control[WEBSOCKET_CONTROL], control_n;
    websocket_utf8 utf8;
    uint8_t *message;
    size_t n, room;
} websocket;

/* m outlives it. most is LIMIT_MESSAGE at most. */
void websocket_init(websocket *w, const mem *m, bool server, uint32_t most);

/* Uses *in up to the next thing worth telling, and tells it. */
websocket_kind websocket_step(websocket *w, span *in, websocket_event *ev);
void websocket_end(websocket *w);

/* ---- writing ---- */

/* Writes the head of a frame with n bytes and returns its length. mask is NULL for a server's,
 * which are not masked. */
size_t websocket_head(uint8_t out[WEBSOCKET_HEAD], uint8_t opcode, bool last, uint64_t n,
                      const uint32_t *mask);

/* Masks n bytes in place, or takes the mask off; they begin `offset` bytes into the payload. */
void websocket_mask(uint8_t *p, size_t n, uint32_t mask, uint64_t offset);

#endif
