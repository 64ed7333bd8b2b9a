/* Reads a command line by an option table, with the habits of getopt_long but none of its globals.
 */
#include "applets/opt_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const opt_spec builtin[OPT_BUILTINS] = {
    [OPT_BUILTIN_HELP] = {.name = "help", .letter = 'h', .help = "Show this help and exit."},
    [OPT_BUILTIN_VERSION] = {.name = "version", .help = "Show the version and exit."},
};
static const opt_spec short_version = {
    .name = "version", .letter = 'v', .help = "Show the version and exit."};

/* What reading one word came to: OPT_GO, or the code to exit with. */
typedef struct reading {
    opt_call *call;
    char **argv;
    int argc, next; /* argv[next] is the word to read next */
    bool glance;    /* only what is early or built in is obeyed */
    bool glanced;   /* that was done before */
} reading;

const opt_spec *opt_row(const opt_table *t, size_t i) {
    if (i < t->count) return &t->specs[i];
    return t->short_version && i - t->count == OPT_BUILTIN_VERSION ? &short_version
                                                                   : &builtin[i - t->count];
}

static size_t rows(const opt_table *t) { return t->count + OPT_BUILTINS; }

/* ---- messages ---- */

static void say(const opt_call *call, const char *format, va_list args) {
    fprintf(call->err, "%s: ", call->tool);
    vfprintf(call->err, format, args);
    fputc('\n', call->err);
}

void opt_say(const opt_call *call, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(call, format, args);
    va_end(args);
}

static int usage_mistake(const opt_call *call) { return opt_usage_code(call->old_name); }

int opt_refusal(const opt_call *call) {
    if (call->old_name && call->table->old_refusal) return call->table->old_refusal;
    return usage_mistake(call);
}

static void hint(const opt_call *call) { fprintf(call->err, "Try '%s --help'.\n", call->tool); }

int opt_refuse(opt_call *call, const char *format, ...) {
    va_list args;
    int code = opt_refusal(call);
    va_start(args, format);
    say(call, format, args);
    va_end(args);
    hint(call);
    opt_end(call);
    return code;
}

static void show_usage(const opt_call *call) {
    for (const char *const *line = call->table->usage; line && *line; line++) {
        fprintf(call->err, "Usage: %s %s\n", call->tool, *line);
    }
}

/* ---- finding a row ---- */

static const opt_spec *find_letter(const opt_call *call, char letter, size_t *row) {
    for (size_t i = 0; i < rows(call->table); i++) {
        const opt_spec *s = opt_row(call->table, i);
        if (s->letter != letter || !opt_in_scope(s, call->old_name)) continue;
        *row = i;
        return s;
    }
    return NULL;
}

/* Whether a prefix may stand for the row: a retired one must be written out, lest it make others
 * ambiguous. */
static bool begins(const opt_call *call, const opt_spec *s, const char *word, size_t n) {
    return s->name && opt_in_scope(s, call->old_name) && s->status != OPT_RETIRED && n > 0 &&
           strncmp(s->name, word, n) == 0;
}

static const opt_spec *find_exact(const opt_call *call, const char *word, size_t n, size_t *row) {
    for (size_t i = 0; i < rows(call->table); i++) {
        const opt_spec *s = opt_row(call->table, i);
        if (!s->name || s->name[0] != word[0] || !opt_in_scope(s, call->old_name)) continue;
        if (strncmp(s->name, word, n) != 0 || s->name[n] != '\0') continue;
        *row = i;
        return s;
    }
    return NULL;
}

/* Names that are near to a word that is none. */
static size_t suggest(const opt_call *call, const char *word, size_t n, const char *prefix) {
    const char *names[OPT_SPECS_MAX + OPT_BUILTINS];
    char asked[256];
    size_t count = 0;
    for (size_t i = 0; i < rows(call->table) && i < OPT_SPECS_MAX; i++) {
        const opt_spec *s = opt_row(call->table, i);
        if (begins(call, s, s->name, 1)) names[count++] = s->name;
    }
    if (n >= sizeof(asked)) n = 0;
    memcpy(asked, word, n);
    asked[n] = '\0';
    return opt_near_print(call->err, asked, prefix, names, count);
}

