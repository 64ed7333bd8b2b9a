#include "applets/hpack_deflate/text_in.h"

typedef enum { LINE, LONG_LINE, NO_LINE } line_kind;

/* Reads one line without its end (LF or CRLF). The rest of one that is too long is passed over. */
static line_kind read_line(text_in *r, span *line) {
    size_t n = 0;
    int c;
    while ((c = getc_unlocked(r->in)) != EOF && c != '\n') {
        if (n < TEXT_IN_LINE_MAX) r->bytes[n] = (uint8_t)c;
        n++;
    }
    if (c == EOF && n == 0) return NO_LINE;
    r->line++;
    if (n > TEXT_IN_LINE_MAX) return LONG_LINE;
    if (n && r->bytes[n - 1] == '\r') n--;
    *line = span_of(r->bytes, n);
    return LINE;
}

static void complain(text_in *r, const char *what) {
    if (*r->wrong) return;
    snprintf(r->wrong, sizeof(r->wrong), "line %llu: %s", (unsigned long long)r->line, what);
}

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t'; }

static span trimmed(span s) {
    while (s.n && is_blank(s.p[0])) s = span_skip(s, 1);
    while (s.n && is_blank(s.p[s.n - 1])) s.n--;
    return s;
}

static void add_line(text_in *r, span line, case_fields *f) {
    /* A pseudo-header field begins with the colon that is part of its name. */
    const uint8_t *colon = line.n > 1 ? memchr(line.p + 1, ':', line.n - 1) : NULL;
    if (!colon) {
        complain(r, "no colon between name and value");
        return;
    }
    span name = span_head(line, (size_t)(colon - line.p));
    if (is_blank(name.p[0]) || is_blank(name.p[name.n - 1])) {
        complain(r, "a blank beside the name");
        return;
    }
    span value = trimmed(span_skip(line, name.n + 1));
    if (!case_fields_add(f, name, value)) complain(r, "too many fields, or too long");
}

bool text_in_next(text_in *r, case_fields *f) {
    span line;
    bool any = false;
    line_kind kind;
    case_fields_clear(f);
    r->wrong[0] = '\0';
    while ((kind = read_line(r, &line)) != NO_LINE) {
        if (kind == LONG_LINE)
            complain(r, "longer than 64 KiB");
        else if (line.n)
            add_line(r, line, f);
        else if (any)
            return true;
        else
            continue; /* blank lines before a block */
        any = true;
    }
    return any;
}
