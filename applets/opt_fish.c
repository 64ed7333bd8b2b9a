/* Completions for fish from the option tables. */
#include "applets/opt_parts.h"

static void quoted(FILE *out, const char *text) {
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') fputc('\\', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void argument(FILE *out, const opt_spec *s) {
    if (!opt_takes_argument(s)) return;
    if (s->type == OPT_ENUM) {
        fputs(" -x -a '", out);
        for (size_t i = 0; s->names[i]; i++) fprintf(out, "%s%s", i ? " " : "", s->names[i]);
        fputc('\'', out);
        return;
    }
    switch (s->word) {
    case OPT_WORD_FILE: fputs(" -r -F", out); break;
    case OPT_WORD_DIR: fputs(" -x -a '(__fish_complete_directories)'", out); break;
    case OPT_WORD_APPLET: fputs(" -x -a '$__h2box_names'", out); break;
    case OPT_WORD_ANY: fputs(" -x", out); break;
    }
}

/* head is the start of each line: which command, and under which condition. */
static void table(FILE *out, const char *head, const opt_table *t, bool old_name) {
    char gist[256];
    if (t->operand_word == OPT_WORD_DIR) {
        fprintf(out, "%s -f -a '(__fish_complete_directories)'\n", head);
    } else if (t->operand_word != OPT_WORD_FILE) {
        fprintf(out, "%s -f\n", head);
    }
    for (size_t i = 0; i < t->count + OPT_BUILTINS; i++) {
        const opt_spec *s = opt_row(t, i);
        if (s->status == OPT_IGNORED) continue;
        if (!opt_text_shown(s, old_name ? OPT_FOR_OLD : OPT_FOR_NEW)) continue;
        fputs(head, out);
        if (s->letter) fprintf(out, " -s %c", s->letter);
        if (s->name) fprintf(out, " -l %s", s->name);
        argument(out, s);
        opt_text_gist(s, gist, sizeof(gist));
        fputs(" -d ", out);
        quoted(out, gist);
        fputc('\n', out);
    }
}

void opt_fish_write(FILE *out, const opt_table *box, const opt_command *commands, size_t count) {
    static const char first[] = "complete -c h2box -n __fish_use_subcommand";
    char head[256];
    fprintf(out, "# fish completion for h2box %s, made from its option tables\n", H2BOX_VERSION);
    fputs("set -g __h2box_names", out);
    for (size_t i = 0; i < count; i++) fprintf(out, " %s", commands[i].word);
    fputc('\n', out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%s -f -a %s -d ", first, commands[i].word);
        quoted(out, commands[i].summary);
        fputc('\n', out);
    }
    table(out, first, box, false);
    for (size_t i = 0; i < count; i++) {
        const opt_command *c = &commands[i];
        snprintf(head, sizeof(head), "complete -c h2box -n '__fish_seen_subcommand_from %s'",
                 c->word);
        table(out, head, c->table, c->old_name);
        snprintf(head, sizeof(head), "complete -c %s", c->name);
        table(out, head, c->table, c->old_name);
        if (c->old_name) continue;
        snprintf(head, sizeof(head), "complete -c %s", c->word);
        table(out, head, c->table, false);
    }
}
