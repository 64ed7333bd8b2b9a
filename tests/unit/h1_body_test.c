/* core/h1_body.c: where content ends, at every cut, and each way in which chunks are broken. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/h1_body.h"
#include "core/limits.h"

typedef struct outcome {
    char content[64];
    size_t n, left; /* of the content; of the input */
    h1_body_said said;
    h1_fault fault;
} outcome;

/* Takes all that belongs to the body of one piece of input. */
static void take(h1_body *b, const char *text, size_t n, outcome *o) {
    uint8_t *p = malloc(n ? n : 1);
    span in = span_of(p, n), piece;
    cr_assert_not_null(p);
    if (n) memcpy(p, text, n);
    do {
        o->said = h1_body_take(b, &in, &piece, &o->fault);
        if (o->said != H1_BODY_DATA && o->said != H1_BODY_LAST) break;
        cr_assert(piece.n > 0 && o->n + piece.n <= sizeof o->content);
        memcpy(o->content + o->n, piece.p, piece.n);
        o->n += piece.n;
    } while (o->said == H1_BODY_DATA);
    o->left = in.n;
    free(p);
}

/* Whole, and in two pieces that are cut anywhere: the same comes of it. */
static outcome play(h1_body begin, const char *text, size_t n) {
    outcome whole = {.n = 0};
    h1_body b = begin;
    take(&b, text, n, &whole);
    for (size_t cut = 0; cut <= n; cut++) {
        outcome parts = {.n = 0};
        b = begin;
        take(&b, text, cut, &parts);
        if (parts.said == H1_BODY_MORE)
            take(&b, text + cut, n - cut, &parts);
        else
            parts.left += n - cut;
        cr_assert_eq(parts.said, whole.said, "'%s' cut at %zu", text, cut);
        cr_assert_eq(parts.left, whole.left, "'%s' cut at %zu", text, cut);
        cr_assert(parts.n == whole.n && memcmp(parts.content, whole.content, whole.n) == 0);
        if (whole.said == H1_BODY_BROKEN) cr_assert_str_eq(parts.fault.why, whole.fault.why);
    }
    return whole;
}

static void check(h1_body b, const char *text, h1_body_said said, const char *content,
                  const char *rest) {
    outcome o = play(b, text, strlen(text));
    cr_assert_eq(o.said, said, "'%s': %d", text, o.said);
    cr_assert(o.n == strlen(content) && memcmp(o.content, content, o.n) == 0, "'%s'", text);
    cr_assert_eq(o.left, strlen(rest), "'%s'", text);
}

static void check_broken(const char *text, const char *why) {
    outcome o = play(h1_body_of_chunks(), text, strlen(text));
    cr_assert_eq(o.said, H1_BODY_BROKEN, "'%s': %d", text, o.said);
    cr_assert_eq(o.fault.status, 400);
    cr_assert_str_eq(o.fault.why, why, "'%s': %s", text, o.fault.why);
}

Test(h1_body, lengths) {
    cr_assert_eq(h1_body_of_length(0).framing, H1_BODY_NONE);
    check(h1_body_of_length(5), "hello", H1_BODY_LAST, "hello", "");
    check(h1_body_of_length(5), "helloGET /", H1_BODY_LAST, "hello", "GET /");
    check(h1_body_of_length(6), "hello", H1_BODY_MORE, "hello", "");
    check(h1_body_of_length(UINT64_MAX), "hello", H1_BODY_MORE, "hello", "");
}

Test(h1_body, until_close) {
    h1_body b = h1_body_until_close();
    check(b, "", H1_BODY_MORE, "", "");
    check(b, "all of it\r\n0\r\n", H1_BODY_MORE, "all of it\r\n0\r\n", "");
}

