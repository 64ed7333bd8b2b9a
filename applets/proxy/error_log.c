#include "applets/proxy/error_log.h"
#include "applets/common/log_sink.h"
#include "applets/common/log_text.h"
#include "applets/common/text.h"
#include "applets/proxy/options.h"
#include "core/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *name, *small;
    int priority;       /* of syslog */
    const char *colour; /* on a terminal */
} levels[] = {{"INFO", "info", LOG_INFO, "\033[32m"},
              {"NOTICE", "notice", LOG_NOTICE, "\033[36m"},
              {"WARN", "warning", LOG_WARNING, "\033[33m"},
              {"ERROR", "error", LOG_ERR, "\033[31m"},
              {"FATAL", "fatal", LOG_CRIT, "\033[35m"}};

_Static_assert((int)PROXY_FATAL == ERROR_LOG_FATAL, "the levels of --log-level are these");

/* Records of `waiting`: a byte for the level, then a line with its newline. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t more, idle;
    pthread_t thread;
    bool running, stopping, writing;
    bool old_name, to_syslog, plain, colour;
    int facility;
    char *path; /* of the file that stderr leads to; NULL: none of ours */
    int first;  /* where stderr led before; -1: it still does */
    text waiting;
    uint64_t lost;
} logs = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .more = PTHREAD_COND_INITIALIZER,
          .idle = PTHREAD_COND_INITIALIZER,
          .plain = true,
          .first = -1,
          .facility = LOG_DAEMON};

static atomic_int least = ERROR_LOG_NOTICE;

/* ---- writing ---- */

/* False: nobody can be told. */
static bool write_line(unsigned level, span line) {
    if (!logs.to_syslog) return log_sink_write(STDERR_FILENO, line);
    syslog(logs.facility | levels[level].priority, "%.*s", (int)line.n, (const char *)line.p);
    return true;
}

/* Returns how many were lost: when one cannot be written, the others do not wait for their turn. */
static uint64_t write_records(span records) {
    bool heard = true;
    uint64_t lost = 0;
    while (records.n) {
        const uint8_t *end = memchr(records.p, '\n', records.n);
        span record = span_take(&records, end ? (size_t)(end - records.p) + 1 : records.n);
        heard = heard && write_line(record.p[0], span_skip(record, 1));
        lost += !heard;
    }
    return lost;
}

static void write_waiting(void) {
    logs.lost += write_records(span_of(logs.waiting.p, logs.waiting.n));
    text_clear(&logs.waiting);
}

static void *run(void *user) {
    text batch = {0};
    (void)user;
    pthread_mutex_lock(&logs.lock);
    while (logs.waiting.n || !logs.stopping) {
        if (!logs.waiting.n) {
            pthread_cond_wait(&logs.more, &logs.lock);
            continue;
        }
        text full = logs.waiting;
        logs.waiting = batch;
        batch = full;
        logs.writing = true;
        pthread_mutex_unlock(&logs.lock);
        uint64_t lost = write_records(span_of(batch.p, batch.n));
        text_clear(&batch);
        pthread_mutex_lock(&logs.lock);
        logs.lost += lost;
        logs.writing = false;
        pthread_cond_broadcast(&logs.idle);
    }
    pthread_mutex_unlock(&logs.lock);
    text_end(&batch);
    return NULL;
}

void error_log_start(void) {
    pthread_mutex_lock(&logs.lock);
    logs.stopping = false;
    if (!logs.running) logs.running = pthread_create(&logs.thread, NULL, run, NULL) == 0;
    pthread_mutex_unlock(&logs.lock);
}

void error_log_stop(void) {
    pthread_mutex_lock(&logs.lock);
    bool running = logs.running;
    logs.stopping = true;
    pthread_cond_signal(&logs.more);
    pthread_mutex_unlock(&logs.lock);
    if (running) pthread_join(logs.thread, NULL);
    pthread_mutex_lock(&logs.lock);
    logs.running = false;
    write_waiting();
    text_end(&logs.waiting);
    pthread_mutex_unlock(&logs.lock);
}

/* ---- where to ---- */

/* In one step: writers have the one or the other. Not closed by exec, as stderr is. */
static bool turn_stderr(int fd, const char **why) {
    if (dup2(fd, STDERR_FILENO) >= 0) return true;
    *why = strerror(errno);
    return false;
}

static bool lead_stderr(const char *path, const char **why) {
    int fd = log_sink_open(path, LOG_SINK_OPEN, why);
    if (fd < 0) return false;
    if (logs.first < 0) logs.first = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    bool done = turn_stderr(fd, why);
    if (fd != STDERR_FILENO) close(fd);
    return done;
}

bool error_log_detach(void) {
    pthread_mutex_lock(&logs.lock);
    int nothing = logs.first >= 0 ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
    if (nothing >= 0) {
        dup3(nothing, logs.first, O_CLOEXEC);
        close(nothing);
    }
    bool stays = logs.path != NULL;
    pthread_mutex_unlock(&logs.lock);
    return stays;
}

