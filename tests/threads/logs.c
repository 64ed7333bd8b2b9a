/* Workers that write one log together and messages beside it, while their files are opened anew and
 * the log's settings change: every line is whole, and none is missing. For ThreadSanitizer too. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include "applets/common/log_writer.h"
#include "applets/common/text.h"
#include "applets/proxy/error_log.h"
#include "core/limits.h"

enum { WORKERS = 4, ROUNDS = 20, LINES = 100 };

typedef struct writing {
    loop *l;
    log_writer *w;
    unsigned index, round;
    timer next;
} writing;

static writing writers[WORKERS];
static char lines_name[] = P_tmpdir "/logs-lines-XXXXXX",
            said_name[] = P_tmpdir "/logs-said-XXXXXX";
static log_file *shared;
static atomic_uint ended;

static void fail(const char *what) {
    printf("%s\n", what);
    exit(1);
}

static void on_round(timer *t) {
    writing *w = t->user;
    for (unsigned i = 0; i < LINES; i++) {
        text *line = log_writer_begin(w->w);
        if (!line) fail("no room for a line");
        text_print(line,
                   "worker %u round %u line %u of many that are as long as lines of logs are\n",
                   w->index, w->round, i);
        log_writer_end(w->w);
    }
    error_log_say(ERROR_LOG_FATAL, "worker %u round %u", w->index, w->round);
    error_log_say(ERROR_LOG_NOTICE, "worker %u is said to have come to round %u", w->index,
                  w->round);
    if (++w->round < ROUNDS) {
        timer_arm(w->l, &w->next, 10);
        return;
    }
    atomic_fetch_add(&ended, 1);
    loop_stop(w->l);
}

static bool start(void *user, unsigned index, loop *l) {
    (void)user;
    writing *w = &writers[index];
    *w = (writing){.l = l, .w = log_writer_new(l, shared, "lost ", ""), .index = index};
    w->next = (timer){.fire = on_round, .user = w};
    timer_arm(l, &w->next, 1);
    return w->w;
}

static void end(void *user, unsigned index, loop *l) {
    (void)user;
    (void)l;
    log_writer_free(writers[index].w);
}

static bool seen[WORKERS][ROUNDS][LINES];

static void read_lines(void) {
    char line[200];
    unsigned w, r, i, count = 0;
    FILE *f = fopen(lines_name, "r");
    if (!f) fail("no log");
    while (fgets(line, sizeof line, f)) {
        int whole = 0;
        sscanf(line, "worker %u round %u line %u of many that are as long as lines of logs are%n",
               &w, &r, &i, &whole);
        if (!whole || line[whole] != '\n' || w >= WORKERS || r >= ROUNDS || i >= LINES ||
            seen[w][r][i])
            fail("a line that nobody wrote");
        seen[w][r][i] = true;
        count++;
    }
    fclose(f);
    if (count != WORKERS * ROUNDS * LINES) fail("lines are missing");
}

static void read_said(void) {
    char line[300];
    unsigned fatal = 0, notice = 0;
    FILE *f = fopen(said_name, "r");
    if (!f) fail("nothing was said");
    while (fgets(line, sizeof line, f)) {
        fatal += strstr(line, " FATAL (logs.c:") != NULL;
        notice += strstr(line, " NOTICE (logs.c:") != NULL;
        if (strncmp(line, "20", 2) != 0 || line[strlen(line) - 1] != '\n') fail("a broken message");
    }
    fclose(f);
    if (fatal != WORKERS * ROUNDS) fail("fatal messages are missing");
    if (notice < LIMIT_ERROR_LOG_BURST || notice > WORKERS * ROUNDS)
        fail("wrong number of notices");
}

int main(void) {
    const char *why = "?";
    error_log_settings s = {.old_name = true, .file = said_name, .facility = LOG_DAEMON};
    int one = mkstemp(lines_name), two = mkstemp(said_name);
    if (one < 0 || two < 0) fail("no files");
    close(one);
    close(two);
    shared = log_file_open(lines_name, LOG_SINK_OPEN, &why);
    if (!shared || !error_log_open(&s, &why)) fail(why);
    error_log_start();
    worker *crew = worker_start(WORKERS, start, end, NULL);
    if (!crew) fail("no workers");
    while (atomic_load(&ended) < WORKERS) {
        if (!log_file_reopen(shared, &why) || !error_log_reopen(&why) || !error_log_open(&s, &why))
            fail(why);
        usleep(3000);
    }
    worker_join(crew);
    error_log_stop();
    log_file_drop(shared);
    read_lines();
    read_said();
    unlink(lines_name);
    unlink(said_name);
    return 0;
}
