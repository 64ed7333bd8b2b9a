#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "netio/link_impl.h"

/* What an event's pointer is: a link, a task when this bit is set, libuv when it is NULL. */
#define IS_TASK 1u

static bool control(loop *l, int op, int fd, uint32_t events, void *what) {
    struct epoll_event e = {.events = events, .data.ptr = what};
    return epoll_ctl(l->poll, op, fd, &e) == 0;
}

static void *tagged(loop_task *t) { return (char *)t + IS_TASK; }

bool loop_poll_open(loop *l) {
    l->poll = epoll_create1(EPOLL_CLOEXEC);
    if (l->poll < 0) return false;
    if (control(l, EPOLL_CTL_ADD, uv_backend_fd(&l->uv), EPOLLIN, NULL)) return true;
    close(l->poll);
    return false;
}

void loop_poll_close(loop *l) { close(l->poll); }

bool loop_poll_link(loop *l, int fd, net_link *k) {
    return control(l, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP | EPOLLET, k);
}

void loop_poll_again(loop *l, int fd, net_link *k) {
    control(l, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, k);
}

bool loop_poll_task(loop *l, int fd, uint32_t events, loop_task *t) {
    return control(l, EPOLL_CTL_ADD, fd, events, tagged(t));
}

void loop_poll_change(loop *l, int fd, uint32_t events, loop_task *t) {
    control(l, EPOLL_CTL_MOD, fd, events, tagged(t));
}

void loop_poll_forget(loop *l, int fd) { control(l, EPOLL_CTL_DEL, fd, 0, NULL); }

/* Waits for events, for wait_ms (-1: for ever) or until the alarm, whatever comes first. Kernels
 * before 5.11 know milliseconds only: rounded up, so that the alarm is late and nobody spins. */
static int wait_events(loop *l, struct epoll_event *events, int wait_ms) {
    uint64_t now = l->alarm_us && wait_ms ? loop_now_us() : 0;
    if (!now) return epoll_wait(l->poll, events, LOOP_EVENTS, wait_ms);
    uint64_t left = l->alarm_us > now ? l->alarm_us - now : 0;
    if (wait_ms > 0 && left / 1000 >= (uint64_t)wait_ms)
        return epoll_wait(l->poll, events, LOOP_EVENTS, wait_ms);
    if (left / 1000000 > INT_MAX / 1000) left = INT_MAX / 1000 * UINT64_C(1000000);
    struct timespec t = {.tv_sec = (time_t)(left / 1000000),
                         .tv_nsec = (long)(left % 1000000) * 1000};
    int n = epoll_pwait2(l->poll, events, LOOP_EVENTS, &t, NULL);
    if (n >= 0 || errno != ENOSYS) return n;
    return epoll_wait(l->poll, events, LOOP_EVENTS, (int)((left + 999) / 1000));
}

void loop_poll_wait(loop *l, int wait_ms) {
    struct epoll_event events[LOOP_EVENTS];
    int n = wait_events(l, events, wait_ms);
    uv_update_time(&l->uv);
    for (int i = 0; i < n; i++) {
        const char *what = events[i].data.ptr;
        if (!what) continue;
        __builtin_prefetch(what, 1);
        __builtin_prefetch(what + 64);
    }
    for (int i = 0; i < n; i++) {
        char *what = events[i].data.ptr;
        if (!what) {
            l->uv_due = true;
        } else if ((uintptr_t)what & IS_TASK) {
            loop_soon(l, (loop_task *)(void *)(what - IS_TASK));
        } else {
            link_ready((net_link *)(void *)what, events[i].events);
        }
    }
}
