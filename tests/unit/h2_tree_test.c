/* core/h2_tree.c: dependencies and weights (RFC 7540 section 5.3), also beside a slow model. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "core/h2_tree.h"
#include "core/limits.h"
#include "tests/unit/mem_hook.h"

static h2_tree *t;

static void setup(void) { t = h2_tree_new(&hook); }

static void teardown(void) {
    h2_tree_free(t);
    cr_assert_eq(held, 0);
}

static void depend(uint32_t id, uint32_t on, uint16_t weight, bool exclusive) {
    cr_assert(h2_tree_depend(t, id, (h2_dependency){on, weight, exclusive}));
}

static void ready(uint32_t id) {
    cr_assert(h2_tree_open(t, id));
    h2_tree_set_ready(t, id, true);
}

static void gone(uint32_t id) { h2_tree_set_ready(t, id, false); }

/* The next n turns of 1000 bytes. */
static const char *turns(int n) {
    static char text[400];
    size_t at = 0;
    text[0] = 0;
    while (n-- > 0) {
        uint32_t id = h2_tree_next(t);
        at += (size_t)snprintf(text + at, sizeof text - at, "%u ", id);
        if (id) h2_tree_sent(t, id, 1000);
    }
    return text;
}

TestSuite(h2_tree, .init = setup, .fini = teardown);

Test(h2_tree, empty) {
    cr_assert_eq(h2_tree_next(t), 0);
    h2_tree_close(t, 5);
    h2_tree_set_ready(t, 5, true);
    cr_assert_not(h2_tree_has(t, 5));
    cr_assert_eq(h2_tree_next(t), 0);
}

Test(h2_tree, siblings_share_by_weight) {
    ready(1);
    ready(3);
    depend(1, 0, 32, false);
    cr_assert_str_eq(turns(9), "1 3 1 1 3 1 1 3 1 ");
}

Test(h2_tree, parents_first) {
    ready(1);
    ready(3);
    ready(5);
    depend(3, 1, 16, false);
    depend(5, 3, 256, false);
    cr_assert_str_eq(turns(2), "1 1 ");
    gone(1);
    cr_assert_str_eq(turns(2), "3 3 ");
    gone(3);
    cr_assert_str_eq(turns(1), "5 ");
    h2_tree_set_ready(t, 1, true);
    cr_assert_str_eq(turns(1), "1 ");
}

/* RFC 7540 section 5.3.1, figure 4. */
Test(h2_tree, exclusive) {
    ready(1);
    depend(3, 1, 16, false);
    depend(5, 1, 16, false);
    ready(3);
    ready(5);
    depend(7, 1, 16, true);
    ready(7);
    gone(1);
    cr_assert_str_eq(turns(2), "7 7 ");
    gone(7);
    cr_assert_str_eq(turns(4), "3 5 3 5 ");
}

/* RFC 7540 section 5.3.3, figure 5: A is made to depend on D, which is below it. A to F are 2 to
 * 12. */
static void figure_5(bool exclusive) {
    for (uint32_t id = 2; id <= 12; id += 2) ready(id);
    depend(4, 2, 16, false);
    depend(6, 2, 16, false);
    depend(8, 6, 16, false);
    depend(10, 6, 16, false);
    depend(12, 8, 16, false);
    depend(2, 8, 16, exclusive);
}

Test(h2_tree, below_itself) {
    figure_5(false);
    cr_assert_str_eq(turns(1), "8 ");
    gone(8);
    cr_assert_str_eq(turns(4), "2 12 2 12 ");
    gone(2);
    cr_assert_str_eq(turns(4), "4 12 6 12 ", "B and C share what A had");
    gone(12);
    gone(4);
    gone(6);
    cr_assert_str_eq(turns(1), "10 ");
}

Test(h2_tree, below_itself_exclusive) {
    figure_5(true);
    cr_assert_str_eq(turns(1), "8 ");
    gone(8);
    cr_assert_str_eq(turns(2), "2 2 ");
    gone(2);
    cr_assert_str_eq(turns(3), "4 6 12 ", "F has moved below A");
}

