/* netio/socket.c: how much a socket takes ahead of the network. */
#include <criterion/criterion.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "core/limits.h"
#include "netio/socket.h"

static int ahead(int fd) {
    int bytes = 0;
    socklen_t size = sizeof bytes;
    cr_assert_eq(getsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, &size), 0);
    return bytes;
}

Test(socket, what_it_takes_ahead_follows_the_network) {
    loop *l = loop_new();
    int fd = socket_new(l, AF_INET);
    unsigned step = 0;
    cr_assert_eq(ahead(fd), LIMIT_NOTSENT);
    step = socket_drained(fd, step, LIMIT_NOTSENT_SLOW_MS); /* it is never less */
    cr_assert_eq(step, 0);
    cr_assert_eq(ahead(fd), LIMIT_NOTSENT);
    step = socket_drained(fd, step, 0);
    cr_assert_eq(step, 1);
    cr_assert_eq(ahead(fd), 2 * LIMIT_NOTSENT);
    step = socket_drained(fd, step, LIMIT_NOTSENT_FAST_MS); /* neither fast nor slow */
    cr_assert_eq(ahead(fd), 2 * LIMIT_NOTSENT);
    for (unsigned i = 0; i < 20; i++) step = socket_drained(fd, step, LIMIT_NOTSENT_FAST_MS - 1);
    cr_assert_eq(step, LIMIT_NOTSENT_STEPS);
    cr_assert_eq(ahead(fd), LIMIT_NOTSENT << LIMIT_NOTSENT_STEPS);
    step = socket_drained(fd, step, LIMIT_NOTSENT_SLOW_MS);
    cr_assert_eq(ahead(fd), LIMIT_NOTSENT << (LIMIT_NOTSENT_STEPS - 1));
    close(fd);
    loop_free(l);
}

Test(socket, others_have_no_such_thing) {
    loop *l = loop_new();
    int fd = socket_new(l, AF_UNIX);
    cr_assert_eq(socket_drained(fd, 0, 0), 1);
    close(fd);
    loop_free(l);
}
