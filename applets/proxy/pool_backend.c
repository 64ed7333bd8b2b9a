#include "applets/proxy/pool_impl.h"
#include "core/limits.h"

/* A request waits a little longer than a dial may take, so that the dial's end comes first: timers
 * are up to 10 ms late. */
#define SLACK_MS 50u

void pool_backend_init(pool_backend *b, pool *p, const plan_backend *as, uint32_t write_ms) {
    *b = (pool_backend){.pool = p, .plan = as, .write_ms = write_ms};
    pool_seat_line(&b->line);
    /* A forward proxy before others has those for all hosts that its clients want. */
    if (p->plan->mode == PLAN_REVERSE) b->limit = p->plan->back_per_frontend;
    if (p->plan->mode == PLAN_DIRECT) b->limit = p->plan->back_per_host;
}

/* Names of backends are looked up once, and again when nobody answers at what was found, or, if
 * they are to be (dns), after a time. Those of origins always are. */
void pool_backend_know(pool_backend *b) {
    const plan *pl = b->pool->plan;
    bool changes = b->plan->dns || b->origin;
    if (!b->known && (!changes || pl->dns_cache_ms))
        b->known = known_host_new(b->pool->loop, changes ? pl->dns_cache_ms : 0);
}

void pool_backend_end(pool_backend *b) { known_host_free(b->known); }

void pool_backend_wake(pool_backend *b) {
    pool *p = b->pool;
    if (b->woken) return;
    b->woken = true;
    b->woken_next = NULL;
    *p->woken_last = b;
    p->woken_last = &b->woken_next;
    pool_soon(p);
}

/* ---- its connections ---- */

/* HTTP/1.1: the last one used, which the backend will close last. */
static pool_link *idle_link(const pool_backend *b, const pool_seat *seat) {
    pool_link *k = b->idle;
    while (k && !pool_link_has_room(k, seat)) k = k->idle_next;
    return k;
}

/* HTTP/2: the one with the fewest streams. */
static pool_link *least_link(const pool_backend *b, const pool_seat *seat) {
    pool_link *best = NULL;
    for (pool_link *k = b->links; k; k = k->next) {
        if ((!best || k->places < best->places) && pool_link_has_room(k, seat)) best = k;
    }
    return best;
}

static pool_link *free_link(const pool_backend *b, const pool_seat *seat) {
    return b->plan->h2 ? least_link(b, seat) : idle_link(b, seat);
}

/* HTTP/1.1, at the limit: one that is idle makes way for a request that must not have it. */
static void make_way(pool_backend *b) {
    pool_link *oldest = b->idle;
    if (b->plan->h2 || !b->limit || b->count - b->leaving < b->limit) return;
    while (oldest && oldest->idle_next) oldest = oldest->idle_next;
    if (oldest) pool_link_end(oldest);
}

/* HTTP/2: one that is made, up to its SETTINGS: nobody knows how many streams it will take. */
static bool is_making(const pool_backend *b) {
    for (const pool_link *k = b->links; k; k = k->next) {
        if (!k->proven && !k->leaving) return true;
    }
    return false;
}

/* How many may be dialled now. */
static uint32_t dials_left(const pool_backend *b) {
    if (b->out || pool_health_sleeps(b)) return 0;
    if (b->plan->h2 && is_making(b)) return 0;
    uint32_t most = LIMIT_BACKEND_DIALS;
    if (b->plan->h2 || b->failures) most = 1; /* the one shows whether it is there again */
    if (b->dialling >= most) return 0;
    most -= b->dialling;
    uint32_t count = b->count - b->leaving;
    uint32_t limit = b->plan->h2 ? LIMIT_BACKEND_LINKS : b->tunnel ? 0 : b->limit;
    if (!limit) return most;
    if (count >= limit) return 0;
    return limit - count < most ? limit - count : most;
}

/* Connections for all that wait, as far as allowed. False: no memory. */
static bool dial_more(pool_backend *b) {
    uint32_t left = dials_left(b);
    while (b->line.count > b->dialling && left--) {
        if (!pool_link_dial(b)) return false;
    }
    return true;
}

/* ---- who wants one ---- */

pool_ability pool_backend_ability(const pool_backend *b, const pool_seat *seat) {
    if (b->out || b->failed > seat->since) return POOL_UNABLE;
    if (pool_health_sleeps(b)) return free_link(b, seat) ? POOL_ABLE : POOL_UNABLE;
    if (b->line.count >= LIMIT_BACKEND_WAITING) return POOL_CROWDED;
    if (!b->line.count || b->tunnel) {
        if (b->plan->h2 || !b->limit || b->count - b->leaving < b->limit) return POOL_ABLE;
        return idle_link(b, seat) ? POOL_ABLE : POOL_BUSY;
    }
    if (b->failures || (b->plan->h2 && !b->dialling)) return POOL_BUSY;
    return b->plan->h2 || dials_left(b) ? POOL_ABLE : POOL_BUSY;
}

static void on_limit(timer *t) {
    pool_seat *seat = t->user;
    pool_seat_refuse(seat, POOL_SLOW, "no connection was free in time");
}

