/* One script in one mode, line by line. */
#include <stdarg.h>
#include <stdlib.h>

#include "tests/flows/flow.h"

void flow_fail(player *p, const char *format, ...) {
    char text[1600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(p->message, sizeof p->message, "%s:%u: [%s] %s", p->script->path, p->line, p->mode,
             text);
    if (loopback_running()) {
        fprintf(stderr, "%s\n", p->message);
        exit(1);
    }
    longjmp(p->out, 1);
}

static bool is_ignored(const player *p, const char *kind, const log_entry *e) {
    for (unsigned i = 0; i < p->ignored_count; i++) {
        size_t n = strlen(kind);
        const char *ignored = p->ignored[i];
        if (strncmp(ignored, kind, n) != 0) continue;
        ignored += n;
        while (*ignored == ' ') ignored++;
        if (!strncmp(e->head, ignored, strlen(ignored))) return true;
    }
    return false;
}

static log_entry *next_entry(player *p, flow_log *l) {
    const char *kind = l == &p->frames ? "frame" : "event";
    log_entry *e;
    while ((e = log_next(l)) && is_ignored(p, kind, e)) log_take(l);
    return e;
}

static void expect(player *p, flow_log *l, const char *expected) {
    char got[800], after[800] = "";
    log_entry *e = next_entry(p, l);
    if (!e && p->link && l == &p->events) {
        pump_drain(p); /* a link tells in its flush what a call has brought about */
        e = next_entry(p, l);
    }
    if (p->lenient) return;
    bool nothing = !strcmp(expected, "nothing");
    if (nothing ? !e : e && log_match(e, expected)) {
        if (e) log_take(l);
        return;
    }
    log_print(e, got, sizeof got);
    log_entry *other = next_entry(p, l == &p->frames ? &p->events : &p->frames);
    if (other) log_print(other, after, sizeof after);
    flow_fail(p, "\n  expected: %s\n  got:      %s%s%s", expected, got,
              other ? "\n  and next among the other log: " : "", after);
}

/* Contract: without input or a deadline, step is called when pending says so. */
static void step_pending(player *p) {
    span none = {NULL, 0};
    if (p->conn ? h2_conn_pending(p->conn) : p->session && session_pending(p->session))
        pump_step(p, &none);
}

/* Whether our side is shut while the other goes on. */
static void expect_shut(player *p, bool shut) {
    if (p->lenient || (p->link && !shut)) return;
    if (p->link ? !loopback_shut(p) : session_shut(p->session) != shut)
        flow_fail(p, shut ? "our side stays open" : "our side is shut");
}

static void expect_frame(player *p, char *expected) {
    pump_drain(p);
    step_pending(p);
    if (!strcmp(expected, "shut") || !strcmp(expected, "open"))
        expect_shut(p, *expected == 's');
    else if (*expected == '"' || (p->text && !strcmp(expected, "nothing")))
        reader_text(p, expected);
    else
        expect(p, &p->frames, expected);
}

/* Both prefaces, SETTINGS and their acknowledgements, as almost every flow begins. */
static void begin(player *p, char *settings) {
    char line[400];
    p->text = false;
    bool acknowledge = strncmp(settings, "noack", 5) != 0;
    if (!acknowledge) settings += 5;
    if (p->server) writer_line(p, "PREFACE");
    snprintf(line, sizeof line, "SETTINGS %s", settings);
    writer_line(p, line);
    if (acknowledge) writer_line(p, "SETTINGS ACK");
    pump_feed(p);
    if (!p->server) expect_frame(p, "PREFACE");
    expect_frame(p, "SETTINGS");
    if (p->config.h2.connection_window > H2_FLOW_INITIAL) expect_frame(p, "WINDOW_UPDATE 0 *");
    expect_frame(p, "SETTINGS ACK");
    expect(p, &p->events, "SETTINGS");
}

/* Settings of HTTP/1.1: `h1.` and a member of h1_config. */
static bool set_h1(player *p, const char *name, const char *value) {
    h1_config *c = &p->config.h1;
    if (strncmp(name, "h1.", 3) != 0) return false;
    name += 3;
    if (!strcmp(name, "upgrade"))
        c->upgrade = !strcmp(value, "yes");
    else if (!strcmp(name, "upgrade_any"))
        c->upgrade_any = !strcmp(value, "yes");
    else if (!strcmp(name, "title_case"))
        c->title_case = !strcmp(value, "yes");
    else if (!strcmp(name, "close_old"))
        c->close_old = !strcmp(value, "yes");
    else if (!strcmp(name, "absolute"))
        c->absolute = !strcmp(value, "yes");
    else if (!strcmp(name, "pipeline"))
        c->pipeline = writer_number(p, value);
    else if (!strcmp(name, "head_max"))
        c->head_max = writer_number(p, value);
    else if (!strcmp(name, "held_max"))
        c->held_max = writer_number(p, value);
    else if (!strcmp(name, "requests_max"))
        c->requests_max = writer_number(p, value);
    else
        return false;
    return true;
}

static void set(player *p, char *rest) {
    char *name = script_word(&rest), *value = script_word(&rest);
    h2_config *c = &p->config.h2;
    if (!name || !value) flow_fail(p, "set what?");
    if (p->started) flow_fail(p, "set comes before everything else");
    int id = writer_setting(name);
    if (id >= 0) {
        int slot = h2_frame_setting_slot((uint16_t)id);
        c->settings[slot] = writer_number(p, value);
        c->announce |= 1u << slot;
    } else if (!strcmp(name, "attach"))
        p->attach = true;
    else if (!strcmp(name, "page"))
        p->page = strstr(p->script->lines[p->line - 1], value);
    else if (!strcmp(name, "loopback"))
        return;
    else if (!strcmp(name, "obey_priority"))
        c->obey_priority = !strcmp(value, "yes");
    else if (!strcmp(name, "window"))
        c->connection_window = writer_number(p, value);
    else if (!strcmp(name, "encoder_table_cap"))
        c->encoder_table_cap = writer_number(p, value);
    else if (!strcmp(name, "peer_streams"))
        c->peer_streams = writer_number(p, value);
    else if (!strcmp(name, "discard_max"))
        c->discard_max = writer_number(p, value);
    else if (!strcmp(name, "held_max"))
        c->held_max = writer_number(p, value);
    else if (!strcmp(name, "settings_ack_ms"))
        c->settings_ack_ms = writer_number(p, value);
    else if (!strcmp(name, "requests_max"))
        c->requests_max = writer_number(p, value);
    else if (!strcmp(name, "padding"))
        c->padding = writer_number(p, value);
    else if (!set_h1(p, name, value))
        flow_fail(p, "set %s?", name);
}

static void role(player *p, char *rest) {
    static const char *const starts[] = {"any", "h2", "h1", "upgrade",
                                         "tunnel"}; /* as session_start */
    char *who = script_word(&rest), *start = script_word(&rest);
    unsigned i = SESSION_H2;
    p->server = !strcmp(who, "server");
    if (!p->server && strcmp(who, "client") != 0) flow_fail(p, "a role is server or client");
    session_defaults(&p->config, p->server);
    for (i = start ? 0 : i; start && strcmp(starts[i], start) != 0; i++)
        if (i == 4) flow_fail(p, "a role begins any, h2, h1, upgrade or tunnel");
    p->config.start = (session_start)i;
    p->text = i != SESSION_H2;
    /* Fewer WINDOW_UPDATE frames to write into every script. */
    p->config.h2.connection_window = H2_FLOW_INITIAL;
}

static void over(player *p, const char *code) {
    char line[80];
    snprintf(line, sizeof line, "GOAWAY * %s", code);
    if (!p->text) expect_frame(p, line);
    snprintf(line, sizeof line, "OVER %s", code);
    expect(p, &p->events, line);
    if (p->link && !loopback_shut(p)) flow_fail(p, "the TCP connection stays open");
}

static void ignore(player *p, char *what) {
    if (p->ignored_count == sizeof p->ignored / sizeof *p->ignored)
        flow_fail(p, "too much ignored");
    p->ignored[p->ignored_count++] = what;
}

static void pass_time(player *p, const char *ms) {
    span none = {NULL, 0};
    if (*ms != '+') flow_fail(p, "time goes on: +MILLISECONDS");
    p->now_ms += writer_number(p, ms + 1);
    if (p->link) flow_fail(p, "time cannot be told to pass over loopback");
    pump_step(p, &none);
}

/* A line that speaks to the running connection; what the peer sends is gathered until the next line
 * that is something else. */
static void running_line(player *p, char *line) {
    size_t n = strcspn(line, " ");
    char *rest = line + n + strspn(line + n, " ");
    unsigned number = p->line;
    if (*line == '>') {
        writer_line(p, line + 1);
        return;
    }
    pump_feed(p);
    p->line = number;
    if (*line == '<')
        expect_frame(p, rest);
    else if (!strncmp(line, "event ", 6))
        expect(p, &p->events, rest);
    else if (!strncmp(line, "over ", 5))
        over(p, rest);
    else if (!strncmp(line, "time ", 5))
        pass_time(p, rest);
    else if (!strncmp(line, "do ", 3)) {
        actions_do(p, rest);
        step_pending(p);
    } else if (n == 5 && !strncmp(line, "begin", n))
        begin(p, rest);
    else if (n == 6 && !strncmp(line, "switch", n))
        p->text = false;
    else
        flow_fail(p, "'%.*s'?", (int)n, line);
}

/* The lines up to `end`, so many times. Returns the line of `end`. */
static unsigned repeat(player *p, unsigned at, unsigned times) {
    unsigned end = at;
    while (end < p->script->count && strcmp(p->script->lines[end], "end") != 0) end++;
    if (end == p->script->count) flow_fail(p, "repeat without end");
    for (p->round = 0; p->round < times; p->round++) {
        for (unsigned i = at; i < end; i++) {
            p->line = i + 1;
            if (*p->script->lines[i]) running_line(p, p->script->lines[i]);
        }
    }
    p->round = 0;
    return end;
}

static void lines(player *p) {
    char nothing[] = "nothing";
    for (unsigned i = 0; i < p->script->count; i++) {
        char *line = p->script->lines[i];
        p->line = i + 1;
        if (!*line) continue;
        if (!strncmp(line, "role ", 5))
            role(p, script_copy(p, line + 5));
        else if (!strncmp(line, "set ", 4))
            set(p, script_copy(p, line + 4));
        else if (!strncmp(line, "ignore ", 7))
            ignore(p, line + 7);
        else {
            if (!p->started) pump_start(p);
            if (!strncmp(line, "repeat ", 7))
                i = repeat(p, i + 1, writer_number(p, line + 7));
            else
                running_line(p, line);
        }
    }
    if (!p->started) flow_fail(p, "a flow without a connection");
    pump_feed(p);
    pump_drain(p);
    if (p->session) step_pending(p);
    if (p->text) reader_text(p, nothing);
    expect(p, &p->frames, "nothing");
    expect(p, &p->events, "nothing");
    pump_end(p);
}

static void free_player(player *p) {
    if (p->link) loopback_close(p->link);
    h2_conn_free(p->conn);
    session_free(p->session);
    if (p->conn || p->session) session_scratch_end(&p->scratch);
    if (p->started) {
        hpack_dec_end(&p->dec);
        hpack_list_end(&p->list);
    }
    bytes_buf_free(&p->pending);
    bytes_buf_free(&p->output);
    bytes_buf_free(&p->shown);
    bytes_buf_free(&p->block);
    log_free(&p->frames);
    log_free(&p->events);
    actions_free(p);
    free(p->refs);
    free(p->words);
}

bool play(player *p) {
    volatile bool passed = false;
    p->now_ms = 1000000;
    p->table_size = HPACK_DEFAULT_SIZE;
    p->frame_size = p->frame_max = h2_frame_setting_initial(H2_SLOT_MAX_FRAME_SIZE);
    memory_init(&p->dec_memory, 0);
    if (setjmp(p->out) == 0) {
        lines(p);
        passed = true;
    }
    free_player(p);
    return passed;
}
