#include "core/fields.h"

/* ---- names ---- */

static const struct row {
    span name;
    uint8_t flags;
} rows[HTTP_TOKEN_COUNT] = {
#define HTTP_FIELD(token, name, flags) [HTTP_TOKEN_##token] = {SPAN_LIT(name), (flags)},
#include "core/fields.def"
#undef HTTP_FIELD
};

/* A perfect hash of the names in fields.def: the length and three letters, multiplied; the top byte
 * is the slot. tests/unit/fields_test.c goes over fields.def, and when a name is not found where it
 * should be, looks for a multiplier that works and prints it with its slots, to be pasted here. */
#define SLOT_MULTIPLIER 0x6ecc10fdu

static const uint8_t slots[256] = {
    [0] = HTTP_TOKEN_X_FORWARDED_FOR,
    [4] = HTTP_TOKEN_KEEP_ALIVE,
    [5] = HTTP_TOKEN_HTTP2_SETTINGS,
    [6] = HTTP_TOKEN_VARY,
    [16] = HTTP_TOKEN_ACCEPT_LANGUAGE,
    [18] = HTTP_TOKEN_ALT_SVC,
    [19] = HTTP_TOKEN_CACHE_CONTROL,
    [21] = HTTP_TOKEN_ACCEPT,
    [29] = HTTP_TOKEN_LINK,
    [31] = HTTP_TOKEN_PATH,
    [38] = HTTP_TOKEN_LOCATION,
    [44] = HTTP_TOKEN_USER_AGENT,
    [46] = HTTP_TOKEN_IF_MODIFIED_SINCE,
    [53] = HTTP_TOKEN_IF_MATCH,
    [56] = HTTP_TOKEN_AGE,
    [67] = HTTP_TOKEN_FORWARDED,
    [68] = HTTP_TOKEN_UPGRADE,
    [73] = HTTP_TOKEN_CONTENT_LENGTH,
    [85] = HTTP_TOKEN_REFERER,
    [86] = HTTP_TOKEN_IF_NONE_MATCH,
    [88] = HTTP_TOKEN_EXPECT,
    [89] = HTTP_TOKEN_ACCEPT_ENCODING,
    [97] = HTTP_TOKEN_SCHEME,
    [120] = HTTP_TOKEN_CONTENT_ENCODING,
    [121] = HTTP_TOKEN_VIA,
    [129] = HTTP_TOKEN_COOKIE,
    [131] = HTTP_TOKEN_METHOD,
    [132] = HTTP_TOKEN_X_FORWARDED_PROTO,
    [137] = HTTP_TOKEN_PROXY_CONNECTION,
    [142] = HTTP_TOKEN_ETAG,
    [148] = HTTP_TOKEN_PRIORITY,
    [149] = HTTP_TOKEN_AUTHORITY,
    [151] = HTTP_TOKEN_AUTHORIZATION,
    [153] = HTTP_TOKEN_CONTENT_RANGE,
    [156] = HTTP_TOKEN_CONTENT_TYPE,
    [167] = HTTP_TOKEN_TRAILER,
    [181] = HTTP_TOKEN_SET_COOKIE,
    [184] = HTTP_TOKEN_PROXY_AUTHORIZATION,
    [186] = HTTP_TOKEN_HOST,
    [196] = HTTP_TOKEN_IF_UNMODIFIED_SINCE,
    [197] = HTTP_TOKEN_DATE,
    [198] = HTTP_TOKEN_LAST_MODIFIED,
    [214] = HTTP_TOKEN_PROXY_AUTHENTICATE,
    [220] = HTTP_TOKEN_STATUS,
    [229] = HTTP_TOKEN_TE,
    [231] = HTTP_TOKEN_RANGE,
    [232] = HTTP_TOKEN_IF_RANGE,
    [237] = HTTP_TOKEN_ACCEPT_RANGES,
    [242] = HTTP_TOKEN_TRANSFER_ENCODING,
    [244] = HTTP_TOKEN_PROTOCOL,
    [246] = HTTP_TOKEN_SERVER,
    [248] = HTTP_TOKEN_ALLOW,
    [250] = HTTP_TOKEN_CONNECTION,
};

