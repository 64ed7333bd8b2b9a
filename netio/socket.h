/* Socket addresses and the options every socket of ours gets. No links, no libuv. */
#ifndef H2BOX_NETIO_SOCKET_H
#define H2BOX_NETIO_SOCKET_H

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "netio/net.h"

typedef union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
} socket_address;

/* From "192.0.2.1", "2001:db8::1", "fe80::1%eth0" or one in brackets; false when text is none of
 * these. */
bool socket_numeric(socket_address *a, const char *text, uint16_t port);

/* A UNIX socket's path; false when it is empty or too long for one. */
bool socket_path(socket_address *a, const char *path);

/* "localhost" and names under it, which must not be asked for abroad (RFC 6761 section 6.3). */
bool socket_localhost(const char *host);

/* An IPv6 address with its zone, or the path of a UNIX socket. */
#define SOCKET_TEXT 112u

/* "192.0.2.1", "2001:db8::1", the path of a UNIX socket, or "" when it has no address. `size` is as
 * the system told it. */
void socket_print(const socket_address *a, socklen_t size, char text[SOCKET_TEXT]);
uint16_t socket_port(const socket_address *a); /* 0 when it has none */

socklen_t socket_size(const socket_address *a);

/* A stream socket that does not block, is closed on exec, does not wait to fill segments, and takes
 * little ahead of what the network takes. -1 with errno. */
int socket_new(loop *l, int family);

/* The close that follows resets the connection, so that its peer sees that something is missing. */
void socket_reset(int fd);

/* A full socket had room again after this time: sets what it may take ahead from now on, to
 * LIMIT_NOTSENT << step, and returns that step. The step of a new one is 0. */
unsigned socket_drained(int fd, unsigned step, uint64_t after_ms);

#endif
