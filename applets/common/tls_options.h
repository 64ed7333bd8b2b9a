/* The options that every applet with TLS has in common: its rows, its settings, and the
 * configuration that comes of them. What only one side has (certificates as operands, --insecure)
 * is put into the tls_settings by the applet. */
#ifndef H2BOX_APPLETS_COMMON_TLS_OPTIONS_H
#define H2BOX_APPLETS_COMMON_TLS_OPTIONS_H

#include "applets/opt.h"
#include "tls/tls.h"

typedef struct tls_options {
    const char *ciphers, *groups, *ca_file, *password_file;
    int version_min, version_max; /* indices of tls_options_versions */
} tls_options;

extern const char *const tls_options_versions[];

/* Rows of an option table whose settings hold a tls_options named tls; `heading` is their group in
 * help. */
#define TLS_OPTIONS_ROWS(settings, heading)                                                      \
    {.name = "cacert",                                                                           \
     .type = OPT_STRING,                                                                         \
     OPT_AT(settings, tls.ca_file),                                                              \
     .arg = "FILE",                                                                              \
     .def_note = "the system's",                                                                 \
     .word = OPT_WORD_FILE,                                                                      \
     .group = (heading),                                                                         \
     .help = "Trust the certificate authorities in this file (PEM), and no others."},            \
        {.name = "ciphers",                                                                      \
         .type = OPT_STRING,                                                                     \
         OPT_AT(settings, tls.ciphers),                                                          \
         .arg = "LIST",                                                                          \
         .def_note = "all that HTTP/2 allows",                                                   \
         .group = (heading),                                                                     \
         .help =                                                                                 \
             "Cipher suites by their names in OpenSSL or the RFCs, with ':' between, the "       \
             "preferred first. A TLS version whose suites are not named keeps all of its own."}, \
        {.name = "groups",                                                                       \
         .type = OPT_STRING,                                                                     \
         OPT_AT(settings, tls.groups),                                                           \
         .arg = "LIST",                                                                          \
         .def_note = "X25519:P-256:P-384:P-521",                                                 \
         .group = (heading),                                                                     \
         .help = "Groups for the key exchange, the preferred first."},                           \
        {.name = "tls-min-proto-version",                                                        \
         .type = OPT_ENUM,                                                                       \
         OPT_AT(settings, tls.version_min),                                                      \
         .names = tls_options_versions,                                                          \
         .def = "TLSv1.2",                                                                       \
         .group = (heading),                                                                     \
         .help = "Lowest version of TLS."},                                                      \
        {.name = "tls-max-proto-version",                                                        \
         .type = OPT_ENUM,                                                                       \
         OPT_AT(settings, tls.version_max),                                                      \
         .names = tls_options_versions,                                                          \
         .def = "TLSv1.3",                                                                       \
         .group = (heading),                                                                     \
         .help = "Highest version of TLS."},                                                     \
        {.name = "key-passwd-file",                                                              \
         .type = OPT_STRING,                                                                     \
         OPT_AT(settings, tls.password_file),                                                    \
         .arg = "FILE",                                                                          \
         .word = OPT_WORD_FILE,                                                                  \
         .group = (heading),                                                                     \
         .help = "The first line of this file is the password of the private key."},             \
        {.name = "ktls",                                                                         \
         .type = OPT_FLAG,                                                                       \
         .status = OPT_IGNORED,                                                                  \
         .group = "Retired",                                                                     \
         .instead = "records are sealed in the program",                                         \
         .help = "Let the kernel seal records."}

/* The first line of a file, as a password, into `room` bytes; to be wiped after use. False with a
 * message in why (TLS_WHY_ROOM bytes). */
bool tls_options_password(const char *file, char *password, size_t room, char *why);

/* A configuration of s (with what the applet has put into it), s.identity_count identities, and the
 * options: versions, ciphers, groups, authorities, the password of the identities (which they hold
 * during this call only), the key log of SSLKEYLOGFILE, and ALPN for HTTP/2 and HTTP/1.1 when s has
 * none. A server without identities gets a certificate of its own for `names` (may be NULL). NULL
 * after a message. */
tls_config *tls_options_config(const opt_call *call, const tls_options *o, tls_settings s,
                               tls_identity *identities, const char *const *names);

#endif
