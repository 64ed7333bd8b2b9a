/* netio/file_map.c: pages that are lent, and files that change under them.
 * timeout: 120 */
#include <netinet/in.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "netio/file_impl.h"
#include "netio/link_impl.h"
#include "tests/unit/file_pull.h"

/* How many maps of the file there are in this process. */
static unsigned maps_of(const char *name) {
    char line[600];
    unsigned n = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, f)) n += strstr(line, at(name)) != NULL;
    fclose(f);
    return n;
}

static span pull_some(http_body b, uint64_t offset, size_t want) {
    span lent;
    cr_assert_eq(b.ops->pull(b.user, offset, want, &lent), HTTP_PULL_MORE);
    return lent;
}

/* ---- what is mapped, and for how long ---- */

Test(file_map, once_for_all_bodies_until_the_last, .timeout = 60) {
    begin_body();
    write_file("f", 1000000);
    http_body a = body_of("/f"), b = body_of("/f");
    cr_assert_eq(maps_of("f"), 0);
    span first = pull_some(a, 0, 16384), second = pull_some(b, 0, 16384);
    cr_assert_eq(first.p, second.p);
    cr_assert_eq(maps_of("f"), 1);
    a.ops->done(a.user, first.n);
    a.ops->release(a.user);
    file_cache_free(cache);
    cache = NULL;
    cr_assert_eq(maps_of("f"), 1);
    b.ops->done(b.user, second.n);
    b.ops->release(b.user);
    cr_assert_eq(maps_of("f"), 0);
    end_body();
}

Test(file_map, not_under_tls, .timeout = 60) {
    begin_link(&no_tls);
    write_file("f", 1000000);
    http_body b = body_of("/f");
    cr_assert_eq(drain(b, 16384, 0).got, 1000000);
    cr_assert_eq(maps_of("f"), 0);
    b.ops->release(b.user);
    end_body();
}

/* Whoever looks at these bytes must not die of a file that was cut off. */
Test(file_map, small_pieces_are_copies, .timeout = 60) {
    begin_body();
    write_file("f", 1000000);
    http_body b = body_of("/f");
    span mapped = pull_some(b, 0, LIMIT_COPY_BODY + 1);
    span copy = pull_some(b, mapped.n, LIMIT_COPY_BODY);
    cr_assert_eq(maps_of("f"), 1);
    cr_assert_eq(truncate(at("f"), 0), 0);
    for (size_t i = 0; i < copy.n; i++) cr_assert_eq(copy.p[i], byte_at(mapped.n + i));
    b.ops->done(b.user, mapped.n + copy.n);
    b.ops->release(b.user);
    end_body();
}

static void write_sparse(const char *name, off_t n) {
    int fd = open(at(name), O_CREAT | O_TRUNC | O_WRONLY, 0644);
    cr_assert_eq(ftruncate(fd, n), 0);
    close(fd);
}

static void read_begin(http_body b) {
    for (unsigned i = 0; i < 20000; i++) {
        span lent;
        http_pull p = b.ops->pull(b.user, 0, 16384, &lent);
        cr_assert_leq(p, HTTP_PULL_LATER);
        if (lent.n) {
            b.ops->done(b.user, lent.n);
            return;
        }
        pause_loop(1);
    }
    cr_assert_fail("nothing came");
}

Test(file_map, no_more_than_the_limit_is_mapped, .timeout = 60) {
    where = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : where; /* maps what was never touched */
    begin_body();
    write_sparse("a", (off_t)(LIMIT_MAP_BYTES / 2 + 1));
    write_sparse("b", (off_t)(LIMIT_MAP_BYTES / 2));
    http_body a = body_of("/a"), b = body_of("/b");
    read_begin(a);
    read_begin(b);
    cr_assert_eq(maps_of("a"), where[1] == 'd');
    cr_assert_eq(maps_of("b"), 0);
    b.ops->release(b.user);
    a.ops->release(a.user);
    file_cache_free(cache); /* holds both */
    const char *why;
    cache = file_cache_new(l, root, &why);
    cr_assert_eq(maps_of("a"), 0);
    b = body_of("/b");
    read_begin(b);
    cr_assert_eq(maps_of("b"), where[1] == 'd');
    b.ops->release(b.user);
    end_body();
}

Test(file_map, a_file_that_grows, .timeout = 60) {
    begin_body();
    write_file("f", 1000000);
    http_body b = body_of("/f");
    cr_assert_eq(truncate(at("f"), 3000000), 0);
    read_all r = drain(b, 16384, 100000);
    cr_assert_eq(r.got, 1000000);
    cr_assert_eq(r.last, HTTP_PULL_END);
    b.ops->release(b.user);
    end_body();
}

/* ---- cut off while pages are lent ---- */

