#include "applets/server/content.h"
#include "applets/server/answer.h"
#include "applets/server/parts.h"
#include "applets/server/site.h"
#include "core/accept.h"
#include "core/conditional.h"
#include "core/limits.h"

#include <stdio.h>
#include <string.h>

#define BIT(token) (UINT64_C(1) << HTTP_TOKEN_##token)
#define CONDITIONS \
    (BIT(IF_MATCH) | BIT(IF_NONE_MATCH) | BIT(IF_MODIFIED_SINCE) | BIT(IF_UNMODIFIED_SINCE))

/* What is to be sent: the file as it is, or one of its coded forms. */
typedef struct form {
    exchange *request;
    file *file;
    blob *blob;    /* coded by us, or NULL */
    file *sibling; /* coded by somebody else, or NULL */
    const facts_type_of *type;
    bool varies; /* there is, or could be, a coded form */
    uint8_t coded_etag[FILE_ETAG + 3];
    conditional is;
} form;

static bool is_coded(const form *m) { return m->blob || m->sibling; }

static void add_validators(answer *a, const form *m) {
    site *s = m->request->site;
    answer_add(a, HTTP_FIELD_OF(LAST_MODIFIED, facts_date(&s->facts, file_mtime(m->file))));
    if (!s->plan->plain)
        answer_add(a, HTTP_FIELD_OF(ETAG, is_coded(m) ? m->is.coded_etag : m->is.etag));
}

static void begin(answer *a, const form *m, unsigned status) {
    site *s = m->request->site;
    answer_begin(a, s, status);
    if (s->plan->cache_control.n)
        answer_add(a, HTTP_FIELD_OF(CACHE_CONTROL, s->plan->cache_control));
    answer_add_date(a, s);
}

static void add_forms(answer *a, const form *m) {
    if (m->varies) answer_add(a, HTTP_FIELD_OF(VARY, SPAN("accept-encoding")));
    if (is_coded(m)) answer_add(a, HTTP_FIELD_OF(CONTENT_ENCODING, SPAN("gzip")));
}

static void send_same(const form *m) {
    answer a;
    begin(&a, m, 304);
    add_validators(&a, m);
    add_forms(&a, m);
    answer_send(&a, m->request, HTTP_NO_BODY);
}

/* ---- parts ---- */

static void send_part(const form *m, range part) {
    exchange *r = m->request;
    answer a;
    http_body body = HTTP_NO_BODY;
    if (!file_body_part(m->file, r->link, r->ref, part.first, part.length, &body)) {
        answer_error(r, 503);
        return;
    }
    begin(&a, m, 206);
    answer_add_length(&a, part.length);
    add_validators(&a, m);
    answer_add(&a, HTTP_FIELD_OF(CONTENT_TYPE, m->type->type));
    size_t n = parts_content_range(part, file_size(m->file), (char *)a.range, sizeof a.range);
    answer_add(&a, HTTP_FIELD_OF(CONTENT_RANGE, span_of(a.range, n)));
    add_forms(&a, m);
    answer_send(&a, r, body);
}

static void send_parts(const form *m, const range *list, size_t n) {
    exchange *r = m->request;
    answer a;
    http_body body;
    uint64_t length;
    char type[PARTS_TYPE];
    if (!parts_body(m->file, r->link, r->ref, m->type->type, list, n, type, &length, &body)) {
        answer_error(r, 503);
        return;
    }
    begin(&a, m, 206);
    answer_add_length(&a, length);
    add_validators(&a, m);
    answer_add(&a, HTTP_FIELD_OF(CONTENT_TYPE, span_str(type)));
    add_forms(&a, m);
    answer_send(&a, r, body);
}

/* True when ranges were asked for, and that was the answer. HEAD has none (RFC 9110 section 14.2).
 */
static bool send_ranges(const form *m) {
    exchange *r = m->request;
    range list[LIMIT_RANGES];
    size_t n;
    const http_field *f = fields_find(r->fields, r->field_count, HTTP_TOKEN_RANGE);
    if (!f || r->head || !conditional_range(&m->is, r->fields, r->field_count)) return false;
    switch (range_parse(f->value, file_size(m->file), list, &n)) {
    case RANGE_NONE: return false;
    case RANGE_UNSATISFIABLE: answer_unsatisfiable(r, file_size(m->file)); return true;
    case RANGE_PARTS: break;
    }
    if (n == 1)
        send_part(m, list[0]);
    else
        send_parts(m, list, n);
    return true;
}

/* ---- the whole ---- */

static uint64_t size_of(const form *m) {
    return m->blob ? m->blob->bytes.n : file_size(m->sibling ? m->sibling : m->file);
}

static bool whole_body(const form *m, http_body *body) {
    exchange *r = m->request;
    *body = HTTP_NO_BODY;
    if (r->head || !size_of(m)) return true;
    if (!m->blob) return file_body(m->sibling ? m->sibling : m->file, r->link, r->ref, body);
    *body = blob_body(m->blob);
    return true;
}

