#include "tls/tls.h"

#include <arpa/inet.h>

#include "core/limits.h"
#include "tls/record.h"
#include "tls/tls_impl.h"

/* ---- bytes that wait ---- */

/* Room for n more bytes behind the end, or NULL when memory is refused. */
static uint8_t *room_for(const mem *m, tls_bytes *b, size_t n) {
    if (b->room - b->end >= n) return b->p + b->end;
    if (b->first) {
        memmove(b->p, b->p + b->first, b->end - b->first);
        b->end -= b->first;
        b->first = 0;
    }
    if (b->room - b->end < n) {
        size_t room = b->room * 2 > b->end + n ? b->room * 2 : b->end + n;
        uint8_t *p = mem_resize(m, b->p, b->room, room);
        if (!p) return NULL;
        b->p = p;
        b->room = room;
    }
    return b->p + b->end;
}

bool tls_bytes_put(const mem *m, tls_bytes *b, const void *p, size_t n) {
    uint8_t *room = room_for(m, b, n);
    if (!room) return false;
    if (n) memcpy(room, p, n);
    b->end += n;
    return true;
}

void tls_bytes_end(const mem *m, tls_bytes *b) {
    mem_give(m, b->p, b->room);
    *b = (tls_bytes){.p = NULL};
}

void tls_bytes_drop(const mem *m, tls_bytes *b, size_t n) {
    b->first += n;
    if (b->first == b->end) tls_bytes_end(m, b); /* an idle connection holds none */
}

tls_status tls_fail(tls_conn *c, const char *why) {
    if (c->status == TLS_FAILED) return c->status;
    c->status = TLS_FAILED;
    c->why = why;
    return c->status;
}

/* ---- in ---- */

static tls_status feed(void *self, span *in, const char **why) {
    tls_conn *c = self;
    if (c->record) {
        if (in->n && c->status != TLS_FAILED) c->status = record_feed(c->record, in, &c->why);
        *in = span_skip(*in, in->n);
        *why = c->why;
        return c->status;
    }
    if (in->n && c->status == TLS_OK && !tls_bytes_put(c->mem, &c->in, in->p, in->n))
        tls_fail(c, "out of memory");
    *in = span_skip(*in, in->n);
    *why = c->why;
    return c->status;
}

static void give_plain(tls_conn *c) {
    mem_give(c->mem, c->plain, LIMIT_TLS_RECORD);
    c->plain = NULL;
}

