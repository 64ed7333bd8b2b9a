/* `>` lines: frames as the peer of the connection under test writes them, also broken ones.
 *
 * Its encoder knows nothing but never-indexed literals without Huffman coding, so that it shares no
 * misreading with core's. */
#include <stdlib.h>

#include "tests/flows/flow.h"

typedef struct line {
    uint8_t type, flags;
    uint32_t id;
    bool has_id, reserved, more, has_raw, has_priority, exclusive;
    long length, pad; /* -1: as it comes */
    uint32_t depends_on, weight;
    char *words[12]; /* what is no attribute, in order */
    unsigned word_count;
    char *fields; /* behind the first bar, or NULL */
    bytes_buf raw;
} line;

uint32_t writer_number(player *p, const char *word) {
    char *end;
    if (!word) flow_fail(p, "a number is missing");
    if (*word == '$') return 1 + 2 * p->round + (uint32_t)strtoul(word + 1, NULL, 0);
    unsigned long n = strtoul(word, &end, 0);
    if (end == word || *end) flow_fail(p, "'%s' is not a number", word);
    return (uint32_t)n;
}

uint32_t writer_code(player *p, const char *word) {
    if (!word) flow_fail(p, "an error code is missing");
    for (uint32_t code = 0; h2_frame_code_name(code); code++)
        if (!strcmp(h2_frame_code_name(code), word)) return code;
    return writer_number(p, word);
}

int writer_setting(const char *name) {
    for (unsigned slot = 0; slot < H2_SETTING_SLOTS; slot++) {
        uint16_t id = h2_frame_setting_id((h2_setting_slot)slot);
        if (!strcmp(h2_frame_setting_name(id), name)) return id;
    }
    return -1;
}

static void put16(bytes_buf *b, uint32_t v) {
    uint8_t two[2];
    bytes_put16(two, v);
    bytes_buf_put(b, two, 2);
}

static void put32(bytes_buf *b, uint32_t v) {
    uint8_t four[4];
    bytes_put32(four, v);
    bytes_buf_put(b, four, 4);
}

/* "text" without its quotes, unescaped. */
static void put_quoted(player *p, bytes_buf *b, const char *word) {
    size_t n = word ? strlen(word) : 0;
    if (n < 2 || word[0] != '"' || word[n - 1] != '"') flow_fail(p, "a quoted text is missing");
    script_unescape(b, word + 1, n - 2);
}

/* Hex digits, and "text" between them, until the end of the line. */
static void put_hex(player *p, bytes_buf *b, char **rest) {
    for (char *word; (word = script_word(rest));) {
        if (*word == '"') {
            put_quoted(p, b, word);
            continue;
        }
        for (; *word; word += 2) {
            char digits[3] = {word[0], word[1], 0}, *end;
            uint8_t byte = (uint8_t)strtoul(digits, &end, 16);
            if (*end || !digits[1]) flow_fail(p, "'%s' is not hex", word);
            bytes_buf_put(b, &byte, 1);
        }
    }
}

static void put_string(bytes_buf *b, span s) {
    uint8_t first = s.n < 127 ? (uint8_t)s.n : 127;
    bytes_buf_put(b, &first, 1);
    if (s.n >= 127) {
        size_t n = s.n - 127;
        for (; n >= 128; n >>= 7) {
            uint8_t byte = (uint8_t)(n | 128);
            bytes_buf_put(b, &byte, 1);
        }
        uint8_t last = (uint8_t)n;
        bytes_buf_put(b, &last, 1);
    }
    bytes_buf_put(b, s.p, s.n);
}

static void put_field(player *p, bytes_buf *b, const char *text, size_t n) {
    while (n && *text == ' ') text++, n--;
    while (n && text[n - 1] == ' ') n--;
    static const char request[] = ":scheme: http|:authority: a.test|:path: /";
    bool get = n == 4 && !memcmp(text, "@get", 4), post = n == 5 && !memcmp(text, "@post", 5);
    if (get || post) {
        put_field(p, b, get ? ":method: GET" : ":method: POST", get ? 12 : 13);
        for (const char *f = request; *f; f += strcspn(f, "|"), f += *f == '|')
            put_field(p, b, f, strcspn(f, "|"));
        return;
    }
    const char *colon = n > 1 ? memchr(text + 1, ':', n - 1) : NULL;
    if (!colon) flow_fail(p, "'%.*s' is not a field", (int)n, text);
    bytes_buf name = {0}, value = {0};
    script_unescape(&name, text, (size_t)(colon - text));
    size_t skip = (size_t)(colon - text) + 1;
    while (skip < n && text[skip] == ' ') skip++;
    script_unescape(&value, text + skip, n - skip);
    bytes_buf_put(b, "\x10", 1);
    put_string(b, span_of(name.p, name.n));
    put_string(b, span_of(value.p, value.n));
    bytes_buf_free(&name);
    bytes_buf_free(&value);
}

