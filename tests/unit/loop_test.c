/* netio/loop.c, buf.c, worker.c: the turn, the mailbox, signals, memory and threads. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "core/limits.h"
#include "netio/net.h"

/* ---- kept bytes ---- */

Test(loop, pin_copies_what_lies_elsewhere) {
    static const uint8_t far_away[5000] = {1, 2, 3};
    loop *l = loop_new();
    span kept;
    buf *b = buf_pin(l, span_of(far_away, sizeof far_away), &kept);
    cr_assert_not_null(b);
    cr_assert_neq(kept.p, far_away);
    cr_assert(span_eq(kept, span_of(far_away, sizeof far_away)));
    cr_assert_geq(buf_charge(b), sizeof far_away);
    cr_assert_lt(buf_charge(b), sizeof far_away + 100);
    buf_unpin(b);
    buf_unpin(NULL);
    b = buf_pin(l, (span){NULL, 0}, &kept);
    cr_assert_eq(kept.n, 0);
    buf_unpin(b);
    loop_free(l);
}

/* ---- the turn ---- */

Test(loop, an_empty_loop_ends, .timeout = 60) {
    loop *l = loop_new();
    loop_run(l);
    loop_run(l);
    loop_free(l);
    loop_free(NULL);
}

Test(loop, clocks_and_random) {
    loop *l = loop_new();
    cr_assert_gt(loop_unix_seconds(l), 1700000000);
    cr_assert_eq(loop_unix_seconds(l), loop_unix_seconds(l));
    cr_assert_leq(loop_now_ms(l), loop_now_us() / 1000 + 1);
    uint32_t bits_or = 0, bits_and = UINT32_MAX;
    for (unsigned i = 0; i < 1000; i++) {
        uint32_t v = loop_random(l);
        bits_or |= v;
        bits_and &= v;
    }
    cr_assert_eq(bits_or, UINT32_MAX);
    cr_assert_eq(bits_and, 0);
    loop_free(l);
}

static unsigned letters;

static void on_letter(void *user) {
    loop *l = user;
    if (++letters < 5) loop_post(l, on_letter, l);
}

Test(loop, letters_come_before_the_end, .timeout = 60) {
    loop *l = loop_new();
    cr_assert(loop_post(l, on_letter, l));
    loop_run(l);
    cr_assert_eq(letters, 5);
    cr_assert(loop_post(l, on_letter, l));
    cr_assert(loop_post(l, on_letter, l));
    loop_free(l); /* delivers */
    cr_assert_eq(letters, 7);
}

static void on_stop(timer *t) { loop_stop(t->user); }

Test(loop, stop_leaves_the_rest_for_later, .timeout = 60) {
    loop *l = loop_new();
    timer soon = {.fire = on_stop, .user = l}, later = {.fire = on_stop, .user = l};
    timer_arm(l, &soon, 10);
    timer_arm(l, &later, 60);
    loop_run(l);
    cr_assert_null(soon.prev);
    cr_assert_not_null(later.prev);
    loop_run(l);
    cr_assert_null(later.prev);
    loop_free(l);
}

static int caught;

static void on_signal(void *user, int signo) {
    caught = signo;
    loop_stop(user);
}

Test(loop, signals, .timeout = 60) {
    loop *l = loop_new();
    cr_assert(loop_on_signal(l, SIGTERM, on_signal, l));
    cr_assert(loop_on_signal(l, SIGHUP, on_signal, l));
    raise(SIGPIPE);
    raise(SIGHUP);
    loop_run(l); /* waiting for a signal is enough to keep it running */
    cr_assert_eq(caught, SIGHUP);
    raise(SIGTERM);
    loop_run(l);
    cr_assert_eq(caught, SIGTERM);
    cr_assert_not(loop_on_signal(l, SIGKILL, on_signal, l));
    loop_free(l);
}

/* ---- threads ---- */

enum { LETTERS = 20000 };

static atomic_uint delivered;

static void on_count(void *user) {
    loop *l = user;
    if (atomic_fetch_add(&delivered, 1) + 1 == 2 * LETTERS) loop_stop(l);
}

static void *write_letters(void *user) {
    for (unsigned i = 0; i < LETTERS; i++) cr_assert(loop_post(user, on_count, user));
    return NULL;
}

