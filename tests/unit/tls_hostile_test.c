/* tls/: what a peer could gain by breaking the rules. It speaks for itself behind a handshake of
 * TLS 1.2, with keys made of the key log (RFC 5246 section 6.3, RFC 5288).
 * timeout: 180 */
#include "tests/unit/tls_pair.h"
#include "tls/accel/aead.h"
#include "tls/accel/sha2.h"

TestSuite(tls_hostile, .init = begin_files, .fini = end_files, .timeout = 120);

static tls_config *server_config(const char *name, uint16_t version) {
    tls_identity id = identity_of(name);
    return config_of(&(tls_settings){.server = true,
                                     .identities = &id,
                                     .identity_count = 1,
                                     .alpn = both,
                                     .version_max = version});
}

static void drop(tls_config *c, tls_config *s) {
    tls_config_drop(c);
    tls_config_drop(s);
    cr_assert_eq(held, 0);
}

/* ---- a peer of TLS 1.2 with its own records ---- */

typedef struct peer12 {
    aead key;
    uint8_t salt[4];
    uint64_t seq;
} peer12;

static uint8_t server_random[32];

/* The handshake, with a look at the server's random. */
static void shake_hands(void) {
    span iov[8];
    shake(&client);
    cr_assert(carry(&client, &server, SIZE_MAX));
    cr_assert_eq(server.ports->output(server.self, iov, 8), 1);
    memcpy(server_random, iov[0].p + 5 + 4 + 2, 32); /* record, handshake, version */
    settle(SIZE_MAX);
    cr_assert(server.ports->facts(server.self), "%s", server.why);
}

static void unhex(const char *text, uint8_t *out, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned byte;
        cr_assert_eq(sscanf(text + 2 * i, "%2x", &byte), 1);
        out[i] = (uint8_t)byte;
    }
}

/* Stands in for a side of the connection: one record of each went out already (Finished). */
static peer12 stand_in(const char *keylog, bool for_client) {
    char random_hex[65], master_hex[97];
    uint8_t master[48], seed[13 + 64 + 32], a[32], block[64], client_random[32];
    FILE *f = fopen(keylog, "r");
    cr_assert_eq(fscanf(f, "CLIENT_RANDOM %64s %96s", random_hex, master_hex), 2);
    fclose(f);
    unhex(random_hex, client_random, 32);
    unhex(master_hex, master, 48);
    memcpy(seed + 32, "key expansion", 13);
    memcpy(seed + 45, server_random, 32);
    memcpy(seed + 77, client_random, 32);
    sha2_hmac(32, master, 48, seed + 32, 77, a);
    for (size_t i = 0; i < 2; i++) {
        memcpy(seed, a, 32);
        sha2_hmac(32, master, 48, seed, sizeof seed, block + 32 * i);
        sha2_hmac(32, master, 48, a, 32, a);
    }
    peer12 p = {.seq = 1};
    aead_init(&p.key, AEAD_AES_128_GCM, block + (for_client ? 0 : 16));
    memcpy(p.salt, block + (for_client ? 32 : 36), 4);
    return p;
}

static void say(peer12 *p, side *to, uint8_t type, span text) {
    uint8_t record[300] = {type, 3, 3}, nonce[12], aad[13];
    aead_stream s;
    const char *why;
    for (size_t i = 0; i < 8; i++) aad[i] = record[5 + i] = (uint8_t)(p->seq >> (56 - 8 * i));
    memcpy(nonce, p->salt, 4);
    memcpy(nonce + 4, aad, 8);
    memcpy(aad + 8, record, 3);
    bytes_put16(aad + 11, (uint32_t)text.n);
    bytes_put16(record + 3, (uint32_t)(8 + text.n + AEAD_TAG));
    aead_begin(&s, &p->key, nonce, span_of(aad, sizeof aad));
    aead_encrypt(&s, text, record + 13);
    aead_end(&s, record + 13 + text.n);
    p->seq++;
    span in = span_of(record, 13 + text.n + AEAD_TAG);
    to->ports->feed(to->self, &in, &why);
    take_plain(to);
}

