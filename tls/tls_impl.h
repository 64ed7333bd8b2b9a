/* The inside of TLS: what a configuration and a connection are made of, for the files of tls/ that
 * name mbedTLS.
 *
 * A configuration never changes once it is made, but for the ticket keys, which mbedTLS guards with
 * a mutex of its own. A connection gives mbedTLS bytes and takes bytes by two buffers of its own:
 * mbedTLS never sees a socket and never has to wait for one to write. */
#ifndef H2BOX_TLS_TLS_IMPL_H
#define H2BOX_TLS_TLS_IMPL_H

#include <mbedtls/pk.h>
#include <mbedtls/psa_util.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>
#include <stdatomic.h>

#include "tls/tls.h"

/* ---- configurations ---- */

/* A certificate chain and its key. */
typedef struct tls_pair {
    mbedtls_x509_crt chain;
    mbedtls_pk_context key;
} tls_pair;

struct tls_config {
    atomic_uint holds;
    bool server, tickets, tolerate_expired;
    tls_check check;
    mbedtls_ssl_config ssl;
    mbedtls_x509_crt trusted;
    tls_pair *pairs;
    size_t pair_count;
    int *suites;
    uint16_t *groups;
    const char **alpn; /* one block with its texts */
    mbedtls_ssl_ticket_context ticket_keys;
    tls_warmup warmup;
    int keylog; /* -1: none */
    char fingerprint[3 * 32];
};

/* ---- tls_identity.c: who we are ---- */

/* Reads the pair from files; false with a message in why. */
bool tls_identity_read(tls_pair *p, const tls_identity *from, char *why);

/* Makes a key, and a certificate that it has signed itself, for these names. */
bool tls_identity_make(tls_pair *p, const char *const *names, char *why);

/* What the certificate of a pair says it is for: the first pair whose names match, or NULL. */
bool tls_identity_matches(const tls_pair *p, span name);

/* "AB:CD:..." of a certificate's SHA-256. */
void tls_identity_fingerprint(const mbedtls_x509_crt *crt, char text[3 * 32]);

/* ---- tls_trust.c: who the peer is ---- */

/* Loads ca_file, or what the system trusts when it is NULL; false with a message in why. */
bool tls_trust_load(mbedtls_x509_crt *trusted, const char *ca_file, char *why);

/* ---- tls_suite.c: names of suites and groups ---- */

/* A 0-terminated list from names separated by ':' (NULL: the default); to be freed. NULL with a
 * message in why. */
int *tls_suite_list(const char *names, char *why);
uint16_t *tls_suite_groups(const char *names, char *why);

/* The OpenSSL name of a suite, "" when it is none of ours. */
const char *tls_suite_name(int id);
const char *tls_suite_group_name(uint16_t id);

/* ---- tls_text.c: messages ---- */

/* A message that stays good until 16 more were made by this thread: whys of the ports outlive their
 * connection for a while, and applets print them. */
