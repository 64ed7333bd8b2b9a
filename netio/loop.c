#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "core/limits.h"
#include "netio/buf.h"
#include "netio/dial_impl.h"
#include "netio/link_impl.h"
#include "netio/loop_impl.h"

/* ---- the turn ---- */

static void on_turn(uv_prepare_t *turn) {
    loop *l = turn->data;
    loop_flush(l);
    timer_settle(l);
    l->unix_seconds = 0;
}

static void on_again(uv_idle_t *again) { (void)again; }

static void run_tasks(loop *l) {
    /* Tasks that queue themselves again wait for the next round. */
    for (unsigned n = l->task_count; n && l->tasks; n--) {
        loop_task *t = l->tasks;
        loop_task_cancel(l, t);
        t->run(t);
    }
}

void loop_flush(loop *l) {
    if (l->flushing) return;
    l->flushing = true;
    l->reads = 0;
    l->read_bytes = 0;
    for (unsigned round = 0; round < LIMIT_FLUSH_PASSES && (l->tasks || l->dirty); round++) {
        run_tasks(l);
        link_flush_pass(l);
    }
    if (l->later) {
        *l->dirty_last = l->later;
        l->dirty_last = l->later_last;
        l->later = NULL;
        l->later_last = &l->later;
    }
    if (l->dirty || l->tasks) {
        uv_idle_start(&l->again, on_again);
    } else {
        uv_idle_stop(&l->again);
    }
    l->flushing = false;
}

void loop_hold(loop *l) {
    if (!l->held++) uv_ref((uv_handle_t *)&l->turn);
}

void loop_release(loop *l) {
    if (!--l->held) uv_unref((uv_handle_t *)&l->turn);
}

void loop_soon(loop *l, loop_task *t) {
    if (t->prev) return;
    t->next = NULL;
    t->prev = l->tasks_last;
    *l->tasks_last = t;
    l->tasks_last = &t->next;
    l->task_count++;
}

void loop_task_cancel(loop *l, loop_task *t) {
    if (!t->prev) return;
    *t->prev = t->next;
    if (t->next) {
        t->next->prev = t->prev;
    } else {
        l->tasks_last = t->prev;
    }
    l->task_count--;
    t->next = NULL;
    t->prev = NULL;
}

/* ---- mailbox ---- */

/* Delivers everything that was there at the start; true when there was any. */
static bool deliver_mail(loop *l) {
    pthread_mutex_lock(&l->mail_lock);
    loop_mail *m = l->mail;
    l->mail = NULL;
    l->mail_last = &l->mail;
    pthread_mutex_unlock(&l->mail_lock);
    if (!m) return false;
    while (m) {
        loop_mail letter = *m;
        if (letter.owned) free(m);
        letter.fn(letter.user);
        m = letter.next;
    }
    return true;
}

static void on_bell(uv_async_t *bell) { deliver_mail(bell->data); }

bool loop_mail_post(loop *l, loop_mail *m) {
    m->next = NULL;
    pthread_mutex_lock(&l->mail_lock);
    bool open = !l->mail_closed;
    if (open) {
        *l->mail_last = m;
        l->mail_last = &m->next;
        /* Under the lock: the bell must not be closed between. */
        uv_async_send(&l->bell);
    }
    pthread_mutex_unlock(&l->mail_lock);
    return open;
}

bool loop_post(loop *l, void (*fn)(void *user), void *user) {
    loop_mail *m = malloc(sizeof *m); /* not of the pool: that belongs to one thread */
    if (!m) return false;
    *m = (loop_mail){.fn = fn, .user = user, .owned = true};
    if (loop_mail_post(l, m)) return true;
    free(m);
    return false;
}

/* ---- birth and end ---- */

static void init_fields(loop *l) {
    l->dirty_last = &l->dirty;
    l->later_last = &l->later;
    l->tasks_last = &l->tasks;
    l->mail_last = &l->mail;
    pool_init(&l->pool);
    l->mem = (mem){pool_resize, &l->pool};
    l->fault = fault_new();
    if (l->fault) l->mem = fault_mem(l->fault, l->mem);
    session_scratch_init(&l->scratch, &l->mem);
}

loop *loop_new(void) {
    loop *l = calloc(1, sizeof *l);
    if (!l) return NULL;
    if (uv_loop_init(&l->uv) != 0) {
        free(l);
        return NULL;
    }
    if (uv_async_init(&l->uv, &l->bell, on_bell) != 0) {
        uv_loop_close(&l->uv);
        free(l);
        return NULL;
    }
    pthread_mutex_init(&l->mail_lock, NULL);
    init_fields(l);
    timer_init(l);
    uv_prepare_init(&l->uv, &l->turn);
    uv_idle_init(&l->uv, &l->again);
    l->turn.data = l;
    l->bell.data = l;
    uv_prepare_start(&l->turn, on_turn);
    uv_unref((uv_handle_t *)&l->turn);
    uv_unref((uv_handle_t *)&l->bell);
    signal(SIGPIPE, SIG_IGN);
    return l;
}

