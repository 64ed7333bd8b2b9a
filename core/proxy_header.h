/* The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt of 2020): what a load balancer
 * says, before the client's own first byte, of who connected to it.
 *
 * A reader over the bytes that have come so far, which keeps nothing. What the specification says
 * must be refused is, and whatever a sender would not write: nobody can know where the client's
 * bytes begin behind a header that is not understood. */
#ifndef H2BOX_CORE_PROXY_HEADER_H
#define H2BOX_CORE_PROXY_HEADER_H

#include "core/bytes.h"

typedef enum proxy_header_status {
    PROXY_HEADER_MORE, /* it goes on: call again with more bytes behind these */
    PROXY_HEADER_DONE,
    PROXY_HEADER_BROKEN
} proxy_header_status;

typedef enum proxy_header_family {
    PROXY_HEADER_NONE, /* it names nobody (UNKNOWN, LOCAL, UNSPEC, datagrams): the connection's own
                          addresses hold */
    PROXY_HEADER_IPV4,
    PROXY_HEADER_IPV6,
    PROXY_HEADER_UNIX
} proxy_header_family;

typedef struct proxy_header_end {
    uint8_t address[16]; /* the first 4 of IPv4 */
    uint16_t port;
    span path; /* of UNIX, in the input; may be empty, holds no NUL */
} proxy_header_end;

typedef struct proxy_header {
    proxy_header_family family;
    proxy_header_end source, destination; /* the client, and what it connected to */
    size_t size;                          /* bytes of the header: what follows is the client's */
} proxy_header;

/* Reads the header at the beginning of `in`, at most LIMIT_PROXY_HEADER bytes long. *h is all set
 * when it is DONE. */
proxy_header_status proxy_header_read(span in, proxy_header *h);

#endif
