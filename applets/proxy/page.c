#include "applets/proxy/page.h"
#include "applets/common/text.h"
#include "core/limits.h"
#include "core/reason.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST = 300, ERRORS = 400, LAST = 599, COUNT = LAST - FIRST + 1 };

struct page_set {
    text built;                /* all pages, one behind the other */
    uint32_t begin[COUNT + 1]; /* in it; a status without a name has no bytes */
    uint8_t *files[COUNT + 1]; /* the last one: for all errors that have none */
    size_t file_bytes[COUNT + 1];
};

static void build(text *t, unsigned status, span words, span name) {
    const int width = (int)words.n;
    const char *reason = (const char *)words.p;
    text_print(t,
               "<!DOCTYPE html><html lang=\"en\"><title>%u %.*s</title><body><h1>%u %.*s</h1>"
               "<footer>",
               status, width, reason, status, width, reason);
    text_add_html(t, name); /* it comes from the configuration */
    text_add(t, SPAN("</footer></body></html>"));
}

page_set *page_set_new(const char *name) {
    page_set *p = calloc(1, sizeof *p);
    if (!p) return NULL;
    bool whole = true;
    for (unsigned status = FIRST; status <= LAST; status++) {
        span words = reason_of(status);
        p->begin[status - FIRST] = (uint32_t)p->built.n;
        if (!words.n) continue;
        build(&p->built, status, words, span_str(name));
        whole &= p->built.n > 7 && memcmp(p->built.p + p->built.n - 7, "</html>", 7) == 0;
    }
    p->begin[COUNT] = (uint32_t)p->built.n;
    if (whole) return p;
    page_set_free(p);
    return NULL;
}

void page_set_free(page_set *p) {
    if (!p) return;
    for (unsigned i = 0; i <= COUNT; i++) free(p->files[i]);
    text_end(&p->built);
    free(p);
}

/* The bytes of a regular file, or NULL. */
static uint8_t *read_file(const char *path, size_t *n, const char **why) {
    struct stat st = {0};
    uint8_t *bytes = NULL;
    /* A FIFO must not hold up the start. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    *why = NULL;
    *n = 0;
    if (fd < 0 || fstat(fd, &st) != 0)
        *why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        *why = "not a regular file";
    else if ((uint64_t)st.st_size > LIMIT_ERROR_PAGE)
        *why = "too large for an error page";
    else if (!(bytes = malloc((size_t)st.st_size + 1)))
        *why = "out of memory";
    while (!*why && *n < (size_t)st.st_size) {
        ssize_t got = read(fd, bytes + *n, (size_t)st.st_size - *n);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) *why = strerror(errno);
        if (got <= 0) break; /* it became shorter */
        *n += (size_t)got;
    }
    if (fd >= 0) close(fd);
    if (!*why) return bytes;
    free(bytes);
    return NULL;
}

bool page_set_file(page_set *p, unsigned status, const char *path, const char **why) {
    unsigned at = status ? status - FIRST : COUNT;
    if (status && (status < ERRORS || status > LAST)) {
        *why = "pages are for the statuses 400 to 599";
        return false;
    }
    size_t n;
    uint8_t *bytes = read_file(path, &n, why);
    if (!bytes) return false;
    free(p->files[at]);
    p->files[at] = bytes;
    p->file_bytes[at] = n;
    return true;
}

span page_of(const page_set *p, unsigned status) {
    if (status < FIRST || status > LAST || !reason_of(status).n) status = 500;
    unsigned at = status - FIRST, file = p->files[at] || status < ERRORS ? at : COUNT;
    if (p->files[file]) return span_of(p->files[file], p->file_bytes[file]);
    return span_of(p->built.p + p->begin[at], p->begin[at + 1] - p->begin[at]);
}
