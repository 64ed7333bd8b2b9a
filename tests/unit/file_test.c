/* netio/file.c, file_load.c: what is opened and what is not, and the cache.
 * timeout: 120 */
#include "tests/unit/file_root.h"

/* ---- opening ---- */

static void check_status(const char *path, file_status status) {
    for (unsigned i = 0; i < 2; i++) {
        bool cached;
        opened o = open_now(path, &cached);
        cr_assert_eq(o.status, status, "%s: %d", path, o.status);
        if (i) cr_assert(cached, "%s is not cached", path);
        file_close(o.f);
    }
}

Test(file, what_is_there, .timeout = 60) {
    begin();
    write_file("small", 1000);
    write_file("empty", 0);
    write_file("big", 200000);
    mkdir(at("folder"), 0755);
    write_file("folder/inside", 5);
    check_status("/small", FILE_OK);
    check_status("/big", FILE_OK);
    check_status("/folder/inside", FILE_OK);
    check_status("/folder", FILE_DIRECTORY);
    check_status("/folder/", FILE_DIRECTORY);
    check_status("/", FILE_DIRECTORY);
    opened o = open_now("/empty", NULL);
    cr_assert_eq(file_size(o.f), 0);
    file_close(o.f);
    o = open_now("/big", NULL);
    cr_assert_eq(file_size(o.f), 200000);
    cr_assert_leq(llabs((long long)file_mtime(o.f) - loop_unix_seconds(l)), 60);
    file_close(o.f);
    file_close(NULL);
    end();
}

Test(file, what_is_not, .timeout = 60) {
    begin();
    write_file("plain", 10);
    cr_assert_eq(mkfifo(at("fifo"), 0644), 0);
    char target[300];
    snprintf(target, sizeof target, "%s", at("fifo"));
    cr_assert_eq(symlink(target, at("to-fifo")), 0);
    cr_assert_eq(symlink("/dev/zero", at("to-device")), 0);
    cr_assert_eq(symlink("loop", at("loop")), 0);
    check_status("/nothing", FILE_MISSING);
    check_status("/plain/inside", FILE_MISSING);
    check_status("/plain/", FILE_MISSING);
    check_status("/fifo", FILE_MISSING);
    check_status("/to-fifo", FILE_MISSING);
    check_status("/to-device", FILE_MISSING);
    check_status("/loop", FILE_MISSING);
    end();
}

static file_status status_at_once(span path) {
    opened o = {0};
    file_open(cache, path, on_open, &o);
    cr_assert_eq(o.calls, 1);
    return o.status;
}

Test(file, nothing_outside_of_the_root, .timeout = 60) {
    char name[6000];
    begin();
    check_status("//etc/passwd", FILE_MISSING);
    check_status("///etc/passwd", FILE_MISSING);
    cr_assert_eq(status_at_once(SPAN("/..")), FILE_MISSING);
    cr_assert_eq(status_at_once(SPAN("/../etc/passwd")), FILE_MISSING);
    cr_assert_eq(status_at_once(SPAN("/a/../../etc/passwd")), FILE_MISSING);
    cr_assert_eq(status_at_once(SPAN("/a\0b")), FILE_MISSING);
    memset(name, 'a', sizeof name);
    cr_assert_eq(status_at_once(span_of(name, sizeof name)), FILE_MISSING);
    memset(name, 'a', 300);
    name[0] = '/';
    name[300] = 0;
    check_status(name, FILE_MISSING); /* longer than a name may be */
    write_file("..a", 1);
    check_status("/..a", FILE_OK);
    end();
}

Test(file, unreadable, .timeout = 60) {
    begin();
    write_file("secret", 10);
    chmod(at("secret"), 0);
    if (geteuid() == 0) cr_assert_eq(seteuid(65534), 0);
    opened o = open_now("/secret", NULL);
    cr_assert_eq(o.status, FILE_MISSING);
    if (getuid() == 0) cr_assert_eq(seteuid(0), 0);
    end();
}

Test(file, no_root, .timeout = 60) {
    const char *why;
    begin();
    cr_assert_null(file_cache_new(l, "/nonexistent", &why));
    cr_assert_str_eq(why, "no such file or directory");
    write_file("plain", 1);
    cr_assert_null(file_cache_new(l, at("plain"), &why));
    cr_assert_str_eq(why, "not a directory");
    end();
}