const char *tls_text_keep(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What an error of mbedTLS says to people; ssl may be NULL. Static or kept as above. */
const char *tls_text_error(int error, const mbedtls_ssl_context *ssl);

const char *tls_text_alert(uint8_t alert);

/* The same into a configuration's why, after "file: ". Always false. */
bool tls_text_fail(char *why, const char *file, int error);

/* False, with a why of that kind, for what mbedTLS would wait for or take the size of: a FIFO, a
 * directory. What is not there is left to it. */
bool tls_text_may_read(char *why, const char *file);

/* ---- connections ---- */

/* Bytes that wait, [first, end) of a block that goes when it is empty. */
typedef struct tls_bytes {
    uint8_t *p;
    size_t first, end, room;
} tls_bytes;

typedef struct tls_secrets tls_secrets;

typedef struct tls_conn {
    const mem *mem;
    tls_config *config;
    mbedtls_ssl_context *ssl; /* a server has none before the first record has come */
    struct record *record;    /* has taken over from it: ssl is NULL */
    tls_secrets *secrets;     /* for that; NULL: none yet, or no longer */
    tls_bytes in, out;
    size_t in_record; /* bytes of the record that mbedTLS reads now that it has not taken */
    uint8_t *plain;   /* LIMIT_TLS_RECORD bytes while any are lent */
    tls_status status;
    const char *why;
    uint8_t alert;    /* of the peer, sent in the clear; 0: none */
    bool over;        /* the handshake is */
    bool closed;      /* close_notify is queued */
    bool full;        /* certificates were seen: not resumed */
    uint8_t refusals; /* of renegotiations */
    uint32_t warm;    /* bytes sealed since it was idle last, up to config.warmup */
    uint64_t sealed_ms;
    tls_facts facts;
    char *name;        /* of the birth; owned */
    char *peer;        /* what tickets are kept under; owned */
    char *server_name; /* of facts; owned */
    char *distrust;    /* TLS_WHY_ROOM bytes, or NULL; owned */
    char *client;      /* the texts of facts about the client's certificate, or NULL; owned */
    size_t client_room;
    bool name_is_address;
    tls_tickets *tickets;
} tls_conn;

/* n more bytes behind the end; false when memory is refused. */
bool tls_bytes_put(const mem *m, tls_bytes *b, const void *p, size_t n);
void tls_bytes_drop(const mem *m, tls_bytes *b, size_t n); /* the first n */
void tls_bytes_end(const mem *m, tls_bytes *b);
static inline size_t tls_bytes_count(const tls_bytes *b) { return b->end - b->first; }

/* The status from now on; the first failure stays. */
tls_status tls_fail(tls_conn *c, const char *why);

/* ---- tls_shake.c: the handshake ---- */

tls_status tls_shake_step(void *self, bool *more, const char **why);

/* Whether another mbedtls_ssl_read would find something. */
bool tls_shake_can_read(const tls_conn *c);

/* ---- tls_group.c ---- */

/* Sees a record of the server's, whole and in the clear, go by: puts its group into the facts. */
void tls_group_note(tls_conn *c, const uint8_t *record, size_t n);

/* ---- tls_takeover.c: our own records after a handshake of TLS 1.3 ---- */

/* mbedTLS tells each secret; those of the records are kept, all go to the key log. */
void tls_takeover_note(void *self, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                       size_t n, const unsigned char client_random[32],
                       const unsigned char server_random[32], mbedtls_tls_prf_types prf);

/* When it can be, after the handshake: the record layer goes on where mbedTLS is, whose 40 KiB are
 * freed. Else, as with TLS 1.2, nothing changes. */
void tls_takeover_try(tls_conn *c);

/* Wipes the secrets. */
void tls_takeover_forget(tls_conn *c);

/* Milliseconds of a steady clock that costs next to nothing. */
uint64_t tls_takeover_clock(void);

/* ---- tls_trust.c ---- */

/* mbedTLS asks for each certificate of the peer's chain; notes in the tls_conn why it is not
 * trusted. */
int tls_trust_check(void *self, mbedtls_x509_crt *crt, int depth, uint32_t *flags);

/* ---- tls_client.c ---- */

/* Server, at the end of the handshake: puts the client's certificate and the session's identifier
 * into the facts. False when memory is refused. */
bool tls_client_note(tls_conn *c);

/* ---- tls_keylog.c ---- */

int tls_keylog_open(const char *file, char *why); /* -1 with a message */
void tls_keylog_note(void *self, mbedtls_ssl_key_export_type type, const unsigned char *secret,
                     size_t n, const unsigned char client_random[32],
                     const unsigned char server_random[32], mbedtls_tls_prf_types prf);

/* ---- tls_tickets.c ---- */

/* Offers what is kept for the connection's peer, before its handshake. */
void tls_tickets_offer(tls_conn *c);

/* Keeps the session that mbedTLS has for it now. */
void tls_tickets_keep(tls_conn *c);

/* A resumed connection shows no certificate: what was wrong with the one of the first still is. */
void tls_tickets_recall(tls_conn *c);

#endif
