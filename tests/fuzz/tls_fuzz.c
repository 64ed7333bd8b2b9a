/* A client and a server of TLS joined in memory, with somebody on the way who changes bytes; or one
 * of them alone with whatever comes.
 *
 * Input: a byte of switches, then what is done to the bytes towards one side: four bytes each, how
 * far on (16 bits), what, and a byte for it; or, when the switches say so, the bytes that side
 * gets. What must hold: nothing crashes or leaks, a failure has its reason and stays, steps end,
 * what is read is the beginning of what was written, and nobody who is left alone fails. */
#include <stdlib.h>

#include "tls/tls.h"

enum {
    SIDE = 1,     /* which side's input is changed */
    RAW = 2,      /* the input is all that it gets */
    TLS12 = 4,    /* no TLS 1.3 */
    SMALL = 8,    /* bytes come in pieces of seven */
    TICKETS = 16, /* the client wants them */
    TELL = 32     /* both ask for certificates */
};

static size_t held;

static void *resize(void *user, void *p, size_t old_size, size_t new_size) {
    (void)user;
    held = held - old_size + new_size;
    if (new_size) return realloc(p, new_size);
    free(p);
    return NULL;
}

static const mem hook = {resize, NULL};

typedef struct end {
    const tls_ports *ports;
    void *self;
    tls_status status;
    span changes;  /* of what comes */
    uint64_t at;   /* bytes that came */
    uint64_t next; /* where the next change is */
    size_t got;
} end;

static uint8_t speech[20000];

static void look(end *e) {
    bool more = true;
    const char *why = NULL;
    span none = {NULL, 0}, plain;
    for (int steps = 0; more; steps++) {
        if (e->ports->shake(e->self, &more, &why) == TLS_FAILED && !why) abort();
        if (steps > 100) abort();
    }
    while ((plain = e->ports->plain(e->self)).n) {
        if (e->got + plain.n > sizeof speech || memcmp(speech + e->got, plain.p, plain.n) != 0)
            abort();
        e->got += plain.n;
    }
    tls_status status = e->ports->feed(e->self, &none, &why);
    if (status == TLS_FAILED && !why) abort();
    if (e->status == TLS_FAILED && status != TLS_FAILED) abort();
    e->status = status;
}

static void feed(end *e, const uint8_t *p, size_t n) {
    uint8_t *copy = malloc(n ? n : 1); /* the sanitizer sees what is read beyond it, or later */
    const char *why = NULL;
    if (n) memcpy(copy, p, n);
    span in = span_of(copy, n);
    e->ports->feed(e->self, &in, &why);
    if (in.n) abort();
    free(copy);
    look(e);
}

static void plan(end *e) {
    e->next = e->changes.n < 4 ? UINT64_MAX : e->next + bytes_get16(e->changes.p);
}

/* The byte that comes at e->at, changed as the input says, into out; returns how many came of it.
 */
static size_t change(end *e, uint8_t byte, uint8_t out[2]) {
    out[0] = byte;
    if (e->at++ != e->next) return 1;
    uint8_t what = e->changes.p[2], with = e->changes.p[3];
    e->changes = span_skip(e->changes, 4);
    plan(e);
    out[0] = what % 4 == 0 ? byte ^ with : what % 4 == 1 ? with : byte;
    out[1] = with;
    return what % 4 == 2 ? 0 : what % 4 == 3 ? 2 : 1;
}

static bool carry(end *from, end *to, size_t cut) {
    span iov[8];
    uint8_t bytes[4096];
    size_t n = from->ports->output(from->self, iov, 1), have = 0;
    if (!n) return false;
    size_t most = iov[0].n < sizeof bytes / 2 ? iov[0].n : sizeof bytes / 2;
    for (size_t i = 0; i < most; i++) have += change(to, iov[0].p[i], bytes + have);
    from->ports->output_done(from->self, most);
    for (size_t i = 0; i < have; i += cut) feed(to, bytes + i, have - i < cut ? have - i : cut);
    return true;
}

static void settle(end *a, end *b, size_t cut) {
    for (bool on = true; on;) {
        on = carry(a, b, cut);
        on |= carry(b, a, cut);
    }
}

static size_t say(end *e) {
    span iov = span_of(speech, sizeof speech);
    return e->ports->facts(e->self) ? e->ports->seal(e->self, &iov, 1) : 0;
}

static tls_config *config(bool server, bool old, bool tell) {
    static tls_config *made[8];
    static const char *const protocols[] = {"h2", NULL}, *const names[] = {"localhost", NULL};
    tls_config **c = &made[server + 2 * old + 4 * tell];
    char why[TLS_WHY_ROOM];
    tls_settings s = {.server = server,
                      .alpn = protocols,
                      .version_max = old ? 0x0303 : 0x0304,
                      .check = tell ? TLS_CHECK_TELL : TLS_CHECK_NONE};
    if (!*c) *c = server ? tls_config_self_signed(&s, names, why) : tls_config_new(&s, why);
    if (!*c) abort();
    return *c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    uint8_t how = *data;
    size_t cut = how & SMALL ? 7 : 4096;
    for (size_t i = 0; i < sizeof speech; i++) speech[i] = (uint8_t)(i * 7 + (i >> 8));
    tls_tickets *tickets = tls_tickets_new(&hook);
    for (int round = 0; round < (how & TICKETS ? 2 : 1); round++) {
        end sides[2] = {{.next = UINT64_MAX}, {.next = UINT64_MAX}}; /* client, server */
        end *target = &sides[how & SIDE];
        tls_birth b = {.mem = &hook,
                       .config = config(false, how & TLS12, how & TELL),
                       .name = "localhost",
                       .tickets = how & TICKETS ? tickets : NULL};
        sides[0].self = tls_open(&b, &sides[0].ports);
        b = (tls_birth){.mem = &hook, .config = config(true, how & TLS12, how & TELL)};
        sides[1].self = tls_open(&b, &sides[1].ports);
        look(&sides[0]);
        if (how & RAW) {
            for (size_t i = 1; i < size; i += cut)
                feed(target, data + i, size - i < cut ? size - i : cut);
        } else {
            target->changes = span_of(data + 1, size - 1);
            target->next = 0;
            plan(target);
            bool alone = target->next == UINT64_MAX;
            settle(&sides[0], &sides[1], cut);
            size_t up = say(&sides[0]), down = say(&sides[1]);
            settle(&sides[0], &sides[1], cut);
            sides[0].ports->close(sides[0].self);
            settle(&sides[0], &sides[1], cut);
            if (alone && (sides[0].status != TLS_OK || sides[1].status != TLS_CLOSED || !up ||
                          sides[1].got != up || sides[0].got != down))
                abort();
        }
        for (int i = 0; i < 2; i++) sides[i].ports->free(sides[i].self);
    }
    tls_tickets_free(tickets);
    if (held) abort();
    return 0;
}
