#include "core/h2_frame.h"

enum { RULE_STREAM, RULE_CONNECTION, RULE_EITHER };

typedef struct frame_rule {
    const char *name;
    uint32_t min, max;
    uint8_t rule;
    uint8_t severity; /* a verdict_scope */
} frame_rule;

#define FRAME_TYPES 0x11 /* one past the highest type in h2_frame.def */

static const frame_rule frame_rules[FRAME_TYPES] = {
#define H2_FRAME(name, type, rule, min, max, severity) \
    [(type)] = {#name, (min), (max), RULE_##rule, VERDICT_##severity},
#include "core/h2_frame.def"
#undef H2_FRAME
};

h2_frame h2_frame_get(const uint8_t *p) {
    return (h2_frame){.length = bytes_get24(p),
                      .type = p[3],
                      .flags = p[4],
                      .stream_id = bytes_get32(p + 5) & H2_ID_MASK};
}

void h2_frame_put(uint8_t *p, h2_frame f) {
    bytes_put24(p, f.length);
    p[3] = f.type;
    p[4] = f.flags;
    bytes_put32(p + 5, f.stream_id);
}

verdict h2_frame_check(h2_frame f) {
    if (f.type >= FRAME_TYPES || !frame_rules[f.type].name) return VERDICT_OK;
    const frame_rule *r = &frame_rules[f.type];
    if (r->rule == RULE_STREAM && f.stream_id == 0)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "frame needs a stream, came on stream 0");
    if (r->rule == RULE_CONNECTION && f.stream_id != 0)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "frame of the connection came on a stream");
    if (f.length < r->min || f.length > r->max) {
        if (r->severity == VERDICT_STREAM)
            return VERDICT_ON_STREAM(f.stream_id, H2_FRAME_SIZE_ERROR, "wrong frame length");
        return VERDICT_ON_CONNECTION(H2_FRAME_SIZE_ERROR, "wrong frame length");
    }
    return VERDICT_OK;
}

verdict h2_frame_unpad(h2_frame f, span *payload, uint32_t *padding) {
    *padding = 0;
    if (!(f.flags & H2_FLAG_PADDED)) return VERDICT_OK;
    if (payload->n == 0)
        return VERDICT_ON_CONNECTION(H2_FRAME_SIZE_ERROR, "no room for the pad length");
    uint32_t pad = payload->p[0];
    if (pad >= payload->n)
        return VERDICT_ON_CONNECTION(H2_PROTOCOL_ERROR, "padding as long as the frame or longer");
    *payload = span_of(payload->p + 1, payload->n - 1 - pad);
    *padding = pad + 1;
    return VERDICT_OK;
}

const char *h2_frame_name(uint8_t type) {
    return type < FRAME_TYPES ? frame_rules[type].name : NULL;
}

const char *h2_frame_code_name(uint32_t code) {
    switch (code) {
#define H2_CODE(name, value, text) \
    case (value): return #name;
#include "core/h2_code.def"
#undef H2_CODE
    default: return NULL;
    }
}

typedef struct setting_rule {
    const char *name;
    uint32_t initial, min, max;
    uint16_t id;
    uint8_t code;
} setting_rule;

static const setting_rule setting_rules[H2_SETTING_SLOTS] = {
#define H2_SETTING(name, id, initial, min, max, code) \
    [H2_SLOT_##name] = {#name, (initial), (min), (max), (id), H2_##code},
#include "core/h2_setting.def"
#undef H2_SETTING
};

int h2_frame_setting_slot(uint16_t id) {
    switch (id) {
#define H2_SETTING(name, id, initial, min, max, code) \
    case (id): return H2_SLOT_##name;
#include "core/h2_setting.def"
#undef H2_SETTING
    default: return -1;
    }
}

const char *h2_frame_setting_name(uint16_t id) {
    int slot = h2_frame_setting_slot(id);
    return slot < 0 ? NULL : setting_rules[slot].name;
}

bool h2_frame_setting_valid(h2_setting_slot slot, uint32_t value, h2_code *code) {
    const setting_rule *r = &setting_rules[slot];
    *code = (h2_code)r->code;
    return value >= r->min && value <= r->max;
}

uint16_t h2_frame_setting_id(h2_setting_slot slot) { return setting_rules[slot].id; }

uint32_t h2_frame_setting_initial(h2_setting_slot slot) { return setting_rules[slot].initial; }
