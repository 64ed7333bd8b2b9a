/* h2box: one executable, many commands. Chooses the applet by the name it was called by or by the
 * first word. */
#include "applets/applet.h"
#include "applets/common/links.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BOX "h2box"

static const applet applets[] = {
#define APPLET(ident, name, old_name, summary) \
    {name, old_name, summary, &ident##_options, ident##_main},
#include "applets/list.def"
#undef APPLET
};

static const opt_entry entries[] = {
#define APPLET(ident, name, old_name, summary) \
    {{BOX " " name, BOX "-" name, old_name, summary}, name, &ident##_options},
#include "applets/list.def"
#undef APPLET
};

enum { APPLETS = sizeof(applets) / sizeof(applets[0]) };

/* ---- the box's own options ---- */

typedef struct box_settings {
    bool list, install, symbolic;
    int shell;
    const char *man, *docs;
} box_settings;

static const char *const shells[] = {
    [OPT_BASH] = "bash", [OPT_ZSH] = "zsh", [OPT_FISH] = "fish", NULL};

static const opt_spec specs[] = {
    {.name = "list",
     .type = OPT_FLAG,
     OPT_AT(box_settings, list),
     .help = "List the applets: name, old name, what it is."},
    {.name = "install",
     .type = OPT_FLAG,
     OPT_AT(box_settings, install),
     .help = "Make hard links to this file in DIR: the name and the old name of each applet. "
             "Existing files are never replaced."},
    {.name = "symlinks",
     .letter = 's',
     .type = OPT_FLAG,
     OPT_AT(box_settings, symbolic),
     .help = "With --install: symbolic links instead."},
    {.name = "man",
     .type = OPT_STRING,
     OPT_AT(box_settings, man),
     .arg = "APPLET",
     .word = OPT_WORD_APPLET,
     .help = "Write an applet's man page (or that of h2box) to stdout."},
    {.name = "docs",
     .type = OPT_STRING,
     OPT_AT(box_settings, docs),
     .arg = "APPLET",
     .word = OPT_WORD_APPLET,
     .help = "Write an applet's options as a Markdown table to stdout."},
    {.name = "completions",
     .type = OPT_ENUM,
     OPT_AT(box_settings, shell),
     .names = shells,
     .help = "Write completions for a shell to stdout."},
};

static const char *const usage[] = {"APPLET [ARGUMENT]...", "[OPTION]...", "--install [-s] DIR",
                                    NULL};

static const opt_pair examples[] = {
    {"$0 client --help", "What an applet does and takes."},
    {"$0 --install ~/bin", "Links under which the applets can be called by name."},
    {"$0 --man client | man -l -", "A man page."},
    {"source <($0 --completions bash)", "Completion for this shell."},
    {NULL, NULL},
};

static const opt_pair exits[] = {
    {"0", "done"}, {"1", "failed; applets say what, where and why on stderr"}, {NULL, NULL}};

static opt_table box_options = {
    OPT_SPECS(specs),
    .settings_size = sizeof(box_settings),
    .usage = usage,
    .about =
        "An HTTP/2 toolbox in one file. It acts as the applet whose name is its first word, or "
        "by whose name it is called: h2box-NAME, NAME or the old name. Under an old name it "
        "keeps the ways of the tool that had it first.",
    .operand_max = 1,
    .operand_word = OPT_WORD_DIR,
    .examples = examples,
    .exits = exits};

/* The listing stands in help and man page too, so it is made from the list at run time. */
static void add_listing(void) {
    static char text[APPLETS * 160 + 1];
    static const opt_pair notes[] = {{"Applets", text}, {NULL, NULL}};
    size_t n = 0;
    for (size_t i = 0; i < APPLETS && n < sizeof(text); i++) {
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s %-14s %-10s %s", i ? "\n" : "",
                              applets[i].name, applets[i].old_name, applets[i].summary);
    }
    box_options.notes = notes;
}

/* ---- finding applets ---- */

/* The applet of this name; *old_name says whether it was the old one. */
static const applet *find(const char *name, bool *old_name) {
    const char *short_name = strncmp(name, BOX "-", sizeof(BOX)) == 0 ? name + sizeof(BOX) : name;
    for (size_t i = 0; i < APPLETS; i++) {
        *old_name = strcmp(name, applets[i].old_name) == 0;
        if (*old_name || strcmp(short_name, applets[i].name) == 0) return &applets[i];
    }
    return NULL;
}

static int not_an_applet(const char *name) {
    const char *names[APPLETS * 2];
    for (size_t i = 0; i < APPLETS; i++) {
        names[2 * i] = applets[i].name;
        names[2 * i + 1] = applets[i].old_name;
    }
    fprintf(stderr, BOX ": '%s' is not an applet\n", name);
    if (opt_near_print(stderr, name, "", names, (size_t)APPLETS * 2) == 0) {
        fprintf(stderr, "Try '" BOX " --list'.\n");
    }
    return APPLET_USAGE;
}

/* ---- running ---- */

/* A full disk must not look like success. */
static int finish_stdout(const char *tool, int code) {
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    fprintf(stderr, "%s: write to standard output: %s\n", tool, errno ? strerror(errno) : "failed");
    return code == APPLET_DONE ? APPLET_FAILED : code;
}

/* Debug builds refuse a table with a mistake in it before anybody relies on it. */
static void check(const opt_table *t, const char *name) {
#ifndef NDEBUG
    const char *wrong = opt_check(t);
    if (!wrong) return;
    fprintf(stderr, BOX ": option table of %s: %s\n", name, wrong);
    abort();
#else
    (void)t;
    (void)name;
#endif
}

static int run(const applet *a, int argc, char **argv, bool old_name) {
    static char tool[80];
    check(a->options, a->name);
    snprintf(tool, sizeof(tool), "%s%s", old_name ? "" : BOX " ", old_name ? a->old_name : a->name);
    argv[0] = tool;
    return finish_stdout(tool, a->main(argc, argv, old_name));
}

static int list(void) {
    for (size_t i = 0; i < APPLETS; i++) {
        printf("%-14s %-10s %s\n", applets[i].name, applets[i].old_name, applets[i].summary);
    }
    return APPLET_DONE;
}

static int install(const char *dir, bool symbolic) {
    links l;
    if (!links_open(&l, dir, symbolic, BOX)) return APPLET_FAILED;
    bool all = true;
    for (size_t i = 0; i < APPLETS; i++) {
        all &= links_add(&l, applets[i].name);
        all &= links_add(&l, applets[i].old_name);
    }
    return all ? APPLET_DONE : APPLET_FAILED;
}

/* The man page or the docs of the applet of this name, or of the box. */
static int describe(const char *name, void write(FILE *, const opt_title *, const opt_table *)) {
    static const opt_title box = {BOX, BOX, NULL, "HTTP/2 toolbox in one file"};
    bool old_name;
    const applet *a = find(name, &old_name);
    if (strcmp(name, BOX) == 0)
        write(stdout, &box, &box_options);
    else if (a)
        write(stdout, &entries[a - applets].title, a->options);
    else
        return not_an_applet(name);
    return APPLET_DONE;
}

static int run_box(int argc, char **argv) {
    static char tool[] = BOX;
    box_settings set;
    opt_call call;
    int code;
    argv[0] = tool;
    add_listing();
    check(&box_options, BOX);
    if (argc < 2) {
        opt_help_write(stdout, opt_help_look(stdout), &box_options, tool, false);
        return finish_stdout(tool, APPLET_DONE);
    }
    code = opt_read(&box_options, argc, argv, false, &set, &call);
    if (code != OPT_GO) return code;
    if (set.install != (call.operand_count == 1)) {
        return opt_refuse(&call, set.install ? "--install: which directory?"
                                             : "options of an applet follow its name");
    }
    int asked = set.list + set.install + (set.man != NULL) + (set.docs != NULL) +
                opt_given(&call, "completions");
    if (asked > 1) return opt_refuse(&call, "one thing at a time");
    if (set.install)
        code = install(call.operands[0], set.symbolic);
    else if (set.symbolic)
        return opt_refuse(&call, "--symlinks goes with --install");
    else if (set.list)
        code = list();
    else if (set.man)
        code = describe(set.man, opt_man_write);
    else if (set.docs)
        code = describe(set.docs, opt_docs_write);
    else if (opt_given(&call, "completions")) {
        opt_complete_write(stdout, (opt_shell)set.shell, &box_options, entries, APPLETS);
        code = APPLET_DONE;
    } else
        return opt_refuse(&call, "nothing to do");
    opt_end(&call);
    return finish_stdout(tool, code);
}

/* A descriptor that the caller closed must not be reused for a socket or file that then takes our
 * messages. The stand-in has the wrong direction, so that using it still fails. */
static void hold_standard_streams(void) {
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) >= 0) continue;
        if (open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0) return;
    }
}

int main(int argc, char **argv) {
    static char *none[] = {NULL, NULL};
    bool old_name;
    if (argc < 1) {
        argc = 1;
        argv = none;
    }
    hold_standard_streams();
    const char *slash = argv[0] ? strrchr(argv[0], '/') : NULL;
    const char *name = slash ? slash + 1 : argv[0] ? argv[0] : BOX;
    const applet *a = find(name, &old_name);
    if (a) return run(a, argc, argv, old_name);
    if (strncmp(name, BOX, strlen(BOX)) != 0) return not_an_applet(name);
    if (argc < 2 || argv[1][0] == '-') return run_box(argc, argv);
    a = find(argv[1], &old_name);
    return a ? run(a, argc - 1, argv + 1, old_name) : not_an_applet(argv[1]);
}
