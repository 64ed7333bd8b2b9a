#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <time.h>

#include "core/limits.h"
#include "netio/buf.h"
#include "netio/dial_impl.h"
#include "netio/handshake.h"
#include "netio/link_impl.h"
#include "netio/loop_impl.h"

/* ---- the turn ---- */

static void run_tasks(loop *l) {
    /* Tasks that queue themselves again wait for the next round. */
    for (unsigned n = l->task_count; n && l->tasks; n--) {
        loop_task *t = l->tasks;
        loop_task_cancel(l, t);
        t->run(t);
    }
}

/* Runs tasks, reads from and flushes dirty links; each turn before and after its timers. Never from
 * a callback of an applet. */
static void flush(loop *l) {
    if (l->flushing) return;
    l->flushing = true;
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
    l->flushing = false;
}

/* Lets libuv do what it has. Without a referenced handle it would do nothing. */
static void run_uv(loop *l) {
    l->uv_due = false;
    uv_ref((uv_handle_t *)&l->bell);
    uv_run(&l->uv, UV_RUN_NOWAIT);
    uv_unref((uv_handle_t *)&l->bell);
}

/* Lets the system be as late as its hardware, and not the 50 us by which it gathers timers. */
static void be_exact(loop *l) {
    l->exact = true;
    prctl(PR_SET_TIMERSLACK, 1ul); /* nanoseconds, of this thread; a refusal costs the 50 us */
}

void loop_alarm(loop *l, uint64_t due_us, void (*fire)(void *user), void *user) {
    if (due_us && !l->exact) be_exact(l);
    l->alarm_us = due_us;
    l->alarm = fire;
    l->alarm_user = user;
}

static void ring_alarm(loop *l) {
    if (!l->alarm_us || loop_now_us() < l->alarm_us) return;
    l->alarm_us = 0;
    l->alarm(l->alarm_user);
}

static void turn(loop *l) {
    loop_poll_wait(l, l->dirty || l->tasks || l->uv_due || l->shaking ? 0 : timer_wait(l));
    l->unix_seconds = 0;
    if (l->uv_due) run_uv(l);
    flush(l); /* before the timers: what has come counts before what is late */
    timer_run(l);
    handshake_turn(l);
    ring_alarm(l);
    flush(l);
}

void loop_hold(loop *l) { l->held++; }
void loop_release(loop *l) { l->held--; }

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

/* ---- work for other threads ---- */

typedef struct work {
    uv_work_t request;
    loop *loop;
    void (*run)(void *user);
    void (*done)(void *user, bool ran);
    void *user;
} work;

static void run_work(uv_work_t *request) {
    work *w = request->data;
    w->run(w->user);
}

static void end_work(uv_work_t *request, int status) {
    work w = *(work *)request->data;
    mem_give(&w.loop->mem, request->data, sizeof w);
    w.done(w.user, status == 0);
}

bool loop_work(loop *l, void (*run)(void *user), void (*done)(void *user, bool ran), void *user) {
    work *w = mem_take(&l->mem, sizeof *w);
    if (!w) return false;
    *w = (work){.loop = l, .run = run, .done = done, .user = user};
    w->request.data = w;
    if (uv_queue_work(&l->uv, &w->request, run_work, end_work) == 0) return true;
    mem_give(&l->mem, w, sizeof *w);
    return false;
}

/* ---- birth and end ---- */

static void init_fields(loop *l) {
    l->dirty_last = &l->dirty;
    l->later_last = &l->later;
    l->tasks_last = &l->tasks;
    l->mail_last = &l->mail;
    l->handshakes_last = &l->handshakes;
    l->shaking_last = &l->shaking;
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
    if (!loop_poll_open(l)) {
        uv_close((uv_handle_t *)&l->bell, NULL);
        uv_run(&l->uv, UV_RUN_DEFAULT);
        uv_loop_close(&l->uv);
        free(l);
        return NULL;
    }
    pthread_mutex_init(&l->mail_lock, NULL);
    init_fields(l);
    timer_init(l);
    l->bell.data = l;
    uv_unref((uv_handle_t *)&l->bell);
    l->uv_due = true; /* libuv watches its own descriptors from its first run on */
    signal(SIGPIPE, SIG_IGN);
    return l;
}

static bool alive(loop *l) {
    return l->held || l->alarm_us || timer_wait(l) >= 0 ||
           uv_loop_alive(&l->uv); /* signals and files */
}

void loop_run(loop *l) {
    do {
        while (!l->stopped && alive(l)) turn(l);
        flush(l);
    } while (!l->stopped && (deliver_mail(l) || alive(l)));
    l->stopped = false;
}

void loop_stop(loop *l) { l->stopped = true; }

void loop_close_all(loop *l) {
    l->closing = true;
    while (l->listeners) listen_close(l->listeners);
    while (l->handshakes) handshake_fail(l->handshakes, DIAL_ENDED);
    while (l->dials) dial_fail(l->dials, DIAL_ENDED);
    while (l->links) {
        for (net_link *k = l->links; k; k = k->next) link_close(k, k->why ? k->why : DIAL_ENDED);
        flush(l);
    }
}

static void close_signals(loop *l);

void loop_end(loop *l) {
    loop_close_all(l);
    while (deliver_mail(l)) flush(l);
    pthread_mutex_lock(&l->mail_lock);
    l->mail_closed = true;
    pthread_mutex_unlock(&l->mail_lock);
    deliver_mail(l); /* what came between */
    loop_close_all(l);
    timer_end(l);
    close_signals(l);
    /* Jobs of the thread pool, and closes, end here. The bell stays until they have. */
    uv_ref((uv_handle_t *)&l->bell);
    while (l->held) uv_run(&l->uv, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&l->bell, NULL);
    while (uv_loop_close(&l->uv) == UV_EBUSY) uv_run(&l->uv, UV_RUN_DEFAULT);
    loop_poll_close(l);
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
    case ETIMEDOUT: return DIAL_TIMED_OUT;
    case ENOENT: return "no such file or directory";
    case EFAULT: return "a file that is being sent cannot be read"; /* pages of a map are gone */
    case EMFILE:
    case ENFILE: return DIAL_NO_FILES;
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
    l->uv_due = true; /* its descriptor may be new */
    return true;
}

static void close_signals(loop *l) {
    while (l->signals) {
        loop_signal *s = l->signals;
        l->signals = s->next;
        uv_close((uv_handle_t *)&s->handle, free_signal);
    }
}
