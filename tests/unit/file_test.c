/* netio/file*.c: what is opened and what is not, the cache, and bodies of small and of big files.
 * timeout: 120 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/net.h"

net_link *link_new(loop *l, int fd, const link_birth *birth, const tls_ports *tls, void *tls_self);

static loop *l;
static file_cache *cache;
static char root[64];

static const char *at(const char *name) {
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static uint8_t byte_at(size_t i) { return (uint8_t)(i * 31 + (i >> 9) + (i >> 17)); }

static void write_file(const char *name, size_t n) {
    uint8_t piece[4096];
    int fd = open(at(name), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    cr_assert_geq(fd, 0);
    for (size_t i = 0; i < n;) {
        size_t part = n - i < sizeof piece ? n - i : sizeof piece;
        for (size_t j = 0; j < part; j++) piece[j] = byte_at(i + j);
        cr_assert_eq(write(fd, piece, part), (ssize_t)part);
        i += part;
    }
    close(fd);
}

static const char *where = "/tmp";

static void begin(void) {
    const char *why;
    snprintf(root, sizeof root, "%s/h2box-file-test-XXXXXX", where);
    cr_assert_not_null(mkdtemp(root));
    chmod(root, 0755);
    l = loop_new();
    cache = file_cache_new(l, root, &why);
    cr_assert_not_null(cache, "%s", why);
}

static void end(void) {
    char command[100];
    file_cache_free(cache);
    loop_free(l);
    snprintf(command, sizeof command, "rm -rf %s", root);
    cr_assert_eq(system(command), 0);
}

/* ---- opening ---- */

typedef struct opened {
    unsigned calls;
    file_status status;
    file *f;
} opened;

static void on_open(void *user, file_status status, file *f) {
    opened *o = user;
    o->calls++;
    o->status = status;
    o->f = f;
    cr_assert_eq(status == FILE_OK, f != NULL);
}

/* Opens and waits; *cached tells whether the answer came at once. */
static opened open_now(const char *path, bool *cached) {
    opened o = {0};
    file_open(cache, span_str(path), on_open, &o);
    if (cached) *cached = o.calls;
    loop_run(l);
    cr_assert_eq(o.calls, 1);
    return o;
}

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

static void pause_ms(uint64_t ms) {
    timer t = {.fire = timer_cancel};
    timer_arm(l, &t, ms);
    loop_run(l);
}

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

/* ---- bodies, pulled by hand ---- */

static net_link *k;
static int peer;
static session_config config;

static void on_event(void *user, net_link *on, const http_event *ev) {
    (void)user;
    (void)on;
    (void)ev;
}

static void on_closed(void *user, net_link *on, const char *why) {
    (void)user;
    (void)on;
    (void)why;
    k = NULL;
}

static void begin_body(void) {
    static const link_calls calls = {.event = on_event, .closed = on_closed};
    static const link_birth birth = {.calls = &calls, .config = &config};
    int pair[2];
    begin();
    session_defaults(&config, true);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
    peer = pair[1];
    k = link_new(l, pair[0], &birth, NULL, NULL);
}

static void end_body(void) {
    if (k) link_close(k, NULL);
    loop_run(l);
    close(peer);
    end();
}

static void on_pause_over(timer *t) { loop_stop(t->user); }

/* The link keeps the loop running: stop it by a timer. */
static void pause_loop(uint64_t ms) {
    timer t = {.fire = on_pause_over, .user = l};
    timer_arm(l, &t, ms);
    loop_run(l);
}

static http_body body_of(const char *path) {
    http_body b = HTTP_NO_BODY;
    opened o = {0};
    file_open(cache, span_str(path), on_open, &o);
    while (!o.calls) pause_loop(1);
    cr_assert_eq(o.status, FILE_OK);
    cr_assert(file_body(o.f, k, HTTP_NO_REF, &b));
    file_close(o.f);
    return b;
}

static void forget_pages(const char *name) {
    int fd = open(at(name), O_RDONLY);
    fsync(fd);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
}

typedef struct read_all {
    uint64_t got, held_most;
    unsigned later;
    http_pull last;
} read_all;

