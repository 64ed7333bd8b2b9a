/* TLS 1.2 and 1.3 as the other layers see it: configurations, and connections behind ports.
 *
 * A tls_config is one immutable generation of settings (certificates, trust, versions), shared by
 * all workers and counted; a connection pins the one it was born with. A connection is `tls_ports`
 * and a self: the ports stand between the socket's bytes and the session's, own their state and
 * whatever they lend, and do no I/O. A link without ports is cleartext. No library's name shows
 * here. */
#ifndef H2BOX_TLS_TLS_H
#define H2BOX_TLS_TLS_H

#include "core/bytes.h"
#include "core/mem.h"
#include "core/verdict.h"

typedef enum tls_status {
    TLS_OK,
    TLS_CLOSED, /* the peer ended the stream properly (close_notify) */
    TLS_FAILED  /* `why` says what; what output still gives is to be written, then the socket closed
                 */
} tls_status;

/* What a finished handshake came to. Lives as long as the connection; texts are never NULL. */
typedef struct tls_facts {
    uint16_t version;         /* 0x0303, 0x0304 */
    const char *version_name; /* "TLSv1.3" */
    const char *cipher;       /* "TLS_AES_128_GCM_SHA256"; TLS 1.2 by its OpenSSL name */
    const char *group;        /* "X25519", "P-256"; "" when there is none: TLS 1.2 resumed */
    const char *alpn;         /* "h2", "http/1.1", "" when none was agreed on */
    const char *server_name;  /* SNI as sent, "" when none */
    const char *distrust;     /* why the peer's certificate is not trusted; "" when it is, or when
                                 nobody asked: "certificate expired 2026-01-01" */
    bool resumed;

    /* Server: of the client's certificate, "" when it has shown none; a resumed connection of TLS
     * 1.3 shows none. Names as RFC 4514 has them, from the last part to the first:
     * "CN=a,O=b\\, c", cut after LIMIT_TLS_NAME bytes. */
    const char *client_subject, *client_issuer;
    const char *client_serial;               /* "fe01", without leading zeros */
    const char *client_sha256, *client_sha1; /* of the whole certificate, in hex */
    const char *session_id;                  /* TLS 1.2, in hex; else "" */
} tls_facts;

typedef struct tls_ports {
    /* Takes bytes from the socket; all of *in is used up or kept. What it comes to is told once
     * plain has given everything before it: so ask again with an empty span when plain is done. */
    tls_status (*feed)(void *self, span *in, const char **why);
    /* One step of the handshake: until it needs bytes of the peer, or has done one operation with a
     * private key. *more says that another step can follow at once, so that others may have their
     * turn between. After the handshake: TLS_OK, and *more false. */
    tls_status (*shake)(void *self, bool *more, const char **why);
    /* NULL until the handshake is over. */
    const tls_facts *(*facts)(const void *self);
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

/* ---- configurations ---- */

/* A certificate chain and its key, PEM. */
typedef struct tls_identity {
    const char *cert_file, *key_file;
    const char *password; /* of an encrypted key; NULL: none */
} tls_identity;

typedef enum tls_check {
    TLS_CHECK_NONE, /* do not look at the peer's certificate (server: do not ask for one) */
    TLS_CHECK_TELL, /* look (server: ask), go on whatever it is, and say so in tls_facts.distrust */
    TLS_CHECK_DEMAND, /* a server wants any certificate, trusted or not (nghttpd --verify-client) */
    TLS_CHECK_TRUST   /* fail the handshake unless it is trusted */
} tls_check;

/* Records are small at first and after a pause, so that each fits a packet and can be read as it
 * comes. */
typedef struct tls_warmup {
    uint32_t bytes;    /* so many go in small records; 0: none */
    uint32_t pause_ms; /* nothing was sealed for longer than that: they begin again */
} tls_warmup;

typedef struct tls_settings {
    bool server;
    const tls_identity *identities; /* server: the first is the default, others by SNI, at most
                                       LIMIT_CERTIFICATES; client: at most one */
    size_t identity_count;
    tls_check check;
    const char *ca_file;               /* PEM bundle to trust; NULL: the system's */
    const char *const *alpn;           /* in order of preference, NULL-terminated; NULL: none */
    uint16_t version_min, version_max; /* 0: 0x0303 and 0x0304 */
    const char *ciphers;     /* OpenSSL or IANA names separated by ':', both versions; NULL: ours */
    const char *groups;      /* "X25519:P-256:P-384:P-521"; NULL: ours */
    const char *keylog_file; /* appended to in the format of NSS; NULL: none */
    const tls_warmup *warmup; /* NULL: LIMIT_TLS_WARM, LIMIT_TLS_COLD_MS; copied */
    bool no_tickets;
    bool tolerate_expired; /* a certificate may be expired, and all else must be right */
} tls_settings;

typedef struct tls_config tls_config;

#define TLS_WHY_ROOM 256u

/* Reads files, so not on a loop that serves. NULL with a message for people in why (TLS_WHY_ROOM
 * bytes): "server.key: this key does not belong to server.crt". The caller holds one count. Thread
 * safe from then on. */
tls_config *tls_config_new(const tls_settings *s, char *why);

/* A server's configuration with an ECDSA P-256 certificate made for this run alone, for `names`
 * (host names and addresses, NULL-terminated) and a week; s->identities are not looked at. */
tls_config *tls_config_self_signed(const tls_settings *s, const char *const *names, char *why);

/* SHA-256 of the first identity's certificate as "AB:CD:..."; lives as long as the configuration.
 * "" when there is none. */
const char *tls_config_fingerprint(const tls_config *c);

tls_config *tls_config_hold(tls_config *c);
void tls_config_drop(tls_config *c); /* NULL is nothing */

/* ---- sessions to resume (client) ---- */

/* Tickets of servers by name, for connections of one thread; bounded by limits.h. */
typedef struct tls_tickets tls_tickets;
tls_tickets *tls_tickets_new(const mem *m);
void tls_tickets_free(tls_tickets *t);

/* ---- connections ---- */

typedef struct tls_birth {
    const mem *mem;       /* outlives the connection */
    tls_config *config;   /* held by the connection until its end */
    const char *name;     /* client: SNI (when it is no address) and what the certificate must be
                             for; copied; NULL: neither */
    tls_tickets *tickets; /* client: to resume with and to keep what comes; NULL: none; outlives the
                             connection */
    const char *peer;     /* client: what tickets are kept under, beside the name: "host:port";
                             copied; NULL: name */
} tls_birth;

/* A connection before its handshake. *ports are the same for all. NULL when memory is refused. */
void *tls_open(const tls_birth *b, const tls_ports **ports);

#endif
