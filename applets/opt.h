/* Options: one typed const table per applet, and everything that must agree with it.
 *
 * From the table come the parser (opt.c), --help (opt_help.c), the man page (opt_man.c), shell
 * completions (opt_complete.c) and the table in the docs (opt_docs.c), so that no list is kept
 * twice. --help, -h and --version exist in every table by construction. Not here: what options
 * mean, and conflicts between them; an applet checks those itself and answers with opt_refuse.
 *
 * How an applet uses it:
 *
 *     typedef struct client_settings {
 *         uint32_t verbose;
 *         int64_t window_bits;
 *     } client_settings;
 *     static const opt_spec specs[] = {
 *         {.name = "verbose", .letter = 'v', .type = OPT_COUNT, OPT_AT(client_settings, verbose),
 *          .group = "Log", .help = "Log frames and headers; twice: DATA chunks too."},
 *         {.name = "window-bits", .letter = 'w', .type = OPT_INT,
 *          OPT_AT(client_settings, window_bits), .max = 30, .def = "16", .group = "Flow control",
 *          .help = "Window of a stream: 2^N - 1 bytes."},
 *     };
 *     static const char *const usage[] = {"[OPTION]... URI...", NULL};
 *     const opt_table client_options = {
 *         OPT_SPECS(specs), .settings_size = sizeof(client_settings), .usage = usage,
 *         .about = "Fetches URIs over HTTP/2.", .operand_min = 1, .operand_max = OPT_ANY};
 *
 *     int client_main(int argc, char **argv, bool old_name) {
 *         client_settings set;
 *         opt_call call;
 *         int code = opt_read(&client_options, argc, argv, old_name, &set, &call);
 *         if (code != OPT_GO) return code;
 *         if (bad) return opt_refuse(&call, "--trailer needs --data");
 *         ... call.operands[0 .. call.operand_count), opt_say(&call, "connect %s: %s", ...) ...
 *         opt_end(&call);
 *         return APPLET_DONE;
 *     }
 *
 * argv[0] is what messages begin with: "h2box client", or "nghttp" under the old name. h2box.c sees
 * to that. */
#ifndef H2BOX_APPLETS_OPT_H
#define H2BOX_APPLETS_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The build passes the version of the project; this is for building by hand. */
#ifndef H2BOX_VERSION
#define H2BOX_VERSION "0.1.0"
#endif
/* The release whose options and output the old names follow. */
#define H2BOX_COMPATIBLE "nghttp2/1.52.0"

/* What an option takes, and the type its place in the settings must have. A size is decimal with at
 * most one of K M G (powers of 1024, either case), a duration with at most one of h m s ms; bare
 * durations are seconds. */
typedef enum opt_type {
    OPT_FLAG,     /* bool: true; takes no argument */
    OPT_COUNT,    /* uint32_t: one more each time; takes no argument */
    OPT_INT,      /* int64_t: decimal */
    OPT_SIZE,     /* uint64_t: bytes */
    OPT_SIZES,    /* opt_sizes: as OPT_SIZE, repeatable, all values in order */
    OPT_DURATION, /* uint64_t: milliseconds */
    OPT_STRING,   /* const char *: as given; NULL when absent and without default */
    OPT_LIST,     /* opt_list: as OPT_STRING, repeatable */
    OPT_ENUM      /* int: the index in .names */
} opt_type;

typedef struct opt_list {
    const char **v; /* strings of argv */
    uint32_t count, room;
} opt_list;

typedef struct opt_sizes {
    uint64_t *v;
    uint32_t count, room;
} opt_sizes;

/* Items at most in one repeatable option, when its .max does not say. argv bounds it anyway;
 * configuration files do not, and 64 Ki header lines are past any use. */
#define OPT_ITEMS_MAX 65536u

typedef enum opt_status {
    OPT_ACTIVE,
    OPT_DEPRECATED, /* works; a warning names .instead */
    OPT_IGNORED,    /* accepted (with its argument) and does nothing; a warning says .instead */
    OPT_RETIRED     /* refused as a usage mistake; the message says .instead */
} opt_status;

/* Under which name of the applet an option exists. */
typedef enum opt_scope { OPT_EVERYWHERE, OPT_NEW_NAME, OPT_OLD_NAME } opt_scope;

