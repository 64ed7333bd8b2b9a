/* Frames that neither endpoint sends, put in between frames of one of them.
 *
 * They must leave both sides right: settings are never above what their alleged sender allows
 * itself, and go back to that after a while; their acknowledgements are taken out of the wire. */
#include <stdlib.h>

#include "tests/sim/sim.h"

typedef enum splice_kind {
    SPLICE_WINDOW, /* SETTINGS, and later the true value again */
    SPLICE_STREAMS,
    SPLICE_TABLE,
    SPLICE_PUSH,
    SPLICE_SETTINGS, /* whose meaning nothing depends on */
    SPLICE_UNKNOWN,
    SPLICE_PRIORITY,
    SPLICE_UPDATE, /* PRIORITY_UPDATE */
    SPLICE_PING,
    SPLICE_KINDS,
    SPLICE_RESTORE = 0x80 /* with one of the first four */
} splice_kind;

static void add(sim *s, splice one) {
    if (s->splice_count == s->splice_room) {
        s->splice_room = s->splice_room * 2 + 16;
        s->splices = realloc(s->splices, s->splice_room * sizeof *s->splices);
        if (!s->splices) sim_fail(s, "out of memory");
    }
    s->splices[s->splice_count++] = one;
}

void splice_draw(sim *s) {
    const plan *p = &s->plan;
    uint32_t life = 1 + (p->think_ms + p->pace_ms + p->delay_ms + 2) * (1 + p->requests / 2);
    for (unsigned i = 0; i < p->splices; i++) {
        splice one = {.at = sim_draw(s, life), .kind = (uint8_t)sim_draw(s, SPLICE_KINDS)};
        bool by_client = one.kind == SPLICE_PRIORITY || one.kind == SPLICE_UPDATE;
        one.from = by_client || sim_draw(s, 2) ? CLIENT : SERVER;
        add(s, one);
    }
}

void splice_free(sim *s) { free(s->splices); }

uint64_t splice_next(const sim *s) {
    uint64_t at = SIM_NEVER;
    for (size_t i = 0; i < s->splice_count; i++)
        if (s->splices[i].at < at) at = s->splices[i].at;
    return at;
}

/* The first that is due and whose wire is between frames. */
static splice *due(sim *s) {
    for (size_t i = 0; i < s->splice_count; i++) {
        splice *one = &s->splices[i];
        if (one->at <= s->now && wire_between(&s->wire[one->from])) return one;
    }
    return NULL;
}

bool splice_due(sim *s) { return due(s) != NULL; }

static void put(sim *s, side from, uint8_t type, uint8_t flags, uint32_t id, const uint8_t *payload,
                uint32_t n) {
    h2_frame f = {.length = n, .stream_id = id, .type = type, .flags = flags};
    log_note(s, s->peer[from].name, "splice", h2_frame_name(type) ? h2_frame_name(type) : "unknown",
             id, n);
    wire_splice(&s->wire[from], f, payload);
}

static void put_setting(sim *s, side from, uint16_t id, uint32_t value) {
    uint8_t payload[6];
    bytes_put16(payload, id);
    bytes_put32(payload + 2, value);
    log_note(s, s->peer[from].name, "splice", "setting", id, value);
    put(s, from, H2_FRAME_SETTINGS, 0, 0, payload, sizeof payload);
}

static h2_setting_slot slot_of(unsigned kind) {
    static const h2_setting_slot slots[] = {H2_SLOT_INITIAL_WINDOW_SIZE,
                                            H2_SLOT_MAX_CONCURRENT_STREAMS,
                                            H2_SLOT_HEADER_TABLE_SIZE, H2_SLOT_ENABLE_PUSH};
    return slots[kind];
}

/* Something up to the true value, which comes back later. */
static void lower(sim *s, splice one) {
    h2_setting_slot slot = slot_of(one.kind);
    uint32_t real = s->plan.config[one.from].settings[slot];
    uint32_t value = real;
    if (slot == H2_SLOT_ENABLE_PUSH && one.from == SERVER) return; /* section 6.5.2 */
    if (sim_chance(s, 40)) value = real > 300 ? 300 : real;
    if (value < UINT32_MAX) value = sim_draw(s, value + 1);
    put_setting(s, one.from, h2_frame_setting_id(slot), value);
    one.kind |= SPLICE_RESTORE;
    one.at = s->now + 1 + sim_draw(s, 100);
    add(s, one);
}

