#include "netio/resolve.h"

#include <sys/auxv.h>

#include "core/limits.h"
#include "netio/lookups.h"
#include "netio/loop_impl.h"

#ifdef __GLIBC__
#include <nss.h>
#endif

struct resolve {
    loop *loop;
    lookup *asked;   /* the try under way; NULL: it came to nothing, and why is to be told */
    const char *why; /* then */
    timer limit;
    dial_lookup how;
    uint32_t tried; /* with the one under way */
    void (*done)(void *user, const socket_address *a, size_t n, const char *why);
    void *user;
    uint16_t port;
    char host[];
};

/* A static glibc would load whatever modules the host's nsswitch.conf names, built for another
 * glibc. Without a program interpreter (AT_BASE) this is a static file; then files and DNS must do.
 */
static void prepare_once(void) {
#ifdef __GLIBC__
    if (!getauxval(AT_BASE)) __nss_configure_lookup("hosts", "files dns");
#endif
}

void resolve_prepare(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, prepare_once);
}

const char *resolve_error_text(int error) {
    switch (error) {
    case EAI_NONAME:
    case EAI_NODATA: return "name not found";
    case EAI_AGAIN: return "the name servers do not answer";
    case EAI_MEMORY: return DIAL_NO_MEMORY;
    case EAI_FAIL: return "the name servers failed";
    default: return "the name cannot be looked up";
    }
}

/* ---- the end ---- */

static void forget(resolve *r) {
    loop *l = r->loop;
    timer_cancel(&r->limit);
    mem_give(&l->mem, r, sizeof *r + strlen(r->host) + 1);
    loop_release(l);
}

static void tell(resolve *r, const socket_address *a, size_t n, const char *why) {
    r->done(r->user, a, n, n ? NULL : why);
    forget(r);
}

void resolve_cancel(resolve *r) {
    if (r->asked) lookups_leave(r->asked);
    forget(r);
}

void resolve_share(resolve *r, uint32_t whose) {
    if (r->asked) lookups_share(r->asked, whose);
}

/* ---- tries ---- */

static size_t collect(const resolve *r, const struct addrinfo *list, socket_address *out,
                      size_t room) {
    size_t n = 0;
    for (; list && n < room; list = list->ai_next) {
        if (list->ai_addrlen > sizeof out[n]) continue;
        memset(&out[n], 0, sizeof out[n]);
        memcpy(&out[n], list->ai_addr, list->ai_addrlen);
        if (out[n].any.sa_family == AF_INET) {
            out[n++].v4.sin_port = htons(r->port);
        } else if (out[n].any.sa_family == AF_INET6) {
            out[n++].v6.sin6_port = htons(r->port);
        }
    }
    return n;
}

static void try(resolve *r);

static bool may_try_again(const resolve *r) { return r->how.limit_ms && r->tried < r->how.tries; }

static void on_done(void *user, int error, const struct addrinfo *list) {
    resolve *r = user;
    socket_address found[LIMIT_ADDRESSES];
    r->asked = NULL;
    if (error == EAI_AGAIN && may_try_again(r)) {
        try(r);
        return;
    }
    size_t n = error ? 0 : collect(r, list, found, LIMIT_ADDRESSES);
    tell(r, found, n, error ? resolve_error_text(error) : "the name has no address");
}

/* The second try has twice the time of the first, and so on, as nghttpx has it. What it spends in
 * its line is not the name servers' time. */
static void on_limit(timer *t) {
    resolve *r = t->user;
    if (!r->asked) {
        tell(r, NULL, 0, r->why);
        return;
    }
    uint64_t limit = (uint64_t)r->how.limit_ms * r->tried, begun = lookups_begun(r->asked) / 1000;
    uint64_t now = loop_now_us() / 1000;
    if (!begun || now < begun + limit) {
        timer_arm(r->loop, t, begun ? begun + limit - now : limit);
        return;
    }
    lookups_leave(r->asked);
    r->asked = NULL;
    if (may_try_again(r))
        try(r);
    else
        tell(r, NULL, 0, DIAL_NO_NAME_IN_TIME);
}

static void try(resolve *r) {
    bool full;
    r->tried++;
    r->asked = lookups_ask(r->loop, r->host, r->how.whose, on_done, r, &full);
    r->why = full ? DIAL_NAMES_FULL : DIAL_NO_MEMORY;
    if (!r->asked)
        timer_arm(r->loop, &r->limit, 0); /* told on a later turn */
    else if (r->how.limit_ms)
        timer_arm(r->loop, &r->limit, (uint64_t)r->how.limit_ms * r->tried);
    else
        timer_cancel(&r->limit);
}

resolve *resolve_start(loop *l, const char *host, uint16_t port, const dial_lookup *how,
                       void (*done)(void *user, const socket_address *a, size_t n, const char *why),
                       void *user) {
    size_t n = strlen(host) + 1;
    resolve *r = mem_take(&l->mem, sizeof *r + n);
    if (!r) return NULL;
    *r = (resolve){.loop = l, .how = *how, .done = done, .user = user, .port = port};
    r->limit = (timer){.fire = on_limit, .user = r};
    memcpy(r->host, host, n);
    loop_hold(l);
    try(r);
    return r;
}
