/* Going to the background (--daemon): the caller waits until it serves, and learns why when
 * it does not. */
#ifndef H2BOX_APPLETS_COMMON_BACKGROUND_H
#define H2BOX_APPLETS_COMMON_BACKGROUND_H

#include <stdbool.h>

typedef struct background {
    int word; /* the end of a pipe that the caller waits at; -1: nobody does */
} background;

/* Forks, while there is but one thread. Returns -1 in the background, and in the caller the code to
 * exit with, when the background has said background_ready or has ended; then it has written its id
 * to stdout, if show_id. */
int background_begin(background *d, bool show_id);

/* Serving begins: leaves the directory and the terminal, but for stderr where that is a log.
 * Nothing when nobody waits. */
void background_ready(background *d, bool keep_stderr);

#endif
