#include "applets/common/log_writer.h"
#include "applets/common/text.h"
#include "core/limits.h"

/* Lines wait this long for others, or until there are so many bytes of them. */
#define GATHER_MS    500u
#define GATHER_BYTES 32768u

struct log_writer {
    loop *loop;
    log_file *file;
    const char *before, *after;
    text waiting, writing;
    uint64_t lost; /* lines */
    bool busy;     /* a thread writes */
    bool closed;
    log_writer *next, **prev; /* of the retired; prev: NULL: not one of them */
    timer gather;
};

static void run(void *user) {
    const log_writer *w = user;
    log_file_write(w->file, span_of(w->writing.p, w->writing.n));
}

static void begin_write(log_writer *w);

static void leave(log_writer *w) {
    if (!w->prev) return;
    *w->prev = w->next;
    if (w->next) w->next->prev = w->prev;
    w->prev = NULL;
}

/* When nothing keeps it any more. */
static void end_if_last(log_writer *w) {
    if (w->prev && !w->busy && !w->waiting.n) {
        leave(w);
        w->closed = true;
    }
    if (w->busy || !w->closed) return;
    timer_cancel(&w->gather);
    text_end(&w->waiting);
    text_end(&w->writing);
    log_file_drop(w->file);
    mem_give(loop_mem(w->loop), w, sizeof *w);
}

static void on_written(void *user, bool ran) {
    log_writer *w = user;
    if (!ran) run(w);
    log_file_end(w->file);
    w->busy = false;
    text_clear(&w->writing);
    if (!w->closed && (w->waiting.n >= GATHER_BYTES || w->prev))
        begin_write(w);
    else if (!w->closed && w->waiting.n)
        timer_arm(w->loop, &w->gather, GATHER_MS);
    end_if_last(w);
}

static void begin_write(log_writer *w) {
    text full = w->waiting;
    if (w->busy || !full.n) return;
    timer_cancel(&w->gather);
    if (!log_file_begin(w->file)) { /* another worker's turn */
        timer_arm(w->loop, &w->gather, GATHER_MS / 10);
        return;
    }
    w->waiting = w->writing;
    w->writing = full;
    w->busy = true;
    if (loop_work(w->loop, run, on_written, w)) return;
    log_file_end(w->file);
    w->busy = false;
    text_clear(&w->writing); /* there is no memory: lines are the least of it */
}

static void on_gather(timer *t) {
    begin_write(t->user);
    end_if_last(t->user);
}

log_writer *log_writer_new(loop *l, log_file *f, const char *before, const char *after) {
    log_writer *w = mem_take_zero(loop_mem(l), sizeof *w);
    if (!w) return NULL;
    w->loop = l;
    w->file = log_file_hold(f);
    w->before = before;
    w->after = after;
    w->gather = (timer){.fire = on_gather, .user = w};
    return w;
}

/* In the log itself, where they are missed. */
static void tell_lost(log_writer *w) {
    if (w->lost)
        text_print(&w->waiting, "%s%llu%s\n", w->before, (unsigned long long)w->lost, w->after);
    w->lost = 0;
}

void log_writer_retire(log_writer *w, log_writer **retired) {
    if (!w) return;
    tell_lost(w);
    w->next = *retired;
    w->prev = retired;
    if (w->next) w->next->prev = &w->next;
    *retired = w;
    begin_write(w);
    end_if_last(w);
}

void log_writer_free(log_writer *w) {
    if (!w) return;
    timer_cancel(&w->gather);
    tell_lost(w);
    log_file_write(w->file, span_of(w->waiting.p, w->waiting.n));
    leave(w);
    w->closed = true;
    end_if_last(w);
}

void log_writer_free_all(log_writer **retired) {
    while (*retired) log_writer_free(*retired);
}

text *log_writer_begin(log_writer *w) {
    if (w->waiting.n > LIMIT_LOG_WAITING) {
        w->lost++;
        return NULL;
    }
    tell_lost(w);
    return &w->waiting;
}

void log_writer_end(log_writer *w) {
    if (w->waiting.n >= GATHER_BYTES && !w->gather.prev)
        begin_write(w);
    else if (!w->busy && !w->gather.prev)
        timer_arm(w->loop, &w->gather, GATHER_MS);
}
