#include <stdlib.h>

#include "core/limits.h"
#include "tls/tls_impl.h"

/* What a server gave us to resume with. */
typedef struct ticket {
    struct ticket *next;
    tls_config *config; /* held; another configuration may trust others */
    char *peer;
    char *distrust; /* what the full handshake came to; NULL: trusted, or not looked at */
    uint8_t *bytes; /* of mbedtls_ssl_session_save */
    size_t count;
} ticket;

struct tls_tickets {
    const mem *mem;
    ticket *first; /* the newest */
    size_t count;
};

tls_tickets *tls_tickets_new(const mem *m) {
    tls_tickets *t = mem_take_zero(m, sizeof *t);
    if (t) t->mem = m;
    return t;
}

static void give_text(const mem *m, char *text) {
    if (text) mem_give(m, text, strlen(text) + 1);
}

static void free_ticket(tls_tickets *t, ticket *k) {
    give_text(t->mem, k->peer);
    give_text(t->mem, k->distrust);
    mem_give(t->mem, k->bytes, k->count);
    tls_config_drop(k->config);
    mem_give(t->mem, k, sizeof *k);
    t->count--;
}

void tls_tickets_free(tls_tickets *t) {
    if (!t) return;
    while (t->first) {
        ticket *k = t->first;
        t->first = k->next;
        free_ticket(t, k);
    }
    mem_give(t->mem, t, sizeof *t);
}

static ticket **find(tls_tickets *t, const tls_conn *c) {
    ticket **k = &t->first;
    while (*k && ((*k)->config != c->config || strcmp((*k)->peer, c->peer) != 0)) k = &(*k)->next;
    return k;
}

static char *copy_text(const mem *m, const char *text) {
    size_t n = strlen(text) + 1;
    char *copy = mem_take(m, n);
    return copy ? memcpy(copy, text, n) : NULL;
}

void tls_tickets_offer(tls_conn *c) {
    const ticket *k = c->peer ? *find(c->tickets, c) : NULL;
    mbedtls_ssl_session s;
    if (!k) return;
    mbedtls_ssl_session_init(&s);
    /* Whatever fails here: the handshake is a full one then. */
    if (mbedtls_ssl_session_load(&s, k->bytes, k->count) == 0) mbedtls_ssl_set_session(c->ssl, &s);
    mbedtls_ssl_session_free(&s);
}

/* Puts it in front, and drops the one it replaces, or the oldest. */
static void put(tls_tickets *t, const tls_conn *c, ticket *k) {
    ticket **old = find(t, c);
    if (!*old && t->count >= LIMIT_TICKETS) {
        for (old = &t->first; (*old)->next;) old = &(*old)->next;
    }
    if (*old) {
        ticket *gone = *old;
        *old = gone->next;
        free_ticket(t, gone);
    }
    k->next = t->first;
    t->first = k;
    t->count++;
}

static ticket *make(tls_tickets *t, const tls_conn *c, const mbedtls_ssl_session *s) {
    size_t n = 0;
    mbedtls_ssl_session_save(s, NULL, 0, &n); /* says how long it is */
    if (!n || n > LIMIT_TICKET_BYTES) return NULL;
    ticket *k = mem_take_zero(t->mem, sizeof *k);
    if (!k) return NULL;
    k->config = tls_config_hold(c->config);
    k->peer = copy_text(t->mem, c->peer);
    k->bytes = mem_take(t->mem, n);
    k->count = k->bytes ? n : 0;
    if (c->distrust) k->distrust = copy_text(t->mem, c->distrust);
    if (k->peer && k->bytes && (k->distrust || !c->distrust) &&
        mbedtls_ssl_session_save(s, k->bytes, n, &n) == 0)
        return k;
    t->count++; /* as if it had been put */
    free_ticket(t, k);
    return NULL;
}

void tls_tickets_keep(tls_conn *c) {
    mbedtls_ssl_session s;
    if (!c->tickets || !c->peer || !c->config->tickets) return;
    mbedtls_ssl_session_init(&s);
    if (mbedtls_ssl_get_session(c->ssl, &s) == 0) {
        ticket *k = make(c->tickets, c, &s);
        if (k) put(c->tickets, c, k);
    }
    mbedtls_ssl_session_free(&s);
}

void tls_tickets_recall(tls_conn *c) {
    const ticket *k = c->tickets && c->peer ? *find(c->tickets, c) : NULL;
    if (!k || !k->distrust || c->distrust) return;
    c->distrust = mem_take(c->mem, TLS_WHY_ROOM);
    if (c->distrust) memcpy(c->distrust, k->distrust, strlen(k->distrust) + 1);
}