/* Pulls to the end, giving back when `hold` bytes are out. */
static read_all drain(http_body b, size_t want, size_t hold) {
    read_all r = {.last = HTTP_PULL_MORE};
    uint64_t out = 0;
    while (r.last != HTTP_PULL_END && r.last != HTTP_PULL_FAILED) {
        span lent;
        r.last = b.ops->pull(b.user, r.got, want, &lent);
        if (r.last == HTTP_PULL_MORE) cr_assert_gt(lent.n, 0);
        cr_assert_leq(lent.n, want);
        for (size_t i = 0; i < lent.n; i++) cr_assert_eq(lent.p[i], byte_at(r.got + i));
        r.got += lent.n;
        out += lent.n;
        if (out > r.held_most) r.held_most = out;
        if (out > hold || (r.last == HTTP_PULL_LATER && out)) {
            b.ops->done(b.user, out);
            out = 0;
            if (r.last == HTTP_PULL_LATER) pause_loop(1); /* room again: the stream is woken */
        } else if (r.last == HTTP_PULL_LATER) {
            r.later++;
            cr_assert_lt(r.later, 20000);
            pause_loop(1);
        }
    }
    if (out) b.ops->done(b.user, out);
    return r;
}

Test(file, small_body, .timeout = 60) {
    begin_body();
    write_file("f", 60000);
    http_body b = body_of("/f");
    read_all r = drain(b, 16384, 100000);
    cr_assert_eq(r.got, 60000);
    cr_assert_eq(r.later, 0);
    b.ops->release(b.user);
    write_file("empty", 0);
    b = body_of("/empty");
    r = drain(b, 100, 100);
    cr_assert_eq(r.got, 0);
    cr_assert_eq(r.last, HTTP_PULL_END);
    b.ops->release(b.user);
    end_body();
}

static void check_big(bool cold, size_t want, size_t hold) {
    begin_body();
    write_file("f", 3000001);
    if (cold) forget_pages("f");
    http_body b = body_of("/f");
    if (cold) forget_pages("f");
    read_all r = drain(b, want, hold);
    cr_assert_eq(r.got, 3000001);
    cr_assert_eq(r.last, HTTP_PULL_END);
    cr_assert_leq(r.held_most, LIMIT_FILE_AHEAD);
    b.ops->release(b.user);
    end_body();
}

Test(file, big_body, .timeout = 60) { check_big(false, 16384, 0); }
Test(file, big_body_held, .timeout = 60) { check_big(false, 16384, 100000); }
Test(file, big_body_held_to_the_last, .timeout = 60) { check_big(false, 9999, 10000000); }
Test(file, big_body_on_a_memory_file_system, .timeout = 60) {
    if (access("/dev/shm", W_OK) == 0) where = "/dev/shm";
    check_big(false, 16384, 0);
}

Test(file, big_body_from_the_disk, .timeout = 60) { check_big(true, 16384, 0); }
Test(file, big_body_from_the_disk_held, .timeout = 60) { check_big(true, 30000, 50000); }

static void check_shrunk(bool cold) {
    begin_body();
    write_file("f", 1000000);
    http_body b = body_of("/f");
    span lent;
    cr_assert_leq(b.ops->pull(b.user, 0, 16384, &lent), HTTP_PULL_LATER);
    cr_assert_eq(truncate(at("f"), 20000), 0);
    if (cold) forget_pages("f");
    if (lent.n) b.ops->done(b.user, lent.n);
    /* What was read before is sent; then there is no more. */
    http_pull p = HTTP_PULL_MORE;
    uint64_t got = lent.n;
    while (p != HTTP_PULL_FAILED) {
        p = b.ops->pull(b.user, got, 16384, &lent);
        cr_assert_neq(p, HTTP_PULL_END);
        got += lent.n;
        if (lent.n) b.ops->done(b.user, lent.n);
        if (p == HTTP_PULL_LATER) pause_loop(1);
    }
    cr_assert_leq(got, LIMIT_FILE_AHEAD);
    b.ops->release(b.user);
    end_body();
}

Test(file, a_file_that_shrinks, .timeout = 60) { check_shrunk(false); }
Test(file, a_file_that_shrinks_on_disk, .timeout = 60) { check_shrunk(true); }

