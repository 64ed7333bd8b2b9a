/* flow_runner FILE-OR-FOLDER...: plays every flow whole, byte by byte, at seeded random cuts, with
 * each allocation refused in turn, and over loopback. All must tell and write the same.
 *
 * H2BOX_SEED=N plays the random cuts of that seed alone. A folder means the *.flow files right in
 * it. */
#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/flows/flow.h"

/* A flow of more bytes than HEAVY is cut at random once only. */
enum { SEEDS = 4, HEAVY = 30000 };

static unsigned flows, plays, failures;
static size_t peak; /* bytes that a connection of any play held at most */
static const char *peak_path = "";

static bool once(script *s, const char *mode, cut_kind cut, uint64_t seed, unsigned refuse_at) {
    static player p;
    p = (player){.script = s,
                 .mode = mode,
                 .cut = cut,
                 .random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1,
                 .lenient = refuse_at > 0};
    memory_init(&p.memory, refuse_at);
    bool passed = play(&p);
    plays++;
    /* With a refusal the script may break off anywhere; the sanitizer and the counts still judge.
     */
    if (p.lenient) {
        const char *why = p.memory.held ? "memory is left" : actions_check_bodies(&p);
        passed = !why;
        if (why) snprintf(p.message, sizeof p.message, "%s: [%s] %s", s->path, mode, why);
    }
    if (p.memory.peak > LIMIT_CONNECTION_BYTES) {
        passed = false;
        snprintf(p.message, sizeof p.message, "%s: [%s] %zu bytes are held, LIMIT_CONNECTION_BYTES",
                 s->path, mode, p.memory.peak);
    }
    if (p.fed > HEAVY) s->heavy = true;
    if (p.memory.peak > peak) {
        static char path[4096];
        peak = p.memory.peak;
        peak_path = strcpy(path, s->path);
    }
    if (!passed) {
        failures++;
        printf("FAIL %s\n", p.message);
        fflush(stdout);
    }
    return passed && p.memory.refused;
}

static void all_modes(const char *path) {
    script s;
    char mode[64];
    const char *seed = getenv("H2BOX_SEED");
    flows++;
    if (!script_read(&s, path)) {
        failures++;
        script_free(&s);
        return;
    }
    unsigned before = failures;
    once(&s, "whole", CUT_WHOLE, 1, 0);
    if (failures == before) once(&s, "byte by byte", CUT_BYTES, 1, 0);
    unsigned seeds = seed ? 1 : s.heavy ? 1 : SEEDS;
    for (unsigned i = 1; i <= seeds && failures == before; i++) {
        uint64_t n = seed ? strtoull(seed, NULL, 0) : i;
        snprintf(mode, sizeof mode, "H2BOX_SEED=%llu", (unsigned long long)n);
        once(&s, mode, CUT_RANDOM, n, 0);
    }
    if (failures == before && !s.no_loopback) once(&s, "loopback", CUT_LOOPBACK, 1, 0);
    /* Until a play asks for less. Flows that repeat something ten thousand times ask for the same
     * again and again. */
    for (unsigned n = 1; failures == before; n += n < (s.heavy ? 40 : 500) ? 1 : n / 4) {
        snprintf(mode, sizeof mode, "allocation %u refused", n);
        if (!once(&s, mode, n & 1 && !s.heavy ? CUT_RANDOM : CUT_WHOLE, 1, n)) break;
    }
    script_free(&s);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void folder(const char *path) {
    struct dirent **names;
    int n = scandir(path, &names, NULL, by_name);
    for (int i = 0; i < n; i++) {
        char file[4096];
        const char *dot = strrchr(names[i]->d_name, '.');
        snprintf(file, sizeof file, "%s/%s", path, names[i]->d_name);
        if (dot && !strcmp(dot, ".flow")) all_modes(file);
        free(names[i]);
    }
    if (n >= 0) free(names);
}

int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        struct stat st;
        if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
            folder(argv[i]);
        else
            all_modes(argv[i]);
    }
    loopback_end();
    printf("%u flows, %u plays, %u failures; a connection held %zu bytes at most (%s)\n", flows,
           plays, failures, peak, peak_path);
    if (flows == 0) fprintf(stderr, "usage: flow_runner FILE-OR-FOLDER...\n");
    return failures || !flows;
}