static void say_unknown(const opt_call *call, const char *word, size_t n) {
    opt_say(call, "unrecognized option '--%s'", word);
    if (suggest(call, word, n, "--") == 0) hint(call);
}

static void say_ambiguous(const opt_call *call, const char *word, size_t n) {
    fprintf(call->err, "%s: option '--%s' is ambiguous; possibilities:", call->tool, word);
    for (size_t i = 0; i < rows(call->table); i++) {
        const opt_spec *s = opt_row(call->table, i);
        if (begins(call, s, word, n)) fprintf(call->err, " '--%s'", s->name);
    }
    fputc('\n', call->err);
}

/* The row that n bytes of word name, in full or by a prefix that fits no other; NULL after a
 * message. */
static const opt_spec *find_long(const opt_call *call, const char *word, size_t n, size_t *row) {
    const opt_spec *found = find_exact(call, word, n, row);
    size_t matches = 0;
    if (found) return found;
    for (size_t i = 0; i < rows(call->table); i++) {
        const opt_spec *s = opt_row(call->table, i);
        if (!begins(call, s, word, n)) continue;
        found = s;
        *row = i;
        matches++;
    }
    if (matches == 1) return found;
    if (matches == 0)
        say_unknown(call, word, n);
    else
        say_ambiguous(call, word, n);
    return NULL;
}

/* ---- one option ---- */

#define CALLED_ROOM 320 /* of a name, and of the file it stands in */

/* How messages call a row: by its long name when it has one. */
static const char *called(const opt_call *call, const opt_spec *s, char *buf, size_t size) {
    if (call->where)
        snprintf(buf, size, "%s: %s", call->where, s->name);
    else if (s->name)
        snprintf(buf, size, "--%s", s->name);
    else
        snprintf(buf, size, "-%c", s->letter);
    return buf;
}

static int finish_output(const opt_call *call) {
    if (fflush(call->out) == 0 && !ferror(call->out)) return 0;
    opt_say(call, "write to standard output: %s", strerror(errno));
    return 1;
}

static int apply_builtin(const opt_call *call, size_t which) {
    if (which == OPT_BUILTIN_VERSION)
        opt_help_version(call->out, call->tool, call->old_name);
    else
        opt_help_write(call->out, opt_help_look(call->out), call->table, call->tool,
                       call->old_name);
    return finish_output(call);
}

static int apply_text(const opt_call *call, const opt_spec *s, const char *text) {
    char name[CALLED_ROOM], accepts[512];
    called(call, s, name, sizeof(name));
    if (s->read_by && !s->read_by(text, accepts, sizeof(accepts))) {
        opt_say(call, "%s: %s", name, accepts);
        return opt_refusal(call);
    }
    switch (opt_value_store(s, text, call->settings)) {
    case OPT_STORED: return OPT_GO;
    case OPT_TOO_MANY:
        opt_say(call, "%s: given more than %" PRIu32 " times", name, opt_most_times(s));
        break;
    case OPT_NO_MEMORY: opt_say(call, "%s: out of memory", name); return 1;
    case OPT_NOT_ACCEPTED:
        opt_value_accepts(s, accepts, sizeof(accepts));
        opt_say(call, "%s: '%s' is not accepted: %s", name, text, accepts);
        break;
    }
    return opt_refusal(call);
}

