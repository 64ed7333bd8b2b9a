/* What the rewriting of requests and of responses have in common: fields put one behind the other,
 * bytes taken for those that are made, and lists that are continued. For rewrite*.c alone. */
#ifndef H2BOX_APPLETS_PROXY_REWRITE_PARTS_H
#define H2BOX_APPLETS_PROXY_REWRITE_PARTS_H

#include "applets/proxy/rewrite.h"
#include "core/limits.h"

/* Fields that we may put beside those that came and those that options add. */
#define REWRITE_OWN 16u

/* Begins anew, for n fields and `more` of the options. False: no room for so many; else puts need
 * not look. */
static inline bool rewrite_begin(rewritten *r, size_t n, size_t more) {
    r->count = r->used = 0;
    return n + more + REWRITE_OWN <= r->room;
}

static inline void rewrite_put(rewritten *r, const http_field *f) { r->fields[r->count++] = *f; }

static inline void rewrite_put_known(rewritten *r, http_token token, span value) {
    r->fields[r->count++] = (http_field){fields_name(token), value, (uint16_t)token, false};
}

/* n bytes to write to, or NULL. */
static inline uint8_t *rewrite_take(rewritten *r, size_t n) {
    if (n > r->bytes_room - r->used) return NULL;
    uint8_t *p = r->bytes + r->used;
    r->used += n;
    return p;
}

static inline uint8_t *rewrite_copy(uint8_t *p, span s) {
    if (s.n) memcpy(p, s.p, s.n);
    return p + s.n;
}

/* What came of a field whose values are a list. */
typedef struct rewrite_list {
    size_t count; /* fields that are not empty */
    span first;
} rewrite_list;

static inline void rewrite_list_take(rewrite_list *l, span value) {
    if (value.n && l->count++ == 0) l->first = value;
}

/* Puts the list, continued by an item that begins with `head` and goes on with `tail` (both may be
 * empty), as one field; nothing when it stays empty. f and n are all fields that came. False: no
 * room. */
bool rewrite_put_list(rewritten *r, http_token token, const rewrite_list *l, const http_field *f,
                      size_t n, span head, span tail);

/* The Max-Forwards that counts, and its number; NULL: there is none, or the method has none. */
const http_field *rewrite_hops(const http_field *f, size_t n, const fields_summary *s,
                               uint64_t *hops);

/* The protocol of the one that sent a message, for Via (RFC 9110 section 7.6.3). */
static inline span rewrite_protocol(bool h2, bool old) {
    return h2 ? SPAN("2 ") : old ? SPAN("1.0 ") : SPAN("1.1 ");
}

/* The authority that the backend was or is asked for. */
static inline span rewrite_authority(const rewrite_rules *rules, const rewrite_facts *facts,
                                     span asked) {
    bool ours = (rules->host && !rules->forward) || asked.n == 0;
    return ours ? facts->backend_authority : asked;
}

#endif
