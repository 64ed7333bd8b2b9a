/* Completions for zsh from the option tables. */
#include "applets/opt_parts.h"

/* Text inside a single-quoted _arguments specification. */
static void quoted(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
        } else {
            if (*text == '[' || *text == ']' || *text == ':' || *text == '\\') fputc('\\', out);
            fputc(*text, out);
        }
    }
}

static const char *action(opt_word word) {
    switch (word) {
    case OPT_WORD_FILE: return "_files";
    case OPT_WORD_DIR: return "_files -/";
    case OPT_WORD_APPLET: return "_h2box_names";
    case OPT_WORD_ANY: break;
    }
    return " ";
}

static void row(FILE *out, const opt_spec *s) {
    char buf[80], gist[256];
    const char *arg = opt_text_arg(s, buf, sizeof(buf));
    fputs(" \\\n            ", out);
    if (opt_repeats(s))
        fputs("'*'", out);
    else if (s->letter && s->name)
        fprintf(out, "'(-%c --%s)'", s->letter, s->name);
    if (s->letter && s->name) {
        fprintf(out, "{-%c%s,--%s%s}", s->letter, arg ? "+" : "", s->name, arg ? "=" : "");
    } else if (s->name) {
        fprintf(out, "--%s%s", s->name, arg ? "=" : "");
    } else {
        fprintf(out, "-%c%s", s->letter, arg ? "+" : "");
    }
    opt_text_gist(s, gist, sizeof(gist));
    fputs("'[", out);
    quoted(out, gist);
    fputc(']', out);
    if (arg) {
        fputc(':', out);
        quoted(out, arg);
        fputc(':', out);
        if (s->type == OPT_ENUM) {
            for (size_t i = 0; s->names[i]; i++) fprintf(out, "%s%s", i ? " " : "(", s->names[i]);
            fputc(')', out);
        } else {
            fputs(action(s->word), out);
        }
    }
    fputc('\'', out);
}

static void command_names(FILE *out, const opt_command *commands, size_t count) {
    for (size_t i = 0; i < count; i++) {
        fprintf(out, " %s", commands[i].name);
        if (!commands[i].old_name) fprintf(out, " %s", commands[i].word);
    }
}

static void table(FILE *out, const opt_table *t, bool old_name) {
    fputs("        _arguments -s -S", out);
    for (size_t i = 0; i < t->count + OPT_BUILTINS; i++) {
        const opt_spec *s = opt_row(t, i);
        if (s->status == OPT_IGNORED) continue;
        if (opt_text_shown(s, old_name ? OPT_FOR_OLD : OPT_FOR_NEW)) row(out, s);
    }
    if (t->operand_max != 0)
        fprintf(out, " \\\n            '*:operand:%s'", action(t->operand_word));
    fputs("\n        ;;\n", out);
}

void opt_zsh_write(FILE *out, const opt_table *box, const opt_command *commands, size_t count) {
    fputs("#compdef h2box", out);
    command_names(out, commands, count);
    fprintf(out, "\n# zsh completion for h2box %s, made from its option tables\n", H2BOX_VERSION);
    fputs("_h2box_names() {\n    local -a names=(", out);
    for (size_t i = 0; i < count; i++) {
        fputs("\n        '", out);
        quoted(out, commands[i].word);
        fputc(':', out);
        quoted(out, commands[i].summary);
        fputc('\'', out);
    }
    fputs("\n    )\n    _describe applet names\n}\n"
          "_h2box() {\n"
          "    local tool=${service:-h2box}\n"
          "    if [[ $tool == h2box ]] && [[ $words[2] != -* ]]; then\n"
          "        if ((CURRENT == 2)); then\n"
          "            _h2box_names\n"
          "            return\n"
          "        fi\n"
          "        tool=$words[2]\n"
          "        shift words\n"
          "        ((CURRENT--))\n"
          "    fi\n"
          "    case $tool in\n"
          "    h2box)\n",
          out);
    table(out, box, false);
    for (size_t i = 0; i < count; i++) {
        const opt_command *c = &commands[i];
        opt_complete_label(out, c);
        table(out, c->table, c->old_name);
    }
    fputs("    esac\n}\nif [[ $funcstack[1] == _h2box ]]; then\n    _h2box \"$@\"\nelse\n"
          "    compdef _h2box h2box",
          out);
    command_names(out, commands, count);
    fputs("\nfi\n", out);
}
