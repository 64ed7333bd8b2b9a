/* The header fields of a request: what the client says by itself, with what -H replaces and adds.
 */
#ifndef H2BOX_APPLETS_CLIENT_FIELDS_OUT_H
#define H2BOX_APPLETS_CLIENT_FIELDS_OUT_H

#include "applets/client/client.h"

/* Our own, and what the rows of --header and --trailer in options.c take at most. */
#define FIELDS_OUT_ROOM 320

typedef struct fields_out {
    http_field v[FIELDS_OUT_ROOM];
    size_t n;
    uint8_t length[20]; /* digits of content-length */
    uint8_t priority[PRIORITY_ROOM];
} fields_out;

/* Whether r carries --data. */
bool fields_out_has_body(const request *r, const client_run *run);

/* The method that r is sent with. */
span fields_out_method(const request *r, const client_run *run);

/* What -H says in place of r's own :authority, or NULL. */
const http_field *fields_out_authority(const request *r, const client_run *run);

/* The fields of r, borrowed from r, from the run and from the result itself. */
void fields_out_make(fields_out *out, const request *r, const client_run *run);

/* Parses "name: value" options in place: names become lower case, blanks around values go. A
 * pseudo-header field keeps its first colon. NULL, or what is wrong with the item at *bad. The
 * array is owned by the caller (free). */
const char *fields_out_parse(const opt_list *list, http_field **fields, uint32_t *bad);

#endif
