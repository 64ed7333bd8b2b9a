/* One run of an HPACK tool: cases in from stdin, cases out to stdout, each written and flushed
 * before the next is read.
 *
 * What is written is a whole JSON document whatever the input was, unless the input does not even
 * begin as one. */
#ifndef H2BOX_APPLETS_HPACK_CASE_RUN_H
#define H2BOX_APPLETS_HPACK_CASE_RUN_H

#include "applets/hpack/case_fields.h"
#include "applets/opt.h"

typedef struct case_run {
    const opt_call *call;
    uint64_t seq; /* number of the case now, counted in the input from 0 */
    bool failed;  /* a message was printed */
    bool stop;    /* no further case can be read */
    bool written; /* a case was written */
} case_run;

/* What both tools understand in a case. */
typedef struct case_keys {
    bool sized; /* header_table_size is given */
    uint32_t table_size;
    bool latin1; /* encoding is latin-1 */
} case_keys;

/* Makes the output of one case; NULL after case_run_refuse. */
typedef json_t *case_run_step(case_run *run, void *user, const json_t *one);

/* Runs step over the cases of the document on stdin. Returns the exit code. */
int case_run_json(case_run *run, case_run_step *step, void *user);

/* "TOOL: case SEQ: what" on stderr; the run fails but goes on. Returns NULL. */
json_t *case_run_refuse(case_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reads the common keys. false after case_run_refuse. */
bool case_run_keys(case_run *run, const json_t *one, case_keys *keys);

/* The document's first lines; then each case; then its last lines. write takes over one case. */
void case_run_begin(case_run *run);
void case_run_write(case_run *run, json_t *one);
int case_run_end(case_run *run);

#endif
