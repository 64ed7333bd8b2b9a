/* The allocator hook: exact blocks for the sanitizer, garbage in what is given and taken, counts,
 * and refusals at random. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/sim.h"

void *memory_block(size_t n) {
    void *p = malloc(n ? n : 1);
    if (p) return p;
    fprintf(stderr, "simulator: out of memory\n");
    exit(1);
}

static bool refuses(memory *m) {
    if (!m->refuse) return false;
    m->random = sim_mix(m->random + 1);
    if (m->random % 10000 >= m->refuse) return false;
    m->refused++;
    log_note(m->sim, "memory", "refuse", "", m->held, m->refused);
    return true;
}

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    memory *m = user;
    uint8_t *moved = NULL;
    if ((p == NULL) != (old_size == 0)) sim_fail(m->sim, "a block is given back with a wrong size");
    if (new_size) {
        if (refuses(m)) return NULL;
        moved = memory_block(new_size);
        size_t kept = old_size < new_size ? old_size : new_size;
        if (kept) memcpy(moved, p, kept);
        memset(moved + kept, 0xa5, new_size - kept);
    }
    if (p) {
        memset(p, 0xdd, old_size);
        free(p);
    }
    m->held = m->held - old_size + new_size;
    m->blocks = m->blocks - (p != NULL) + (moved != NULL);
    if (m->held > m->peak) m->peak = m->held;
    return moved;
}

void memory_init(memory *m, sim *s, uint64_t seed) {
    *m = (memory){.hook = {resize, m}, .sim = s, .random = seed};
}