static inline uint32_t slot_of(span name) {
    uint32_t key = (uint32_t)name.n << 24 | (uint32_t)name.p[0] << 16 |
                   (uint32_t)name.p[name.n / 2] << 8 | name.p[name.n - 1];
    return (key * SLOT_MULTIPLIER) >> 24;
}

http_token fields_token(span name) {
    if (name.n == 0) return HTTP_TOKEN_OTHER;
    uint8_t token = slots[slot_of(name)];
    /* An empty slot leads to row 0, whose name is empty and equals no name that gets here. */
    return span_eq(rows[token].name, name) ? (http_token)token : HTTP_TOKEN_OTHER;
}

span fields_name(http_token token) { return rows[token].name; }

unsigned fields_flags(http_token token) { return rows[token].flags; }

const http_field *fields_find(const http_field *f, size_t n, http_token token) {
    for (size_t i = 0; i < n; i++) {
        if (f[i].token == token) return &f[i];
    }
    return NULL;
}

const http_field *fields_find_name(const http_field *f, size_t n, span name) {
    for (size_t i = 0; i < n; i++) {
        if (span_eq(f[i].name, name)) return &f[i];
    }
    return NULL;
}

size_t fields_list_size(const http_field *f, size_t n) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++) sum += f[i].name.n + f[i].value.n + 32;
    return sum;
}

/* ---- bytes ---- */

enum {
    IN_TOKEN = 1 << 0,    /* RFC 9110 section 5.6.2, tchar */
    IN_NAME_H2 = 1 << 1,  /* tchar but no upper case */
    IN_PATH = 1 << 2,     /* what may stand in :path: printable ASCII but no "#" */
    IN_REG_NAME = 1 << 3, /* RFC 3986 section 3.2.2 but for "%", which is looked at apart */
    IN_VALUE = 1 << 4,    /* RFC 9110 section 5.5 */
    IN_IPV6 = 1 << 5,     /* hex digits, ":" and "." */
    IN_SCHEME = 1 << 6    /* RFC 3986 section 3.1, but for the first byte */
};

static const uint8_t class_of[256] = {
    /* clang-format off */
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x10, 0x1f, 0x14, 0x13, 0x1f, 0x17, 0x1f, 0x1f, 0x1c, 0x1c, 0x1f, 0x5f, 0x1c, 0x5f, 0x7f, 0x14,
    0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x34, 0x1c, 0x14, 0x1c, 0x14, 0x14,
    0x14, 0x7d, 0x7d, 0x7d, 0x7d, 0x7d, 0x7d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d,
    0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x5d, 0x14, 0x14, 0x14, 0x17, 0x1f,
    0x17, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x7f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f,
    0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x14, 0x17, 0x14, 0x1f, 0x00,
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
    0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10, 0x10,
    /* clang-format on */
};

static bool all_in(span s, unsigned class) {
    unsigned common = class;
    for (size_t i = 0; i < s.n; i++) common &= class_of[s.p[i]];
    return common != 0;
}

bool fields_name_valid(span name) { return name.n > 0 && all_in(name, IN_TOKEN); }

bool fields_name_valid_h2(span name) { return name.n > 0 && all_in(name, IN_NAME_H2); }

/* True when some of 8 bytes may be a control. HTAB is taken for one here: it is rare enough to look
 * twice. */
static inline bool word_suspect(const uint8_t *p) {
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    uint64_t w;
    memcpy(&w, p, sizeof w);
    uint64_t del = w ^ (ones * 0x7f);
    uint64_t low = (w - ones * 0x20) & ~w;
    uint64_t same = (del - ones) & ~del;
    return ((low | same) & tops) != 0;
}

