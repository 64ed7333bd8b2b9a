/* What the floors share: a loop over sockets that hands out whole frames. A floor is a bench of the
 * machine, not a server: it does the least that any server must do for the same load, trusts the
 * peer in everything, and knows only what h2load sends.
 *
 * A program includes this once, fills in its calls and runs floor_main. */
#ifndef H2BOX_BENCH_FLOOR_H
#define H2BOX_BENCH_FLOOR_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/h2_frame.h"

enum {
    FLOOR_ROOM = 65536,                        /* one read */
    FLOOR_REST = H2_FRAME_HEAD + 16384,        /* a frame that is not there in whole yet */
    FLOOR_EVENTS = 1024,                       /* of one wait */
    FLOOR_MASK = EPOLLIN | EPOLLOUT | EPOLLET, /* edges: nothing to arm or disarm later */
};

/* The first member of a floor's own connection. */
typedef struct floor_peer {
    int fd;
    bool greeted; /* the preface was cut off */
    uint32_t rest_n;
    uint8_t *rest; /* the begin of a frame; NULL until a read ends within one */
} floor_peer;

typedef struct floor_calls {
    size_t size; /* of a connection; zeroed at its birth */
    void (*frame)(floor_peer *p, h2_frame f, const uint8_t *payload);
    void (*turn)(floor_peer *p); /* after the frames of a read, and when the socket has room */
} floor_calls;

static uint8_t floor_input[FLOOR_REST + FLOOR_ROOM];

static void floor_fail(const char *what) {
    perror(what);
    exit(1);
}

static int floor_listen(const char *port) {
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)atoi(port)),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* the accepted ones inherit it */
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0) floor_fail("bind");
    if (listen(fd, 4096) != 0) floor_fail("listen");
    return fd;
}

static void floor_accept(int listener, int epoll, size_t size) {
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        floor_peer *p = calloc(1, size);
        if (!p) floor_fail("calloc");
        p->fd = fd;
        struct epoll_event e = {.events = FLOOR_MASK, .data.ptr = p};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) floor_fail("epoll_ctl");
    }
    if (errno != EAGAIN) floor_fail("accept4");
}

static void floor_close(floor_peer *p) {
    close(p->fd);
    free(p->rest);
    free(p);
}

/* Hands out the whole frames of n bytes and keeps what is left. */
static void floor_cut(floor_peer *p, size_t n, const floor_calls *calls) {
    const uint8_t *at = floor_input, *end = at + n;
    if (!p->greeted && n >= H2_PREFACE_SIZE) {
        at += H2_PREFACE_SIZE;
        p->greeted = true;
    }
    while (p->greeted && (size_t)(end - at) >= H2_FRAME_HEAD) {
        h2_frame f = {.length = bytes_get24(at),
                      .type = at[3],
                      .flags = at[4],
                      .stream_id = bytes_get32(at + 5) & H2_ID_MASK};
        if ((size_t)(end - at) < H2_FRAME_HEAD + f.length) break;
        calls->frame(p, f, at + H2_FRAME_HEAD);
        at += H2_FRAME_HEAD + f.length;
    }
    p->rest_n = (uint32_t)(end - at);
    if (!p->rest_n) return;
    if (!p->rest) p->rest = malloc(FLOOR_REST);
    if (!p->rest || p->rest_n > FLOOR_REST) floor_fail("a frame too large");
    memcpy(p->rest, at, p->rest_n);
}

/* Reads what is there. False when the peer is gone. */
static bool floor_read(floor_peer *p, const floor_calls *calls) {
    ssize_t n;
    do {
        if (p->rest_n) memcpy(floor_input, p->rest, p->rest_n);
        n = read(p->fd, floor_input + p->rest_n, FLOOR_ROOM);
        if (n < 0 && errno == EAGAIN) return true;
        if (n <= 0) return false;
        floor_cut(p, p->rest_n + (size_t)n, calls);
        calls->turn(p);
    } while (n == FLOOR_ROOM); /* a short read has emptied the socket */
    return true;
}

static void floor_main(const char *port, const floor_calls *calls) {
    static struct epoll_event events[FLOOR_EVENTS];
    int listener = floor_listen(port), epoll = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) != 0) floor_fail("epoll");
    for (;;) {
        int n = epoll_wait(epoll, events, FLOOR_EVENTS, -1);
        if (n < 0 && errno != EINTR) floor_fail("epoll_wait");
        for (int i = 0; i < n; i++) {
            floor_peer *p = events[i].data.ptr;
            if (!p) {
                floor_accept(listener, epoll, calls->size);
            } else if (events[i].events & (EPOLLERR | EPOLLHUP)) {
                floor_close(p);
            } else if (!(events[i].events & EPOLLIN)) {
                calls->turn(p);
            } else if (!floor_read(p, calls)) {
                floor_close(p);
            }
        }
    }
}

#endif
