/* The two logs of a play, frames written and events told, as lines that a script can name. */
#include <stdarg.h>
#include <stdlib.h>

#include "tests/flows/flow.h"

static char *print(const char *format, va_list args) {
    char *text;
    if (vasprintf(&text, format, args) < 0) abort();
    return text;
}

log_entry *log_add(flow_log *l, const char *head_format, ...) {
    if (l->count == l->room) {
        l->room = l->room ? l->room * 2 : 32;
        l->entries = realloc(l->entries, l->room * sizeof *l->entries);
        if (!l->entries) abort();
    }
    log_entry *e = &l->entries[l->count++];
    *e = (log_entry){0};
    va_list args;
    va_start(args, head_format);
    e->head = print(head_format, args);
    va_end(args);
    return e;
}

void log_alt(log_entry *e, int which, const char *format, ...) {
    va_list args;
    va_start(args, format);
    free(e->alt[which]);
    e->alt[which] = print(format, args);
    va_end(args);
}

void log_print_text(bytes_buf *out, span s) {
    for (size_t i = 0; i < s.n; i++) {
        char text[24];
        size_t run = 1;
        while (i + run < s.n && s.p[i] == 'a' && s.p[i + run] == 'a') run++;
        if (run >= 40) {
            bytes_buf_put(out, text, (size_t)snprintf(text, sizeof text, "{%zu}", run));
            i += run - 1;
        } else if (s.p[i] < ' ' || s.p[i] > '~' || s.p[i] == '"' || s.p[i] == '\\') {
            bytes_buf_put(out, text, (size_t)snprintf(text, sizeof text, "\\x%02x", s.p[i]));
        } else {
            bytes_buf_put(out, &s.p[i], 1);
        }
    }
}

void log_alt_text(log_entry *e, int which, span text) {
    bytes_buf out = {0};
    log_print_text(&out, text);
    log_alt(e, which, "\"%.*s\"", (int)out.n, out.n ? (char *)out.p : "");
    bytes_buf_free(&out);
}

void log_alt_fields(log_entry *e, const http_field *f, size_t n) {
    bytes_buf out = {0};
    for (size_t i = 0; i < n; i++) {
        bytes_buf_put(&out, i ? " | " : "| ", i ? 3 : 2);
        log_print_text(&out, f[i].name);
        bytes_buf_put(&out, ": ", 2);
        log_print_text(&out, f[i].value);
    }
    log_alt(e, 0, "%.*s", (int)out.n, out.n ? (char *)out.p : "");
    bytes_buf_free(&out);
}

void log_alt_hex(log_entry *e, int which, span bytes) {
    bytes_buf out = {0};
    for (size_t i = 0; i < bytes.n; i++) {
        char text[4];
        bytes_buf_put(&out, text, (size_t)snprintf(text, sizeof text, " %02x", bytes.p[i]));
    }
    log_alt(e, which, "hex%.*s", (int)out.n, out.n ? (char *)out.p : "");
    bytes_buf_free(&out);
}

/* A body is put into words when somebody asks: it may have come in very many pieces. */
static log_entry *put_body(log_entry *e) {
    if (!e->is_body) return e;
    log_alt(e, 0, "%zu", e->body.n);
    log_alt_text(e, 1, span_head(span_of(e->body.p, e->body.n), 200));
    free(e->head);
    if (asprintf(&e->head, "DATA %u%s", e->id, e->end ? " end" : "") < 0) abort();
    return e;
}

log_entry *log_next(flow_log *l) {
    return l->first < l->count ? put_body(&l->entries[l->first]) : NULL;
}

log_entry *log_last(flow_log *l) { return l->first < l->count ? &l->entries[l->count - 1] : NULL; }

static void entry_free(log_entry *e) {
    free(e->head);
    free(e->alt[0]);
    free(e->alt[1]);
    bytes_buf_free(&e->body);
}

void log_take(flow_log *l) { entry_free(&l->entries[l->first++]); }

void log_free(flow_log *l) {
    while (l->first < l->count) log_take(l);
    free(l->entries);
    *l = (flow_log){0};
}

/* Word by word, blanks in any number; * stands for any one word. */
static bool same_words(const char *expected, const char *actual) {
    for (;;) {
        while (*expected == ' ') expected++;
        while (*actual == ' ') actual++;
        if (!*expected || !*actual) return *expected == *actual;
        size_t e = strcspn(expected, " "), a = strcspn(actual, " ");
        bool any = e == 1 && *expected == '*';
        if (!any && (e != a || memcmp(expected, actual, e) != 0)) return false;
        expected += e;
        actual += a;
    }
}

bool log_match(const log_entry *e, const char *expected) {
    if (same_words(expected, e->head)) return true;
    for (int i = 0; i < 2; i++) {
        char *whole;
        if (!e->alt[i]) continue;
        if (asprintf(&whole, "%s %s", e->head, e->alt[i]) < 0) abort();
        bool same = same_words(expected, whole);
        free(whole);
        if (same) return true;
    }
    return false;
}

void log_print(const log_entry *e, char *out, size_t room) {
    if (!e)
        snprintf(out, room, "nothing");
    else
        snprintf(out, room, "%s %.300s %.300s", e->head, e->alt[0] ? e->alt[0] : "",
                 e->alt[1] ? e->alt[1] : "");
}