/* Lends all but the end, cuts the file off at n, and says how the body goes on. */
static http_pull after_cut(off_t n) {
    begin_body();
    write_file("f", 1000000);
    http_body b = body_of("/f");
    uint64_t got = 0;
    http_pull p;
    span lent;
    while ((p = b.ops->pull(b.user, got, 16384, &lent)) == HTTP_PULL_MORE) got += lent.n;
    cr_assert_eq(p, HTTP_PULL_LATER, "the end is read when the rest is written");
    cr_assert_geq(got, 1000000 - LIMIT_FILE_CHUNK);
    b.ops->done(b.user, got / 2);
    cr_assert_eq(b.ops->pull(b.user, got, 16384, &lent), HTTP_PULL_LATER);
    cr_assert_eq(truncate(at("f"), n), 0);
    b.ops->done(b.user, got - got / 2);
    while ((p = b.ops->pull(b.user, got, 16384, &lent)) == HTTP_PULL_LATER) pause_loop(1);
    if (lent.n) b.ops->done(b.user, lent.n);
    got += lent.n;
    while (p == HTTP_PULL_MORE || p == HTTP_PULL_LATER) {
        p = b.ops->pull(b.user, got, 16384, &lent);
        got += lent.n;
        if (lent.n) b.ops->done(b.user, lent.n);
        if (p == HTTP_PULL_LATER) pause_loop(1);
    }
    b.ops->release(b.user);
    end_body();
    return p;
}

Test(file_map, cut_by_a_byte, .timeout = 60) { cr_assert_eq(after_cut(999999), HTTP_PULL_FAILED); }
Test(file_map, cut_within_a_page, .timeout = 60) {
    cr_assert_eq(after_cut(980001), HTTP_PULL_FAILED);
}
Test(file_map, cut_to_nothing, .timeout = 60) { cr_assert_eq(after_cut(0), HTTP_PULL_FAILED); }
Test(file_map, not_cut, .timeout = 60) { cr_assert_eq(after_cut(1000000), HTTP_PULL_END); }

/* A file whose name was given to another is still whole: what is cut elsewhere is not its business.
 */
Test(file_map, replaced_and_not_cut, .timeout = 60) {
    begin_body();
    write_file("f", 1000000);
    write_file("g", 500000);
    http_body b = body_of("/f");
    span lent = pull_some(b, 0, 16384);
    char from[300], to[300];
    snprintf(from, sizeof from, "%s", at("g"));
    snprintf(to, sizeof to, "%s", at("f"));
    cr_assert_eq(rename(from, to), 0);
    cr_assert_not(file_map_mend(l));
    b.ops->done(b.user, lent.n);
    cr_assert_neq(b.ops->pull(b.user, lent.n, 16384, &lent), HTTP_PULL_FAILED);
    b.ops->done(b.user, lent.n);
    b.ops->release(b.user);
    end_body();
}

Test(file_map, cut_and_grown_again, .timeout = 60) {
    begin_body();
    write_file("f", 1000000);
    http_body b = body_of("/f");
    span lent = pull_some(b, 0, 16384);
    cr_assert_not(file_map_mend(l), "nothing has changed");
    cr_assert_eq(truncate(at("f"), 0), 0);
    cr_assert(file_map_mend(l));
    write_file("f", 1000000);
    cr_assert_eq(lent.p[5], 0); /* may be in the middle of a frame */
    b.ops->done(b.user, lent.n);
    cr_assert_eq(b.ops->pull(b.user, lent.n, 16384, &lent), HTTP_PULL_FAILED);
    cr_assert_not(file_map_mend(l), "it was mended");
    b.ops->release(b.user);
    end_body();
}

/* ---- over a connection ---- */

enum { BIG = 24000000 }; /* more than the buffers of a socket take */

static session_config client_config;
static int client_end; /* of the connection; the client has a thread and a loop of its own */
static char paths[3][8] = {"/cut", "/whole", "/small"};
static struct {
    uint64_t bytes, first_bad; /* the latter UINT64_MAX: none */
    bool closed, end;
    uint32_t code;
} got[3];
static unsigned requests, closes;
static atomic_bool paused; /* the client's thread waits for `resume` */
static sem_t resume;
static bool asked = true;
static const char *client_why;

static void reply_with(void *user, file_status status, file *f) {
    http_ref *ref = user;
    http_field fields[] = {HTTP_FIELD_OF(STATUS, SPAN("200"))};
    http_body b;
    cr_assert_eq(status, FILE_OK);
    cr_assert(file_body(f, k, *ref, &b));
    cr_assert_eq(session_reply(link_session(k), *ref, fields, 1, b).scope, VERDICT_NONE);
    session_prioritize(link_session(k), *ref, 3, true); /* they take turns */
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
    file_open(cache, span_str(paths[requests++]), reply_with, ref);
}

static void ask(net_link *on, unsigned i) {
    const http_field request[] = {
        HTTP_FIELD_OF(METHOD, SPAN("GET")), HTTP_FIELD_OF(SCHEME, SPAN("http")),
        HTTP_FIELD_OF(AUTHORITY, SPAN("test")), HTTP_FIELD_OF(PATH, SPAN("/"))};
    http_ref ref;
    got[i].first_bad = UINT64_MAX;
    verdict v = session_open(link_session(on), request, 4, HTTP_NO_BODY, paths[i], &ref);
    asked &= v.scope == VERDICT_NONE;
    link_touch(on);
}