static int apply(opt_call *call, size_t row, const char *text) {
    const opt_spec *s = opt_row(call->table, row);
    char name[CALLED_ROOM];
    called(call, s, name, sizeof(name));
    bool first = !(call->given[row / 64] >> row % 64 & 1);
    call->given[row / 64] |= UINT64_C(1) << row % 64;
    switch (s->status) {
    case OPT_ACTIVE: break;
    case OPT_DEPRECATED:
        if (first) opt_say(call, "%s is deprecated: %s", name, s->instead);
        break;
    case OPT_IGNORED:
        if (first) opt_say(call, "%s has no effect: %s", name, s->instead);
        return OPT_GO;
    case OPT_RETIRED:
        opt_say(call, "%s is refused: %s", name, s->instead);
        return opt_refusal(call);
    }
    return apply_text(call, s, text);
}

/* An option of the command line: each is applied in one of two readings when there are two. */
static int obey(const reading *r, size_t row, const char *text) {
    const opt_table *t = r->call->table;
    bool early = row >= t->count || t->specs[row].early;
    if ((r->glance && !early) || (r->glanced && early)) return OPT_GO;
    return row >= t->count ? apply_builtin(r->call, row - t->count) : apply(r->call, row, text);
}

/* The word after this one as an argument, whatever it looks like; NULL when there is none. */
static const char *next_word(reading *r) { return r->next < r->argc ? r->argv[r->next++] : NULL; }

/* A word that began with "--". */
static int read_long(reading *r, const char *word) {
    const char *equals = strchr(word, '=');
    const char *text = equals ? equals + 1 : NULL;
    size_t row, n = equals ? (size_t)(equals - word) : strlen(word);
    const opt_spec *s = find_long(r->call, word, n, &row);
    if (!s) return usage_mistake(r->call);
    if (text && !opt_takes_argument(s)) {
        opt_say(r->call, "option '--%s' doesn't allow an argument", s->name);
        return usage_mistake(r->call);
    }
    if (!text && opt_takes_argument(s) && s->status != OPT_RETIRED && !(text = next_word(r))) {
        opt_say(r->call, "option '--%s' requires an argument", s->name);
        return usage_mistake(r->call);
    }
    return obey(r, row, text);
}

/* A letter that no row has. Somebody may have meant a long option with one dash, or the letter in
 * other case. */
static int unknown_letter(const opt_call *call, const char *word, char letter) {
    size_t row, n = strcspn(word, "=");
    char other = (char)(letter ^ 0x20);
    opt_say(call, "invalid option -- '%c'", letter);
    if (n > 1 && find_exact(call, word, n, &row)) {
        fprintf(call->err, "\nDid you mean:\n\t--%s\n", opt_row(call->table, row)->name);
    } else if (((other >= 'a' && other <= 'z') || (other >= 'A' && other <= 'Z')) &&
               find_letter(call, other, &row)) {
        fprintf(call->err, "\nDid you mean:\n\t-%c\n", other);
    } else {
        hint(call);
    }
    return usage_mistake(call);
}

/* A word that began with one "-": a cluster of letters, of which the last may take the rest as its
 * argument. */
static int read_letters(reading *r, const char *word) {
    for (const char *p = word; *p; p++) {
        size_t row;
        const char *text = NULL;
        const opt_spec *s = find_letter(r->call, *p, &row);
        if (!s) return unknown_letter(r->call, word, *p);
        bool takes = opt_takes_argument(s) && s->status != OPT_RETIRED;
        if (takes && !(text = p[1] ? p + 1 : next_word(r))) {
            opt_say(r->call, "option requires an argument -- '%c'", *p);
            return usage_mistake(r->call);
        }
        int code = obey(r, row, text);
        if (code != OPT_GO || takes) return code;
    }
    return OPT_GO;
}

/* ---- the whole line ---- */

static int fill_defaults(const opt_call *call) {
    for (size_t i = 0; i < call->table->count; i++) {
        const opt_spec *s = &call->table->specs[i];
        const char *text = call->old_name && s->old_def ? s->old_def : s->def;
        if (!text || s->room == 0) continue;
        int code = apply_text(call, s, text);
        if (code != OPT_GO) return code;
    }
    return OPT_GO;
}

