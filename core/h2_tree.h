/* The dependency tree of RFC 7540 section 5.3: whose turn it is when the peer orders its streams by
 * dependency and weight.
 *
 * A stream sends before those that depend on it; siblings share what is left by weight, which is
 * kept by virtual time: a turn of n bytes costs n / weight, and the cheapest goes next. Nodes are
 * named by stream identifiers; streams themselves are not known here.
 *
 * Cost: a turn takes O(log siblings) on each level from the node to the root, and there are at most
 * LIMIT_TREE_DEPENDENTS levels. A change of dependency takes as many steps as nodes move. Nothing
 * recurses. The tree owns its nodes; nodes of streams that are idle or closed are kept up to
 * LIMIT_TREE_KEPT of each kind. */
#ifndef H2BOX_CORE_H2_TREE_H
#define H2BOX_CORE_H2_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/mem.h"

typedef struct h2_tree h2_tree;

/* What HEADERS and PRIORITY frames say: RFC 9113 section 6.2. */
typedef struct h2_dependency {
    uint32_t on;     /* the stream it depends on; 0: the root */
    uint16_t weight; /* 1 to 256 */
    bool exclusive;
} h2_dependency;

#define H2_DEPENDENCY_DEFAULT ((h2_dependency){0, 16, false}) /* RFC 7540 section 5.3.5 */

/* NULL when memory is refused. */
h2_tree *h2_tree_new(const mem *m);
void h2_tree_free(h2_tree *t);

/* Whether the tree has a node for the stream. */
bool h2_tree_has(const h2_tree *t, uint32_t id);

/* Sets what the stream depends on; a stream without a node gets one, as an idle stream's. What is
 * not in the tree, or the stream itself, cannot be depended on: the default takes its place (RFC
 * 7540 section 5.3.1). False, and nothing has changed, when memory is refused. */
bool h2_tree_depend(h2_tree *t, uint32_t id, h2_dependency d);

/* The stream has opened: its node is kept until it closes. One without a node gets the default.
 * False when memory is refused: it has no node then. */
bool h2_tree_open(h2_tree *t, uint32_t id);

/* The stream has closed: its node is kept for a while, for those that depend on it or will. A
 * stream without a node is nothing. */
void h2_tree_close(h2_tree *t, uint32_t id);

/* Whether an open stream has something to send. */
void h2_tree_set_ready(h2_tree *t, uint32_t id, bool ready);

/* Whether any stream is ready: O(1). */
bool h2_tree_any(const h2_tree *t);

/* The stream whose turn it is; 0 when none is ready. */
uint32_t h2_tree_next(const h2_tree *t);

/* The stream that h2_tree_next named has sent n bytes. */
void h2_tree_sent(h2_tree *t, uint32_t id, uint32_t n);

#endif