static void put_fields(player *p, bytes_buf *b, const char *fields) {
    while (fields) {
        const char *bar = strchr(fields, '|');
        size_t n = bar ? (size_t)(bar - fields) : strlen(fields);
        const char *times = n > 2 ? memchr(fields, '*', n) : NULL;
        char *end = NULL;
        /* "x: y *100" stands for a hundred such fields. */
        unsigned long count = times ? strtoul(times + 1, &end, 10) : 0;
        bool many = times && end > times + 1 && times[-1] == ' ';
        if (many) n = (size_t)(times - fields);
        for (unsigned long i = 0; i < (many ? count : 1); i++) put_field(p, b, fields, n);
        fields = bar ? bar + 1 : NULL;
    }
}

static bool attribute(player *p, line *l, char *word, char **rest) {
    static const struct {
        const char *name;
        uint8_t flag;
    } flags[] = {{"END_STREAM", H2_FLAG_END_STREAM},
                 {"ACK", H2_FLAG_ACK},
                 {"END_HEADERS", H2_FLAG_END_HEADERS},
                 {"PADDED", H2_FLAG_PADDED},
                 {"PRIORITY", H2_FLAG_PRIORITY}};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        if (strcmp(word, flags[i].name) != 0) continue;
        l->flags |= flags[i].flag;
        return true;
    }
    char *value = strchr(word, '=');
    value = value ? value + 1 : NULL;
    if (!strcmp(word, "MORE"))
        l->more = true;
    else if (!strcmp(word, "reserved"))
        l->reserved = true;
    else if (!strcmp(word, "exclusive"))
        l->exclusive = true;
    else if (!strncmp(word, "flags=", 6))
        l->flags |= (uint8_t)writer_number(p, value);
    else if (!strncmp(word, "id=", 3))
        l->id = writer_number(p, value), l->has_id = true;
    else if (!strncmp(word, "type=", 5))
        l->type = (uint8_t)writer_number(p, value);
    else if (!strncmp(word, "length=", 7))
        l->length = (long)writer_number(p, value);
    else if (!strncmp(word, "pad=", 4))
        l->pad = (long)writer_number(p, value);
    else if (!strncmp(word, "weight=", 7))
        l->weight = writer_number(p, value);
    else if (!strncmp(word, "dep=", 4))
        l->depends_on = writer_number(p, value), l->has_priority = true;
    else if (!strcmp(word, "zeros")) {
        l->has_raw = true;
        bytes_buf_zeros(&l->raw, writer_number(p, script_word(rest)));
    } else if (!strcmp(word, "hex")) {
        l->has_raw = true;
        put_hex(p, &l->raw, rest);
    } else
        return false;
    return true;
}

/* The next word that is no attribute, or NULL. */
static char *operand(line *l) {
    if (l->word_count == 0) return NULL;
    char *word = l->words[0];
    l->word_count--;
    memmove(l->words, l->words + 1, l->word_count * sizeof *l->words);
    return word;
}

static void put_settings(player *p, line *l, bytes_buf *b) {
    for (char *word; (word = operand(l));) {
        char *value = strchr(word, '=');
        if (!value) flow_fail(p, "'%s' is not NAME=VALUE", word);
        *value++ = 0;
        int id = writer_setting(word);
        if (id < 0) id = (int)writer_number(p, word);
        put16(b, (uint32_t)id);
        put32(b, writer_number(p, value));
        if (id == H2_SETTINGS_HEADER_TABLE_SIZE) p->table_size = writer_number(p, value);
        if (id == H2_SETTINGS_MAX_FRAME_SIZE) p->frame_size = writer_number(p, value);
    }
}

static void put_priority(const line *l, bytes_buf *b) {
    uint8_t weight = (uint8_t)(l->weight - 1);
    put32(b, l->depends_on | (l->exclusive ? 0x80000000u : 0));
    bytes_buf_put(b, &weight, 1);
}

/* The part of the payload that the type has of its own. Operands that a raw payload stands for may
 * be left out. */
