#include "core/proxy_header.h"

#include "core/limits.h"

/* ---- version 1: a line of text (section 2.1) ---- */

#define LINE_MOST 107u /* with its CRLF, as the section has it */

/* The next word of a line, which ends at one space or with the line. */
static span take_word(span *line) {
    const uint8_t *space = line->n ? memchr(line->p, ' ', line->n) : NULL;
    size_t n = space ? (size_t)(space - line->p) : line->n;
    span word = span_take(line, n);
    if (space) span_take(line, 1);
    return word;
}

/* A number as it is written: no sign, no leading zero. */
static bool get_number(span word, uint64_t most, uint64_t *v) {
    if (word.n > 1 && word.p[0] == '0') return false;
    return bytes_get_decimal(word, most, v);
}

static bool get_ipv4(span text, uint8_t address[4]) {
    for (int i = 0; i < 4; i++) {
        uint64_t v;
        size_t n = 0;
        while (n < text.n && text.p[n] != '.') n++;
        if (!get_number(span_head(text, n), 255, &v)) return false;
        address[i] = (uint8_t)v;
        text = span_skip(text, n);
        if ((i < 3) != (text.n > 0)) return false;
        if (text.n) text = span_skip(text, 1);
    }
    return true;
}

/* One group; false when there is none. */
static bool take_group(span *text, uint8_t *to) {
    unsigned v = 0;
    size_t n = 0;
    while (n < text->n && n < 5 && bytes_get_hex(text->p[n]) >= 0)
        v = v << 4 | (unsigned)bytes_get_hex(text->p[n++]);
    if (n == 0 || n > 4) return false;
    bytes_put16(to, v);
    span_take(text, n);
    return true;
}

/* RFC 4291 section 2.2: groups, "::" for one run of zeros, the last two perhaps as IPv4. */
static bool get_ipv6(span text, uint8_t address[16]) {
    size_t have = 0, gap = SIZE_MAX; /* bytes, and before which of them zeros stand */
    if (span_starts(text, SPAN("::"))) {
        text = span_skip(text, 2);
        gap = 0;
    }
    while (text.n) {
        if (have <= 12 && get_ipv4(text, address + have)) {
            have += 4;
            break;
        }
        if (have > 14 || !take_group(&text, address + have)) return false;
        have += 2;
        if (!text.n) break;
        if (text.p[0] != ':' || text.n == 1) return false;
        text = span_skip(text, 1);
        if (text.p[0] != ':') continue;
        if (gap != SIZE_MAX) return false;
        gap = have;
        text = span_skip(text, 1);
    }
    if (gap == SIZE_MAX) return have == 16;
    if (have > 14) return false;
    memmove(address + 16 - (have - gap), address + gap, have - gap);
    memset(address + gap, 0, 16 - have);
    return true;
}

static bool get_address(span word, proxy_header_family family, proxy_header_end *e) {
    return family == PROXY_HEADER_IPV4 ? get_ipv4(word, e->address) : get_ipv6(word, e->address);
}

static bool get_port(span word, proxy_header_end *e) {
    uint64_t v;
    if (!get_number(word, 65535, &v)) return false;
    e->port = (uint16_t)v;
    return true;
}

/* What stands behind "PROXY ", without the line's end. */
static bool read_line(span line, proxy_header *h) {
    span family = take_word(&line);
    if (span_eq(family, SPAN("UNKNOWN"))) return true; /* the rest is to be ignored */
    if (span_eq(family, SPAN("TCP4")))
        h->family = PROXY_HEADER_IPV4;
    else if (span_eq(family, SPAN("TCP6")))
        h->family = PROXY_HEADER_IPV6;
    else
        return false;
    return get_address(take_word(&line), h->family, &h->source) &&
           get_address(take_word(&line), h->family, &h->destination) &&
           get_port(take_word(&line), &h->source) && get_port(line, &h->destination);
}

static proxy_header_status read_text(span in, proxy_header *h) {
    span line = span_head(in, LINE_MOST);
    const uint8_t *end = memchr(line.p, '\r', line.n);
    if (memchr(line.p, '\n', end ? (size_t)(end - line.p) : line.n)) return PROXY_HEADER_BROKEN;
    if (!end || (size_t)(end - line.p) + 1 == line.n)
        return line.n < LINE_MOST ? PROXY_HEADER_MORE : PROXY_HEADER_BROKEN;
    line.n = (size_t)(end - line.p);
    h->size = line.n + 2;
    if (end[1] != '\n' || !read_line(span_skip(line, 6), h)) return PROXY_HEADER_BROKEN;
    return PROXY_HEADER_DONE;
}

/* ---- version 2: binary (section 2.2) ---- */

#define HEAD 16u

static void get_ends(span block, size_t n, proxy_header *h) {
    memcpy(h->source.address, block.p, n);
    memcpy(h->destination.address, block.p + n, n);
    h->source.port = bytes_get16(block.p + 2 * n);
    h->destination.port = bytes_get16(block.p + 2 * n + 2);
}

/* 108 bytes, filled up with NULs. */
static span get_path(const uint8_t *p) {
    const uint8_t *end = memchr(p, 0, 108);
    return span_of(p, end ? (size_t)(end - p) : 108);
}

/* The addresses of a block, behind which there may be more (section 2.2.1), which is passed over.
 * False when it is too short for them, or of a family that is none. */
static bool read_block(uint8_t family, span block, proxy_header *h) {
    switch (family) {
    case 0x11:
        if (block.n < 12) return false;
        h->family = PROXY_HEADER_IPV4;
        get_ends(block, 4, h);
        return true;
    case 0x21:
        if (block.n < 36) return false;
        h->family = PROXY_HEADER_IPV6;
        get_ends(block, 16, h);
        return true;
    case 0x31:
        if (block.n < 216) return false;
        h->family = PROXY_HEADER_UNIX;
        h->source.path = get_path(block.p);
        h->destination.path = get_path(block.p + 108);
        return true;
    case 0x12: return block.n >= 12;
    case 0x22: return block.n >= 36;
    case 0x32: return block.n >= 216;
    default: return family == 0x00;
    }
}

static proxy_header_status read_binary(span in, proxy_header *h) {
    if (in.n < HEAD) return PROXY_HEADER_MORE;
    uint8_t command = in.p[12], family = in.p[13];
    h->size = HEAD + bytes_get16(in.p + 14);
    if (command >> 4 != 2 || (command & 15) > 1 || h->size > LIMIT_PROXY_HEADER)
        return PROXY_HEADER_BROKEN;
    if (in.n < h->size) return PROXY_HEADER_MORE;
    bool local = (command & 15) == 0; /* its own connection: the family is to be ignored */
    span block = span_of(in.p + HEAD, h->size - HEAD);
    return local || read_block(family, block, h) ? PROXY_HEADER_DONE : PROXY_HEADER_BROKEN;
}

proxy_header_status proxy_header_read(span in, proxy_header *h) {
    const span text = SPAN("PROXY "), binary = SPAN("\r\n\r\n\0\r\nQUIT\n");
    *h = (proxy_header){.family = PROXY_HEADER_NONE};
    if (!in.n) return PROXY_HEADER_MORE;
    span magic = in.p[0] == 'P' ? text : binary;
    if (!span_eq(span_head(in, magic.n), span_head(magic, in.n))) return PROXY_HEADER_BROKEN;
    if (in.n < magic.n) return PROXY_HEADER_MORE;
    return in.p[0] == 'P' ? read_text(in, h) : read_binary(in, h);
}