Test(loop, letters_from_threads, .timeout = 60) {
    loop *l = loop_new();
    timer far_off = {.fire = on_stop, .user = l};
    pthread_t a, b;
    timer_arm(l, &far_off, 3600000);
    pthread_create(&a, NULL, write_letters, l);
    pthread_create(&b, NULL, write_letters, l);
    loop_run(l);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    cr_assert_eq(delivered, 2 * LETTERS);
    loop_free(l);
}

typedef struct crew {
    timer alive[8];
    atomic_uint started, ended, passed;
    unsigned refuses; /* the index that gives up, or UINT32_MAX */
    worker *w;
    unsigned n;
} crew;

static bool start(void *user, unsigned index, loop *l) {
    crew *c = user;
    atomic_fetch_add(&c->started, 1);
    c->alive[index] = (timer){.fire = on_stop, .user = l};
    if (index == c->refuses) return false;
    timer_arm(l, &c->alive[index], 3600000);
    return true;
}

static void end(void *user, unsigned index, loop *l) {
    crew *c = user;
    (void)index;
    (void)l;
    atomic_fetch_add(&c->ended, 1);
}

static void stop(void *user) { loop_stop(user); }

/* A letter that goes round all workers, then stops them. */
static void on_round(void *user) {
    crew *c = user;
    unsigned hop = atomic_fetch_add(&c->passed, 1) + 1;
    if (hop < 100 * c->n) {
        loop_post(worker_loop(c->w, hop % c->n), on_round, c);
    } else {
        for (unsigned i = 0; i < c->n; i++)
            loop_post(worker_loop(c->w, i), stop, worker_loop(c->w, i));
    }
}

Test(loop, workers, .timeout = 60) {
    static crew c = {.refuses = UINT32_MAX, .n = 4};
    c.w = worker_start(c.n, start, end, &c);
    cr_assert_not_null(c.w);
    cr_assert_eq(c.started, 4);
    cr_assert_eq(c.ended, 0);
    loop_post(worker_loop(c.w, 0), on_round, &c);
    while (c.ended < c.n) {
    }
    /* One that has ended refuses letters, and does not fall over. */
    while (loop_post(worker_loop(c.w, 2), on_count, worker_loop(c.w, 2))) {
    }
    worker_join(c.w);
    cr_assert_eq(c.ended, 4);
    cr_assert_eq(c.passed, 400);
}

Test(loop, workers_that_give_up, .timeout = 60) {
    static crew c = {.refuses = 2, .n = 5};
    cr_assert_null(worker_start(c.n, start, end, &c));
    cr_assert_eq(c.started, 5);
    cr_assert_eq(c.ended, 4);
    worker_join(NULL);
    cr_assert_geq(worker_cores(), 1);
}

typedef struct labour {
    pthread_t by;
    atomic_uint runs;
    unsigned done, not_run;
} labour;

static void do_labour(void *user) {
    labour *w = user;
    w->by = pthread_self();
    atomic_fetch_add(&w->runs, 1);
}

static void end_labour(void *user, bool ran) {
    labour *w = user;
    w->done++;
    if (!ran) w->not_run++;
}

Test(loop, work, .timeout = 60) {
    labour w = {0};
    loop *lo = loop_new();
    cr_assert(loop_work(lo, do_labour, end_labour, &w));
    cr_assert_eq(w.done, 0);
    loop_run(lo); /* which waits for it */
    cr_assert_eq(w.done, 1);
    cr_assert(!pthread_equal(w.by, pthread_self()));
    for (unsigned i = 0; i < 50; i++) cr_assert(loop_work(lo, do_labour, end_labour, &w));
    loop_free(lo); /* so does the end */
    cr_assert_eq(w.done, 51);
    cr_assert_eq(atomic_load(&w.runs) + w.not_run, 51);
}

/* ---- the alarm ---- */

static void note(void *user) { *(uint64_t *)user = loop_now_us(); }

Test(loop, alarms_take_the_thread_s_timer_slack_away) {
    loop *l = loop_new();
    uint64_t due = loop_now_us() + 2000, rung = 0;
    loop_alarm(l, 0, note, &rung);
    cr_assert_gt(prctl(PR_GET_TIMERSLACK), 1, "nobody has asked for an exact moment");
    loop_alarm(l, due, note, &rung);
    cr_assert_eq(prctl(PR_GET_TIMERSLACK), 1);
    loop_run(l);
    cr_assert_geq(rung, due);
    loop_free(l);
}
