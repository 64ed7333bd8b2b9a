/* The requests of a lane that are on their way, and how each is counted: once, as answered or as
 * failed.
 *
 * A lane keeps them in the order they were sent. They come from its crew (crew_take_shot), whose
 * tally and log tell of them. Not here: what is sent when, and what follows (lane.h). */
#ifndef H2BOX_APPLETS_LOAD_SHOT_H
#define H2BOX_APPLETS_LOAD_SHOT_H

#include "applets/load/lane.h"

/* Puts s behind the others; takes it out. */
void shot_append(lane *l, shot *s);
void shot_take_out(lane *l, shot *s);

/* Its answer has come to the end: counted by its status, with its times. */
void shot_answer(lane *l, shot *s);

/* It failed, for a reason that people are told. Nothing when it was counted before. */
void shot_fail(lane *l, shot *s, const char *why, bool timed_out);

/* n requests that never began came to nothing. */
void shot_lose(lane *l, uint64_t n, const char *why);

#endif
