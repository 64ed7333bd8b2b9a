/* The frame layer against a second reading of RFC 9113 that shares no list with it: frame heads,
 * lengths and identifiers, padding, values of settings.
 *
 * Input: frames, one behind the other, as on the wire. */
#include <stdlib.h>

#include "core/h2_frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void demand(bool holds) {
    if (!holds) abort();
}

static bool same(verdict v, verdict_scope scope, h2_code code) {
    return v.scope == scope && (scope == VERDICT_NONE || v.code == (uint32_t)code);
}

/* Sections 6.1 to 6.10, RFC 7838 section 4, RFC 8336 section 2, RFC 9218 section 7.1. */
static void check_head(h2_frame f) {
    verdict v = h2_frame_check(f);
    bool stream_needed = f.type <= 3 || f.type == 5 || f.type == 9;
    bool stream_forbidden = f.type == 4 || f.type == 6 || f.type == 7 || f.type == 0x10;
    if ((stream_needed && !f.stream_id) || (stream_forbidden && f.stream_id)) {
        demand(same(v, VERDICT_CONNECTION, H2_PROTOCOL_ERROR));
        return;
    }
    bool short_or_long = false;
    switch (f.type) {
    case 2: short_or_long = f.length != 5; break; /* PRIORITY */
    case 3:
    case 8: short_or_long = f.length != 4; break; /* RST_STREAM, WINDOW_UPDATE */
    case 6: short_or_long = f.length != 8; break; /* PING */
    case 7: short_or_long = f.length < 8; break;  /* GOAWAY */
    case 5:
    case 0x10: short_or_long = f.length < 4; break; /* PUSH_PROMISE, PRIORITY_UPDATE */
    default: break;
    }
    verdict_scope scope = f.type == 2 ? VERDICT_STREAM : VERDICT_CONNECTION;
    if (!short_or_long) scope = VERDICT_NONE;
    demand(same(v, scope, H2_FRAME_SIZE_ERROR));
    if (scope == VERDICT_STREAM) demand(v.stream_id == f.stream_id);
}

/* Section 6.1: the content is what is left of Pad Length, content and padding. */
static void check_padding(h2_frame f, span payload) {
    span content = payload;
    uint32_t padding = 77;
    verdict v = h2_frame_unpad(f, &content, &padding);
    if (!(f.flags & 0x8)) {
        demand(same(v, VERDICT_NONE, H2_NO_ERROR) && padding == 0 && span_eq(content, payload));
    } else if (payload.n == 0) {
        demand(same(v, VERDICT_CONNECTION, H2_FRAME_SIZE_ERROR));
    } else if (payload.p[0] + 1u > payload.n) {
        demand(same(v, VERDICT_CONNECTION, H2_PROTOCOL_ERROR));
    } else {
        demand(same(v, VERDICT_NONE, H2_NO_ERROR) && padding == payload.p[0] + 1u);
        demand(content.p == payload.p + 1 && content.n + padding == payload.n);
    }
}

/* Section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1. */
static void check_setting(uint16_t id, uint32_t value) {
    h2_code code = H2_NO_ERROR, wrong = H2_NO_ERROR;
    int slot = h2_frame_setting_slot(id);
    bool known = (id >= 1 && id <= 6) || id == 8 || id == 9;
    demand(known == (slot >= 0) && known == (h2_frame_setting_name(id) != NULL));
    if (!known) return;
    demand(slot < H2_SETTING_SLOTS && h2_frame_setting_id((h2_setting_slot)slot) == id);
    if ((id == 2 || id == 8 || id == 9) && value > 1) wrong = H2_PROTOCOL_ERROR;
    if (id == 4 && value > 0x7fffffff) wrong = H2_FLOW_CONTROL_ERROR;
    if (id == 5 && (value < 16384 || value > 16777215)) wrong = H2_PROTOCOL_ERROR;
    bool valid = h2_frame_setting_valid((h2_setting_slot)slot, value, &code);
    demand(valid == (wrong == H2_NO_ERROR) && (valid || code == wrong));
    demand(h2_frame_setting_valid((h2_setting_slot)slot,
                                  h2_frame_setting_initial((h2_setting_slot)slot), &code));
}

static h2_frame read_head(const uint8_t *p) {
    uint8_t again[H2_FRAME_HEAD], plain[H2_FRAME_HEAD];
    h2_frame f = h2_frame_get(p);
    memcpy(plain, p, sizeof plain);
    plain[5] &= 0x7f; /* section 4.1: the reserved bit is ignored, and sent as 0 */
    h2_frame_put(again, f);
    demand(!memcmp(again, plain, sizeof plain));
    demand(f.length == (uint32_t)p[0] * 65536 + p[1] * 256u + p[2]);
    demand(f.stream_id < 0x80000000u);
    return f;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n) {
    span in = span_of(bytes, n);
    while (in.n >= H2_FRAME_HEAD) {
        h2_frame f = read_head(span_take(&in, H2_FRAME_HEAD).p);
        span payload = span_take(&in, f.length < in.n ? f.length : in.n);
        check_head(f);
        demand((h2_frame_name(f.type) != NULL) ==
               (f.type <= 0x0a || f.type == 0x0c || f.type == 0x10));
        if (f.type == 0 || f.type == 1 || f.type == 5) check_padding(f, payload);
        while (f.type == 4 && payload.n >= 6) {
            span entry = span_take(&payload, 6);
            check_setting(bytes_get16(entry.p), bytes_get32(entry.p + 2));
        }
        uint32_t code = payload.n >= 4 ? bytes_get32(payload.p) : 0;
        demand((h2_frame_code_name(code) != NULL) == (code <= 0xd));
    }
    return 0;
}
