#include "applets/server/folder_page.h"
#include "applets/server/answer.h"
#include "applets/server/blob.h"
#include "applets/server/listing.h"
#include "applets/server/site.h"
#include "core/limits.h"

#include <stdlib.h>

typedef struct job {
    exchange *request;
    site *site;
    folder *folder;
    listing_order order;
    /* For the thread: */
    file_status status;
    listing_entry *list;
    size_t count, room;
    bool more, hides_dots;
    text page;
    span server, path;
    uint8_t path_bytes[];
} job;

static bool grow(job *j) {
    if (j->count < j->room) return true;
    size_t room = j->room ? j->room * 2 : 64;
    listing_entry *list = realloc(j->list, room * sizeof *list);
    if (!list) return false;
    j->list = list;
    j->room = room;
    return true;
}

/* What no path can name (core/path.c) is not shown. */
static bool can_be_asked_for(span name) {
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] < 0x20 || name.p[i] == 0x7f || name.p[i] == '\\') return false;
    }
    return true;
}

static bool on_entry(void *user, const folder_entry *e) {
    job *j = user;
    span name = span_str(e->name);
    if ((j->hides_dots && *name.p == '.') || !can_be_asked_for(name)) return true;
    j->more = j->count == LIMIT_LISTING || !grow(j);
    uint8_t *copy = j->more ? NULL : malloc(name.n + 1);
    if (!copy) return false;
    memcpy(copy, name.p, name.n);
    j->list[j->count++] =
        (listing_entry){span_of(copy, name.n), e->size, e->modified, e->is_folder};
    return true;
}

static void run(void *user) {
    job *j = user;
    j->status = folder_read(j->folder, on_entry, j);
    if (j->status != FILE_OK) return;
    listing_sort(j->list, j->count, j->order);
    listing_write(&j->page, j->path, j->list, j->count, j->more, j->order, j->server);
}

static void free_job(job *j) {
    for (size_t i = 0; i < j->count; i++) free((void *)(uintptr_t)j->list[i].name.p);
    free(j->list);
    text_end(&j->page);
    folder_close(j->folder);
    free(j);
}

static void send_page(exchange *r, job *j) {
    answer a;
    blob *b = blob_new(span_of(j->page.p, j->page.n));
    j->page = (text){0};
    if (!b) {
        answer_error(r, 503);
        return;
    }
    answer_begin(&a, r->site, 200);
    answer_add(&a, HTTP_FIELD_OF(CACHE_CONTROL, SPAN("no-cache")));
    answer_add_date(&a, r->site);
    answer_add_length(&a, b->bytes.n);
    answer_add(&a, HTTP_FIELD_OF(CONTENT_TYPE, SPAN("text/html; charset=utf-8")));
    answer_send(&a, r, r->head ? HTTP_NO_BODY : blob_body(b));
    blob_drop(b);
}

static void made(void *user, bool ran) {
    job *j = user;
    exchange *r = j->request;
    j->site->listings--;
    if (!exchange_gone(r)) {
        if (!ran || (j->status == FILE_OK && !j->page.n))
            answer_error(r, 503);
        else if (j->status != FILE_OK)
            answer_error(r, 404);
        else
            send_page(r, j);
    }
    free_job(j);
}

static span query_of(const exchange *r) {
    /* Of a request whose event has ended the query stands in its location, if that was kept. */
    span target = r->event ? r->event->summary.path : r->location;
    const uint8_t *mark = target.n ? memchr(target.p, '?', target.n) : NULL;
    return mark ? span_skip(target, (size_t)(mark - target.p) + 1) : SPAN("");
}

void folder_page_send(exchange *r) {
    site *s = r->site;
    span path = span_of(r->name.p, r->name.n - SITE_INDEX_LENGTH);
    bool room = s->listings < LIMIT_LISTING_JOBS && blob_room();
    job *j = room ? calloc(1, sizeof *j + path.n) : NULL;
    if (!j) {
        answer_error(r, 503);
        return;
    }
    memcpy(j->path_bytes, path.p, path.n);
    j->path = span_of(j->path_bytes, path.n);
    j->request = r;
    j->site = s;
    j->order = listing_order_of(query_of(r));
    j->hides_dots = !s->plan->dotfiles;
    j->server = s->plan->server;
    j->folder = folder_open(s->files, path);
    if (!j->folder || !loop_work(s->loop, run, made, j)) {
        free_job(j);
        answer_error(r, 503);
        return;
    }
    s->listings++;
}
