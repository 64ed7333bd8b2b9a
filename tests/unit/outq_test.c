/* core/outq.c: own and lent bytes come out in order, marks come back, and nothing stays behind. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/outq.h"
#include "tests/unit/mem_hook.h"

static void own(outq *q, const char *text) {
    uint8_t *p = outq_reserve(q, strlen(text) + 10);
    cr_assert(p);
    memcpy(p, text, strlen(text));
    outq_commit(q, strlen(text));
}

static void lend(outq *q, const char *text, uint32_t mark) {
    cr_assert(outq_prepare(q));
    outq_lend(q, span_str(text), mark);
}

static size_t gather(const outq *q, char *out) {
    span iov[64];
    size_t n = outq_peek(q, iov, 64), at = 0;
    for (size_t i = 0; i < n; i++) {
        memcpy(out + at, iov[i].p, iov[i].n);
        at += iov[i].n;
    }
    out[at] = 0;
    return n;
}

Test(outq, order_and_marks) {
    outq q;
    char text[100];
    outq_init(&q, &hook);
    own(&q, "one ");
    own(&q, "two ");
    lend(&q, "three ", 7);
    lend(&q, "four ", OUTQ_STATIC);
    own(&q, "five");
    cr_assert_eq(gather(&q, text), 4, "own bytes that touch are one span");
    cr_assert_str_eq(text, "one two three four five");
    cr_assert(q.bytes == 23 && q.own == 12);

    size_t n = 10;
    uint32_t mark;
    cr_assert(outq_take(&q, &n, &mark) == 8 && mark == OUTQ_OWN && n == 2);
    cr_assert(outq_take(&q, &n, &mark) == 2 && mark == 7 && n == 0);
    cr_assert_eq(outq_take(&q, &n, &mark), 0);
    gather(&q, text);
    cr_assert_str_eq(text, "ree four five");
    n = 100;
    cr_assert(outq_take(&q, &n, &mark) == 4 && mark == 7);
    cr_assert(outq_take(&q, &n, &mark) == 5 && mark == OUTQ_STATIC);
    cr_assert(outq_take(&q, &n, &mark) == 4 && mark == OUTQ_OWN);
    cr_assert_eq(outq_take(&q, &n, &mark), 0);
    cr_assert_eq(held, 0, "an empty queue holds nothing");
}

Test(outq, niov_is_a_limit) {
    outq q;
    span iov[2];
    outq_init(&q, &hook);
    lend(&q, "a", 1);
    lend(&q, "b", 2);
    lend(&q, "c", 3);
    cr_assert_eq(outq_peek(&q, iov, 2), 2);
    outq_end(&q);
    cr_assert_eq(held, 0);
}

Test(outq, commit_of_nothing) {
    outq q;
    outq_init(&q, &hook);
    cr_assert(outq_reserve(&q, 100));
    outq_commit(&q, 0);
    cr_assert_eq(held, 0);
    own(&q, "x");
    cr_assert(outq_reserve(&q, 50000));
    outq_commit(&q, 0);
    size_t n = 1;
    uint32_t mark;
    cr_assert_eq(outq_take(&q, &n, &mark), 1);
    cr_assert_eq(held, 0);
}

Test(outq, refusal_changes_nothing) {
    outq q;
    char text[100];
    outq_init(&q, &hook);
    refuse = true;
    cr_assert_null(outq_reserve(&q, 1));
    cr_assert_not(outq_prepare(&q));
    refuse = false;
    own(&q, "kept");
    refuse = true;
    cr_assert_null(outq_reserve(&q, 1000000));
    gather(&q, text);
    cr_assert_str_eq(text, "kept");
    outq_end(&q);
    cr_assert_eq(held, 0);
}

static uint32_t random_state = 1;

static uint32_t any(uint32_t below) {
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % below;
}

/* Against a plain model: what goes in comes out, in order, whatever the cuts; marks count up. */
Test(outq, model) {
    static uint8_t lendable[70000];
    static uint8_t model[4000000];
    size_t in = 0, out = 0, lent[4] = {0}, back[4] = {0};
    outq q;
    outq_init(&q, &hook);
    for (size_t i = 0; i < sizeof lendable; i++) lendable[i] = (uint8_t)(i * 31 + (i >> 8));
    for (int round = 0; round < 4000; round++) {
        uint32_t what = any(3);
        size_t n = any(4) ? any(300) : any(30000);
        if (what == 0 && in + n < sizeof model) {
            uint8_t *p = outq_reserve(&q, n + any(100));
            for (size_t i = 0; i < n; i++) p[i] = model[in + i] = (uint8_t)any(256);
            outq_commit(&q, n);
            in += n;
        } else if (what == 1 && in + n + 1 < sizeof model) {
            uint32_t mark = any(4), from = any(30000);
            cr_assert(outq_prepare(&q));
            outq_lend(&q, span_of(lendable + from, n + 1), mark);
            memcpy(model + in, lendable + from, n + 1);
            in += n + 1;
            lent[mark] += n + 1;
        } else {
            span iov[16];
            size_t spans = outq_peek(&q, iov, 16), sum = 0;
            for (size_t i = 0; i < spans; i++) {
                cr_assert_eq(memcmp(iov[i].p, model + out + sum, iov[i].n), 0);
                sum += iov[i].n;
            }
            size_t take = sum ? any((uint32_t)sum) + 1 : 0;
            out += take;
            uint32_t mark;
            for (size_t taken; (taken = outq_take(&q, &take, &mark)) > 0;)
                if (mark < 4) back[mark] += taken;
        }
        cr_assert_eq(q.bytes, in - out);
    }
    size_t rest = q.bytes;
    uint32_t mark;
    for (size_t taken; (taken = outq_take(&q, &rest, &mark)) > 0;)
        if (mark < 4) back[mark] += taken;
    for (int i = 0; i < 4; i++) cr_assert_eq(lent[i], back[i]);
    cr_assert_eq(held, 0);
}
