/* An option table as a Markdown table for the docs. */
#include "applets/opt_parts.h"

#include <string.h>

/* A cell: a bar would end it. */
static void cell(FILE *out, const char *text) {
    for (; *text; text++) {
        if (*text == '|') fputc('\\', out);
        fputc(*text == '\n' ? ' ' : *text, out);
    }
}

static void row(FILE *out, const opt_spec *s) {
    char text[768];
    opt_text_label(s, text, sizeof(text));
    fputs("| `", out);
    cell(out, text + strspn(text, " "));
    fputs("` | ", out);
    cell(out, s->help);
    opt_text_facts(s, OPT_FOR_BOTH, text, sizeof(text));
    if (*text) fputc(' ', out);
    cell(out, text);
    if (s->status == OPT_RETIRED) {
        fputs(" Refused: ", out);
        cell(out, s->instead);
        fputc('.', out);
    }
    fputs(" |\n", out);
}

void opt_docs_write(FILE *out, const opt_title *title, const opt_table *t) {
    fprintf(out, "## %s", title->tool);
    if (title->old_name) fprintf(out, " (%s)", title->old_name);
    fprintf(out, "\n\n%s\n\n| option | what it does |\n|---|---|\n", title->summary);
    for (size_t i = 0; i < t->count + OPT_BUILTINS; i++) row(out, opt_row(t, i));
}
