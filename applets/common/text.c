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

/* The length of the UTF-8 sequence that s begins with, 0 when it is none (RFC 3629 section 4). */
static size_t sequence(span s) {
    uint8_t c = s.p[0], least = 0x80, most = 0xbf;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (n == 1) return c >= 0x20 && c != 0x7f;
    if (!n || n > s.n) return 0;
    if (c == 0xe0) least = 0xa0;
    if (c == 0xed) most = 0x9f;
    if (c == 0xf0) least = 0x90;
    if (c == 0xf4) most = 0x8f;
    if (s.p[1] < least || s.p[1] > most) return 0;
    for (size_t i = 2; i < n; i++) {
        if ((s.p[i] & 0xc0) != 0x80) return 0;
    }
    /* C1 controls are no letters either. */
    return c == 0xc2 && s.p[1] < 0xa0 ? 0 : n;
}

void text_add_html(text *out, span s) {
    while (s.n) {
        size_t n = sequence(s);
        switch (n == 1 ? s.p[0] : 0) {
        case '<': text_add(out, SPAN("&lt;")); break;
        case '>': text_add(out, SPAN("&gt;")); break;
        case '&': text_add(out, SPAN("&amp;")); break;
        case '"': text_add(out, SPAN("&quot;")); break;
        case '\'': text_add(out, SPAN("&#39;")); break;
        default: text_add(out, n ? span_of(s.p, n) : SPAN("\xef\xbf\xbd"));
        }
        s = span_skip(s, n ? n : 1);
    }
}
