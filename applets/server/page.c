#include "applets/server/page.h"
#include "applets/server/gzip.h"
#include "core/reason.h"

#include <stdio.h>
#include <stdlib.h>

/* The statuses that have a page; the last one stands for all others. */
static const uint16_t statuses[PAGE_COUNT] = {301, 400, 404, 405, 412, 416, 431, 501, 503, 500};

/* The name comes from the command line too (--header): it is escaped. */
static size_t escape(char *out, size_t room, span s) {
    size_t n = 0;
    for (size_t i = 0; i < s.n && n + 6 < room; i++) {
        uint8_t c = s.p[i];
        if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'')
            n += (size_t)snprintf(out + n, room - n, "&#%u;", c);
        else
            out[n++] = (char)c;
    }
    out[n] = 0;
    return n;
}

static bool make(page *p, unsigned status, const char *name, unsigned port, bool coded) {
    char text[1024];
    const span words = reason_of(status);
    const int width = (int)words.n;
    const char *reason = (const char *)words.p;
    int n = snprintf(text, sizeof text,
                     "<html><head><title>%u %.*s</title></head><body><h1>%u %.*s</h1><hr>"
                     "<address>%s at port %u</address></body></html>",
                     status, width, reason, status, width, reason, name, port);
    if (n < 0 || (size_t)n >= sizeof text) return false;
    uint8_t *kept = malloc((size_t)n);
    if (!kept) return false;
    memcpy(kept, text, (size_t)n);
    *p = (page){.status = status, .plain = span_of(kept, (size_t)n)};
    return !coded || gzip_text(p->plain, &p->coded);
}

bool page_make(page pages[PAGE_COUNT], span server, unsigned port, bool coded) {
    char name[512];
    escape(name, sizeof name, server);
    memset(pages, 0, PAGE_COUNT * sizeof *pages);
    for (unsigned i = 0; i < PAGE_COUNT; i++) {
        if (!make(&pages[i], statuses[i], name, port, coded)) return false;
    }
    return true;
}

void page_end(page pages[PAGE_COUNT]) {
    for (unsigned i = 0; i < PAGE_COUNT; i++) {
        free((void *)(uintptr_t)pages[i].plain.p);
        free((void *)(uintptr_t)pages[i].coded.p);
    }
    memset(pages, 0, PAGE_COUNT * sizeof *pages);
}

const page *page_of(const page pages[PAGE_COUNT], unsigned status) {
    unsigned i = 0;
    while (i + 1 < PAGE_COUNT && pages[i].status != status) i++;
    return &pages[i];
}

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    const span *bytes = user;
    size_t left = bytes->n - (size_t)offset;
    *lent = span_of(bytes->p + offset, left < want ? left : want);
    return lent->n == left ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    (void)user;
    (void)n;
}

static void release(void *user) { (void)user; }

http_body page_body(const span *bytes) {
    static const http_body_ops ops = {pull, done, release};
    return (http_body){&ops, (void *)(uintptr_t)bytes};
}
