/* One run: whatever can happen next is drawn, until nothing can; then the clock moves; when it
 * cannot, all must have come to its end. */
#include <stdlib.h>

#include "tests/sim/sim.h"

#define ROUNDS_MOST 3000000u
#define TIME_MOST   50000000u /* milliseconds; no run with something to do comes near */

uint64_t sim_mix(uint64_t x) { /* the finalizer of splitmix64 (Steele, Lea, Flood 2014) */
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint32_t sim_draw(sim *s, uint32_t below) {
    s->random += 0x9e3779b97f4a7c15u;
    return (uint32_t)(((sim_mix(s->random) >> 32) * below) >> 32);
}

bool sim_chance(sim *s, uint32_t percent) {
    return percent && (percent >= 100 || sim_draw(s, 100) < percent);
}

/* ---- begin and end ---- */

static void begin_peer(sim *s, side x) {
    peer *p = &s->peer[x];
    *p = (peer){.sim = s, .side = x, .name = x == CLIENT ? "client" : "server", .due = SIM_NEVER};
    for (int c = 0; c < CHORES; c++) p->at[c] = SIM_NEVER;
    p->scratch = &s->scratches[s->plan.shared_scratch ? 0 : x];
    memory_init(&p->memory, s, s->random + (uint64_t)x);
    p->memory.refuse = s->plan.refuse;
    wire_init(&s->wire[x], s, x);
}

static void begin(sim *s) {
    plan_draw(s);
    memory_init(&s->scratch_memory, s, s->random + 7);
    s->scratch_memory.refuse = s->plan.refuse;
    for (int x = CLIENT; x <= SERVER; x++) {
        h2_conn_scratch_init(&s->scratches[x], &s->scratch_memory.hook);
        begin_peer(s, (side)x);
        peer_birth(&s->peer[x]);
    }
    splice_draw(s);
    peer *client = &s->peer[CLIENT], *server = &s->peer[SERVER];
    client->left_to_open = s->plan.requests;
    applet_chore(client, CHORE_OPEN, sim_draw(s, s->plan.pace_ms + 1));
    for (int x = CLIENT; x <= SERVER; x++) {
        applet_chore(&s->peer[x], CHORE_DRAIN, s->plan.drain_at[x]);
        applet_chore(&s->peer[x], CHORE_CLOSE, s->plan.close_at[x]);
        if (s->plan.noise) applet_chore(&s->peer[x], CHORE_PING, sim_draw(s, 100));
    }
    if (!s->plan.noise) return;
    applet_chore(server, CHORE_ALTSVC, sim_draw(s, 100));
    applet_chore(server, CHORE_ORIGIN, sim_draw(s, 100));
}

static void end(sim *s) {
    for (int x = CLIENT; x <= SERVER; x++) peer_end(&s->peer[x]);
    for (int x = CLIENT; x <= SERVER; x++) {
        h2_conn_scratch_end(&s->scratches[x]);
        for (size_t i = 0; i < s->stream_count[x]; i++)
            for (int y = CLIENT; y <= SERVER; y++) {
                const body *b = s->streams[x][i]->sent[y].body;
                if (b && b->accepted && (!b->released || b->given_back != b->lent))
                    sim_fail(s, "stream %u: a body outlives its connection", s->streams[x][i]->id);
            }
        wire_free(&s->wire[x]);
    }
    if (s->scratch_memory.held) sim_fail(s, "the scratch leaks");
    model_free(s);
    splice_free(s);
}

/* ---- rounds ---- */

typedef enum act { ACT_READ, ACT_WRITE, ACT_TICK, ACT_APPLET, ACT_EOF, ACT_SHUT, ACT_KINDS } act;

static bool can(const peer *p, act a) {
    switch (a) {
    case ACT_READ: return peer_can_read(p);
    case ACT_WRITE: return peer_can_write(p);
    case ACT_TICK: return peer_has_time(p);
    case ACT_APPLET: return applet_due(p);
    case ACT_EOF: return peer_sees_eof(p);
    case ACT_SHUT: return peer_can_shut(p);
    case ACT_KINDS: break;
    }
    return false;
}

static void perform(peer *p, act a) {
    switch (a) {
    case ACT_READ: peer_read(p); return;
    case ACT_WRITE: peer_write(p); return;
    case ACT_TICK: peer_tick(p); return;
    case ACT_APPLET: applet_act(p); return;
    case ACT_EOF: peer_eof(p); return;
    case ACT_SHUT: peer_shut(p); return;
    case ACT_KINDS: return;
    }
}

/* Does one of the things that can be done now; false when there are none. */
static bool round_of(sim *s) {
    uint8_t able[2 * ACT_KINDS + 1];
    uint32_t n = 0;
    for (int x = CLIENT; x <= SERVER; x++)
        for (int a = 0; a < ACT_KINDS; a++)
            if (can(&s->peer[x], (act)a)) able[n++] = (uint8_t)(x * ACT_KINDS + a);
    if (splice_due(s)) able[n++] = 2 * ACT_KINDS;
    if (n == 0) return false;
    uint8_t chosen = able[sim_draw(s, n)];
    if (chosen == 2 * ACT_KINDS)
        splice_put(s);
    else
        perform(&s->peer[chosen / ACT_KINDS], (act)(chosen % ACT_KINDS));
    if (s->carried >= s->plan.cut_after && !s->cut) {
        s->cut = true;
        log_note(s, "wire", "is cut", "", s->carried, 0);
        for (int x = CLIENT; x <= SERVER; x++) {
            channel *p = &s->wire[x].pipe;
            channel_cut(p, sim_draw(s, (uint32_t)p->count + 1));
        }
    }
    return true;
}

static uint64_t earlier(uint64_t a, uint64_t b) { return a < b ? a : b; }

/* When the next thing can happen that cannot happen now. */
static uint64_t next_time(const sim *s) {
    uint64_t at = splice_next(s);
    if (at <= s->now) at = SIM_NEVER; /* it waits for its wire, not for time */
    for (int x = CLIENT; x <= SERVER; x++) {
        const peer *p = &s->peer[x];
        at = earlier(at, peer_next(p));
        at = earlier(at, applet_next(p));
        if (!s->peer[1 - x].eof && !s->peer[1 - x].shut)
            at = earlier(at, channel_next(&s->wire[x].pipe, s->now));
    }
    return at;
}

/* Goes on until nothing more happens by itself. False when the run was abandoned. */
static bool settle(sim *s) {
    for (;; s->rounds++) {
        if (s->rounds > ROUNDS_MOST) sim_fail(s, "the run does not come to an end");
        if (s->now >= s->plan.abandon_at) return false;
        if (s->rounds % 64 == 0)
            for (int x = CLIENT; x <= SERVER; x++) peer_check_memory(&s->peer[x]);
        if (sim_chance(s, 2)) s->now++;
        if (round_of(s)) continue;
        uint64_t at = next_time(s);
        if (at == SIM_NEVER) return true;
        if (at <= s->now) sim_fail(s, "time stands still");
        if (at > TIME_MOST) return true; /* only the patience of somebody would end */
        s->now = at;
    }
}

static void play(sim *s) {
    if (!s->peer[CLIENT].conn || !s->peer[SERVER].conn) return;
    if (!settle(s) || sim_starved(s)) return;
    model_final(s);
    const peer *client = &s->peer[CLIENT], *server = &s->peer[SERVER];
    if (!s->plan.final_drain || client->over || server->over) return;
    applet_chore(&s->peer[s->plan.final_drain - 1], CHORE_DRAIN, s->now);
    if (sim_chance(s, 10)) /* longer than a drain waits for its PING */
        s->peer[CLIENT].stalled_until = s->now + 2 * LIMIT_DRAIN_PING_MS;
    if (!settle(s)) return;
    if (!client->over || !server->over) sim_fail(s, "drained, but not over");
    model_final(s);
}

uint64_t run_seed(uint64_t seed, bool loud) {
    static sim s;
    s = (sim){.seed = seed, .random = sim_mix(seed)};
    s.log.loud = loud;
    begin(&s);
    play(&s);
    end(&s);
    log_note(&s, "run", "ends", "", s.rounds, s.carried);
    return s.log.hash;
}
