/* `do` lines: what an applet asks of the connection, and the bodies it sends. */
#include <stdlib.h>

#include "tests/flows/flow.h"

struct flow_body {
    flow_body *next;
    uint8_t *bytes;
    size_t n;       /* of the body */
    size_t step;    /* lent at once at most */
    size_t fail_at; /* SIZE_MAX: never */
    bool later;     /* says LATER until woken */
    uint32_t id;    /* of its stream */
    size_t lent, given_back;
    unsigned releases, after_end;
    bool ended, accepted;
};

static http_pull pull(void *user, uint64_t offset, size_t want, span *lent) {
    flow_body *b = user;
    *lent = (span){NULL, 0};
    if (b->ended || b->releases || offset != b->lent) b->after_end++;
    if (b->later) return HTTP_PULL_LATER;
    size_t n = b->n - (size_t)offset;
    if (n > want) n = want;
    if (n > b->step) n = b->step;
    if (b->fail_at != SIZE_MAX && offset + n >= b->fail_at) {
        b->ended = true;
        return HTTP_PULL_FAILED;
    }
    *lent = span_of(b->bytes + offset, n);
    b->lent += n;
    b->ended = b->lent == b->n;
    return b->ended ? HTTP_PULL_END : HTTP_PULL_MORE;
}

static void done(void *user, size_t n) {
    flow_body *b = user;
    b->given_back += n;
    if (b->releases) b->after_end++;
}

static void release(void *user) {
    flow_body *b = user;
    b->releases++;
}

static const http_body_ops body_ops = {pull, done, release};

const char *actions_check_bodies(player *p) {
    for (flow_body *b = p->bodies; b; b = b->next) {
        if (!b->accepted) {
            if (b->releases || b->lent) return "a body that was refused was used";
            continue;
        }
        if (b->releases != 1) return "a body was not released once";
        if (b->given_back != b->lent) return "a body did not get back what it lent";
        if (b->after_end) return "a body was used after its end, or out of order";
    }
    return NULL;
}

void actions_free(player *p) {
    while (p->bodies) {
        flow_body *b = p->bodies;
        p->bodies = b->next;
        free(b->bytes);
        free(b);
    }
}

/* [step=N] [fail=N] [later] "text" | zeros N, behind the word `body`. */
static http_body parse_body(player *p, char **rest) {
    bytes_buf text = {0};
    flow_body *b = calloc(1, sizeof *b);
    if (!b) abort();
    b->step = b->fail_at = SIZE_MAX;
    b->next = p->bodies;
    p->bodies = b;
    for (char *word; (word = script_word(rest));) {
        if (!strncmp(word, "step=", 5))
            b->step = writer_number(p, word + 5);
        else if (!strncmp(word, "fail=", 5))
            b->fail_at = writer_number(p, word + 5);
        else if (!strcmp(word, "later"))
            b->later = true;
        else if (!strcmp(word, "zeros"))
            bytes_buf_zeros(&text, writer_number(p, script_word(rest)));
        else if (*word == '"')
            script_unescape(&text, word + 1, strlen(word) - 2);
        else
            flow_fail(p, "'%s' is not a body", word);
    }
    /* An exact block, so that the sanitizer sees a byte too many. */
    b->n = text.n;
    b->bytes = malloc(b->n ? b->n : 1);
    if (!b->bytes) abort();
    if (text.n) memcpy(b->bytes, text.p, text.n);
    bytes_buf_free(&text);
    return (http_body){&body_ops, b};
}

/* The bytes of the fields of one `do` line. */
typedef struct fields {
    http_field at[64];
    bytes_buf bytes[64];
    size_t n;
} fields;

static void add_field(fields *f, const char *name, size_t name_n, const char *value) {
    bytes_buf *b = &f->bytes[f->n];
    script_unescape(b, name, name_n);
    size_t split = b->n;
    script_unescape(b, value, strlen(value));
    f->at[f->n++] =
        (http_field){.name = span_of(b->p, split), .value = span_of(b->p + split, b->n - split)};
}

/* Reads name=value words; stops at `body`, and fills *body then. */
static void parse_fields(player *p, char **rest, fields *f, http_body *body) {
    for (char *word; (word = script_word(rest));) {
        if (!strcmp(word, "body")) {
            *body = parse_body(p, rest);
            return;
        }
        char *value = strchr(word, '=');
        if (!value || f->n == 64) flow_fail(p, "'%s' is not a field", word);
        add_field(f, word, (size_t)(value - word), value + 1);
    }
}

