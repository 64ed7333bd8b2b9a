/* tls/tls.c, tls_shake.c, tls_trust.c, tls_tickets.c, tls_keylog.c: a client and a server joined in
 * memory.
 * timeout: 180 */
#include "tests/unit/tls_pair.h"

TestSuite(tls, .init = begin_files, .fini = end_files, .timeout = 120);

static tls_config *server_config(tls_settings s, const char *name) {
    tls_identity id = identity_of(name);
    s.server = true;
    s.identities = &id;
    s.identity_count = 1;
    if (!s.alpn) s.alpn = both;
    return config_of(&s);
}

static tls_config *client_config(tls_settings s) {
    if (!s.alpn) s.alpn = both;
    return config_of(&s);
}

static void drop(tls_config *c, tls_config *s) {
    tls_config_drop(c);
    tls_config_drop(s);
    cr_assert_eq(held, 0);
}

static void check_facts(const side *s, uint16_t version, bool resumed) {
    const tls_facts *f = s->ports->facts(s->self);
    cr_assert_not_null(f, "%s", s->why);
    cr_assert_eq(f->version, version);
    cr_assert_str_eq(f->version_name, version == 0x0304 ? "TLSv1.3" : "TLSv1.2");
    cr_assert_str_eq(f->alpn, "h2");
    cr_assert_str_eq(f->server_name, "localhost");
    cr_assert_eq(f->resumed, resumed);
    if (version == 0x0304 || !resumed) cr_assert_str_eq(f->group, "X25519");
    cr_assert_str_eq(f->cipher, version == 0x0304 ? "TLS_AES_128_GCM_SHA256"
                                                  : "ECDHE-ECDSA-AES128-GCM-SHA256");
}

/* ---- there and back ---- */

static void check_exchange(uint16_t version, size_t cut) {
    make_root("ca");
    make_leaf("leaf", "ca", "DNS:localhost", 5);
    tls_config *s = server_config((tls_settings){.version_max = version}, "leaf");
    tls_config *c =
        client_config((tls_settings){.check = TLS_CHECK_TRUST, .ca_file = in_folder("ca.crt")});
    open_sides(c, s, "localhost", NULL);
    settle(cut);
    check_facts(&client, version, false);
    check_facts(&server, version, false);
    send_pattern(&client, &server, 30000, cut);
    send_pattern(&server, &client, 200000, cut);
    client.ports->close(client.self);
    settle(cut);
    cr_assert_eq(server.status, TLS_CLOSED);
    /* The other direction is still open: RFC 8446 section 6.1. */
    send_pattern(&server, &client, 1000, cut);
    server.ports->close(server.self);
    settle(cut);
    cr_assert_eq(client.status, TLS_CLOSED);
    close_sides();
    drop(c, s);
}

Test(tls, whole_12) { check_exchange(0x0303, SIZE_MAX); }
Test(tls, whole_13) { check_exchange(0x0304, SIZE_MAX); }
Test(tls, at_every_byte_12) { check_exchange(0x0303, 1); }
Test(tls, at_every_byte_13) { check_exchange(0x0304, 1); }
Test(tls, in_pieces_12) { check_exchange(0x0303, 1500); }
Test(tls, in_pieces_13) { check_exchange(0x0304, 777); }

Test(tls, ciphers_that_are_asked_for) {
    static const char *const names[] = {
        "TLS_CHACHA20_POLY1305_SHA256",
        "TLS_AES_256_GCM_SHA384",
        "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305",
    };
    make_root("localhost");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint16_t most = names[i][0] == 'T' ? 0x0304 : 0x0303;
        tls_config *s = server_config((tls_settings){.version_max = most}, "localhost");
        tls_config *c = client_config((tls_settings){.ciphers = names[i]});
        open_sides(c, s, "localhost", NULL);
        settle(SIZE_MAX);
        cr_assert_str_eq(server.ports->facts(server.self)->cipher, names[i]);
        send_pattern(&client, &server, 20000, SIZE_MAX);
        close_sides();
        drop(c, s);
    }
}

Test(tls, groups_that_are_asked_for) {
    static const char *const names[] = {"P-256", "P-384", "P-521", "X25519"};
    make_root("localhost");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (uint16_t most = 0x0303; most <= 0x0304; most++) {
            /* In TLS 1.3 the client guesses wrong first: the server asks once more (RFC 8446
             * section 4.1.4). */
            tls_config *s =
                server_config((tls_settings){.version_max = most, .groups = names[i]}, "localhost");
            tls_config *c = client_config((tls_settings){.server = false});
            open_sides(c, s, "localhost", NULL);
            settle(SIZE_MAX);
            cr_assert_str_eq(server.ports->facts(server.self)->group, names[i]);
            cr_assert_str_eq(client.ports->facts(client.self)->group, names[i]);
            send_pattern(&client, &server, 20000, SIZE_MAX);
            close_sides();
            drop(c, s);
        }
    }
}

