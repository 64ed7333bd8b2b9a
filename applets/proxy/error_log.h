/* The proxy's messages for people: to a terminal, a file or the system's log, from any thread.
 *
 * Under the old name, and wherever no terminal reads them, lines are those of nghttpx: "2026-11-28T
 * 10:15:30.042Z 27000 27000 ab5bde9b NOTICE (file.c:12) message", with the process twice (there is
 * no other one here) and the thread. On a terminal under our name: "h2box proxy: notice: message".
 * What a place in the program says again and again, since peers cause it, is written
 * LIMIT_ERROR_LOG_BURST times and then LIMIT_ERROR_LOG_RATE times a second; how many were left out
 * is told with the next one of them.
 *
 * Until error_log_start, messages are written at once; then by a thread, so that no loop waits. One
 * for the process. */
#ifndef H2BOX_APPLETS_PROXY_ERROR_LOG_H
#define H2BOX_APPLETS_PROXY_ERROR_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* As proxy_level of --log-level. */
typedef enum error_log_level {
    ERROR_LOG_INFO,
    ERROR_LOG_NOTICE,
    ERROR_LOG_WARN,
    ERROR_LOG_ERROR,
    ERROR_LOG_FATAL /* always written, and at once */
} error_log_level;

typedef struct error_log_settings {
    bool old_name;         /* nghttpx */
    error_log_level least; /* --log-level: what is below is not said */
    const char *file; /* --errorlog-file: stderr leads there too; NULL: where it led at first */
    bool syslog;      /* --errorlog-syslog: then no file */
    int facility;     /* LOG_DAEMON ...; for the access log too */
} error_log_settings;

/* openlog is the program's business. Before it, messages of ERROR_LOG_NOTICE
 * and above go to stderr as under our name. Again for other settings (a reload). False with *why:
 * it goes on as before. Copies the path. */
bool error_log_open(const error_log_settings *s, const char **why);

/* Opens the file once more, for who has moved it away. False with *why: the old one goes on. */
bool error_log_reopen(const char **why);

/* Makes the file a user's, as log_sink_give has it. */
bool error_log_give(uid_t uid, gid_t gid, const char **why);

/* For a daemon, which lets go of its terminal. True: stderr is the log's file, and must stay. */
bool error_log_detach(void);

/* From now on a thread writes (after the process has become a daemon). Without one it goes on as
 * before. */
void error_log_start(void);

/* Writes what waits; messages are written at once again. */
void error_log_stop(void);

/* A place that says something, with how often it did of late: each has an account of its own, so
 * that none hides another or is written more often for another's sake. */
typedef struct error_log_place {
    const char *file;
    int line;
    uint32_t silent;     /* times it was left out */
    int64_t since_ms;    /* when `thousandths` was right; 0: it has said nothing yet */
    int64_t thousandths; /* of the times that it may be written */
} error_log_place;

/* Says it, without a newline at its end; what could steer a terminal is written as \xHH. */
#define error_log_say(level, ...)                                             \
    do {                                                                      \
        static error_log_place place_ = {.file = __FILE__, .line = __LINE__}; \
        error_log_say_at(&place_, (level), __VA_ARGS__);                      \
    } while (0)
void error_log_say_at(error_log_place *at, error_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "INFO", "NOTICE", "WARN", "ERROR", "FATAL". */
bool error_log_level_parse(const char *name, error_log_level *level);

#endif
