#include "applets/load/workload.h"
#include "applets/load/requests.h"
#include "core/limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct workload_block {
    struct workload_block *next;
    max_align_t bytes[];
} workload_block;

void *workload_take(workload *p, size_t n) {
    workload_block *b = malloc(sizeof *b + n);
    if (!b) return NULL;
    b->next = p->blocks;
    p->blocks = b;
    return b->bytes;
}

void workload_free(workload *p) {
    for (uint32_t i = 0; i < p->count; i++) {
        workload_request *r = &p->at[i];
        for (uint32_t j = 0; r->vary && j < r->count; j++) template_free(r->vary[j]);
        template_free(r->vary_body);
    }
    while (p->blocks) {
        workload_block *b = p->blocks;
        p->blocks = b->next;
        free(b);
    }
    free(p->at);
    free(p->offsets_us);
    *p = (workload){0};
}

/* ---- files ---- */

span workload_read(workload *p, const opt_call *call, const char *path) {
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    size_t n = 0, room = 65536;
    uint8_t *bytes = f ? malloc(room) : NULL;
    while (bytes && !ferror(f) && !feof(f)) {
        if (n == room) {
            uint8_t *more = room < LIMIT_LOAD_FILE ? realloc(bytes, room *= 2) : NULL;
            if (!more) free(bytes);
            bytes = more;
            if (!more) errno = EFBIG;
            continue;
        }
        n += fread(bytes + n, 1, room - n, f);
    }
    bool good = bytes && !ferror(f);
    uint8_t *kept = good ? workload_take(p, n + 1) : NULL;
    if (kept) memcpy(kept, bytes, n);
    if (kept) kept[n] = '\0';
    if (!kept) opt_say(call, "%s: %s", path, strerror(errno ? errno : EIO));
    free(bytes);
    if (f && f != stdin) fclose(f);
    return kept ? span_of(kept, n) : (span){NULL, 0};
}

/* ---- requests ---- */

static bool grow(workload *p) {
    if (p->count < p->room) return true;
    uint32_t room = p->room ? 2 * p->room : 16;
    workload_request *at = realloc(p->at, room * sizeof *at);
    if (!at) return false;
    p->at = at;
    p->room = room;
    return true;
}

/* -H replaces what we say ourselves: the last one of that name counts. */
static span said(const workload_source *from, http_token token, span own) {
    for (size_t i = from->extra_count; i > 0; i--)
        if (from->extra[i - 1].token == token) return from->extra[i - 1].value;
    return own;
}

static bool is_own(uint16_t token) {
    return token == HTTP_TOKEN_METHOD || token == HTTP_TOKEN_PATH || token == HTTP_TOKEN_SCHEME ||
           token == HTTP_TOKEN_AUTHORITY || token == HTTP_TOKEN_USER_AGENT;
}

static void put(workload_request *r, http_token token, span value) {
    r->fields[r->count++] = (http_field){fields_name(token), value, (uint16_t)token, false};
}

workload_request *workload_add(workload *p, const workload_source *from, span target, span method,
                               span body, uint32_t spare) {
    if (!grow(p)) return NULL;
    workload_request *r = &p->at[p->count];
    size_t room = 6 + from->extra_count + spare;
    *r =
        (workload_request){.fields = workload_take(p, room * sizeof *r->fields + 20), .body = body};
    if (!r->fields) return NULL;
    uint8_t *digits = (uint8_t *)&r->fields[room];
    span authority = said(from, HTTP_TOKEN_HOST, p->base.authority);
    put(r, HTTP_TOKEN_METHOD,
        said(from, HTTP_TOKEN_METHOD,
             method.p ? method
             : body.p ? SPAN("POST")
                      : SPAN("GET")));
    put(r, HTTP_TOKEN_SCHEME, said(from, HTTP_TOKEN_SCHEME, p->base.scheme));
    put(r, HTTP_TOKEN_AUTHORITY, said(from, HTTP_TOKEN_AUTHORITY, authority));
    put(r, HTTP_TOKEN_PATH, said(from, HTTP_TOKEN_PATH, target));
    put(r, HTTP_TOKEN_USER_AGENT, said(from, HTTP_TOKEN_USER_AGENT, SPAN("h2box/" H2BOX_VERSION)));
    for (size_t i = 0; i < from->extra_count; i++)
        if (!is_own(from->extra[i].token) && from->extra[i].token != HTTP_TOKEN_HOST)
            r->fields[r->count++] = from->extra[i];
    if (body.p && !fields_find(r->fields, r->count, HTTP_TOKEN_CONTENT_LENGTH))
        put(r, HTTP_TOKEN_CONTENT_LENGTH, span_of(digits, bytes_put_decimal(digits, body.n)));
    r->weights = (p->count ? p->at[p->count - 1].weights : 0) + 1;
    p->count++;
    return r;
}

