/* tls/tls_client.c: what a server says of its client's certificate, beside what OpenSSL says.
 * timeout: 120 */
#include "tests/unit/tls_pair.h"

TestSuite(tls_client, .init = begin_files, .fini = end_files, .timeout = 60);

/* NAME.key and NAME.crt, signed by itself, for a name as openssl req takes it. */
static void make_named(const char *name, const char *subject, const char *more) {
    shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -utf8 %s "
          "-subj '%s' -keyout %s.key -out %s.crt",
          more, subject, name, name);
}

/* The output of a command in the folder, without its line end. */
static const char *say(const char *command) {
    static char text[3000];
    FILE *f;
    shell("%s >said", command);
    f = fopen(in_folder("said"), "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    while (n && text[n - 1] == '\n') n--;
    text[n] = 0;
    return text;
}

static tls_config *make_server(uint16_t version) {
    tls_identity id = identity_of("localhost");
    return config_of(&(tls_settings){.server = true,
                                     .identities = &id,
                                     .identity_count = 1,
                                     .alpn = both,
                                     .check = TLS_CHECK_TELL,
                                     .version_max = version});
}

static void meet(tls_config *s, const char *who) {
    tls_identity id = identity_of(who ? who : "");
    tls_config *c = config_of(
        &(tls_settings){.alpn = both, .identities = &id, .identity_count = who ? 1u : 0u});
    open_sides(c, s, "localhost", NULL);
    settle(SIZE_MAX);
    cr_assert_not_null(server.ports->facts(server.self), "%s", server.why);
    tls_config_drop(c);
}

static void check_named(const char *subject, const char *more) {
    make_named("who", subject, more);
    for (uint16_t version = 0x0303; version <= 0x0304; version++) {
        tls_config *s = make_server(version);
        meet(s, "who");
        const tls_facts *f = server.ports->facts(server.self);
        const char *name = say("openssl x509 -in who.crt -noout -subject -nameopt RFC2253");
        cr_assert_str_eq(f->client_subject, name + strlen("subject="));
        cr_assert_str_eq(f->client_issuer, name + strlen("subject="));
        cr_assert_str_eq(f->client_sha256, say("openssl x509 -in who.crt -outform DER | sha256sum "
                                               "| cut -d' ' -f1"));
        cr_assert_str_eq(f->client_sha1,
                         say("openssl x509 -in who.crt -outform DER | sha1sum | cut -d' ' -f1"));
        cr_assert_str_eq(f->client_serial, say("openssl x509 -in who.crt -noout -serial | cut "
                                               "-d= -f2 | tr A-F a-f | sed -E 's/^(00)*//'"));
        if (version == 0x0304) cr_assert_str_eq(f->session_id, "");
        close_sides();
        tls_config_drop(s);
    }
}

Test(tls_client, names) {
    make_root("localhost");
    check_named("/CN=me", "");
    check_named("/C=DE/O=Müller, Söhne\\/Co/OU= x;y#<>\"\\\\/CN=#a b /emailAddress=a@b.test",
                "-set_serial 0x00FE01");
    check_named("/DC=test/UID=u1+serialNumber=77/title=Dr/GN=G/SN=S/ST=there/L=here/CN=a\tb", "");
}

Test(tls_client, old_string_types) {
    make_root("localhost");
    shell("printf '[req]\\ndistinguished_name=d\\nstring_mask=nombstr\\n[d]\\n' >old.cnf");
    check_named("/CN=Grüße/O=plain", "-config old.cnf"); /* T61String */
    shell("printf '[req]\\ndistinguished_name=d\\nstring_mask=MASK:0x0800\\n[d]\\n' >old.cnf");
    check_named("/CN=Grüße €/O=plain", "-config old.cnf"); /* BMPString */
}

Test(tls_client, unknown_parts_are_shown_as_they_are) {
    make_root("localhost");
    shell("printf 'oid_section=o\\n[o]\\nodd=1.2.3.4.5\\n[req]\\ndistinguished_name=d\\n[d]\\n' "
          ">odd.cnf");
    check_named("/odd=strange/CN=me", "-config odd.cnf");
}

Test(tls_client, a_long_name_is_cut) {
    char subject[3000] = "/CN=end";
    make_root("localhost");
    for (int i = 0; i < 27; i++) strcat(subject, "/OU=department-of-very-long-names-indeed");
    make_named("who", subject, "");
    tls_config *s = make_server(0x0304);
    meet(s, "who");
    size_t n = strlen(server.ports->facts(server.self)->client_subject);
    cr_assert(n > 900 && n <= LIMIT_TLS_NAME, "%zu", n);
    close_sides();
    tls_config_drop(s);
}

Test(tls_client, none) {
    make_root("localhost");
    tls_config *s = make_server(0x0304);
    meet(s, NULL);
    const tls_facts *f = server.ports->facts(server.self);
    cr_assert_str_eq(f->client_subject, "");
    cr_assert_str_eq(f->client_sha1, "");
    cr_assert_str_eq(f->session_id, "");
    close_sides();
    tls_config_drop(s);
    cr_assert_eq(held, 0);
}