/* What is sealed waits for the socket, but not without end. */
Test(tls, sealing_stops) {
    static uint8_t many[400000];
    make_root("localhost");
    tls_config *s = server_config((tls_settings){.server = true}, "localhost");
    tls_config *c = client_config((tls_settings){.server = false});
    open_sides(c, s, "localhost", NULL);
    settle(SIZE_MAX);
    span all = span_of(many, sizeof many), iov[8];
    size_t took = server.ports->seal(server.self, &all, 1), waits = 0;
    cr_assert(took >= LIMIT_SEALED / 2 && took < LIMIT_SEALED + LIMIT_TLS_RECORD);
    for (size_t i = 0, n = server.ports->output(server.self, iov, 8); i < n; i++) waits += iov[i].n;
    cr_assert_leq(waits, LIMIT_SEALED + LIMIT_TLS_SEALED_RECORD);
    cr_assert_eq(bytes_get16(iov[0].p + 3) < 1460, 1, "the first record fits a packet");
    close_sides();
    drop(c, s);
}

/* ---- resumption ---- */

static void check_resumed(uint16_t version) {
    make_root("localhost");
    tls_config *s = server_config((tls_settings){.version_max = version}, "localhost");
    tls_config *c = client_config((tls_settings){.check = TLS_CHECK_TELL});
    tls_config *other = client_config((tls_settings){.check = TLS_CHECK_NONE});
    tls_tickets *t = tls_tickets_new(&hook);
    for (int i = 0; i < 3; i++) {
        open_sides(c, s, "localhost", t);
        settle(SIZE_MAX);
        check_facts(&server, version, i > 0);
        check_facts(&client, version, i > 0);
        cr_assert_str_eq(client.ports->facts(client.self)->distrust, "certificate is self-signed");
        send_pattern(&server, &client, 5000, SIZE_MAX);
        close_sides();
    }
    open_sides(other, s, "localhost", t); /* a ticket is not for other settings */
    settle(SIZE_MAX);
    check_facts(&client, version, false);
    close_sides();
    tls_tickets_free(t);
    tls_config_drop(other);
    drop(c, s);
}

Test(tls, resumed_12) { check_resumed(0x0303); }
Test(tls, resumed_13) { check_resumed(0x0304); }

Test(tls, tickets_are_bounded) {
    char name[40];
    make_root("localhost");
    tls_config *s = server_config((tls_settings){.server = true}, "localhost");
    tls_config *c = client_config((tls_settings){.server = false});
    tls_tickets *t = tls_tickets_new(&hook);
    for (unsigned i = 0; i < LIMIT_TICKETS + 3; i++) {
        snprintf(name, sizeof name, "host%u", i);
        open_sides(c, s, name, t);
        settle(SIZE_MAX);
        close_sides();
    }
    cr_assert_leq(held, LIMIT_TICKETS * 4096u);
    open_sides(c, s, "host0", t);
    settle(SIZE_MAX);
    cr_assert_not(client.ports->facts(client.self)->resumed);
    close_sides();
    open_sides(c, s, name, t);
    settle(SIZE_MAX);
    cr_assert(client.ports->facts(client.self)->resumed);
    close_sides();
    tls_tickets_free(t);
    drop(c, s);
}

/* ---- trust ---- */

static void check_trust(const char *leaf, const char *ca, const char *name, const char *want) {
    tls_config *s = server_config((tls_settings){.server = true}, leaf);
    for (int demand = 0; demand < 2; demand++) {
        tls_config *c = client_config((tls_settings){
            .check = demand ? TLS_CHECK_TRUST : TLS_CHECK_TELL, .ca_file = in_folder(ca)});
        open_sides(c, s, name, NULL);
        settle(SIZE_MAX);
        const tls_facts *f = client.ports->facts(client.self);
        if (demand && *want) {
            cr_assert_null(f);
            cr_assert_eq(client.status, TLS_FAILED);
            cr_assert(strstr(client.why, want), "'%s' is not in '%s'", want, client.why);
            cr_assert_eq(server.status, TLS_FAILED);
            cr_assert(strstr(server.why, "the peer refuses: "), "%s", server.why);
        } else {
            cr_assert_not_null(f, "%s", client.why);
            cr_assert(*want ? strstr(f->distrust, want) != NULL : !*f->distrust, "'%s' is not '%s'",
                      f->distrust, want);
        }
        close_sides();
        tls_config_drop(c);
    }
    tls_config_drop(s);
}

