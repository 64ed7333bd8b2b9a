/* tls/tls_config.c, tls_identity.c, tls_suite.c, tls_text.c: what makes a configuration, and what
 * people are told when it makes none.
 * timeout: 120 */
#include "tests/unit/tls_pair.h"

TestSuite(tls_config, .init = begin_files, .fini = end_files, .timeout = 60);

static void check_refused(const tls_settings *s, const char *want) {
    char why[TLS_WHY_ROOM] = "";
    cr_assert_null(tls_config_new(s, why));
    cr_assert(strstr(why, want), "'%s' is not in '%s'", want, why);
}

static void check_pair_refused(const char *cert, const char *key, const char *password,
                               const char *want) {
    tls_identity id = {in_folder(cert), in_folder(key), password};
    check_refused(&(tls_settings){.server = true, .identities = &id, .identity_count = 1}, want);
}

Test(tls_config, files_that_do_not_serve) {
    make_root("one");
    make_root("two");
    check_pair_refused("none.crt", "one.key", NULL, "none.crt: No such file or directory");
    check_pair_refused("one.crt", "none.key", NULL, "none.key: No such file or directory");
    check_pair_refused("one.crt", "two.key", NULL, "two.key: this key does not belong to");
    check_pair_refused("one.crt", "one.crt", NULL, "one.crt: no private key in PEM");
    check_pair_refused("one.key", "one.key", NULL, "one.key: no certificate in PEM");
}

Test(tls_config, encrypted_keys) {
    make_root("one");
    shell("openssl pkcs8 -topk8 -in one.key -out new.key -passout pass:right");
    shell("openssl ec -in one.key -aes128 -out old.key -passout pass:right");
    static const char *const keys[] = {"new.key", "old.key"};
    for (int i = 0; i < 2; i++) {
        check_pair_refused("one.crt", keys[i], NULL, "the key is encrypted and needs a password");
        /* So many that some leave good padding behind, which is one in 256. */
        for (int n = 0; n < (i ? 1000 : 1); n++) {
            char wrong[32];
            snprintf(wrong, sizeof wrong, "wrong %d", n);
            check_pair_refused("one.crt", keys[i], wrong, "wrong password for the key");
        }
        tls_identity id = {in_folder("one.crt"), in_folder(keys[i]), "right"};
        tls_config_drop(
            config_of(&(tls_settings){.server = true, .identities = &id, .identity_count = 1}));
    }
}

Test(tls_config, kinds_of_keys) {
    shell(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=rsa -keyout rsa.key -out rsa.crt");
    shell(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 30 -subj /CN=p384 "
        "-keyout p384.key -out p384.crt");
    static const char *const names[] = {"rsa", "p384"};
    for (int i = 0; i < 2; i++) {
        tls_identity id = identity_of(names[i]);
        tls_config *c =
            config_of(&(tls_settings){.server = true, .identities = &id, .identity_count = 1});
        cr_assert_eq(strlen(tls_config_fingerprint(c)), 95);
        tls_config_drop(c);
    }
}

Test(tls_config, fingerprint_as_openssl_has_it) {
    char want[200] = "", *equals;
    make_root("one");
    shell("openssl x509 -in one.crt -noout -fingerprint -sha256 >print");
    FILE *f = fopen(in_folder("print"), "r");
    cr_assert_not_null(fgets(want, sizeof want, f));
    fclose(f);
    equals = strchr(want, '=');
    equals[strcspn(equals, "\n")] = 0;
    tls_identity id = identity_of("one");
    tls_config *c =
        config_of(&(tls_settings){.server = true, .identities = &id, .identity_count = 1});
    cr_assert_str_eq(tls_config_fingerprint(c), equals + 1);
    tls_config_drop(c);
}

Test(tls_config, names_of_ciphers_and_groups) {
    tls_settings s = {.ciphers = "ECDHE-RSA-AES128-GCM-SHA256:NO-SUCH"};
    check_refused(&s, "unknown cipher 'NO-SUCH'");
    s.ciphers = "DHE-RSA-AES128-GCM-SHA256";
    check_refused(&s, "none of these ciphers");
    s.ciphers = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:dhe-rsa-aes128-gcm-sha256:"
                "TLS_AES_128_GCM_SHA256";
    tls_config_drop(config_of(&s));
    s = (tls_settings){.groups = "X25519:P-192"};
    check_refused(&s, "unknown group 'P-192'");
    s.groups = "x25519:prime256v1:secp384r1";
    tls_config_drop(config_of(&s));
}

Test(tls_config, what_else_is_refused) {
    tls_settings s = {.version_min = 0x0304, .version_max = 0x0303};
    check_refused(&s, "no TLS version in common");
    s = (tls_settings){.check = TLS_CHECK_TRUST, .ca_file = in_folder("none.pem")};
    check_refused(&s, "none.pem: No such file or directory");
    s = (tls_settings){.keylog_file = in_folder("none/log")};
    check_refused(&s, "none/log: No such file or directory");
}
