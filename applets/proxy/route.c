#include "applets/proxy/route.h"
#include "core/limits.h"

#include <stdlib.h>

/* Bytes of patterns and paths are compared in trees whose edges carry runs of them. Hosts are in
 * one, from their last byte to the first, so that a wildcard is a node on the way of each host that
 * it fits; they lead to trees of paths. */
typedef struct node {
    const uint8_t *label; /* bytes from the parent to here, in the copy of a pattern */
    uint32_t n;
    uint32_t child, sibling, parent;
    uint32_t whole; /* what ends here: of a path its target, of a host its tree of paths */
    uint32_t below; /* of a path that ends in "/": all below it */
    uint32_t more;  /* what goes on: a "*" behind a path, or before a host */
} node;

#define NONE UINT32_MAX

enum { HOSTS, ANY_HOST }; /* roots that are always there */

typedef struct copy {
    struct copy *next;
    uint8_t bytes[];
} copy;

struct route_table {
    node *nodes;
    uint32_t count, room;
    uint32_t patterns;
    copy *copies;
};

/* ---- normal forms ---- */

static bool unreserved(uint8_t c) {
    return (uint8_t)(bytes_lower(c) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static uint8_t upper(uint8_t c) { return (uint8_t)(c - 'a') < 26 ? (uint8_t)(c - 0x20) : c; }

/* Cuts one byte or one escape off *s, into 1 or 3 bytes at out. A colon is decoded too, since
 * --backend has no other way to write it. */
static size_t take_byte(span *s, uint8_t out[3]) {
    out[0] = *span_take(s, 1).p;
    if (out[0] != '%' || s->n < 2) return 1;
    int high = bytes_get_hex(s->p[0]), low = bytes_get_hex(s->p[1]);
    if (high < 0 || low < 0) return 1;
    span digits = span_take(s, 2);
    uint8_t c = (uint8_t)(high * 16 + low);
    if (unreserved(c) || c == ':') {
        out[0] = c;
        return 1;
    }
    out[1] = upper(digits.p[0]);
    out[2] = upper(digits.p[1]);
    return 3;
}

/* 1 for ".", 2 for "..", however they are spelled; else 0. */
static unsigned dots_of(span segment) {
    uint8_t bytes[3];
    unsigned dots = 0;
    if (segment.n > 6) return 0; /* "%2e%2e" */
    while (segment.n) {
        if (take_byte(&segment, bytes) > 1 || bytes[0] != '.') return 0;
        dots++;
    }
    return dots < 3 ? dots : 0;
}

/* The normal form of a path: of any path that is too long for `room`, its first bytes. What is
 * longer than that can still be taken back by "..", so segments are counted there. p ends in "/"
 * wherever a segment begins. */
static size_t normal_path(span path, uint8_t *p, size_t room) {
    size_t n = 1, cut = 0, beyond = 0;
    p[0] = '/';
    path = span_skip(path, 1);
    for (;;) {
        const uint8_t *end = path.n ? memchr(path.p, '/', path.n) : NULL;
        span segment = span_take(&path, end ? (size_t)(end - path.p) : path.n);
        unsigned dots = dots_of(segment);
        if (dots == 2 && beyond) {
            if (--beyond == 0) n = cut;
        } else if (dots == 2 && n > 1) {
            n--;
            while (p[n - 1] != '/') n--;
        } else if (dots == 0 && segment.n && beyond) {
            beyond++;
        } else if (dots == 0 && segment.n) {
            cut = n;
            while (segment.n || end) {
                uint8_t bytes[3] = {'/'};
                size_t size = segment.n ? take_byte(&segment, bytes) : 1;
                if (size > room - n) {
                    beyond = 1;
                    break;
                }
                memcpy(p + n, bytes, size);
                n += size;
                if (size == 1 && bytes[0] == '/') break;
            }
        }
        if (!end) return n;
        path = span_skip(path, 1);
    }
}

/* Whether a path is its own normal form: that is most of them. */
static bool is_normal(span path) {
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] == '%') return false;
        if (path.p[i] != '/' || i + 1 == path.n) continue;
        if (path.p[i + 1] == '/' || path.p[i + 1] == '.') return false;
    }
    return true;
}

/* ---- trees ---- */

static uint32_t new_node(route_table *t, span label, uint32_t parent) {
    if (t->count == t->room) {
        uint32_t room = t->room ? t->room * 2 : 16;
        node *grown = realloc(t->nodes, room * sizeof *grown);
        if (!grown) return NONE;
        t->nodes = grown;
        t->room = room;
    }
    t->nodes[t->count] = (node){label.p, (uint32_t)label.n, NONE, NONE, parent, NONE, NONE, NONE};
    return t->count++;
}

