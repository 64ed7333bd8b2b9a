/* applets/proxy/pool_origin.c, pool_backend.c: names that nobody answers for, and who waits for
 * them; with a made getaddrinfo. */
#include <pthread.h>

#include "tests/unit/made_address.h"
#include "tests/unit/proxy_pool.h"

enum { DEAD = LIMIT_LOOKUPS_EACH + LIMIT_LOOKUPS_WAITING };

static ask asks[DEAD + 20];

/* ---- the made resolver: names that begin with "dead" are silent to the end ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static bool let_go;
static unsigned silent;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **list) {
    (void)service;
    (void)hints;
    *list = NULL;
    if (strncmp(name, "dead", 4) == 0) {
        pthread_mutex_lock(&lock);
        silent++;
        while (!let_go) pthread_cond_wait(&change, &lock);
        silent--;
        pthread_cond_broadcast(&change);
        pthread_mutex_unlock(&lock);
        return EAI_NONAME;
    }
    *list = made_address();
    return 0;
}

static void end_names(void) {
    end();
    pthread_mutex_lock(&lock);
    let_go = true;
    pthread_cond_broadcast(&change);
    while (silent) pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
}

/* ---- clients ---- */

static void ask_of(ask *a, const char *host, uint32_t network) {
    pool_wish w = {.host = host, .port = backends[0].port, .network = network};
    ask_with(a, "/now", &w);
}

/* All that a client of network 1 may have in its line, and at once. */
static void ask_dead(void) {
    char host[20];
    for (unsigned i = 0; i < DEAD; i++) {
        snprintf(host, sizeof host, "dead%u.test", i);
        ask_of(&asks[i], host, 1);
    }
}

static void begin_direct(void) {
    begin(PLAN_DIRECT);
    the_plan.dns_cache_ms = 10000;
    the_plan.back_connect_ms = 60000;
    open_backend(0);
    make_pool();
}

/* Of so many networks one at least has a line that is not the first one's. */
enum { OTHERS = 8 };

Test(proxy_pool_names, silence_for_one_is_none_for_others, .timeout = 60) {
    begin_direct();
    ask_dead();
    for (uint32_t i = 0; i < OTHERS; i++) ask_of(&asks[DEAD + i], "some.test", i + 2);
    until_answered(OTHERS);
    ask_of(&asks[DEAD + OTHERS], "some.test", 1);
    until_answered(OTHERS + 1); /* what is known needs no line */
    ask_of(&asks[DEAD + OTHERS + 1], "127.0.0.1", 1);
    until_answered(OTHERS + 2); /* nor does an address */
    cr_assert_eq(refused, 0);
    end_names();
}

Test(proxy_pool_names, who_asks_too_much_is_refused, .timeout = 60) {
    begin_direct();
    ask_dead();
    ask_of(&asks[DEAD], "some.test", 1);
    until_refused(1);
    cr_assert_eq(asks[DEAD].refusal, POOL_FULL);
    cr_assert_str_eq(asks[DEAD].why, DIAL_NAMES_FULL);
    cr_assert_eq(said_count, 0);
    end_names();
}

Test(proxy_pool_names, a_name_that_stands_in_the_line_of_another, .timeout = 60) {
    begin_direct();
    char host[20];
    for (unsigned i = 0; i < LIMIT_LOOKUPS_EACH + 20; i++) {
        snprintf(host, sizeof host, "dead%u.test", i);
        ask_of(&asks[i], host, 1);
    }
    ask_of(&asks[40], "some.test", 1);
    run_for(20);
    cr_assert_eq(answered, 0);
    for (uint32_t i = 0; i < OTHERS; i++) ask_of(&asks[41 + i], "some.test", i + 2);
    until_answered(OTHERS + 1);
    end_names();
}

Test(proxy_pool_names, no_answer_in_time, .timeout = 60) {
    begin_direct();
    the_plan.dns_limit_ms = 10;
    the_plan.dns_tries = 2;
    ask_of(&asks[0], "dead.test", 1);
    until_refused(1);
    cr_assert_eq(asks[0].refusal, POOL_CONNECT);
    cr_assert_str_eq(asks[0].why, DIAL_NO_NAME_IN_TIME);
    end_names();
}

/* The same of a backend that is named in the configuration: it counts as one that fails. */
Test(proxy_pool_names, a_backend_whose_name_is_not_answered_for, .timeout = 60) {
    begin(PLAN_REVERSE);
    the_plan.dns_limit_ms = 10;
    the_plan.dns_tries = 1;
    the_plan.back_backoff_ms = 10000;
    add_backend(add_pattern(), open_backend(0), false)->host = "dead.test";
    make_pool();
    ask_for(&asks[0], "/now");
    until_refused(1);
    cr_assert_str_eq(asks[0].why, DIAL_NO_NAME_IN_TIME);
    cr_assert_eq(said_count, 1);
    end_names();
}
