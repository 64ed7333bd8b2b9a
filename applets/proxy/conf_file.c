#include "applets/proxy/conf_file.h"

#include "applets/proxy/conf_text.h"
#include "core/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct conf_kept {
    conf_kept *next;
    char text[]; /* and a NUL */
};

/* A file that is being read, and those that include it. */
typedef struct nest {
    struct {
        const char *path;
        conf_text text;
    } open[LIMIT_CONF_DEPTH];
    unsigned depth;
} nest;

#define WHERE_ROOM 288u

void conf_file_free(conf_files *files) {
    for (conf_kept *k = files->first, *next; k; k = next) {
        next = k->next;
        free(k);
    }
    *files = (conf_files){0};
}

/* All of a descriptor into a text that grows, since pipes and /dev/stdin have no size; NULL with
 * *why. */
static conf_kept *read_all(int fd, int wait_ms, size_t *n, const char **why) {
    size_t room = 4096;
    conf_kept *k = malloc(sizeof *k + room + 1);
    *n = 0;
    *why = "out of memory";
    while (k) {
        if (*n == room) {
            conf_kept *wider = realloc(k, sizeof *k + 2 * room + 1);
            if (!wider) break;
            k = wider;
            room *= 2;
        }
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        *why = "nothing comes from whoever should write it";
        if (poll(&ready, 1, wait_ms) == 0) break;
        ssize_t got = read(fd, k->text + *n, room - *n);
        if (got == 0) return k;
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        *why = got < 0 ? strerror(errno) : "it is too long for a configuration file";
        *n += got < 0 ? 0 : (size_t)got;
        if (got < 0 || *n > LIMIT_CONF_BYTES) break;
        *why = "out of memory";
    }
    free(k);
    return NULL;
}

static conf_kept *read_file(const char *path, size_t *n, const char **why) {
    struct stat st;
    /* A FIFO that nobody writes must not hold up a start or a reload. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    conf_kept *k = NULL;
    if (fd < 0) {
        *why = strerror(errno);
        return NULL;
    }
    bool known = fstat(fd, &st) == 0;
    if (known && S_ISDIR(st.st_mode))
        *why = strerror(EISDIR);
    else
        k = read_all(fd, known && S_ISFIFO(st.st_mode) ? LIMIT_CONF_WAIT_MS : -1, n, why);
    close(fd);
    return k;
}

/* Opens one more file of the nest. "" when it is done, else why not. */
static const char *enter(conf_files *files, nest *t, const char *path) {
    const char *why = "";
    size_t n;
    if (t->depth == LIMIT_CONF_DEPTH) return "files include each other too deep, or in a circle";
    if (files->count >= LIMIT_CONF_FILES) return "too many files are included";
    conf_kept *k = read_file(path, &n, &why);
    if (!k) return why;
    k->next = files->first;
    files->first = k;
    files->count++;
    t->open[t->depth].path = path;
    conf_text_begin(&t->open[t->depth].text, k->text, n);
    t->depth++;
    return "";
}

/* One option of the file on top. */
static int take(conf_files *files, nest *t, opt_call *call, const char *name, const char *value) {
    char where[WHERE_ROOM];
    snprintf(where, sizeof where, "%.256s:%u", t->open[t->depth - 1].path,
             t->open[t->depth - 1].text.line);
    if (strcmp(name, "conf") == 0) return OPT_GO; /* has no effect within a file */
    if (strcmp(name, "include") != 0) return opt_assign(call, where, name, value);
    const char *why = enter(files, t, value);
    if (!*why) return OPT_GO;
    opt_say(call, "%s: include: %s: %s", where, value, why);
    return opt_refusal(call);
}

int conf_file_read(conf_files *files, opt_call *call, const char *path, bool may_miss, bool tell) {
    nest t = {.depth = 0};
    const char *name, *value, *why = enter(files, &t, path);
    if (*why) {
        bool missing = access(path, F_OK) != 0 && errno == ENOENT;
        if (!missing || !may_miss || tell) opt_say(call, "%s: %s", path, why);
        return missing && may_miss ? OPT_GO : opt_refusal(call);
    }
    while (t.depth) {
        conf_text *text = &t.open[t.depth - 1].text;
        int code = OPT_GO;
        switch (conf_text_next(text, &name, &value)) {
        case CONF_NOTHING: t.depth--; break;
        case CONF_OPTION: code = take(files, &t, call, name, value); break;
        case CONF_MISTAKE:
            opt_say(call, "%s:%u: %s", t.open[t.depth - 1].path, text->line, name);
            code = opt_refusal(call);
        }
        if (code != OPT_GO) return code;
    }
    return OPT_GO;
}
