/* The fields of an answer as they are gathered, and its way to the session.
 *
 * It borrows all its spans: they need live until answer_send only. */
#ifndef H2BOX_APPLETS_SERVER_ANSWER_H
#define H2BOX_APPLETS_SERVER_ANSWER_H

#include "applets/server/exchange.h"

/* Our own fields, and those of --header, whose row in options.c bounds them. */
#define ANSWER_OWN    16u
#define ANSWER_FIELDS (ANSWER_OWN + 32u)

typedef struct answer {
    size_t n;
    unsigned code;
    uint8_t status[3], length[20], range[70];
    http_field fields[ANSWER_FIELDS];
} answer;

static inline void answer_add(answer *a, http_field f) { a->fields[a->n++] = f; }

/* With :status and server. */
void answer_begin(answer *a, const site *s, unsigned status);
void answer_add_date(answer *a, site *s);
void answer_add_length(answer *a, uint64_t n);

/* With the fields and trailers that every answer has. Takes the body, also when it cannot be sent;
 * the request ends. */
void answer_send(answer *a, exchange *r, http_body body);

/* The page of an error status. The request ends. */
void answer_error(exchange *r, unsigned status);

/* 301 to where the directory is. The request ends. */
void answer_directory(exchange *r);

/* 416 with the size there is. The request ends. */
void answer_unsatisfiable(exchange *r, uint64_t size);

/* Without a request: there was no memory for one, or none was needed. */
void answer_refuse(site *s, net_link *k, const http_event *ev, unsigned status);

#endif