void loop_run(loop *l) {
    do {
        uv_run(&l->uv, UV_RUN_DEFAULT);
        /* A stopped run skips its last flush. And a letter rings no more once nothing else is
         * awake. */
        loop_flush(l);
    } while (!l->stopped && (deliver_mail(l) || uv_loop_alive(&l->uv)));
    l->stopped = false;
}

void loop_stop(loop *l) {
    l->stopped = true;
    uv_stop(&l->uv);
}

void loop_close_all(loop *l) {
    l->closing = true;
    while (l->listeners) listen_close(l->listeners);
    while (l->dials) dial_fail(l->dials, "the program ends");
    while (l->links) {
        for (net_link *k = l->links; k; k = k->next)
            link_close(k, k->why ? k->why : "the program ends");
        loop_flush(l);
    }
}

static void close_signals(loop *l);

void loop_end(loop *l) {
    loop_close_all(l);
    while (deliver_mail(l)) loop_flush(l);
    pthread_mutex_lock(&l->mail_lock);
    l->mail_closed = true;
    pthread_mutex_unlock(&l->mail_lock);
    deliver_mail(l); /* what came between */
    loop_close_all(l);
    timer_end(l);
    uv_close((uv_handle_t *)&l->bell, NULL);
    uv_close((uv_handle_t *)&l->clock, NULL);
    close_signals(l);
    /* Jobs of the thread pool, and closes, end here. The turn stays until they have. */
    uv_ref((uv_handle_t *)&l->turn);
    while (l->held) uv_run(&l->uv, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&l->turn, NULL);
    uv_close((uv_handle_t *)&l->again, NULL);
    /* A stop that came last makes one run return early. */
    while (uv_loop_close(&l->uv) == UV_EBUSY) uv_run(&l->uv, UV_RUN_DEFAULT);
    session_scratch_end(&l->scratch);
    buf_end(l);
    fault_free(l->fault);
    pool_end(&l->pool);
}

void loop_give(loop *l) {
    pthread_mutex_destroy(&l->mail_lock);
    free(l);
}

void loop_free(loop *l) {
    if (!l) return;
    loop_end(l);
    loop_give(l);
}

/* ---- time, memory, randomness ---- */

uint64_t loop_now_ms(const loop *l) { return uv_now(&l->uv); }

uint64_t loop_now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

int64_t loop_unix_seconds(loop *l) {
    if (!l->unix_seconds) l->unix_seconds = (int64_t)time(NULL);
    return l->unix_seconds;
}

const mem *loop_mem(loop *l) { return &l->mem; }

uint32_t loop_random(loop *l) {
    uint32_t v;
    if (l->random_left < sizeof v) {
        /* Up to 256 bytes come whole, and without waiting once the system has booted: getrandom(2).
         */
        while (getrandom(l->random, sizeof l->random, 0) != (ssize_t)sizeof l->random) {
            if (errno != EINTR) abort(); /* guessable seeds would be worse */
        }
        l->random_left = sizeof l->random;
    }
    l->random_left -= sizeof v;
    memcpy(&v, l->random + l->random_left, sizeof v);
    return v;
}

const char *loop_error_text(int error) {
    switch (error) {
    case ETIMEDOUT: return "timed out";
    case ENOENT: return "no such file or directory";
    case EMFILE:
    case ENFILE: return "too many open files";
    default: return uv_strerror(uv_translate_sys_error(error));
    }
}

/* ---- signals ---- */

struct loop_signal {
    uv_signal_t handle;
    loop_signal *next;
    void (*fn)(void *user, int signo);
    void *user;
};

static void on_signal(uv_signal_t *handle, int signo) {
    loop_signal *s = handle->data;
    s->fn(s->user, signo);
}

static void free_signal(uv_handle_t *handle) { free(handle->data); }

bool loop_on_signal(loop *l, int signo, void (*fn)(void *user, int signo), void *user) {
    loop_signal *s = malloc(sizeof *s);
    if (!s) return false;
    *s = (loop_signal){.fn = fn, .user = user};
    uv_signal_init(&l->uv, &s->handle);
    s->handle.data = s;
    if (uv_signal_start(&s->handle, on_signal, signo) != 0) {
        uv_close((uv_handle_t *)&s->handle, free_signal);
        return false;
    }
    s->next = l->signals;
    l->signals = s;
    return true;
}

static void close_signals(loop *l) {
    while (l->signals) {
        loop_signal *s = l->signals;
        l->signals = s->next;
        uv_close((uv_handle_t *)&s->handle, free_signal);
    }
}
