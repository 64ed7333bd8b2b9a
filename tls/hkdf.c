#include "tls/hkdf.h"

#include <string.h>

#include "tls/accel/wipe.h"

void hkdf_expand_label(size_t hash, const uint8_t *secret, const char *label, uint8_t *out,
                       size_t n) {
    /* struct HkdfLabel (section 7.1), and the counter of HKDF-Expand's first block (RFC 5869
     * section 2.3). */
    uint8_t text[2 + 1 + 6 + 12 + 1 + 1] = {0, (uint8_t)n}, block[SHA2_MAX];
    size_t label_n = strlen(label), at = 3;
    text[2] = (uint8_t)(6 + label_n);
    memcpy(text + at, "tls13 ", 6);
    memcpy(text + at + 6, label, label_n);
    at += 6 + label_n;
    text[at++] = 0;
    text[at++] = 1;
    sha2_hmac(hash, secret, hash, text, at, block);
    memcpy(out, block, n);
    wipe(block, sizeof block);
}