pool_link *pool_backend_take(pool_backend *b, pool_seat *seat) {
    pool *p = b->pool;
    pool_link *k = b->line.count ? NULL : free_link(b, seat);
    if (k) return pool_link_place(k);
    seat->backend = b;
    pool_seat_wait(&b->line, seat);
    seat->limit = (timer){.fire = on_limit, .user = seat};
    if (p->plan->back_connect_ms)
        timer_arm(p->loop, &seat->limit, (uint64_t)p->plan->back_connect_ms + SLACK_MS);
    if (seat->fresh) make_way(b);
    if (!dial_more(b)) pool_backend_lost(b, false, DIAL_NO_MEMORY);
    return NULL;
}

/* ---- serving ---- */

/* The seat goes to another backend of its pattern, or is refused. */
static void move(pool_backend *b, pool_seat *seat, pool_refusal r, const char *why) {
    pool *p = b->pool;
    pool_backend *other = NULL;
    pool_refusal none;
    const char *none_why;
    pool_seat_leave(seat);
    bool again = r == POOL_CONNECT || (r == POOL_SLOW && !seat->slow);
    if (r == POOL_SLOW) seat->slow = true; /* once: the client has waited long enough */
    if (again && seat->pattern) other = pool_choose_one(p, seat, &none, &none_why);
    pool_link *k = other ? pool_backend_take(other, seat) : NULL;
    if (k)
        p->calls.ready(seat, k);
    else if (!other)
        p->calls.refused(seat, r, why);
}

/* A connection for whoever of the line can use one; true when somebody could. What one of those
 * that cannot have each has not found is not there for the others: connections are looked through
 * once or twice, however long the line is. */
static bool serve_one(pool_backend *b) {
    bool none = false;
    for (pool_seat *seat = b->line.first; seat; seat = seat->next) {
        bool choosy = b->plan->h2 ? seat->extended : seat->fresh;
        if (choosy && none) continue;
        pool_link *k = free_link(b, seat);
        if (k) {
            pool_seat_leave(seat);
            b->pool->calls.ready(seat, pool_link_place(k));
            return true;
        }
        if (!choosy) return false; /* then there is none for others */
        /* Its turn: else those behind it could use all there are for ever. */
        if (seat == b->line.first && seat->fresh && !b->dialling) make_way(b);
        none = true;
    }
    return false;
}

static void move_all(pool_backend *b, pool_refusal r, const char *why) {
    for (uint32_t n = b->line.count; n && b->line.first; n--) move(b, b->line.first, r, why);
}

/* Those whose connections came to nothing: as many as these were, or all when there is none that
 * they could wait for. */
static void tell_lost(pool_backend *b) {
    pool_refusal r = b->lost_as;
    const char *why = b->lost_why;
    uint32_t lost = b->lost;
    b->lost = 0;
    if (b->count == b->leaving) {
        move_all(b, r, why);
    } else if (!b->plan->h2 || !pool_health_sleeps(b)) {
        while (lost-- && b->line.first) move(b, b->line.first, r, why);
    }
}

/* Ends all connections that have no streams, and those that are being made. */
static void end_idle(pool_backend *b) {
    for (pool_link *k = b->links, *next; k; k = next) {
        next = k->next;
        if (k->dial)
            pool_link_drop(k);
        else if (!k->places && !k->leaving)
            pool_link_end(k);
    }
}

void pool_backend_serve(pool_backend *b) {
    while (b->line.count && serve_one(b)) continue;
    if (b->lost) tell_lost(b);
    if (b->line.count && !dial_more(b)) pool_backend_lost(b, false, DIAL_NO_MEMORY);
    if (b->line.count && b->count == b->leaving && !b->lost)
        move_all(b, POOL_CONNECT, "the backend is down"); /* and none may be made */
    if (!b->line.count && (b->tunnel || b->pool->retiring)) end_idle(b);
}

static bool is_full(const char *why) { return strcmp(why, DIAL_NAMES_FULL) == 0; }

/* Whether a failure says something of us, and nothing of the backend. */
static bool is_ours(const char *why) {
    return strcmp(why, DIAL_NO_MEMORY) == 0 || strcmp(why, DIAL_NO_FILES) == 0 ||
           strcmp(why, DIAL_ENDED) == 0 || is_full(why);
}

static pool_refusal refusal_of(const char *why) {
    bool slow = strcmp(why, DIAL_TIMED_OUT) == 0 || strcmp(why, DIAL_TLS_TIMED_OUT) == 0;
    if (is_full(why)) return POOL_FULL;
    if (is_ours(why)) return POOL_MEMORY;
    return slow ? POOL_SLOW : POOL_CONNECT;
}

void pool_backend_lost(pool_backend *b, bool probe, const char *why) {
    if (!is_ours(why))
        pool_health_failed(b, probe, why);
    else if (probe)
        pool_health_again(b);
    if (probe) return;
    b->lost++;
    b->lost_as = refusal_of(why);
    b->lost_why = why;
    pool_backend_wake(b);
}
