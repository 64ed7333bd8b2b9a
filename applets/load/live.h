/* What is shown while a run goes on: a live line on a terminal, "progress: 10% done" elsewhere. */
#ifndef H2BOX_APPLETS_LOAD_LIVE_H
#define H2BOX_APPLETS_LOAD_LIVE_H

#include "applets/load/load.h"

typedef struct live {
    const load_run *run;
    bool on_terminal, quiet;
    uint64_t steps; /* of the run that were told */
    bool shown;     /* a live line stands on the terminal */
} live;

void live_begin(live *p, const load_run *run, bool quiet);
void live_tick(live *p); /* several times a second */
void live_end(live *p);

#endif
