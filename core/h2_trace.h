/* The trace of a connection: every frame that passes, told to a sink given at birth.
 *
 * The sink only watches: it must not call back into the connection. Without one, tracing costs one
 * test per frame. Formatting belongs to the applets. Everything a record points at lives until the
 * sink returns. */
#ifndef H2BOX_CORE_H2_TRACE_H
#define H2BOX_CORE_H2_TRACE_H

#include "core/fields.h"
#include "core/verdict.h"

typedef enum h2_trace_section { /* what a HEADERS frame carries */
                                H2_TRACE_REQUEST,
                                H2_TRACE_RESPONSE,
                                H2_TRACE_PUSH_RESPONSE,
                                H2_TRACE_INTERIM,
                                H2_TRACE_TRAILERS
} h2_trace_section;

typedef struct h2_trace_frame {
    bool sent;
    uint8_t type, flags;
    uint32_t length;    /* payload, as on the wire */
    uint32_t stream_id; /* 0 for the connection */
    span payload; /* frames without padding or fields: the whole payload; DATA and header frames:
                     empty */
    uint32_t
        padding;    /* bytes of padding, the Pad Length byte included; 0 without the PADDED flag */
    bool exclusive; /* HEADERS with PRIORITY */
    uint32_t depends_on;
    uint16_t weight;      /* 1 to 256 */
    uint32_t promised_id; /* PUSH_PROMISE */
    h2_trace_section section;
    const http_field *fields; /* HEADERS, PUSH_PROMISE */
    size_t field_count;
    verdict verdict; /* received and judged invalid; VERDICT_NONE otherwise */
} h2_trace_frame;

typedef struct h2_trace_ops { /* all are needed but head */
    void (*frame)(void *user, const h2_trace_frame *f);
    /* Each piece of DATA received, and the bytes of its stream and of the connection that no
     * WINDOW_UPDATE has announced yet. */
    void (*data)(void *user, uint32_t stream_id, size_t length, uint32_t stream_owed,
                 uint32_t connection_owed);
    void (*closed)(void *user, uint32_t stream_id, uint32_t code); /* a stream is gone */
    /* HTTP/1: a message's head as it was sent or received, from the start line to the empty line
     * (RFC 9112 section 2.1); stream_id as in its http_ref. May be NULL. */
    void (*head)(void *user, bool sent, uint32_t stream_id, span head);
} h2_trace_ops;

typedef struct h2_trace {
    const h2_trace_ops *ops; /* NULL: nobody looks */
    void *user;
} h2_trace;

#endif
