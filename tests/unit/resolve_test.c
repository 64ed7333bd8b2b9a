/* netio/resolve.c, lookups.c: tries and limits, and who gets threads; with a made getaddrinfo. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/resolve.h"
#include "tests/unit/loop_for.h"
#include "tests/unit/made_address.h"

/* ---- the made resolver ---- */

/* What a thread keeps until it is over: it takes its time to give it back. */
static pthread_key_t keeps;
static atomic_uint kept;
static bool slow_to_end;

static void give_up(void *kept_by) {
    (void)kept_by;
    usleep(100000);
    atomic_fetch_sub(&kept, 1);
}

static void keep_something(void) {
    if (!slow_to_end) return;
    atomic_fetch_add(&kept, 1);
    pthread_setspecific(keeps, &kept);
}

/* "dead..." is silent until it is let go, "once..." is silent the first time, "busy..." answers
 * EAI_AGAIN twice, "none..." is not there; all else is 127.0.0.1. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static bool let_go;
static unsigned asked, running, most;

static bool begins(const char *name, const char *with) {
    return strncmp(name, with, strlen(with)) == 0;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **list) {
    if (service || hints->ai_socktype != SOCK_STREAM) abort();
    keep_something();
    *list = NULL;
    pthread_mutex_lock(&lock);
    unsigned times = ++asked;
    if (++running > most) most = running;
    bool silent = begins(name, "dead") || (begins(name, "once") && times == 1);
    pthread_cond_broadcast(&change);
    while (silent && !let_go) pthread_cond_wait(&change, &lock);
    running--;
    pthread_cond_broadcast(&change);
    pthread_mutex_unlock(&lock);
    if (silent || begins(name, "none")) return EAI_NONAME;
    if (begins(name, "busy") && times < 3) return EAI_AGAIN;
    *list = made_address();
    return 0;
}

static unsigned times_asked(void) {
    pthread_mutex_lock(&lock);
    unsigned n = asked;
    pthread_mutex_unlock(&lock);
    return n;
}

/* ---- asking ---- */

typedef struct question {
    resolve *r;
    unsigned told;
    size_t n;
    const char *why;
} question;

static loop *l;
static question questions[1000];
static unsigned told;

static void on_found(void *user, const socket_address *a, size_t n, const char *why) {
    question *q = user;
    q->r = NULL;
    q->told++;
    q->n = n;
    q->why = why;
    if (n) {
        cr_assert_eq(n, 1);
        cr_assert_eq(a->v4.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
        cr_assert_eq(a->v4.sin_port, htons(80));
    }
    told++;
}

static void ask(question *q, const char *name, const dial_lookup *how) {
    *q = (question){NULL};
    q->r = resolve_start(l, name, 80, how, on_found, q);
    cr_assert_not_null(q->r);
}

static void ask_of(question *q, const char *name, uint32_t whose) {
    ask(q, name, &(dial_lookup){.whose = whose});
}

/* Names that nobody answers for, of one account. */
static void ask_dead(question *q, unsigned n, uint32_t whose) {
    char name[20];
    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof name, "dead%u.test", i);
        ask_of(&q[i], name, whose);
    }
}

static void until_told(unsigned n) {
    for (unsigned i = 0; i < 4000 && told < n; i++) loop_for(l, 5);
    cr_assert_eq(told, n);
}

/* Threads may begin late, and then do what nobody waits for any more. */
static void until_asked(unsigned n) {
    for (unsigned i = 0; i < 4000 && times_asked() < n; i++) loop_for(l, 5);
    loop_for(l, 20);
    cr_assert_eq(times_asked(), n);
}

static void begin(void) { l = loop_new(); }

