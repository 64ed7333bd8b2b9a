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
    timer gather;
};

static void run(void *user) {
    const log_writer *w = user;
    log_file_write(w->file, span_of(w->writing.p, w->writing.n));
}

static void begin_write(log_writer *w);

static void free_writer(log_writer *w) {
    if (w->busy || !w->closed) return;
    text_end(&w->waiting);
    text_end(&w->writing);
    mem_give(loop_mem(w->loop), w, sizeof *w);
}

static void on_written(void *user, bool ran) {
    log_writer *w = user;
    if (!ran) run(w);
    log_file_end(w->file);
    w->busy = false;
    text_clear(&w->writing);
    if (!w->closed && w->waiting.n >= GATHER_BYTES)
        begin_write(w);
    else if (!w->closed && w->waiting.n)
        timer_arm(w->loop, &w->gather, GATHER_MS);
    free_writer(w);
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

static void on_gather(timer *t) { begin_write(t->user); }

log_writer *log_writer_new(loop *l, log_file *f, const char *before, const char *after) {
    log_writer *w = mem_take_zero(loop_mem(l), sizeof *w);
    if (!w) return NULL;
    w->loop = l;
    w->file = f;
    w->before = before;
    w->after = after;
    w->gather = (timer){.fire = on_gather, .user = w};
    return w;
}

void log_writer_free(log_writer *w) {
    if (!w) return;
    timer_cancel(&w->gather);
    log_file_write(w->file, span_of(w->waiting.p, w->waiting.n));
    w->closed = true;
    free_writer(w);
}

text *log_writer_begin(log_writer *w) {
    if (w->waiting.n > LIMIT_LOG_WAITING) {
        w->lost++;
        return NULL;
    }
    if (w->lost)
        text_print(&w->waiting, "%s%llu%s\n", w->before, (unsigned long long)w->lost, w->after);
    w->lost = 0;
    return &w->waiting;
}

void log_writer_end(log_writer *w) {
    if (w->waiting.n >= GATHER_BYTES && !w->gather.prev)
        begin_write(w);
    else if (!w->busy && !w->gather.prev)
        timer_arm(w->loop, &w->gather, GATHER_MS);
}
