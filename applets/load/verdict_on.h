/* --fail-if: conditions on a result that make the exit code 1.
 *
 * "p99>50ms", "errors>0", "rps<1000", "connect.p95>=20ms"; with a result to compare with also
 * "p99 +10%" (it may not be more than a tenth above) and "rps -5%" (not more than that below). */
#ifndef H2BOX_APPLETS_LOAD_VERDICT_ON_H
#define H2BOX_APPLETS_LOAD_VERDICT_ON_H

#include "applets/load/result.h"

typedef struct verdict_on {
    const char *text;
    char metric[32];
    int compare;  /* '<', '>', 'l' (<=), 'g' (>=), '=', '!'; '+', '-': per cent against another */
    double value; /* microseconds, or a number */
} verdict_on;

/* NULL, or what is wrong with the text. */
const char *verdict_on_parse(const char *text, verdict_on *out);

/* Whether the condition holds, so the run has failed; says so on stderr. base: NULL without one. */
bool verdict_on_hits(const verdict_on *v, const result *r, const result *base,
                     const opt_call *call);

#endif