/* ---- the cache ---- */

Test(file, changes_are_seen_within_a_second, .timeout = 60) {
    bool cached;
    begin();
    write_file("f", 1000);
    opened first = open_now("/f", NULL), o;
    write_file("f", 2000);
    o = open_now("/f", &cached);
    cr_assert(cached);
    cr_assert_eq(file_size(o.f), 1000);
    file_close(o.f);
    pause_ms(1100);
    o = open_now("/f", &cached);
    cr_assert_not(cached, "an old answer");
    cr_assert_eq(file_size(o.f), 2000);
    file_close(o.f);
    cr_assert_eq(file_size(first.f), 1000); /* who has it keeps it */
    file_close(first.f);
    unlink(at("f"));
    pause_ms(1100);
    o = open_now("/f", &cached);
    cr_assert_eq(o.status, FILE_MISSING);
    write_file("f", 70000);
    pause_ms(1100);
    o = open_now("/f", NULL);
    cr_assert_eq(file_size(o.f), 70000);
    file_close(o.f);
    end();
}

Test(file, files_in_demand_never_wait, .timeout = 60) {
    bool cached;
    begin();
    write_file("f", 1000);
    file_close(open_now("/f", NULL).f);
    for (unsigned i = 0; i < 30; i++) {
        if (i == 10) write_file("f", 3000);
        opened o = open_now("/f", &cached);
        cr_assert(cached);
        if (i >= 22) cr_assert_eq(file_size(o.f), 3000, "still the old one");
        file_close(o.f);
        pause_ms(90);
    }
    end();
}

/* More than are checked together, of every kind; every fifth changes once. */
enum { MANY = 3 * LIMIT_FILE_CHECKS + 7 };

static void name_many(char *name, unsigned i) {
    sprintf(name, i % 3 == 1 ? "/none%u" : "/many%u", i);
}

static void write_many(unsigned step, size_t n) {
    char name[40];
    for (unsigned i = 0; i < MANY; i += step) {
        name_many(name, i);
        if (i % 3 != 1) write_file(name + 1, n + (i % 3 == 2 ? 70000 : 0));
    }
}

Test(file, many_in_demand_never_wait, .timeout = 60) {
    char name[40];
    begin();
    write_many(1, 1000);
    for (unsigned round = 0; round < 25; round++) {
        if (round == 8) write_many(5, 3000);
        for (unsigned i = 0; i < MANY; i++) {
            opened o = {0};
            name_many(name, i);
            file_open(cache, span_str(name), on_open, &o);
            if (!round) loop_run(l);
            cr_assert_eq(o.calls, 1, "round %u: %s waits", round, name);
            cr_assert_eq(o.status, i % 3 == 1 ? FILE_MISSING : FILE_OK);
            size_t n = (round >= 22 && i % 5 == 0 ? 3000 : 1000) + (i % 3 == 2 ? 70000 : 0);
            if (o.f && (round < 8 || round >= 22)) cr_assert_eq(file_size(o.f), n);
            file_close(o.f);
        }
        pause_ms(70);
    }
    end();
}

/* Entries that are due, being checked, or waited for while their check is under way. */
Test(file, freed_while_much_is_due, .timeout = 60) {
    char name[40];
    begin();
    write_many(1, 100);
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < MANY; i++) {
            name_many(name, i);
            file_close(open_now(name, NULL).f);
        }
        if (round == 1) write_many(1, 200); /* all the checks will find a change */
        pause_ms(round == 1 ? 600 : 300);
    }
    opened o[MANY] = {{0}};
    for (unsigned i = 0; i < MANY; i++) {
        name_many(name, i);
        file_open(cache, span_str(name), on_open, &o[i]);
    }
    file_cache_free(cache);
    cache = NULL;
    for (unsigned i = 0; i < MANY; i++) {
        cr_assert_eq(o[i].calls, 1);
        file_close(o[i].f);
    }
    end();
}

