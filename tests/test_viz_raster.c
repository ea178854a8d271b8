/* test_viz_raster.c: reduction and shading against plain loops. */
#include "test_viz_common.h"

#include <math.h>

#include "viz/raster.h"

/* Exact: the entries are multiples of 2^-12, so sums do not round; a mean of entries divided by their row's
 * largest does, by at most an ulp of double per addition, far below the float it becomes. */
static void check_reduction(const float *a, size_t n_tokens, size_t factor, rkv_reduce reduce, bool by_row) {
    size_t n = (n_tokens + factor - 1) / factor;
    float *cell = malloc(n * n * sizeof *cell);
    assert_int_equal(rkv_reduce_matrix(cell, a, n_tokens, factor, reduce, by_row), RKV_OK);
    for (size_t r = 0; r < n; r++)
        for (size_t c = 0; c < n; c++) {
            float expected = plain_cell(a, n_tokens, factor, reduce, by_row, r, c), got = cell[r * n + c];
            double tolerance = reduce == RKV_REDUCE_MEAN && by_row ? 1.2e-7 * fabs((double)expected) : 0;
            if (isnan(expected))
                assert_true(isnan(got));
            else
                assert_true(fabs((double)got - (double)expected) <= tolerance);
        }
    free(cell);
}

static const size_t sizes[] = {1, 2, 3, 7, 10, 47};
static const size_t factors[] = {1, 2, 3, 5, 64};

static void test_reduction(void **state) {
    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (size_t f = 0; f < COUNT(factors); f++)
            for (int reduce = RKV_REDUCE_MAX; reduce <= RKV_REDUCE_MEAN; reduce++)
                for (int by_row = 0; by_row < 2; by_row++) {
                    float *a = dyadic_matrix(sizes[s], 1 + s);
                    check_reduction(a, sizes[s], factors[f], (rkv_reduce)reduce, by_row);
                    free(a);
                }
}

/* Large enough for threads. */
static void test_reduction_in_threads(void **state) {
    (void)state;
    size_t n_tokens = 301;
    float *a = dyadic_matrix(n_tokens, 5), *cell = malloc(101 * 101 * sizeof *cell);
    assert_int_equal(rkv_reduce_matrix(cell, a, n_tokens, 3, RKV_REDUCE_MEAN, false), RKV_OK);
    for (size_t r = 0; r < 101; r += 25)
        for (size_t c = 0; c < 101; c += 5)
            assert_true(cell[r * 101 + c] == plain_cell(a, n_tokens, 3, RKV_REDUCE_MEAN, false, r, c));
    free(cell);
    free(a);
}

static void test_reduction_of_values_that_are_not_finite(void **state) {
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < COUNT(bad); b++)
        for (size_t f = 0; f < COUNT(factors); f++)
            for (int reduce = RKV_REDUCE_MAX; reduce <= RKV_REDUCE_MEAN; reduce++)
                for (int by_row = 0; by_row < 2; by_row++) {
                    float *a = dyadic_matrix(13, 3);
                    a[5 * 13 + 2] = bad[b];  /* seen */
                    a[2 * 13 + 11] = bad[b]; /* above the diagonal: not */
                    for (size_t j = 0; j < 13; j++)
                        a[9 * 13 + j] = 0; /* a row without a largest entry */
                    check_reduction(a, 13, factors[f], (rkv_reduce)reduce, by_row);
                    free(a);
                }
}

static void test_fit(void **state) {
    (void)state;
    for (size_t n = 1; n < 400; n++)
        for (size_t px = 1; px < 200; px += 7) {
            rkv_fit within = rkv_fit_within(n, px), near = rkv_fit_near(n, px);
            assert_true(within.side_px <= px && (2 * within.side_px > px || n == within.factor));
            assert_true(within.factor == 1 || within.zoom == 1);
            assert_int_equal(within.cells, (n + within.factor - 1) / within.factor);
            assert_int_equal(near.side_px, near.cells * near.zoom);
            double off = fabs(log((double)near.side_px / (double)px));
            assert_true(off <= fabs(log((double)within.side_px / (double)px)) + 1e-12);
        }
}

/* Values lie in the middles of the intervals, where rounding decides nothing. */
static void test_shade(void **state) {
    (void)state;
    static const double largest[] = {1, 0.37, 3e-4};
    for (size_t m = 0; rkv_colormap_at(m); m++)
        for (int scale = 0; scale < RKV_SCALE_COUNT; scale++)
            for (size_t l = 0; l < COUNT(largest); l++) {
                const rkv_colormap *map = rkv_colormap_at(m);
                rkv_range range = {.max = (float)largest[l]};
                double high = scale == RKV_SCALE_ROW ? 1 : (double)range.max;
                rkv_shade shade = rkv_shade_for_range(map, (rkv_scale)scale, &range, 1e-6);
                for (size_t i = 0; i < 256; i++) {
                    double at = ((double)i + 0.5) / 256;
                    double value = scale == RKV_SCALE_LOG ? 1e-6 * pow(high / 1e-6, at) : at * high;
                    assert_ptr_equal(rkv_shade_colour(&shade, value),
                                     plain_colour(map, (rkv_scale)scale, high, value));
                    assert_ptr_equal(rkv_shade_colour(&shade, value), map->rgb[i]);
                }
                assert_ptr_equal(rkv_shade_colour(&shade, high), map->rgb[255]);
                assert_ptr_equal(rkv_shade_colour(&shade, 2 * high), map->rgb[255]);
                assert_ptr_equal(rkv_shade_colour(&shade, 0), map->rgb[0]);
                assert_ptr_equal(rkv_shade_colour(&shade, -1), map->rgb[0]);
                assert_ptr_equal(rkv_shade_colour(&shade, NAN), map->missing);
                assert_ptr_equal(rkv_shade_colour(&shade, INFINITY), map->missing);
            }
}

/* Nothing positive, or everything below the floor: a valid shade all the same. */
static void test_shade_of_degenerate_ranges(void **state) {
    (void)state;
    static const float largest[] = {0, 1e-9f, 1e-6f};
    for (int scale = 0; scale < RKV_SCALE_COUNT; scale++)
        for (size_t l = 0; l < COUNT(largest); l++) {
            rkv_range range = {.max = largest[l]};
            rkv_shade shade = rkv_shade_for_range(rkv_colormap_at(0), (rkv_scale)scale, &range, 1e-6);
            assert_true(shade.low < shade.high);
            assert_true(!shade.logarithmic || shade.low > 0);
            assert_true(rkv_shade_position(&shade, 0) == 0);
        }
}

static void test_range(void **state) {
    (void)state;
    float value[9] = {0.5f, 9, 9, 0, 0.25f, 9, NAN, INFINITY, 0.125f};
    rkv_range range = {0};
    rkv_range_add(&range, value, 3, 3, true);
    assert_true(range.max == 0.5f && range.min_positive == 0.125f && range.n_missing == 2);
    rkv_range_add(&range, value, 3, 3, false);
    assert_true(range.max == 9 && range.n_missing == 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reduction),
        cmocka_unit_test(test_reduction_in_threads),
        cmocka_unit_test(test_reduction_of_values_that_are_not_finite),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_shade),
        cmocka_unit_test(test_shade_of_degenerate_ranges),
        cmocka_unit_test(test_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
