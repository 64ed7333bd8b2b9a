/* What a link asks of a security layer: four ports between the socket's bytes and the session's.
 *
 * A link with `tls_ports` passes every byte through them; one without is cleartext. The ports own
 * their state and whatever they lend. No library's name shows here. */
#ifndef H2BOX_TLS_TLS_H
#define H2BOX_TLS_TLS_H

#include "core/bytes.h"
#include "core/verdict.h"

typedef enum tls_status {
    TLS_OK,
    TLS_CLOSED, /* the peer ended the stream properly (close_notify) */
    TLS_FAILED  /* `why` says what; what output still gives is to be written, then the socket closed
                 */
} tls_status;

typedef struct tls_ports {
    /* Takes bytes from the socket; all of *in is used up. */
    tls_status (*feed)(void *self, span *in, const char **why);
    /* Lends the next plaintext, empty when there is none; valid until the next feed or plain. */
    span (*plain)(void *self);
    /* Seals plaintext into records and returns how many bytes of the iov it took; fewer than all
     * means: write what output gives first. */
    size_t (*seal)(void *self, const span *iov, size_t n);
    /* Gathers bytes for the socket as session_output does; output_done says how many were written.
     */
    size_t (*output)(void *self, span *iov, size_t niov);
    void (*output_done)(void *self, size_t n);
    /* Queues the end of the stream (close_notify). */
    void (*close)(void *self);
    void (*free)(void *self);
} tls_ports;

#endif
