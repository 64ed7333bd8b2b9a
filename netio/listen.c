#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/handshake.h"
#include "netio/link_impl.h"
#include "netio/resolve.h"
#include "netio/socket.h"

struct listener {
    loop *loop;
    listener *next, **prev; /* in loop.listeners */
    const listen_calls *calls;
    void *user;
    loop_task ready;
    timer retry; /* armed while there are no descriptors left */
    int fd;
    uint32_t retry_ms;
    uint64_t rests_ms; /* until then, while the retry is armed, unless */
    unsigned held;     /* the loop has less to do than when it began */
    uint16_t port;
    bool accepting; /* its callbacks may run: who closes it now leaves it to be freed after them */
    bool closed;
    char path[sizeof((struct sockaddr_un *)0)->sun_path]; /* "": not a UNIX socket */
    dev_t device; /* of our socket file: another one at that path is not ours to remove */
    ino_t inode;
};

/* ---- accepting ---- */

/* Looks away for a time, or until something of this loop has ended, whose descriptors others may
 * have: a queue of clients who had left kept a proxy deaf for one time after the other. */
static void rest(listener *s) {
    uint64_t now = loop_now_ms(s->loop);
    uint64_t left = s->rests_ms > now ? s->rests_ms - now : 0;
    timer_arm(s->loop, &s->retry, left < LIMIT_ACCEPT_RETRY_MS ? left : LIMIT_ACCEPT_RETRY_MS);
}

static void on_retry(timer *t) {
    listener *s = t->user;
    if (s->loop->held >= s->held && loop_now_ms(s->loop) < s->rests_ms)
        rest(s);
    else
        loop_poll_change(s->loop, s->fd, EPOLLIN, &s->ready);
}

static void on_shaken(void *user, const void *calls, const link_birth *birth, net_link *k,
                      const char *why) {
    if (k)
        ((const listen_calls *)calls)->opened(user, k);
    else
        birth->calls->closed(birth->user, NULL, why);
}

static void take_connection(listener *s, int fd) {
    link_birth birth = {.calls = NULL};
    net_link *k = NULL;
    bool taken = s->calls->accept(s->user, &birth);
    if (taken && (birth.tls || birth.proxy_header)) {
        handshake_begin b = {.birth = birth,
                             .fd = fd,
                             .limit_ms =
                                 birth.proxy_header ? LIMIT_PROXY_HEADER_MS : LIMIT_HANDSHAKE_MS,
                             .listener = s,
                             .done = on_shaken,
                             .user = s->user,
                             .calls = s->calls};
        if (handshake_new(s->loop, &b)) return;
    } else if (taken) {
        k = link_new(s->loop, fd, &birth, NULL, NULL);
    }
    if (k) {
        s->calls->opened(s->user, k);
        return;
    }
    close(fd);
    if (taken) birth.calls->closed(birth.user, NULL, "out of memory");
}

static void accept_some(listener *s) {
    for (unsigned n = 0; n < LIMIT_ACCEPTS && !s->closed; n++) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take_connection(s, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The connection stays in the queue and the socket readable: looking away is what keeps
             * this from spinning. */
            loop_poll_change(s->loop, s->fd, 0, &s->ready);
            s->rests_ms = loop_now_ms(s->loop) + s->retry_ms;
            s->held = s->loop->held;
            rest(s);
            return;
        } /* else the peer was gone before it was accepted: the next one */
    }
}

static void on_ready(loop_task *t) {
    listener *s = (listener *)(void *)((char *)t - offsetof(listener, ready));
    s->accepting = true;
    accept_some(s);
    s->accepting = false;
    if (s->closed) mem_give(&s->loop->mem, s, sizeof *s);
}

/* ---- UNIX sockets ---- */

/* Removes a socket file that nobody listens on any more; anything else stays and makes bind fail.
 */
static void remove_stale(const struct sockaddr_un *a) {
    struct stat st;
    if (lstat(a->sun_path, &st) != 0 || !S_ISSOCK(st.st_mode)) return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    if (connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED)
        unlink(a->sun_path);
    close(fd);
}

static void note_path(listener *s, const struct sockaddr_un *a) {
    struct stat st;
    if (lstat(a->sun_path, &st) != 0) return;
    s->device = st.st_dev;
    s->inode = st.st_ino;
    memcpy(s->path, a->sun_path, sizeof s->path);
}

