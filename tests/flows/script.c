/* Scripts as files: lines, words and escapes. */
#include <ctype.h>
#include <stdlib.h>

#include "tests/flows/flow.h"

static char *read_file(const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) return NULL;
    char *text = NULL;
    size_t n = 0;
    for (;;) {
        char *grown = realloc(text, n + 4097);
        if (!grown) abort();
        text = grown;
        size_t got = fread(text + n, 1, 4096, f);
        n += got;
        if (got == 0) break;
    }
    text[n] = 0;
    fclose(f);
    return text;
}

static bool lint(const script *s, const char *first) {
    /* A rule without its source is only an opinion. */
    bool source = strstr(first, "RFC ") || strstr(first, "CVE-") || strstr(first, "VU#");
    if (first[0] == '#' && source) return true;
    fprintf(stderr, "%s:1: a flow begins with a comment that names an RFC section or a CVE\n",
            s->path);
    return false;
}

bool script_read(script *s, const char *path) {
    *s = (script){.path = path, .text = read_file(path)};
    if (!s->text) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    unsigned lines = 1;
    for (const char *c = s->text; *c; c++) lines += *c == '\n';
    s->lines = calloc(lines, sizeof *s->lines);
    if (!s->lines) abort();
    char *rest = s->text;
    bool fine = true;
    while (rest) {
        char *line = strsep(&rest, "\n");
        if (s->count == 0) fine = lint(s, line);
        while (*line == ' ') line++;
        if (*line == '#') *line = 0;
        if (!strcmp(line, "set loopback no")) s->no_loopback = true;
        if (!strncmp(line, "repeat ", 7) && atoi(line + 7) > 50) s->heavy = true;
        s->lines[s->count++] = line;
    }
    return fine;
}

void script_free(script *s) {
    free(s->text);
    free(s->lines);
}

char *script_copy(player *p, const char *line) {
    free(p->words);
    p->words = strdup(line);
    if (!p->words) abort();
    return p->words;
}

char *script_word(char **s) {
    char *c = *s;
    while (*c == ' ') c++;
    if (!*c) return NULL;
    char *word = c;
    if (*c == '"') {
        for (c++; *c && *c != '"'; c++)
            if (*c == '\\' && c[1]) c++;
        if (*c) c++;
    } else {
        while (*c && *c != ' ') c++;
    }
    if (*c) *c++ = 0;
    *s = c;
    return word;
}

void bytes_buf_put(bytes_buf *b, const void *p, size_t n) {
    if (b->n + n > b->room) {
        b->room = (b->n + n) * 2;
        b->p = realloc(b->p, b->room);
        if (!b->p) abort();
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
}

void bytes_buf_zeros(bytes_buf *b, size_t n) {
    static const uint8_t zeros[256];
    for (; n > sizeof zeros; n -= sizeof zeros) bytes_buf_put(b, zeros, sizeof zeros);
    bytes_buf_put(b, zeros, n);
}

void bytes_buf_free(bytes_buf *b) {
    free(b->p);
    *b = (bytes_buf){0};
}

static void put_escape(bytes_buf *out, const char **at) {
    const char *c = *at;
    uint8_t byte = (uint8_t)c[1];
    *at = c + 2;
    if (byte == 'n')
        byte = '\n';
    else if (byte == 'r')
        byte = '\r';
    else if (byte == 't')
        byte = '\t';
    else if (byte == 'x') {
        char hex[3] = {c[2], c[3], 0};
        byte = (uint8_t)strtoul(hex, NULL, 16);
        *at = c + 4;
    }
    bytes_buf_put(out, &byte, 1);
}

void script_unescape(bytes_buf *out, const char *text, size_t n) {
    const char *end = text + n;
    while (text < end) {
        if (*text == '\\' && text + 1 < end) {
            put_escape(out, &text);
        } else if (*text == '{' && isdigit((unsigned char)text[1])) {
            char *stop;
            unsigned long times = strtoul(text + 1, &stop, 10);
            uint8_t byte = 'a';
            if (*stop == ':') byte = (uint8_t)strtoul(stop + 1, &stop, 16);
            while (times-- > 0) bytes_buf_put(out, &byte, 1);
            text = stop + (*stop == '}');
        } else {
            bytes_buf_put(out, text++, 1);
        }
    }
}