static bool is_stderr(const char *path) { return strcmp(path, "/dev/stderr") == 0; }

bool error_log_open(const error_log_settings *s, const char **why) {
    char *path = NULL;
    if (s->file && !s->syslog && !is_stderr(s->file)) {
        path = log_sink_path(s->file);
        *why = "out of memory";
        if (!path || !lead_stderr(path, why)) {
            free(path);
            return false;
        }
    } else if (logs.first >= 0 && !turn_stderr(logs.first, why)) {
        return false;
    }
    pthread_mutex_lock(&logs.lock);
    while (logs.writing) pthread_cond_wait(&logs.idle, &logs.lock);
    write_waiting();
    free(logs.path);
    logs.path = path;
    logs.old_name = s->old_name;
    logs.to_syslog = s->syslog;
    logs.facility = s->facility;
    logs.colour = !s->syslog && isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    logs.plain = !s->old_name && !s->syslog && isatty(STDERR_FILENO);
    atomic_store(&least, s->least);
    pthread_mutex_unlock(&logs.lock);
    return true;
}

bool error_log_reopen(const char **why) {
    pthread_mutex_lock(&logs.lock);
    bool done = !logs.path || lead_stderr(logs.path, why);
    pthread_mutex_unlock(&logs.lock);
    return done;
}

bool error_log_give(uid_t uid, gid_t gid, const char **why) {
    pthread_mutex_lock(&logs.lock);
    bool done = !logs.path || log_sink_give(STDERR_FILENO, logs.path, uid, gid, why);
    pthread_mutex_unlock(&logs.lock);
    return done;
}

/* ---- saying ---- */

/* False: it was said too often of late. */
static bool may_repeat(error_log_place *at) {
    const int64_t most = LIMIT_ERROR_LOG_BURST * 1000;
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    int64_t now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    int64_t left = at->thousandths + (now - at->since_ms) * LIMIT_ERROR_LOG_RATE;
    at->thousandths = !at->since_ms || left > most ? most : left;
    at->since_ms = now;
    if (at->thousandths < 1000) {
        at->silent++;
        return false;
    }
    at->thousandths -= 1000;
    return true;
}

static void put_head(text *t, const error_log_place *at, error_log_level level,
                     const struct timespec *now) {
    const char *slash = strrchr(at->file, '/'), *name = slash ? slash + 1 : at->file;
    const char *before = logs.colour ? levels[level].colour : "",
               *after = logs.colour ? "\033[0m" : "";
    if (logs.plain) {
        text_print(t, "h2box proxy: %s%s%s: ", before, levels[level].small, after);
        return;
    }
    if (!logs.to_syslog) {
        text_add(t, log_text_iso(now->tv_sec, (uint32_t)(now->tv_nsec / 1000000)));
        text_print(t, " %d %d %08x ", (int)getpid(), (int)getpid(), (unsigned)gettid());
    }
    text_print(t, "%s%s%s (%s:%d) ", before, levels[level].name, after, name, at->line);
}

static void add(error_log_place *at, error_log_level level, const char *message) {
    text *t = &logs.waiting;
    size_t from = t->n;
    const uint8_t first = (uint8_t)level;
    struct timespec now;
    if (t->n > LIMIT_LOG_WAITING && level != ERROR_LOG_FATAL) {
        logs.lost++;
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    text_add(t, span_of(&first, 1));
    put_head(t, at, level, &now);
    text_add_visible(t, span_str(message));
    if (at->silent) text_print(t, " (and %u more like it)", at->silent);
    if (logs.lost) text_print(t, " (%llu messages were lost)", (unsigned long long)logs.lost);
    at->silent = 0;
    logs.lost = 0;
    text_add(t, SPAN("\n"));
    if (t->n && t->p[t->n - 1] != '\n') t->n = from; /* there was no memory for it */
}

void error_log_say_at(error_log_place *at, error_log_level level, const char *format, ...) {
    char message[LIMIT_ERROR_LOG_MESSAGE];
    va_list args;
    if ((int)level < atomic_load(&least)) return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    pthread_mutex_lock(&logs.lock);
    if (level == ERROR_LOG_FATAL || may_repeat(at)) {
        add(at, level, message);
        while (logs.writing && level == ERROR_LOG_FATAL) pthread_cond_wait(&logs.idle, &logs.lock);
        if (!logs.running || level == ERROR_LOG_FATAL)
            write_waiting();
        else
            pthread_cond_signal(&logs.more);
    }
    pthread_mutex_unlock(&logs.lock);
}

bool error_log_level_parse(const char *name, error_log_level *level) {
    for (unsigned i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(name, levels[i].name) != 0) continue;
        *level = (error_log_level)i;
        return true;
    }
    return false;
}
