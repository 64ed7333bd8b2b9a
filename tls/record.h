/* The record layer of TLS 1.3 after the handshake (RFC 8446 section 5).
 *
 * It is born with the traffic secrets of a handshake that somebody else made, and turns records
 * into plaintext and plaintext into records: AEAD, KeyUpdate in both directions, alerts,
 * close_notify. It does no I/O, reads no clock and knows no library. A connection that is idle
 * holds this struct alone, under 2 KiB: buffers come with bytes and go with them. */
#ifndef H2BOX_TLS_RECORD_H
#define H2BOX_TLS_RECORD_H

#include "tls/tls.h"

/* Suites by their numbers (appendix B.4). */
enum {
    RECORD_AES_128_GCM_SHA256 = 0x1301,
    RECORD_AES_256_GCM_SHA384 = 0x1302,
    RECORD_CHACHA20_POLY1305_SHA256 = 0x1303
};

/* What a record adds to its plaintext: head, type, tag. */
#define RECORD_OVERHEAD (5u + 1u + 16u)

typedef struct record_birth {
    const mem *mem; /* outlives the record layer */
    uint16_t suite;
    bool server;
    /* application_traffic_secret_N of the two directions: as many bytes as the suite's hash has
     * (32, or 48 for SHA-384). Copied. */
    const uint8_t *read_secret, *write_secret;
    size_t secret_bytes;
    /* Records that went by already under these secrets: what mbedTLS read and wrote. */
    uint64_t read_seq, write_seq;
    /* Milliseconds of any steady clock, for record sizes after a pause; NULL: sizes go by bytes
     * alone. */
    uint64_t (*now_ms)(void);
    tls_warmup warmup;
    /* Records to write under one key; 0: what the AEAD allows (section 5.5). */
    uint64_t records_per_key;
} record_birth;

typedef struct record record;

/* Whether the suite is one of the three. */
bool record_knows(uint16_t suite);

/* NULL when the suite is unknown, the secrets' length is not its hash's, or memory is refused. */
record *record_new(const record_birth *b);

/* Decrypts what has come. All of *in is used up, in pieces of any size; what plain lent before is
 * still lent until plain is called. TLS_CLOSED: the peer's close_notify came, we may go on writing
 * (section 6.1). TLS_FAILED: *why says what, an alert for the peer is queued, and nothing of the
 * record at fault is lent; the same again for every call from then on. Records before the end or
 * the fault are lent by plain as ever. */
tls_status record_feed(record *r, span *in, const char **why);

/* Lends all plaintext that has come in one piece, until the next feed or plain; empty when there is
 * none. */
span record_plain(record *r);

/* Seals plaintext and returns how many bytes of the iov it took: fewer than all when
 * LIMIT_SEALED bytes wait for output. When nothing was taken and nothing waits, memory was
 * refused and the connection cannot go on. After close or a failure all is taken and dropped. */
size_t record_seal(record *r, const span *iov, size_t n);

/* Fills iov with up to niov spans of what is to be written and returns their number; they stay
 * until output_done has covered them. */
size_t record_output(record *r, span *iov, size_t niov);
void record_output_done(record *r, size_t n);

/* Queues close_notify, once. */
void record_close(record *r);

/* Keys are wiped. NULL is nothing. */
void record_free(record *r);

#endif