/* One call, by whichever face the connection has. */
#define CALL(p, name, ...)                                          \
    (pump_session(p) ? session_##name(pump_session(p), __VA_ARGS__) \
                     : h2_conn_##name((p)->conn, __VA_ARGS__))

static void accept_body(flow_body *b, verdict v, uint32_t id) {
    if (!b || v.scope != VERDICT_NONE) return;
    b->accepted = true;
    b->id = id;
}

static verdict open_or_reply(player *p, const char *verb, char **rest) {
    fields f = {.n = 0};
    http_body body = HTTP_NO_BODY;
    http_ref ref = HTTP_NO_REF;
    verdict v;
    uint32_t id = 0;
    char *first = script_word(rest), *second = script_word(rest);
    if (!second) flow_fail(p, "%s what?", verb);
    if (!strcmp(verb, "open") || !strcmp(verb, "push")) {
        bool open = *verb == 'o';
        bool connect = open && !strcmp(first, "CONNECT") && second[0] != '/';
        add_field(&f, ":method", 7, open ? first : "GET");
        if (!connect) {
            add_field(&f, ":scheme", 7, "http");
            add_field(&f, ":path", 5, second);
        }
        add_field(&f, ":authority", 10, connect ? second : "a.test");
        parse_fields(p, rest, &f, &body);
        if (open) {
            v = CALL(p, open, f.at, f.n, body, p->attach ? p : NULL, &ref);
        } else {
            v = CALL(p, push, events_ref(p, writer_number(p, first)), f.at, f.n, &ref);
        }
        if (v.scope == VERDICT_NONE) events_learn(p, ref);
        id = ref.id;
    } else {
        id = writer_number(p, first);
        add_field(&f, ":status", 7, second);
        parse_fields(p, rest, &f, &body);
        ref = events_ref(p, id);
        if (!strcmp(verb, "inform"))
            v = CALL(p, inform, ref, f.at, f.n);
        else
            v = CALL(p, reply, ref, f.at, f.n, body);
    }
    accept_body(body.user, v, id);
    for (size_t i = 0; i < f.n; i++) bytes_buf_free(&f.bytes[i]);
    return v;
}

static verdict wake(player *p, uint32_t id) {
    for (flow_body *b = p->bodies; b; b = b->next)
        if (b->id == id) b->later = false;
    return CALL(p, wake, events_ref(p, id));
}

/* Calls on a stream: the rest of the line is theirs. */
static verdict on_stream(player *p, const char *verb, char **rest) {
    uint32_t id = writer_number(p, script_word(rest));
    http_ref ref = events_ref(p, id);
    if (!strcmp(verb, "reset"))
        return CALL(p, reset, ref, (h2_code)writer_code(p, script_word(rest)));
    if (!strcmp(verb, "credit")) return CALL(p, credit, ref, writer_number(p, script_word(rest)));
    if (!strcmp(verb, "wake")) return wake(p, id);
    if (!strcmp(verb, "decline") && pump_session(p)) return session_decline(pump_session(p), ref);
    if (!strcmp(verb, "prioritize")) {
        uint8_t urgency = (uint8_t)writer_number(p, script_word(rest));
        return CALL(p, prioritize, ref, urgency, script_word(rest) != NULL);
    }
    if (!strcmp(verb, "trailers")) {
        fields f = {.n = 0};
        http_body none = HTTP_NO_BODY;
        parse_fields(p, rest, &f, &none);
        verdict v = CALL(p, trailers, ref, f.at, f.n);
        for (size_t i = 0; i < f.n; i++) bytes_buf_free(&f.bytes[i]);
        return v;
    }
    flow_fail(p, "do %s?", verb);
}

/* Calls on the whole connection. False when verb is none. */
static bool on_connection(player *p, const char *verb, char **rest, verdict *v) {
    bytes_buf one = {0}, two = {0};
    *v = VERDICT_OK;
    if (!strcmp(verb, "drain"))
        CALL(p, drain, p->link ? loopback_now_ms() : p->now_ms);
    else if (!strcmp(verb, "close"))
        CALL(p, close, (h2_code)writer_code(p, script_word(rest)), "so");
    else if (!strcmp(verb, "eof")) {
        if (p->link)
            loopback_eof(p);
        else if (p->session)
            session_eof(p->session);
        else
            h2_conn_eof(p->conn);
    } else if (!strcmp(verb, "half")) {
        p->half = !p->link;
        if (p->link)
            loopback_half(p);
        else
            pump_feed(p);
    } else if (!strcmp(verb, "ping")) {
        script_unescape(&one, script_word(rest) + 1, 8);
        *v = CALL(p, ping, one.p);
    } else if (!strcmp(verb, "altsvc") || !strcmp(verb, "origin")) {
        char *first = script_word(rest), *second = script_word(rest);
        script_unescape(&one, first + 1, strlen(first) - 2);
        if (second) script_unescape(&two, second + 1, strlen(second) - 2);
        span both[2] = {span_of(one.p, one.n), span_of(two.p, two.n)};
        if (*verb == 'a')
            *v = CALL(p, altsvc, both[0], both[1]);
        else
            *v = CALL(p, origin, both, second ? 2 : 1);
    } else
        return false;
    bytes_buf_free(&one);
    bytes_buf_free(&two);
    return true;
}

void actions_do(player *p, char *text) {
    static const char *const mistakes[] = {"BAD_CALL", "BUSY", "NO_MEMORY"};
    char *rest = script_copy(p, text), *arrow = strstr(rest, " -> ");
    const char *expected = arrow ? arrow + 4 : "OK";
    if (arrow) *arrow = 0;
    char *verb = script_word(&rest);
    verdict v;
    if (!verb) flow_fail(p, "do what?");
    if (!strcmp(verb, "open") || !strcmp(verb, "reply") || !strcmp(verb, "inform") ||
        !strcmp(verb, "push"))
        v = open_or_reply(p, verb, &rest);
    else if (!on_connection(p, verb, &rest, &v))
        v = on_stream(p, verb, &rest);
    const char *got = v.scope == VERDICT_NONE ? "OK" : v.code < 3 ? mistakes[v.code] : "?";
    if (v.scope != VERDICT_NONE && v.scope != VERDICT_CALLER) got = "a verdict that is no caller's";
    if (!p->lenient && strcmp(got, expected) != 0)
        flow_fail(p, "do %s\n  expected: %s\n  got:      %s (%s)", text, expected, got,
                  v.why ? v.why : "");
}
