#include "applets/server/access_log.h"
#include "applets/common/text.h"
#include "core/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Lines wait this long for others, or until there are so many bytes of them. */
#define GATHER_MS    500u
#define GATHER_BYTES 32768u

/* Who reads stdout may have stopped: pieces that fit a pipe which is ready, and no longer wait. */
#define PIPE_PIECE   4096u
#define PIPE_WAIT_MS 2000

struct access_log {
    int fd;
    bool is_stdout;
    bool patient;     /* a regular file: writes end */
    atomic_bool busy; /* a thread of the pool writes: never two of them, for both might wait */
    char path[];
};

struct access_log_writer {
    loop *loop;
    access_log *log;
    text waiting, writing;
    uint64_t dropped; /* lines */
    bool busy;        /* a thread writes */
    bool closed;
    timer gather;
};

struct access_log_entry {
    size_t size; /* of all of it */
    span before, after;
    uint8_t bytes[];
};

/* ---- the file ---- */

access_log *access_log_open(const char *path, const char **why) {
    bool is_stdout = strcmp(path, "-") == 0;
    /* The whole path: a daemon leaves the directory it was started in. */
    char *here = *path == '/' || is_stdout ? NULL : getcwd(NULL, 0);
    size_t n = strlen(path) + (here ? strlen(here) : 0) + 2;
    access_log *a = malloc(sizeof *a + n);
    *why = "out of memory";
    if (a) {
        snprintf(a->path, n, "%s%s%s", here ? here : "", here ? "/" : "", path);
        a->is_stdout = is_stdout;
        a->fd = is_stdout ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                          : open(a->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
        struct stat st;
        atomic_init(&a->busy, false);
        a->patient = a->fd >= 0 && fstat(a->fd, &st) == 0 && S_ISREG(st.st_mode);
        if (a->fd < 0) {
            *why = strerror(errno);
            free(a);
            a = NULL;
        }
    }
    free(here);
    return a;
}

bool access_log_reopen(access_log *a, const char **why) {
    if (a->is_stdout) return true;
    int fd = open(a->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    /* In one step: writers have the one or the other. */
    if (fd >= 0 && dup3(fd, a->fd, O_CLOEXEC) >= 0) {
        close(fd);
        return true;
    }
    *why = strerror(errno);
    if (fd >= 0) close(fd);
    return false;
}

void access_log_close(access_log *a) {
    if (!a) return;
    close(a->fd);
    free(a);
}

/* ---- writing ---- */

static void write_all(const access_log *a, const text *t) {
    span rest = span_of(t->p, t->n);
    while (rest.n) {
        struct pollfd ready = {.fd = a->fd, .events = POLLOUT};
        if (!a->patient && poll(&ready, 1, PIPE_WAIT_MS) == 0) return;
        size_t piece = a->patient || rest.n < PIPE_PIECE ? rest.n : PIPE_PIECE;
        ssize_t n = write(a->fd, rest.p, piece);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return; /* nobody can be told: the disk is full, or the reader gone */
        rest = span_skip(rest, (size_t)n);
    }
}

static void run(void *user) {
    const access_log_writer *w = user;
    write_all(w->log, &w->writing);
}

static void begin_write(access_log_writer *w);

static void free_writer(access_log_writer *w) {
    if (w->busy || !w->closed) return;
    text_end(&w->waiting);
    text_end(&w->writing);
    mem_give(loop_mem(w->loop), w, sizeof *w);
}

static void on_written(void *user, bool ran) {
    access_log_writer *w = user;
    if (!ran) write_all(w->log, &w->writing);
    atomic_store(&w->log->busy, false);
    w->busy = false;
    text_clear(&w->writing);
    if (!w->closed && w->waiting.n >= GATHER_BYTES)
        begin_write(w);
    else if (!w->closed && w->waiting.n)
        timer_arm(w->loop, &w->gather, GATHER_MS);
    free_writer(w);
}

static void begin_write(access_log_writer *w) {
    text full = w->waiting;
    if (w->busy || !full.n) return;
    timer_cancel(&w->gather);
    if (atomic_exchange(&w->log->busy, true)) { /* another worker's turn */
        timer_arm(w->loop, &w->gather, GATHER_MS / 10);
        return;
    }
    w->waiting = w->writing;
    w->writing = full;
    w->busy = true;
    if (loop_work(w->loop, run, on_written, w)) return;
    atomic_store(&w->log->busy, false);
    w->busy = false;
    text_clear(&w->writing); /* there is no memory: lines are the least of it */
}

static void on_gather(timer *t) { begin_write(t->user); }

access_log_writer *access_log_writer_new(loop *l, access_log *a) {
    access_log_writer *w = mem_take_zero(loop_mem(l), sizeof *w);
    if (!w) return NULL;
    w->loop = l;
    w->log = a;
    w->gather = (timer){.fire = on_gather, .user = w};
    return w;
}

void access_log_writer_free(access_log_writer *w) {
    if (!w) return;
    timer_cancel(&w->gather);
    write_all(w->log, &w->waiting);
    w->closed = true;
    free_writer(w);
}

/* ---- lines ---- */

/* As Apache's log has it: what could end a line or a quoted string is written as \xHH. */
static size_t put_escaped(uint8_t *out, span s, size_t most) {
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (size_t i = 0; i < s.n && i < most; i++) {
        uint8_t c = s.p[i];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            out[n++] = c;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = (uint8_t)hex[c >> 4];
        out[n++] = (uint8_t)hex[c & 15];
    }
    return n;
}

static size_t put(uint8_t *out, span s) {
    if (s.n) memcpy(out, s.p, s.n);
    return s.n;
}

/* [28/Nov/2026:10:15:30 +0000]: universal time, so that no local clock can be set back. */
static size_t put_time(uint8_t *out, size_t room, int64_t seconds) {
    time_t t = (time_t)seconds;
    struct tm tm;
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    if (!gmtime_r(&t, &tm)) return 0;
    int n = snprintf((char *)out, room, " - - [%02d/%s/%d:%02d:%02d:%02d +0000] \"", tm.tm_mday,
                     months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return n < 0 || (size_t)n >= room ? 0 : (size_t)n;
}

static span cut(span s, size_t most) { return span_head(s, most); }

static span value_of(const http_event *ev, http_token token) {
    const http_field *f = fields_find(ev->fields, ev->field_count, token);
    return f && f->value.n ? f->value : SPAN("-");
}

static span protocol_of(net_link *k) {
    const char *protocol = session_protocol(link_session(k));
    return *protocol == 'h' && protocol[1] == '2' ? SPAN("HTTP/2.0") : SPAN("HTTP/1.1");
}

access_log_entry *access_log_begin(access_log_writer *w, net_link *k, const http_event *ev) {
    span peer = span_str(link_peer(k)), method = cut(ev->summary.method, 32);
    span path = cut(ev->summary.path, LIMIT_LOG_TARGET);
    span referer = cut(value_of(ev, HTTP_TOKEN_REFERER), LIMIT_LOG_FIELD);
    span agent = cut(value_of(ev, HTTP_TOKEN_USER_AGENT), LIMIT_LOG_FIELD);
    size_t size =
        sizeof(access_log_entry) + 128 + 4 * (peer.n + method.n + path.n + referer.n + agent.n);
    access_log_entry *e = mem_take(loop_mem(w->loop), size);
    if (!e) return NULL;
    uint8_t *at = e->bytes;
    if (!peer.n) peer = SPAN("-");
    at += put_escaped(at, peer, peer.n); /* of a UNIX socket it is a path of the peer's choice */
    at += put_time(at, 64, loop_unix_seconds(w->loop));
    at += put_escaped(at, method, method.n);
    *at++ = ' ';
    at += put_escaped(at, path.n ? path : SPAN("-"), path.n + 1);
    *at++ = ' ';
    at += put(at, protocol_of(k));
    *at++ = '"';
    e->before = span_of(e->bytes, (size_t)(at - e->bytes));
    uint8_t *after = at;
    at += put(at, SPAN(" \""));
    at += put_escaped(at, referer, referer.n);
    at += put(at, SPAN("\" \""));
    at += put_escaped(at, agent, agent.n);
    at += put(at, SPAN("\"\n"));
    e->after = span_of(after, (size_t)(at - after));
    e->size = size;
    return e;
}

void access_log_end(access_log_writer *w, access_log_entry *e, unsigned status, uint64_t bytes) {
    text *t = &w->waiting;
    if (!e) return;
    if (t->n > LIMIT_LOG_WAITING) {
        w->dropped++;
    } else {
        if (w->dropped)
            text_print(t, "- - - [-] \"-\" 0 0 \"-\" \"%llu lines were dropped\"\n",
                       (unsigned long long)w->dropped);
        w->dropped = 0;
        text_add(t, e->before);
        text_print(t, " %03u %llu", status, (unsigned long long)bytes);
        text_add(t, e->after);
    }
    mem_give(loop_mem(w->loop), e, e->size);
    if (t->n >= GATHER_BYTES && !w->gather.prev)
        begin_write(w);
    else if (!w->busy && !w->gather.prev)
        timer_arm(w->loop, &w->gather, GATHER_MS);
}
