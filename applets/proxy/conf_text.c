#include "applets/proxy/conf_text.h"

#include <stdbool.h>
#include <string.h>

void conf_text_begin(conf_text *t, char *text, size_t n) { *t = (conf_text){text, text + n, 0}; }

/* Cuts one line off, without its end (LF, or CR LF), and puts a NUL there; *n are its bytes. */
static char *next_line(conf_text *t, size_t *n) {
    char *line = t->at;
    char *stop = memchr(line, '\n', (size_t)(t->end - line));
    if (!stop) stop = t->end;
    t->at = stop < t->end ? stop + 1 : t->end;
    t->line++;
    if (stop > line && stop[-1] == '\r') stop--;
    *stop = 0;
    *n = (size_t)(stop - line);
    return line;
}

/* Controls would be lost, or steer who reads a log. */
static bool is_text(const char *line, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)line[i];
        if ((c < ' ' && c != '\t') || c == 0x7f) return false;
    }
    return true;
}

conf_found conf_text_next(conf_text *t, const char **name, const char **value) {
    while (t->at < t->end) {
        size_t n;
        char *line = next_line(t, &n);
        char *equals = strchr(line, '=');
        size_t blanks = strspn(line, " \t");
        if (!is_text(line, n)) {
            *name = "text without control characters is expected";
            return CONF_MISTAKE;
        }
        if (line[blanks] == 0 || line[blanks] == '#') continue;
        if (blanks || !equals || equals == line) {
            *name = "NAME=VALUE is expected, without blanks before the name";
            return CONF_MISTAKE;
        }
        if (equals[-1] == ' ' || equals[-1] == '\t') {
            *name = "no blanks are expected between the name and =";
            return CONF_MISTAKE;
        }
        *equals = 0;
        *name = line;
        *value = equals + 1;
        return CONF_OPTION;
    }
    return CONF_NOTHING;
}
