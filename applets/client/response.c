#include "applets/client/response.h"
#include "applets/client/assets.h"
#include "applets/client/decode.h"
#include "applets/client/fetch.h"
#include "applets/client/follow.h"
#include "applets/client/har.h"
#include "applets/client/output.h"
#include "applets/client/request.h"

#include <stdlib.h>

typedef struct response {
    decode *decode;   /* the content coding being undone, or NULL */
    output *save;     /* -O, or NULL */
    assets *assets;   /* the page being read, or NULL */
    bool silent;      /* shown to nobody: a redirect that is followed, --fail */
    uint16_t refused; /* a status that --fail does not take */
} response;

static bool is_page(const http_event *ev) {
    const http_field *type = fields_find(ev->fields, ev->field_count, HTTP_TOKEN_CONTENT_TYPE);
    if (!type) return false;
    span media = type->value;
    const uint8_t *end = memchr(media.p, ';', media.n);
    if (end) media.n = (size_t)(end - media.p);
    while (media.n && media.p[media.n - 1] == ' ') media.n--;
    return span_ieq(media, SPAN("text/html")) || span_ieq(media, SPAN("application/xhtml+xml"));
}

static const char *begin_decoding(request *r, const http_event *ev) {
    const http_field *coding =
        fields_find(ev->fields, ev->field_count, HTTP_TOKEN_CONTENT_ENCODING);
    if (!coding || span_ieq(coding->value, SPAN("identity"))) return NULL;
    if (decode_known(coding->value)) {
        r->response->decode = decode_new(coding->value);
        return r->response->decode ? NULL : "out of memory";
    }
    request_say(r->fetch->run, r->uri.text,
                ": its content coding is not known and stays: ", span_head(coding->value, 80));
    return NULL;
}

const char *response_begin(request *r, const http_event *ev) {
    client_run *run = r->fetch->run;
    const client_settings *set = run->set;
    const char *why;
    r->status = ev->summary.status;
    r->first_us = loop_now_us();
    if (ev->summary.content_length != FIELDS_NO_LENGTH) r->expected = ev->summary.content_length;
    har_response(r->har, r, ev->fields, ev->field_count);
    response *p = r->response = calloc(1, sizeof *p);
    if (!p) return "out of memory";
    p->silent = r->kind == REQUEST_OPENER;
    if ((why = follow_redirect(r, ev))) return why;
    p->silent |= r->redirected;
    if (p->silent) return NULL;
    if (set->fail && r->status >= 400 && r->kind != REQUEST_PUSHED) {
        p->silent = true;
        p->refused = r->status;
        return NULL;
    }
    if ((why = begin_decoding(r, ev))) return why;
    if (set->assets && r->kind == REQUEST_ASKED && r->status == 200 && is_page(ev))
        p->assets = assets_new(&r->uri, follow_asset, r);
    if (set->remote_name && r->kind != REQUEST_PUSHED && r->status >= 200 && r->status <= 299)
        if (!(p->save = output_open(r->uri.target, &why))) return why;
    return NULL;
}

static bool put(void *user, span piece) {
    request *r = user;
    client_run *run = r->fetch->run;
    response *p = r->response;
    r->content += piece.n;
    if (p->assets) assets_take(p->assets, piece);
    if (p->save) return output_put(p->save, piece);
    /* What nobody asked for is shown to who watches, and must not get into the output of others. */
    bool asked = r->kind != REQUEST_PUSHED || run->set->verbose;
    if (asked && !run->set->null_out && !run->set->json) output_print(run, piece);
    return true;
}

const char *response_take(request *r, span bytes) {
    response *p = r->response;
    r->received += bytes.n;
    if (!p || p->silent || bytes.n == 0) return NULL;
    if (p->decode)
        return decode_bytes(p->decode, bytes, put, r) ? NULL : "the content coding is broken";
    return put(r, bytes) ? NULL : "the file could not be written";
}

const char *response_end(request *r, const char *why) {
    static char refusal[48];
    response *p = r->response;
    if (!p) return why;
    r->response = NULL;
    if (!why && p->decode && !decode_ended(p->decode)) why = "the content coding ends too early";
    if (!why && p->refused) {
        snprintf(refusal, sizeof refusal, "the server answered %u", p->refused);
        why = refusal;
    }
    decode_free(p->decode);
    if (p->assets) assets_free(p->assets, !why);
    if (p->save && !output_close(p->save, !why) && !why) why = "the file could not be written";
    free(p);
    return why;
}