/* It asks for a renegotiation, again and again, and reads none of the refusals. */
static void check_renegotiation(bool by_client) {
    make_root("localhost");
    const char *keys = in_folder("keys");
    tls_config *s = server_config("localhost", 0x0303);
    tls_config *c = config_of(&(tls_settings){
        .alpn = both, .keylog_file = keys, .ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"});
    open_sides(c, s, "localhost", NULL);
    shake_hands();
    peer12 p = stand_in(keys, by_client);
    side *to = by_client ? &server : &client;
    span request =
        by_client ? SPAN("\x01\0\0\0") : SPAN("\0\0\0\0"); /* ClientHello, HelloRequest */
    say(&p, to, 23, SPAN("data"));
    cr_assert_eq(to->got_n, 4, "%s", to->why);
    size_t before = held, most = held;
    for (unsigned i = 0; i < 2000 && to->status == TLS_OK; i++) {
        say(&p, to, 22, request);
        say(&p, to, 23, SPAN("x"));
        if (held > most) most = held;
    }
    cr_assert_eq(to->status, TLS_FAILED);
    cr_assert(strstr(to->why, "renegotiation"), "%s", to->why);
    cr_assert_leq(most - before, LIMIT_TLS_RECORD + 1024u);
    close_sides();
    drop(c, s);
}

Test(tls_hostile, renegotiation_by_client) { check_renegotiation(true); }
Test(tls_hostile, renegotiation_by_server) { check_renegotiation(false); }

/* ---- resumption ---- */

/* Two names at one place, of which the server has a certificate for the first only: a session of
 * the one is no reason to take it for the other. */
static void check_names(uint16_t version) {
    make_root("ca");
    make_leaf("one", "ca", "DNS:one.example", 5);
    tls_config *s = server_config("one", version);
    tls_config *c = config_of(
        &(tls_settings){.alpn = both, .check = TLS_CHECK_TRUST, .ca_file = in_folder("ca.crt")});
    tls_tickets *t = tls_tickets_new(&hook);
    static const char *const names[] = {"one.example", "one.example", "two.example", "127.0.0.1"};
    for (int i = 0; i < 4; i++) {
        client = server = (side){.ports = NULL};
        tls_birth b = {
            .mem = &hook, .config = c, .name = names[i], .tickets = t, .peer = "127.0.0.1:443"};
        client.self = tls_open(&b, &client.ports);
        server.self = tls_open(&(tls_birth){.mem = &hook, .config = s}, &server.ports);
        settle(SIZE_MAX);
        const tls_facts *f = client.ports->facts(client.self);
        cr_assert_eq(f != NULL, i < 2, "%x %s", version, names[i]);
        if (f) cr_assert_eq(f->resumed, i == 1);
        if (!f) cr_assert(strstr(client.why, "certificate is not for"), "%s", client.why);
        close_sides();
    }
    tls_tickets_free(t);
    drop(c, s);
}

Test(tls_hostile, names_at_one_place_12) { check_names(0x0303); }
Test(tls_hostile, names_at_one_place_13) { check_names(0x0304); }

/* ---- messages ---- */

/* What a certificate says is printed, and must not steer a terminal. */
Test(tls_hostile, names_that_are_commands) {
    make_root("ca");
    make_leaf("evil", "ca", "DNS:\\033]0\\;hello\\007.example", 5);
    tls_config *s = server_config("evil", 0x0304);
    tls_config *c = config_of(
        &(tls_settings){.alpn = both, .check = TLS_CHECK_TRUST, .ca_file = in_folder("ca.crt")});
    open_sides(c, s, "localhost", NULL);
    settle(SIZE_MAX);
    cr_assert_eq(client.status, TLS_FAILED);
    cr_assert(strstr(client.why, "hello"), "%s", client.why);
    for (const char *p = client.why; *p; p++) cr_assert(*p >= ' ' && *p < 0x7f, "%s", client.why);
    close_sides();
    drop(c, s);
}
