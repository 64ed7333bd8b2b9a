/* The inside of record, for its own files: record.c is birth, keys and end, record_read.c and
 * record_write.c are the two directions. */
#ifndef H2BOX_TLS_RECORD_IMPL_H
#define H2BOX_TLS_RECORD_IMPL_H

#include "core/outq.h"
#include "tls/accel/aead.h"
#include "tls/accel/sha2.h"
#include "tls/record.h"

/* ContentType and HandshakeType (RFC 8446 appendix B). */
enum { TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };
enum { MESSAGE_TICKET = 4, MESSAGE_KEY_UPDATE = 24 };

enum { HEAD = 5 };

typedef struct record_way {
    aead key;
    uint8_t iv[AEAD_NONCE];
    uint8_t secret[SHA2_MAX];
    uint64_t seq; /* of the next record */
} record_way;

struct record {
    const mem *mem;
    uint64_t (*now_ms)(void);
    uint64_t records_per_key;
    const char *why; /* of the failure; NULL: none */
    record_way read, write;
    outq out; /* sealed records */
    /* Input: a record of which only a part has come, its head and its body. */
    uint8_t *body;
    uint32_t body_n, body_room;
    uint8_t head[HEAD];
    uint8_t head_n;
    /* Plaintext to lend: [plain_at, plain_end) of plain. */
    uint8_t *plain;
    size_t plain_room, plain_at, plain_end;
    /* A post-handshake message: its head, and how much of its body is still to come. */
    uint32_t message_left;
    uint8_t message_head[4];
    uint8_t message_n;     /* of the head; 0: none begun */
    uint8_t message_value; /* of a KeyUpdate */
    uint8_t hash;
    uint8_t kind;
    uint8_t empty, warnings;
    bool server : 1;
    bool write_over : 1, peer_over : 1;
    bool update_queued : 1; /* our answer to a KeyUpdate waits in out */
    uint32_t update_tokens; /* KeyUpdates that the peer may still send */
    uint32_t update_bytes;  /* data since the last token */
    uint64_t update_ms;
    uint64_t sent_ms; /* when something was sealed last */
    uint32_t sent;    /* bytes since the beginning or the last pause, up to warmup.bytes */
    tls_warmup warmup;
};

/* Queues an alert and makes all later calls fail with `why`. Returns TLS_FAILED. */
tls_status record_fail(record *r, uint8_t alert, const char *why);

/* The next generation of the way's secret and keys (section 7.2). */
void record_next_key(const record *r, record_way *w);

/* The nonce of the way's next record (section 5.3), and on to the one after. */
void record_nonce(record_way *w, uint8_t nonce[AEAD_NONCE]);

/* The two directions: record.h says what they do. */
tls_status record_read_feed(record *r, span *in, const char **why);
span record_read_plain(record *r);
size_t record_write_seal(record *r, const span *iov, size_t n);

/* Seals one message of `type` that is no application data. False when memory was refused. */
bool record_write_message(record *r, uint8_t type, span text);

/* Queues a KeyUpdate and takes the next key. False when memory was refused. */
bool record_write_update(record *r);

#endif