/* ---- URIs ---- */

/* Parses a URI, which may be a path once there is a base. */
static const char *resolve(workload *p, span text, uri *out) {
    size_t room = text.n * 3 + p->base.text.n + 16;
    uint8_t *buffer = workload_take(p, room);
    if (!buffer) return "out of memory";
    return uri_resolve(p->base.text.n ? &p->base : NULL, text, buffer, room, out);
}

/* Adds a URI; the first one says where all go, unless -B has. */
static const char *add_uri(workload *p, const workload_source *from, span text) {
    uri u;
    const char *why = resolve(p, text, &u);
    if (why) return why;
    if (!p->base.text.n) p->base = u;
    return workload_add(p, from, u.target, (span){NULL, 0}, from->data, 0) ? NULL : "out of memory";
}

/* The next line of *text without its end; blank ones and those that begin with # are passed over.
 * False at the end. */
static bool next_line(span *text, span *line, size_t *number) {
    while (text->n) {
        const uint8_t *end = memchr(text->p, '\n', text->n);
        *line = span_take(text, end ? (size_t)(end - text->p) : text->n);
        if (text->n) *text = span_skip(*text, 1);
        ++*number;
        while (line->n && (line->p[line->n - 1] == '\r' || line->p[line->n - 1] == ' ')) line->n--;
        if (line->n && line->p[0] != '#') return true;
    }
    return false;
}

static bool add_list(workload *p, const workload_source *from) {
    span text = workload_read(p, from->call, from->uri_file), line;
    size_t number = 0;
    if (!text.p) return false;
    while (next_line(&text, &line, &number)) {
        const char *why = add_uri(p, from, line);
        if (!why) continue;
        opt_say(from->call, "%s:%zu: %s", from->uri_file, number, why);
        return false;
    }
    if (!p->count) opt_say(from->call, "%s: no URI in it", from->uri_file);
    return p->count;
}

/* ---- timing scripts: OFFSET_MS, a TAB, URI ---- */

static const char *add_timed(workload *p, const workload_source *from, span line) {
    const uint8_t *tab = memchr(line.p, '\t', line.n);
    char digits[32];
    if (!tab) return "needs an offset in milliseconds, a TAB and a URI";
    size_t n = (size_t)(tab - line.p);
    char *end;
    if (n >= sizeof digits) return "the offset is too long";
    memcpy(digits, line.p, n);
    digits[n] = '\0';
    double ms = strtod(digits, &end);
    if (end == digits || *end || !(ms >= 0) || ms > 1e12)
        return "the offset is no number of milliseconds";
    uint64_t us = (uint64_t)(ms * 1000);
    if (p->count && us < p->offsets_us[p->count - 1]) return "the offset is below the one before";
    uint64_t *offsets = realloc(p->offsets_us, (p->count + 1) * sizeof *offsets);
    if (!offsets) return "out of memory";
    p->offsets_us = offsets;
    offsets[p->count] = us;
    return add_uri(p, from, span_skip(line, n + 1));
}

static bool add_script(workload *p, const workload_source *from) {
    span text = workload_read(p, from->call, from->script_file), line;
    size_t number = 0;
    if (!text.p) return false;
    while (next_line(&text, &line, &number)) {
        const char *why = add_timed(p, from, line);
        if (!why) continue;
        opt_say(from->call, "%s:%zu: %s", from->script_file, number, why);
        return false;
    }
    if (!p->count) opt_say(from->call, "%s: no request in it", from->script_file);
    return p->count;
}

/* ---- all ---- */

static bool set_base(workload *p, const workload_source *from) {
    if (!from->base) return true;
    const char *why = resolve(p, span_str(from->base), &p->base);
    if (why) opt_say(from->call, "%s: %s", from->base, why);
    return !why;
}

bool workload_make(workload *p, workload_source *from) {
    *p = (workload){0};
    if (from->data_file && !(from->data = workload_read(p, from->call, from->data_file)).p)
        return false;
    if (!set_base(p, from)) return false;
    if (from->script_file) return add_script(p, from);
    if (from->request_file) {
        uri u;
        const char *why =
            from->uri_count && !p->base.text.n ? resolve(p, span_str(from->uris[0]), &u) : NULL;
        if (why) {
            opt_say(from->call, "%s: %s", from->uris[0], why);
            return false;
        }
        if (from->uri_count && !p->base.text.n) p->base = u;
        return requests_read(p, from);
    }
    if (from->uri_file) return add_list(p, from);
    for (size_t i = 0; i < from->uri_count; i++) {
        const char *why = add_uri(p, from, span_str(from->uris[i]));
        if (!why) continue;
        opt_say(from->call, "%s: %s", from->uris[i], why);
        return false;
    }
    return true;
}
