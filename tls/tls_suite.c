#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tls/tls_impl.h"

static const struct suite {
    int id;
    const char *iana, *openssl;
} suites[] = {
#define SUITE(id, iana, openssl) {id, iana, openssl},
#include "tls/tls_suite.def"
};

static const char *const passed_over[] = {
#define SUITE(id, iana, openssl)
#define SUITE_PASSED_OVER(name) name,
#include "tls/tls_suite.def"
};

/* Groups by RFC 8446 section 4.2.7, with the names of NIST, OpenSSL and nghttpx. */
static const struct group {
    uint16_t id;
    const char *names[4];
} groups[] = {
    {MBEDTLS_SSL_IANA_TLS_GROUP_X25519, {"X25519", NULL}},
    {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, {"P-256", "secp256r1", "prime256v1", NULL}},
    {MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, {"P-384", "secp384r1", NULL}},
    {MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1, {"P-521", "secp521r1", NULL}},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is(const char *name, span word) {
    return strlen(name) == word.n && strncasecmp(name, (const char *)word.p, word.n) == 0;
}

/* The next word of a list, empty at its end. */
static span next_word(const char **list) {
    while (**list == ':' || **list == ',' || **list == ' ') ++*list;
    span word = {(const uint8_t *)*list, strcspn(*list, ":, ")};
    *list += word.n;
    return word;
}

static const struct suite *find_suite(span word) {
    for (size_t i = 0; i < COUNT(suites); i++) {
        if (is(suites[i].iana, word) || is(suites[i].openssl, word)) return &suites[i];
    }
    return NULL;
}

static bool is_passed_over(span word) {
    for (size_t i = 0; i < COUNT(passed_over); i++) {
        if (is(passed_over[i], word)) return true;
    }
    return false;
}

static bool is_version13(int id) { return id >> 8 == 0x13; }

static bool holds(const int *list, size_t n, int id) {
    for (size_t i = 0; i < n; i++) {
        if (list[i] == id) return true;
    }
    return false;
}

/* A version that the list does not speak of keeps its own suites, as with OpenSSL. */
static size_t add_version(int *list, size_t n, bool version13) {
    for (size_t i = 0; i < n; i++) {
        if (is_version13(list[i]) == version13) return n;
    }
    for (size_t i = 0; i < COUNT(suites); i++) {
        if (is_version13(suites[i].id) == version13) list[n++] = suites[i].id;
    }
    return n;
}

int *tls_suite_list(const char *names, char *why) {
    int *list = calloc(2 * COUNT(suites) + 1, sizeof *list);
    size_t n = 0;
    bool any = false;
    if (!list) {
        snprintf(why, TLS_WHY_ROOM, "out of memory");
        return NULL;
    }
    for (span word; names && (word = next_word(&names)).n;) {
        const struct suite *s = find_suite(word);
        any = true;
        if (s && !holds(list, n, s->id)) list[n++] = s->id;
        if (s || is_passed_over(word)) continue;
        snprintf(why, TLS_WHY_ROOM, "unknown cipher '%.*s'", (int)(word.n < 100 ? word.n : 100),
                 (const char *)word.p);
        free(list);
        return NULL;
    }
    if (any && !n) {
        snprintf(why, TLS_WHY_ROOM, "none of these ciphers is one that HTTP/2 may use");
        free(list);
        return NULL;
    }
    n = add_version(list, n, true);
    n = add_version(list, n, false);
    return list;
}

static const struct group *find_group(span word) {
    for (size_t i = 0; i < COUNT(groups); i++) {
        for (const char *const *name = groups[i].names; *name; name++) {
            if (is(*name, word)) return &groups[i];
        }
    }
    return NULL;
}

uint16_t *tls_suite_groups(const char *names, char *why) {
    uint16_t *list = calloc(COUNT(groups) + 1, sizeof *list);
    size_t n = 0;
    if (!list) {
        snprintf(why, TLS_WHY_ROOM, "out of memory");
        return NULL;
    }
    for (span word; names && (word = next_word(&names)).n;) {
        const struct group *g = find_group(word);
        if (!g) {
            snprintf(why, TLS_WHY_ROOM, "unknown group '%.*s'; known: X25519, P-256, P-384, P-521",
                     (int)(word.n < 100 ? word.n : 100), (const char *)word.p);
            free(list);
            return NULL;
        }
        bool twice = false;
        for (size_t i = 0; i < n; i++) twice |= list[i] == g->id;
        if (!twice) list[n++] = g->id;
    }
    for (size_t i = 0; !n && i < COUNT(groups); i++) list[i] = groups[i].id;
    return list;
}

const char *tls_suite_name(int id) {
    for (size_t i = 0; i < COUNT(suites); i++) {
        if (suites[i].id == id) return suites[i].openssl;
    }
    return "";
}

const char *tls_suite_group_name(uint16_t id) {
    for (size_t i = 0; i < COUNT(groups); i++) {
        if (groups[i].id == id) return groups[i].names[0];
    }
    return "";
}
