/* Patterns of hosts and paths, and which of them a request belongs to.
 *
 * A pattern is "host/path", "host" or "/path" (behaves as nghttpx's --backend says): a path that
 * ends in "/" stands for all below it and for itself without the "/"; one that ends in "*" for all
 * that begin with what is before it and go on; any other for itself alone. A host may begin with
 * "*", which stands for one byte or more of it ("*.example.org"). A host without a path is "host/".
 * An exact host goes before a wildcard, which goes before none; a longer wildcard before a shorter
 * one, an exact path before others, and of those the longer first. A dot at a host's end, in
 * either, makes no difference. Immutable once it is filled; lookups from any thread allocate
 * nothing. */
#ifndef H2BOX_APPLETS_PROXY_ROUTE_H
#define H2BOX_APPLETS_PROXY_ROUTE_H

#include "core/bytes.h"

typedef struct route_table route_table;

route_table *route_table_new(void); /* NULL: no memory */
void route_table_free(route_table *t);

/* Adds a pattern, which is copied. The target of a pattern that is already there is kept in
 * *target; else *target is stored. False with *why: what is wrong with it, static. */
bool route_table_add(route_table *t, span pattern, uint32_t *target, const char **why);

#define ROUTE_NONE UINT32_MAX

/* The target for a request with this authority (its port is not looked at, its case neither) and
 * this path (with its query, which is not looked at either; dot segments are resolved and
 * unreserved octets decoded for the comparison). ROUTE_NONE when nothing fits. Linear in the bytes
 * given. */
uint32_t route_find(const route_table *t, span authority, span path);

/* The target of the catch-all pattern "/", or ROUTE_NONE. */
uint32_t route_catch_all(const route_table *t);

#endif