Test(h1_body, chunks) {
    h1_body b = h1_body_of_chunks();
    check(b, "0\r\n", H1_BODY_TRAILERS, "", "");
    check(b, "000\r\nx: y\r\n\r\n", H1_BODY_TRAILERS, "", "x: y\r\n\r\n");
    check(b, "1\r\na\r\n0\r\n\r\n", H1_BODY_TRAILERS, "a", "\r\n");
    check(b, "a\r\n0123456789\r\n00B\r\n0123456789a\r\n0\r\n\r\nGET", H1_BODY_TRAILERS,
          "01234567890123456789a", "\r\nGET");
    check(b, "000000000000001\r\na\r\n0\r\n", H1_BODY_TRAILERS, "a", "");
    check(b, "2;x\r\nab\r\n0;y=\"z\t;\"\r\n", H1_BODY_TRAILERS, "ab", "");
    check(b, "2 \t;x\r\nab\r\n0\r\n", H1_BODY_TRAILERS, "ab", ""); /* BWS of section 7.1.1 */
    check(b, "3\r\na", H1_BODY_MORE, "a", "");
}

Test(h1_body, chunks_that_are_broken) {
    check_broken("\r\n", "a chunk's size is no number");
    check_broken(";x\r\n", "a chunk's size is no number");
    check_broken(" 1\r\n", "a chunk's size is no number");
    check_broken("+1\r\n", "a chunk's size is no number");
    check_broken("-1\r\n", "a chunk's size is no number");
    check_broken("0x1\r\n", "a chunk's size is no number");
    check_broken("1_0\r\n", "a chunk's size is no number");
    check_broken("1g\r\n", "a chunk's size is no number");
    check_broken("1\n", "a chunk's size is no number");
    check_broken("1 1\r\n", "a chunk's size is no number");
    check_broken("1 \r\n", "blank behind a chunk's size");
    check_broken("1\r\r\n", "CR without LF behind a chunk's size");
    check_broken("1\ra", "CR without LF behind a chunk's size");
    check_broken("1;a\nb\r\n", "bad byte in a chunk extension");
    check_broken("1;a\x7f\r\n", "bad byte in a chunk extension");
    check_broken("1\r\nab\r\n", "a chunk is longer than its size");
    check_broken("1\r\na\n0\r\n", "a chunk is longer than its size");
    check_broken("1\r\na\rb", "CR without LF behind a chunk");
    check_broken("0000000000000001\r\n", "a chunk's size is too long");
    check_broken("fffffffffffffffff\r\n", "a chunk's size is too long");
}

/* One byte behind a digit of a size, each way. */
Test(h1_body, every_byte_behind_a_size) {
    for (int c = 0; c < 256; c++) {
        const char text[2] = {'1', (char)c};
        outcome o = play(h1_body_of_chunks(), text, sizeof text);
        bool fine = c && strchr("0123456789abcdefABCDEF;\r \t", c);
        cr_assert_eq(o.said, fine ? H1_BODY_MORE : H1_BODY_BROKEN, "byte %d", c);
    }
    for (int c = 0; c < 256; c++) {
        const char text[3] = {'1', ';', (char)c};
        outcome o = play(h1_body_of_chunks(), text, sizeof text);
        bool fine = c == '\t' || c == '\r' || (c >= ' ' && c != 0x7f);
        cr_assert_eq(o.said, fine ? H1_BODY_MORE : H1_BODY_BROKEN, "byte %d", c);
    }
}

Test(h1_body, extensions_have_an_end) {
    static const char chunk[] = "1;0123456789\r\na\r\n";
    const size_t charged = 11; /* from the semicolon up to the line's end */
    h1_body b = h1_body_of_chunks();
    for (size_t i = 0;; i++) {
        outcome o = {.n = 0};
        take(&b, chunk, sizeof chunk - 1, &o);
        if (o.said == H1_BODY_MORE) continue;
        cr_assert_eq(o.said, H1_BODY_BROKEN);
        cr_assert_str_eq(o.fault.why, "chunk extensions are too long");
        cr_assert_eq(i, LIMIT_CHUNK_EXTENSIONS / charged);
        break;
    }
}
