#include "applets/load/template.h"

#include <stdlib.h>

typedef enum piece_kind { PIECE_TEXT, PIECE_NUMBER, PIECE_UUID, PIECE_RANDOM } piece_kind;

typedef struct piece {
    piece_kind kind;
    span text;
    uint64_t low, high;
} piece;

struct template {
    size_t room;
    uint32_t count;
    piece pieces[];
};

enum { NUMBER_ROOM = 20, UUID_ROOM = 36 };

uint64_t template_roll(template_dice *d) {
    uint64_t z = d->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t template_roll_below(template_dice *d, uint64_t n) {
    if (!n) return template_roll(d); /* all of them */
    uint64_t uneven = UINT64_MAX - UINT64_MAX % n, v;
    do v = template_roll(d);
    while (v >= uneven);
    return v % n;
}

/* ---- reading ---- */

/* The text between "${" and "}". */
static const char *parse_word(span word, piece *out) {
    if (span_eq(word, SPAN("n"))) {
        *out = (piece){.kind = PIECE_NUMBER};
    } else if (span_eq(word, SPAN("uuid"))) {
        *out = (piece){.kind = PIECE_UUID};
    } else if (span_starts(word, SPAN("rand:"))) {
        span range = span_skip(word, 5);
        const uint8_t *dash = range.n ? memchr(range.p, '-', range.n) : NULL;
        *out = (piece){.kind = PIECE_RANDOM};
        if (!dash ||
            !bytes_get_decimal(span_head(range, (size_t)(dash - range.p)), INT64_MAX, &out->low) ||
            !bytes_get_decimal(span_skip(range, (size_t)(dash - range.p) + 1), INT64_MAX,
                               &out->high) ||
            out->low > out->high)
            return "${rand:a-b} needs two numbers, the first not above the second";
    } else {
        return "${...} is none of ${n}, ${uuid}, ${rand:a-b}";
    }
    return NULL;
}

/* The next piece of *text, which is not empty. */
static const char *parse_piece(span *text, piece *out) {
    if (span_starts(*text, SPAN("${"))) {
        const uint8_t *end = memchr(text->p, '}', text->n);
        if (!end) return "${ without }";
        span word = span_take(text, (size_t)(end - text->p) + 1);
        return parse_word(span_of(word.p + 2, word.n - 3), out);
    }
    size_t n = 1;
    while (n < text->n && !span_starts(span_skip(*text, n), SPAN("${"))) n++;
    *out = (piece){.kind = PIECE_TEXT, .text = span_take(text, n)};
    return NULL;
}

const char *template_parse(span text, template **t) {
    size_t words = 0;
    *t = NULL;
    for (size_t i = 0; i + 1 < text.n; i++) words += text.p[i] == '$' && text.p[i + 1] == '{';
    if (!words) return NULL;
    template *made = calloc(1, sizeof *made + (2 * words + 1) * sizeof(piece));
    if (!made) return "out of memory";
    while (text.n) {
        piece *p = &made->pieces[made->count++];
        const char *why = parse_piece(&text, p);
        if (why) {
            free(made);
            return why;
        }
        made->room += p->kind == PIECE_TEXT   ? p->text.n
                      : p->kind == PIECE_UUID ? UUID_ROOM
                                              : NUMBER_ROOM;
    }
    *t = made;
    return NULL;
}

void template_free(template *t) { free(t); }

size_t template_room(const template *t) { return t->room; }

/* ---- writing ---- */

/* Version 4, variant 10: RFC 9562 section 5.4. */
static void put_uuid(uint8_t *p, template_dice *dice) {
    uint64_t bits[2] = {template_roll(dice), template_roll(dice)};
    bits[0] = (bits[0] & ~UINT64_C(0xf000)) | 0x4000;
    bits[1] = (bits[1] & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
    for (unsigned i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) *p++ = '-';
        *p++ = (uint8_t)"0123456789abcdef"[bits[i / 16] >> (60 - i % 16 * 4) & 15];
    }
}

size_t template_write(const template *t, uint8_t *p, uint64_t n, template_dice *dice) {
    uint8_t *w = p;
    for (uint32_t i = 0; i < t->count; i++) {
        const piece *e = &t->pieces[i];
        switch (e->kind) {
        case PIECE_TEXT:
            memcpy(w, e->text.p, e->text.n);
            w += e->text.n;
            break;
        case PIECE_NUMBER: w += bytes_put_decimal(w, n); break;
        case PIECE_UUID:
            put_uuid(w, dice);
            w += UUID_ROOM;
            break;
        case PIECE_RANDOM:
            w += bytes_put_decimal(w, e->low + template_roll_below(dice, e->high - e->low + 1));
            break;
        }
    }
    return (size_t)(w - p);
}
