#include "applets/common/tls_options.h"

#include "core/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *const tls_options_versions[] = {"TLSv1.2", "TLSv1.3", NULL};

bool tls_options_password(const char *file, char *password, size_t room, char *why) {
    /* A FIFO that nobody writes is empty. */
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    FILE *f = fd >= 0 && fcntl(fd, F_SETFL, 0) == 0 ? fdopen(fd, "r") : NULL;
    bool ok = f && fgets(password, (int)room, f);
    if (!ok) snprintf(why, TLS_WHY_ROOM, "%s: %s", file, f ? "holds no password" : strerror(errno));
    if (f)
        fclose(f);
    else if (fd >= 0)
        close(fd);
    password[ok ? strcspn(password, "\r\n") : 0] = 0;
    return ok;
}

static void set_password(tls_identity *identities, size_t n, const char *password) {
    for (size_t i = 0; i < n; i++) identities[i].password = password;
}

tls_config *tls_options_config(const opt_call *call, const tls_options *o, tls_settings s,
                               tls_identity *identities, const char *const *names) {
    static const char *const protocols[] = {"h2", "http/1.1", NULL}, *const none[] = {NULL};
    const char *keylog = getenv("SSLKEYLOGFILE");
    char why[TLS_WHY_ROOM], password[LIMIT_PASSWORD] = "";
    if (o->password_file &&
        !tls_options_password(o->password_file, password, sizeof password, why)) {
        opt_say(call, "%s", why);
        return NULL;
    }
    if (o->password_file) set_password(identities, s.identity_count, password);
    s.identities = identities;
    s.ca_file = o->ca_file;
    s.ciphers = o->ciphers;
    s.groups = o->groups;
    s.version_min = (uint16_t)(0x0303 + o->version_min);
    s.version_max = (uint16_t)(0x0303 + o->version_max);
    s.keylog_file = keylog && *keylog ? keylog : NULL;
    if (!s.alpn) s.alpn = protocols;
    tls_config *c = NULL;
    if (s.version_min > s.version_max)
        snprintf(why, sizeof why, "--tls-min-proto-version is above --tls-max-proto-version");
    else if (s.server && !s.identity_count)
        c = tls_config_self_signed(&s, names ? names : none, why);
    else
        c = tls_config_new(&s, why);
    set_password(identities, s.identity_count, NULL);
    explicit_bzero(password, sizeof password);
    if (!c) opt_say(call, "%s", why);
    return c;
}
