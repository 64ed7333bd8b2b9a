/* --help and --version: an option table as a page for the terminal. */
#include "applets/opt_parts.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A column of text that wraps. Words are separated by blanks; $0 in them is the tool's name. */
typedef struct page {
    FILE *out;
    opt_look look;
    const char *tool;
    unsigned column, indent;
} page;

enum { LABEL_AT = 2, TEXT_AT = 30, NARROW_AT = 8, WIDEST = 100 };

opt_look opt_help_look(FILE *out) {
    opt_look look = {80, false};
    struct winsize size;
    const char *term = getenv("TERM"), *plain = getenv("NO_COLOR");
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd)) return look;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) look.width = size.ws_col;
    if (look.width > WIDEST) look.width = WIDEST; /* longer lines are hard to read */
    look.colour = !(plain && *plain) && term && strcmp(term, "dumb") != 0;
    return look;
}

static void newline(page *p) {
    fputc('\n', p->out);
    p->column = 0;
}

static void pad_to(page *p, unsigned column) {
    for (; p->column < column; p->column++) fputc(' ', p->out);
}

static void put(page *p, const char *text, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '$' && i + 1 < n && text[i + 1] == '0') {
            fputs(p->tool, p->out);
            p->column += (unsigned)strlen(p->tool);
            i++;
        } else {
            fputc(text[i], p->out);
            p->column++;
        }
    }
}

static unsigned shown_length(const page *p, const char *text, size_t n) {
    unsigned sum = 0;
    for (size_t i = 0; i < n; i++) {
        bool name = text[i] == '$' && i + 1 < n && text[i + 1] == '0';
        sum += name ? (unsigned)strlen(p->tool) : 1;
        i += name;
    }
    return sum;
}

/* Words of one paragraph, going on at the current column and breaking to p->indent. */
static void flow(page *p, const char *text, size_t n) {
    const char *end = text + n;
    while (text < end) {
        size_t word = 0;
        while (text < end && (*text == ' ' || *text == '\n')) text++;
        while (text + word < end && text[word] != ' ' && text[word] != '\n') word++;
        if (word == 0) break;
        unsigned length = shown_length(p, text, word);
        if (p->column > p->indent && p->column + 1 + length > p->look.width) newline(p);
        if (p->column > p->indent) put(p, " ", 1);
        pad_to(p, p->indent);
        put(p, text, word);
        text += word;
    }
}

/* Paragraphs separated by blank lines; one that begins with a blank stays as it is. */
static void paragraphs(page *p, const char *text) {
    while (*text) {
        const char *stop = strstr(text, "\n\n");
        size_t n = stop ? (size_t)(stop - text) : strlen(text);
        if (*text == ' ') {
            for (size_t i = 0; i < n; i++) {
                if (p->column == 0) pad_to(p, p->indent);
                if (text[i] == '\n')
                    newline(p);
                else
                    put(p, &text[i], text[i] == '$' && i + 1 < n && text[i + 1] == '0' ? 2 : 1);
                if (text[i] == '$' && i + 1 < n && text[i + 1] == '0') i++;
            }
        } else {
            flow(p, text, n);
        }
        newline(p);
        text += stop ? n + 2 : n;
        if (*text) newline(p);
    }
}

static void strong(page *p, const char *text) {
    if (p->look.colour) fputs("\033[1m", p->out);
    put(p, text, strlen(text));
    if (p->look.colour) fputs("\033[0m", p->out);
}

static void heading(page *p, const char *text) {
    newline(p);
    p->indent = 0;
    strong(p, text);
    put(p, ":", 1);
    newline(p);
}

static void label(page *p, const char *text, unsigned text_at) {
    p->indent = 0;
    pad_to(p, LABEL_AT);
    strong(p, text);
    p->indent = text_at;
    if (p->column + 2 > text_at) newline(p);
}

static void show_row(page *p, const opt_spec *s, opt_reader who) {
    char text[768];
    opt_text_label(s, text, sizeof(text));
    label(p, text, p->look.width < 64 ? NARROW_AT : TEXT_AT);
    flow(p, s->help, strlen(s->help));
    opt_text_facts(s, who, text, sizeof(text));
    flow(p, text, strlen(text));
    newline(p);
}

static void show_options(page *p, const opt_table *t, opt_reader who) {
    size_t rows = t->count + OPT_BUILTINS;
    for (size_t i = 0; i < rows; i++) {
        const char *group = opt_text_new_group(t, i, who);
        if (!group) continue;
        heading(p, group);
        for (size_t j = i; j < rows; j++) {
            const opt_spec *s = opt_row(t, j);
            if (!opt_text_shown(s, who) || strcmp(opt_text_group(t, j), group) != 0) continue;
            show_row(p, s, who);
        }
    }
    if (*opt_text_units(t)) {
        newline(p);
        p->indent = 0;
        paragraphs(p, opt_text_units(t));
    }
}

static void show_exits(page *p, const opt_table *t, bool old_name) {
    heading(p, "Exit codes");
    for (const opt_pair *e = opt_text_exits(t); e->left; e++) {
        label(p, e->left, LABEL_AT + 4);
        flow(p, e->right, strlen(e->right));
        newline(p);
    }
    label(p, old_name ? "1" : "2", LABEL_AT + 4);
    flow(p, "wrong usage", 11);
    newline(p);
}

static void show_examples(page *p, const opt_table *t) {
    heading(p, "Examples");
    for (const opt_pair *e = t->examples; e->left; e++) {
        p->indent = 0;
        pad_to(p, LABEL_AT);
        strong(p, e->left);
        newline(p);
        p->indent = NARROW_AT;
        flow(p, e->right, strlen(e->right));
        newline(p);
    }
}

void opt_help_write(FILE *out, opt_look look, const opt_table *t, const char *tool, bool old_name) {
    page p = {out, look, tool, 0, 0};
    for (const char *const *line = t->usage; *line; line++) {
        put(&p, line == t->usage ? "Usage: " : "       ", 7);
        put(&p, tool, strlen(tool));
        p.indent = 11;
        flow(&p, *line, strlen(*line));
        newline(&p);
    }
    newline(&p);
    p.indent = 0;
    paragraphs(&p, t->about);
    if (t->operands) {
        newline(&p);
        paragraphs(&p, t->operands);
    }
    show_options(&p, t, old_name ? OPT_FOR_OLD : OPT_FOR_NEW);
    for (const opt_pair *note = t->notes; note && note->left; note++) {
        heading(&p, note->left);
        p.indent = LABEL_AT;
        paragraphs(&p, note->right);
    }
    if (t->examples) show_examples(&p, t);
    show_exits(&p, t, old_name);
}

void opt_help_version(FILE *out, const char *tool, bool old_name) {
    if (old_name) {
        fprintf(out, "%s h2box/%s (compatible with %s)\n", tool, H2BOX_VERSION, H2BOX_COMPATIBLE);
    } else {
        fprintf(out, "%s %s\n", tool, H2BOX_VERSION);
    }
}
