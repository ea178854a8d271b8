/* test_share.c: shares against an exact oracle in whole numbers, and what must hold of every sharing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include <rankkv/budget.h>

#include "core/random.h"

#define MOST 12

typedef struct problem {
    long weight[MOST], min[MOST], max[MOST], total;
    size_t n;
} problem;

static problem random_problem(rkv_random *random) {
    problem p = {.n = 1 + rkv_random_below(random, MOST)};
    long least = 0, most = 0;
    for (size_t i = 0; i < p.n; i++) {
        p.weight[i] = 1 + (long)rkv_random_below(random, rkv_random_below(random, 2) ? 5 : 1000);
        p.min[i] = (long)rkv_random_below(random, 20);
        p.max[i] = p.min[i] + (long)rkv_random_below(random, 200);
        least += p.min[i];
        most += p.max[i];
    }
    p.total = least + (long)rkv_random_below(random, (size_t)(most - least) + 1);
    return p;
}

/* ---- the oracle: water-filling and largest remainders on fractions, no rounding anywhere ---- */

static long clamp(long x, long low, long high) {
    return x < low ? low : x > high ? high : x;
}

/* What the vessels hold at level a / b, times b. */
static long held(const problem *p, long a, long b) {
    long sum = 0;
    for (size_t i = 0; i < p->n; i++)
        sum += clamp(a * p->weight[i], p->min[i] * b, p->max[i] * b);
    return sum;
}

/* The highest edge (min / w or max / w) at which less than the total is held, as a fraction; -1 / 1: none. */
static void last_edge_below(const problem *p, long *a, long *b) {
    *a = -1, *b = 1;
    for (size_t i = 0; i < 2 * p->n; i++) {
        long top = i < p->n ? p->min[i] : p->max[i - p->n], bottom = p->weight[i % p->n];
        if (held(p, top, bottom) < p->total * bottom && top * *b > *a * bottom) *a = top, *b = bottom;
    }
}

static void oracle(const problem *p, long *share) {
    long a, b, rest = p->total, width = 0, remainder[MOST];
    last_edge_below(p, &a, &b);
    bool free_unit[MOST];
    for (size_t i = 0; i < p->n; i++) {
        bool above_min = a >= 0 && p->min[i] * b <= a * p->weight[i];
        bool below_max = p->max[i] * b > a * p->weight[i];
        free_unit[i] = above_min && below_max;
        share[i] = above_min ? p->max[i] : p->min[i];
        if (free_unit[i])
            width += p->weight[i];
        else
            rest -= share[i];
    }
    long missing = p->total;
    for (size_t i = 0; i < p->n; i++) {
        remainder[i] = free_unit[i] ? rest * p->weight[i] % width : 0;
        if (free_unit[i]) share[i] = rest * p->weight[i] / width;
        missing -= share[i];
    }
    for (; missing > 0; missing--) {
        size_t best = p->n;
        for (size_t i = 0; i < p->n; i++)
            if (remainder[i] > 0 && (best == p->n || remainder[i] > remainder[best] ||
                                     (remainder[i] == remainder[best] && p->weight[i] > p->weight[best])))
                best = i;
        assert_true(best < p->n);
        share[best]++;
        remainder[best] = 0;
    }
}

static void test_agrees_with_exact_oracle(void **state) {
    (void)state;
    rkv_random random = {1};
    for (int round = 0; round < 20000; round++) {
        problem p = random_problem(&random);
        double weight[MOST];
        size_t min[MOST], max[MOST], share[MOST];
        long wanted[MOST];
        for (size_t i = 0; i < p.n; i++)
            weight[i] = (double)p.weight[i], min[i] = (size_t)p.min[i], max[i] = (size_t)p.max[i];
        assert_int_equal(rkv_budget_share(weight, min, max, p.n, (size_t)p.total, share), RKV_OK);
        oracle(&p, wanted);
        for (size_t i = 0; i < p.n; i++)
            assert_int_equal(share[i], wanted[i]);
    }
}

static void share_evenly_bounded(const double *weight, size_t n, size_t min, size_t max, size_t total,
                                 size_t *share) {
    size_t *low = calloc(n, sizeof *low), *high = calloc(n, sizeof *high), sum = 0;
    for (size_t i = 0; i < n; i++)
        low[i] = min, high[i] = max;
    assert_int_equal(rkv_budget_share(weight, low, high, n, total, share), RKV_OK);
    for (size_t i = 0; i < n; i++) {
        assert_in_range(share[i], min, max);
        sum += share[i];
    }
    assert_int_equal(sum, total);
    free(low);
    free(high);
}

static void test_heavier_never_gets_less(void **state) {
    (void)state;
    rkv_random random = {2};
    double weight[50];
    size_t share[50];
    for (int round = 0; round < 2000; round++) {
        double spread = 1 + 300 * rkv_random_unit(&random);
        for (size_t i = 0; i < 50; i++)
            weight[i] = exp2(spread * (rkv_random_unit(&random) - 0.5));
        size_t min = rkv_random_below(&random, 10), max = min + rkv_random_below(&random, 5000);
        size_t total = 50 * min + rkv_random_below(&random, 50 * (max - min) + 1);
        share_evenly_bounded(weight, 50, min, max, total, share);
        for (size_t i = 0; i < 50; i++)
            for (size_t j = 0; j < 50; j++)
                if (weight[i] > weight[j] || (weight[i] == weight[j] && i < j))
                    assert_true(share[i] >= share[j]);
    }
}