Test(file, what_is_asked_for_stays, .timeout = 60) {
    char name[40];
    bool cached;
    begin();
    file_close(open_now("/asked", NULL).f);
    file_close(open_now("/once", NULL).f);
    for (unsigned i = 0; i < 2 * LIMIT_CACHE_MISSING; i++) {
        opened o = {0};
        snprintf(name, sizeof name, "/none%u", i);
        file_open(cache, span_str(name), on_open, &o);
        while (!o.calls) loop_run(l);
        open_now("/asked", &cached);
        cr_assert(cached, "after %u others", i);
    }
    open_now("/once", &cached);
    cr_assert_not(cached);
    end();
}

static unsigned descriptors(void) {
    unsigned n = 0;
    for (int fd = 0; fd < 1024; fd++) n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

Test(file, bounds, .timeout = 60) {
    char name[40];
    struct rlimit most;
    begin();
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = 200;
    setrlimit(RLIMIT_NOFILE, &most);
    file_cache_free(cache);
    const char *why;
    cache = file_cache_new(l, root, &why);
    unsigned before = descriptors();
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "/big%u", i);
        write_file(name + 1, 66000);
        opened o = open_now(name, NULL);
        cr_assert_eq(o.status, FILE_OK);
        file_close(o.f);
    }
    cr_assert_leq(descriptors(), before + 200 / 4 + 8); /* and what the loop has opened */
    /* Misses do not push out files. */
    write_file("kept", 10);
    file_close(open_now("/kept", NULL).f);
    for (unsigned i = 0; i < 2 * LIMIT_CACHE_MISSING; i++) {
        opened o = {0};
        snprintf(name, sizeof name, "/none%u", i);
        file_open(cache, span_str(name), on_open, &o);
        loop_run(l);
        cr_assert_eq(o.status, FILE_MISSING);
    }
    bool cached;
    opened o = open_now("/none0", &cached);
    cr_assert_not(cached);
    write_file("big100", 700 * 100);
    file_close(open_now("/big100", NULL).f);
    file_close(open_now("/kept", &cached).f);
    (void)o;
    end();
}

Test(file, no_descriptors_left, .timeout = 60) {
    begin();
    write_file("big", 100000);
    pause_ms(10);
    file_close(open_now("/missing", NULL).f); /* the threads are there now */
    struct rlimit most;
    getrlimit(RLIMIT_NOFILE, &most);
    rlim_t was = most.rlim_cur;
    most.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &most);
    opened o = open_now("/big", NULL);
    cr_assert_eq(o.status, FILE_BUSY);
    most.rlim_cur = was;
    setrlimit(RLIMIT_NOFILE, &most);
    o = open_now("/big", NULL);
    cr_assert_eq(o.status, FILE_OK);
    file_close(o.f);
    end();
}

static unsigned answers;

static void on_answer(void *user, file_status status, file *f) {
    answers++;
    if (user) cr_assert_eq(status, *(file_status *)user);
    file_close(f);
}

Test(file, freed_while_threads_work, .timeout = 60) {
    file_status busy = FILE_BUSY;
    begin();
    write_file("f", 1000);
    for (unsigned i = 0; i < 50; i++) {
        char name[20];
        snprintf(name, sizeof name, "/f%u", i / 2);
        file_open(cache, span_str(i % 5 ? name : "/f"), on_answer, &busy);
    }
    file_cache_free(cache);
    cr_assert_eq(answers, 50);
    cache = NULL;
    end();
}

static void on_answer_free(void *user, file_status status, file *f) {
    on_answer(NULL, status, f);
    file_cache_free(user);
    cache = NULL;
}

Test(file, freed_inside_an_answer, .timeout = 60) {
    begin();
    write_file("f", 1000);
    file_open(cache, SPAN("/f"), on_answer_free, cache);
    file_open(cache, SPAN("/f"), on_answer, NULL);
    file_open(cache, SPAN("/g"), on_answer, NULL);
    loop_run(l);
    cr_assert_eq(answers, 3);
    end();
}

static void on_answer_again(void *user, file_status status, file *f) {
    on_answer(NULL, status, f);
    if (answers < 20) file_open(cache, SPAN("/f"), on_answer_again, user);
}

Test(file, opened_again_inside_an_answer, .timeout = 60) {
    begin();
    file_open(cache, SPAN("/f"), on_answer_again, NULL);
    loop_run(l);
    cr_assert_eq(answers, 20);
    end();
}
