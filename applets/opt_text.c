/* Words about an option table that help, man page and docs share. */
#include "applets/opt_parts.h"

#include <stdarg.h>
#include <string.h>

static void add(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void add(char *text, size_t size, const char *format, ...) {
    size_t n = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + n, size - n, format, args);
    va_end(args);
}

static void add_default(const opt_spec *s, opt_reader who, char *text, size_t size) {
    const char *usual = s->def_note ? s->def_note : s->def;
    const char *old = s->old_def ? s->old_def : usual;
    const char *shown = who == OPT_FOR_OLD ? old : usual;
    if (!shown) return;
    /* A string may be ".", which a full stop behind it would turn into another. */
    add(text, size, s->type == OPT_STRING && !s->def_note ? "Default: '%s'" : "Default: %s", shown);
    if (who == OPT_FOR_BOTH && s->old_def) add(text, size, " (%s under the old name)", s->old_def);
    add(text, size, ". ");
}

static void add_range(const opt_spec *s, char *text, size_t size) {
    char accepts[512];
    if (s->type == OPT_ENUM) {
        opt_value_accepts(s, accepts, sizeof(accepts));
        add(text, size, "O%s. ", accepts + 1);
    } else if (s->type != OPT_LIST && (s->min != 0 || (s->max != 0 && s->max < UINT32_MAX))) {
        /* A bound that is only that of a wire field teaches nobody. */
        opt_value_accepts(s, accepts, sizeof(accepts));
        const char *from = strstr(accepts, " from ");
        if (from) add(text, size, "F%s. ", from + 2);
    }
}

void opt_text_facts(const opt_spec *s, opt_reader who, char *text, size_t size) {
    size_t n;
    text[0] = '\0';
    add_range(s, text, size);
    add_default(s, who, text, size);
    if (s->type == OPT_LIST || s->type == OPT_SIZES) add(text, size, "Repeatable. ");
    if (s->status == OPT_DEPRECATED) add(text, size, "Deprecated: %s. ", s->instead);
    if (s->status == OPT_IGNORED) add(text, size, "Accepted without effect: %s. ", s->instead);
    if (who == OPT_FOR_BOTH && s->scope == OPT_NEW_NAME) {
        add(text, size, "Not under the old name. ");
    }
    if (who == OPT_FOR_BOTH && s->scope == OPT_OLD_NAME) {
        add(text, size, "Under the old name only. ");
    }
    n = strlen(text);
    if (n && text[n - 1] == ' ') text[n - 1] = '\0';
}

const char *opt_text_arg(const opt_spec *s, char *buf, size_t size) {
    if (!opt_takes_argument(s)) return NULL;
    if (s->arg) return s->arg;
    switch (s->type) {
    case OPT_INT: return "N";
    case OPT_SIZE:
    case OPT_SIZES: return "SIZE";
    case OPT_DURATION: return "DURATION";
    case OPT_ENUM:
        buf[0] = '\0';
        for (size_t i = 0; s->names[i]; i++) add(buf, size, "%s%s", i ? "|" : "", s->names[i]);
        return strlen(buf) <= 24 ? buf : "NAME";
    default: return s->word == OPT_WORD_DIR ? "DIR" : s->word == OPT_WORD_FILE ? "FILE" : "TEXT";
    }
}

void opt_text_label(const opt_spec *s, char *text, size_t size) {
    char buf[80];
    const char *arg = opt_text_arg(s, buf, sizeof(buf));
    text[0] = '\0';
    if (s->letter) add(text, size, "-%c", s->letter);
    if (s->letter && s->name) add(text, size, ", ");
    if (s->name) add(text, size, "%s--%s", s->letter ? "" : "    ", s->name);
    if (arg) add(text, size, "%s%s", s->name ? "=" : " ", arg);
}

const char *opt_text_group(const opt_table *t, size_t i) {
    if (i >= t->count) return "Other";
    return t->specs[i].group ? t->specs[i].group : "Options";
}

bool opt_text_shown(const opt_spec *s, opt_reader who) {
    if (s->status == OPT_RETIRED) return false;
    return who == OPT_FOR_BOTH || opt_in_scope(s, who == OPT_FOR_OLD);
}

const char *opt_text_new_group(const opt_table *t, size_t i, opt_reader who) {
    const char *group = opt_text_group(t, i);
    if (!opt_text_shown(opt_row(t, i), who)) return NULL;
    for (size_t j = 0; j < i; j++) {
        if (!opt_text_shown(opt_row(t, j), who)) continue;
        if (strcmp(opt_text_group(t, j), group) == 0) return NULL;
    }
    return group;
}

const char *opt_text_units(const opt_table *t) {
    bool size = false, duration = false;
    for (size_t i = 0; i < t->count; i++) {
        size |= t->specs[i].type == OPT_SIZE || t->specs[i].type == OPT_SIZES;
        duration |= t->specs[i].type == OPT_DURATION;
    }
    if (size && duration) {
        return "SIZE is a number with or without K, M or G (powers of 1024). DURATION is a number "
               "with h, "
               "m, s or ms; alone it means seconds.";
    }
    if (size) return "SIZE is a number with or without K, M or G (powers of 1024).";
    if (duration) return "DURATION is a number with h, m, s or ms; alone it means seconds.";
    return "";
}

void opt_text_gist(const opt_spec *s, char *text, size_t size) {
    const char *stop = strstr(s->help, ". ");
    size_t n = stop ? (size_t)(stop - s->help) : strlen(s->help);
    if (n && s->help[n - 1] == '.') n--;
    snprintf(text, size, "%.*s", (int)n, s->help);
}

const opt_pair *opt_text_exits(const opt_table *t) {
    static const opt_pair usual[] = {{"0", "done"}, {"1", "failed"}, {NULL, NULL}};
    return t->exits ? t->exits : usual;
}
