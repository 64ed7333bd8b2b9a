/* The text of HTTP/1 heads: a start line and fields, as spans (RFC 9112 sections 2 to 5).
 *
 * It takes a head or trailers that are whole, from the first byte to the empty line, and judges
 * every byte; what the fields mean for a message is looked at in h1_recv_head.c. Names come out in
 * lower case: known ones as static text, others where the head has them so, else from `names`. It
 * holds no state and allocates nothing. */
#ifndef H2BOX_CORE_H1_PARSE_H
#define H2BOX_CORE_H1_PARSE_H

#include "core/fields.h"

/* What is wrong with a message: the status that a server answers, and words for the log. status 0:
 * nothing is. */
typedef struct h1_fault {
    uint16_t status;
    const char *why;
} h1_fault;

#define H1_FINE              ((h1_fault){0, NULL})
#define H1_FAULT(code, text) ((h1_fault){(code), (text)})

typedef struct h1_line { /* a start line */
    span method, target; /* of a request */
    uint16_t status;     /* of a response */
    span digits;         /* its three digits */
    uint8_t minor;       /* HTTP/1.minor; 1 also for what is higher (RFC 9110 section 2.5) */
} h1_line;

/* Where fields go: at[0..room). */
typedef struct h1_fields {
    http_field *at;
    size_t room, count;
    uint8_t *names;       /* room for as many bytes as the head has */
    uint64_t seen, twice; /* a bit for each http_token that came, and that came again */
} h1_fields;

_Static_assert(HTTP_TOKEN_COUNT <= 64, "tokens are noted in 64 bits");
#define H1_SEEN(token) (UINT64_C(1) << HTTP_TOKEN_##token)

/* The length of the head at the beginning of s, its empty line included, or 0 when it is not whole.
 * *line_at is where the search goes on, and what it needs to know of before: where the last line
 * begins; 0 at first. Lines that end in LF alone count, so that they are found and judged. */
size_t h1_parse_whole(span s, size_t *line_at);

/* A request-line up to its LF, which must be in *rest; cut off. */
h1_fault h1_parse_request_line(span *rest, h1_line *out);
h1_fault h1_parse_status_line(span *rest, h1_line *out);

/* All of rest, up to its empty line. *out holds what came before a fault. */
h1_fault h1_parse_fields(span rest, h1_fields *out);

/* The next element of a comma-separated list (RFC 9110 section 5.6.1), without blanks around it;
 * empty ones are skipped. False at the end. */
bool h1_parse_list(span *list, span *element);

#endif
