/* The last things that happened, for the message of a failure; and a hash of all of them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/sim.h"

static void mix(sim_log *l, uint64_t x) { l->hash = sim_mix(l->hash ^ x); }

static void mix_text(sim_log *l, const char *text) {
    for (; *text; text++) l->hash = (l->hash ^ (uint8_t)*text) * 0x100000001b3u; /* FNV-1a */
}

static void print(const note *n) {
    fprintf(stderr, "  %6llu ms  %-7s %-6s %-20s %llu %llu\n", (unsigned long long)n->now, n->who,
            n->verb, n->what, (unsigned long long)n->a, (unsigned long long)n->b);
}

void log_note(sim *s, const char *who, const char *verb, const char *what, uint64_t a, uint64_t b) {
    sim_log *l = &s->log;
    note *n = &l->at[l->count++ % LOG_NOTES];
    *n = (note){s->now, who, verb, what, a, b};
    mix(l, s->now);
    mix_text(l, who);
    mix_text(l, verb);
    mix_text(l, what);
    mix(l, a);
    mix(l, b);
    if (l->loud) print(n);
}

void log_bytes(sim *s, span bytes) {
    uint64_t h = s->log.hash;
    for (size_t i = 0; i < bytes.n; i++) h = (h ^ bytes.p[i]) * 0x100000001b3u;
    s->log.hash = h;
}

_Noreturn void sim_fail(sim *s, const char *format, ...) {
    const sim_log *l = &s->log;
    uint64_t first = l->count > LOG_NOTES ? l->count - LOG_NOTES : 0;
    va_list args;
    if (!l->loud)
        for (uint64_t i = first; i < l->count; i++) print(&l->at[i % LOG_NOTES]);
    fprintf(stderr, "simulator: H2BOX_SEED=%llu: ", (unsigned long long)s->seed);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    exit(1);
}
