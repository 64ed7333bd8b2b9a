#include "applets/hpack/case_in.h"
#include "core/limits.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static bool blank(int c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static int next_solid(case_in *r) {
    int c;
    do c = getc_unlocked(r->in);
    while (blank(c));
    return c;
}

static bool broken(case_in *r, const char *wrong) {
    r->wrong = ferror(r->in) ? "standard input cannot be read" : wrong;
    return false;
}

static bool keep(case_in *r, int c) {
    if (r->n == r->room) {
        size_t wider = r->room ? r->room * 2 : 4096;
        char *moved = wider <= LIMIT_CASE ? realloc(r->text, wider) : NULL;
        if (!moved) return broken(r, "a case is too long");
        r->text = moved;
        r->room = wider;
    }
    r->text[r->n++] = (char)c;
    return true;
}

/* Takes everything up to one of the characters in stops that is outside of strings and brackets,
 * and returns that character; EOF when there is none or room ran out. What it took may be
 * malformed. */
static int slice(case_in *r, const char *stops) {
    unsigned long depth = 0;
    bool string = false, escaped = false;
    for (r->n = 0;;) {
        int c = getc_unlocked(r->in);
        if (c == EOF) return EOF;
        if (string) {
            if (escaped)
                escaped = false;
            else if (c == '\\')
                escaped = true;
            else if (c == '"')
                string = false;
        } else if (depth == 0 && c != '\0' && strchr(stops, c)) {
            return c;
        } else if (c == '"') {
            string = true;
        } else if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth-- == 0) return c;
        }
        if (!keep(r, c)) return EOF;
    }
}

static json_t *sliced_value(const case_in *r) {
    return json_loadb(r->text ? r->text : "", r->n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

/* Reads a member's key and colon. */
static bool read_key(case_in *r, bool *cases) {
    int stop = slice(r, ":,");
    json_t *key = sliced_value(r);
    bool good = stop == ':' && json_is_string(key);
    *cases = good && strcmp(json_string_value(key), "cases") == 0;
    json_decref(key);
    return good || broken(r, r->wrong ? r->wrong : "the document is not a JSON object");
}

/* Reads and drops a member's value; *stop is what ended it. */
static bool skip_value(case_in *r, int *stop) {
    *stop = slice(r, ",}");
    json_t *value = sliced_value(r);
    bool good = value && (*stop == ',' || *stop == '}');
    json_decref(value);
    return good || broken(r, r->wrong ? r->wrong : "malformed JSON beside the cases");
}

bool case_in_begin(case_in *r, FILE *in) {
    bool cases;
    int stop = ',';
    *r = (case_in){.in = in, .first = true};
    if (next_solid(r) != '{') return broken(r, "the document is not a JSON object");
    while (stop == ',') {
        int c = next_solid(r);
        if (c == '}') break;
        if (c == EOF || ungetc(c, in) == EOF || !read_key(r, &cases)) {
            return broken(r, r->wrong ? r->wrong : "the document ends early");
        }
        if (cases) {
            if (next_solid(r) == '[') return true;
            return broken(r, "\"cases\" is not an array");
        }
        if (!skip_value(r, &stop)) return false;
    }
    return broken(r, "the document has no \"cases\"");
}

/* Reads what follows the array. */
static case_in_found finish(case_in *r) {
    bool cases;
    int stop = next_solid(r);
    while (stop == ',') {
        if (!read_key(r, &cases) || !skip_value(r, &stop)) return CASE_IN_BROKEN;
        if (!cases) continue;
        broken(r, "\"cases\" stands twice");
        return CASE_IN_BROKEN;
    }
    if (stop == '}' && next_solid(r) == EOF && !ferror(r->in)) return CASE_IN_END;
    broken(r, stop == EOF ? "the document ends early" : "malformed JSON behind the cases");
    return CASE_IN_BROKEN;
}

static bool all_blank(const case_in *r) {
    for (size_t i = 0; i < r->n; i++) {
        if (!blank(r->text[i])) return false;
    }
    return true;
}

case_in_found case_in_next(case_in *r) {
    if (r->last) return finish(r);
    int stop = slice(r, ",]");
    if (stop == ',' || stop == ']') {
        bool nothing = stop == ']' && all_blank(r);
        r->last = stop == ']';
        if (!nothing) {
            r->first = false;
            return CASE_IN_CASE;
        }
        if (r->first) return finish(r);
        broken(r, "a comma without a case behind it");
    } else {
        broken(r, r->wrong      ? r->wrong
                  : stop == EOF ? "the document ends inside of the cases"
                                : "a bracket without its partner");
    }
    return CASE_IN_BROKEN;
}

void case_in_end(case_in *r) {
    free(r->text);
    r->text = NULL;
}
