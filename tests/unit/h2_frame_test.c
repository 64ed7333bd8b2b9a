/* core/h2_frame.c: the lists of frames, codes and settings, and what they refuse. */
#include <criterion/criterion.h>

#include "core/h2_frame.h"

Test(h2_frame, head_there_and_back) {
    static const h2_frame list[] = {
        {0, 0, 0, 0}, {0xffffff, H2_ID_MASK, 0xff, 0xff}, {0x010203, 0x04050607, 8, 9}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        uint8_t p[H2_FRAME_HEAD];
        h2_frame_put(p, list[i]);
        h2_frame f = h2_frame_get(p);
        cr_assert(f.length == list[i].length && f.stream_id == list[i].stream_id);
        cr_assert(f.type == list[i].type && f.flags == list[i].flags);
    }
}

Test(h2_frame, reserved_bit_is_dropped) {
    const uint8_t p[H2_FRAME_HEAD] = {0, 0, 0, 6, 0, 0x80, 0, 0, 1};
    cr_assert_eq(h2_frame_get(p).stream_id, 1);
}

/* RFC 9113 section 6, RFC 7838, RFC 8336, RFC 9218: written out once more, against a slip in the
 * list. */
Test(h2_frame, check) {
    static const struct {
        uint8_t type;
        uint32_t id, length;
        uint8_t scope, code;
    } list[] = {
        {H2_FRAME_DATA, 0, 1, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_DATA, 1, 0, VERDICT_NONE, 0},
        {H2_FRAME_HEADERS, 0, 1, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_HEADERS, 1, 0, VERDICT_NONE, 0},
        {H2_FRAME_PRIORITY, 0, 5, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_PRIORITY, 1, 4, VERDICT_STREAM, H2_FRAME_SIZE_ERROR},
        {H2_FRAME_PRIORITY, 1, 6, VERDICT_STREAM, H2_FRAME_SIZE_ERROR},
        {H2_FRAME_PRIORITY, 1, 5, VERDICT_NONE, 0},
        {H2_FRAME_RST_STREAM, 0, 4, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_RST_STREAM, 1, 3, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR},
        {H2_FRAME_RST_STREAM, 1, 5, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR},
        {H2_FRAME_SETTINGS, 1, 0, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_SETTINGS, 0, 6, VERDICT_NONE, 0},
        {H2_FRAME_PUSH_PROMISE, 0, 4, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_PUSH_PROMISE, 1, 3, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR},
        {H2_FRAME_PING, 1, 8, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_PING, 0, 7, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR},
        {H2_FRAME_PING, 0, 9, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR},
        {H2_FRAME_GOAWAY, 1, 8, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_GOAWAY, 0, 7, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR},
        {H2_FRAME_GOAWAY, 0, 100, VERDICT_NONE, 0},
        {H2_FRAME_WINDOW_UPDATE, 0, 4, VERDICT_NONE, 0},
        {H2_FRAME_WINDOW_UPDATE, 1, 4, VERDICT_NONE, 0},
        {H2_FRAME_WINDOW_UPDATE, 1, 3, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR},
        {H2_FRAME_CONTINUATION, 0, 0, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_ALTSVC, 0, 0, VERDICT_NONE, 0},
        {H2_FRAME_ALTSVC, 5, 2, VERDICT_NONE, 0},
        {H2_FRAME_ORIGIN, 5, 0, VERDICT_NONE, 0},
        {H2_FRAME_PRIORITY_UPDATE, 1, 4, VERDICT_CONNECTION, H2_PROTOCOL_ERROR},
        {H2_FRAME_PRIORITY_UPDATE, 0, 3, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR},
        {0x0b, 0, 0, VERDICT_NONE, 0},
        {0x11, 7, 0xffffff, VERDICT_NONE, 0},
        {0xff, 7, 1, VERDICT_NONE, 0},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        verdict v = h2_frame_check((h2_frame){list[i].length, list[i].id, list[i].type, 0});
        cr_expect(v.scope == list[i].scope && v.code == list[i].code, "row %zu: scope %u code %u",
                  i, v.scope, v.code);
        if (v.scope == VERDICT_STREAM) cr_expect_eq(v.stream_id, list[i].id);
    }
}

