/* Undoes the content codings gzip and deflate (RFC 9110 section 8.4.1) as the bytes come, in memory
 * that does not grow with what they decode to. */
#ifndef H2BOX_APPLETS_CLIENT_DECODE_H
#define H2BOX_APPLETS_CLIENT_DECODE_H

#include "core/bytes.h"

typedef struct decode decode;

/* Whether there is a decoder for this value of content-encoding. */
bool decode_known(span coding);

/* A decoder for a known coding; NULL when memory is refused. */
decode *decode_new(span coding);
void decode_free(decode *d);

/* Gives what the bytes decode to, piece by piece, to put. False when they are broken, when
 * something follows the end of the content, or when put returned false. */
bool decode_bytes(decode *d, span bytes, bool (*put)(void *user, span piece), void *user);

/* Whether the content has come to its end, or has not begun. */
bool decode_ended(const decode *d);

#endif
