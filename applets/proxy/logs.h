/* Where the logs of a plan go: its files are opened here, opened anew and given away. What stands
 * in them is relay_log.c's; the error log is the process's, and not one of them. Main thread. */
#ifndef H2BOX_APPLETS_PROXY_LOGS_H
#define H2BOX_APPLETS_PROXY_LOGS_H

#include "applets/proxy/error_log.h"
#include "applets/proxy/plan.h"

/* Those of next, which nobody else has yet; now: the plan that it follows, which shares what both
 * say the same of, or NULL. False when it is said what cannot be opened. */
bool logs_open(plan *next, const plan *now, error_log_level how_bad);

/* USR1. What cannot be opened anew stays as it is, and it is said. */
void logs_reopen(const plan *p);

/* Files that root has opened: their new owner is to open them again. It is said what is not given.
 */
void logs_give(const plan *p, uid_t uid, gid_t gid);

#endif
