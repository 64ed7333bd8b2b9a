/* Conditional requests (RFC 9110 section 13): whether a request that names validators is to be
 * answered whole, with 304, with 412, or by a range.
 *
 * It looks at the fields of a request and at the validators of what would be sent. Nothing is
 * owned. */
#ifndef H2BOX_CORE_CONDITIONAL_H
#define H2BOX_CORE_CONDITIONAL_H

#include "core/fields.h"

typedef enum conditional_result {
    CONDITIONAL_GO,    /* as if there were no conditions */
    CONDITIONAL_SAME,  /* 304: the client has it */
    CONDITIONAL_FAILED /* 412: it is not what the client thinks */
} conditional_result;

typedef struct conditional {
    span etag;        /* of the representation; empty: it has none */
    span coded_etag;  /* of the same content with a content coding that the client takes; empty:
                         there is none */
    int64_t modified; /* Last-Modified, in seconds */
    int64_t now;      /* seconds */
} conditional;

/* For GET and HEAD, in the order of section 13.2.2. Both tags are taken for the representation's:
 * who has one of the two has its content. Dates that cannot be read are no conditions. */
conditional_result conditional_evaluate(const conditional *is, const http_field *f, size_t n);

/* Whether a Range may be obeyed: there is no If-Range, or it names exactly what is there by a
 * strong validator (section 13.1.5). */
bool conditional_range(const conditional *is, const http_field *f, size_t n);

#endif
