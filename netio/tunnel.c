#include "netio/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base64.h"
#include "core/h1_parse.h"
#include "core/limits.h"

struct tunnel {
    loop *loop;
    int fd;
    loop_task ready;
    void (*done)(void *user, const char *why, span rest);
    void *user;
    uint8_t *request;
    size_t request_n, request_room;
    uint64_t sent; /* bytes of it */
    size_t have;   /* bytes of the answer */
    uint8_t answer[LIMIT_TUNNEL_ANSWER];
};

#define EDGES ((uint32_t)(EPOLLIN | EPOLLOUT | EPOLLET))

void tunnel_cancel(tunnel *t) {
    loop *l = t->loop;
    loop_poll_forget(l, t->fd);
    loop_task_cancel(l, &t->ready);
    mem_give(&l->mem, t->request, t->request_room);
    mem_give(&l->mem, t, sizeof *t);
}

static void fail(tunnel *t, const char *why) {
    void (*done)(void *, const char *, span) = t->done;
    void *user = t->user;
    tunnel_cancel(t);
    done(user, why, span_of(NULL, 0));
}

/* ---- the answer ---- */

/* Good until eight more were made by this thread. */
static const char *refusal(unsigned status) {
    static _Thread_local char kept[8][32];
    static _Thread_local unsigned next;
    char *text = kept[next++ % 8];
    snprintf(text, sizeof kept[0], "the proxy answered %u", status);
    return text;
}

/* Looks at what has come; true when the tunnel is gone by that. */
static bool judge(tunnel *t) {
    size_t line_at = 0, n;
    span all = span_of(t->answer, t->have);
    while ((n = h1_parse_whole(all, &line_at)) != 0) {
        h1_line line;
        span head = span_head(all, n);
        all = span_skip(all, n);
        line_at = 0;
        h1_fault f = h1_parse_status_line(&head, &line);
        if (f.status || line.status == 101) {
            fail(t, "the proxy does not answer as one of HTTP/1.1");
            return true;
        }
        if (line.status < 200) continue; /* RFC 9110 section 15.2 */
        if (line.status >= 300) {
            fail(t, refusal(line.status));
            return true;
        }
        uint8_t rest[LIMIT_TUNNEL_ANSWER];
        void (*done)(void *, const char *, span) = t->done;
        void *user = t->user;
        if (all.n) memcpy(rest, all.p, all.n);
        tunnel_cancel(t);
        done(user, NULL, span_of(rest, all.n));
        return true;
    }
    if (t->have < sizeof t->answer) return false;
    fail(t, "the proxy's answer is too long");
    return true;
}

/* ---- bytes ---- */

/* False when it is gone. */
static bool write_request(tunnel *t) {
    loop *l = t->loop;
    while (t->sent < t->request_n) {
        struct iovec iov = {t->request + t->sent, t->request_n - t->sent};
        ssize_t n =
            l->fault ? fault_writev(l->fault, t->fd, &iov, 1, t->sent) : writev(t->fd, &iov, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) {
            fail(t, loop_error_text(errno));
            return false;
        }
        t->sent += (uint64_t)n;
    }
    return true;
}

static void read_answer(tunnel *t) {
    loop *l = t->loop;
    for (;;) {
        uint8_t *p = t->answer + t->have;
        size_t room = sizeof t->answer - t->have;
        ssize_t n = l->fault ? fault_read(l->fault, t->fd, p, room) : read(t->fd, p, room);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) {
            fail(t, n < 0 ? loop_error_text(errno) : "the proxy closed the connection");
            return;
        }
        t->have += (size_t)n;
        if (judge(t)) return;
    }
    /* fault.c has not asked the socket: ask for its edges again. */
    if (l->fault) loop_poll_change(l, t->fd, EDGES, &t->ready);
}

static void on_ready(loop_task *task) {
    tunnel *t = (tunnel *)(void *)((char *)task - offsetof(tunnel, ready));
    if (!t->request)
        fail(t, "a host that a proxy cannot be asked for");
    else if (write_request(t))
        read_answer(t);
}

/* ---- the request ---- */

/* As an authority has it: addresses of IPv6 stand in brackets. */
static size_t put_authority(char *p, size_t room, const char *host, uint16_t port) {
    bool bare = strchr(host, ':') && *host != '[';
    return (size_t)snprintf(p, room, "%s%s%s:%u", bare ? "[" : "", host, bare ? "]" : "", port);
}

/* What stands in a request line, and does not end it. */
static bool is_host(const char *host) {
    if (!*host || strncmp(host, "unix:", 5) == 0) return false;
    for (; *host; host++)
        if (*host <= ' ' || *host >= 0x7f) return false;
    return true;
}

/* False when memory is refused. */
static bool make_request(tunnel *t, const char *host, uint16_t port, const char *credentials) {
    static const char basic[] = "\r\nproxy-authorization: Basic ";
    size_t n = strlen(host) + 8, words = credentials ? strlen(credentials) : 0;
    t->request_room = 2 * n + 40 + sizeof basic + (words + 2) / 3 * 4;
    t->request = mem_take(&t->loop->mem, t->request_room);
    if (!t->request) return false;
    char *p = (char *)t->request, *end = p + t->request_room;
    p += snprintf(p, (size_t)(end - p), "CONNECT ");
    p += put_authority(p, (size_t)(end - p), host, port);
    p += snprintf(p, (size_t)(end - p), " HTTP/1.1\r\nhost: ");
    p += put_authority(p, (size_t)(end - p), host, port);
    if (credentials) {
        p += snprintf(p, (size_t)(end - p), "%s", basic);
        p += base64_put((uint8_t *)p, span_str(credentials));
    }
    p += snprintf(p, (size_t)(end - p), "\r\n\r\n");
    t->request_n = (size_t)(p - (char *)t->request);
    return true;
}

tunnel *tunnel_ask(loop *l, int fd, const char *host, uint16_t port, const char *credentials,
                   void (*done)(void *user, const char *why, span rest), void *user) {
    tunnel *t = mem_take(&l->mem, sizeof *t);
    if (!t) return NULL;
    t->loop = l;
    t->fd = fd;
    t->ready = (loop_task){.run = on_ready};
    t->done = done;
    t->user = user;
    t->request = NULL;
    t->request_n = t->request_room = t->have = 0;
    t->sent = 0;
    if ((is_host(host) && !make_request(t, host, port, credentials)) ||
        !loop_poll_task(l, fd, EDGES, &t->ready)) {
        mem_give(&l->mem, t->request, t->request_room);
        mem_give(&l->mem, t, sizeof *t);
        return NULL;
    }
    return t;
}