/* Said of files that are worth a second attempt only: it is a field more for each answer, and a
 * client may ask for ranges in any case (RFC 9110 section 14.3). */
static void add_accept_ranges(answer *a, const form *m) {
    if (!m->request->site->plan->plain && !is_coded(m))
        answer_add(a, HTTP_FIELD_OF(ACCEPT_RANGES, SPAN("bytes")));
}

static void send_whole(const form *m) {
    exchange *r = m->request;
    const plan *p = r->site->plan;
    answer a;
    http_body body;
    if (!whole_body(m, &body)) {
        answer_error(r, 503);
        return;
    }
    begin(&a, m, 200);
    if (!p->no_length) answer_add_length(&a, size_of(m));
    add_validators(&a, m);
    answer_add(&a, HTTP_FIELD_OF(CONTENT_TYPE, m->type->type));
    if (file_size(m->file) > LIMIT_CACHE_FILE) add_accept_ranges(&a, m);
    if (m->varies) add_forms(&a, m);
    answer_send(&a, r, body);
}

/* The tag of a coded form is that of the file and a mark; of a form that somebody else has made it
 * must change with that file, so it is that file's own. */
static void set_validators(form *m) {
    const exchange *r = m->request;
    if (!r->site->plan->plain) {
        m->is.etag = file_etag(m->file);
        if (m->varies) {
            memcpy(m->coded_etag, m->is.etag.p, FILE_ETAG - 1);
            memcpy(m->coded_etag + FILE_ETAG - 1, "-gz\"", 4);
            m->is.coded_etag = span_of(m->coded_etag, sizeof m->coded_etag);
        }
        if (m->sibling) m->is.coded_etag = file_etag(m->sibling);
    }
    m->is.modified = file_mtime(m->file);
}

static void send_form(form *m) {
    exchange *r = m->request;
    set_validators(m);
    if (r->asks & CONDITIONS) {
        m->is.now = loop_unix_seconds(r->site->loop);
        switch (conditional_evaluate(&m->is, r->fields, r->field_count)) {
        case CONDITIONAL_SAME: send_same(m); return;
        case CONDITIONAL_FAILED: answer_error(r, 412); return;
        case CONDITIONAL_GO: break;
        }
    }
    if (r->asks & BIT(RANGE)) {
        m->is.now = loop_unix_seconds(r->site->loop);
        if (send_ranges(m)) return;
    }
    send_whole(m);
}

/* ---- the choice of a form ---- */

static form form_of(exchange *r, file *f) {
    const facts_type_of *type = facts_type(&r->site->facts, r->name);
    return (form){.request = r,
                  .file = f,
                  .type = type,
                  .varies = type->compress && r->site->gzip && file_size(f) >= LIMIT_GZIP_LEAST};
}

static bool takes_gzip(const exchange *r) {
    const http_field *f = fields_find(r->fields, r->field_count, HTTP_TOKEN_ACCEPT_ENCODING);
    return f && accept_prefers(f->value, SPAN("gzip"));
}

/* The request may end within, and the file of the choice with it. */
static void send_chosen(exchange *r, blob *b, file *sibling) {
    file *f = r->file;
    r->file = NULL;
    if (!exchange_gone(r)) {
        if (!r->name.n) {
            answer_error(r, 503);
        } else {
            form m = form_of(r, f);
            m.blob = b;
            m.sibling = sibling;
            send_form(&m);
        }
    }
    file_close(f);
}

static void on_coded(void *user, blob *b) { send_chosen(user, b, NULL); }

/* A form that is older than the file is of another one. */
static void on_sibling(void *user, file_status st, file *sibling) {
    exchange *r = user;
    if (st == FILE_OK && file_mtime(sibling) >= file_mtime(r->file))
        send_chosen(r, NULL, sibling);
    else if (r->link && r->name.n)
        gzip_cache_make(r->site->gzip, r->file, on_coded, r);
    else
        send_chosen(r, NULL, NULL);
    file_close(sibling);
}

static void choose(exchange *r, file *f) {
    site *s = r->site;
    uint8_t name[LIMIT_PATH + 16];
    blob *b;
    r->file = file_hold(f);
    if (gzip_cache_find(s->gzip, f, &b)) {
        send_chosen(r, b, NULL);
        return;
    }
    memcpy(name, r->name.p, r->name.n);
    memcpy(name + r->name.n, ".gz", 3);
    file_open(s->files, span_of(name, r->name.n + 3), on_sibling, r);
}

void content_send(exchange *r, file *f) {
    form m = form_of(r, f);
    /* A part of a coded form would be of use to nobody but who has its rest: parts are of the file.
     */
    if (m.varies && (r->asks & BIT(ACCEPT_ENCODING)) && !(r->asks & BIT(RANGE)) && takes_gzip(r))
        choose(r, f);
    else
        send_form(&m);
}