static void remove_path(const listener *s) {
    struct stat st;
    if (*s->path && lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
        unlink(s->path);
}

/* ---- opening ---- */

static int bound_socket(loop *l, const socket_address *a, bool reuse_port) {
    int on = 1;
    int fd = socket_new(l, a->any.sa_family);
    if (fd < 0) return -1;
    /* Accepted sockets inherit what socket_new has set: no system call for each of them. */
    if (a->any.sa_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (reuse_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
        if (a->any.sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    } else {
        remove_stale(&a->un);
    }
    if (bind(fd, &a->any, socket_size(a)) == 0) return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static uint16_t bound_port(int fd) {
    socket_address bound = {.any.sa_family = AF_UNSPEC};
    socklen_t size = sizeof bound;
    return getsockname(fd, &bound.any, &size) == 0 ? socket_port(&bound) : 0;
}

bool listen_probe(loop *l, listen_address *address, const char **why) {
    socket_address a;
    *why = NULL;
    if (!socket_numeric(&a, address->text, address->port)) return true;
    int fd = bound_socket(l, &a, false);
    if (fd < 0) {
        *why = loop_error_text(errno);
        return false;
    }
    address->port = bound_port(fd);
    close(fd);
    return true;
}

int listen_bind(loop *l, const listen_address *address, const char **why) {
    socket_address a;
    *why = "the path is too long";
    if (!socket_numeric(&a, address->text, address->port) && !socket_path(&a, address->text))
        return -1;
    int fd = bound_socket(l, &a, address->reuse_port);
    *why = fd < 0 ? loop_error_text(errno) : NULL;
    return fd;
}

/* One that was made elsewhere; nothing of it is changed when it cannot be used. */
static int inherited_socket(loop *l, int fd, bool bound) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) return -1;
    if (!listens && !bound) {
        errno = EINVAL;
        return -1;
    }
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return -1;
    if (l->fault) fault_socket(l->fault, fd);
    return fd;
}

/* -1 with errno. */
static int listening_socket(loop *l, const listen_address *address, const socket_address *a) {
    int fd = address->inherited ? inherited_socket(l, address->fd, address->bound)
                                : bound_socket(l, a, address->reuse_port);
    if (fd < 0) return -1;
    /* A system that does not want it goes on without. */
    if (address->fastopen && a->any.sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &address->fastopen, sizeof address->fastopen);
    /* Again, of one that is inherited: the backlog may be another. */
    if (listen(fd, address->backlog ? address->backlog : LIMIT_BACKLOG) == 0) return fd;
    int error = errno;
    if (!address->inherited) close(fd);
    errno = error;
    return -1;
}

listener *listen_open(loop *l, const listen_address *address, const listen_calls *calls, void *user,
                      const char **why) {
    socket_address a;
    *why = l->closing ? "the loop ends" : DIAL_NO_MEMORY;
    listener *s = l->closing ? NULL : mem_take(&l->mem, sizeof *s);
    if (!s) return NULL;
    *s = (listener){.loop = l, .calls = calls, .user = user, .fd = -1};
    s->retry_ms = address->retry_ms ? address->retry_ms : LIMIT_ACCEPT_RETRY_MS;
    if (!socket_numeric(&a, address->text, address->port) && !socket_path(&a, address->text)) {
        *why = "the path is too long";
    } else if ((s->fd = listening_socket(l, address, &a)) < 0) {
        *why = loop_error_text(errno);
    } else if (!loop_poll_task(l, s->fd, EPOLLIN, &s->ready)) {
        *why = "it cannot be watched";
        if (!address->inherited) close(s->fd);
        s->fd = -1;
    }
    if (s->fd < 0) {
        mem_give(&l->mem, s, sizeof *s);
        return NULL;
    }
    s->port = bound_port(s->fd);
    if (a.any.sa_family == AF_UNIX) note_path(s, &a.un);
    s->ready.run = on_ready;
    s->retry = (timer){.fire = on_retry, .user = s};
    s->next = l->listeners;
    s->prev = &l->listeners;
    if (s->next) s->next->prev = &s->next;
    l->listeners = s;
    loop_hold(l);
    *why = NULL;
    return s;
}

int listen_socket(const listener *s) { return s->fd; }

uint16_t listen_port(const listener *s) { return s->port; }

void listen_close(listener *s) {
    if (!s || s->closed) return;
    loop *l = s->loop;
    s->closed = true;
    timer_cancel(&s->retry);
    loop_task_cancel(l, &s->ready);
    handshake_abandon(l, s);
    remove_path(s);
    loop_poll_forget(l, s->fd); /* somebody else may have a dup(2) of it */
    close(s->fd);
    *s->prev = s->next;
    if (s->next) s->next->prev = s->prev;
    if (!s->accepting) mem_give(&l->mem, s, sizeof *s);
    loop_release(l);
}

void listen_leave(listener *s) {
    if (s && !s->closed) handshake_set_free(s->loop, s);
    listen_close(s);
}

/* ---- names ---- */

static bool put(listen_address *out, size_t room, size_t *n, const char *text, uint16_t port) {
    if (*n >= room || strlen(text) >= sizeof out->text) return false;
    out[*n] = (listen_address){.port = port};
    strcpy(out[*n].text, text);
    ++*n;
    return true;
}

static bool has_family(int family) {
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) close(fd);
    return fd >= 0;
}

static size_t resolve_by_name(const char *host, uint16_t port, listen_address *out, size_t room,
                              const char **why) {
    struct addrinfo *list, hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    size_t n = 0;
    resolve_prepare();
    int error = getaddrinfo(host, NULL, &hints, &list);
    if (error) {
        *why = resolve_error_text(error);
        return 0;
    }
    for (struct addrinfo *a = list; a; a = a->ai_next) {
        char text[NI_MAXHOST];
        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0)
            put(out, room, &n, text, port);
    }
    freeaddrinfo(list);
    if (!n) *why = "the name has no address";
    return n;
}

size_t listen_resolve(const char *host, uint16_t port, listen_address *out, size_t room,
                      const char **why) {
    socket_address a;
    size_t n = 0;
    *why = NULL;
    if (!host) {
        put(out, room, &n, "0.0.0.0", port);
        if (has_family(AF_INET6)) put(out, room, &n, "::", port);
    } else if (strncmp(host, "unix:", 5) == 0) {
        if (!socket_path(&a, host + 5) || !put(out, room, &n, host + 5, 0))
            *why = "the path is too long";
    } else if (socket_numeric(&a, host, port)) {
        size_t bare = strlen(host);
        put(out, room, &n, host, port);
        if (n && *host == '[') { /* as in a URI */
            memmove(out->text, out->text + 1, bare - 2);
            out->text[bare - 2] = 0;
        }
    } else if (socket_localhost(host)) {
        put(out, room, &n, "127.0.0.1", port);
        if (has_family(AF_INET6)) put(out, room, &n, "::1", port);
    } else {
        return resolve_by_name(host, port, out, room, why);
    }
    if (!n && !*why) *why = "the address is too long";
    return n;
}
