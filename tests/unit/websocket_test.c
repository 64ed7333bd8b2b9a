/* WebSocket frames: RFC 6455 section 5, read at every cut. */
#include "applets/common/heap.h"
#include "applets/common/websocket_key.h"
#include "core/limits.h"
#include "core/websocket.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static char told[4096];

static void note(const websocket_event *ev) {
    static const char *const kinds[] = {"", "message", "ping", "pong", "close", "fault"};
    size_t n = strlen(told);
    n += (size_t)snprintf(told + n, sizeof told - n, "%s", kinds[ev->kind]);
    if (ev->kind == WEBSOCKET_MESSAGE)
        n += (size_t)snprintf(told + n, sizeof told - n, " %s", ev->text ? "text" : "binary");
    if (ev->kind == WEBSOCKET_CLOSED || ev->kind == WEBSOCKET_FAULT)
        n += (size_t)snprintf(told + n, sizeof told - n, " %u", ev->code);
    for (size_t i = 0; i < ev->data.n && i < 40; i++)
        n += (size_t)snprintf(told + n, sizeof told - n, i ? "%c" : " %c", ev->data.p[i]);
    snprintf(told + n, sizeof told - n, "\n");
}

static const char *read_all(const char *bytes, size_t size, size_t cut, bool server) {
    websocket w;
    websocket_event ev;
    websocket_init(&w, heap_mem(), server, LIMIT_MESSAGE);
    span left = span_of(bytes, size);
    told[0] = '\0';
    while (left.n) {
        span piece = span_take(&left, left.n < cut ? left.n : cut);
        while (websocket_step(&w, &piece, &ev) != WEBSOCKET_NOTHING) note(&ev);
        cr_assert_eq(piece.n, 0);
    }
    websocket_end(&w);
    return told;
}

#define READS_AS(server, bytes, expected)                                                       \
    do {                                                                                        \
        static const char b[] = bytes;                                                          \
        for (size_t cut = 1; cut <= sizeof b; cut++)                                            \
            cr_assert_str_eq(read_all(b, sizeof b - 1, cut, server), expected, "cut %zu", cut); \
    } while (0)
#define READS(bytes, expected)        READS_AS(false, bytes, expected)
#define SERVER_READS(bytes, expected) READS_AS(true, bytes, expected)

Test(websocket, messages) {
    READS("\x81\x05Hello", "message text Hello\n");
    READS("\x81\x00\x82\x02\x01\x7f", "message text\nmessage binary \x01\x7f\n");
    READS("\x01\x03Hel\x80\x02lo", "message text Hello\n");
    READS("\x01\x01H\x89\x02hi\x00\x00\x80\x01i\x8a\x00", "ping hi\nmessage text Hi\npong\n");
}

Test(websocket, a_server_takes_masks_off) {
    SERVER_READS("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", /* RFC 6455 section 5.7 */
                 "message text Hello\n");
    SERVER_READS("\x01\x83\x37\xfa\x21\x3d\x7f\x9f\x4d\x89\x82\x01\x01\x01\x01ih"
                 "\x80\x82\x00\x00\x00\x00lo",
                 "ping hi\nmessage text Hello\n");
    SERVER_READS("\x82\x80\x01\x02\x03\x04\x88\x82\x01\x01\x01\x01\x02\xe9",
                 "message binary\nclose 1000\n");
    SERVER_READS("\x88\x80zzzz\x81\x00", "close 1005\n");
    SERVER_READS("\x88\x00", "fault 1002\n"); /* not masked */
    SERVER_READS("\x81\x05Hello", "fault 1002\n");
    SERVER_READS("\x81\x81\x41\0\0\0\x82", "fault 1007\n"); /* 0xc3 alone, below its mask */
}

Test(websocket, a_message_may_be_as_long_as_is_said) {
    websocket w;
    websocket_event ev;
    websocket_init(&w, heap_mem(), false, 5);
    span in = SPAN("\x81\x05Hello\x01\x03Hel\x80\x03lo.");
    cr_assert_eq(websocket_step(&w, &in, &ev), WEBSOCKET_MESSAGE);
    cr_assert_eq(websocket_step(&w, &in, &ev), WEBSOCKET_FAULT);
    cr_assert_eq(ev.code, WEBSOCKET_TOO_BIG);
    websocket_end(&w);
}

Test(websocket, space_of_a_long_message_is_given_back) {
    websocket w;
    websocket_event ev;
    static uint8_t payload[40000];
    websocket_init(&w, heap_mem(), false, LIMIT_MESSAGE);
    span in = SPAN("\x82\x7e\x9c\x40"), rest = span_of(payload, sizeof payload);
    cr_assert_eq(websocket_step(&w, &in, &ev), WEBSOCKET_NOTHING);
    cr_assert_eq(websocket_step(&w, &rest, &ev), WEBSOCKET_MESSAGE);
    cr_assert_eq(ev.data.n, sizeof payload);
    cr_assert_eq(websocket_step(&w, &rest, &ev), WEBSOCKET_NOTHING);
    cr_assert_eq(w.room, 0);
    websocket_end(&w);
}

