#include "core/h1_body.h"

#include "core/limits.h"

enum {               /* h1_body.at */
       AT_SIZE,      /* the digits of a chunk's size */
       AT_BLANK,     /* blanks before an extension */
       AT_EXTENSION, /* behind its semicolon */
       AT_SIZE_LF,   /* behind the CR of the size's line */
       AT_CONTENT,
       AT_CONTENT_CR, /* behind the content of a chunk */
       AT_CONTENT_LF
};

/* Hexadecimal digits that a size has at most: 2^60 is more than anything, and sums of sizes cannot
 * wrap. */
#define MOST_DIGITS 15u

h1_body h1_body_of_length(uint64_t n) {
    return (h1_body){.framing = n ? H1_BODY_LENGTH : H1_BODY_NONE, .left = n, .at = AT_CONTENT};
}

h1_body h1_body_of_chunks(void) { return (h1_body){.framing = H1_BODY_CHUNKED, .at = AT_SIZE}; }

h1_body h1_body_until_close(void) {
    return (h1_body){.framing = H1_BODY_CLOSE, .left = UINT64_MAX, .at = AT_CONTENT};
}

/* One byte of the line that begins a chunk (RFC 9112 section 7.1). */
static const char *take_size(h1_body *b, uint8_t c) {
    if (b->at == AT_SIZE) {
        int digit = bytes_get_hex(c);
        if (digit >= 0) {
            if (++b->digits > MOST_DIGITS) return "a chunk's size is too long";
            b->left = b->left << 4 | (unsigned)digit;
            return NULL;
        }
        if (b->digits == 0) return "a chunk's size is no number";
    }
    if (c == '\r') {
        if (b->at == AT_BLANK) return "blank behind a chunk's size";
        b->at = AT_SIZE_LF;
        return NULL;
    }
    if (++b->extensions > LIMIT_CHUNK_EXTENSIONS) return "chunk extensions are too long";
    if (b->at == AT_EXTENSION) {
        bool text = (c >= ' ' && c != 0x7f) || c == '\t';
        return text ? NULL : "bad byte in a chunk extension";
    }
    if (c == ';')
        b->at = AT_EXTENSION;
    else if (c == ' ' || c == '\t')
        b->at = AT_BLANK;
    else
        return "a chunk's size is no number";
    return NULL;
}

/* One byte between chunks. */
static const char *take_between(h1_body *b, uint8_t c) {
    switch (b->at) {
    case AT_SIZE_LF:
        if (c != '\n') return "CR without LF behind a chunk's size";
        b->digits = 0;
        b->at = AT_CONTENT;
        return NULL;
    case AT_CONTENT_CR:
        if (c != '\r') return "a chunk is longer than its size";
        b->at = AT_CONTENT_LF;
        return NULL;
    case AT_CONTENT_LF:
        if (c != '\n') return "CR without LF behind a chunk";
        b->at = AT_SIZE;
        return NULL;
    default: return take_size(b, c);
    }
}

static h1_body_said take_content(h1_body *b, span *in, span *piece) {
    if (!in->n) return H1_BODY_MORE;
    *piece = span_take(in, in->n < b->left ? in->n : (size_t)b->left);
    if (b->framing == H1_BODY_CLOSE) return H1_BODY_DATA;
    b->left -= piece->n;
    if (b->left) return H1_BODY_DATA;
    if (b->framing == H1_BODY_LENGTH) return H1_BODY_LAST;
    b->at = AT_CONTENT_CR;
    return H1_BODY_DATA;
}

h1_body_said h1_body_take(h1_body *b, span *in, span *piece, h1_fault *fault) {
    while (b->at != AT_CONTENT) {
        if (!in->n) return H1_BODY_MORE;
        const char *why = take_between(b, span_take(in, 1).p[0]);
        if (why) {
            *fault = H1_FAULT(400, why);
            return H1_BODY_BROKEN;
        }
        if (b->at == AT_CONTENT && b->left == 0) return H1_BODY_TRAILERS;
    }
    return take_content(b, in, piece);
}
