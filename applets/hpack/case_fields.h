/* The header fields of one case: built from JSON or text, and written as JSON.
 *
 * JSON strings are Unicode and header fields are bytes. Where all of a case is UTF-8 its bytes
 * stand as they are; otherwise each byte of it stands as the code point of the same number, and the
 * case says "encoding": "latin-1". */
#ifndef H2BOX_APPLETS_HPACK_CASE_FIELDS_H
#define H2BOX_APPLETS_HPACK_CASE_FIELDS_H

#include "core/fields.h"
#include "core/hpack.h"

#include <jansson.h>

/* Fields and bytes of one header list at most. A short wire can name one large entry again and
 * again, so what comes out of a decoder must be bounded by itself. */
enum { CASE_FIELDS_MAX = 1 << 18, CASE_FIELDS_BYTES_MAX = 1 << 26 };

typedef struct case_fields {
    http_field *v;
    uint32_t count, room;
    uint64_t length; /* bytes of all names and values */
    mem_arena bytes;
} case_fields;

void case_fields_begin(case_fields *f);
void case_fields_clear(case_fields *f);
void case_fields_end(case_fields *f);

/* Copies a field in, its name in lower case (RFC 9113 section 8.2.1). false when there are too
 * many. */
bool case_fields_add(case_fields *f, span name, span value);

/* Adds what a "headers" array says. NULL, or what is wrong with it; static storage. */
const char *case_fields_read(case_fields *f, const json_t *headers, bool latin1);

/* Whether everything is UTF-8. */
bool case_fields_utf8(const http_field *f, size_t n);
bool case_fields_table_utf8(const hpack_table *t);

/* A "headers" array; NULL when memory was refused. */
json_t *case_fields_json(const http_field *f, size_t n, bool latin1);

/* A "header_table" object. limit is what the decoder's side allows, which the encoder may choose
 * not to use. */
json_t *case_fields_table_json(const hpack_table *t, uint32_t limit, bool latin1);

#endif