Test(h2_frame, unpad) {
    static const struct {
        const char *payload;
        size_t n;
        uint8_t flags, scope, code;
        size_t left;
        uint32_t cut;
    } list[] = {
        {"abc", 3, 0, VERDICT_NONE, 0, 3, 0},
        {"", 0, 0, VERDICT_NONE, 0, 0, 0},
        {"", 0, H2_FLAG_PADDED, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR, 0, 0},
        {"\0", 1, H2_FLAG_PADDED, VERDICT_NONE, 0, 0, 1},
        {"\0ab", 3, H2_FLAG_PADDED, VERDICT_NONE, 0, 2, 1},
        {"\2abc", 4, H2_FLAG_PADDED, VERDICT_NONE, 0, 1, 3},
        {"\3abc", 4, H2_FLAG_PADDED, VERDICT_NONE, 0, 0, 4},
        {"\4abc", 4, H2_FLAG_PADDED, VERDICT_CONNECTION, H2_PROTOCOL_ERROR, 0, 0},
        {"\xff", 1, H2_FLAG_PADDED, VERDICT_CONNECTION, H2_PROTOCOL_ERROR, 0, 0},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        span payload = span_of(list[i].payload, list[i].n);
        uint32_t cut = 99;
        verdict v = h2_frame_unpad((h2_frame){.flags = list[i].flags}, &payload, &cut);
        cr_expect(v.scope == list[i].scope && v.code == list[i].code, "row %zu", i);
        if (v.scope != VERDICT_NONE) continue;
        cr_expect(payload.n == list[i].left && cut == list[i].cut, "row %zu", i);
    }
}

Test(h2_frame, names) {
    cr_assert_str_eq(h2_frame_name(0), "DATA");
    cr_assert_str_eq(h2_frame_name(9), "CONTINUATION");
    cr_assert_str_eq(h2_frame_name(0x10), "PRIORITY_UPDATE");
    cr_assert_null(h2_frame_name(0x0b));
    cr_assert_null(h2_frame_name(0xff));
    cr_assert_str_eq(h2_frame_code_name(0x0b), "ENHANCE_YOUR_CALM");
    cr_assert_null(h2_frame_code_name(0x0e));
    cr_assert_null(h2_frame_code_name(UINT32_MAX));
    cr_assert_str_eq(h2_frame_setting_name(4), "INITIAL_WINDOW_SIZE");
    cr_assert_null(h2_frame_setting_name(7));
    cr_assert_eq(h2_frame_setting_slot(0), -1);
}

Test(h2_frame, settings) {
    static const struct {
        uint16_t id;
        uint32_t value;
        bool valid;
        uint8_t code;
    } list[] = {
        {1, 0xffffffff, true, 0},
        {2, 1, true, 0},
        {2, 2, false, H2_PROTOCOL_ERROR},
        {3, 0, true, 0},
        {4, 0x7fffffff, true, 0},
        {4, 0x80000000, false, H2_FLOW_CONTROL_ERROR},
        {5, 16383, false, H2_PROTOCOL_ERROR},
        {5, 16384, true, 0},
        {5, 16777215, true, 0},
        {5, 16777216, false, H2_PROTOCOL_ERROR},
        {6, 0, true, 0},
        {8, 1, true, 0},
        {8, 2, false, H2_PROTOCOL_ERROR},
        {9, 2, false, H2_PROTOCOL_ERROR},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        int slot = h2_frame_setting_slot(list[i].id);
        h2_code code = H2_NO_ERROR;
        cr_assert(slot >= 0, "row %zu", i);
        bool valid = h2_frame_setting_valid((h2_setting_slot)slot, list[i].value, &code);
        cr_expect_eq(valid, list[i].valid, "row %zu", i);
        if (!valid) cr_expect_eq((uint8_t)code, list[i].code, "row %zu", i);
        cr_expect_eq(h2_frame_setting_id((h2_setting_slot)slot), list[i].id);
    }
    cr_assert_eq(h2_frame_setting_initial(H2_SLOT_INITIAL_WINDOW_SIZE), 65535);
    cr_assert_eq(h2_frame_setting_initial(H2_SLOT_ENABLE_PUSH), 1);
    cr_assert_eq(h2_frame_setting_initial(H2_SLOT_MAX_FRAME_SIZE), 16384);
}