static void let_all_go(void) {
    pthread_mutex_lock(&lock);
    let_go = true;
    pthread_cond_broadcast(&change);
    while (running) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

static void end(void) {
    for (unsigned i = 0; i < sizeof questions / sizeof *questions; i++)
        if (questions[i].r) resolve_cancel(questions[i].r);
    loop_free(l);
    let_all_go();
}

Test(resolve, found_and_not_found, .timeout = 60) {
    begin();
    ask_of(&questions[0], "some.test", 0);
    ask_of(&questions[1], "none.test", 7);
    until_told(2);
    cr_assert_eq(questions[0].n, 1);
    cr_assert_eq(questions[1].n, 0);
    cr_assert_str_eq(questions[1].why, "name not found");
    loop_run(l); /* nothing is left to wait for */
    end();
}

/* ---- limits and tries ---- */

Test(resolve, given_up_after_all_tries, .timeout = 60) {
    begin();
    uint64_t before = loop_now_us();
    ask(&questions[0], "dead.test", &(dial_lookup){.limit_ms = 20, .tries = 3});
    until_told(1);
    cr_assert_str_eq(questions[0].why, DIAL_NO_NAME_IN_TIME);
    cr_assert_geq(loop_now_us() - before, (20 + 40 + 60 - 3) * 1000u); /* whole ms are counted */
    until_asked(3);
    end();
}

Test(resolve, a_later_try_is_answered, .timeout = 60) {
    begin();
    ask(&questions[0], "once.test", &(dial_lookup){.limit_ms = 20, .tries = 1000});
    until_told(1);
    cr_assert_eq(questions[0].n, 1);
    cr_assert_geq(times_asked(), 2);
    end();
}

Test(resolve, one_try, .timeout = 60) {
    begin();
    ask(&questions[0], "once.test", &(dial_lookup){.limit_ms = 20, .tries = 1});
    until_told(1);
    cr_assert_str_eq(questions[0].why, DIAL_NO_NAME_IN_TIME);
    until_asked(1);
    end();
}

Test(resolve, servers_that_are_busy_are_asked_again, .timeout = 60) {
    begin();
    ask(&questions[0], "busy.test", &(dial_lookup){.limit_ms = 60000, .tries = 3});
    until_told(1);
    cr_assert_eq(questions[0].n, 1);
    end();
}

Test(resolve, without_a_limit_once, .timeout = 60) {
    begin();
    ask(&questions[0], "busy.test", &(dial_lookup){.tries = 3});
    until_told(1);
    cr_assert_str_eq(questions[0].why, "the name servers do not answer");
    ask(&questions[1], "dead.test", &(dial_lookup){.tries = 3});
    loop_for(l, 50);
    cr_assert_eq(told, 1);
    let_all_go();
    until_told(2);
    cr_assert_str_eq(questions[1].why, "name not found");
    end();
}

Test(resolve, no_time_is_counted_in_the_line, .timeout = 60) {
    begin();
    ask_dead(questions, LIMIT_LOOKUPS_EACH, 5);
    ask(&questions[20], "some.test", &(dial_lookup){.limit_ms = 1, .tries = 1, .whose = 5});
    loop_for(l, 50);
    cr_assert_eq(told, 0);
    for (unsigned i = 0; i < LIMIT_LOOKUPS_EACH; i++) {
        resolve_cancel(questions[i].r); /* their threads are kept all the same */
        questions[i].r = NULL;
    }
    loop_for(l, 20);
    cr_assert_eq(told, 0);
    let_all_go();
    until_told(1);
    end();
}

/* ---- who is next ---- */

Test(resolve, silence_for_one_is_none_for_others, .timeout = 60) {
    begin();
    ask_dead(questions, LIMIT_LOOKUPS_EACH + LIMIT_LOOKUPS_WAITING, 1);
    cr_assert_eq(told, 0);
    for (uint32_t i = 0; i < 20; i++) ask_of(&questions[100 + i], "some.test", i + 2);
    ask_of(&questions[120], "some.test", 0);
    until_told(21);
    unsigned found = 0;
    for (uint32_t i = 0; i < 20; i++) found += questions[100 + i].n > 0;
    cr_assert_geq(found, 16,
                  "one in 256 stands in the line of the first, by the seed, and is told");
    cr_assert_eq(questions[120].n, 1, "the program's own has a line of its own");
    end();
    cr_assert_leq(most, LIMIT_LOOKUPS);
}

Test(resolve, lines_have_an_end, .timeout = 60) {
    begin();
    ask_dead(questions, LIMIT_LOOKUPS_EACH + LIMIT_LOOKUPS_WAITING, 1);
    loop_for(l, 10);
    cr_assert_eq(told, 0);
    ask_of(&questions[200], "some.test", 1);
    cr_assert_eq(told, 0, "never within the call");
    until_told(1);
    cr_assert_str_eq(questions[200].why, DIAL_NAMES_FULL);
    ask_dead(&questions[300], 200, 0); /* but the program's own */
    loop_for(l, 10);
    cr_assert_eq(told, 1);
    end();
}

Test(resolve, no_more_threads_than_there_may_be, .timeout = 60) {
    begin();
    for (uint32_t i = 0; i < 50; i++) ask_dead(&questions[i * 10], 10, i + 1);
    until_asked(LIMIT_LOOKUPS);
    end();
    cr_assert_eq(most, LIMIT_LOOKUPS);
}

Test(resolve, a_name_that_others_want_too, .timeout = 60) {
    begin();
    ask_dead(questions, LIMIT_LOOKUPS_EACH + 20, 1);
    ask_of(&questions[100], "some.test", 1);
    loop_for(l, 20);
    cr_assert_eq(told, 0);
    /* All of these standing in the line of the first would be one seed in 2^64. */
    for (uint32_t i = 2; i < 10; i++) resolve_share(questions[100].r, i);
    until_told(1);
    cr_assert_eq(questions[100].n, 1);
    end();
}

Test(resolve, each_of_a_line_has_its_turn, .timeout = 60) {
    begin();
    char name[20];
    for (unsigned i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "some%u.test", i);
        ask_of(&questions[i], name, i % 10 + 1);
    }
    until_told(500);
    for (unsigned i = 0; i < 500; i++) cr_assert_eq(questions[i].told, 1);
    end();
    cr_assert_leq(most, LIMIT_LOOKUPS);
}

