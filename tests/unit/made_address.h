/* What a made getaddrinfo answers: 127.0.0.1. */
#ifndef H2BOX_TESTS_UNIT_MADE_ADDRESS_H
#define H2BOX_TESTS_UNIT_MADE_ADDRESS_H

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>

static inline struct addrinfo *made_address(void) {
    struct addrinfo *a = calloc(1, sizeof *a + sizeof(struct sockaddr_in));
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)(a + 1);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    a->ai_addr = (struct sockaddr *)in;
    a->ai_addrlen = sizeof *in;
    return a;
}

void freeaddrinfo(struct addrinfo *list) { free(list); }

#endif
