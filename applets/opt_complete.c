/* Shell completions from the option tables; this file speaks bash. */
#include "applets/opt_parts.h"

#include <stdlib.h>

static bool offered(const opt_spec *s, bool old_name) {
    return opt_text_shown(s, old_name ? OPT_FOR_OLD : OPT_FOR_NEW) && s->status != OPT_IGNORED;
}

static void bash_names(FILE *out, const opt_spec *s, const char *between) {
    if (s->letter) fprintf(out, "-%c", s->letter);
    if (s->letter && s->name) fputs(between, out);
    if (s->name) fprintf(out, "--%s", s->name);
}

/* What follows an option: the word by which the last part of the script knows it. */
static void bash_kind(FILE *out, const opt_spec *s) {
    if (s->type == OPT_ENUM) {
        fputs("kind='", out);
        for (size_t i = 0; s->names[i]; i++) fprintf(out, "%s%s", i ? " " : "", s->names[i]);
        fputs("'", out);
        return;
    }
    switch (s->word) {
    case OPT_WORD_FILE: fputs("kind='file'", out); break;
    case OPT_WORD_DIR: fputs("kind='dir'", out); break;
    case OPT_WORD_APPLET: fputs("kind=$names", out); break;
    case OPT_WORD_ANY: fputs("kind='none'", out); break;
    }
}

static void bash_table(FILE *out, const opt_table *t, bool old_name) {
    fputs("        options='", out);
    for (size_t i = 0; i < t->count + OPT_BUILTINS; i++) {
        const opt_spec *s = opt_row(t, i);
        if (!offered(s, old_name)) continue;
        bash_names(out, s, " ");
        fputc(' ', out);
    }
    fputs("'\n        case $prev in\n", out);
    for (size_t i = 0; i < t->count; i++) {
        const opt_spec *s = opt_row(t, i);
        if (!opt_text_shown(s, old_name ? OPT_FOR_OLD : OPT_FOR_NEW)) continue;
        if (!opt_takes_argument(s)) continue;
        fputs("        ", out);
        bash_names(out, s, "|");
        fputs(") ", out);
        bash_kind(out, s);
        fputs(" ;;\n", out);
    }
    fprintf(out, "        esac\n        operand='%s'\n        ;;\n",
            t->operand_word == OPT_WORD_FILE  ? "file"
            : t->operand_word == OPT_WORD_DIR ? "dir"
                                              : "none");
}

static const char bash_start[] =
    "_h2box() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local tool=${COMP_WORDS[0]##*/} kind='' operand=none options='' at\n"
    "    # Readline cuts --option=value into three words.\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=''\n"
    "    elif [[ $prev == = ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "    fi\n"
    "    if [[ $tool == h2box ]] && ((COMP_CWORD > 1)) && [[ ${COMP_WORDS[1]} != -* ]]; then\n"
    "        tool=${COMP_WORDS[1]}\n"
    "        ((COMP_CWORD == 2)) && prev=''\n"
    "    fi\n"
    "    case $tool in\n";

static const char bash_end[] =
    "    esac\n"
    "    if [[ $tool == h2box && -z $kind && $cur != -* ]] && ((COMP_CWORD == 1)); then\n"
    "        kind=$names\n"
    "    fi\n"
    "    for ((at = 1; at < COMP_CWORD; at++)); do\n"
    "        [[ ${COMP_WORDS[at]} == -- ]] && kind=$operand\n"
    "    done\n"
    "    if [[ -z $kind ]]; then\n"
    "        kind=$operand\n"
    "        [[ $cur == -* ]] && kind=$options\n"
    "    fi\n"
    "    COMPREPLY=()\n"
    "    case $kind in\n"
    "    none) ;;\n"
    "    file) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\") "
    ";;\n"
    "    dir) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\") "
    ";;\n"
    "    *) mapfile -t COMPREPLY < <(compgen -W \"$kind\" -- \"$cur\") ;;\n"
    "    esac\n"
    "}\n";

void opt_complete_label(FILE *out, const opt_command *c) {
    if (c->old_name)
        fprintf(out, "    %s)\n", c->name);
    else
        fprintf(out, "    %s|%s)\n", c->word, c->name);
}

static void bash_write(FILE *out, const opt_table *box, const opt_command *commands, size_t count) {
    fprintf(out, "# bash completion for h2box %s, made from its option tables\n", H2BOX_VERSION);
    fputs(bash_start, out);
    fputs("    h2box)\n        local names='", out);
    for (size_t i = 0; i < count; i++) fprintf(out, "%s%s", i ? " " : "", commands[i].word);
    fputs("'\n", out);
    bash_table(out, box, false);
    for (size_t i = 0; i < count; i++) {
        const opt_command *c = &commands[i];
        opt_complete_label(out, c);
        bash_table(out, c->table, c->old_name);
    }
    fputs(bash_end, out);
    fputs("complete -F _h2box h2box", out);
    for (size_t i = 0; i < count; i++) {
        fprintf(out, " %s", commands[i].name);
        if (!commands[i].old_name) fprintf(out, " %s", commands[i].word);
    }
    fputc('\n', out);
}

void opt_complete_write(FILE *out, opt_shell shell, const opt_table *box, const opt_entry *entries,
                        size_t count) {
    opt_command *commands = calloc(count * 2 + 1, sizeof(*commands));
    size_t n = 0;
    if (!commands) return;
    for (size_t i = 0; i < count; i++) {
        const opt_title *title = &entries[i].title;
        commands[n++] =
            (opt_command){title->page, entries[i].word, title->summary, entries[i].table, false};
        if (!title->old_name) continue;
        commands[n++] =
            (opt_command){title->old_name, title->old_name, title->summary, entries[i].table, true};
    }
    switch (shell) {
    case OPT_BASH: bash_write(out, box, commands, n); break;
    case OPT_ZSH: opt_zsh_write(out, box, commands, n); break;
    case OPT_FISH: opt_fish_write(out, box, commands, n); break;
    }
    free(commands);
}
