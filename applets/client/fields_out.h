/* The header fields of a request: what the client says by itself, with what -H replaces and adds.
 */
#ifndef H2BOX_APPLETS_CLIENT_FIELDS_OUT_H
#define H2BOX_APPLETS_CLIENT_FIELDS_OUT_H

#include "applets/client/client.h"

#define FIELDS_OUT_ROOM 256

typedef struct fields_out {
    http_field v[FIELDS_OUT_ROOM];
    size_t n;
    uint8_t length[20]; /* digits of content-length */
} fields_out;

/* The fields of r, borrowed from r, from extra and from the result itself. upload_bytes UINT64_MAX:
 * no body. */
void fields_out_make(fields_out *out, const request *r, const client_settings *set,
                     uint64_t upload_bytes, const http_field *extra, size_t extra_count);

/* Parses "name: value" options in place: names become lower case, blanks around values go. A
 * pseudo-header field keeps its first colon. NULL, or what is wrong with the item at *bad. The
 * array is owned by the caller (free). */
const char *fields_out_parse(const opt_list *list, http_field **fields, uint32_t *bad);

#endif
