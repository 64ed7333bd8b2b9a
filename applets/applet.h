/* What h2box.c knows of an applet: its names, its option table and its entry. One of these per line
 * of list.def. */
#ifndef H2BOX_APPLETS_APPLET_H
#define H2BOX_APPLETS_APPLET_H

#include "applets/opt.h"

typedef struct applet {
    const char *name;     /* "client" */
    const char *old_name; /* "nghttp": argv[0] under which it behaves as its predecessor */
    const char *summary;  /* one line */
    const opt_table *options;
    /* argv[0] is what messages begin with ("h2box client", "nghttp"); returns the exit code. What
     * it left in stdio's stdout is flushed and checked by h2box.c. */
    int (*main)(int argc, char **argv, bool old_name);
} applet;

/* Exit codes of every applet. Under the old name a usage mistake is 1 too: opt_usage_code. */
enum { APPLET_DONE = 0, APPLET_FAILED = 1, APPLET_USAGE = 2 };

#define APPLET(ident, name, old_name, summary)                   \
    int ident##_main(int argc, char **argv, bool old_name_used); \
    extern const opt_table ident##_options;
#include "applets/list.def"
#undef APPLET

#endif