static inline bool blank(uint8_t c) { return c == ' ' || c == '\t'; }

bool fields_value_valid(span value) {
    const uint8_t *p = value.p;
    size_t n = value.n;
    if (n == 0) return true;
    if (blank(p[0]) || blank(p[n - 1])) return false;
    if (n < 8) return all_in(value, IN_VALUE);
    for (size_t i = 0; i + 8 <= n; i += 8) {
        if (word_suspect(p + i) && !all_in(span_of(p + i, 8), IN_VALUE)) return false;
    }
    /* The last word overlaps the one before rather than being shorter. */
    return !word_suspect(p + n - 8) || all_in(span_of(p + n - 8, 8), IN_VALUE);
}

/* ---- messages ---- */

typedef struct seen {
    uint64_t content_length;
    span host;
    uint32_t vouched; /* pseudo-header fields that are valid by themselves, as in `pseudo` */
    uint32_t pseudo;  /* bit per token: the pseudo-header fields are the first rows of fields.def */
    bool regular, has_host;
} seen;

_Static_assert(HTTP_TOKEN_STATUS < 32, "pseudo-header fields are counted in 32 bits");

#define BIT(token) (UINT32_C(1) << HTTP_TOKEN_##token)

/* RFC 3986 section 3.2.2; IPvFuture is refused, nobody has ever defined one. */
static bool host_valid(span host) {
    if (host.n == 0) return false;
    if (host.p[0] == '[') {
        return host.n > 3 && host.p[host.n - 1] == ']' &&
               all_in(span_of(host.p + 1, host.n - 2), IN_IPV6);
    }
    for (size_t i = 0; i < host.n; i++) {
        if (class_of[host.p[i]] & IN_REG_NAME) continue;
        if (host.p[i] != '%' || host.n - i < 3) return false;
        if (bytes_get_hex(host.p[i + 1]) < 0 || bytes_get_hex(host.p[i + 2]) < 0) return false;
        i += 2;
    }
    return true;
}

/* Cuts host[:port]. *port is -1 without a port or with an empty one. False when it is neither. */
static bool split_authority(span authority, span *host, int32_t *port) {
    size_t end = authority.n;
    while (end > 0 && (uint8_t)(authority.p[end - 1] - '0') < 10) end--;
    *port = -1;
    *host = authority;
    if (end > 0 && authority.p[end - 1] == ':') {
        uint64_t number;
        span digits = span_skip(authority, end);
        *host = span_head(authority, end - 1);
        if (digits.n > 0) {
            if (!bytes_get_decimal(digits, UINT16_MAX, &number)) return false;
            *port = (int32_t)number;
        }
    }
    return host_valid(*host);
}

typedef enum scheme_kind { SCHEME_NONE, SCHEME_HTTP, SCHEME_HTTPS, SCHEME_ELSE } scheme_kind;

static scheme_kind scheme_of(span scheme) {
    if (span_ieq(scheme, SPAN("https"))) return SCHEME_HTTPS;
    if (span_ieq(scheme, SPAN("http"))) return SCHEME_HTTP;
    return SCHEME_ELSE;
}

/* RFC 9113 section 8.3.1 wants the scheme's own normalisation: case and the default port. Percent-
 * encoding is compared as it stands, so that two spellings of one name count as different: they are
 * refused, which is the safe side. */
static bool same_authority(span a, span b, scheme_kind scheme) {
    if (span_eq(a, b)) return true;
    span host_a, host_b;
    int32_t port_a, port_b;
    if (!split_authority(a, &host_a, &port_a)) return false;
    if (!split_authority(b, &host_b, &port_b)) return false;
    int32_t usual = scheme == SCHEME_HTTP ? 80 : scheme == SCHEME_HTTPS ? 443 : -1;
    if (port_a < 0) port_a = usual;
    if (port_b < 0) port_b = usual;
    return port_a == port_b && span_ieq(host_a, host_b);
}