/* The next record's content into c->plain; 0 when there is none, or no more. */
static size_t read_record(tls_conn *c) {
    for (;;) {
        size_t waits = tls_bytes_count(&c->out);
        int n = mbedtls_ssl_read(c->ssl, c->plain, LIMIT_TLS_RECORD);
        /* What it writes by itself are refusals of a renegotiation (RFC 5746 section 4.5): each
         * would wait for a peer that does not read. */
        if (tls_bytes_count(&c->out) > waits && ++c->refusals > LIMIT_TLS_WARNINGS) {
            tls_fail(c, "the peer keeps asking for a TLS renegotiation");
            return 0;
        }
        if (n > 0) return (size_t)n;
        if (n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            tls_tickets_keep(c);
            tls_takeover_try(c);
            if (c->record) return 0;
            continue;
        }
        /* It says so, too, when it has seen a ticket's head, or an alert that means nothing. */
        if (n == MBEDTLS_ERR_SSL_WANT_READ && tls_shake_can_read(c)) continue;
        if (n == 0 || n == MBEDTLS_ERR_SSL_WANT_READ) return 0;
        if (n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
            c->status = TLS_CLOSED;
        else
            tls_fail(c, tls_text_error(n, c->ssl));
        return 0;
    }
}

static span plain(void *self) {
    tls_conn *c = self;
    span none = {NULL, 0};
    if (c->record) return record_plain(c->record);
    if (!c->over || c->status != TLS_OK) return none;
    if (!c->plain && !tls_bytes_count(&c->in)) return none;
    if (!c->plain) c->plain = mem_take(c->mem, LIMIT_TLS_RECORD);
    if (!c->plain) {
        tls_fail(c, "out of memory");
        return none;
    }
    size_t n = read_record(c);
    if (n) return span_of(c->plain, n);
    give_plain(c);
    return c->record ? record_plain(c->record) : none;
}

/* ---- out ---- */

/* Records fit a packet at first: what is in a record cannot be read before its last byte, and the
 * first round trips of TCP carry little. */
static size_t record_size(const tls_conn *c) {
    return c->warm < c->config->warmup.bytes ? LIMIT_TLS_SMALL_RECORD : LIMIT_TLS_RECORD;
}

/* A place in what is to be sealed. */
typedef struct place {
    const span *iov;
    size_t left; /* spans, the first one too */
    size_t at;   /* in the first */
} place;

/* Up to n bytes from the place on, copied into room unless they lie together. */
static span gather(place p, uint8_t *room, size_t n) {
    if (!p.left) return span_of(NULL, 0);
    if (p.iov->n - p.at >= n || p.left == 1) return span_head(span_skip(*p.iov, p.at), n);
    size_t have = 0;
    for (; p.left && have < n; p.left--, p.iov++, p.at = 0) {
        span piece = span_head(span_skip(*p.iov, p.at), n - have);
        if (piece.n) memcpy(room + have, piece.p, piece.n);
        have += piece.n;
    }
    return span_of(room, have);
}

static void advance(place *p, size_t n) {
    p->at += n;
    while (p->left && p->at >= p->iov->n) {
        p->at -= p->iov->n;
        p->iov++;
        p->left--;
    }
}

static size_t seal(void *self, const span *iov, size_t n) {
    tls_conn *c = self;
    uint8_t room[LIMIT_TLS_RECORD];
    place p = {.iov = iov, .left = n};
    size_t taken = 0;
    if (c->record) return record_seal(c->record, iov, n);
    if (!c->over || c->status == TLS_FAILED || c->closed) return 0;
    uint64_t now = tls_takeover_clock();
    if (now - c->sealed_ms > c->config->warmup.pause_ms) c->warm = 0;
    c->sealed_ms = now;
    advance(&p, 0);
    while (tls_bytes_count(&c->out) < LIMIT_SEALED) {
        span content = gather(p, room, record_size(c));
        if (!content.n) break;
        int w = mbedtls_ssl_write(c->ssl, content.p, content.n);
        if (w < 0) {
            tls_fail(c, tls_text_error(w, c->ssl));
            break;
        }
        taken += (size_t)w;
        if (c->warm < c->config->warmup.bytes) c->warm += (uint32_t)w;
        advance(&p, (size_t)w);
    }
    return taken;
}

static size_t output(void *self, span *iov, size_t niov) {
    tls_conn *c = self;
    size_t n = 0;
    if (tls_bytes_count(&c->out) && niov)
        iov[n++] = span_of(c->out.p + c->out.first, tls_bytes_count(&c->out));
    if (c->record && n < niov) n += record_output(c->record, iov + n, niov - n);
    return n;
}

static void output_done(void *self, size_t n) {
    tls_conn *c = self;
    size_t first = tls_bytes_count(&c->out); /* what the handshake left */
    if (first > n) first = n;
    if (first) tls_bytes_drop(c->mem, &c->out, first);
    if (c->record) record_output_done(c->record, n - first);
}

/* ---- birth and end ---- */

static const tls_facts *facts(const void *self) {
    const tls_conn *c = self;
    return c->over ? &c->facts : NULL;
}

static void close_stream(void *self) {
    tls_conn *c = self;
    if (c->closed || c->status == TLS_FAILED) return;
    c->closed = true;
    if (c->record) record_close(c->record);
    if (c->ssl && c->over) mbedtls_ssl_close_notify(c->ssl);
}

static void give_text(tls_conn *c, char *text) {
    if (text) mem_give(c->mem, text, strlen(text) + 1);
}

static void free_conn(void *self) {
    tls_conn *c = self;
    if (c->ssl) {
        mbedtls_ssl_free(c->ssl);
        mem_give(c->mem, c->ssl, sizeof *c->ssl);
    }
    record_free(c->record);
    tls_takeover_forget(c);
    give_plain(c);
    tls_bytes_end(c->mem, &c->in);
    tls_bytes_end(c->mem, &c->out);
    give_text(c, c->name);
    give_text(c, c->peer);
    give_text(c, c->server_name);
    mem_give(c->mem, c->distrust, TLS_WHY_ROOM);
    mem_give(c->mem, c->client, c->client_room);
    tls_config_drop(c->config);
    mem_give(c->mem, c, sizeof *c);
}

static char *copy_text(const mem *m, const char *text, size_t n) {
    char *copy = mem_take(m, n + 1);
    if (!copy) return NULL;
    memcpy(copy, text, n);
    copy[n] = 0;
    return copy;
}

/* What tickets are kept under: where it was, and whose certificate was seen there. Several names
 * may be at one place, and of a resumed connection no certificate is looked at. */
static bool copy_peer(tls_conn *c, const tls_birth *b) {
    const char *peer = b->peer ? b->peer : b->name;
    if (!peer || !b->tickets) return true;
    const char *name = b->name ? b->name : "";
    size_t n = strlen(peer), m = strlen(name);
    c->peer = mem_take(c->mem, n + m + 2);
    if (!c->peer) return false;
    memcpy(c->peer, peer, n);
    c->peer[n] = ' ';
    memcpy(c->peer + n + 1, name, m + 1);
    return true;
}

/* Names as URIs have them: addresses of IPv6 may stand in brackets. */
static bool copy_names(tls_conn *c, const tls_birth *b) {
    uint8_t address[16];
    if (!b->name) return true;
    size_t n = strlen(b->name);
    bool brackets = n > 2 && b->name[0] == '[' && b->name[n - 1] == ']';
    c->name = copy_text(c->mem, b->name + brackets, n - 2 * (size_t)brackets);
    if (!c->name) return false;
    c->name_is_address =
        inet_pton(AF_INET, c->name, address) == 1 || inet_pton(AF_INET6, c->name, address) == 1;
    return true;
}

void *tls_open(const tls_birth *b, const tls_ports **ports) {
    static const tls_ports ours = {.feed = feed,
                                   .shake = tls_shake_step,
                                   .facts = facts,
                                   .plain = plain,
                                   .seal = seal,
                                   .output = output,
                                   .output_done = output_done,
                                   .close = close_stream,
                                   .free = free_conn};
    tls_conn *c = mem_take_zero(b->mem, sizeof *c);
    if (!c) return NULL;
    c->mem = b->mem;
    c->config = tls_config_hold(b->config);
    c->tickets = b->tickets;
    if (!copy_names(c, b) || !copy_peer(c, b)) {
        free_conn(c);
        return NULL;
    }
    *ports = &ours;
    return c;
}