Test(websocket, codes) {
    static const uint32_t good[] = {1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999},
                          bad[] = {0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 66536};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        cr_assert(websocket_code_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        cr_assert_not(websocket_code_valid(bad[i]));
}

Test(websocket, closes) {
    READS("\x88\x00\x81\x01x", "close 1005\n");
    READS("\x88\x05\x03\xe8"
          "bye",
          "close 1000 bye\n");
    READS("\x88\x01x", "fault 1002\n");
    READS("\x88\x02\x03\xed", "fault 1002\n"); /* 1005 must not be sent */
    READS("\x88\x02\x00\x00", "fault 1002\n");
    READS("\x88\x04\x0f\xa0\xc3\x28", "fault 1007\n");
    READS("\x88\x02\x0f\xa0", "close 4000\n");
}

Test(websocket, faults) {
    READS("\x91\x00", "fault 1002\n"); /* a reserved bit */
    READS("\x81\x80"
          "mask",
          "fault 1002\n");                      /* masked by a server */
    READS("\x83\x00", "fault 1002\n");          /* unknown opcode */
    READS("\x80\x00", "fault 1002\n");          /* continuation of nothing */
    READS("\x01\x00\x81\x00", "fault 1002\n");  /* a message in another */
    READS("\x09\x00", "fault 1002\n");          /* a cut ping */
    READS("\x89\x7e\x00\x7e", "fault 1002\n");  /* a long one */
    READS("\x82\x7e\x00\x01x", "fault 1002\n"); /* a length that is too long */
    READS("\x82\x7f\0\0\0\0\0\0\xff\xff", "fault 1002\n");
    READS("\x82\x7f\x80\0\0\0\0\0\0\0", "fault 1002\n");
    READS("\x82\x7f\0\0\0\0\x01\0\0\x01", "fault 1009\n"); /* 16 MiB and one */
}

Test(websocket, text_is_utf8) {
    READS("\x81\x04\xf0\x9f\x98\x80", "message text \xf0\x9f\x98\x80\n");
    READS("\x01\x01\xc3\x80\x01\xa4", "message text \xc3\xa4\n"); /* cut in a character */
    READS("\x81\x01\xc3", "fault 1007\n");
    static const char *const bad[] = {
        "\x80",         "\xc0\x80",         "\xc1\xbf",         "\xe0\x80\x80",
        "\xed\xa0\x80", "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5",
        "\xc3\x28"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        websocket_utf8 u = {0};
        cr_assert_not(websocket_utf8_take(&u, span_str(bad[i])), "%zu", i);
    }
    static const char *const good[] = {"",
                                       "plain",
                                       "\xc2\x80",
                                       "\xe0\xa0\x80",
                                       "\xed\x9f\xbf",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xef\xbf\xbf"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        websocket_utf8 u = {0};
        cr_assert(websocket_utf8_take(&u, span_str(good[i])) && websocket_utf8_whole(&u), "%zu", i);
    }
}

Test(websocket, many_small_fragments_are_one_message) {
    websocket w;
    websocket_event ev;
    websocket_init(&w, heap_mem(), false, LIMIT_MESSAGE);
    static const char first[] = "\x02\x00", more[] = "\x00\x7e\xff\xff";
    static uint8_t payload[65535];
    span in = span_of(first, 2);
    cr_assert_eq(websocket_step(&w, &in, &ev), WEBSOCKET_NOTHING);
    for (unsigned n = 0; n <= LIMIT_MESSAGE / 65535; n++) {
        in = span_of(more, 4);
        websocket_kind kind = websocket_step(&w, &in, &ev);
        in = span_of(payload, sizeof payload);
        if (kind == WEBSOCKET_NOTHING) kind = websocket_step(&w, &in, &ev);
        cr_assert_eq(kind, n < LIMIT_MESSAGE / 65535 ? WEBSOCKET_NOTHING : WEBSOCKET_FAULT, "%u",
                     n);
    }
    cr_assert_eq(ev.code, WEBSOCKET_TOO_BIG);
    websocket_end(&w);
}

Test(websocket, heads) {
    uint8_t out[WEBSOCKET_HEAD];
    const uint32_t mask = 0x37fa213d, one = 1;
    cr_assert_eq(websocket_head(out, WEBSOCKET_TEXT, true, 5, &mask), 6);
    cr_assert_arr_eq(out, "\x81\x85\x37\xfa\x21\x3d", 6);
    cr_assert_eq(websocket_head(out, WEBSOCKET_MORE, false, 126, &one), 8);
    cr_assert_arr_eq(out, "\x00\xfe\x00\x7e\0\0\0\x01", 8);
    cr_assert_eq(websocket_head(out, WEBSOCKET_BINARY, true, 65536, &one), 14);
    cr_assert_arr_eq(out, "\x82\xff\0\0\0\0\0\x01\0\0\0\0\0\x01", 14);
    cr_assert_eq(websocket_head(out, WEBSOCKET_TEXT, true, 5, NULL), 2);
    cr_assert_arr_eq(out, "\x81\x05", 2);
    cr_assert_eq(websocket_head(out, WEBSOCKET_BINARY, true, 65536, NULL), 10);
    cr_assert_arr_eq(out, "\x82\x7f\0\0\0\0\0\x01\0\0", 10);
    uint8_t hello[] = "Hello"; /* RFC 6455 section 5.7 */
    websocket_mask(hello, 2, 0x37fa213d, 0);
    websocket_mask(hello + 2, 3, 0x37fa213d, 2);
    cr_assert_arr_eq(hello, "\x7f\x9f\x4d\x51\x58", 5);
    uint8_t many[41] = {0}, each[41] = {0};
    for (size_t from = 0; from < 4; from++) {
        websocket_mask(many, 41, mask, from);
        for (size_t i = 0; i < 41; i++) websocket_mask(each + i, 1, mask, from + i);
        cr_assert_arr_eq(many, each, 41);
    }
}

Test(websocket, handshake) { /* RFC 6455 section 1.3 */
    uint8_t key[WEBSOCKET_KEY], accept[WEBSOCKET_ACCEPT];
    websocket_key_make(key, (const uint8_t *)"the sample nonce");
    cr_assert_arr_eq(key, "dGhlIHNhbXBsZSBub25jZQ==", WEBSOCKET_KEY);
    websocket_key_accept(accept, key);
    cr_assert_arr_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", WEBSOCKET_ACCEPT);
}
