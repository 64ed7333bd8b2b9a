#include "applets/client/output.h"

#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct output {
    FILE *file;
    char name[256];
};

/* The last segment of the path. A name that begins with "." would be hidden, one with "-" taken for
 * an option: neither is what people expect from a URI. */
static bool name_of(span target, char name[256]) {
    const uint8_t *query = memchr(target.p, '?', target.n);
    if (query) target.n = (size_t)(query - target.p);
    size_t from = target.n;
    while (from && target.p[from - 1] != '/') from--;
    span last = span_skip(target, from);
    if (last.n && (last.p[0] == '.' || last.p[0] == '-')) return false;
    if (last.n == 0 || last.n >= 256) last = SPAN("index.html");
    memcpy(name, last.p, last.n);
    name[last.n] = '\0';
    return true;
}

output *output_open(span target, const char **why) {
    output *o = malloc(sizeof *o);
    *why = "out of memory";
    if (!o) return NULL;
    o->file = NULL;
    *why = "the file to save it in would be hidden";
    if (name_of(target, o->name)) {
        o->file = fopen(o->name, "wbx"); /* x: what is there already is kept */
        *why = errno == EEXIST ? "the file to save it in exists already"
                               : "the file to save it in cannot be made";
    }
    if (o->file) return o;
    free(o);
    return NULL;
}

bool output_put(output *o, span piece) { return fwrite(piece.p, 1, piece.n, o->file) == piece.n; }

bool output_close(output *o, bool whole) {
    bool written = fclose(o->file) == 0;
    if (!whole || !written) unlink(o->name);
    free(o);
    return written;
}

void output_print(client_run *run, span piece) {
    if (piece.n == 0 || run->output_error || fwrite(piece.p, 1, piece.n, stdout) == piece.n) return;
    run->output_error = errno ? errno : EIO;
}

bool output_end(client_run *run) {
    if (fflush(stdout) != 0 && !run->output_error) run->output_error = errno;
    if (!run->output_error) return true;
    opt_say(run->call, "stdout: %s", strerror(run->output_error));
    __fpurge(stdout); /* it is said: what is left must not fail once more */
    clearerr(stdout);
    return false;
}