Test(tls, who_is_trusted) {
    char expired[60];
    make_root("ca");
    make_root("other");
    make_leaf("good", "ca", "DNS:a.example, DNS:*.b.example, IP:127.0.0.1, IP:::1", 5);
    make_leaf("old", "ca", "DNS:a.example", -1);
    time_t yesterday = time(NULL) - 86400;
    strftime(expired, sizeof expired, "certificate expired %Y-%m-%d", gmtime(&yesterday));
    check_trust("good", "ca.crt", "a.example", "");
    check_trust("good", "ca.crt", "A.Example", "");
    check_trust("good", "ca.crt", "x.b.example", "");
    check_trust("good", "ca.crt", "127.0.0.1", "");
    check_trust("good", "ca.crt", "::1", "");
    check_trust("good", "ca.crt", "[::1]", "");
    check_trust("good", "ca.crt", "127.0.0.2",
                "certificate is not for 127.0.0.2 but for a.example");
    check_trust("good", "ca.crt", "b.example", "certificate is not for b.example");
    check_trust("good", "ca.crt", "x.y.b.example", "certificate is not for x.y.b.example");
    check_trust("good", "ca.crt", "good", "certificate is not for good"); /* only its CN */
    check_trust("good", "other.crt", "a.example", "certificate is of an unknown authority: CN=ca");
    check_trust("old", "ca.crt", "a.example", expired);
    check_trust("other", "ca.crt", "other", "certificate is self-signed");
    check_trust("other", "other.crt", "other", "");
    cr_assert_eq(held, 0);
}

static void check_client_certificate(uint16_t version, tls_check check, const char *who, bool good,
                                     const char *distrust) {
    tls_config *s = server_config(
        (tls_settings){.check = check, .ca_file = in_folder("ca.crt"), .version_max = version},
        "localhost");
    tls_identity id = identity_of(who ? who : "none");
    tls_config *c =
        client_config((tls_settings){.identities = &id, .identity_count = who ? 1u : 0u});
    open_sides(c, s, "localhost", NULL);
    settle(SIZE_MAX);
    const tls_facts *f = server.ports->facts(server.self);
    cr_assert_eq(f != NULL, good, "%x %d %s: %s", version, check, who, server.why);
    if (f) {
        cr_assert(*distrust ? strstr(f->distrust, distrust) != NULL : !*f->distrust, "%s",
                  f->distrust);
        send_pattern(&client, &server, 1000, SIZE_MAX);
    } else {
        cr_assert(strstr(server.why, distrust), "%s", server.why);
        cr_assert_eq(client.status, TLS_FAILED, "%x %d %s: %s", version, check, who, server.why);
        /* It can read why, so the alert is under the right keys. */
        const char *alert = version == 0x0303 ? "the peer refuses: "
                            : who             ? "the peer sent the TLS alert unknown_ca"
                                              : "the peer sent the TLS alert certificate_required";
        cr_assert(strstr(client.why, alert), "%x %s: %s", version, who, client.why);
    }
    close_sides();
    drop(c, s);
}

Test(tls, client_certificates) {
    make_root("localhost");
    make_root("ca");
    make_root("other");
    make_leaf("known", "ca", "DNS:who", 5);
    make_leaf("unknown", "other", "DNS:who", 5);
    for (uint16_t version = 0x0303; version <= 0x0304; version++) {
        check_client_certificate(version, TLS_CHECK_NONE, "known", true, "");
        check_client_certificate(version, TLS_CHECK_TELL, NULL, true, "");
        check_client_certificate(version, TLS_CHECK_TELL, "known", true, "");
        check_client_certificate(version, TLS_CHECK_TELL, "unknown", true, "unknown authority");
        check_client_certificate(version, TLS_CHECK_DEMAND, NULL, false, "sent no certificate");
        check_client_certificate(version, TLS_CHECK_DEMAND, "unknown", true, "unknown authority");
        check_client_certificate(version, TLS_CHECK_TRUST, "known", true, "");
        check_client_certificate(version, TLS_CHECK_TRUST, "unknown", false, "unknown authority");
        check_client_certificate(version, TLS_CHECK_TRUST, NULL, false, "sent no certificate");
    }
}

