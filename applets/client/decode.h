/* Undoes the content codings gzip and deflate (RFC 9110 section 8.4.1) as the bytes come. */
#ifndef H2BOX_APPLETS_CLIENT_DECODE_H
#define H2BOX_APPLETS_CLIENT_DECODE_H

#include "core/bytes.h"

typedef struct decode decode;

/* *d is a decoder for a content-encoding value, or NULL when there is nothing to undo or it is not
 * known: then the bytes are the content as they are. False when memory is refused. */
bool decode_new(span coding, decode **d);
void decode_free(decode *d);

/* Gives what the bytes decode to, piece by piece, to put. False when they are broken or put
 * returned false. */
bool decode_bytes(decode *d, span bytes, bool (*put)(void *user, span piece), void *user);

/* Whether the content has come to its end. */
bool decode_ended(const decode *d);

#endif
