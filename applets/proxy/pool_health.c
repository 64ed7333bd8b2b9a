/* Only connections count that could not be made, or that came to nothing before they could be used
 * (TLS, ALPN, SETTINGS): what becomes of a request on one that is there is the client's choice,
 * too, who may ask for what is slow on purpose. */
#include "applets/proxy/pool_impl.h"

/* The first sleep and what the next are longer by: those of nghttpx. */
#define FIRST_MS    1600u
#define LONGER(ms)  ((ms) * 8 / 5)
#define NAME_FORMAT "%s:%u"
#define NAME(b)     (b)->plan->host, (b)->plan->port

/* Grows with failures in a row, up to back_backoff_ms. A sixteenth is random, so that workers do
 * not wake up together. */
static uint64_t backoff(const pool_backend *b) {
    uint64_t cap = b->pool->plan->back_backoff_ms, ms = FIRST_MS;
    cap -= cap / 16;
    for (uint32_t n = 1; n < b->failures && ms < cap; n++) ms = LONGER(ms);
    if (ms > cap) ms = cap;
    return ms + loop_random(b->pool->loop) % (ms / 16 + 1);
}

static void probe_later(pool_backend *b) {
    if (!b->pool->retiring) timer_arm(b->pool->loop, &b->probing, backoff(b));
}

static void on_probe(timer *t) {
    pool_backend *b = t->user;
    pool_link *k = pool_link_dial(b);
    if (k)
        k->probe = true;
    else
        probe_later(b);
}

static void put_out(pool_backend *b, const char *why) {
    b->out = true;
    b->risen = 0;
    pool_say(b->pool, "WARN", "Backend " NAME_FORMAT " failed %u times in a row and is out: %s",
             NAME(b), b->failures, why);
    if (b->plan->rise) {
        b->probing = (timer){.fire = on_probe, .user = b};
        probe_later(b);
    }
}

static void let_in(pool_backend *b) {
    b->out = false;
    b->failures = 0;
    b->awake_ms = 0;
    pool_say(b->pool, "NOTICE", "Backend " NAME_FORMAT " took %u connections in a row and is in",
             NAME(b), b->risen);
}

bool pool_health_sleeps(const pool_backend *b) { return b->awake_ms > loop_now_ms(b->pool->loop); }

void pool_health_connected(pool_backend *b, bool probe) {
    if (!b->out) {
        b->failures = 0;
        b->awake_ms = 0;
    } else if (probe) {
        b->failures = 0;
        if (++b->risen >= b->plan->rise)
            let_in(b);
        else
            probe_later(b);
    }
}

void pool_health_failed(pool_backend *b, bool probe, const char *why) {
    pool *p = b->pool;
    b->failed = ++p->failures;
    if (b->origin) return; /* of a client's choice: each request finds out by itself */
    if (b->out) {
        if (!probe) return;
        b->failures++;
        b->risen = 0;
        probe_later(b);
        return;
    }
    if (pool_health_sleeps(b)) return; /* of those that were dialled together the first counts */
    b->failures++;
    if (b->plan->fall && b->failures >= b->plan->fall) {
        put_out(b, why);
        return;
    }
    uint64_t ms = backoff(b);
    b->awake_ms = loop_now_ms(p->loop) + ms;
    pool_say(p, "WARN",
             "Could not connect %u times in a row; sleep for %u.%03u seconds (" NAME_FORMAT ": %s)",
             b->failures, (unsigned)(ms / 1000), (unsigned)(ms % 1000), NAME(b), why);
}

void pool_health_again(pool_backend *b) {
    if (b->out) probe_later(b);
}

void pool_health_end(pool_backend *b) { timer_cancel(&b->probing); }
