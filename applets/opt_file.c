/* Settings as a file of options, which opt_assign reads. */
#include "applets/opt_parts.h"

#include <string.h>

/* The value of a row that is no text. */
static bool value_text(const opt_spec *s, const void *place, char *text, size_t size) {
    uint64_t number;
    int64_t integer;
    int name;
    bool flag;
    switch (s->type) {
    case OPT_FLAG:
        memcpy(&flag, place, sizeof(flag));
        snprintf(text, size, "%s", flag ? "yes" : "no");
        return true;
    case OPT_INT:
        memcpy(&integer, place, sizeof(integer));
        opt_value_number(s->type, integer, text, size);
        return true;
    case OPT_SIZE:
    case OPT_DURATION:
        memcpy(&number, place, sizeof(number));
        opt_value_number(s->type, (int64_t)number, text, size);
        return true;
    case OPT_ENUM:
        memcpy(&name, place, sizeof(name));
        snprintf(text, size, "%s", s->names[name]);
        return true;
    default: return false;
    }
}

static void write_items(FILE *out, const opt_spec *s, const void *place) {
    const opt_list *strings = place;
    const opt_sizes *sizes = place;
    char text[32];
    if (s->type == OPT_LIST) {
        for (uint32_t i = 0; i < strings->count; i++)
            fprintf(out, "%s=%s\n", s->name, strings->v[i]);
    } else {
        for (uint32_t i = 0; i < sizes->count; i++) {
            opt_value_number(s->type, (int64_t)sizes->v[i], text, sizeof(text));
            fprintf(out, "%s=%s\n", s->name, text);
        }
    }
}

static bool is_saved(const opt_spec *s, bool old_name) {
    return s->name && s->status == OPT_ACTIVE && !s->unsaved && s->room &&
           opt_in_scope(s, old_name) && s->type != OPT_COUNT;
}

static void write_row(FILE *out, const opt_spec *s, const void *settings) {
    char text[64];
    const void *place = (const char *)settings + s->offset;
    const char *string = NULL;
    if (s->type == OPT_STRING) memcpy(&string, place, sizeof(string));
    if (s->type == OPT_LIST || s->type == OPT_SIZES)
        write_items(out, s, place);
    else if (string)
        fprintf(out, "%s=%s\n", s->name, string);
    else if (value_text(s, place, text, sizeof(text)))
        fprintf(out, "%s=%s\n", s->name, text);
}

void opt_file_write(FILE *out, const opt_table *t, const void *settings, bool old_name) {
    const char *group = NULL;
    for (size_t i = 0; i < t->count; i++) {
        const opt_spec *s = &t->specs[i];
        if (!is_saved(s, old_name)) continue;
        if (!group || strcmp(group, opt_text_group(t, i)) != 0) {
            fprintf(out, "%s# %s\n", group ? "\n" : "", opt_text_group(t, i));
            group = opt_text_group(t, i);
        }
        write_row(out, s, settings);
    }
}
