#include "applets/server/page.h"

#include <stdio.h>

typedef struct page {
    const mem *mem;
    size_t n;
    char bytes[512];
} page;

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    page *p = user;
    size_t left = p->n - (size_t)offset;
    *lent = span_of(p->bytes + offset, left < want ? left : want);
    return lent->n == left ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    (void)user;
    (void)n;
}

static void release(void *user) {
    page *p = user;
    mem_give(p->mem, p, sizeof *p);
}

const char *page_reason(unsigned status) {
    switch (status) {
    case 301: return "Moved Permanently";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 503: return "Service Unavailable";
    default: return "Error";
    }
}

http_body page_error(const mem *m, unsigned status, span server, unsigned port, size_t *length) {
    static const http_body_ops ops = {pull, done, release};
    const char *reason = page_reason(status);
    page *p = mem_take(m, sizeof *p);
    if (!p) return HTTP_NO_BODY;
    p->mem = m;
    int n = snprintf(p->bytes, sizeof p->bytes,
                     "<html><head><title>%u %s</title></head><body><h1>%u %s</h1><hr>"
                     "<address>%.*s at port %u</address></body></html>",
                     status, reason, status, reason, (int)server.n, (const char *)server.p, port);
    p->n = n < 0 ? 0 : (size_t)n < sizeof p->bytes ? (size_t)n : sizeof p->bytes - 1;
    *length = p->n;
    return (http_body){&ops, p};
}
