#include "applets/load/outcome.h"
#include "applets/applet.h"
#include "applets/load/block.h"
#include "applets/load/compare.h"
#include "applets/load/csv.h"
#include "applets/load/report.h"
#include "applets/load/result_json.h"
#include "applets/load/verdict_on.h"

#include <errno.h>
#include <stdio.h>

/* ---- conditions ---- */

bool outcome_check(const load_settings *set, const opt_call *call, bool compared) {
    for (uint32_t i = 0; i < set->fail_if.count; i++) {
        verdict_on v;
        const char *why = verdict_on_parse(set->fail_if.v[i], &v);
        if (!why && (v.compare == '+' || v.compare == '-') && !compared)
            why = "per cent of what? That needs --compare";
        if (!why) continue;
        opt_say(call, "--fail-if '%s': %s", set->fail_if.v[i], why);
        return false;
    }
    return true;
}

static bool any_hit(const load_settings *set, const opt_call *call, const result *r,
                    const result *base) {
    bool hit = false;
    for (uint32_t i = 0; i < set->fail_if.count; i++) {
        verdict_on v;
        if (!verdict_on_parse(set->fail_if.v[i], &v)) hit |= verdict_on_hits(&v, r, base, call);
    }
    return hit;
}

/* ---- files ---- */

static bool write_file(const opt_call *call, const char *path, const result *r,
                       bool (*write)(FILE *out, const result *r)) {
    if (!path) return true;
    FILE *f = fopen(path, "wb");
    bool good = f && write(f, r);
    int error = errno;
    if (f && fclose(f) != 0 && good) {
        good = false;
        error = errno;
    }
    if (!good) opt_say(call, "%s: %s", path, strerror(error));
    return good;
}

/* Prints and writes r. True when nothing failed and no condition holds. */
static bool tell(const load_settings *set, const opt_call *call, const result *r,
                 const result *base) {
    if (set->draw && set->format == LOAD_TEXT) block_draw(stdout, r);
    if (base && set->format == LOAD_TEXT) compare_print(stdout, base, r);
    fflush(stdout);
    bool good = write_file(call, set->output, r, result_json_write);
    good &= write_file(call, set->report, r, report_write);
    return !any_hit(set, call, r, base) && good;
}

static void print(const load_settings *set, const result *r) {
    if (set->format == LOAD_JSON)
        result_json_write(stdout, r);
    else if (set->format == LOAD_CSV)
        csv_print(stdout, r);
    else
        block_print(stdout, r);
}

/* Whether requests ran, and none failed below HTTP. */
static bool went_well(const tally *t) { return t->done && !t->errored && !t->connect_failed; }

int outcome_of_run(const load_settings *set, const opt_call *call, const result *r,
                   const result *base) {
    print(set, r);
    if (base && set->format == LOAD_TEXT) fputc('\n', stdout);
    bool good = tell(set, call, r, base);
    return good && went_well(r->tally) ? APPLET_DONE : APPLET_FAILED;
}

/* ---- results of files ---- */

bool outcome_read(const opt_call *call, const char *path, result *r) {
    if (!result_begin(r)) {
        opt_say(call, "out of memory");
        return false;
    }
    const char *why = result_json_read(path, r);
    if (why) opt_say(call, "%s: %s", path, why);
    return !why;
}

int outcome_merge(const load_settings *set, const opt_call *call) {
    result all;
    bool good = result_begin(&all);
    for (int i = 0; i < call->operand_count && good; i++) {
        result one;
        good = outcome_read(call, call->operands[i], &one) && result_merge(&all, &one);
        result_end(&one);
    }
    int code = good ? outcome_of_run(set, call, &all, NULL) : APPLET_FAILED;
    result_end(&all);
    return code;
}

int outcome_compare(const load_settings *set, const opt_call *call) {
    result a, b = {0};
    int code = APPLET_FAILED;
    if (outcome_read(call, call->operands[0], &a) && outcome_read(call, call->operands[1], &b)) {
        if (set->format != LOAD_TEXT) print(set, &b);
        if (tell(set, call, &b, &a)) code = APPLET_DONE;
    }
    result_end(&a);
    result_end(&b);
    return code;
}
