/* What the seed draws before a run begins: both configurations, the wire, the applets, the
 * faults. */
#include "tests/sim/sim.h"

#define PICK(s, list) ((list)[sim_draw((s), (uint32_t)(sizeof(list) / sizeof((list)[0])))])

static void draw_config(sim *s, h2_config *c, bool server) {
    static const uint32_t windows[] = {1,     2,     3,      7,       16,        100,    1000,
                                       5000,  16384, 65535,  65535,   65536,     200000, 1048576,
                                       65535, 65535, 100000, 1048576, 0x7fffffff};
    static const uint32_t connection[] = {65535, 65535, 65536, 70000, 100000, 1048576, 0x7fffffff};
    static const uint32_t tables[] = {0, 33, 64, 200, 4096, 4096, 4096, 4097, 65536};
    static const uint32_t streams[] = {1, 2, 3, 10, 100, 100, 1000, UINT32_MAX};
    static const uint32_t frames[] = {16384, 16384, 16385, 65536, 16777215};
    static const uint32_t held[] = {0, 1, 1000, 30000, LIMIT_HELD, LIMIT_HELD, UINT32_MAX / 2};
    static const uint32_t padding[] = {0, 0, 0, 1, 2, 17, 255, 256};
    static const uint32_t discard[] = {0, 1, 1000, 20000, LIMIT_DISCARD, LIMIT_DISCARD};
    h2_conn_defaults(c, server);
    c->settings[H2_SLOT_INITIAL_WINDOW_SIZE] = PICK(s, windows);
    c->settings[H2_SLOT_HEADER_TABLE_SIZE] = PICK(s, tables);
    c->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = PICK(s, streams);
    c->settings[H2_SLOT_MAX_FRAME_SIZE] = PICK(s, frames);
    if (sim_chance(s, 20)) c->settings[H2_SLOT_MAX_HEADER_LIST_SIZE] = 500 + sim_draw(s, 20000);
    if (server && sim_chance(s, 2)) c->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = 0;
    if (server) c->settings[H2_SLOT_ENABLE_CONNECT_PROTOCOL] = sim_draw(s, 2);
    if (!server) c->settings[H2_SLOT_ENABLE_PUSH] = sim_chance(s, 70);
    c->settings[H2_SLOT_NO_RFC7540_PRIORITIES] = sim_draw(s, 2);
    c->announce = sim_draw(s, 1u << H2_SETTING_SLOTS);
    if (server) c->announce &= ~(1u << H2_SLOT_ENABLE_PUSH); /* RFC 9113 section 6.5.2 */
    c->connection_window = PICK(s, connection);
    if (sim_chance(s, 30)) c->lowest_table = PICK(s, tables);
    c->encoder_table_cap = PICK(s, tables);
    c->peer_streams = sim_chance(s, 50) ? LIMIT_STREAMS : 1 + sim_draw(s, 5);
    c->held_max = PICK(s, held);
    c->padding = PICK(s, padding);
    c->discard_max = PICK(s, discard);
    c->settings_ack_ms = sim_chance(s, 50) ? 0 : 100000000;
    c->window_ms = sim_chance(s, 50) ? 0 : 100000000;
    c->content_ms = sim_chance(s, 50) ? 0 : 100000000;
    c->obey_priority = sim_draw(s, 2);
}

static void draw_wire(sim *s, plan *p, uint32_t volume) {
    static const size_t capacities[] = {100, 2000, 20000, 65536, 300000, SIZE_MAX / 2};
    static const uint32_t delays[] = {0, 0, 1, 5, 50, 300};
    static const uint32_t reads[] = {1, 3, 24, 1000, 16384, 65536, 1000000};
    static const uint32_t stalls[] = {20, 500, 1500};
    static const uint32_t budgets[] = {1, 500, 16384, 65536, 1000000};
    p->capacity = PICK(s, capacities);
    p->delay_ms = PICK(s, delays);
    if (p->capacity < 20000 && p->delay_ms > p->capacity / 20) /* LIMIT_PART_MS for a block */
        p->delay_ms = (uint32_t)p->capacity / 20;
    p->read_most = volume > 30000 ? reads[2 + sim_draw(s, 5)] : PICK(s, reads);
    p->stall = sim_chance(s, 30) ? 1 + sim_draw(s, 20) : 0;
    p->stall_ms = PICK(s, stalls);
    p->niov = 4 + sim_draw(s, 70);
    p->budget = PICK(s, budgets);
    p->partial = sim_chance(s, 50) ? sim_draw(s, 100) : 0;
    p->slow_write = sim_chance(s, 30) ? sim_draw(s, 60) : 0;
}

