/* Workers that look names up, together and of several accounts, with limits, cancels and silence
 * between; with a made getaddrinfo. Each look-up that is not cancelled is told once. For
 * ThreadSanitizer too. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "netio/resolve.h"

enum { WORKERS = 4, ROUNDS = 30, NAMES = 40 };

static atomic_uint asked, told, cancelled, running;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **list) {
    (void)service;
    (void)hints;
    atomic_fetch_add(&running, 1);
    usleep(name[0] == 's' ? 20000 : 200); /* "slow" */
    atomic_fetch_sub(&running, 1);
    struct addrinfo *a = calloc(1, sizeof *a + sizeof(struct sockaddr_in));
    if (!a) return EAI_MEMORY;
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)(a + 1);
    in->sin_family = AF_INET;
    a->ai_addr = (struct sockaddr *)in;
    a->ai_addrlen = sizeof *in;
    *list = a;
    return 0;
}

void freeaddrinfo(struct addrinfo *list) { free(list); }

typedef struct asking {
    loop *l;
    resolve *names[NAMES];
    unsigned index, round;
    timer next;
} asking;

static asking workers[WORKERS];

static void on_found(void *user, const socket_address *a, size_t n, const char *why) {
    resolve **r = user;
    (void)a;
    (void)n;
    (void)why;
    *r = NULL;
    atomic_fetch_add(&told, 1);
}

static void cancel_some(asking *w, unsigned step) {
    for (unsigned i = w->round % step; i < NAMES; i += step) {
        if (!w->names[i]) continue;
        resolve_cancel(w->names[i]);
        w->names[i] = NULL;
        atomic_fetch_add(&cancelled, 1);
    }
}

static void on_round(timer *t) {
    asking *w = t->user;
    if (w->round++ == ROUNDS) {
        cancel_some(w, 1);
        loop_stop(w->l);
        return;
    }
    for (unsigned i = 0; i < NAMES; i++) {
        dial_lookup how = {.limit_ms = i % 3 ? 0 : 3, .tries = 2, .whose = (i + w->index) % 7};
        if (w->names[i]) {
            resolve_share(w->names[i], i);
            continue;
        }
        w->names[i] =
            resolve_start(w->l, i % 5 ? "name" : "slow", 80, &how, on_found, &w->names[i]);
        atomic_fetch_add(&asked, w->names[i] != NULL);
    }
    cancel_some(w, 6);
    timer_arm(w->l, t, 3);
}

static bool start(void *user, unsigned index, loop *l) {
    (void)user;
    asking *w = &workers[index];
    *w = (asking){.l = l, .index = index};
    w->next = (timer){.fire = on_round, .user = w};
    timer_arm(l, &w->next, 1);
    return true;
}

static void end(void *user, unsigned index, loop *l) {
    (void)user;
    (void)index;
    (void)l;
}

int main(void) {
    worker *crew = worker_start(WORKERS, start, end, NULL);
    if (!crew) return 1;
    worker_join(crew);
    while (atomic_load(&running)) usleep(1000);
    printf("%u names asked for, %u told, %u cancelled\n", atomic_load(&asked), atomic_load(&told),
           atomic_load(&cancelled));
    return atomic_load(&asked) != atomic_load(&told) + atomic_load(&cancelled) ||
           !atomic_load(&told) || !atomic_load(&cancelled);
}