static void put_payload(player *p, line *l, bytes_buf *b) {
    bool raw_only = l->has_raw && l->word_count == 0;
    switch (l->type) {
    case H2_FRAME_DATA:
        if (l->word_count) put_quoted(p, b, operand(l));
        break;
    case H2_FRAME_HEADERS:
        if (l->has_priority) put_priority(l, b);
        if (l->has_priority) l->flags |= H2_FLAG_PRIORITY;
        break;
    case H2_FRAME_PRIORITY:
        if (!raw_only) put_priority(l, b);
        break;
    case H2_FRAME_RST_STREAM:
        if (!raw_only) put32(b, writer_code(p, operand(l)));
        break;
    case H2_FRAME_SETTINGS: put_settings(p, l, b); break;
    case H2_FRAME_PUSH_PROMISE:
    case H2_FRAME_WINDOW_UPDATE:
        if (!raw_only) put32(b, writer_number(p, operand(l)));
        break;
    case H2_FRAME_PING:
        if (!raw_only) put_quoted(p, b, operand(l));
        break;
    case H2_FRAME_GOAWAY:
        if (raw_only) break;
        put32(b, writer_number(p, operand(l)));
        put32(b, writer_code(p, operand(l)));
        if (l->word_count) put_quoted(p, b, operand(l));
        break;
    case H2_FRAME_PRIORITY_UPDATE:
        if (raw_only) break;
        put32(b, writer_number(p, operand(l)));
        put_quoted(p, b, operand(l));
        break;
    case H2_FRAME_ALTSVC:
    case H2_FRAME_ORIGIN:
        for (char *word; (word = operand(l));) {
            bytes_buf text = {0};
            put_quoted(p, &text, word);
            if (l->type == H2_FRAME_ORIGIN || l->word_count) put16(b, (uint32_t)text.n);
            bytes_buf_put(b, text.p, text.n);
            bytes_buf_free(&text);
        }
        break;
    default: break;
    }
    if (l->fields) put_fields(p, b, l->fields);
    bytes_buf_put(b, l->raw.p, l->raw.n);
    if (l->word_count) flow_fail(p, "'%s' is one word too many", l->words[0]);
}

static void write_frame(player *p, line *l) {
    bool block = l->type == H2_FRAME_HEADERS || l->type == H2_FRAME_PUSH_PROMISE ||
                 l->type == H2_FRAME_CONTINUATION;
    if (block && !l->more) l->flags |= H2_FLAG_END_HEADERS;
    bytes_buf b = {0};
    uint8_t head[H2_FRAME_HEAD];
    if (l->pad >= 0) {
        uint8_t pad = (uint8_t)l->pad;
        l->flags |= H2_FLAG_PADDED;
        bytes_buf_put(&b, &pad, 1);
    }
    put_payload(p, l, &b);
    if (l->pad > 0) bytes_buf_zeros(&b, (size_t)l->pad);
    h2_frame_put(head, (h2_frame){.length = l->length < 0 ? (uint32_t)b.n : (uint32_t)l->length,
                                  .stream_id = l->id | (l->reserved ? 0x80000000u : 0),
                                  .type = l->type,
                                  .flags = l->flags});
    bytes_buf_put(&p->pending, head, sizeof head);
    bytes_buf_put(&p->pending, b.p, b.n);
    bytes_buf_free(&b);
}

static bool has_stream(uint8_t type) {
    return type != H2_FRAME_SETTINGS && type != H2_FRAME_PING && type != H2_FRAME_GOAWAY &&
           type != H2_FRAME_ORIGIN && type != H2_FRAME_PRIORITY_UPDATE;
}

void writer_line(player *p, char *text) {
    char *rest = script_copy(p, text);
    while (*rest == ' ') rest++;
    if (*rest == '"') { /* HTTP/1.1, or anything else */
        script_unescape(&p->pending, rest + 1, strlen(rest) - 2);
        return;
    }
    line l = {.length = -1, .pad = -1, .weight = 16};
    char *bar = strstr(rest, " | ");
    if (bar) {
        *bar = 0;
        l.fields = bar + 3;
    }
    char *kind = script_word(&rest);
    if (!kind) flow_fail(p, "what does the peer send?");
    if (!strcmp(kind, "PREFACE")) {
        bytes_buf_put(&p->pending, H2_PREFACE, H2_PREFACE_SIZE);
    } else if (!strcmp(kind, "RAW")) {
        put_hex(p, &p->pending, &rest);
    } else {
        unsigned type = 0;
        bool raw = !strcmp(kind, "FRAME");
        while (!raw && type < 256 &&
               (!h2_frame_name((uint8_t)type) || strcmp(h2_frame_name((uint8_t)type), kind) != 0))
            type++;
        if (type > 255) flow_fail(p, "'%s' is not a frame", kind);
        l.type = (uint8_t)type;
        for (char *word; (word = script_word(&rest));) {
            if (attribute(p, &l, word, &rest)) continue;
            if (l.word_count == sizeof l.words / sizeof *l.words) flow_fail(p, "too many words");
            l.words[l.word_count++] = word;
        }
        if (!raw && has_stream(l.type) && !l.has_id) l.id = writer_number(p, operand(&l));
        write_frame(p, &l);
    }
    bytes_buf_free(&l.raw);
}
