#include "applets/common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool grow(text *t, size_t by) {
    if (t->room - t->n >= by) return true;
    size_t room = t->room ? t->room * 2 : 1024;
    while (room - t->n < by) room *= 2;
    char *p = realloc(t->p, room);
    if (!p) return false;
    t->p = p;
    t->room = room;
    return true;
}

void text_end(text *t) {
    free(t->p);
    *t = (text){0};
}

void text_add(text *t, span s) {
    if (s.n == 0 || !grow(t, s.n)) return;
    memcpy(t->p + t->n, s.p, s.n);
    t->n += s.n;
}

void text_print(text *t, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int n = vsnprintf(t->p ? t->p + t->n : NULL, t->room - t->n, format, args);
    va_end(args);
    if (n < 0) return;
    if ((size_t)n >= t->room - t->n) {
        if (!grow(t, (size_t)n + 1)) return;
        va_start(args, format);
        vsnprintf(t->p + t->n, t->room - t->n, format, args);
        va_end(args);
    }
    t->n += (size_t)n;
}

void text_add_visible(text *t, span s) {
    static const char hex[] = "0123456789abcdef";
    size_t from = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c >= 0x20 && c < 0x7f) continue;
        text_add(t, span_of(s.p + from, i - from));
        text_add(t, span_of((char[]){'\\', 'x', hex[c >> 4], hex[c & 15]}, 4));
        from = i + 1;
    }
    text_add(t, span_of(s.p + from, s.n - from));
}
