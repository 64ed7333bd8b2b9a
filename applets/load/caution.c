#include "applets/load/caution.h"
#include "core/bytes.h"
#include "netio/net.h"

#include <arpa/inet.h>
#include <unistd.h>

#define ADDRESSES 16u
#define SECONDS   3

static bool private4(uint32_t a) {
    return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
           a >> 16 == 0xa9fe || a == 0;
}

static bool private6(const uint8_t a[16]) {
    static const uint8_t loopback[16] = {[15] = 1}, mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (memcmp(a, mapped, sizeof mapped) == 0) return private4(bytes_get32(a + 12));
    return memcmp(a, loopback, sizeof loopback) == 0 || (a[0] & 0xfe) == 0xfc ||
           (a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

static bool is_private(const char *text) {
    uint8_t a[16];
    if (inet_pton(AF_INET, text, a) == 1) return private4(bytes_get32(a));
    if (inet_pton(AF_INET6, text, a) == 1) return private6(a);
    return false;
}

void caution_say(const opt_call *call, const char *host) {
    listen_address found[ADDRESSES];
    const char *why;
    if (strncmp(host, "unix:", 5) == 0) return;
    size_t n = listen_resolve(host, 1, found, ADDRESSES, &why);
    bool all = true;
    for (size_t i = 0; i < n; i++) all &= is_private(found[i].text);
    if (all) return; /* one that is not found gets its message when it is dialled */
    opt_say(
        call,
        "%s is neither this machine nor in a private network: unless the server is yours, this is a "
        "denial-of-service attack. --yes skips this.",
        host);
    if (!isatty(STDERR_FILENO)) return;
    for (int left = SECONDS; left > 0; left--) {
        fprintf(stderr, "\rbeginning in %d s (Ctrl-C to stop) ", left);
        fflush(stderr);
        sleep(1);
    }
    fputs("\r\033[K", stderr);
}