/* RFC 7540 section 5.3.4: the share of a node that is given up goes to those below it. */
Test(h2_tree, given_up) {
    ready(1);
    depend(3, 1, 200, false);
    depend(5, 1, 100, false);
    depend(1, 0, 48, false);
    ready(3);
    ready(5);
    ready(7); /* of weight 16, beside 1 */
    h2_tree_close(t, 1);
    unsigned by[8] = {0};
    for (int i = 0; i < 400; i++) {
        uint32_t id = h2_tree_next(t);
        by[id]++;
        h2_tree_sent(t, id, 1000);
    }
    cr_assert(by[3] == 200 && by[5] == 100 && by[7] == 100, "%u %u %u", by[3], by[5], by[7]);
    for (uint32_t id = 101; h2_tree_has(t, 1); id += 2) {
        ready(id);
        h2_tree_close(t, id);
    }
    by[3] = by[5] = by[7] = 0;
    for (int i = 0; i < 400; i++) {
        uint32_t id = h2_tree_next(t);
        by[id]++;
        h2_tree_sent(t, id, 1000);
    }
    cr_assert(by[3] == 200 && by[5] == 100 && by[7] == 100, "%u %u %u", by[3], by[5], by[7]);
}

/* Firefox makes groups of idle streams that never open. */
Test(h2_tree, groups_of_idle_streams) {
    depend(3, 0, 201, false);
    depend(5, 0, 101, false);
    ready(15);
    depend(15, 3, 32, false);
    ready(17);
    depend(17, 5, 32, false);
    unsigned first = 0;
    for (int i = 0; i < 302; i++) {
        uint32_t id = h2_tree_next(t);
        first += id == 15;
        h2_tree_sent(t, id, 1000);
    }
    cr_assert(first == 201, "%u", first);
}

/* Who waited does not make up for it. */
Test(h2_tree, no_savings) {
    ready(1);
    ready(3);
    gone(3);
    turns(50);
    h2_tree_set_ready(t, 3, true);
    unsigned third = 0;
    for (int i = 0; i < 20; i++) {
        uint32_t id = h2_tree_next(t);
        third += id == 3;
        h2_tree_sent(t, id, 1000);
    }
    cr_assert(third == 10 || third == 11, "%u", third);
}

/* What was owed by the old weight is not owed by the new one. */
Test(h2_tree, weight_changes_at_once) {
    ready(1);
    ready(3);
    depend(1, 0, 1, false);
    depend(3, 0, 256, false);
    cr_assert_str_eq(turns(3), "1 3 3 ");
    depend(1, 0, 256, false);
    cr_assert_str_eq(turns(5), "1 3 1 3 1 ");
}

Test(h2_tree, what_is_not_there) {
    ready(1);
    ready(3);
    depend(3, 99, 256, true); /* the default takes its place: RFC 7540 section 5.3.1 */
    cr_assert_str_eq(turns(4), "1 3 1 3 ");
    depend(3, 3, 256, true);
    cr_assert_str_eq(turns(4), "1 3 1 3 ");
}

/* The oldest idle node gives way, but not to a node that is about to depend on it. */
Test(h2_tree, idle_nodes_are_bounded) {
    for (uint32_t i = 0; i < LIMIT_TREE_KEPT; i++) depend(2 * i + 1, 0, 16, false);
    cr_assert(h2_tree_has(t, 1));
    depend(1001, 1, 16, false);
    cr_assert(h2_tree_has(t, 1) && !h2_tree_has(t, 3));
    depend(1003, 0, 16, false);
    cr_assert_not(h2_tree_has(t, 1));
}