static const char *check_authority(span authority, scheme_kind scheme) {
    const uint8_t *at = authority.n ? memchr(authority.p, '@', authority.n) : NULL;
    span host = authority;
    int32_t port;
    if (at != NULL) {
        if (scheme != SCHEME_ELSE) return "userinfo in the authority";
        span user = span_head(authority, (size_t)(at - authority.p));
        for (size_t i = 0; i < user.n; i++) {
            if ((class_of[user.p[i]] & IN_REG_NAME) == 0 && user.p[i] != ':' && user.p[i] != '%') {
                return "bad byte in the authority";
            }
        }
        host = span_skip(authority, user.n + 1);
    }
    if (host.n == 0 && scheme == SCHEME_ELSE) return NULL;
    if (host.n == 0) return "empty authority";
    if (!split_authority(host, &host, &port)) return "authority is not host[:port]";
    if (scheme == SCHEME_NONE && port <= 0) return "connect without a port";
    return NULL;
}

static bool scheme_valid(span scheme) {
    return scheme.n > 0 && (uint8_t)((scheme.p[0] | 0x20) - 'a') < 26 && all_in(scheme, IN_SCHEME);
}

/* True when some of 8 bytes may be one that a path does not hold. */
static inline bool path_word_suspect(const uint8_t *p) {
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    uint64_t w;
    memcpy(&w, p, sizeof w);
    uint64_t del = w ^ (ones * 0x7f), hash = w ^ (ones * '#');
    uint64_t low = (w - ones * 0x21) & ~w;
    uint64_t same = ((del - ones) & ~del) | ((hash - ones) & ~hash);
    return ((low | same | w) & tops) != 0;
}

static bool path_valid(span path) {
    if (path.n < 8) return path.n == 0 || all_in(path, IN_PATH);
    bool suspect = path_word_suspect(path.p + path.n - 8);
    for (size_t i = 0; i + 8 <= path.n; i += 8) suspect |= path_word_suspect(path.p + i);
    return !suspect || all_in(path, IN_PATH);
}

static const char *check_path(span path, span method, scheme_kind scheme) {
    if (scheme == SCHEME_ELSE) return NULL;
    if (path.n == 0) return "empty :path";
    if (path.p[0] == '/') return NULL;
    if (span_eq(path, SPAN("*"))) {
        return span_eq(method, SPAN("OPTIONS")) ? NULL : ":path * with a method other than options";
    }
    return ":path does not begin with /";
}

/* A protocol name of RFC 9110 section 7.8, name["/"version]: RFC 8441 section 4 takes them over. */
static bool protocol_valid(span protocol) {
    const uint8_t *slash = protocol.n ? memchr(protocol.p, '/', protocol.n) : NULL;
    if (slash == NULL) return fields_name_valid(protocol);
    size_t n = (size_t)(slash - protocol.p);
    return fields_name_valid(span_head(protocol, n)) &&
           fields_name_valid(span_skip(protocol, n + 1));
}

bool fields_protocol_http(span protocol) {
    return span_ieq(span_head(protocol, 2), SPAN("h2")) ||
           span_ieq(span_head(protocol, 4), SPAN("http"));
}

static bool method_pushable(span method) {
    return span_eq(method, SPAN("GET")) || span_eq(method, SPAN("HEAD"));
}

static const char *check_connect(const fields_summary *out, uint32_t pseudo) {
    if (pseudo & BIT(SCHEME)) return "connect with :scheme";
    if (pseudo & BIT(PATH)) return "connect with :path";
    if ((pseudo & BIT(AUTHORITY)) == 0) return "connect without :authority";
    return check_authority(out->authority, SCHEME_NONE);
}

