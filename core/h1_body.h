/* Where the content of an HTTP/1 message ends: by its length, by chunks, or with the connection
 * (RFC 9112 sections 6 and 7).
 *
 * A small state machine over bytes that came in any pieces. It allocates nothing and copies
 * nothing; trailers are not its business, it says when they begin. */
#ifndef H2BOX_CORE_H1_BODY_H
#define H2BOX_CORE_H1_BODY_H

#include "core/h1_parse.h"

typedef enum h1_framing {
    H1_BODY_NONE,
    H1_BODY_LENGTH,
    H1_BODY_CHUNKED,
    H1_BODY_CLOSE /* until the connection ends; tunnels too */
} h1_framing;

typedef struct h1_body {
    uint64_t left;       /* bytes of the content, or of the chunk */
    uint32_t extensions; /* bytes of chunk extensions so far */
    uint8_t framing;     /* h1_framing */
    uint8_t at;          /* where in a chunk */
    uint8_t digits;      /* of its size so far */
} h1_body;

typedef enum h1_body_said {
    H1_BODY_MORE,     /* all input is used; more is to come */
    H1_BODY_DATA,     /* *piece is content */
    H1_BODY_LAST,     /* it is, and the last */
    H1_BODY_TRAILERS, /* the last chunk has passed: trailers follow */
    H1_BODY_BROKEN    /* *fault says how */
} h1_body_said;

h1_body h1_body_of_length(uint64_t n); /* NONE for 0 */
h1_body h1_body_of_chunks(void);
h1_body h1_body_until_close(void);

/* Goes through *in up to the next piece of content, and advances it. */
h1_body_said h1_body_take(h1_body *b, span *in, span *piece, h1_fault *fault);

#endif
