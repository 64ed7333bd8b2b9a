#include "applets/load/render.h"

#include <stdlib.h>

/* ---- bodies ---- */

static http_pull lend(span all, uint64_t offset, size_t want, span *lent) {
    span rest = span_skip(all, offset < all.n ? (size_t)offset : all.n);
    *lent = span_head(rest, want);
    return lent->n == rest.n ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    (void)user;
    (void)n;
}

/* Of the plan: it outlives all. */
static http_pull pull_planned(void *user, uint64_t offset, size_t want, span *lent) {
    return lend(((const workload_request *)user)->body, offset, want, lent);
}

static void release_planned(void *user) { (void)user; }

static const http_body_ops planned = {pull_planned, done, release_planned};

/* Made for one request. */
typedef struct own_body {
    size_t n;
    uint8_t bytes[];
} own_body;

static http_pull pull_own(void *user, uint64_t offset, size_t want, span *lent) {
    const own_body *b = user;
    return lend(span_of(b->bytes, b->n), offset, want, lent);
}

static const http_body_ops own = {pull_own, done, free};

/* ---- fields ---- */

/* Room for the largest of all requests, made once. */
static bool make_room(crew *c) {
    const workload *p = &c->run->plan;
    size_t most = 0, bytes = 0;
    if (c->fields) return true;
    for (uint32_t i = 0; i < p->count; i++) {
        const workload_request *r = &p->at[i];
        size_t room = 0;
        for (uint32_t j = 0; r->vary && j < r->count; j++)
            if (r->vary[j]) room += template_room(r->vary[j]);
        if (r->count > most) most = r->count;
        if (room > bytes) bytes = room;
    }
    c->fields = malloc((most + 1) * sizeof *c->fields);
    c->values = malloc(bytes + 20);
    return c->fields && c->values;
}

static void make_fields(crew *c, const workload_request *r, template_dice *dice, render *out,
                        const own_body *body) {
    uint8_t *w = c->values;
    memcpy(c->fields, r->fields, r->count * sizeof *r->fields);
    for (uint32_t i = 0; r->vary && i < r->count; i++) {
        if (!r->vary[i]) continue;
        size_t n = template_write(r->vary[i], w, c->numbers, dice);
        c->fields[i].value = span_of(w, n);
        w += n;
    }
    out->fields = c->fields;
    out->count = r->count;
    if (body)
        c->fields[out->count++] =
            HTTP_FIELD_OF(CONTENT_LENGTH, span_of(w, bytes_put_decimal(w, body->n)));
}

bool render_request(crew *c, const workload_request *r, template_dice *dice, render *out) {
    *out = (render){r->fields, r->count, HTTP_NO_BODY};
    c->numbers++;
    own_body *b = NULL;
    if (r->vary_body) {
        b = malloc(sizeof *b + template_room(r->vary_body));
        if (!b) return false;
        b->n = template_write(r->vary_body, b->bytes, c->numbers, dice);
        out->body = (http_body){&own, b};
    } else if (r->body.p) {
        out->body = (http_body){&planned, (void *)(uintptr_t)r};
    }
    if (!r->vary && !b) return true;
    if (!make_room(c)) {
        free(b);
        return false;
    }
    make_fields(c, r, dice, out, b);
    return true;
}
