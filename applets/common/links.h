/* Links to the running executable: how one file becomes many commands. */
#ifndef H2BOX_APPLETS_COMMON_LINKS_H
#define H2BOX_APPLETS_COMMON_LINKS_H

#include <stdbool.h>

typedef struct links {
    char self[4096]; /* the executable's own path */
    const char *dir;
    bool symbolic;
    const char *tool; /* what messages begin with */
} links;

/* Finds the executable. false after a message. */
bool links_open(links *l, const char *dir, bool symbolic, const char *tool);

/* Makes dir/name a link to the executable. A link that already leads there is left as it is;
 * anything else of that name is never replaced. false after a message. */
bool links_add(const links *l, const char *name);

#endif
