#include "applets/server/error_page.h"
#include "applets/common/text.h"
#include "applets/server/gzip.h"
#include "core/reason.h"

#include <stdlib.h>

/* The statuses that have a page; the last one stands for all others. */
static const uint16_t statuses[ERROR_PAGE_COUNT] = {301, 400, 404, 405, 412,
                                                    416, 431, 501, 503, 500};

static bool make(error_page *p, unsigned status, span name, unsigned port, bool coded) {
    const span words = reason_of(status);
    const int width = (int)words.n;
    const char *reason = (const char *)words.p;
    text t = {0};
    text_print(&t, "<html><head><title>%u %.*s</title></head><body><h1>%u %.*s</h1><hr><address>",
               status, width, reason, status, width, reason);
    text_add_html(&t, name); /* it comes from the command line too (--header) */
    text_print(&t, " at port %u</address></body></html>", port);
    *p = (error_page){.status = status, .plain = span_of(t.p, t.n)};
    return t.p && (!coded || gzip_text(p->plain, &p->coded));
}

bool error_page_make(error_page pages[ERROR_PAGE_COUNT], span server, unsigned port, bool coded) {
    memset(pages, 0, ERROR_PAGE_COUNT * sizeof *pages);
    for (unsigned i = 0; i < ERROR_PAGE_COUNT; i++) {
        if (!make(&pages[i], statuses[i], server, port, coded)) return false;
    }
    return true;
}

void error_page_end(error_page pages[ERROR_PAGE_COUNT]) {
    for (unsigned i = 0; i < ERROR_PAGE_COUNT; i++) {
        free((void *)(uintptr_t)pages[i].plain.p);
        free((void *)(uintptr_t)pages[i].coded.p);
    }
    memset(pages, 0, ERROR_PAGE_COUNT * sizeof *pages);
}

const error_page *error_page_of(const error_page pages[ERROR_PAGE_COUNT], unsigned status) {
    unsigned i = 0;
    while (i + 1 < ERROR_PAGE_COUNT && pages[i].status != status) i++;
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

http_body error_page_body(const span *bytes) {
    static const http_body_ops ops = {pull, done, release};
    return (http_body){&ops, (void *)(uintptr_t)bytes};
}
