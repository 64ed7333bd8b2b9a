#include "applets/common/links.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool links_open(links *l, const char *dir, bool symbolic, const char *tool) {
    struct stat st;
    *l = (links){.dir = dir, .symbolic = symbolic, .tool = tool};
    ssize_t n = readlink("/proc/self/exe", l->self, sizeof(l->self) - 1);
    if (n <= 0 || (size_t)n >= sizeof(l->self) - 1) {
        fprintf(stderr, "%s: cannot find its own file: /proc/self/exe: %s\n", tool,
                n < 0 ? strerror(errno) : "path too long");
        return false;
    }
    if (stat(dir, &st) != 0 || (!S_ISDIR(st.st_mode) && (errno = ENOTDIR))) {
        fprintf(stderr, "%s: %s: %s\n", tool, dir, strerror(errno));
        return false;
    }
    return true;
}

/* Whether path is the executable already, by hard or symbolic link. */
static bool leads_here(const links *l, const char *path) {
    struct stat there, here;
    return stat(path, &there) == 0 && stat(l->self, &here) == 0 && there.st_dev == here.st_dev &&
           there.st_ino == here.st_ino;
}

bool links_add(const links *l, const char *name) {
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/%s", l->dir, name);
    if (n < 0 || (size_t)n >= sizeof(path))
        errno = ENAMETOOLONG;
    else if ((l->symbolic ? symlink(l->self, path) : link(l->self, path)) == 0)
        return true;
    int why = errno;
    if (why == EEXIST && leads_here(l, path)) return true;
    fprintf(stderr, "%s: %s/%s: %s%s\n", l->tool, l->dir, name, strerror(why),
            why == EEXIST  ? "; not a link to this file, left as it is"
            : why == EXDEV ? "; -s makes symbolic links"
                           : "");
    return false;
}
