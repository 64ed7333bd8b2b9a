#include "applets/load/facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The words that h2load has of OpenSSL. */
static const char *temp_key(const char *group) {
    static const char *const names[][2] = {{"X25519", "X25519 253 bits"},
                                           {"P-256", "ECDH prime256v1 256 bits"},
                                           {"P-384", "ECDH secp384r1 384 bits"},
                                           {"P-521", "ECDH secp521r1 521 bits"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(group, names[i][0]) == 0) return names[i][1];
    return group;
}

void load_facts_say(const facts *f, const char *format, ...) {
    va_list arguments;
    if (f->quiet) return;
    flockfile(stdout);
    if (f->live) fputs("\r\033[K", stdout);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    fflush(stdout);
    funlockfile(stdout);
}

void load_facts_note(facts *f, net_link *k) {
    if (atomic_exchange(&f->known, true)) return;
    const tls_facts *tls = link_tls(k);
    const char *protocol = session_protocol(link_session(k));
    if (!tls && strcmp(protocol, "h2") == 0) protocol = "h2c";
    snprintf(f->protocol, sizeof f->protocol, "%s", protocol);
    if (tls) {
        snprintf(f->tls, sizeof f->tls, "%s", tls->version_name);
        snprintf(f->cipher, sizeof f->cipher, "%s", tls->cipher);
        snprintf(f->group, sizeof f->group, "%s", tls->group);
    }
    if (tls) load_facts_say(f, "TLS Protocol: %s\nCipher: %s\n", f->tls, f->cipher);
    if (f->group[0]) load_facts_say(f, "Server Temp Key: %s\n", temp_key(f->group));
    load_facts_say(f, "Application protocol: %s\n", f->protocol);
}