static uint32_t child_of(const route_table *t, uint32_t at, uint8_t first) {
    uint32_t c = t->nodes[at].child;
    while (c != NONE && t->nodes[c].label[0] != first) c = t->nodes[c].sibling;
    return c;
}

/* Puts a node of its own between `at` and its child, whose label is cut after n bytes. */
static uint32_t split(route_table *t, uint32_t at, uint32_t child, uint32_t n) {
    uint32_t mid = new_node(t, span_of(t->nodes[child].label, n), at);
    if (mid == NONE) return NONE;
    uint32_t *link = &t->nodes[at].child;
    while (*link != child) link = &t->nodes[*link].sibling;
    *link = mid;
    node *m = &t->nodes[mid], *c = &t->nodes[child];
    m->child = child;
    m->sibling = c->sibling;
    c->sibling = NONE;
    c->parent = mid;
    c->label += n;
    c->n -= n;
    return mid;
}

/* The node for a text, made where there is none. */
static uint32_t plant(route_table *t, uint32_t at, span text) {
    while (text.n) {
        uint32_t c = child_of(t, at, text.p[0]);
        if (c == NONE) {
            c = new_node(t, text, at);
            if (c == NONE) return NONE;
            t->nodes[c].sibling = t->nodes[at].child;
            t->nodes[at].child = c;
            return c;
        }
        uint32_t n = 1;
        while (n < t->nodes[c].n && n < text.n && t->nodes[c].label[n] == text.p[n]) n++;
        if (n < t->nodes[c].n) c = split(t, at, c, n);
        if (c == NONE) return NONE;
        text = span_skip(text, n);
        at = c;
    }
    return at;
}

/* ---- making ---- */

route_table *route_table_new(void) {
    route_table *t = calloc(1, sizeof *t);
    if (t && new_node(t, SPAN(""), NONE) == HOSTS && new_node(t, SPAN(""), NONE) == ANY_HOST)
        return t;
    route_table_free(t);
    return NULL;
}

void route_table_free(route_table *t) {
    if (!t) return;
    for (copy *c = t->copies; c;) {
        copy *next = c->next;
        free(c);
        c = next;
    }
    free(t->nodes);
    free(t);
}

static const char *check(span host, span path) {
    for (size_t i = 0; i < host.n; i++) {
        if (host.p[i] <= ' ' || host.p[i] >= 0x7f) return "bad byte in the host";
        if (host.p[i] == '*' && i) return "* within a host: only its beginning can be left open";
    }
    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] <= ' ' || path.p[i] == 0x7f) return "bad byte in the path";
        if (path.p[i] == '?' || path.p[i] == '#') return "a pattern ends with its path";
    }
    return host.n + path.n > LIMIT_ROUTE_PATTERN ? "too long" : NULL;
}

/* A host's bytes from the last to the first, in lower case; returns their number. */
static size_t turn(span host, uint8_t *p) {
    uint8_t bytes[3];
    size_t n = 0;
    while (host.n) {
        size_t size = take_byte(&host, bytes);
        for (size_t i = 0; i < size; i++) p[n++] = bytes_lower(bytes[i]);
    }
    for (size_t i = 0; i < n / 2; i++) {
        uint8_t c = p[i];
        p[i] = p[n - 1 - i];
        p[n - 1 - i] = c;
    }
    return n;
}

/* The tree of paths for a host; NONE: no memory. */
static uint32_t paths_of(route_table *t, span turned, bool open) {
    uint32_t at = plant(t, HOSTS, turned);
    if (at == NONE) return NONE;
    uint32_t tree = open ? t->nodes[at].more : t->nodes[at].whole;
    if (tree != NONE) return tree;
    tree = new_node(t, SPAN(""), NONE);
    if (open)
        t->nodes[at].more = tree;
    else
        t->nodes[at].whole = tree;
    return tree;
}

static bool add(route_table *t, copy *c, span host, span path, uint32_t *target) {
    bool open = host.n && host.p[0] == '*', open_path = path.n && path.p[path.n - 1] == '*';
    if (open) host = span_skip(host, 1);
    if (open_path) path.n--;
    size_t turned = turn(host, c->bytes);
    uint8_t *p = c->bytes + turned;
    span name = span_of(c->bytes, turned);
    if (turned + open > 1 && name.p[0] == '.') name = span_skip(name, 1);
    size_t n = normal_path(path.n ? path : SPAN("/"), p, path.n + 1);
    uint32_t tree = ANY_HOST;
    if (open || name.n) tree = paths_of(t, name, open);
    uint32_t at = tree == NONE ? NONE : plant(t, tree, span_of(p, n));
    if (at == NONE) return false;
    node *end = &t->nodes[at];
    uint32_t *slot = open_path ? &end->more : p[n - 1] == '/' ? &end->below : &end->whole;
    if (*slot == NONE) {
        *slot = *target;
        t->patterns++;
    }
    *target = *slot;
    return true;
}

