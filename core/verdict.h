/* The judgement on a fault: who dies of it, with which wire code, and why.
 *
 * Made where the fault is found, carried out at one place (h2_conn), shown to the applet in the
 * event and to the log by the trace sink. It owns nothing: `why` is always a string literal. */
#ifndef H2BOX_CORE_VERDICT_H
#define H2BOX_CORE_VERDICT_H

#include <stdint.h>

typedef enum verdict_scope {
    VERDICT_NONE,       /* nobody: all is well */
    VERDICT_STREAM,     /* RST_STREAM (RFC 9113 section 5.4.2) */
    VERDICT_CONNECTION, /* GOAWAY (RFC 9113 section 5.4.1) */
    VERDICT_CALLER      /* the caller's mistake: nothing was sent, nothing changed */
} verdict_scope;

/* The caller's mistakes; `code` of a VERDICT_CALLER. */
typedef enum verdict_call {
    VERDICT_BAD_CALL, /* a stale reference, or a call this state or role does not allow */
    VERDICT_BUSY,     /* no room now (concurrency, GOAWAY, ids used up): queue it, or take another
                         connection */
    VERDICT_NO_MEMORY /* the allocator refused */
} verdict_call;

typedef struct verdict {
    uint8_t scope;
    uint32_t code;      /* an h2_code, or a verdict_call */
    uint16_t line;      /* source line that judged, for bug reports */
    uint32_t stream_id; /* 0 for a connection */
    const char *why;
} verdict;

#define VERDICT_OK ((verdict){0})
#define VERDICT_ON_STREAM(id, c, text) \
    ((verdict){VERDICT_STREAM, (uint32_t)(c), (uint16_t)__LINE__, (id), (text)})
#define VERDICT_ON_CONNECTION(c, text) \
    ((verdict){VERDICT_CONNECTION, (uint32_t)(c), (uint16_t)__LINE__, 0, (text)})
#define VERDICT_ON_CALLER(c, text) \
    ((verdict){VERDICT_CALLER, (uint32_t)(c), (uint16_t)__LINE__, 0, (text)})

#endif
