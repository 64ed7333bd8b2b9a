#include "applets/load/facts.h"

#include <stdio.h>

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
    if (f->quiet) return;
    if (tls) printf("TLS Protocol: %s\nCipher: %s\n", f->tls, f->cipher);
    if (f->group[0]) printf("Server Temp Key: %s\n", f->group);
    printf("Application protocol: %s\n", f->protocol);
    fflush(stdout);
}
