#include <pthread.h>
#include <stdlib.h>

#include "netio/loop_impl.h"

typedef struct thread {
    worker *owner;
    pthread_t id;
    unsigned index;
    loop *loop; /* NULL until made; stays valid until worker_join so that anybody may post to it */
} thread;

struct worker {
    bool (*start)(void *user, unsigned index, loop *l);
    void (*end)(void *user, unsigned index, loop *l);
    void *user;
    pthread_mutex_t lock; /* guards the two below */
    pthread_cond_t started;
    unsigned waiting; /* threads whose start has not returned */
    bool gave_up;
    unsigned count;
    thread threads[];
};

static void report(worker *w, bool good) {
    pthread_mutex_lock(&w->lock);
    w->waiting--;
    if (!good) w->gave_up = true;
    pthread_cond_signal(&w->started);
    pthread_mutex_unlock(&w->lock);
}

static void *run(void *arg) {
    thread *t = arg;
    worker *w = t->owner;
    loop *l = t->loop = loop_new();
    bool good = l && w->start(w->user, t->index, l);
    report(w, good);
    if (good) {
        loop_run(l);
        loop_close_all(l);
        w->end(w->user, t->index, l);
    }
    if (l) loop_end(l);
    return NULL;
}

static void stop(void *user) { loop_stop(user); }

worker *worker_start(unsigned n, bool (*start)(void *user, unsigned index, loop *l),
                     void (*end)(void *user, unsigned index, loop *l), void *user) {
    worker *w = calloc(1, sizeof *w + n * sizeof w->threads[0]);
    if (!w) return NULL;
    w->start = start;
    w->end = end;
    w->user = user;
    w->waiting = n;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->started, NULL);
    for (; w->count < n; w->count++) {
        thread *t = &w->threads[w->count];
        *t = (thread){.owner = w, .index = w->count};
        if (pthread_create(&t->id, NULL, run, t) != 0) break;
    }
    pthread_mutex_lock(&w->lock);
    if (w->count < n) {
        w->waiting -= n - w->count;
        w->gave_up = true;
    }
    while (w->waiting) pthread_cond_wait(&w->started, &w->lock);
    bool good = !w->gave_up;
    pthread_mutex_unlock(&w->lock);
    if (good) return w;
    for (unsigned i = 0; i < w->count; i++) {
        loop *l = w->threads[i].loop;
        if (l) loop_post(l, stop, l); /* refused by one that has ended already */
    }
    worker_join(w);
    return NULL;
}

loop *worker_loop(worker *w, unsigned index) { return w->threads[index].loop; }

void worker_join(worker *w) {
    if (!w) return;
    for (unsigned i = 0; i < w->count; i++) pthread_join(w->threads[i].id, NULL);
    for (unsigned i = 0; i < w->count; i++) {
        if (w->threads[i].loop) loop_give(w->threads[i].loop);
    }
    pthread_cond_destroy(&w->started);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

unsigned worker_cores(void) { return uv_available_parallelism(); }