Test(resolve, cancelled_in_every_state, .timeout = 60) {
    begin();
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 30; i++) ask_of(&questions[i], "some.test", i / 10 + 1);
        if (round % 2) loop_for(l, 0);
        for (unsigned i = 0; i < 30; i++) {
            if (questions[i].r) resolve_cancel(questions[i].r);
            questions[i].r = NULL;
        }
    }
    loop_run(l);
    ask_dead(questions, 3, 1);
    end(); /* a loop does not wait for who is silent */
}

/* ---- the end of the process ---- */

/* The last word, since a child of many threads is nothing for a sanitizer to end. */
static void nothing_is_kept(void) { _exit(atomic_load(&kept) ? 9 : 0); }

static int status_of_child(void (*does)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        atexit(nothing_is_kept); /* before a look-up: it is called after what is done at the end */
        begin();
        does();
        exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    return status;
}

static void looks_up_and_ends(void) {
    slow_to_end = pthread_key_create(&keeps, give_up) == 0;
    for (unsigned i = 0; i < 3; i++) ask_of(&questions[i], "some.test", i + 1);
    until_told(3);
    loop_free(l);
}

static void is_left_without_an_answer(void) {
    ask_dead(questions, 2, 1);
    until_asked(2);
    for (unsigned i = 0; i < 2; i++) resolve_cancel(questions[i].r);
    loop_free(l);
}

Test(resolve, who_has_looked_up_is_waited_for, .timeout = 60) {
    cr_assert_eq(status_of_child(looks_up_and_ends), 0);
}

Test(resolve, who_still_does_is_not, .timeout = 60) {
    cr_assert_eq(status_of_child(is_left_without_an_answer), 0);
}
