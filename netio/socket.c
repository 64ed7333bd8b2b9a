#include "netio/socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <strings.h>

#include "core/limits.h"
#include "netio/loop_impl.h"

bool socket_numeric(socket_address *a, const char *text, uint16_t port) {
    char bare[INET6_ADDRSTRLEN + 20];
    size_t n = strlen(text);
    memset(a, 0, sizeof *a);
    if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n >= sizeof bare) return false;
    memcpy(bare, text, n);
    bare[n] = 0;
    if (uv_ip4_addr(bare, port, &a->v4) == 0) return true;
    memset(a, 0, sizeof *a);
    return uv_ip6_addr(bare, port, &a->v6) == 0;
}

bool socket_path(socket_address *a, const char *path) {
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof a->un.sun_path) return false;
    memset(a, 0, sizeof *a);
    a->un.sun_family = AF_UNIX;
    memcpy(a->un.sun_path, path, n);
    return true;
}

bool socket_localhost(const char *host) {
    size_t n = strlen(host);
    if (n && host[n - 1] == '.') n--; /* a fully qualified name */
    if (n < 9 || strncasecmp(host + n - 9, "localhost", 9) != 0) return false;
    return n == 9 || host[n - 10] == '.';
}

void socket_print(const socket_address *a, socklen_t size, char text[SOCKET_TEXT]) {
    *text = 0;
    if (a->any.sa_family == AF_UNIX) {
        size_t before = offsetof(struct sockaddr_un, sun_path);
        snprintf(text, SOCKET_TEXT, "%.*s", size > before ? (int)(size - before) : 0,
                 a->un.sun_path);
    } else if (a->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &a->v4.sin_addr, text, SOCKET_TEXT);
    } else if (a->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &a->v6.sin6_addr, text, SOCKET_TEXT);
    }
}

uint16_t socket_port(const socket_address *a) {
    if (a->any.sa_family == AF_INET) return ntohs(a->v4.sin_port);
    return a->any.sa_family == AF_INET6 ? ntohs(a->v6.sin6_port) : 0;
}

socklen_t socket_size(const socket_address *a) {
    switch (a->any.sa_family) {
    case AF_INET: return sizeof a->v4;
    case AF_INET6: return sizeof a->v6;
    default: return sizeof a->un;
    }
}

static void take_ahead(int fd, unsigned step) {
    int bytes = LIMIT_NOTSENT << step;
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
}

int socket_new(loop *l, int family) {
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    if (family != AF_UNIX) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        take_ahead(fd, 0);
    }
    if (l->fault) fault_socket(l->fault, fd);
    return fd;
}

unsigned socket_drained(int fd, unsigned step, uint64_t after_ms) {
    if (after_ms < LIMIT_NOTSENT_FAST_MS && step < LIMIT_NOTSENT_STEPS) {
        take_ahead(fd, ++step);
    } else if (after_ms >= LIMIT_NOTSENT_SLOW_MS && step) {
        take_ahead(fd, --step);
    }
    return step;
}

void socket_reset(int fd) {
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
}