/* A chain is as deep as LIMIT_TREE_DEPENDENTS allows; the rest depends on the root. */
Test(h2_tree, depth_is_bounded) {
    uint32_t last = 2 * LIMIT_TREE_DEPENDENTS + 41;
    for (uint32_t id = 1; id <= last; id += 2) {
        ready(id);
        depend(id, id - 1 ? id - 2 : 0, 16, true);
    }
    cr_assert_eq(h2_tree_next(t), 1);
    gone(1);
    unsigned flat = 0;
    uint32_t deepest = 0;
    for (uint32_t id; (id = h2_tree_next(t)) != 0; gone(id)) {
        if (id > 2 * LIMIT_TREE_DEPENDENTS + 1)
            flat++;
        else
            deepest = id;
        h2_tree_sent(t, id, 1000);
    }
    cr_assert_eq(deepest, 2 * LIMIT_TREE_DEPENDENTS + 1);
    cr_assert_eq(flat, 20);
}

/* Memory refused: nothing changes, nothing is lost. */
Test(h2_tree, refused) {
    for (uint32_t id = 1; id < 31; id += 2) ready(id);
    refuse = true;
    cr_assert_not(h2_tree_open(t, 33));
    cr_assert_not(h2_tree_depend(t, 35, H2_DEPENDENCY_DEFAULT));
    cr_assert(!h2_tree_has(t, 33) && !h2_tree_has(t, 35));
    cr_assert_null(h2_tree_new(&hook));
    refuse = false;
    cr_assert_str_eq(turns(3), "1 3 5 ");
}

/* ---- a model: an array, and searches through all of it ---- */

#define STREAMS 100

typedef struct model_node {
    bool there, open, ready;
    uint32_t parent, weight;
    uint64_t cost, clock, kept; /* kept: when its stream was last idle or closed; 0: it is open */
    bool closed;
} model_node;

static model_node model[STREAMS + 1]; /* by identifier; 0 is the root */
static uint64_t model_time;
static unsigned model_drops;

static bool model_active(uint32_t id) {
    if (model[id].ready) return true;
    for (uint32_t i = 1; i <= STREAMS; i++)
        if (model[i].there && model[i].parent == id && model_active(i)) return true;
    return false;
}

/* After a change: who became active is level with its siblings. */
static bool was_active[STREAMS + 1];
static void model_note(void) {
    for (uint32_t i = 1; i <= STREAMS; i++) was_active[i] = model[i].there && model_active(i);
}
static void model_level(void) {
    for (uint32_t i = 1; i <= STREAMS; i++) {
        model_node *n = &model[i];
        if (n->there && !was_active[i] && model_active(i) && n->cost < model[n->parent].clock)
            n->cost = model[n->parent].clock;
    }
}

static void model_move(uint32_t id, uint32_t parent) {
    model[id].parent = parent;
    model[id].cost = model[parent].clock;
}

static uint32_t model_next(uint32_t at) {
    if (at && model[at].ready) return at;
    uint32_t best = 0;
    for (uint32_t i = 1; i <= STREAMS; i++)
        if (model[i].there && model[i].parent == at && model_active(i) &&
            (!best || model[i].cost < model[best].cost))
            best = i;
    return best ? model_next(best) : 0;
}

static void model_drop(uint32_t id) {
    uint32_t sum = 0;
    for (uint32_t i = 1; i <= STREAMS; i++)
        if (model[i].there && model[i].parent == id) sum += model[i].weight;
    for (uint32_t i = 1; i <= STREAMS; i++) {
        if (!model[i].there || model[i].parent != id) continue;
        model[i].weight = model[id].weight * model[i].weight / sum;
        if (!model[i].weight) model[i].weight = 1;
        model_move(i, model[id].parent);
    }
    model[id].there = false;
    model_drops++;
}

/* One more of a kind: the oldest gives way. */
static void model_keep(uint32_t id, bool closed, uint32_t spared) {
    uint32_t kept = 0, oldest = 0;
    for (uint32_t i = 1; i <= STREAMS; i++) {
        if (i == id || !model[i].there || !model[i].kept || model[i].closed != closed) continue;
        kept++;
        if (i != spared && (!oldest || model[i].kept < model[oldest].kept)) oldest = i;
    }
    if (kept >= LIMIT_TREE_KEPT) model_drop(oldest);
    model[id].closed = closed;
    model[id].kept = ++model_time;
}

