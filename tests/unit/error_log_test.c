/* applets/proxy/error_log.c: lines, levels, files, floods and threads. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "applets/proxy/error_log.h"
#include "core/limits.h"

static char path[64], moved[80];

static void begin(void) {
    snprintf(path, sizeof path, P_tmpdir "/error-log-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    snprintf(moved, sizeof moved, "%s.1", path);
    setenv("TZ", "UTC0", 1);
}

static void end(void) {
    unlink(path);
    unlink(moved);
}

TestSuite(error_log, .init = begin, .fini = end);

static void open_log(bool old_name, error_log_level least) {
    const char *why = NULL;
    error_log_settings s = {
        .old_name = old_name, .least = least, .file = path, .facility = LOG_DAEMON};
    cr_assert(error_log_open(&s, &why), "%s", why);
}

/* Criterion reads stderr of a test as well: what is said goes to the file alone. */
static const char *read_log(const char *name) {
    static char text[400000];
    FILE *f = fopen(name, "r");
    cr_assert_not_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    return text;
}

static unsigned lines_of(const char *text) {
    unsigned n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

Test(error_log, lines_as_nghttpx) {
    char pids[60];
    open_log(true, ERROR_LOG_NOTICE);
    error_log_say(ERROR_LOG_NOTICE, "Listening on %s:%d", "127.0.0.1", 13000);
    error_log_say(ERROR_LOG_INFO, "not said");
    error_log_say(ERROR_LOG_WARN, "a\r\n\x1b[2Jb \"quoted\" \\");
    const char *text = read_log(path);
    unsigned year, month, day, hour, minute, second, milli, one, two, thread;
    int line, after = 0;
    cr_assert_eq(sscanf(text,
                        "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ %u %u %8x NOTICE (error_log_test.c:%d) %n",
                        &year, &month, &day, &hour, &minute, &second, &milli, &one, &two, &thread,
                        &line, &after),
                 11, "%s", text);
    cr_expect_eq(one, (unsigned)getpid());
    cr_expect_eq(two, (unsigned)getpid());
    cr_expect(after && strncmp(text + after, "Listening on 127.0.0.1:13000\n", 29) == 0, "%s",
              text);
    snprintf(pids, sizeof pids, " %d %d %08x WARN (error_log_test.c:", (int)getpid(), (int)getpid(),
             (unsigned)gettid());
    cr_expect_not_null(strstr(text, pids), "%s", text);
    cr_expect_not_null(strstr(text, ") a\\x0d\\x0a\\x1b[2Jb \"quoted\" \\\n"), "%s", text);
    cr_expect_eq(lines_of(text), 2);
}

Test(error_log, levels) {
    static const char *const names[] = {"INFO", "NOTICE", "WARN", "ERROR", "FATAL"};
    error_log_level level;
    for (int least = 0; least < 5; least++) {
        cr_assert_eq(truncate(path, 0), 0);
        open_log(false, (error_log_level)least);
        for (int i = 0; i < 5; i++) error_log_say((error_log_level)i, "x");
        cr_expect_eq((int)lines_of(read_log(path)), 5 - least);
        cr_expect(error_log_level_parse(names[least], &level));
        cr_expect_eq((int)level, least);
    }
    cr_expect_not(error_log_level_parse("WARNING", &level));
}

Test(error_log, opened_anew) {
    const char *why = NULL;
    open_log(true, ERROR_LOG_NOTICE);
    error_log_say(ERROR_LOG_NOTICE, "one");
    cr_assert_eq(rename(path, moved), 0);
    error_log_say(ERROR_LOG_NOTICE, "two");
    cr_assert(error_log_reopen(&why));
    error_log_say(ERROR_LOG_NOTICE, "three");
    dprintf(STDERR_FILENO, "stderr leads there too\n");
    cr_expect_eq(lines_of(read_log(moved)), 2);
    cr_expect_eq(lines_of(read_log(path)), 2);
    error_log_settings bad = {.file = "/nowhere/at/all"};
    cr_expect_not(error_log_open(&bad, &why));
    cr_expect_str_eq(why, "No such file or directory");
    error_log_say(ERROR_LOG_NOTICE, "four");
    cr_expect_eq(lines_of(read_log(path)), 3);
}

Test(error_log, long_messages_are_cut) {
    static char much[5000];
    memset(much, 'a', sizeof much - 1);
    open_log(true, ERROR_LOG_NOTICE);
    error_log_say(ERROR_LOG_NOTICE, "%s", much);
    const char *text = read_log(path);
    cr_expect_eq(lines_of(text), 1);
    cr_expect_lt(strlen(text), LIMIT_ERROR_LOG_MESSAGE + 200);
}

static void say_client(unsigned i) { error_log_say(ERROR_LOG_WARN, "client %u", i); }

/* What a client can cause again and again does not fill the disk, and hides nothing else. */
Test(error_log, floods) {
    open_log(true, ERROR_LOG_NOTICE);
    for (unsigned i = 0; i < 10000; i++) say_client(i);
    unsigned n = lines_of(read_log(path));
    cr_expect_geq(n, LIMIT_ERROR_LOG_BURST);
    cr_expect_leq(n, LIMIT_ERROR_LOG_BURST + 60 * LIMIT_ERROR_LOG_RATE);
    error_log_say(ERROR_LOG_WARN, "something else");
    cr_expect_eq(lines_of(read_log(path)), n + 1);
    for (unsigned i = 0; i < 40; i++) error_log_say(ERROR_LOG_FATAL, "fatal %u", i);
    cr_expect_eq(lines_of(read_log(path)), n + 41);
    sleep(1); /* what was left out is told with the next one of its kind */
    say_client(10000);
    cr_expect_not_null(strstr(read_log(path), "client 10000 (and "));
}

static void say_server(unsigned i) { error_log_say(ERROR_LOG_WARN, "client %u", i); }

/* Each place has its own account, whatever else is said between. */
Test(error_log, floods_of_two_kinds) {
    open_log(true, ERROR_LOG_NOTICE);
    for (unsigned i = 0; i < 10000; i++) {
        say_client(i);
        say_server(i);
    }
    unsigned n = lines_of(read_log(path));
    cr_expect_geq(n, 2 * LIMIT_ERROR_LOG_BURST);
    cr_expect_leq(n, 2 * (LIMIT_ERROR_LOG_BURST + 60 * LIMIT_ERROR_LOG_RATE));
}

/* Nobody reads the pipe: neither a message nor an end waits for good. */
Test(error_log, a_reader_that_has_stopped, .timeout = 60) {
    const char *why = NULL;
    cr_assert_eq(unlink(path), 0);
    cr_assert_eq(mkfifo(path, 0600), 0);
    error_log_settings s = {.old_name = true, .file = path, .facility = LOG_DAEMON};
    cr_expect_not(error_log_open(&s, &why));
    cr_expect_str_eq(why, "nobody reads this FIFO");
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    cr_assert_geq(reader, 0);
    cr_assert(error_log_open(&s, &why));
    error_log_start();
    cr_assert_geq(fcntl(reader, F_SETPIPE_SZ, 4096), 4096);
    for (unsigned i = 0; i < 20; i++) error_log_say(ERROR_LOG_WARN, "%0900u", i);
    error_log_stop();
    cr_expect(error_log_open(&(error_log_settings){.facility = LOG_DAEMON}, &why));
    close(reader);
}

/* Without a file stderr is again what it was. */
Test(error_log, back_to_stderr) {
    struct stat before, now;
    const char *why = NULL;
    cr_assert_eq(fstat(STDERR_FILENO, &before), 0);
    open_log(true, ERROR_LOG_NOTICE);
    cr_assert(error_log_open(&(error_log_settings){.facility = LOG_DAEMON}, &why));
    cr_assert_eq(fstat(STDERR_FILENO, &now), 0);
    cr_expect_eq(before.st_ino, now.st_ino);
    error_log_settings named = {.file = "/dev/stderr", .facility = LOG_DAEMON};
    cr_assert(error_log_open(&named, &why));
}

static void *say_many(void *user) {
    for (unsigned i = 0; i < 200; i++)
        error_log_say(ERROR_LOG_FATAL, "thread %d message %u", *(int *)user, i);
    for (unsigned i = 0; i < 15; i++)
        error_log_say(ERROR_LOG_NOTICE, "thread %d notice %u", *(int *)user, i);
    return NULL;
}

Test(error_log, threads) {
    enum { COUNT = 4 };
    pthread_t threads[COUNT];
    int names[COUNT];
    open_log(true, ERROR_LOG_NOTICE);
    error_log_start();
    error_log_start();
    for (int i = 0; i < COUNT; i++) {
        names[i] = i;
        cr_assert_eq(pthread_create(&threads[i], NULL, say_many, &names[i]), 0);
    }
    for (int i = 0; i < 5; i++) {
        const char *why;
        cr_expect(error_log_reopen(&why));
        open_log(true, ERROR_LOG_NOTICE);
    }
    for (int i = 0; i < COUNT; i++) pthread_join(threads[i], NULL);
    error_log_stop();
    const char *text = read_log(path);
    unsigned n = lines_of(text);
    cr_expect_geq(n, COUNT * 200 + LIMIT_ERROR_LOG_BURST);
    for (const char *at = text; *at; at = strchr(at, '\n') + 1)
        cr_assert(strncmp(at, "20", 2) == 0 && strstr(at, " (error_log_test.c:"), "%.80s", at);
    error_log_say(ERROR_LOG_FATAL, "at once again");
    cr_expect_eq(lines_of(read_log(path)), n + 1);
    error_log_stop();
}