static void on_response(void *user, net_link *on, const http_event *ev) {
    (void)user;
    if (!ev->user) return;
    unsigned i = (unsigned)((char(*)[8])ev->user - paths);
    if (ev->kind == HTTP_EVENT_DATA) {
        for (size_t j = 0; j < ev->data.n; j++) {
            if (ev->data.p[j] != byte_at(got[i].bytes + j) && got[i].first_bad == UINT64_MAX)
                got[i].first_bad = got[i].bytes + j;
        }
        got[i].bytes += ev->data.n;
        got[i].end |= ev->end;
        session_credit(link_session(on), ev->ref, ev->credit);
        if (!paused && got[0].bytes && got[1].bytes) {
            paused = true;
            while (sem_wait(&resume) != 0) continue;
        }
    } else if (ev->kind == HTTP_EVENT_CLOSED) {
        got[i].closed = true;
        got[i].code = ev->code;
        closes++;
        if (closes == 2) ask(on, 2);
        if (closes == 3) session_drain(link_session(on), loop_now_ms(link_loop(on)));
    }
}

static void on_client_closed(void *user, net_link *on, const char *why) {
    (void)user;
    (void)on;
    client_why = why;
}

static bool start_client(void *user, unsigned index, loop *its) {
    static const link_calls calls = {.event = on_response, .closed = on_client_closed};
    static const link_birth client_birth = {.calls = &calls, .config = &client_config};
    (void)user;
    (void)index;
    net_link *on = link_new(its, client_end, &client_birth, NULL, NULL);
    if (!on) return false;
    ask(on, 0);
    ask(on, 1);
    return true;
}

static void end_client(void *user, unsigned index, loop *its) {
    (void)user;
    (void)index;
    (void)its;
}

static void connect_pair(int pair[2], int family) {
    if (family == AF_UNIX) {
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        return;
    }
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int waits = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(waits, (struct sockaddr *)&a, size), 0);
    cr_assert_eq(listen(waits, 1), 0);
    cr_assert_eq(getsockname(waits, (struct sockaddr *)&a, &size), 0);
    pair[1] = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(pair[1], (struct sockaddr *)&a, size), 0);
    pair[0] = accept4(waits, NULL, NULL, SOCK_NONBLOCK);
    cr_assert_eq(fcntl(pair[1], F_SETFL, O_NONBLOCK), 0);
    close(waits);
}

/* Two downloads fill the socket of a peer that reads nothing; then one file is cut off. The stream
 * of it is reset, the other one comes whole, and the connection goes on. */
static void check_cut(int family, off_t n, const char *faults) {
    static const link_calls server = {.event = on_request, .closed = on_closed};
    static const link_birth server_birth = {.calls = &server, .config = &config};
    int pair[2];
    setenv("H2BOX_FAULT", faults, 1);
    begin();
    write_file("cut", BIG);
    write_file("whole", BIG);
    write_file("small", 1000);
    session_defaults(&config, true);
    session_defaults(&client_config, false);
    client_config.h2.settings[H2_SLOT_INITIAL_WINDOW_SIZE] = 1u << 30;
    client_config.h2.connection_window = 1u << 30;
    connect_pair(pair, family);
    client_end = pair[1];
    k = link_new(l, pair[0], &server_birth, NULL, NULL);
    cr_assert_eq(sem_init(&resume, 0, 0), 0);
    worker *client = worker_start(1, start_client, end_client, NULL);
    cr_assert_not_null(client);
    while (!paused) pause_loop(1);
    for (uint64_t before = 1; before != k->sent;) {
        before = k->sent;
        pause_loop(30);
    }
    cr_assert(!got[0].closed && maps_of("cut") && maps_of("whole"));
    cr_assert_eq(truncate(at("cut"), n), 0);
    sem_post(&resume);
    while (k) loop_run(l);
    worker_join(client);
    cr_assert(asked);
    cr_assert_null(client_why, "%s", client_why);
    cr_assert(got[0].closed && !got[0].end);
    cr_assert_eq(got[0].code, 2); /* INTERNAL_ERROR */
    cr_assert_lt(got[0].bytes, BIG);
    cr_assert_geq(got[0].first_bad, (uint64_t)n, "bytes that were there came wrong");
    cr_assert(got[1].end);
    cr_assert_eq(got[1].bytes, BIG);
    cr_assert_eq(got[1].first_bad, UINT64_MAX);
    cr_assert(got[2].end);
    cr_assert_eq(got[2].bytes, 1000);
    end();
}

Test(file_map, cut_while_lent, .timeout = 60) { check_cut(AF_INET, 0, ""); }
Test(file_map, cut_while_lent_within_a_page, .timeout = 60) { check_cut(AF_INET, 100001, ""); }
Test(file_map, cut_while_lent_to_a_unix_socket, .timeout = 60) { check_cut(AF_UNIX, 4096, ""); }
Test(file_map, cut_while_lent_with_faults, .timeout = 60) {
    check_cut(AF_INET, 70000, "write=5000,eagain=20,sndbuf=20000,rcvbuf=20000");
}
