/* An option table as a man page in roff. */
#include "applets/opt_parts.h"

#include <string.h>

/* Text for the formatter: backslashes and leading dots are made harmless, dashes stay ASCII so that
 * commands can be copied, $0 becomes the tool's name. */
static void roff(FILE *out, const char *tool, const char *text, size_t n) {
    bool line_start = true;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (line_start && (c == '.' || c == '\'')) fputs("\\&", out);
        line_start = c == '\n';
        if (c == '\\')
            fputs("\\e", out);
        else if (c == '-')
            fputs("\\-", out);
        else if (c == '\'')
            fputs("\\(aq", out);
        else if (c == '^')
            fputs("\\(ha", out);
        else if (c == '~')
            fputs("\\(ti", out);
        else if (c == '`')
            fputs("\\(ga", out);
        else if (c == '$' && i + 1 < n && text[i + 1] == '0') {
            roff(out, "", tool, strlen(tool));
            i++;
        } else {
            fputc(c, out);
        }
    }
}

static void roff_line(FILE *out, const char *tool, const char *text) {
    roff(out, tool, text, strlen(text));
    fputc('\n', out);
}

static void roff_heading(FILE *out, const char *macro, const char *text, bool upper) {
    fprintf(out, "%s \"", macro);
    for (; *text; text++) {
        fputc(upper && *text >= 'a' && *text <= 'z' ? *text - 32 : *text, out);
    }
    fputs("\"\n", out);
}

static void roff_paragraphs(FILE *out, const char *tool, const char *text) {
    for (bool first = true; *text; first = false) {
        const char *stop = strstr(text, "\n\n");
        size_t n = stop ? (size_t)(stop - text) : strlen(text);
        bool verbatim = *text == ' ';
        if (!first) fputs(".PP\n", out);
        if (verbatim) fputs(".nf\n", out);
        roff(out, tool, text, n);
        fputs(verbatim ? "\n.fi\n" : "\n", out);
        text += stop ? n + 2 : n;
    }
}

static void man_label(FILE *out, const opt_spec *s) {
    char buf[80];
    const char *arg = opt_text_arg(s, buf, sizeof(buf));
    char letter[2] = {s->letter, '\0'};
    fputs(".TP\n", out);
    if (s->letter) {
        fputs("\\fB\\-", out);
        roff(out, "", letter, 1);
        fputs("\\fP", out);
    }
    if (s->letter && s->name) fputs(", ", out);
    if (s->name) {
        fputs("\\fB\\-\\-", out);
        roff(out, "", s->name, strlen(s->name));
        fputs("\\fP", out);
    }
    if (arg) {
        fputs(s->name ? "=\\fI" : " \\fI", out);
        roff(out, "", arg, strlen(arg));
        fputs("\\fP", out);
    }
    fputc('\n', out);
}

static void man_options(FILE *out, const char *tool, const opt_table *t) {
    char facts[768];
    size_t rows = t->count + OPT_BUILTINS;
    fputs(".SH OPTIONS\n", out);
    for (size_t i = 0; i < rows; i++) {
        const char *group = opt_text_new_group(t, i, OPT_FOR_BOTH);
        if (!group) continue;
        roff_heading(out, ".SS", group, false);
        for (size_t j = i; j < rows; j++) {
            const opt_spec *s = opt_row(t, j);
            if (!opt_text_shown(s, OPT_FOR_BOTH)) continue;
            if (strcmp(opt_text_group(t, j), group) != 0) continue;
            man_label(out, s);
            roff_line(out, tool, s->help);
            opt_text_facts(s, OPT_FOR_BOTH, facts, sizeof(facts));
            if (*facts) roff_line(out, tool, facts);
        }
    }
    if (*opt_text_units(t)) {
        fputs(".PP\n", out);
        roff_line(out, tool, opt_text_units(t));
    }
}

static void man_retired(FILE *out, const char *tool, const opt_table *t) {
    bool any = false;
    for (size_t i = 0; i < t->count; i++) {
        const opt_spec *s = &t->specs[i];
        if (s->status != OPT_RETIRED) continue;
        if (!any) fputs(".SH \"RETIRED OPTIONS\"\n", out);
        any = true;
        man_label(out, s);
        roff_line(out, tool, s->help);
        fputs("Refused: ", out);
        roff(out, tool, s->instead, strlen(s->instead));
        fputs(".\n", out);
    }
}

static void man_pairs(FILE *out, const char *tool, const opt_pair *pairs) {
    for (; pairs && pairs->left; pairs++) {
        fputs(".TP\n\\fB", out);
        roff(out, tool, pairs->left, strlen(pairs->left));
        fputs("\\fP\n", out);
        roff_line(out, tool, pairs->right);
    }
}

void opt_man_write(FILE *out, const opt_title *title, const opt_table *t) {
    const char *tool = title->tool;
    fputs(".TH \"", out);
    for (const char *c = title->page; *c; c++) {
        fputc(*c >= 'a' && *c <= 'z' ? *c - 32 : *c, out);
    }
    fprintf(out, "\" 1 \"\" \"h2box %s\" \"h2box manual\"\n.SH NAME\n", H2BOX_VERSION);
    roff(out, "", title->page, strlen(title->page));
    if (title->old_name) fprintf(out, ", %s", title->old_name);
    fputs(" \\- ", out);
    roff_line(out, tool, title->summary);
    fputs(".SH SYNOPSIS\n.nf\n", out);
    for (int old = 0; old < (title->old_name ? 2 : 1); old++) {
        for (const char *const *line = t->usage; *line; line++) {
            const char *name = old ? title->old_name : tool;
            fputs("\\fB", out);
            roff(out, "", name, strlen(name));
            fputs("\\fP ", out);
            roff_line(out, name, *line);
        }
    }
    fputs(".fi\n.SH DESCRIPTION\n", out);
    roff_paragraphs(out, tool, t->about);
    if (t->operands) {
        fputs(".PP\n", out);
        roff_paragraphs(out, tool, t->operands);
    }
    man_options(out, tool, t);
    for (const opt_pair *note = t->notes; note && note->left; note++) {
        roff_heading(out, ".SH", note->left, true);
        roff_paragraphs(out, tool, note->right);
    }
    if (t->examples) fputs(".SH EXAMPLES\n", out);
    man_pairs(out, tool, t->examples);
    fputs(".SH \"EXIT STATUS\"\n", out);
    man_pairs(out, tool, opt_text_exits(t));
    man_pairs(out, tool,
              (const opt_pair[]){
                  {"2", title->old_name ? "wrong usage (1 under the old name)" : "wrong usage"},
                  {NULL, NULL}});
    man_retired(out, tool, t);
}
