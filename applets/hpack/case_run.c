#include "applets/hpack/case_run.h"

#include "applets/hpack/case_in.h"

#include <stdarg.h>

json_t *case_run_refuse(case_run *run, const char *format, ...) {
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    opt_say(run->call, "case %llu: %s", (unsigned long long)run->seq, what);
    run->failed = true;
    return NULL;
}

bool case_run_keys(case_run *run, const json_t *one, case_keys *keys) {
    *keys = (case_keys){0};
    if (!json_is_object(one)) {
        case_run_refuse(run, "not a JSON object");
        return false;
    }
    const json_t *size = json_object_get(one, "header_table_size");
    const json_t *encoding = json_object_get(one, "encoding");
    if (size) {
        json_int_t value = json_integer_value(size);
        if (!json_is_integer(size) || value < 0 || value > UINT32_MAX) {
            case_run_refuse(run, "header_table_size: not an integer from 0 to 4294967295");
            return false;
        }
        keys->sized = true;
        keys->table_size = (uint32_t)value;
    }
    if (encoding) {
        const char *name = json_string_value(encoding);
        keys->latin1 = name && strcmp(name, "latin-1") == 0;
        if (!keys->latin1 && !(name && strcmp(name, "utf-8") == 0)) {
            case_run_refuse(run, "encoding: neither \"utf-8\" nor \"latin-1\"");
            return false;
        }
    }
    return true;
}

void case_run_begin(case_run *run) {
    (void)run;
    fputs("{\n  \"cases\": [\n", stdout);
}

void case_run_write(case_run *run, json_t *one) {
    if (!one) return;
    if (run->written) fputs(",\n", stdout);
    run->written = true;
    if (json_dumpf(one, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) != 0) {
        run->stop = run->failed = true; /* h2box.c tells why stdout refuses */
    }
    fputc('\n', stdout);
    json_decref(one);
    if (fflush(stdout) != 0) run->stop = run->failed = true;
}

int case_run_end(case_run *run) {
    fputs("  ]\n}\n", stdout);
    return run->failed;
}

static void run_case(case_run *run, const case_in *in, case_run_step *step, void *user) {
    json_error_t error;
    json_t *one = json_loadb(in->text ? in->text : "", in->n,
                             JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (one)
        case_run_write(run, step(run, user, one));
    else
        case_run_refuse(run, "malformed JSON: %s", error.text);
    json_decref(one);
}

int case_run_json(case_run *run, case_run_step *step, void *user) {
    case_in in;
    case_in_found found = CASE_IN_CASE;
    if (!case_in_begin(&in, stdin)) {
        opt_say(run->call, "%s", in.wrong);
        case_in_end(&in);
        return 1;
    }
    case_run_begin(run);
    while (!run->stop && (found = case_in_next(&in)) == CASE_IN_CASE) {
        run_case(run, &in, step, user);
        run->seq++;
    }
    if (found == CASE_IN_BROKEN && in.last)
        opt_say(run->call, "%s", in.wrong);
    else if (found == CASE_IN_BROKEN)
        case_run_refuse(run, "%s; reading stops here", in.wrong);
    run->failed |= found == CASE_IN_BROKEN;
    case_in_end(&in);
    return case_run_end(run);
}
