/* "Did you mean": names near to a word, by optimal string alignment distance. */
#include "applets/opt.h"

#include <string.h>

enum { LONGEST = 63, SHOWN = 5, BEGINS = 10, HOLDS = 20, FAR = 99 };

static unsigned least(unsigned a, unsigned b) { return a < b ? a : b; }

unsigned opt_near_distance(const char *a, const char *b) {
    size_t na = strlen(a), nb = strlen(b);
    unsigned row[3][LONGEST + 1]; /* the last two rows and the new one, in turn */
    if (na > LONGEST || nb > LONGEST) return FAR;
    for (size_t j = 0; j <= nb; j++) row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *now = row[i % 3], *above = row[(i + 2) % 3], *swap = row[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            now[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(now[j], least(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                now[j] = least(now[j], swap[j - 2] + 1);
            }
        }
    }
    return row[na % 3][nb];
}

/* Small is near; FAR is not worth telling. One edit in three letters may be a slip; a name that
 * holds the whole word, or begins with it, may be a half-remembered one. */
static unsigned rank(const char *word, const char *name) {
    size_t n = strlen(word);
    unsigned edits = opt_near_distance(word, name);
    unsigned slip = n < 4 ? 1 : (unsigned)(n / 3 < 4 ? n / 3 : 4);
    if (edits <= slip) return edits;
    if (n >= 2 && strncmp(name, word, n) == 0) return BEGINS;
    if (n >= 4 && strstr(name, word)) return HOLDS;
    return FAR;
}

size_t opt_near_print(FILE *err, const char *word, const char *prefix, const char *const *names,
                      size_t count) {
    size_t shown = 0;
    /* By rising rank; names of one rank stay in the order given. The lists are short. */
    for (unsigned wanted = 0; wanted <= HOLDS && shown < SHOWN; wanted++) {
        for (size_t i = 0; i < count && shown < SHOWN; i++) {
            if (rank(word, names[i]) != wanted) continue;
            if (shown++ == 0) fprintf(err, "\nDid you mean:\n");
            fprintf(err, "\t%s%s\n", prefix, names[i]);
        }
    }
    return shown;
}
