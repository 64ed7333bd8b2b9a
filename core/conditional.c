#include "core/conditional.h"

#include "core/date.h"
#include "core/etag.h"

static bool has(const http_field *f, size_t n, http_token token) {
    return fields_find(f, n, token) != NULL;
}

/* Whether one of the fields of this name lists a tag of ours: several are one list (RFC 9110
 * section 5.3). */
static bool listed(const conditional *is, const http_field *f, size_t n, http_token token,
                   bool weak) {
    for (size_t i = 0; i < n; i++) {
        if (f[i].token != token) continue;
        if (etag_in_list(f[i].value, is->etag, weak)) return true;
        if (is->coded_etag.n && etag_in_list(f[i].value, is->coded_etag, weak)) return true;
    }
    return false;
}

static bool date_of(const conditional *is, const http_field *f, size_t n, http_token token,
                    int64_t *seconds) {
    const http_field *field = fields_find(f, n, token);
    return field && date_parse(field->value, is->now, seconds);
}

conditional_result conditional_evaluate(const conditional *is, const http_field *f, size_t n) {
    int64_t date;
    if (has(f, n, HTTP_TOKEN_IF_MATCH)) {
        if (!listed(is, f, n, HTTP_TOKEN_IF_MATCH, false)) return CONDITIONAL_FAILED;
    } else if (date_of(is, f, n, HTTP_TOKEN_IF_UNMODIFIED_SINCE, &date)) {
        if (is->modified > date) return CONDITIONAL_FAILED;
    }
    if (has(f, n, HTTP_TOKEN_IF_NONE_MATCH)) {
        if (listed(is, f, n, HTTP_TOKEN_IF_NONE_MATCH, true)) return CONDITIONAL_SAME;
    } else if (date_of(is, f, n, HTTP_TOKEN_IF_MODIFIED_SINCE, &date)) {
        if (is->modified <= date) return CONDITIONAL_SAME;
    }
    return CONDITIONAL_GO;
}

bool conditional_range(const conditional *is, const http_field *f, size_t n) {
    const http_field *field = fields_find(f, n, HTTP_TOKEN_IF_RANGE);
    int64_t date;
    if (!field) return true;
    if (is->etag.n && etag_same(field->value, is->etag, false)) return true;
    /* A second must have passed, or the file may have changed twice within it (section 8.8.2.2). */
    return date_parse(field->value, is->now, &date) && date == is->modified &&
           is->modified < is->now;
}
