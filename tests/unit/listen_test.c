/* netio/listen.c: sockets that others have made, listeners that serve another, and what they may be
 * told.
 * timeout: 60 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netio/net.h"

static loop *l;
static unsigned first_asked, second_asked;

static bool on_first(void *user, link_birth *birth) {
    (void)birth;
    first_asked++;
    loop_stop(user);
    return false;
}

static bool on_second(void *user, link_birth *birth) {
    (void)birth;
    second_asked++;
    loop_stop(user);
    return false;
}

static void on_opened(void *user, net_link *k) {
    (void)user;
    (void)k;
}

static void stop(void *user) { loop_stop(user); }

static const listen_calls first = {on_first, on_opened}, second = {on_second, on_opened};

static int bound(bool listens) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (listens) cr_assert_eq(listen(fd, 5), 0);
    return fd;
}

/* Connects, and runs the loop until somebody was asked about it. */
static void knock(uint16_t port) {
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    loop_run(l);
    close(fd);
}

Test(listen, inherited, .timeout = 30) {
    const char *why;
    listen_address a = {.text = "127.0.0.1", .inherited = true, .fd = bound(true)};
    l = loop_new();
    listener *s = listen_open(l, &a, &first, l, &why);
    cr_assert_not_null(s, "%s", why);
    cr_assert_eq(listen_socket(s), a.fd);
    cr_assert(fcntl(a.fd, F_GETFL) & O_NONBLOCK);
    cr_assert(fcntl(a.fd, F_GETFD) & FD_CLOEXEC);
    knock(listen_port(s));
    cr_assert_eq(first_asked, 1);
    listen_close(s);
    cr_assert_eq(fcntl(a.fd, F_GETFL), -1, "it was taken over");
    loop_free(l);
}

Test(listen, inherited_that_does_not_listen, .timeout = 30) {
    const char *why = NULL;
    listen_address a = {.text = "127.0.0.1", .inherited = true, .fd = bound(false)};
    l = loop_new();
    cr_assert_null(listen_open(l, &a, &first, l, &why));
    cr_assert_not_null(why);
    cr_assert_neq(fcntl(a.fd, F_GETFL), -1, "it was not");
    close(a.fd);
    a.fd = STDIN_FILENO;
    cr_assert_null(listen_open(l, &a, &first, l, &why));
    loop_free(l);
}

/* Two loops have a descriptor each of one socket: who waits in its queue when one of them closes
 * its own is served by the other one. */
Test(listen, bound_and_shared, .timeout = 30) {
    const char *why;
    listen_address a = {.text = "127.0.0.1", .reuse_port = true};
    l = loop_new();
    loop *other = loop_new();
    a.fd = listen_bind(l, &a, &why);
    cr_assert_geq(a.fd, 0, "%s", why);
    a.inherited = a.bound = true;
    listen_address b = a;
    b.fd = dup(a.fd);
    listener *s = listen_open(l, &a, &first, l, &why);
    listener *t = listen_open(other, &b, &second, other, &why);
    cr_assert(s && t);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(listen_port(s))};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    listen_leave(s);
    loop_post(l, stop, l); /* it hears nothing more of the socket */
    loop_run(l);
    loop_run(other);
    cr_assert(first_asked == 0 && second_asked == 1);
    listen_close(t);
    close(fd);
    loop_free(other);
    loop_free(l);
}

Test(listen, fast_open, .timeout = 30) {
    const char *why;
    int queue = 0;
    socklen_t size = sizeof queue;
    listen_address a = {.text = "127.0.0.1", .fastopen = 16, .backlog = 100};
    l = loop_new();
    listener *s = listen_open(l, &a, &first, l, &why);
    cr_assert_not_null(s, "%s", why);
    cr_assert_eq(getsockopt(listen_socket(s), IPPROTO_TCP, TCP_FASTOPEN, &queue, &size), 0);
    cr_assert_eq(queue, 16);
    knock(listen_port(s));
    listen_close(s);
    loop_free(l);
}