Test(tls, expired_certificates_may_be_tolerated) {
    static const struct {
        const char *who;
        bool tolerate, good;
    } rows[] = {{"old", false, false}, {"old", true, true}, {"strange", true, false}};
    make_root("localhost");
    make_root("ca");
    make_root("other");
    make_leaf("old", "ca", "DNS:who", -1);
    make_leaf("strange", "other", "DNS:who", -1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tls_config *s = server_config((tls_settings){.check = TLS_CHECK_TRUST,
                                                     .ca_file = in_folder("ca.crt"),
                                                     .tolerate_expired = rows[i].tolerate},
                                      "localhost");
        tls_identity id = identity_of(rows[i].who);
        tls_config *c = client_config((tls_settings){.identities = &id, .identity_count = 1});
        open_sides(c, s, "localhost", NULL);
        settle(SIZE_MAX);
        cr_assert_eq(server.ports->facts(server.self) != NULL, rows[i].good, "%zu: %s", i,
                     server.why);
        close_sides();
        drop(c, s);
    }
}

Test(tls, names_choose_certificates) {
    make_root("ca");
    make_leaf("first", "ca", "DNS:a.example", 5);
    make_leaf("second", "ca", "DNS:*.b.example", 5);
    tls_identity both_of_them[] = {identity_of("first"), identity_of("second")};
    tls_config *s = config_of(&(tls_settings){
        .server = true, .identities = both_of_them, .identity_count = 2, .alpn = both});
    tls_config *c =
        client_config((tls_settings){.check = TLS_CHECK_TRUST, .ca_file = in_folder("ca.crt")});
    static const char *const names[] = {"a.example", "x.b.example", "c.example"};

    for (int i = 0; i < 3; i++) {
        open_sides(c, s, names[i], NULL);
        settle(SIZE_MAX);
        if (i < 2)
            cr_assert_str_eq(server.ports->facts(server.self)->server_name, names[i]);
        else
            cr_assert_str_eq(client.why, "certificate is not for c.example but for a.example");
        close_sides();
    }
    drop(c, s);
}

Test(tls, self_signed) {
    static const char *const names[] = {"localhost", "127.0.0.1", "::1", NULL};
    char why[TLS_WHY_ROOM] = "";
    tls_config *s =
        tls_config_self_signed(&(tls_settings){.server = true, .alpn = both}, names, why);
    cr_assert_not_null(s, "%s", why);
    cr_assert_eq(strlen(tls_config_fingerprint(s)), 95);
    for (int i = 0; names[i]; i++) {
        tls_config *c = client_config((tls_settings){.check = TLS_CHECK_TELL});
        open_sides(c, s, names[i], NULL);
        settle(SIZE_MAX);
        cr_assert_str_eq(client.ports->facts(client.self)->distrust, "certificate is self-signed");
        close_sides();
        tls_config_drop(c);
    }
    drop(NULL, s);
}

/* ---- what does not fit ---- */

Test(tls, no_protocol_in_common) {
    static const char *const others[] = {"spdy/3", NULL}, *const none[] = {NULL};
    make_root("localhost");
    for (uint16_t version = 0x0303; version <= 0x0304; version++) {
        tls_config *s = server_config((tls_settings){.version_max = version}, "localhost");
        tls_config *c = client_config((tls_settings){.alpn = others});
        open_sides(c, s, "localhost", NULL);
        settle(SIZE_MAX);
        cr_assert_str_eq(client.why, "the peer refuses: no application protocol in common (ALPN)");
        cr_assert_str_eq(server.why, "the peer speaks neither HTTP/2 nor HTTP/1.1 (ALPN)");
        close_sides();
        tls_config_drop(c);
        c = client_config((tls_settings){.alpn = none}); /* no ALPN at all is no reason to refuse */
        open_sides(c, s, "localhost", NULL);
        settle(SIZE_MAX);
        cr_assert_str_eq(server.ports->facts(server.self)->alpn, "");
        close_sides();
        drop(c, s);
    }
}

Test(tls, no_version_in_common) {
    make_root("localhost");
    tls_config *s = server_config((tls_settings){.version_min = 0x0304}, "localhost");
    tls_config *c = client_config((tls_settings){.version_max = 0x0303});
    open_sides(c, s, "localhost", NULL);
    settle(SIZE_MAX);
    cr_assert_eq(server.status, TLS_FAILED);
    cr_assert_str_eq(client.why, "the peer refuses: no TLS version in common");
    close_sides();
    drop(c, s);
}

static void feed_server(const char *bytes, size_t n) {
    span in = span_of(bytes, n);
    const char *why = NULL;
    server.ports->feed(server.self, &in, &why);
    shake(&server);
}

