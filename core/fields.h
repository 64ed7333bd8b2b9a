/* Header fields: one name and one value, and the rules a message made of them must keep.
 *
 * Shared by HTTP/2 and HTTP/1.1 (RFC 9110 section 5, RFC 9113 section 8). A field borrows its
 * bytes; whoever hands it over says how long they live. Not here: how fields are compressed
 * (hpack.h) or written on the wire. */
#ifndef H2BOX_CORE_FIELDS_H
#define H2BOX_CORE_FIELDS_H

#include "core/bytes.h"

typedef enum http_token {
    HTTP_TOKEN_OTHER, /* a name that fields.def does not list */
#define HTTP_FIELD(token, name, flags) HTTP_TOKEN_##token,
#include "core/fields.def"
#undef HTTP_FIELD
    HTTP_TOKEN_COUNT
} http_token;

/* Flags of a token, as fields.def gives them. */
enum {
    HTTP_FIELD_PSEUDO_REQUEST = 1 << 0,
    HTTP_FIELD_PSEUDO_RESPONSE = 1 << 1,
    HTTP_FIELD_CONNECTION = 1 << 2,
    HTTP_FIELD_SECRET = 1 << 3,
    HTTP_FIELD_VARIES = 1 << 4,
    HTTP_FIELD_SINGLE = 1 << 5
};

typedef struct http_field {
    span name, value;
    uint16_t token; /* an http_token; TOKEN_OTHER also stands for "not looked up" when encoding */
    bool never_indexed; /* carried as such on the wire (RFC 7541 section 6.2.3) */
} http_field;

/* A field of a known name in one expression: HTTP_FIELD_OF(STATUS, SPAN("200")). */
#define HTTP_FIELD_OF(tok, val) \
    ((http_field){fields_name(HTTP_TOKEN_##tok), (val), HTTP_TOKEN_##tok, false})

/* The token of a lower-case name; HTTP_TOKEN_OTHER when fields.def does not list it. */
http_token fields_token(span name);

/* The name of a token; empty for HTTP_TOKEN_OTHER. Static storage. */
span fields_name(http_token token);

/* The flags of a token; 0 for HTTP_TOKEN_OTHER. */
unsigned fields_flags(http_token token);

/* The first field with this token (not OTHER), or NULL. */
const http_field *fields_find(const http_field *f, size_t n, http_token token);

/* The first field with this lower-case name, or NULL. */
const http_field *fields_find_name(const http_field *f, size_t n, span name);

/* A token as RFC 9110 section 5.6.2 defines it, at least one byte. */
bool fields_name_valid(span name);

/* Whether a protocol that Upgrade or :protocol names is HTTP itself, of whatever version. A tunnel
 * in which a backend speaks HTTP/2 is past all rules of a proxy ("h2c smuggling", 2020). */
bool fields_protocol_http(span protocol);

/* As fields_name_valid, and without upper case (RFC 9113 section 8.2.1); a leading colon is not
 * valid here. */
bool fields_name_valid_h2(span name);

/* No NUL, CR, LF, no other control but HTAB, no blank at either end (RFC 9113 section 8.2.1, RFC
 * 9110 section 5.5). */
bool fields_value_valid(span value);

typedef enum fields_kind {
    FIELDS_REQUEST,
    FIELDS_RESPONSE, /* also 1xx */
    FIELDS_TRAILERS,
    FIELDS_PUSH /* the request inside PUSH_PROMISE: also GET or HEAD, without content (RFC 9113
                   section 8.4) */
} fields_kind;

#define FIELDS_NO_LENGTH UINT64_MAX

/* What a message's fields say about it; spans point into the fields given to fields_check. */
typedef struct fields_summary {
    span method, scheme, authority, path,
        protocol;            /* requests; p == NULL when absent. authority falls back to host */
    uint64_t content_length; /* FIELDS_NO_LENGTH when absent */
    uint16_t status;         /* responses: 100-999 */
    bool connect;            /* CONNECT without :protocol (RFC 9113 section 8.5) */
} fields_summary;

/* Whether fields_check would find nothing wrong with the field by itself, whatever message it is
 * in: its bytes, of an :authority that it is host[:port], and so on. What a table holds need be
 * looked at once. */
bool fields_pair_valid(http_token token, span name, span value);

#define FIELDS_VALID_MOST 64u /* bits of `valid` below */

/* Checks a decoded HTTP/2 field section by RFC 9113 section 8.2 and 8.3, RFC 8441 section 4 and RFC
 * 9110 sections 5.5, 8.6: names, values, pseudo-header fields (order, duplicates, which and for
 * whom, empty path, scheme), connection-specific fields, te only "trailers", content-length digits
 * and repeats (equal repeats are accepted), host against :authority. Returns NULL when it is
 * well-formed, and fills *out; otherwise a literal that says what is wrong (malformed message:
 * stream error PROTOCOL_ERROR). extended_connect says whether :protocol is allowed at all. Bit i of
 * `valid` says that fields_pair_valid holds for f[i]. */
const char *fields_check(const http_field *f, size_t n, uint64_t valid, fields_kind kind,
                         bool extended_connect, fields_summary *out);

/* The size RFC 9113 section 6.5.2 counts: name + value + 32 each. */
size_t fields_list_size(const http_field *f, size_t n);

#endif