bool route_table_add(route_table *t, span pattern, uint32_t *target, const char **why) {
    const uint8_t *slash = pattern.n ? memchr(pattern.p, '/', pattern.n) : NULL;
    span host = span_head(pattern, slash ? (size_t)(slash - pattern.p) : pattern.n);
    span path = span_skip(pattern, host.n);
    *why = check(host, path);
    if (*why) return false;
    copy *c = malloc(sizeof *c + pattern.n + 1); /* its normal form is no longer */
    *why = "out of memory";
    if (!c) return false;
    c->next = t->copies;
    t->copies = c;
    return add(t, c, host, path, target);
}

/* ---- finding ---- */

/* The target of the longest pattern in a tree of paths. */
static uint32_t find_path(const route_table *t, uint32_t tree, span path) {
    uint32_t best = NONE;
    const node *at = &t->nodes[tree];
    for (;;) {
        if (path.n == 0 && at->whole != NONE) return at->whole;
        if (at->below != NONE) best = at->below;
        if (path.n && at->more != NONE) best = at->more;
        uint32_t c = child_of(t, (uint32_t)(at - t->nodes), path.n ? path.p[0] : '/');
        if (c == NONE) return best;
        at = &t->nodes[c];
        if (path.n < at->n) {
            /* A path that lacks but the last "/" belongs to what is below it. */
            bool lacks = path.n + 1 == at->n && at->label[path.n] == '/' && at->below != NONE &&
                         memcmp(at->label, path.p, path.n) == 0;
            return lacks ? at->below : best;
        }
        if (memcmp(at->label, path.p, at->n) != 0) return best;
        path = span_skip(path, at->n);
    }
}

/* The host of an authority: a port is cut off, and the dot of a name that is given from the root
 * (RFC 3986 section 3.2.2), since backends take it for the same; brackets stay. */
static span host_of(span authority) {
    uint8_t mark = authority.n && authority.p[0] == '[' ? ']' : ':';
    const uint8_t *end = authority.n ? memchr(authority.p, mark, authority.n) : NULL;
    span host =
        span_head(authority, end ? (size_t)(end - authority.p) + (mark == ']') : authority.n);
    if (host.n > 1 && host.p[host.n - 1] == '.') host.n--;
    return host;
}

static bool ends_host(const node *at, span host) {
    if (host.n < at->n) return false;
    for (uint32_t i = 0; i < at->n; i++)
        if (bytes_lower(host.p[host.n - 1 - i]) != at->label[i]) return false;
    return true;
}

/* Of the patterns whose host fits: an exact one, wildcards from the longest to the shortest. */
static uint32_t find_host(const route_table *t, span host, span path) {
    uint32_t at = HOSTS, found = NONE;
    while (host.n) {
        uint32_t c = child_of(t, at, bytes_lower(host.p[host.n - 1]));
        if (c == NONE || !ends_host(&t->nodes[c], host)) break;
        host.n -= t->nodes[c].n;
        at = c;
    }
    if (host.n == 0) {
        if (t->nodes[at].whole != NONE) found = find_path(t, t->nodes[at].whole, path);
        at = t->nodes[at].parent; /* "*" would stand for nothing */
    }
    for (; at != NONE && found == NONE; at = t->nodes[at].parent)
        if (t->nodes[at].more != NONE) found = find_path(t, t->nodes[at].more, path);
    return found;
}

uint32_t route_find(const route_table *t, span authority, span path) {
    uint8_t normal[LIMIT_ROUTE_PATTERN + 4]; /* longer than all patterns, by an escape */
    uint32_t found = t->patterns == 1 ? route_catch_all(t) : NONE;
    if (found != NONE) return found;
    if (path.n == 0 || path.p[0] != '/') path = SPAN("/");
    for (size_t i = 0; i < path.n; i++)
        if (path.p[i] == '?' || path.p[i] == '#') path.n = i;
    if (!is_normal(path)) path = span_of(normal, normal_path(path, normal, sizeof normal));
    if (t->nodes[HOSTS].child != NONE || t->nodes[HOSTS].more != NONE) {
        span host = host_of(authority);
        if (host.n) found = find_host(t, host, path);
    }
    return found != NONE ? found : find_path(t, ANY_HOST, path);
}

uint32_t route_catch_all(const route_table *t) {
    uint32_t root = child_of(t, ANY_HOST, '/');
    return root != NONE && t->nodes[root].n == 1 ? t->nodes[root].below : ROUTE_NONE;
}
