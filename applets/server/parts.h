/* Several parts of a file in one body: multipart/byteranges (RFC 9110 section 14.6). */
#ifndef H2BOX_APPLETS_SERVER_PARTS_H
#define H2BOX_APPLETS_SERVER_PARTS_H

#include "core/range.h"
#include "netio/net.h"

#define PARTS_TYPE 80u /* bytes of the content type, its NUL included */

/* Writes the value of Content-Range; returns its length. */
size_t parts_content_range(range part, uint64_t size, char *out, size_t room);

/* Makes the body of n parts, and tells its length and its type. False when memory is refused. */
bool parts_body(file *f, net_link *k, http_ref ref, span type, const range *list, size_t n,
                char out_type[PARTS_TYPE], uint64_t *length, http_body *body);

#endif