static int check_operands(const opt_call *call) {
    const opt_table *t = call->table;
    const char *wrong = NULL;
    if (call->operand_count < t->operand_min)
        wrong = "too few arguments";
    else if (t->operand_max != OPT_ANY && call->operand_count > t->operand_max) {
        wrong = "too many arguments";
    }
    if (!wrong) return OPT_GO;
    if (call->operand_count > t->operand_max && t->operand_max == 0) {
        opt_say(call, "%s: '%s' is not expected", wrong, call->operands[0]);
    } else {
        opt_say(call, "%s", wrong);
    }
    show_usage(call);
    hint(call);
    return usage_mistake(call);
}

static int read_words(reading *r) {
    opt_call *call = r->call;
    bool options = true;
    while (r->next < r->argc) {
        char *word = r->argv[r->next++];
        int code = OPT_GO;
        if (options && strcmp(word, "--") == 0)
            options = false;
        else if (options && word[0] == '-' && word[1] == '-')
            code = read_long(r, word + 2);
        else if (options && word[0] == '-' && word[1])
            code = read_letters(r, word + 1);
        else
            call->operands[call->operand_count++] = word;
        if (code != OPT_GO) return code;
    }
    return check_operands(call);
}

int opt_read_over(const opt_table *t, int argc, char **argv, bool old_name, void *settings,
                  opt_call *call, FILE *out, FILE *err, opt_layer *below, void *user) {
    int code;
    *call = (opt_call){.table = t,
                       .tool = argc > 0 ? argv[0] : "h2box",
                       .old_name = old_name,
                       .settings = settings,
                       .out = out,
                       .err = err};
    if (t->settings_size) memset(settings, 0, t->settings_size);
    call->operands = calloc((size_t)argc + 1, sizeof(*call->operands));
    if (!call->operands) {
        opt_say(call, "out of memory");
        return 1;
    }
    code = fill_defaults(call);
    if (below) {
        if (code == OPT_GO) code = read_words(&(reading){call, argv, argc, 1, .glance = true});
        if (code == OPT_GO) code = below(call, user);
        call->operand_count = 0;
    }
    if (code == OPT_GO)
        code = read_words(&(reading){call, argv, argc, 1, .glanced = below != NULL});
    if (code != OPT_GO) opt_end(call);
    return code;
}

int opt_read_to(const opt_table *t, int argc, char **argv, bool old_name, void *settings,
                opt_call *call, FILE *out, FILE *err) {
    return opt_read_over(t, argc, argv, old_name, settings, call, out, err, NULL, NULL);
}

int opt_read(const opt_table *t, int argc, char **argv, bool old_name, void *settings,
             opt_call *call) {
    return opt_read_to(t, argc, argv, old_name, settings, call, stdout, stderr);
}

static int assign(opt_call *call, const char *name, const char *value) {
    size_t row, n = strlen(name);
    const opt_spec *s = find_exact(call, name, n, &row);
    if (!s || row >= call->table->count) {
        opt_say(call, "%s: %s: there is no such option", call->where, name);
        suggest(call, name, n, "");
        return opt_refusal(call);
    }
    if (!opt_takes_argument(s) && strcmp(value, "yes") != 0) {
        if (s->type == OPT_FLAG) opt_value_clear(s, call->settings);
        return OPT_GO;
    }
    return apply(call, row, value);
}

int opt_assign(opt_call *call, const char *where, const char *name, const char *value) {
    call->where = where;
    int code = assign(call, name, value);
    call->where = NULL;
    return code;
}

void opt_end(opt_call *call) {
    for (size_t i = 0; i < call->table->count; i++) {
        opt_value_free(&call->table->specs[i], call->settings);
    }
    free(call->operands);
    call->operands = NULL;
    call->operand_count = 0;
}

bool opt_given(const opt_call *call, const char *name) {
    size_t row;
    if (!find_exact(call, name, strlen(name), &row) || row >= call->table->count) return false;
    return call->given[row / 64] >> row % 64 & 1;
}
