#include "applets/proxy/error_log.h"
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

/* How often one message (its format stands for it) was said lately. */
typedef struct repeat {
    const char *format;
    int64_t second; /* since when `left` has not been refilled */
    uint32_t left, silent;
} repeat;

/* Records of `waiting`: a byte for the level, then a line with its newline. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t more, idle;
    pthread_t thread;
    bool running, stopping, writing;
    bool old_name, to_syslog, plain, colour;
    int facility;
    char *path; /* of the file that stderr leads to; NULL: none of ours */
    text waiting;
    uint64_t lost;
    repeat repeats[LIMIT_ERROR_LOG_KINDS];
} logs = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .more = PTHREAD_COND_INITIALIZER,
          .idle = PTHREAD_COND_INITIALIZER,
          .plain = true,
          .facility = LOG_DAEMON};

static atomic_int least = ERROR_LOG_NOTICE;

/* ---- writing ---- */

static void write_line(unsigned level, span line) {
    if (logs.to_syslog) {
        syslog(logs.facility | levels[level].priority, "%.*s", (int)line.n, (const char *)line.p);
        return;
    }
    while (line.n) {
        ssize_t n = write(STDERR_FILENO, line.p, line.n);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; /* nobody can be told */
        line = span_skip(line, (size_t)n);
    }
}

static void write_records(span records) {
    while (records.n) {
        const uint8_t *end = memchr(records.p, '\n', records.n);
        span record = span_take(&records, end ? (size_t)(end - records.p) + 1 : records.n);
        write_line(record.p[0], span_skip(record, 1));
    }
}

static void write_waiting(void) {
    write_records(span_of(logs.waiting.p, logs.waiting.n));
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
        write_records(span_of(batch.p, batch.n));
        text_clear(&batch);
        pthread_mutex_lock(&logs.lock);
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

static bool lead_stderr(const char *path, const char **why) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    /* In one step: writers have the one or the other. Not closed by exec, as stderr is. */
    if (fd >= 0 && dup2(fd, STDERR_FILENO) >= 0) {
        if (fd != STDERR_FILENO) close(fd);
        return true;
    }
    *why = strerror(errno);
    if (fd >= 0) close(fd);
    return false;
}

/* The whole path: a daemon leaves the directory it was started in. */
static char *whole_path(const char *path) {
    char *here = *path == '/' ? NULL : getcwd(NULL, 0);
    size_t n = strlen(path) + (here ? strlen(here) : 0) + 2;
    char *whole = malloc(n);
    if (whole) snprintf(whole, n, "%s%s%s", here ? here : "", here ? "/" : "", path);
    free(here);
    return whole;
}

static bool is_stderr(const char *path) { return strcmp(path, "/dev/stderr") == 0; }

bool error_log_open(const error_log_settings *s, const char **why) {
    char *path = NULL;
    if (s->file && !s->syslog && !is_stderr(s->file)) {
        path = whole_path(s->file);
        *why = "out of memory";
        if (!path || !lead_stderr(path, why)) {
            free(path);
            return false;
        }
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

/* ---- saying ---- */

/* False: it was said too often of late. */
static bool may_repeat(const char *format, int64_t now, uint32_t *silent) {
    repeat *r = &logs.repeats[(uintptr_t)format / 8 % LIMIT_ERROR_LOG_KINDS];
    *silent = 0;
    if (r->format != format)
        *r = (repeat){.format = format, .second = now, .left = LIMIT_ERROR_LOG_BURST};
    int64_t passed = now - r->second;
    r->second = now;
    if (passed > LIMIT_ERROR_LOG_BURST || passed < 0) passed = LIMIT_ERROR_LOG_BURST;
    uint64_t left = r->left + (uint64_t)passed * LIMIT_ERROR_LOG_RATE;
    r->left = left > LIMIT_ERROR_LOG_BURST ? LIMIT_ERROR_LOG_BURST : (uint32_t)left;
    if (r->left == 0) {
        r->silent++;
        return false;
    }
    r->left--;
    *silent = r->silent;
    r->silent = 0;
    return true;
}

static void put_head(text *t, error_log_level level, const struct timespec *now, const char *file,
                     int line) {
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
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
    text_print(t, "%s%s%s (%s:%d) ", before, levels[level].name, after, name, line);
}

static void add(error_log_level level, const struct timespec *now, const char *file, int line,
                const char *message, uint32_t silent) {
    text *t = &logs.waiting;
    size_t from = t->n;
    const uint8_t first = (uint8_t)level;
    if (t->n > LIMIT_LOG_WAITING && level != ERROR_LOG_FATAL) {
        logs.lost++;
        return;
    }
    text_add(t, span_of(&first, 1));
    put_head(t, level, now, file, line);
    text_add_visible(t, span_str(message));
    if (silent) text_print(t, " (and %u more like it)", silent);
    if (logs.lost) text_print(t, " (%llu messages were lost)", (unsigned long long)logs.lost);
    logs.lost = 0;
    text_add(t, SPAN("\n"));
    if (t->n && t->p[t->n - 1] != '\n') t->n = from; /* there was no memory for it */
}

void error_log_say_at(error_log_level level, const char *file, int line, const char *format, ...) {
    char message[LIMIT_ERROR_LOG_MESSAGE];
    struct timespec now;
    uint32_t silent = 0;
    va_list args;
    if ((int)level < atomic_load(&least)) return;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    clock_gettime(CLOCK_REALTIME, &now);
    pthread_mutex_lock(&logs.lock);
    if (level == ERROR_LOG_FATAL || may_repeat(format, now.tv_sec, &silent)) {
        add(level, &now, file, line, message, silent);
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
