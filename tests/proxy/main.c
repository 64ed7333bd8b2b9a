/* proxy_play seeds [COUNT [FIRST]]: random programs (moves.h), 200 from 1 when not said.
 * proxy_play cases [NAME]: exchanges of every kind over each pair of versions (cases.c).
 * proxy_play refusals [NAME]: the same with each allocation of the proxy refused in turn.
 * proxy_play program FILE: one program, such as the fuzzer finds, and tells on stderr what happens.
 *
 * H2BOX_SEED=N proxy_play seeds plays one alone and tells on stderr what happens; H2BOX_LOUD=1
 * does so of cases. Exit codes: 0 all passed, else not. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/proxy/cases.h"
#include "tests/proxy/moves.h"
#include "tests/proxy/world.h"

enum { LONGEST = 400 };

static void play(uint64_t seed) {
    uint8_t bytes[LONGEST];
    uint64_t v = seed * 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < LONGEST; i++) {
        v = v * 6364136223846793005u + 1442695040888963407u; /* Knuth's MMIX */
        bytes[i] = (uint8_t)(v >> 56);
    }
    moves_play(span_of(bytes, 20 + (size_t)(v >> 32) % (LONGEST - 20)));
}

static int play_file(const char *name) {
    uint8_t bytes[1000];
    FILE *f = name ? fopen(name, "rb") : NULL;
    if (!f) return 1;
    size_t n = fread(bytes, 1, sizeof bytes, f);
    fclose(f);
    the_world.loud = true;
    moves_play(span_of(bytes, n));
    return 0;
}

static void name_seed(void) {
    const char *seed = getenv("H2BOX_SEED");
    if (!seed) return;
    the_world.loud = true;
    play(strtoull(seed, NULL, 10));
    exit(0);
}

int main(int argc, char **argv) {
    const char *word = argc > 1 ? argv[1] : "seeds";
    the_world.loud = getenv("H2BOX_LOUD") != NULL;
    if (strcmp(word, "cases") == 0) return cases_play(argc > 2 ? argv[2] : NULL);
    if (strcmp(word, "refusals") == 0) return cases_refuse(argc > 2 ? argv[2] : NULL);
    if (strcmp(word, "program") == 0) return play_file(argc > 2 ? argv[2] : NULL);
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 200;
    uint64_t first = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    name_seed();
    for (uint64_t i = first; i < first + count; i++) {
        the_world.seed = i;
        play(i);
    }
    printf("%llu seeds from %llu\n", (unsigned long long)count, (unsigned long long)first);
    return count == 0;
}