static void model_depend(uint32_t id, uint32_t on, uint32_t weight, bool exclusive) {
    if (!model[on].there || on == id) {
        on = 0;
        weight = 16;
        exclusive = false;
    }
    if (!model[id].there) {
        model[id] = (model_node){.there = true, .weight = 16};
        model_move(id, 0);
        model_keep(id, false, on);
    }
    model_node *n = &model[id], *above = &model[n->parent];
    if (n->cost > above->clock)
        n->cost = above->clock + (n->cost - above->clock) * n->weight / weight;
    n->weight = weight;
    uint32_t up = on;
    while (up && up != id) up = model[up].parent;
    if (on && up == id) model_move(on, model[id].parent);
    if (model[id].parent != on) model_move(id, on);
    if (!exclusive) return;
    for (uint32_t i = 1; i <= STREAMS; i++)
        if (i != id && model[i].there && model[i].parent == on) model_move(i, id);
}

static uint64_t seed;
static uint32_t any(uint32_t n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static uint32_t model_dependents(void) {
    uint32_t n = 0;
    for (uint32_t i = 1; i <= STREAMS; i++) n += model[i].there && model[i].parent;
    return n;
}

_Static_assert(STREAMS < LIMIT_TREE_DEPENDENTS, "the model knows no limit of depth");

static void model_step(void) {
    uint32_t id = 1 + any(STREAMS), on = any(STREAMS + 1);
    uint16_t weight = (uint16_t)(1 + any(256));
    bool exclusive = any(4) == 0, open = model[id].there && model[id].open;
    model_note();
    switch (any(6)) {
    case 0:
    case 1:
        depend(id, on, weight, exclusive);
        model_depend(id, on, weight, exclusive);
        break;
    case 2:
        if (open) return;
        cr_assert(h2_tree_open(t, id));
        if (!model[id].there) {
            model[id] = (model_node){.there = true, .weight = 16};
            model_move(id, 0);
        }
        model[id].open = true;
        model[id].kept = 0;
        model[id].closed = false;
        break;
    case 3:
        if (!open) return;
        h2_tree_set_ready(t, id, !model[id].ready);
        model[id].ready = !model[id].ready;
        break;
    case 4:
        if (!open || any(3)) return;
        h2_tree_close(t, id);
        model[id].ready = model[id].open = false;
        model_keep(id, true, 0);
        break;
    default: {
        uint32_t next = h2_tree_next(t), bytes = 1 + any(20000);
        if (!next) return;
        h2_tree_sent(t, next, bytes);
        for (uint32_t i = next; i; i = model[i].parent) {
            model_node *up = &model[model[i].parent];
            if (model[i].cost > up->clock) up->clock = model[i].cost;
            model[i].cost += (uint64_t)bytes * 256 / model[i].weight;
        }
    }
    }
    model_level();
}

Test(h2_tree, as_the_model) {
    uint32_t deepest = 0, sent = 0;
    for (unsigned run = 1; run <= 40; run++) {
        h2_tree_free(t);
        t = h2_tree_new(&hook);
        memset(model, 0, sizeof model);
        model[0].there = true;
        seed = run;
        for (unsigned i = 0; i < 900; i++) {
            model_step();
            uint32_t want = model_next(0), got = h2_tree_next(t);
            cr_assert_eq(got, want, "run %u step %u: %u, the model says %u", run, i, got, want);
            sent += got != 0;
            if (model_dependents() > deepest) deepest = model_dependents();
        }
    }
    cr_assert(deepest > 40 && sent > 15000 && model_drops > 400, "the runs were too tame: %u %u %u",
              deepest, sent, model_drops);
}
