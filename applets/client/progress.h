/* A line on the terminal that shows how far long bodies are. */
#ifndef H2BOX_APPLETS_CLIENT_PROGRESS_H
#define H2BOX_APPLETS_CLIENT_PROGRESS_H

#include "applets/client/client.h"

typedef struct progress {
    client_run *run;
    timer tick;
    uint64_t begun_us;
    bool shown;
} progress;

/* Begins, when stderr is a terminal and nothing else is written to one. */
void progress_begin(progress *p, client_run *run);
void progress_wipe(progress *p); /* before something else is written; NULL is nothing */
void progress_end(progress *p);

#endif
