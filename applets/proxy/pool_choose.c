#include "applets/proxy/pool_impl.h"

#include <math.h>

/* ---- names ---- */

/* Every bit of the result depends on every bit of v: the finaliser of splitmix64 (Steele, Lea,
 * Flood: Fast splittable pseudorandom number generators, 2014). */
static uint64_t mix(uint64_t v) {
    v = (v ^ (v >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    v = (v ^ (v >> 27)) * UINT64_C(0x94d049bb133111eb);
    return v ^ (v >> 31);
}

/* The same in every worker and after every restart. */
static uint32_t name_of(const plan_backend *b, uint32_t salt) {
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ salt; /* FNV-1a */
    for (const char *c = b->host; *c; c++) h = (h ^ (uint8_t)*c) * UINT64_C(0x100000001b3);
    return (uint32_t)mix(h ^ ((uint64_t)b->port << 32));
}

static bool name_is_free(const pool *p, uint32_t name) {
    for (size_t i = 0; i < p->backend_count; i++) {
        if (p->backends[i].name == name) return false;
    }
    return name != 0;
}

/* ---- the tables ---- */

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* One address that several patterns name has its connections for all of them. */
static bool is_same(const pool_backend *b, const plan_backend *as, uint32_t write_ms) {
    const plan_backend *a = b->plan;
    return a->port == as->port && a->h2 == as->h2 && a->tls == as->tls && a->dns == as->dns &&
           a->upgrade_scheme == as->upgrade_scheme && a->fall == as->fall && a->rise == as->rise &&
           b->write_ms == write_ms && strcmp(a->host, as->host) == 0 && same_text(a->sni, as->sni);
}

static pool_backend *backend_of(pool *p, const plan_backend *as, uint32_t write_ms) {
    for (size_t i = 0; i < p->backend_count; i++) {
        if (is_same(&p->backends[i], as, write_ms)) return &p->backends[i];
    }
    uint32_t salt = 0, name;
    while (!name_is_free(p, name = name_of(as, salt))) salt++;
    pool_backend *b = &p->backends[p->backend_count++];
    pool_backend_init(b, p, as, write_ms);
    b->name = name;
    return b;
}

/* The members of a group lie side by side, those of its pattern's next group after them. */
static void fill_group(pool *p, const plan_pattern *pattern, uint32_t index) {
    uint32_t write_ms = pattern->write_ms ? pattern->write_ms : p->plan->back_write_ms;
    double total = 0;
    pool_group *g = &p->groups[p->group_count++];
    *g = (pool_group){.weight = pattern->groups[index].weight,
                      .members = p->members + p->member_count};
    for (size_t i = 0; i < pattern->backend_count; i++) {
        const plan_backend *b = &pattern->backends[i];
        if (b->group != index) continue;
        g->members[g->count++] =
            (pool_member){.backend = backend_of(p, b, write_ms), .weight = b->weight};
        total += b->weight;
    }
    for (size_t i = 0; i < g->count; i++)
        g->members[i].share = g->weight * g->members[i].weight / total;
    p->member_count += g->count;
}

static void fill_pattern(pool *p, const plan_pattern *as, pool_pattern *t) {
    *t = (pool_pattern){.plan = as, .groups = p->groups + p->group_count};
    for (uint32_t i = 0; i < as->group_count; i++) fill_group(p, as, i);
    t->group_count = as->group_count;
}

/* n of them, also when n is 0. */
static void *take(const pool *p, size_t n, size_t size) {
    return mem_take_zero(p->mem, (n + 1) * size);
}

static void give(const pool *p, void *at, size_t n, size_t size) {
    mem_give(p->mem, at, (n + 1) * size);
}

static void count(const plan *pl, size_t *groups, size_t *members) {
    *groups = *members = 0;
    for (size_t i = 0; i < pl->pattern_count; i++) {
        *groups += pl->patterns[i].group_count;
        *members += pl->patterns[i].backend_count;
    }
}

bool pool_choose_init(pool *p) {
    const plan *pl = p->plan;
    size_t groups, members;
    count(pl, &groups, &members);
    p->patterns = take(p, pl->pattern_count, sizeof *p->patterns);
    p->groups = take(p, groups, sizeof *p->groups);
    p->members = take(p, members, sizeof *p->members);
    p->backends = take(p, members, sizeof *p->backends);
    if (!p->patterns || !p->groups || !p->members || !p->backends) return false;
    for (size_t i = 0; i < pl->pattern_count; i++)
        fill_pattern(p, &pl->patterns[i], &p->patterns[i]);
    return true;
}

void pool_choose_end(pool *p) {
    size_t groups, members;
    count(p->plan, &groups, &members);
    for (size_t i = 0; i < p->backend_count; i++) pool_backend_end(&p->backends[i]);
    give(p, p->patterns, p->plan->pattern_count, sizeof *p->patterns);
    give(p, p->groups, groups, sizeof *p->groups);
    give(p, p->members, members, sizeof *p->members);
    give(p, p->backends, members, sizeof *p->backends);
}

/* ---- who can ---- */

/* Finds the ability of all members and groups; returns the best. */
static pool_ability look(const pool_pattern *t, const pool_seat *seat) {
    pool_ability best = POOL_UNABLE;
    for (size_t i = 0; i < t->group_count; i++) {
        pool_group *g = &t->groups[i];
        g->ability = POOL_UNABLE;
        for (size_t j = 0; j < g->count; j++) {
            pool_member *m = &g->members[j];
            m->ability = pool_backend_ability(m->backend, seat);
            if (m->ability < g->ability) g->ability = m->ability;
        }
        if (g->ability < best) best = g->ability;
    }
    return best;
}

/* ---- affinity ---- */

static pool_member *named(const pool_pattern *t, uint32_t name) {
    for (size_t i = 0; i < t->group_count; i++) {
        for (size_t j = 0; j < t->groups[i].count; j++) {
            pool_member *m = &t->groups[i].members[j];
            if (m->backend->name == name) return m;
        }
    }
    return NULL;
}

/* Rendezvous hashing (Thaler, Ravishankar, 1998) with weights: each member draws a number by its
 * name and the client's, and the greatest wins. So a member that goes leaves its clients to all
 * others by weight, and nobody else's client moves. */
static pool_member *drawn(const pool_pattern *t, uint32_t affinity) {
    pool_member *best = NULL;
    double most = 0;
    for (size_t i = 0; i < t->group_count; i++) {
        for (size_t j = 0; j < t->groups[i].count; j++) {
            pool_member *m = &t->groups[i].members[j];
            if (m->ability > POOL_BUSY) continue;
            uint64_t h = mix(((uint64_t)affinity << 32) | m->backend->name);
            double drawn_one = ((double)(h >> 11) + 0.5) / 9007199254740992.0; /* of 2^53 */
            double score = m->share / -log(drawn_one);
            if (!best || score > most) {
                best = m;
                most = score;
            }
        }
    }
    return best;
}

/* ---- turns ---- */

/* Smooth weighted round robin, as nginx spreads requests: all save up their weight, who has most is
 * chosen and pays what all have saved. */
static pool_member *next_member(pool_group *g, pool_ability ability) {
    pool_member *best = NULL;
    int32_t total = 0;
    for (size_t i = 0; i < g->count; i++) {
        pool_member *m = &g->members[i];
        if (m->ability != ability) continue;
        m->turn += (int32_t)m->weight;
        total += (int32_t)m->weight;
        if (!best || m->turn > best->turn) best = m;
    }
    best->turn -= total;
    return best;
}

static pool_group *next_group(const pool_pattern *t, pool_ability ability) {
    pool_group *best = NULL;
    int32_t total = 0;
    for (size_t i = 0; i < t->group_count; i++) {
        pool_group *g = &t->groups[i];
        if (g->ability != ability) continue;
        g->turn += (int32_t)g->weight;
        total += (int32_t)g->weight;
        if (!best || g->turn > best->turn) best = g;
    }
    best->turn -= total;
    return best;
}

/* ---- the choice ---- */

static pool_backend *none(pool_refusal r, const char *text, pool_refusal *out, const char **why) {
    *out = r;
    *why = text;
    return NULL;
}

pool_backend *pool_choose_one(pool *p, const pool_seat *seat, pool_refusal *r, const char **why) {
    const pool_pattern *t = &p->patterns[seat->pattern - p->plan->patterns];
    pool_ability best = look(t, seat);
    bool sticks = t->plan->affinity != PLAN_AFFINITY_NONE && seat->affinity;
    if (sticks && seat->has_cookie) {
        pool_member *m = named(t, seat->affinity);
        if (m && m->ability <= POOL_BUSY) return m->backend;
        if (t->plan->cookie_strict && m && m->ability == POOL_CROWDED)
            return none(POOL_FULL, "too many requests wait for it", r, why);
        if (t->plan->cookie_strict)
            return none(POOL_STRICT, "the backend that its cookie names is not there", r, why);
    }
    if (best == POOL_CROWDED) return none(POOL_FULL, "too many requests wait already", r, why);
    if (best == POOL_UNABLE) return none(POOL_DOWN, "all backends are out or asleep", r, why);
    if (sticks) return drawn(t, seat->affinity)->backend;
    return next_member(next_group(t, best), best)->backend;
}
