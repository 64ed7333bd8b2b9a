/* From settings to a run and its result: what is checked, opened and made before the first
 * connection, and said after the last. */
#ifndef H2BOX_APPLETS_LOAD_SETUP_H
#define H2BOX_APPLETS_LOAD_SETUP_H

#include "applets/load/load.h"

/* Does all that the settings ask for; ends the call and returns the exit code. */
int setup_and_run(const load_settings *set, opt_call *call);

#endif