static const char *check_request(const seen *s, fields_kind kind, fields_summary *out) {
    const char *why;
    scheme_kind scheme = SCHEME_NONE;

    if ((s->pseudo & BIT(METHOD)) == 0) return "no :method";
    if (!(s->vouched & BIT(METHOD)) && !fields_name_valid(out->method))
        return ":method is not a token";
    bool connect = span_eq(out->method, SPAN("CONNECT"));
    out->connect = connect && (s->pseudo & BIT(PROTOCOL)) == 0;
    if (out->connect) {
        why = check_connect(out, s->pseudo);
        if (why != NULL) return why;
    } else {
        if ((s->pseudo & BIT(SCHEME)) == 0) return "no :scheme";
        if ((s->pseudo & BIT(PATH)) == 0) return "no :path";
        if (s->pseudo & BIT(PROTOCOL)) {
            if (!connect) return ":protocol with a method other than connect";
            if (!protocol_valid(out->protocol)) return ":protocol is not a protocol name";
            if ((s->pseudo & BIT(AUTHORITY)) == 0) return ":protocol without :authority";
        }
        if (!(s->vouched & BIT(SCHEME)) && !scheme_valid(out->scheme)) return "bad :scheme";
        scheme = scheme_of(out->scheme);
        if (!(s->vouched & BIT(PATH)) && !path_valid(out->path)) return "bad byte in :path";
        why = check_path(out->path, out->method, scheme);
        if (why == NULL && (s->pseudo & BIT(AUTHORITY)) && !(s->vouched & BIT(AUTHORITY))) {
            why = check_authority(out->authority, scheme);
        }
        if (why != NULL) return why;
    }
    if (s->has_host) {
        if (s->pseudo & BIT(AUTHORITY)) {
            if (!same_authority(s->host, out->authority, scheme)) return "host is not :authority";
        } else {
            /* An empty host says that the target has no authority (RFC 9110 section 7.2). */
            if (s->host.n > 0) why = check_authority(s->host, scheme);
            if (why != NULL) return why;
            out->authority = s->host;
        }
    }
    if (kind == FIELDS_PUSH) {
        if (!method_pushable(out->method)) return "push of a method that is not safe and cacheable";
        if ((s->pseudo & BIT(AUTHORITY)) == 0) return "push without :authority";
        if (s->content_length != 0 && s->content_length != FIELDS_NO_LENGTH) {
            return "push of a request with content";
        }
    }
    return NULL;
}

/* One pseudo-header field; f is among those that fields.def lists. */
static const char *take_pseudo(const http_field *f, http_token token, fields_kind kind,
                               bool extended_connect, seen *s, fields_summary *out) {
    const uint32_t bit = UINT32_C(1) << token;
    uint64_t status;

    if (kind == FIELDS_TRAILERS) return "pseudo-header field in trailers";
    if (s->regular) return "pseudo-header field after a regular one";
    if (s->pseudo & bit) return "pseudo-header field twice";
    s->pseudo |= bit;
    if ((token == HTTP_TOKEN_STATUS) != (kind == FIELDS_RESPONSE)) {
        return kind == FIELDS_RESPONSE ? "request pseudo-header field in a response"
                                       : ":status in a request";
    }
    span value = f->value;
    if (value.p == NULL) value = SPAN(""); /* p tells the caller that the field is there */
    switch (token) {
    case HTTP_TOKEN_AUTHORITY: out->authority = value; return NULL;
    case HTTP_TOKEN_METHOD: out->method = value; return NULL;
    case HTTP_TOKEN_PATH: out->path = value; return NULL;
    case HTTP_TOKEN_SCHEME: out->scheme = value; return NULL;
    case HTTP_TOKEN_PROTOCOL:
        out->protocol = value;
        return extended_connect ? NULL : ":protocol without leave";
    default:
        if (value.n != 3 || !bytes_get_decimal(value, 999, &status) || status < 100) {
            return "bad :status";
        }
        /* RFC 9113 section 8.6: HTTP/2 has no switching of protocols. */
        if (status == 101) return ":status 101";
        out->status = (uint16_t)status;
        return NULL;
    }
}

