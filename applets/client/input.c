#include "applets/client/input.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct input {
    loop *loop;
    void (*came)(void *user, span bytes);
    void *user;
    pthread_t thread;
    sem_t wanted; /* the next piece */
    int stop;     /* an eventfd */
    bool posted;  /* a piece is on its way to the loop; the thread writes it before it posts */
    bool closed;
    size_t n;
    uint8_t bytes[16384];
};

static void forget(input *i) {
    close(i->stop);
    sem_destroy(&i->wanted);
    free(i);
}

static void deliver(void *user) {
    input *i = user;
    i->posted = false;
    if (i->closed)
        forget(i);
    else
        i->came(i->user, span_of(i->bytes, i->n));
}

/* False when it is to stop. */
static bool read_piece(input *i) {
    struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
                            {.fd = i->stop, .events = POLLIN}};
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) return false;
        if (fds[1].revents) return false;
        if (!fds[0].revents) continue;
        ssize_t n = read(STDIN_FILENO, i->bytes, sizeof i->bytes);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        i->n = n > 0 ? (size_t)n : 0;
        return true;
    }
}

static void *run(void *user) {
    input *i = user;
    do {
        while (sem_wait(&i->wanted) != 0) {
        }
        if (!read_piece(i)) break;
        i->posted = true;
        if (!loop_post(i->loop, deliver, i)) {
            i->posted = false;
            break;
        }
    } while (i->n);
    return NULL;
}

input *input_open(loop *l, void (*came)(void *user, span bytes), void *user) {
    input *i = calloc(1, sizeof *i);
    if (!i) return NULL;
    i->loop = l;
    i->came = came;
    i->user = user;
    i->stop = eventfd(0, EFD_CLOEXEC);
    sem_init(&i->wanted, 0, 1);
    if (i->stop >= 0 && pthread_create(&i->thread, NULL, run, i) == 0) return i;
    if (i->stop < 0) {
        sem_destroy(&i->wanted);
        free(i);
    } else {
        forget(i);
    }
    return NULL;
}

void input_more(input *i) { sem_post(&i->wanted); }

void input_close(input *i) {
    if (!i) return;
    i->closed = true;
    eventfd_write(i->stop, 1);
    sem_post(&i->wanted);
    pthread_join(i->thread, NULL);
    if (!i->posted) forget(i); /* else the loop does it when the piece arrives */
}
