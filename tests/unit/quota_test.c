/* netio/quota.c: those in line take turns, get no more than there is, and less than all when others
 * wait. */
#include <criterion/criterion.h>

#include "core/limits.h"
#include "netio/link_impl.h"
#include "netio/quota.h"

enum { LINKS = 8 };

static loop *l;
static quota *q;
static net_link links[LINKS];
static quota_seat seats[LINKS];
static uint64_t now;

static void begin(uint32_t rate, uint32_t burst) {
    l = loop_new();
    q = quota_new(l);
    now = loop_now_ms(l);
    quota_set(q, &(link_rates){.write_rate = rate, .write_burst = burst});
    for (int i = 0; i < LINKS; i++) {
        links[i].loop = l;
        quota_sit(&seats[i], &q->write, &links[i]);
    }
}

static void end(void) {
    for (int i = 0; i < LINKS; i++) quota_leave(&seats[i]);
    cr_assert_null(q->write.first);
    l->dirty = NULL; /* none of them is a link */
    l->dirty_last = &l->dirty;
    quota_free(q);
    loop_free(l);
}

/* One turn at `now`: each that does not wait wants up to so much. */
static size_t turn(size_t most, size_t took[LINKS]) {
    size_t all = 0;
    quota_serve(&q->write, now);
    for (int i = 0; i < LINKS; i++) {
        cr_assert(seats[i].share == 0 || links[i].dirty);
        if (!seats[i].prev) link_touch(&links[i]);
    }
    for (net_link *k = l->dirty; k; k = k->dirty_next) {
        quota_seat *s = &seats[k - links];
        size_t left = most, room;
        while (left && (room = quota_room(s, now)) > 0) {
            size_t n = room < left ? room : left;
            quota_take(s, n);
            left -= n;
            took[k - links] += n;
        }
        quota_settle(s);
        k->dirty = false;
        all += most - left;
    }
    l->dirty = NULL;
    l->dirty_last = &l->dirty;
    return all;
}

static void all_wait(void) {
    for (int i = 0; i < LINKS; i++) {
        size_t room = quota_room(&seats[i], now);
        quota_take(&seats[i], room);
        cr_assert_eq(quota_room(&seats[i], now), 0);
        cr_assert_not_null(seats[i].prev);
    }
    cr_assert_not_null(q->write.due.prev);
}

Test(quota, no_limit) {
    begin(0, 0);
    cr_assert_not(quota_limits(q));
    quota_take(&seats[0], 1u << 30);
    cr_assert_eq(quota_room(&seats[0], now), SIZE_MAX);
    cr_assert_null(seats[0].prev);
    end();
}

Test(quota, no_quota) {
    quota_seat none = {0};
    quota_sit(&none, NULL, NULL);
    quota_take(&none, 1000);
    cr_assert_eq(quota_room(&none, 1), SIZE_MAX);
    quota_settle(&none);
    quota_leave(&none);
}

Test(quota, the_first_may_take_the_burst) {
    begin(1000000, 5000);
    cr_assert_eq(quota_room(&seats[3], now), 5000);
    quota_take(&seats[3], 5000);
    cr_assert_eq(quota_room(&seats[4], now), 0);
    now += 1000;
    cr_assert_eq(quota_room(&seats[5], now), 0, "another waits already");
    end();
}

/* All want all: at high and low rates each gets as much as the others, and all together the rate.
 */
Test(quota, all_get_the_same) {
    static const uint32_t rates[] = {2000, 300000, 20000000};
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        size_t took[LINKS] = {0}, all = 0;
        begin(rates[r], rates[r] / 10);
        all_wait();
        for (int i = 0; i < 6000; i++) {
            now += 10;
            all += turn(SIZE_MAX, took);
        }
        size_t want = 60 * (size_t)rates[r];
        cr_assert(all <= want + 1 && all >= want - want / 50, "%zu of %zu", all, want);
        for (int i = 0; i < LINKS; i++) {
            size_t each = want / LINKS, off = took[i] > each ? took[i] - each : each - took[i];
            cr_assert_leq(off, 2 * LIMIT_QUOTA_SHARE, "%d: %zu of %zu", i, took[i], each);
        }
        end();
    }
}

/* What they leave of it goes back. */
Test(quota, nothing_is_lost) {
    size_t took[LINKS] = {0}, all = 0;
    begin(1000000, 0);
    all_wait();
    for (int i = 0; i < 500; i++) {
        now += 10;
        all += turn(i % 3 ? 700 : 100000, took);
    }
    cr_assert(all <= 6000000 && all >= 4500000, "%zu", all);
    end();
}

Test(quota, who_leaves_gives_back) {
    begin(100000, 10000);
    all_wait();
    now += 50;
    quota_serve(&q->write, now);
    cr_assert_eq(seats[0].share, LIMIT_QUOTA_SHARE);
    cr_assert_eq(seats[1].share, 0, "there is less left");
    quota_leave(&seats[0]);
    quota_leave(&seats[1]);
    now += 10; /* with what came back it is as much as is worth a turn */
    quota_serve(&q->write, now);
    cr_assert_eq(seats[2].share, LIMIT_QUOTA_SHARE);
    cr_assert_eq(seats[3].share, 0);
    end();
}

Test(quota, other_figures) {
    begin(1000, 0);
    all_wait();
    quota_set(q, &(link_rates){.write_rate = 1000});
    cr_assert_eq(q->write.bucket.tokens, 0, "the same: what was used up stays so");
    quota_set(q, &(link_rates){.write_rate = 80000000});
    quota_serve(&q->write, now);
    for (int i = 0; i < LINKS; i++) cr_assert_eq(seats[i].share, 10000000);
    for (int i = 0; i < LINKS; i++) quota_settle(&seats[i]);
    cr_assert_null(q->write.due.prev);
    all_wait();
    quota_set(q, &(link_rates){0});
    cr_assert_not(quota_limits(q));
    quota_serve(&q->write, now);
    for (int i = 0; i < LINKS; i++) {
        cr_assert(links[i].dirty);
        cr_assert_eq(quota_room(&seats[i], now), SIZE_MAX);
    }
    end();
}
