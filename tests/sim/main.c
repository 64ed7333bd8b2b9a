/* simulator [COUNT [FIRST]]: plays that many seeds, 200 from 1 when not said.
 * simulator --survey COUNT [FIRST]: each in a process of its own; tells how many failed, and how.
 *
 * H2BOX_SEED=N plays one alone, with all that happens on stderr. Now and then a seed is played
 * twice, and must do the very same. Exit codes: 0 all passed, 1 not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/sim.h"

#define SURVEY_SECONDS 20u /* for one seed */

static void play(uint64_t seed, bool twice) {
    uint64_t hash = run_seed(seed, false);
    if (!twice || run_seed(seed, false) == hash) return;
    fprintf(stderr, "simulator: H2BOX_SEED=%llu: two runs differ\n", (unsigned long long)seed);
    exit(1);
}

static int replay(const char *text) {
    uint64_t seed = strtoull(text, NULL, 10);
    uint64_t hash = run_seed(seed, true);
    printf("seed %llu: %016llx\n", (unsigned long long)seed, (unsigned long long)hash);
    return 0;
}

static int survey(uint64_t count, uint64_t first) {
    uint64_t failed = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        pid_t child = fork();
        if (child < 0) return 1;
        if (child == 0) {
            alarm(SURVEY_SECONDS);
            play(seed, false);
            _exit(0);
        }
        int status = 0;
        if (waitpid(child, &status, 0) != child) return 1;
        if (status == 0) continue;
        failed++;
        if (WIFSIGNALED(status))
            fprintf(stderr, "simulator: H2BOX_SEED=%llu: signal %d\n", (unsigned long long)seed,
                    WTERMSIG(status));
    }
    printf("%llu of %llu seeds fail\n", (unsigned long long)failed, (unsigned long long)count);
    return failed != 0;
}

int main(int argc, char **argv) {
    const char *seed = getenv("H2BOX_SEED");
    bool each = argc > 1 && strcmp(argv[1], "--survey") == 0;
    if (each) argc--, argv++;
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 200;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    if (seed && *seed) return replay(seed);
    if (count == 0) return 1;
    if (each) return survey(count, first);
    for (uint64_t i = first; i < first + count; i++) play(i, i % 16 == 0);
    printf("%llu seeds from %llu\n", (unsigned long long)count, (unsigned long long)first);
    return 0;
}
