/* A whole exchange of the network layer with itself, on one loop: what the parts of this program
 * share.
 *
 * serve.c and fetch.c are its two sides; both check every byte and that everything is told its end
 * once. wrap.c stands between them and the heap. main.c runs it where allocations are refused and
 * where the network is bad. */
#ifndef H2BOX_TESTS_EXCHANGE_EXCHANGE_H
#define H2BOX_TESTS_EXCHANGE_EXCHANGE_H

#include "netio/net.h"

/* ---- wrap.c: every malloc, calloc and realloc of our archives and of libuv's ---- */

typedef enum wrap_whose {
    WRAP_LOOP,  /* asked for by h2box on the thread of the loop */
    WRAP_POOL,  /* by h2box on a thread of libuv's pool */
    WRAP_LIBUV, /* by libuv */
    WRAP_KINDS
} wrap_whose;

extern const char *const wrap_names[WRAP_KINDS];

/* Counts from now on, and refuses the n-th of one kind; 0: none. To be called on the loop's
 * thread. */
void wrap_begin(wrap_whose whose, unsigned n);
/* Stops that; true when one was refused. */
bool wrap_end(void);
long wrap_blocks(void); /* that are out now */

/* ---- main.c ---- */

extern tls_config *exchange_server_tls, *exchange_client_tls; /* NULL: in the clear */

/* ---- serve.c: the server's side ---- */

bool serve_begin(loop *l, const char *root, const session_config *config);
uint16_t serve_port(void);
void serve_stop(void);         /* the listener is closed now, the cache after the last link */
const char *serve_check(void); /* after the loop has ended: what is wrong, or NULL */

/* ---- fetch.c: the clients ---- */

enum { FETCH_CLIENTS = 3, FETCH_STREAMS = 6, FETCH_MOST = 1 << 20 };

/* Of the answers; a client asks for all of them at once. */
enum { FETCH_SMALL, FETCH_BIG, FETCH_NONE, FETCH_ECHO, FETCH_LATER, FETCH_AGAIN };
extern const char *const fetch_paths[FETCH_STREAMS];
extern uint64_t fetch_sizes[FETCH_STREAMS]; /* BIG and ECHO may be set, up to FETCH_MOST */

/* Byte i of every body, whichever way it goes. */
static inline uint8_t fetch_byte(uint64_t i) { return (uint8_t)(i * 7 + (i >> 8)); }

/* Begins all connections; calls done(user) when every one has ended. */
void fetch_begin(loop *l, uint16_t port, const session_config *config, void (*done)(void));

/* What is wrong, or NULL, when at most so many connections may have suffered. If none may, then
 * no request may have been refused either. */
const char *fetch_check(unsigned harmed_most);

#endif