static const char *take_length(span value, seen *s) {
    uint64_t length;
    /* Half the range, so that sums of lengths cannot wrap. Zeros in front of 20 digits are not
     * read: a table makes them cheap to send. */
    if (value.n > 20 || !bytes_get_decimal(value, INT64_MAX, &length)) return "bad content-length";
    if (s->content_length != FIELDS_NO_LENGTH && s->content_length != length) {
        return "content-length twice, and not the same";
    }
    s->content_length = length;
    return NULL;
}

static const char *take_regular(const http_field *f, http_token token, fields_kind kind, seen *s) {
    switch (token) {
    case HTTP_TOKEN_CONTENT_LENGTH: return take_length(f->value, s);
    case HTTP_TOKEN_TE:
        /* RFC 9113 section 8.2.2; a coding's name has no case (RFC 9110 section 10.1.4). */
        return span_ieq(f->value, SPAN("trailers")) ? NULL : "te other than trailers";
    case HTTP_TOKEN_HOST:
        if (kind != FIELDS_REQUEST && kind != FIELDS_PUSH) return NULL;
        if (s->has_host) return "host twice";
        s->has_host = true;
        s->host = f->value.p == NULL ? SPAN("") : f->value;
        return NULL;
    default: return rows[token].flags & HTTP_FIELD_CONNECTION ? "connection-specific field" : NULL;
    }
}

bool fields_pair_valid(http_token token, span name, span value) {
    if (!fields_value_valid(value)) return false;
    switch (token) {
    case HTTP_TOKEN_OTHER: return fields_name_valid_h2(name);
    case HTTP_TOKEN_AUTHORITY: return check_authority(value, SCHEME_HTTP) == NULL;
    case HTTP_TOKEN_METHOD: return fields_name_valid(value);
    case HTTP_TOKEN_SCHEME: return scheme_valid(value);
    case HTTP_TOKEN_PATH: return path_valid(value);
    default: return true;
    }
}

const char *fields_check(const http_field *f, size_t n, uint64_t valid, fields_kind kind,
                         bool extended_connect, fields_summary *out) {
    seen s = {.content_length = FIELDS_NO_LENGTH};

    *out = (fields_summary){.content_length = FIELDS_NO_LENGTH};
    for (size_t i = 0; i < n; i++) {
        http_token token = (http_token)f[i].token;
        const bool vouched = i < FIELDS_VALID_MOST && valid >> i & 1;
        const char *why;
        /* OTHER may mean "not looked up": nothing connection-specific may slip through for that. */
        if (token == HTTP_TOKEN_OTHER) token = fields_token(f[i].name);
        if (!vouched && !fields_value_valid(f[i].value))
            return "bad byte or blank in a field value";
        if (token == HTTP_TOKEN_OTHER) {
            if (!vouched && !fields_name_valid_h2(f[i].name)) {
                bool pseudo = f[i].name.n > 0 && f[i].name.p[0] == ':';
                return pseudo ? "unknown pseudo-header field" : "bad field name";
            }
            s.regular = true;
            continue;
        }
        if (rows[token].flags & (HTTP_FIELD_PSEUDO_REQUEST | HTTP_FIELD_PSEUDO_RESPONSE)) {
            why = take_pseudo(&f[i], token, kind, extended_connect, &s, out);
            s.vouched |= (uint32_t)vouched << token;
        } else {
            s.regular = true;
            why = take_regular(&f[i], token, kind, &s);
        }
        if (why != NULL) return why;
    }
    /* In trailers a length says nothing about the content any more (RFC 9110 section 6.5.1). */
    if (kind == FIELDS_TRAILERS) return NULL;
    out->content_length = s.content_length;
    if (kind == FIELDS_RESPONSE) return (s.pseudo & BIT(STATUS)) ? NULL : "no :status";
    return check_request(&s, kind, out);
}
