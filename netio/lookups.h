/* Look-ups of names by the system's resolver, in threads of their own: how many run at once in the
 * process, and whose is next.
 *
 * getaddrinfo blocks, for many seconds when nobody answers for a name, and who chooses names that
 * nobody answers for must not keep others waiting. So each belongs to an account, the program's own
 * or that of a client's network. Accounts stand in lines, several in one when there are more of
 * them than lines; a line has a part of the threads at most, lines take turns, and the line of a
 * client has an end. It knows nothing of times and of tries: resolve.h does. */
#ifndef H2BOX_NETIO_LOOKUPS_H
#define H2BOX_NETIO_LOOKUPS_H

#include <netdb.h>

#include "netio/net.h"

typedef struct lookup lookup;

/* What is told on the loop, never within a call of this file; the list lives until it returns. */
typedef void lookups_done(void *user, int error, const struct addrinfo *list);

/* NULL when memory is refused, or with *full when too many of this account wait. */
lookup *lookups_ask(loop *l, const char *host, uint32_t whose, lookups_done *done, void *user,
                    bool *full);

/* Nobody waits for it any more; a thread that has begun keeps its place until the resolver gives
 * up. Not after done; before the loop ends. */
void lookups_leave(lookup *q);

/* Another account wants the same: it moves to the line of that one, if that is the shorter. */
void lookups_share(lookup *q, uint32_t whose);

/* When a thread began with it, as loop_now_us; 0: it waits. */
uint64_t lookups_begun(const lookup *q);

#endif
