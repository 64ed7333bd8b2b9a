#include "python/ext/streams.h"

void streams_init(streams *t) {
    *t = (streams){0};
    t->last_roomy = &t->first_roomy;
}

static void free_stream(stream *s) {
    body_end(&s->body);
    PyMem_Free(s);
}

void streams_end(streams *t) {
    for (uint32_t i = 0; i < t->room; i++)
        if (t->at[i]) free_stream(t->at[i]);
    PyMem_Free(t->at);
    streams_init(t);
}

/* Identifiers of one side are every second number: as good as any hash. */
static uint32_t place_of(const streams *t, uint32_t id) {
    return (id >> 1 ^ id << 5) & (t->room - 1);
}

static uint32_t place_after(const streams *t, uint32_t place) {
    return (place + 1) & (t->room - 1);
}

stream *streams_find(const streams *t, uint32_t id) {
    if (!t->count) return NULL;
    for (uint32_t i = place_of(t, id); t->at[i]; i = place_after(t, i))
        if (t->at[i]->ref.id == id) return t->at[i];
    return NULL;
}

static void put(streams *t, stream *s) {
    uint32_t i = place_of(t, s->ref.id);
    while (t->at[i]) i = place_after(t, i);
    t->at[i] = s;
}

/* At most half of the places are taken. */
static bool make_room(streams *t) {
    if ((t->count + 1) * 2 <= t->room) return true;
    streams grown = {.room = t->room ? t->room * 2 : 8};
    grown.at = PyMem_Calloc(grown.room, sizeof(stream *));
    if (!grown.at) return false;
    for (uint32_t i = 0; i < t->room; i++)
        if (t->at[i]) put(&grown, t->at[i]);
    PyMem_Free(t->at);
    t->at = grown.at;
    t->room = grown.room;
    return true;
}

stream *streams_new(streams *t) {
    stream *s = make_room(t) ? PyMem_Malloc(sizeof *s) : NULL;
    if (s) *s = (stream){.in = t};
    return s;
}

void streams_add(streams *t, stream *s) {
    put(t, s);
    t->count++;
}

void streams_drop(stream *s) { free_stream(s); }

static void leave_roomy(streams *t, stream *s) {
    stream **link = &t->first_roomy;
    while (*link != s) link = &(*link)->next_roomy;
    *link = s->next_roomy;
    if (t->last_roomy == &s->next_roomy) t->last_roomy = link;
    s->roomy = false;
}

static void leave_table(streams *t, stream *s) {
    uint32_t free = place_of(t, s->ref.id);
    while (t->at[free] != s) free = place_after(t, free);
    t->at[free] = NULL;
    t->count--;
    /* Those behind it move up, unless they stand between their own place and the free one. */
    for (uint32_t i = place_after(t, free); t->at[i]; i = place_after(t, i)) {
        uint32_t own = place_of(t, t->at[i]->ref.id);
        if (((i - own) & (t->room - 1)) < ((i - free) & (t->room - 1))) continue;
        t->at[free] = t->at[i];
        t->at[i] = NULL;
        free = i;
    }
}

static void free_when_done(stream *s) {
    if (!s->closed || s->body_lent) return;
    if (s->roomy) leave_roomy(s->in, s);
    free_stream(s);
}

void streams_close(stream *s) {
    leave_table(s->in, s);
    s->closed = true;
    free_when_done(s);
}

void streams_fill(stream *s) {
    if (s->body.queued >= BODY_FULL) {
        s->full = true;
    } else if (s->full && !s->closed && s->body.queued <= BODY_FULL / 2) {
        s->full = false;
        if (s->roomy) return;
        s->roomy = true;
        s->next_roomy = NULL;
        *s->in->last_roomy = s;
        s->in->last_roomy = &s->next_roomy;
    }
}

stream *streams_take_roomy(streams *t) {
    stream *s = t->first_roomy;
    if (!s) return NULL;
    t->first_roomy = s->next_roomy;
    if (!t->first_roomy) t->last_roomy = &t->first_roomy;
    s->roomy = false;
    return s;
}

/* ---- the body, as the core sees it ---- */

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    return body_pull(&((stream *)user)->body, offset, want, lent);
}

static void done(void *user, size_t n) {
    stream *s = user;
    body_done(&s->body, n);
    streams_fill(s);
}

static void release(void *user) {
    stream *s = user;
    s->body_lent = false;
    body_end(&s->body);
    free_when_done(s);
}

static const http_body_ops ops = {pull, done, release};

http_body streams_body(stream *s) { return (http_body){&ops, s}; }
