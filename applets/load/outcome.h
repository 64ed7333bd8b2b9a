/* What is made of a result: text, JSON, CSV, a page, and the exit code. */
#ifndef H2BOX_APPLETS_LOAD_OUTCOME_H
#define H2BOX_APPLETS_LOAD_OUTCOME_H

#include "applets/load/result.h"

/* Whether the conditions of --fail-if can be read; false after a message. `compared`: there will be
 * another result. */
bool outcome_check(const load_settings *set, const opt_call *call, bool compared);

/* A result of a file, into an empty one; result_end is owed. False after a message. */
bool outcome_read(const opt_call *call, const char *path, result *r);

/* Prints and writes the result of a run as the settings ask for; base: what it is compared with, or
 * NULL. Returns the exit code. */
int outcome_of_run(const load_settings *set, const opt_call *call, const result *r,
                   const result *base);

/* --merge: the results of all files as one. */
int outcome_merge(const load_settings *set, const opt_call *call);

/* --compare: the second of two files against the first. */
int outcome_compare(const load_settings *set, const opt_call *call);

#endif