Test(file, released_while_a_thread_reads, .timeout = 60) {
    begin_body();
    write_file("f", 5000000);
    for (unsigned i = 0; i < 30; i++) {
        span lent;
        forget_pages("f");
        http_body b = body_of("/f");
        forget_pages("f");
        b.ops->pull(b.user, 0, 1000, &lent);
        if (lent.n) b.ops->done(b.user, lent.n);
        b.ops->release(b.user);
    }
    end_body();
}

Test(file, replaced_while_being_sent, .timeout = 60) {
    begin_body();
    write_file("f", 3000000);
    http_body b = body_of("/f");
    write_file("other", 10);
    rename(at("other"), at("f"));
    cr_assert_eq(drain(b, 16384, 0).got, 3000000);
    b.ops->release(b.user);
    end_body();
}

/* ---- over a connection ---- */

enum { STREAMS = 20 };

static session_config client_config;
static uint64_t received[STREAMS];
static unsigned good, bad;

static void reply_with(void *user, file_status status, file *f) {
    http_ref *ref = user;
    http_field fields[] = {HTTP_FIELD_OF(STATUS, SPAN("200"))};
    http_body b;
    cr_assert_eq(status, FILE_OK);
    cr_assert(file_body(f, k, *ref, &b));
    cr_assert_eq(session_reply(link_session(k), *ref, fields, 1, b).scope, VERDICT_NONE);
    link_touch(k);
    file_close(f);
    free(ref);
}

static void on_request(void *user, net_link *on, const http_event *ev) {
    (void)user;
    (void)on;
    if (ev->kind != HTTP_EVENT_REQUEST) return;
    http_ref *ref = malloc(sizeof *ref);
    *ref = ev->ref;
    bool small = ev->ref.id % 4 == 1;
    file_open(cache, small ? SPAN("/small") : SPAN("/big"), reply_with, ref);
}

static void on_response(void *user, net_link *on, const http_event *ev) {
    (void)user;
    uint64_t *stream = ev->user;
    if (ev->kind == HTTP_EVENT_DATA) {
        for (size_t i = 0; i < ev->data.n; i++) {
            if (ev->data.p[i] != byte_at(*stream + i)) bad++;
        }
        *stream += ev->data.n;
        session_credit(link_session(on), ev->ref, ev->credit);
    } else if (ev->kind == HTTP_EVENT_CLOSED) {
        if (ev->early_close) bad++;
        if (++good == STREAMS) session_drain(link_session(on), loop_now_ms(l));
    }
}

static void on_client_closed(void *user, net_link *on, const char *why) {
    (void)user;
    (void)on;
    cr_assert_null(why, "%s", why);
}

Test(file, many_streams_at_once, .timeout = 60) {
    static const link_calls server = {.event = on_request, .closed = on_closed};
    static const link_calls client = {.event = on_response, .closed = on_client_closed};
    static const link_birth server_birth = {.calls = &server, .config = &config};
    static const link_birth client_birth = {.calls = &client, .config = &client_config};
    const http_field request[] = {
        HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
        HTTP_FIELD_OF(AUTHORITY, SPAN("test")), HTTP_FIELD_OF(PATH, SPAN("/"))};
    int pair[2];
    begin();
    write_file("small", 1234);
    write_file("big", 2000000);
    forget_pages("big");
    session_defaults(&config, true);
    session_defaults(&client_config, false);
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair);
    k = link_new(l, pair[0], &server_birth, NULL, NULL);
    net_link *c = link_new(l, pair[1], &client_birth, NULL, NULL);
    for (unsigned i = 0; i < STREAMS; i++) {
        http_ref ref;
        verdict v = session_open(link_session(c), request, 4, HTTP_NO_BODY, &received[i], &ref);
        cr_assert_eq(v.scope, VERDICT_NONE);
    }
    loop_run(l);
    cr_assert_eq(good, STREAMS);
    cr_assert_eq(bad, 0);
    for (unsigned i = 0; i < STREAMS; i++) cr_assert_eq(received[i], i % 2 ? 2000000 : 1234);
    end();
}
