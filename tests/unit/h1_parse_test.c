/* core/h1_parse.c: every byte at every place of a head, and each refusal of RFC 9112. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/h1_parse.h"

enum { ROOM = 8, LONGEST = 256 };

/* A text of n bytes at the end of its own allocation: the sanitizer sees a read past it. */
static uint8_t *copy_of(const void *text, size_t n) {
    uint8_t *p = malloc(n ? n : 1);
    cr_assert_not_null(p);
    if (n) memcpy(p, text, n);
    return p;
}

static bool token_char(int c) {
    return c && strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                       c);
}

static h1_fault request(const char *text, size_t n, h1_line *out) {
    uint8_t *p = copy_of(text, n);
    span rest = span_of(p, n);
    h1_fault f = h1_parse_request_line(&rest, out);
    if (!f.status) cr_assert_eq(rest.n, 0, "the line is taken whole");
    free(p);
    return f;
}

static h1_fault response(const char *text, size_t n, h1_line *out) {
    uint8_t *p = copy_of(text, n);
    span rest = span_of(p, n);
    h1_fault f = h1_parse_status_line(&rest, out);
    if (!f.status) cr_assert_eq(rest.n, 0, "the line is taken whole");
    free(p);
    return f;
}

static void check_fault(h1_fault f, unsigned status, const char *why, const char *text) {
    cr_assert_eq(f.status, status, "%u for '%s'", f.status, text);
    if (status) cr_assert_str_eq(f.why, why, "'%s' for '%s'", f.why, text);
}

/* ---- where a head ends ---- */

Test(h1_parse, whole_at_every_cut) {
    static const char *const list[] = {
        "GET / HTTP/1.1\r\na: b\r\n\r\n", "GET / HTTP/1.1\na: b\n\n", "\r\n", "\n", "a\r\n\n",
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        size_t n = strlen(list[i]);
        for (size_t cut = 0; cut < n; cut++) {
            size_t line_at = 0;
            uint8_t *part = copy_of(list[i], cut), *all = copy_of(list[i], n);
            cr_assert_eq(h1_parse_whole(span_of(part, cut), &line_at), 0, "'%s' %zu", list[i], cut);
            cr_assert_eq(h1_parse_whole(span_of(all, n), &line_at), n, "'%s' %zu", list[i], cut);
            free(part);
            free(all);
        }
    }
    size_t line_at = 0;
    cr_assert_eq(h1_parse_whole(SPAN("a\r\n\r\nrest\r\n\r\n"), &line_at), 5);
    line_at = 0; /* a line that is only CR is no empty line */
    cr_assert_eq(h1_parse_whole(SPAN("a\r\n\r\r\n"), &line_at), 0);
}

/* ---- request lines ---- */