/* What a word is, for shell completion. */
typedef enum opt_word { OPT_WORD_ANY, OPT_WORD_FILE, OPT_WORD_DIR, OPT_WORD_APPLET } opt_word;

/* An option. name or letter may be missing; both min and max 0 means all that the type holds. Range
 * and default are added to help by opt_text.c. */
typedef struct opt_spec {
    const char *name; /* long name without dashes */
    char letter;
    opt_type type;
    size_t offset, room;  /* by OPT_AT; room 0 = nothing is stored (IGNORED, RETIRED) */
    int64_t min, max;     /* INT, SIZE, SIZES, DURATION (milliseconds); LIST: max is of items */
    const char *arg;      /* what help calls the argument: "N", "FILE"; NULL = by type */
    const char *def;      /* default, as text that the parser reads; NULL = zero */
    const char *def_note; /* shown in place of a default that is no fixed text: "one per core" */
    const char *old_def;  /* default under the old name where that differs */
    const char *help;     /* sentences */
    /* STRING, LIST: more is asked of the text; false with a message in why. NULL: nothing is. */
    bool (*read_by)(const char *text, char *why, size_t room);
    const char *group;        /* heading in help; a group stands together whatever the order here */
    const char *const *names; /* OPT_ENUM: NULL-terminated */
    opt_status status;
    const char *instead; /* DEPRECATED, IGNORED, RETIRED: a clause, "use --extpri" */
    opt_scope scope;
    opt_word word; /* what the argument is */
    bool early;    /* is read before the files that opt_read_over asks for: it names them */
    bool unsaved;  /* opt_file_write leaves it out: it says what to do, not how */
} opt_spec;

/* Where an option's value goes: OPT_AT(client_settings, verbose). */
#define OPT_AT(settings, field) \
    .offset = offsetof(settings, field), .room = sizeof(((settings *)NULL)->field)

/* Two columns of prose: an exit code and what it means, an example and what it shows, a heading and
 * its text. In examples and text $0 stands for the tool's name. */
typedef struct opt_pair {
    const char *left, *right;
} opt_pair;

/* An applet's options and what help says around them. Arrays of pairs end with {NULL, NULL} and may
 * be NULL. */
typedef struct opt_table {
    const opt_spec *specs;
    size_t count;
    size_t settings_size;
    const char *const *usage;     /* what follows the tool's name, one per line, NULL-terminated */
    const char *about;            /* paragraphs, separated by blank lines; see opt_help_write */
    const char *operands;         /* what the operands are; NULL when there are none */
    int operand_min, operand_max; /* max OPT_ANY = no limit */
    opt_word operand_word;
    const opt_pair *notes;    /* further sections: heading, paragraphs */
    const opt_pair *examples; /* command, what it shows */
    const opt_pair *exits;    /* code, what it means; wrong usage is added */
    bool short_version;       /* -v is --version */
    int old_refusal; /* code for values that are not accepted, under the old name; 0: as any
                        usage mistake */
} opt_table;

#define OPT_ANY          (-1)
#define OPT_SPECS(array) .specs = (array), .count = sizeof(array) / sizeof((array)[0])

/* One reading of a command line. */
typedef struct opt_call {
    const opt_table *table;
    const char *tool; /* what messages begin with */
    bool old_name;
    void *settings;
    char **operands; /* in their order, NULL-terminated */
    int operand_count;
    uint64_t given[8]; /* bit i: specs[i] stood on the command line */
    FILE *out, *err;
    const char
        *where; /* what messages say an option stands in, "FILE:LINE"; NULL: the command line */
} opt_call;

#define OPT_SPECS_MAX 512  /* bits of given[]; the proxy's table has some 230 rows */
#define OPT_GO        (-1) /* no exit code: go on */

/* Clears *settings (table->settings_size bytes), fills in the defaults and then what argv says,
 * with the habits of getopt_long. Returns OPT_GO, or the code to exit with: 0 after --help or
 * --version, 1 when stdout refused them, and the code of a usage mistake (2, or 1 under the old
 * name) after a message on stderr. After OPT_GO the caller owes opt_end; strings point into argv.
 */
int opt_read(const opt_table *t, int argc, char **argv, bool old_name, void *settings,
             opt_call *call);