static void restore(sim *s, splice one) {
    h2_setting_slot slot = slot_of(one.kind & (SPLICE_RESTORE - 1u));
    put_setting(s, one.from, h2_frame_setting_id(slot), s->plan.config[one.from].settings[slot]);
}

static void harmless_setting(sim *s, side from) {
    uint32_t frame = s->plan.config[from].settings[H2_SLOT_MAX_FRAME_SIZE];
    switch (sim_draw(s, 3)) {
    case 0:
        put_setting(s, from, H2_SETTINGS_MAX_FRAME_SIZE, 16384 + sim_draw(s, frame - 16384 + 1));
        return;
    case 1: put_setting(s, from, 0x1a2a, sim_draw(s, UINT32_MAX)); return;
    default: put(s, from, H2_FRAME_SETTINGS, 0, 0, (const uint8_t *)"", 0);
    }
}

static void unknown(sim *s, side from) {
    static const uint8_t types[] = {0x0b, 0x0d, 0x21, 0xee, 0xff};
    uint8_t payload[300];
    uint32_t n = sim_draw(s, 3) ? sim_draw(s, 20) : sim_draw(s, sizeof payload);
    for (uint32_t i = 0; i < n; i++) payload[i] = (uint8_t)(i * 7);
    put(s, from, types[sim_draw(s, sizeof types)], (uint8_t)sim_draw(s, 256), sim_draw(s, 20),
        payload, n);
}

/* A stream that was opened, or one that is still idle. */
static uint32_t any_id(sim *s, bool idle) {
    uint32_t opened = (uint32_t)s->stream_count[CLIENT];
    if (idle) return 2 * (opened + sim_draw(s, 10)) + 1;
    return opened ? 2 * sim_draw(s, opened) + 1 : 1;
}

static void priority_frame(sim *s) {
    uint8_t payload[5];
    uint32_t id = any_id(s, sim_chance(s, 30));
    bytes_put32(payload, (id + 2 * sim_draw(s, 5) + 2) | (sim_draw(s, 2) << 31));
    payload[4] = (uint8_t)sim_draw(s, 256);
    put(s, CLIENT, H2_FRAME_PRIORITY, 0, id, payload, sizeof payload);
}

/* RFC 9218 section 7.1: with the open streams, the idle ones that are given a priority must stay
 * within the server's limit. */
static bool idle_allowed(sim *s) {
    uint32_t limit = s->plan.config[SERVER].settings[H2_SLOT_MAX_CONCURRENT_STREAMS];
    uint32_t used = s->early_count + 1;
    for (size_t i = 0; i < s->stream_count[CLIENT]; i++) {
        const stream *st = s->streams[CLIENT][i];
        used += !st->wire[CLIENT].ended || !st->wire[SERVER].end_arrived;
    }
    return used <= limit && s->early_count < LIMIT_EARLY_PRIORITIES;
}

static void priority_update(sim *s) {
    static const char *const values[] = {"u=0", "u=7", "i", "u=2, i", "", "u=x", "i=?0, u=4"};
    uint8_t payload[40];
    uint32_t id = any_id(s, false);
    span value = span_str(values[sim_draw(s, sizeof values / sizeof values[0])]);
    if (s->wire[CLIENT].last_id < id || sim_chance(s, 30)) {
        if (!idle_allowed(s)) return;
        if (sim_chance(s, 50)) id = any_id(s, true);
        s->early_count++;
    }
    bytes_put32(payload, id);
    if (value.n) memcpy(payload + 4, value.p, value.n);
    put(s, CLIENT, H2_FRAME_PRIORITY_UPDATE, 0, 0, payload, 4 + (uint32_t)value.n);
}

void splice_put(sim *s) {
    splice *at = due(s), one = *at;
    *at = s->splices[--s->splice_count];
    if (one.kind & SPLICE_RESTORE) {
        restore(s, one);
        return;
    }
    switch ((splice_kind)one.kind) {
    case SPLICE_WINDOW:
    case SPLICE_STREAMS:
    case SPLICE_TABLE:
    case SPLICE_PUSH: lower(s, one); return;
    case SPLICE_SETTINGS: harmless_setting(s, one.from); return;
    case SPLICE_UNKNOWN: unknown(s, one.from); return;
    case SPLICE_PRIORITY: priority_frame(s); return;
    case SPLICE_UPDATE: priority_update(s); return;
    case SPLICE_PING: put(s, one.from, H2_FRAME_PING, 0, 0, (const uint8_t *)"\0splice", 8); return;
    case SPLICE_KINDS:
    case SPLICE_RESTORE: return;
    }
}