Test(tls, plain_http_is_told) {
    make_root("localhost");
    tls_config *s = server_config((tls_settings){.server = true}, "localhost");
    tls_config *c = client_config((tls_settings){.server = false});
    span iov[8];
    open_sides(c, s, NULL, NULL);
    feed_server("G", 1);
    cr_assert_eq(server.status, TLS_FAILED);
    cr_assert_str_eq(server.why, "plain HTTP where TLS was expected");
    cr_assert_eq(server.ports->output(server.self, iov, 8), 1);
    cr_assert(span_starts(iov[0], SPAN("HTTP/1.1 400 ")));
    span body = SPAN("\r\n\r\nThis port speaks TLS: use https://\r\n");
    cr_assert(span_eq(span_skip(iov[0], iov[0].n - body.n), body));
    close_sides();
    open_sides(c, s, NULL, NULL);
    feed_server("\x80\x2e\x01", 3);
    cr_assert_str_eq(server.why, "the peer does not speak TLS");
    cr_assert_eq(server.ports->output(server.self, iov, 8), 0);
    close_sides();
    drop(c, s);
}

/* A peer that says no more than a few bytes gets no more than that of memory. */
Test(tls, half_a_hello_is_cheap) {
    make_root("localhost");
    tls_config *s = server_config((tls_settings){.server = true}, "localhost");
    tls_config *c = client_config((tls_settings){.server = false});
    open_sides(c, s, "localhost", NULL);
    size_t before = held;
    feed_server("\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 9);
    cr_assert_eq(server.status, TLS_OK);
    cr_assert_leq(held - before, 64);
    close_sides();
    drop(c, s);
}

Test(tls, a_damaged_record) {
    make_root("localhost");
    for (uint16_t version = 0x0303; version <= 0x0304; version++) {
        tls_config *s = server_config((tls_settings){.version_max = version}, "localhost");
        tls_config *c = client_config((tls_settings){.server = false});
        open_sides(c, s, "localhost", NULL);
        settle(SIZE_MAX);
        span hello = SPAN("hello"), iov[8];
        client.ports->seal(client.self, &hello, 1);
        cr_assert_eq(client.ports->output(client.self, iov, 8), 1);
        char copy[100];
        memcpy(copy, iov[0].p, iov[0].n);
        copy[iov[0].n - 1] ^= 1;
        client.ports->output_done(client.self, iov[0].n);
        feed_server(copy, iov[0].n);
        take_plain(&server);
        cr_assert_eq(server.got_n, 0);
        cr_assert_eq(server.status, TLS_FAILED);
        settle(SIZE_MAX);
        cr_assert_eq(client.status, TLS_FAILED, "the alert comes");
        close_sides();
        drop(c, s);
    }
}

/* ---- the key log ---- */

Test(tls, keys_are_logged) {
    char line[400];
    unsigned lines[2] = {0};
    make_root("localhost");
    for (uint16_t version = 0x0303; version <= 0x0304; version++) {
        const char *file = in_folder(version == 0x0303 ? "log12" : "log13");
        tls_config *s = server_config((tls_settings){.version_max = version}, "localhost");
        tls_config *c = client_config((tls_settings){.keylog_file = file});
        open_sides(c, s, "localhost", NULL);
        settle(SIZE_MAX);
        close_sides();
        drop(c, s);
        FILE *f = fopen(file, "r");
        while (fgets(line, sizeof line, f)) {
            char label[60], random[100], secret[130];
            cr_assert_eq(sscanf(line, "%59s %99s %129s", label, random, secret), 3);
            cr_assert_eq(strlen(random), 64);
            cr_assert_eq(strlen(secret), version == 0x0303 ? 96 : 64);
            lines[version - 0x0303]++;
        }
        fclose(f);
        struct stat st;
        cr_assert_eq(stat(file, &st), 0);
        cr_assert_eq(st.st_mode & 0777, 0600);
    }
    cr_assert_eq(lines[0], 1);
    cr_assert_eq(lines[1], 4);
}

/* ---- memory ---- */

Test(tls, refused_memory_ends_the_connection) {
    make_root("localhost");
    tls_config *s = server_config((tls_settings){.server = true}, "localhost");
    tls_config *c = client_config((tls_settings){.server = false});
    open_sides(c, s, "localhost", NULL);
    settle(SIZE_MAX);
    span hello = SPAN("hello");
    refuse = true;
    cr_assert_eq(client.ports->seal(client.self, &hello, 1), 0);
    feed_server("\x17\x03\x03\x00\x40 a part of a record", 26);
    take_plain(&server);
    refuse = false;
    cr_assert_eq(server.status, TLS_FAILED);
    cr_assert(strstr(server.why, "memory"), "%s", server.why);
    close_sides();
    drop(c, s);
}