/* The same with other streams than stdout and stderr. */
int opt_read_to(const opt_table *t, int argc, char **argv, bool old_name, void *settings,
                opt_call *call, FILE *out, FILE *err);

/* The same with a layer between the defaults and the command line, which overrides it: options of
 * files. The words of the command line are looked at first (--help acts at once; mistakes in words
 * end it; rows that are `early` get their values), then `below` is called, which uses opt_assign
 * and returns OPT_GO or a code to exit with, then the command line is read for its values. Items
 * of repeatable options add up. */
typedef int opt_layer(opt_call *call, void *user);
int opt_read_over(const opt_table *t, int argc, char **argv, bool old_name, void *settings,
                  opt_call *call, FILE *out, FILE *err, opt_layer *below, void *user);

/* Sets an option by its long name, from what stands in a file: flags take "yes", and whatever else
 * is no. `where` goes before messages ("proxy.conf:12"). The texts must live as long as the
 * settings. Returns OPT_GO, or a code after a message. */
int opt_assign(opt_call *call, const char *where, const char *name, const char *value);

/* Frees operands and lists. Settings are not to be used afterwards. */
void opt_end(opt_call *call);

/* Whether the option with this long name stood on the command line. */
bool opt_given(const opt_call *call, const char *name);

/* "TOOL: message" on stderr, with a newline. */
void opt_say(const opt_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The same for a usage mistake that the table cannot know, with a hint at --help. Returns the code
 * to exit with; ends the call. */
int opt_refuse(opt_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The code that opt_refuse would return, for a message that was said already. */
int opt_refusal(const opt_call *call);

/* Exit code of a usage mistake. */
static inline int opt_usage_code(bool old_name) { return old_name ? 1 : 2; }

/* NULL, or a literal that says what is wrong with the table itself (a place of the wrong size, a
 * name twice, a default that does not parse). For tests and debug builds. */
const char *opt_check(const opt_table *t);

/* ---- opt_value.c: the texts that options take ---- */

bool opt_value_int(const char *text, int64_t *v);
bool opt_value_size(const char *text, uint64_t *bytes);
bool opt_value_duration(const char *text, uint64_t *ms);

/* ---- opt_near.c: what somebody may have meant ---- */

/* Edits (insert, delete, replace, swap neighbours) between two words; 99 when either passes 63
 * bytes. */
unsigned opt_near_distance(const char *a, const char *b);

/* Prints "\nDid you mean:\n" and up to five of the names that are near to word, each as "\t" prefix
 * name; nothing when none is. Returns how many it printed. */
size_t opt_near_print(FILE *err, const char *word, const char *prefix, const char *const *names,
                      size_t count);

/* ---- what is printed from a table ---- */

/* The settings as opt_assign reads them: NAME=VALUE for each active option that has a value, with
 * its group as a comment. */
void opt_file_write(FILE *out, const opt_table *t, const void *settings, bool old_name);

/* The names a table goes by. */
typedef struct opt_title {
    const char *tool;     /* "h2box client" */
    const char *page;     /* "h2box-client" */
    const char *old_name; /* "nghttp", or NULL */
    const char *summary;  /* one line */
} opt_title;

/* Columns and colour of a stream: of its terminal, else 80 and none. */
typedef struct opt_look {
    unsigned width;
    bool colour;
} opt_look;
opt_look opt_help_look(FILE *out);

/* Paragraphs are wrapped; one that begins with a blank is kept as it is. */
void opt_help_write(FILE *out, opt_look look, const opt_table *t, const char *tool, bool old_name);
void opt_help_version(FILE *out, const char *tool, bool old_name);

/* A man page in roff, section 1, for both names. */
void opt_man_write(FILE *out, const opt_title *title, const opt_table *t);

/* A Markdown table of the options. */
void opt_docs_write(FILE *out, const opt_title *title, const opt_table *t);

/* Completions for the box and for each applet by all of its names, in the language of one shell. */
typedef enum opt_shell { OPT_BASH, OPT_ZSH, OPT_FISH } opt_shell;
typedef struct opt_entry {
    opt_title title;
    const char *word; /* "client": the first word after the box's name */
    const opt_table *table;
} opt_entry;
void opt_complete_write(FILE *out, opt_shell shell, const opt_table *box, const opt_entry *entries,
                        size_t count);

#endif
