/* The connection under test as a link of the network layer, over a UNIX socket; the runner is the
 * other end of it, with plain system calls.
 *
 * One loop serves all plays. It is run a turn at a time: a posted call stops it, so that it never
 * sleeps, and whoever waits for something runs turns until it has come. Output is flushed by the
 * link itself, as soon as input came; what a script does is flushed when it looks (loopback_drain).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "netio/net.h"
#include "tests/flows/flow.h"

/* So many turns without what is waited for: it does not come. */
enum { TURNS = 20000 };

/* After so many, what has happened to a socket is known. */
enum { SOON = 5 };

struct flow_link {
    net_link *k; /* NULL when it has ended */
    player *player;
    int fd; /* the peer's end */
    bool failed;
};

static struct {
    loop *loop;
    listener *server; /* for connections under test that are servers */
    int client;       /* the runner's listening socket, for those that are clients */
    char folder[64], server_path[80], client_path[80];
    flow_link link; /* one at a time */
    bool running;
} all = {.client = -1};

static void stop(void *user) { loop_stop(user); }

static void turn(void) {
    if (!loop_post(all.loop, stop, all.loop)) abort();
    all.running = true;
    loop_run(all.loop);
    all.running = false;
}

bool loopback_running(void) { return all.running; }

uint64_t loopback_now_ms(void) { return loop_now_ms(all.loop); }

/* ---- what the network layer tells ---- */

static void told(void *user, net_link *k, const http_event *ev) {
    (void)k;
    events_add(user, ev);
}

static void closed(void *user, net_link *k, const char *why) {
    (void)user;
    (void)k;
    (void)why;
    all.link.k = NULL;
}

static const link_calls calls = {.event = told, .closed = closed};

static link_birth birth(player *p) {
    return (link_birth){.calls = &calls, .user = p, .config = &p->config, .trace = pump_trace(p)};
}

static bool accepted(void *user, link_birth *b) {
    (void)user;
    *b = birth(all.link.player);
    return true;
}

static void opened(void *user, net_link *k) {
    (void)user;
    all.link.k = k;
}

static void failed(void *user, const char *why) {
    (void)user;
    (void)why;
    all.link.failed = true;
}

static const listen_calls listening = {accepted, opened};
static const dial_calls dialling = {opened, failed};

/* ---- sockets of the runner ---- */

static struct sockaddr_un address(const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    return a;
}

static int unix_socket(void) {
    return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static bool prepare(void) {
    listen_address a = {.port = 0};
    const char *why = NULL;
    if (all.loop) return true;
    snprintf(all.folder, sizeof all.folder, P_tmpdir "/h2box-flows-XXXXXX");
    if (!mkdtemp(all.folder)) return false;
    snprintf(all.server_path, sizeof all.server_path, "%s/server", all.folder);
    snprintf(all.client_path, sizeof all.client_path, "%s/client", all.folder);
    snprintf(a.text, sizeof a.text, "%s", all.server_path);
    struct sockaddr_un own = address(all.client_path);
    all.client = unix_socket();
    if (bind(all.client, (struct sockaddr *)&own, sizeof own) != 0) return false;
    if (listen(all.client, 8) != 0) return false;
    all.loop = loop_new();
    if (all.loop) all.server = listen_open(all.loop, &a, &listening, NULL, &why);
    return all.server != NULL;
}

void loopback_end(void) {
    if (all.server) listen_close(all.server);
    if (all.loop) loop_free(all.loop);
    if (all.client >= 0) close(all.client);
    if (*all.folder) {
        unlink(all.client_path);
        unlink(all.server_path);
        rmdir(all.folder);
    }
}

/* ---- a connection ---- */

static int meet(player *p) {
    char host[100];
    if (p->server) {
        struct sockaddr_un a = address(all.server_path);
        int fd = unix_socket();
        if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) return -1;
        return fd;
    }
    link_birth b = birth(p);
    snprintf(host, sizeof host, "unix:%s", all.client_path);
    if (!dial_open(all.loop, host, 0, &b, 0, &dialling, NULL)) return -1;
    for (int i = 0; i < TURNS; i++) {
        int fd = accept4(all.client, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) return fd;
        turn();
    }
    return -1;
}

flow_link *loopback_open(player *p) {
    if (!prepare()) return NULL;
    all.link = (flow_link){.player = p};
    all.link.fd = meet(p);
    if (all.link.fd < 0) return NULL;
    for (int i = 0; i < TURNS && !all.link.k && !all.link.failed; i++) turn();
    return all.link.k ? &all.link : NULL;
}

session *loopback_session(flow_link *k) {
    if (!k->k) flow_fail(k->player, "the link has ended");
    return link_session(k->k);
}

/* Takes what the connection wrote. */
static void read_all(player *p) {
    uint8_t bytes[65536];
    ssize_t n;
    while ((n = read(p->link->fd, bytes, sizeof bytes)) > 0) {
        bytes_buf_put(&p->output, bytes, (size_t)n);
    }
}

/* Bytes that lie in the socket of the connection under test. */
static int unread(const flow_link *k) {
    int bytes = 0;
    return ioctl(k->fd, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

void loopback_feed(player *p, span bytes) {
    flow_link *k = p->link;
    for (int i = 0; i < TURNS && bytes.n && k->k; i++) {
        ssize_t n = send(k->fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n > 0) {
            bytes = span_skip(bytes, (size_t)n);
        } else if (n < 0 && errno != EAGAIN) {
            return; /* it has closed: what it told and wrote is judged as ever */
        }
        turn();
        read_all(p);
    }
    for (int i = 0; i < TURNS && k->k && unread(k) > 0; i++) {
        turn();
        read_all(p);
    }
}

/* Until it has nothing to write, and all that it wrote is here. */
void loopback_drain(player *p) {
    flow_link *k = p->link;
    for (int i = 0; i < TURNS && k->k; i++) {
        link_touch(k->k);
        turn();
        read_all(p);
        if (!k->k) break;
        session *s = link_session(k->k);
        if (!session_has_output(s) && !session_pending(s))
            break; /* what it wrote is here at once */
    }
    read_all(p);
}

bool loopback_shut(player *p) {
    uint8_t byte;
    for (int i = 0; i < TURNS; i++) {
        ssize_t n = read(p->link->fd, &byte, 1);
        if (n > 0) return false;
        if (n == 0 || errno != EAGAIN) return true;
        turn();
    }
    return false;
}

void loopback_eof(player *p) {
    shutdown(p->link->fd, SHUT_WR);
    for (int i = 0; i < TURNS && p->link->k; i++) turn();
}

void loopback_half(player *p) {
    shutdown(p->link->fd, SHUT_WR);
    for (int i = 0; i < SOON && p->link->k; i++) turn();
}

void loopback_close(flow_link *k) {
    if (k->k) link_close(k->k, NULL);
    for (int i = 0; i < TURNS && k->k; i++) turn();
    close(k->fd);
}
