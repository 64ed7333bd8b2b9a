/* What the files of opt share among themselves. Applets include opt.h only. */
#ifndef H2BOX_APPLETS_OPT_PARTS_H
#define H2BOX_APPLETS_OPT_PARTS_H

#include "applets/opt.h"

/* The options that every table has by construction come after its own rows. */
enum { OPT_BUILTIN_HELP, OPT_BUILTIN_VERSION, OPT_BUILTINS };

/* Row i of a table, the built-in ones included; i below t->count + OPT_BUILTINS. */
const opt_spec *opt_row(const opt_table *t, size_t i);

/* Whether the row exists under this name. */
static inline bool opt_in_scope(const opt_spec *s, bool old_name) {
    return s->scope == OPT_EVERYWHERE || (s->scope == OPT_OLD_NAME) == old_name;
}

static inline bool opt_takes_argument(const opt_spec *s) {
    return s->type != OPT_FLAG && s->type != OPT_COUNT;
}

static inline bool opt_repeats(const opt_spec *s) {
    return s->type == OPT_LIST || s->type == OPT_SIZES || s->type == OPT_COUNT;
}

/* How often a row that repeats may be given; of a COUNT as often as one likes. */
static inline uint32_t opt_most_times(const opt_spec *s) {
    return s->type == OPT_LIST && s->max > 0 ? (uint32_t)s->max : OPT_ITEMS_MAX;
}

/* ---- opt_value.c ---- */

typedef enum opt_stored { OPT_STORED, OPT_NOT_ACCEPTED, OPT_TOO_MANY, OPT_NO_MEMORY } opt_stored;

/* Reads text (NULL for FLAG and COUNT) as the row wants it into its place in settings. */
opt_stored opt_value_store(const opt_spec *s, const char *text, void *settings);

/* Takes a flag back. */
void opt_value_clear(const opt_spec *s, void *settings);

/* Frees what opt_value_store took for this row. */
void opt_value_free(const opt_spec *s, void *settings);

/* Bytes of the type that a row's place must have. */
size_t opt_value_room(opt_type type);

/* A number in the option's own unit, as its text: 4G, 500ms, 30. */
void opt_value_number(opt_type type, int64_t v, char *text, size_t size);

/* "an integer from 0 to 30": what a row accepts, in words; cut off when it passes size. */
void opt_value_accepts(const opt_spec *s, char *text, size_t size);

/* ---- opt_text.c: words about a row that help, man and docs share ---- */

typedef enum opt_reader { OPT_FOR_NEW, OPT_FOR_OLD, OPT_FOR_BOTH } opt_reader;

/* "Default: 16. From 0 to 30." or "". */
void opt_text_facts(const opt_spec *s, opt_reader who, char *text, size_t size);

/* What the argument is called: "N", "FILE", "bash|zsh|fish"; NULL when there is none. buf holds it
 * when needed. */
const char *opt_text_arg(const opt_spec *s, char *buf, size_t size);

/* "-w, --window-bits=N". */
void opt_text_label(const opt_spec *s, char *text, size_t size);

/* The group of row i when no row before it (in scope, shown) has the same one; NULL otherwise. Rows
 * without a group are "Options", built-in rows "Other". */
const char *opt_text_new_group(const opt_table *t, size_t i, opt_reader who);
const char *opt_text_group(const opt_table *t, size_t i);

/* Whether help shows the row to this reader. */
bool opt_text_shown(const opt_spec *s, opt_reader who);

/* The sentence on SIZE and DURATION that this table calls for; "" when none. */
const char *opt_text_units(const opt_table *t);

/* The first sentence of the help, without its full stop. */
void opt_text_gist(const opt_spec *s, char *text, size_t size);

/* The exit codes: the table's, or the usual ones. A usage mistake is not among them. */
const opt_pair *opt_text_exits(const opt_table *t);

/* ---- opt_complete.c, opt_zsh.c, opt_fish.c ---- */

/* One command line to complete: a table under one of its names. */
typedef struct opt_command {
    const char *name; /* "h2box-client" or "nghttp" */
    const char *word; /* "client" or "nghttp": the same as first word after the box's name */
    const char *summary;
    const opt_table *table;
    bool old_name;
} opt_command;

/* The pattern of a command in a shell's case: its word too, unless it is an old name. */
void opt_complete_label(FILE *out, const opt_command *c);

void opt_zsh_write(FILE *out, const opt_table *box, const opt_command *commands, size_t count);
void opt_fish_write(FILE *out, const opt_table *box, const opt_command *commands, size_t count);

#endif
