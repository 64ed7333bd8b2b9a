#include "tls/tls_impl.h"

/* mbedTLS does not say which group it has used, but both hellos pass by in the clear. */

#define RECORD_HEAD         5u
#define RECORD_HANDSHAKE    22u
#define MESSAGE_HEAD        4u
#define SERVER_HELLO        2u
#define SERVER_KEY_EXCHANGE 12u
#define NAMED_CURVE         3u
#define EXTENSION_KEY_SHARE 51u

/* Up to n bytes off the front; fewer when there are no more. */
static span take(span *s, size_t n) { return span_take(s, n < s->n ? n : s->n); }

static uint16_t take16(span *s) {
    span two = take(s, 2);
    return two.n == 2 ? bytes_get16(two.p) : 0;
}

/* RFC 8446 section 4.1.3: version, random, session, suite, compression, extensions. */
static uint16_t of_hello(span hello) {
    take(&hello, 2 + 32);
    span session = take(&hello, 1);
    take(&hello, session.n ? *session.p : 0);
    take(&hello, 2 + 1 + 2);
    while (hello.n >= 4) {
        uint16_t type = take16(&hello), n = take16(&hello);
        span body = take(&hello, n);
        if (type == EXTENSION_KEY_SHARE) return take16(&body);
    }
    return 0;
}

/* RFC 8422 section 5.4. */
static uint16_t of_key_exchange(span params) {
    span kind = take(&params, 1);
    return kind.n && *kind.p == NAMED_CURVE ? take16(&params) : 0;
}

void tls_group_note(tls_conn *c, const uint8_t *record, size_t n) {
    span left = span_of(record, n);
    if (c->over || n < RECORD_HEAD || record[0] != RECORD_HANDSHAKE) return;
    take(&left, RECORD_HEAD);
    while (left.n >= MESSAGE_HEAD) {
        uint8_t type = left.p[0];
        size_t bytes = bytes_get24(left.p + 1);
        take(&left, MESSAGE_HEAD);
        span body = take(&left, bytes);
        uint16_t group = type == SERVER_HELLO          ? of_hello(body)
                         : type == SERVER_KEY_EXCHANGE ? of_key_exchange(body)
                                                       : 0;
        if (group) c->facts.group = tls_suite_group_name(group);
    }
}