static void test_scale_does_not_matter(void **state) {
    (void)state;
    rkv_random random = {3};
    double weight[20], scaled[20];
    size_t share[20], again[20];
    for (int round = 0; round < 500; round++) {
        int power = (int)rkv_random_below(&random, 1800) - 900;
        for (size_t i = 0; i < 20; i++) {
            weight[i] = 0.5 + rkv_random_unit(&random);
            scaled[i] = ldexp(weight[i], power);
        }
        size_t total = 20 + rkv_random_below(&random, 2000);
        share_evenly_bounded(weight, 20, 1, 300, total, share);
        share_evenly_bounded(scaled, 20, 1, 300, total, again);
        assert_memory_equal(share, again, sizeof share);
    }
}

/* 1/3 of 1, of 4 and of 7 leave the same remainder: the heaviest comes first, then the first. */
static void test_ties(void **state) {
    (void)state;
    size_t share[4];
    share_evenly_bounded((double[]){1, 4, 7, 0}, 3, 0, 100, 4, share);
    assert_int_equal(share[2], 3); /* 1/3, 4/3, 7/3: one is missing */
    assert_int_equal(share[1], 1);
    assert_int_equal(share[0], 0);
    share_evenly_bounded((double[]){1, 1, 1, 1}, 4, 0, 100, 6, share);
    assert_memory_equal(share, ((size_t[]){2, 2, 1, 1}), sizeof share);
}

static void test_zero_weights(void **state) {
    (void)state;
    size_t share[3];
    share_evenly_bounded((double[]){0, 0, 0}, 3, 4, 10, 20, share);
    assert_memory_equal(share, ((size_t[]){7, 7, 6}), sizeof share);
    share_evenly_bounded((double[]){0, 1, 0}, 3, 4, 100, 50, share);
    assert_memory_equal(share, ((size_t[]){4, 42, 4}), sizeof share);
    share_evenly_bounded((double[]){0, 1, 0}, 3, 4, 20, 40, share); /* the rest once the heavy one is full */
    assert_memory_equal(share, ((size_t[]){10, 20, 10}), sizeof share);
    share_evenly_bounded((double[]){5e-324, 1e308, 1}, 3, 0, 20, 40, share);
    assert_int_equal(share[1], 20);
}

static void test_edges_of_the_total(void **state) {
    (void)state;
    const double weight[] = {3, 1, 2};
    const size_t min[] = {1, 2, 3}, max[] = {4, 2, 9};
    size_t share[3];
    assert_int_equal(rkv_budget_share(weight, min, max, 3, 6, share), RKV_OK);
    assert_memory_equal(share, min, sizeof min);
    assert_int_equal(rkv_budget_share(weight, min, max, 3, 15, share), RKV_OK);
    assert_memory_equal(share, max, sizeof max);
    assert_int_equal(rkv_budget_share(NULL, NULL, NULL, 0, 0, NULL), RKV_OK);
    assert_int_equal(rkv_budget_share(NULL, NULL, NULL, 0, 1, NULL), RKV_USAGE);
}

static void test_refusals_leave_the_output_alone(void **state) {
    (void)state;
    const double good[] = {1, 1}, negative[] = {1, -1}, nan_weight[] = {NAN, 1}, infinite[] = {INFINITY, 1};
    const size_t low[] = {2, 2}, high[] = {5, 5}, huge[] = {SIZE_MAX, SIZE_MAX};
    size_t share[2] = {77, 77};
    assert_int_equal(rkv_budget_share(good, low, high, 2, 3, share), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "minimums"));
    assert_int_equal(rkv_budget_share(good, low, high, 2, 11, share), RKV_USAGE);
    assert_non_null(strstr(rkv_message(), "maximums"));
    assert_int_equal(rkv_budget_share(good, high, low, 2, 8, share), RKV_USAGE);
    assert_int_equal(rkv_budget_share(negative, low, high, 2, 8, share), RKV_USAGE);
    assert_int_equal(rkv_budget_share(nan_weight, low, high, 2, 8, share), RKV_USAGE);
    assert_int_equal(rkv_budget_share(infinite, low, high, 2, 8, share), RKV_USAGE);
    assert_int_equal(rkv_budget_share(good, huge, huge, 2, 8, share), RKV_USAGE);
    assert_int_equal(rkv_budget_share(good, low, huge, 2, SIZE_MAX, share), RKV_USAGE);
    assert_true(share[0] == 77 && share[1] == 77);
    assert_int_equal(rkv_budget_share(good, low, huge, 2, 9, share), RKV_OK);
    assert_memory_equal(share, ((size_t[]){5, 4}), sizeof share);
}

/* Many units and the largest totals: still exact, still quick. */
static void test_large(void **state) {
    (void)state;
    enum { N = 100000 };
    double *weight = malloc(N * sizeof *weight);
    size_t *share = malloc(N * sizeof *share);
    rkv_random random = {4};
    for (size_t i = 0; i < N; i++)
        weight[i] = exp2(40 * rkv_random_unit(&random));
    share_evenly_bounded(weight, N, 4, 1 << 24, (size_t)N << 20, share);
    share_evenly_bounded(weight, N, 0, (size_t)1 << 52, (size_t)1 << 52, share);
    share_evenly_bounded(weight, N, 1, (size_t)1 << 40, ((size_t)1 << 52) - 1, share);
    free(share);
    free(weight);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agrees_with_exact_oracle),
        cmocka_unit_test(test_heavier_never_gets_less),
        cmocka_unit_test(test_scale_does_not_matter),
        cmocka_unit_test(test_ties),
        cmocka_unit_test(test_zero_weights),
        cmocka_unit_test(test_edges_of_the_total),
        cmocka_unit_test(test_refusals_leave_the_output_alone),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
