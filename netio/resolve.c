#include "netio/resolve.h"

#include <netdb.h>
#include <sys/auxv.h>

#include "core/limits.h"
#include "netio/loop_impl.h"

#ifdef __GLIBC__
#include <nss.h>
#endif

struct resolve {
    uv_getaddrinfo_t request;
    loop *loop;
    resolve *next;  /* in the line */
    loop_mail turn; /* says that its turn has come; may come from another thread */
    void (*done)(void *user, const socket_address *a, size_t n,
                 const char *why); /* NULL: cancelled */
    void *user;
    uint16_t port;
    char host[];
};

/* The line of the process: look-ups of all loops. */
static pthread_mutex_t line_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned running;
static resolve *line, **line_last = &line;

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
    case EAI_MEMORY: return "out of memory";
    case EAI_FAIL: return "the name servers failed";
    default: return "the name cannot be looked up";
    }
}

static void forget(resolve *r) {
    loop *l = r->loop;
    mem_give(&l->mem, r, sizeof *r + strlen(r->host) + 1);
    loop_release(l);
}

/* Ends a turn: the next in line gets it. A loop that has ended has also ended its look-ups, so
 * posting to the next does not fail but in that race; then it is passed over, and its loop frees
 * it. */
static void pass_on(void) {
    pthread_mutex_lock(&line_lock);
    running--;
    if (line && running < LIMIT_LOOKUPS) {
        resolve *r = line;
        line = r->next;
        if (!line) line_last = &line;
        running++;
        loop_mail_post(r->loop, &r->turn);
    }
    pthread_mutex_unlock(&line_lock);
}

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

static int translate(int status) {
    switch (status) {
    case UV_EAI_NONAME: return EAI_NONAME;
    case UV_EAI_NODATA: return EAI_NODATA;
    case UV_EAI_AGAIN: return EAI_AGAIN;
    case UV_EAI_FAIL: return EAI_FAIL;
    case UV_ENOMEM:
    case UV_EAI_MEMORY: return EAI_MEMORY;
    default: return EAI_SYSTEM;
    }
}

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *list) {
    resolve *r = request->data;
    socket_address found[LIMIT_ADDRESSES];
    size_t n = collect(r, list, found, LIMIT_ADDRESSES);
    uv_freeaddrinfo(list);
    pass_on();
    if (r->done) {
        const char *why =
            status ? resolve_error_text(translate(status)) : "the name has no address";
        r->done(r->user, found, n, n ? NULL : why);
    }
    forget(r);
}

static void on_turn(void *user) {
    resolve *r = user;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    if (!r->done) {
        pass_on();
        forget(r);
        return;
    }
    resolve_prepare();
    int error = uv_getaddrinfo(&r->loop->uv, &r->request, on_found, r->host, NULL, &hints);
    if (error) on_found(&r->request, error, NULL);
}

resolve *resolve_start(loop *l, const char *host, uint16_t port,
                       void (*done)(void *user, const socket_address *a, size_t n, const char *why),
                       void *user) {
    size_t n = strlen(host) + 1;
    resolve *r = mem_take(&l->mem, sizeof *r + n);
    if (!r) return NULL;
    *r = (resolve){.loop = l, .done = done, .user = user, .port = port};
    memcpy(r->host, host, n);
    r->request.data = r;
    r->turn.fn = on_turn;
    r->turn.user = r;
    loop_hold(l);
    pthread_mutex_lock(&line_lock);
    if (running < LIMIT_LOOKUPS) {
        running++;
        loop_mail_post(l, &r->turn);
    } else {
        *line_last = r;
        line_last = &r->next;
    }
    pthread_mutex_unlock(&line_lock);
    return r;
}

/* Takes r out of the line; false when it is not in it. */
static bool leave_line(resolve *r) {
    bool found = false;
    pthread_mutex_lock(&line_lock);
    for (resolve **at = &line; *at; at = &(*at)->next) {
        if (*at != r) continue;
        *at = r->next;
        if (!r->next) line_last = at;
        found = true;
        break;
    }
    pthread_mutex_unlock(&line_lock);
    return found;
}

void resolve_cancel(resolve *r) {
    r->done = NULL;
    if (leave_line(r)) {
        forget(r);
    } else {
        uv_cancel((uv_req_t *)&r
                      ->request); /* works while no thread has begun; else its end is waited for */
    }
}
