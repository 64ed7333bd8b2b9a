/* Certificates made by openssl in a folder of their own, and a client and a server joined in memory
 * through the ports of tls.h, for tests of tls/. */
#ifndef H2BOX_TESTS_UNIT_TLS_PAIR_H
#define H2BOX_TESTS_UNIT_TLS_PAIR_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/limits.h"
#include "tests/unit/mem_hook.h"
#include "tls/tls.h"

/* ---- files ---- */

static char folder[] = P_tmpdir "/h2box-tls-XXXXXX";

static inline void shell(const char *format, ...) {
    char command[1500];
    va_list args;
    int at = snprintf(command, sizeof command, "cd %s && (", folder);
    va_start(args, format);
    at += vsnprintf(command + at, sizeof command - (size_t)at, format, args);
    va_end(args);
    snprintf(command + at, sizeof command - (size_t)at, ") >log 2>&1");
    cr_assert_eq(system(command), 0, "%s", command);
}

static inline void begin_files(void) { cr_assert_not_null(mkdtemp(folder)); }

static inline void end_files(void) {
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

/* The path of a file in the folder; good for eight calls. */
static inline const char *in_folder(const char *name) {
    static char paths[8][100];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, 100, "%s/%s", folder, name);
    return path;
}

/* NAME.key and NAME.crt, signed by itself. */
static inline void make_root(const char *name) {
    shell(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj '/CN=%s' "
        "-keyout %s.key -out %s.crt",
        name, name, name);
}

/* NAME.key and NAME.crt of an authority, for alternative names as openssl takes them. Days before 1
 * make one that has expired: OpenSSL 3.5 wants that said in another way than those before it. */
static inline void make_leaf(const char *name, const char *root, const char *names, int days) {
    shell(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=%s' -keyout "
        "%s.key -out %s.csr && printf 'subjectAltName=%s' >%s.ext && sign='openssl x509 -req -in "
        "%s.csr -CA %s.crt -CAkey %s.key -CAcreateserial -extfile %s.ext -out %s.crt' && "
        "{ $sign -days %d || { [ %d -lt 1 ] && $sign -not_before 20200101000000Z -not_after "
        "$(date -u -d '%d days' +%%Y%%m%%d%%H%%M%%SZ); }; }",
        name, name, name, names, name, name, root, root, name, name, days, days, days);
}

static inline tls_identity identity_of(const char *name) {
    char file[60];
    tls_identity id = {.password = NULL};
    snprintf(file, sizeof file, "%s.crt", name);
    id.cert_file = in_folder(file);
    snprintf(file, sizeof file, "%s.key", name);
    id.key_file = in_folder(file);
    return id;
}

/* ---- two ends ---- */

static const char *const both[] = {"h2", "http/1.1", NULL};

/* What a side has come to. */
typedef struct side {
    const tls_ports *ports;
    void *self;
    tls_status status;
    const char *why;
    uint8_t got[300000];
    size_t got_n;
} side;

static side client, server;

static inline tls_config *config_of(const tls_settings *s) {
    char why[TLS_WHY_ROOM] = "";
    tls_config *c = tls_config_new(s, why);
    cr_assert_not_null(c, "%s", why);
    return c;
}

static inline void open_sides(tls_config *c, tls_config *s, const char *name,
                              tls_tickets *tickets) {
    client = server = (side){.ports = NULL};
    tls_birth b = {.mem = &hook, .config = c, .name = name, .tickets = tickets, .peer = name};
    client.self = tls_open(&b, &client.ports);
    b = (tls_birth){.mem = &hook, .config = s};
    server.self = tls_open(&b, &server.ports);
    cr_assert(client.self && server.self);
}

static inline void close_sides(void) {
    client.ports->free(client.self);
    server.ports->free(server.self);
}

static inline void shake(side *s) {
    bool more = true;
    while (more && s->status == TLS_OK) s->status = s->ports->shake(s->self, &more, &s->why);
}

static inline void take_plain(side *s) {
    const char *why = NULL;
    span none = {NULL, 0}, plain;
    while ((plain = s->ports->plain(s->self)).n) {
        cr_assert_leq(s->got_n + plain.n, sizeof s->got);
        memcpy(s->got + s->got_n, plain.p, plain.n);
        s->got_n += plain.n;
    }
    tls_status status = s->ports->feed(s->self, &none, &why);
    if (s->status != TLS_OK || status == TLS_OK) return;
    s->status = status;
    s->why = why;
}

/* Carries what one side has for the other, `cut` bytes at a time; false when there was nothing. */
static inline bool carry(side *from, side *to, size_t cut) {
    span iov[8];
    size_t n = from->ports->output(from->self, iov, 8);
    if (!n) return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t *copy = malloc(iov[i].n); /* feeding must not rely on bytes that stay */
        memcpy(copy, iov[i].p, iov[i].n);
        size_t all = iov[i].n;
        from->ports->output_done(from->self, all);
        for (size_t at = 0; at < all; at += cut) {
            span piece = span_of(copy + at, all - at < cut ? all - at : cut);
            const char *why = NULL;
            to->ports->feed(to->self, &piece, &why);
            cr_assert_eq(piece.n, 0);
            shake(to);
            take_plain(to);
        }
        free(copy);
    }
    return true;
}

static inline void settle(size_t cut) {
    shake(&client);
    for (bool on = true; on;) {
        on = carry(&client, &server, cut);
        on |= carry(&server, &client, cut);
    }
}

/* Seals n bytes of a pattern at one side; all arrive at the other. */
static inline void send_pattern(side *from, side *to, size_t n, size_t cut) {
    static uint8_t pattern[200000];
    cr_assert_leq(n, sizeof pattern);
    for (size_t i = 0; i < n; i++) pattern[i] = (uint8_t)(i * 7 + (i >> 8));
    to->got_n = 0;
    for (size_t at = 0, rounds = 0; at < n; rounds++) {
        span iov[3] = {span_of(pattern + at, (n - at) / 3), {NULL, 0}, {NULL, 0}};
        iov[2] = span_of(pattern + at + iov[0].n, n - at - iov[0].n);
        at += from->ports->seal(from->self, iov, 3);
        settle(cut);
        cr_assert_lt(rounds, 100, "%s %s", from->why, to->why);
    }
    cr_assert_eq(to->got_n, n);
    cr_assert_eq(memcmp(to->got, pattern, n), 0);
}

#endif