static void draw_applets(sim *s, plan *p, uint32_t volume) {
    static const unsigned requests[] = {1, 2, 5, 12, 30, 80, 150};
    static const uint32_t times[] = {0, 3, 20, 200};
    static const uint32_t shares[] = {0, 10, 50, 100};
    p->requests = PICK(s, requests);
    p->pace_ms = PICK(s, times);
    p->body_most = volume * 4 / (p->requests + 3) + 1;
    p->huge = p->requests < 30 && sim_chance(s, 20) ? 3 : 0;
    if (sim_chance(s, 5)) {
        p->huge = 30;
        if (p->capacity < 20000) p->capacity = 20000;
        if (p->read_most < 1000) p->read_most = 1000;
    }
    p->field_most = p->huge ? LIMIT_HEADER_LIST : 8000;
    p->with_body = PICK(s, shares);
    p->with_trailers = PICK(s, shares);
    p->with_length = PICK(s, shares);
    p->with_interim = sim_chance(s, 30) ? 30 : 0;
    p->with_push = sim_chance(s, 40) ? 40 : 0;
    p->with_connect = sim_chance(s, 25) ? 40 : 0;
    p->with_priority = PICK(s, shares) / 2;
    p->with_dependency = sim_chance(s, 30) ? 50 : 0;
    p->early_reply = PICK(s, shares);
    p->late = PICK(s, shares);
    p->detached = sim_chance(s, 25) ? 30 : 0;
    p->later = PICK(s, shares);
    p->end_apart = PICK(s, shares);
    p->think_ms = PICK(s, times);
    p->noise = sim_chance(s, 60);
}

/* A time of fault lies where things still happen. */
static uint64_t fault_time(sim *s, const plan *p) {
    uint32_t life = 1 + (p->think_ms + p->pace_ms + p->delay_ms + 2) * (1 + p->requests / 4);
    return sim_draw(s, life);
}

static void draw_faults(sim *s, plan *p, uint32_t volume) {
    p->cut_after = p->drain_at[CLIENT] = p->drain_at[SERVER] = SIM_NEVER;
    p->close_at[CLIENT] = p->close_at[SERVER] = p->abandon_at = SIM_NEVER;
    p->final_drain = sim_draw(s, 3);
    if (sim_chance(s, 50)) p->splices = sim_draw(s, 40);
    if (sim_chance(s, 45)) return;
    p->resets = sim_chance(s, 50);
    p->fails = sim_chance(s, 30);
    switch (sim_draw(s, 12)) {
    case 0:
    case 1: p->refuse = sim_chance(s, 50) ? 20 : 500; break;
    case 2: p->cut_after = sim_draw(s, volume + 1000); break;
    case 3:
    case 4: p->drain_at[sim_draw(s, 2)] = fault_time(s, p); break;
    case 5: p->close_at[sim_draw(s, 2)] = fault_time(s, p); break;
    case 6: p->abandon_at = fault_time(s, p); break;
    case 7: p->config[sim_draw(s, 2)].settings_ack_ms = 1 + sim_draw(s, 300); break;
    case 8: p->config[sim_draw(s, 2)].window_ms = 1 + sim_draw(s, 1000); break;
    case 9: p->config[SERVER].content_ms = 1 + sim_draw(s, 1000); break;
    default: break;
    }
}

/* So much is sent at once that only held_max can stop it. */
static void draw_hoard(sim *s, plan *p) {
    p->hoard = true;
    p->detached = 0;
    p->requests = 10 + sim_draw(s, 10);
    p->body_most = 200000;
    p->with_body = 100;
    p->pace_ms = p->huge = 0;
    if (p->read_most < 1000) p->read_most = 1000;
    for (int x = CLIENT; x <= SERVER; x++) {
        h2_config *c = &p->config[x];
        c->settings[H2_SLOT_INITIAL_WINDOW_SIZE] = 65535;
        if (c->connection_window > 70000) c->connection_window = 70000;
        c->held_max = sim_draw(s, 20000);
        if (c->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] < 10)
            c->settings[H2_SLOT_MAX_CONCURRENT_STREAMS] = 10;
    }
}

/* Content is sent before the server's smaller window is known, and ends when it is overdrawn. */
static void draw_eager(sim *s, plan *p) {
    h2_config *c = &p->config[SERVER];
    if (c->settings[H2_SLOT_INITIAL_WINDOW_SIZE] > 5000)
        c->settings[H2_SLOT_INITIAL_WINDOW_SIZE] = 100 + sim_draw(s, 5000);
    p->pace_ms = 0;
    if (p->requests > 30) p->requests = 30;
    if (p->read_most < 1000) p->read_most = 1000;
    if (p->delay_ms < 5) p->delay_ms = 5;
    if (p->capacity < 20000) p->capacity = 20000;
    p->body_most = 20000;
    p->with_body = p->late = p->later = p->end_apart = 100;
    p->with_trailers = 0;
    p->think_ms = 20;
}

void plan_draw(sim *s) {
    static const uint32_t volumes[] = {300, 2000, 10000, 10000, 30000, 100000, 400000};
    plan *p = &s->plan;
    uint32_t volume = PICK(s, volumes);
    *p = (plan){.shared_scratch = sim_draw(s, 2)};
    draw_config(s, &p->config[CLIENT], false);
    draw_config(s, &p->config[SERVER], true);
    p->conn_seed[CLIENT] = sim_draw(s, UINT32_MAX);
    p->conn_seed[SERVER] = sim_draw(s, UINT32_MAX);
    draw_wire(s, p, volume);
    draw_applets(s, p, volume);
    draw_faults(s, p, volume);
    if (sim_chance(s, 5)) draw_hoard(s, p);
    if (sim_chance(s, 5)) draw_eager(s, p);
}
