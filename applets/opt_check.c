/* Mistakes in an option table itself, which no compiler sees. */
#include "applets/opt_parts.h"

#include <stdlib.h>
#include <string.h>

static bool both_seen(const opt_spec *a, const opt_spec *b) {
    return a->scope == OPT_EVERYWHERE || b->scope == OPT_EVERYWHERE || a->scope == b->scope;
}

static bool clashes(const opt_spec *a, const opt_spec *b) {
    if (!both_seen(a, b)) return false;
    return (a->letter && a->letter == b->letter) ||
           (a->name && b->name && strcmp(a->name, b->name) == 0);
}

/* A default must be a text that its own row accepts. */
static bool reads(const opt_spec *s, const char *text, void *scratch) {
    if (!text) return true;
    opt_stored stored = opt_value_store(s, text, scratch);
    opt_value_free(s, scratch);
    return stored == OPT_STORED;
}

static const char *check_row(const opt_table *t, const opt_spec *s, void *scratch) {
    if (!s->name && !s->letter) return "an option has no name";
    if (!s->help || !*s->help) return "an option has no help";
    if (s->type == OPT_ENUM && (!s->names || !s->names[0])) return "an OPT_ENUM has no names";
    if (s->status != OPT_ACTIVE && !s->instead) return "an option out of use lacks .instead";
    if (s->room == 0 && s->status != OPT_IGNORED && s->status != OPT_RETIRED) {
        return "an option has no place in the settings";
    }
    if (s->room && s->room != opt_value_room(s->type)) return "a place has another type's size";
    if (s->offset + s->room > t->settings_size) return "a place is outside the settings";
    if (s->min > s->max) return "a range is empty";
    if (!opt_takes_argument(s) && (s->def || s->old_def)) return "a flag has a default";
    if (!reads(s, s->def, scratch) || !reads(s, s->old_def, scratch)) {
        return "a default is not accepted";
    }
    return NULL;
}

const char *opt_check(const opt_table *t) {
    const char *wrong = NULL;
    if (t->count > OPT_SPECS_MAX) return "too many options";
    if (!t->about || !t->usage || !t->usage[0]) return "the table says nothing about its applet";
    void *scratch = calloc(1, t->settings_size + 1);
    if (!scratch) return NULL;
    for (size_t i = 0; i < t->count && !wrong; i++) {
        wrong = check_row(t, &t->specs[i], scratch);
        for (size_t j = i + 1; j < t->count + OPT_BUILTINS && !wrong; j++) {
            if (clashes(&t->specs[i], opt_row(t, j))) wrong = "two options share a name";
        }
    }
    free(scratch);
    return wrong;
}