Test(h1_parse, request_lines) {
    h1_line line;
    span rest = SPAN("GET /a?b HTTP/1.1\r\nnext");
    cr_assert_eq(h1_parse_request_line(&rest, &line).status, 0);
    cr_assert(span_eq(line.method, SPAN("GET")) && span_eq(line.target, SPAN("/a?b")));
    cr_assert_eq(line.minor, 1);
    cr_assert(span_eq(rest, SPAN("next")));
    static const struct {
        const char *text;
        unsigned status;
        const char *why;
    } list[] = {
        {"get * HTTP/1.0\r\n", 0, NULL},
        {"M-SEARCH a:1 HTTP/1.9\r\n", 0, NULL}, /* RFC 9110 section 2.5: read as 1.1 */
        {"", 400, "the method is not a token"},
        {"\r\n", 400, "CR without LF"},
        {"\n", 400, "LF without CR"},
        {" / HTTP/1.1\r\n", 400, "the method is not a token"},
        {"\tGET / HTTP/1.1\r\n", 400, "the method is not a token"},
        {"GET", 400, "the method is not a token"},
        {"GET\r\n", 400, "CR without LF"},
        {"G(T / HTTP/1.1\r\n", 400, "the method is not a token"},
        {"GET\t/ HTTP/1.1\r\n", 400, "the method is not a token"},
        {"GET  / HTTP/1.1\r\n", 400, "no target behind the method"},
        {"GET \r\n", 400, "no target behind the method"},
        {"GET /\r\n", 400, "no HTTP version"}, /* HTTP/0.9 */
        {"GET /\n", 400, "LF without CR"},
        {"GET /\r", 400, "CR without LF"},
        {"GET /\t HTTP/1.1\r\n", 400, "control byte in a head"},
        {"GET /\x7f HTTP/1.1\r\n", 400, "bad byte in the target"},
        {"GET /\xc3\xa4 HTTP/1.1\r\n", 400, "bad byte in the target"},
        {"GET / \r\n", 400, "no HTTP version"},
        {"GET / http/1.1\r\n", 400, "no HTTP version"},
        {"GET / HTTP/1\r\n", 400, "no HTTP version"},
        {"GET / HTTP/1,1\r\n", 400, "no HTTP version"},
        {"GET / HTTP/a.1\r\n", 400, "no HTTP version"},
        {"GET / HTTP/1.a\r\n", 400, "no HTTP version"},
        {"GET /  HTTP/1.1\r\n", 400, "no HTTP version"},
        {"GET / HTTP/2.0\r\n", 505, "an HTTP version other than 1.x"},
        {"GET / HTTP/0.9\r\n", 505, "an HTTP version other than 1.x"},
        {"GET / HTTP/1.1 \r\n", 400, "more than a version behind the target"},
        {"GET / HTTP/1.10\r\n", 400, "more than a version behind the target"},
        {"GET / HTTP/1.1\n", 400, "LF without CR"},
        {"GET / HTTP/1.1\rx", 400, "CR without LF"},
        {"GET / HTTP/1.1\r", 400, "CR without LF"},
        {"GET / HTTP/1.1", 400, "more than a version behind the target"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        check_fault(request(list[i].text, strlen(list[i].text), &line), list[i].status, list[i].why,
                    list[i].text);
    request("GET / HTTP/1.0\r\n", 16, &line);
    cr_assert_eq(line.minor, 0);
    check_fault(request("GET /\0 HTTP/1.1\r\n", 17, &line), 400, "NUL in a head", "NUL");
}

Test(h1_parse, every_byte_of_a_request_line) {
    static const char good[] = "GET /index HTTP/1.1\r\n";
    const size_t n = sizeof good - 1, blank1 = 3, blank2 = 10, minor = 18;
    for (size_t at = 0; at < n; at++) {
        for (int c = 0; c < 256; c++) {
            char text[sizeof good];
            h1_line line;
            memcpy(text, good, sizeof good);
            text[at] = (char)c;
            bool fine = c == good[at];
            if (at < blank1) fine = token_char(c);
            /* A target of one byte fewer begins behind a blank, but then it is no target. */
            if (at > blank1 && at < blank2) fine = c > ' ' && c < 0x7f;
            if (at == minor) fine = c >= '0' && c <= '9';
            h1_fault f = request(text, n, &line);
            cr_assert_eq(f.status == 0, fine, "byte %d at %zu: %s", c, at, f.why ? f.why : "taken");
        }
    }
}

/* ---- status lines ---- */

Test(h1_parse, status_lines) {
    h1_line line;
    span rest = SPAN("HTTP/1.0 404 Not\tFound \xe4\r\nnext");
    cr_assert_eq(h1_parse_status_line(&rest, &line).status, 0);
    cr_assert_eq(line.status, 404);
    cr_assert_eq(line.minor, 0);
    cr_assert(span_eq(line.digits, SPAN("404")) && span_eq(rest, SPAN("next")));
    static const struct {
        const char *text;
        unsigned status;
        const char *why;
    } list[] = {
        {"HTTP/1.1 200 \r\n", 0, NULL}, /* RFC 9112 section 4: the phrase may be empty */
        {"HTTP/1.1 999 a reason that is longer than sixteen bytes\r\n", 0, NULL},
        {"", 400, "no HTTP version"},
        {"ICY 200 OK\r\n", 400, "no HTTP version"},
        {"HTTP/2.0 200 OK\r\n", 505, "an HTTP version other than 1.x"},
        {"HTTP/1.1 200\r\n", 0, NULL}, /* and the blank before it be left out */
        {"HTTP/1.1 200\rOK\r\n", 400, "CR without LF"},
        {"HTTP/1.1 200\n", 400, "bad status line"},
        {"HTTP/1.1 200\tOK\r\n", 400, "bad status line"},
        {"HTTP/1.1  200 OK\r\n", 400, "bad status line"},
        {"HTTP/1.1\t200 OK\r\n", 400, "bad status line"},
        {"HTTP/1.1 099 OK\r\n", 400, "bad status line"},
        {"HTTP/1.1 20 OK\r\n", 400, "bad status line"},
        {"HTTP/1.1 2000 OK\r\n", 400, "bad status line"},
        {"HTTP/1.1 +20 OK\r\n", 400, "bad status line"},
        {"HTTP/1.1 200 OK\n", 400, "LF without CR"},
        {"HTTP/1.1 200 O\rK\r\n", 400, "CR without LF"},
        {"HTTP/1.1 200 a reason longer than sixteen\x01 bytes\r\n", 400, "control byte in a head"},
        {"HTTP/1.1 200 OK\x7f\r\n", 400, "control byte in a head"},
        {"HTTP/1.1 200 OK", 400, "LF without CR"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        check_fault(response(list[i].text, strlen(list[i].text), &line), list[i].status,
                    list[i].why, list[i].text);
}

/* ---- fields ---- */

typedef struct heads {
    uint8_t *text;
    uint8_t names[LONGEST];
    http_field at[ROOM];
    h1_fields f;
} heads;

static h1_fault fields_of(heads *h, const char *text, size_t n) {
    h->text = copy_of(text, n);
    h->f = (h1_fields){.at = h->at, .room = ROOM, .names = h->names};
    return h1_parse_fields(span_of(h->text, n), &h->f);
}

static void check_field(const char *text, const char *name, const char *value) {
    heads h;
    h1_fault f = fields_of(&h, text, strlen(text));
    cr_assert_eq(f.status, 0, "'%s': %s", text, f.why);
    cr_assert_eq(h.f.count, 1);
    cr_assert(span_eq(h.at[0].name, span_str(name)), "'%s'", text);
    cr_assert(span_eq(h.at[0].value, span_str(value)), "'%s'", text);
    free(h.text);
}

static void check_fields_refused(const char *text, unsigned status, const char *why) {
    heads h;
    check_fault(fields_of(&h, text, strlen(text)), status, why, text);
    free(h.text);
}

Test(h1_parse, fields) {
    check_field("a:b\r\n\r\n", "a", "b");
    check_field("X-Own: Value\r\n\r\n", "x-own", "Value");
    check_field("hOST: \t h \t \r\n\r\n", "host", "h");
    check_field("a:\r\n\r\n", "a", "");
    check_field("a: \t\r\n\r\n", "a", "");
    check_field("a: b\tc : d\r\n\r\n", "a", "b\tc : d");
    check_field("a: \xff\x80\r\n\r\n", "a", "\xff\x80");
    check_field("a: more than sixteen\tbytes, and a tab among them\r\n\r\n", "a",
                "more than sixteen\tbytes, and a tab among them");
    heads h;
    cr_assert_eq(fields_of(&h, "\r\n", 2).status, 0);
    cr_assert_eq(h.f.count, 0);
    free(h.text);
    static const char three[] = "Host: a\r\nX-A: 1\r\nx-b: 2\r\nhost: b\r\n\r\n";
    cr_assert_eq(fields_of(&h, three, sizeof three - 1).status, 0);
    cr_assert_eq(h.f.count, 4);
    cr_assert_eq(h.f.seen, H1_SEEN(HOST));
    cr_assert_eq(h.f.twice, H1_SEEN(HOST));
    cr_assert(span_eq(h.at[1].name, SPAN("x-a")) && span_eq(h.at[2].name, SPAN("x-b")));
    free(h.text);
}

Test(h1_parse, fields_refused) {
    check_fields_refused(" a: b\r\n\r\n", 400, "a folded line");
    check_fields_refused("a: b\r\n c\r\n\r\n", 400, "a folded line"); /* RFC 9112 section 5.2 */
    check_fields_refused("a: b\r\n\tc\r\n\r\n", 400, "a folded line");
    check_fields_refused("a : b\r\n\r\n", 400, "blank before the colon of a field");
    check_fields_refused("a\t: b\r\n\r\n", 400, "blank before the colon of a field");
    check_fields_refused(": b\r\n\r\n", 400, "bad field name");
    check_fields_refused("a(: b\r\n\r\n", 400, "bad field name");
    check_fields_refused("a\x80: b\r\n\r\n", 400, "bad field name");
    check_fields_refused("a\x01: b\r\n\r\n", 400, "control byte in a head");
    check_fields_refused("a\r\n\r\n", 400, "CR without LF"); /* no colon */
    check_fields_refused("a\n\r\n", 400, "LF without CR");
    check_fields_refused("a: b\n\r\n", 400, "LF without CR");
    check_fields_refused("a: b\rc\r\n\r\n", 400, "CR without LF");
    check_fields_refused("a: b\r\n\n", 400, "LF without CR");
    check_fields_refused("a: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\ne: 5\r\nf: 6\r\ng: 7\r\nh: 8\r\n"
                         "i: 9\r\n\r\n",
                         431, "too many fields");
}

Test(h1_parse, every_byte_of_a_field) {
    static const char good[] = "name: a value of more than sixteen bytes\r\n\r\n";
    const size_t n = sizeof good - 1, colon = 4, value_end = n - 4;
    for (size_t at = 0; at < n; at++) {
        for (int c = 0; c < 256; c++) {
            char text[sizeof good];
            heads h;
            memcpy(text, good, sizeof good);
            text[at] = (char)c;
            bool fine = c == good[at];
            if (at < colon) fine = token_char(c) || (c == ':' && at > 0);
            if (at > colon && at < value_end) fine = c == '\t' || (c >= ' ' && c != 0x7f);
            h1_fault f = fields_of(&h, text, n);
            cr_assert_eq(f.status == 0, fine, "byte %d at %zu: %s", c, at, f.why ? f.why : "taken");
            if (at < colon && fine && c != ':')
                cr_assert_eq(h.at[0].name.p[at], bytes_lower((uint8_t)c));
            free(h.text);
        }
    }
}

/* A text that ends anywhere is refused, and nothing behind it is read. */
Test(h1_parse, every_cut_is_refused) {
    static const char line[] = "GET / HTTP/1.1\r\n", answer[] = "HTTP/1.1 200 OK\r\n",
                      fields[] = "Host: a\r\nlonger-than-sixteen: bytes of a value\r\n\r\n";
    h1_line out;
    for (size_t n = 0; n < sizeof line - 1; n++) cr_assert_neq(request(line, n, &out).status, 0);
    for (size_t n = 0; n < sizeof answer - 1; n++)
        cr_assert_neq(response(answer, n, &out).status, 0);
    for (size_t n = 0; n < sizeof fields - 1; n++) {
        heads h;
        cr_assert_neq(fields_of(&h, fields, n).status, 0, "%zu", n);
        free(h.text);
    }
}

/* ---- lists ---- */

static void check_list(const char *text, const char *want) {
    char all[LONGEST] = "";
    span list = span_str(text), element;
    while (h1_parse_list(&list, &element)) {
        size_t at = strlen(all);
        snprintf(all + at, sizeof all - at, "[%.*s]", (int)element.n, (const char *)element.p);
    }
    cr_assert_str_eq(all, want, "'%s' for '%s'", all, text);
    cr_assert_not(h1_parse_list(&list, &element), "the end stays the end");
}

Test(h1_parse, lists) {
    check_list("", "");
    check_list(" ,\t, ,", "");
    check_list("a", "[a]");
    check_list(" a\t,b , c d ,", "[a][b][c d]");
    check_list("a,,b", "[a][b]");
}
