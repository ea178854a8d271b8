/* test_rows_device.c: lists of rows in a device's memory hold the same bytes as the host's, whatever comes
 * and goes; what is not finite; what fails; what is waited for. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/rows_ops.h"
#include "core/half.h"
#include "cuda/open.h"
#include "cuda_host/host_device.h"
#include "support/failing_allocator.h"
#include "support/row_pairs.h"

static rkv_backend *device;
static rkv_random dice = {11};

static const size_t widths[] = {1, 3, 64, 67, 128};
#define N_WIDTHS (sizeof widths / sizeof *widths)

/* ---- what comes and goes ---- */

static void append_there(rkv_rows *rows, const float *x, size_t n, size_t stride) {
    float *memory = upload(device, x, n * stride);
    assert_int_equal(rkv_rows_append_there(rows, memory, n, stride), RKV_OK);
    device->ops->release(device, memory);
}

static void append_both(pair *p, const float *x, size_t n, size_t stride) {
    assert_int_equal(rkv_rows_append(p->host, x, n, stride), RKV_OK);
    if (rkv_random_below(&dice, 2))
        assert_int_equal(rkv_rows_append(p->there, x, n, stride), RKV_OK);
    else
        append_there(p->there, x, n, stride);
}

static void keep_both(pair *p, const uint32_t *index, size_t n) {
    assert_int_equal(rkv_rows_keep(p->host, index, n), RKV_OK);
    assert_int_equal(rkv_rows_keep(p->there, index, n), RKV_OK);
}

static void copy_both(pair *p) {
    pair old = *p;
    assert_int_equal(rkv_rows_copy(&p->host, old.host), RKV_OK);
    assert_int_equal(rkv_rows_copy(&p->there, old.there), RKV_OK);
    free_pair(&old);
}

static void change_both(pair *p) {
    static const size_t shares[] = {10, 9, 9, 5, 1, 0};
    size_t n = rkv_random_below(&dice, rkv_random_below(&dice, 2) ? 3 : 90),
           stride = rkv_rows_width(p->host) + rkv_random_below(&dice, 2) * 5;
    uint32_t index[2000];
    float *x = random_rows(&dice, n, stride);
    if (rkv_random_below(&dice, 6) == 0) copy_both(p);
    append_both(p, x, n, stride);
    if (rkv_random_below(&dice, 2))
        keep_both(p, index,
                  random_part(&dice, rkv_rows_count(p->host), shares[rkv_random_below(&dice, 6)], index));
    free(x);
}

static void test_same_bytes(void **state) {
    (void)state;
    for (size_t f = 0; f < PAIR_FORMATS; f++)
        for (size_t w = 0; w < N_WIDTHS; w++) {
            pair p = new_pair(device, pair_formats[f], widths[w]);
            check_same(&p);
            for (size_t step = 0; step < 14; step++) {
                change_both(&p);
                check_same(&p);
            }
            free_pair(&p);
        }
}

/* More runs and more groups than a kernel takes with it, in the list's own memory and out of it. */
static void test_many_runs(void **state) {
    (void)state;
    enum { ROWS = 3000, WIDE = 6 };
    static const size_t left_out[] = {10, 2};
    static uint32_t index[ROWS];
    float *x = random_rows(&dice, ROWS, WIDE);
    for (size_t f = 0; f < PAIR_FORMATS; f++)
        for (size_t l = 0; l < 2; l++) {
            pair p = new_pair(device, pair_formats[f], WIDE);
            size_t n = 0, held;
            for (uint32_t i = 0; i < ROWS; i++)
                if (i % left_out[l] != 1) index[n++] = i;
            append_both(&p, x, ROWS, WIDE);
            held = rkv_rows_allocated_bytes(p.there);
            keep_both(&p, index, n);
            if (l || !p.there->layout.by_channel) /* by channel the tail may become smaller */
                assert_true((rkv_rows_allocated_bytes(p.there) < held) == (l == 1));
            check_same(&p);
            append_both(&p, x, 70, WIDE);
            check_same(&p);
            free_pair(&p);
        }
    free(x);
}

/* ---- all kinds of numbers ---- */

static float any_float(bool finite) {
    for (;;) {
        float x = rkv_float_of_bits((uint32_t)rkv_random_below(&dice, (uint64_t)1 << 32));
        if (!finite || isfinite(x)) return x;
    }
}

/* Of any size, close together anywhere, at the edges of forms. */
static float odd_float(size_t kind, bool finite) {
    static const float edges[] = {0,          -0.0f,       65504,     65519,    65520,
                                  -65520,     FLT_MAX,     0x1p-24f,  0x1p-25f, -0x1p-25f,
                                  0x1.8p-25f, 0x1.FFp127f, 0x1.01p0f, 0x1.03p0f};
    float center = edges[kind % 14],
          x = rkv_float_of_bits(0x7F800000u | (uint32_t)rkv_random_below(&dice, 99));
    switch (kind % 4) {
    case 0:
        return any_float(finite);
    case 1:
        return center;
    case 2:
        return center * (1 + 0x1p-11f * (float)rkv_random_unit(&dice));
    default:
        return finite || rkv_random_below(&dice, 4) ? (float)rkv_random_unit(&dice) * 0x1p-20f : x;
    }
}

static void test_odd_numbers(void **state) {
    (void)state;
    enum { ROWS = 70, WIDE = 67 };
    for (size_t f = 0; f < PAIR_FORMATS; f++)
        for (size_t kind = 0; kind < 28; kind++) {
            bool finite = rows_are_integers(&pair_formats[f]);
            float x[ROWS * WIDE];
            for (size_t i = 0; i < ROWS * WIDE; i++)
                x[i] = odd_float(kind, finite);
            pair p = new_pair(device, pair_formats[f], WIDE);
            for (size_t i = 0; i < ROWS * WIDE; i++)
                if (finite && !isfinite(x[i])) x[i] = FLT_MAX;
            append_both(&p, x, ROWS, WIDE);
            check_same(&p);
            free_pair(&p);
        }
}

/* Whether two numbers of rows that were appended at once share a scale. */
static bool share_scale(const rkv_row_layout *layout, size_t a, size_t b) {
    size_t row_a = a / layout->width, row_b = b / layout->width, i = a % layout->width, j = b % layout->width;
    if (layout->by_channel) return i == j && row_a / layout->group == row_b / layout->group;
    return row_a == row_b && i / layout->group == j / layout->group;
}

/* What comes out of device memory is not looked at: its group reads as NaN, all others as if it were not
 * there. */
static void test_not_finite_there(void **state) {
    (void)state;
    enum { ROWS = 70, WIDE = 67, AT = 34 * WIDE + 40 };
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t f = 0; f < PAIR_FORMATS; f++)
        for (size_t b = 0; b < 3 && rows_are_integers(&pair_formats[f]); b++) {
            float *x = random_rows(&dice, ROWS, WIDE);
            pair p = new_pair(device, pair_formats[f], WIDE);
            const rkv_row_layout *layout = &p.host->layout;
            append_both(&p, x, ROWS, WIDE);
            rkv_rows_free(p.there);
            p.there = new_rows(device, pair_formats[f], WIDE);
            x[AT] = bad[b];
            append_there(p.there, x, ROWS, WIDE);
            float *expected = read_rows(p.host), *found = read_rows(p.there);
            for (size_t i = 0; i < ROWS * WIDE; i++)
                if (share_scale(layout, i, AT))
                    assert_true(isnan(found[i]));
                else
                    assert_memory_equal(found + i, expected + i, sizeof *found);
            free(expected), free(found), free(x);
            free_pair(&p);
        }
}

/* ---- on the played device alone: failures, waiting, memory ---- */

#define N     100
#define WIDTH 9

static const uint32_t few[] = {3, 4, 50, 99, 120};

/* One change of a list; `copy` is made of it. */
typedef rkv_status change(rkv_rows *rows, const float *x, const float *x_there, rkv_rows **copy);

static rkv_status change_append(rkv_rows *rows, const float *x, const float *x_there, rkv_rows **copy) {
    (void)x_there, (void)copy;
    return rkv_rows_append(rows, x, N, WIDTH);
}
static rkv_status change_append_there(rkv_rows *rows, const float *x, const float *x_there, rkv_rows **copy) {
    (void)x, (void)copy;
    return rkv_rows_append_there(rows, x_there, N, WIDTH);
}
static rkv_status change_copy(rkv_rows *rows, const float *x, const float *x_there, rkv_rows **copy) {
    (void)x, (void)x_there;
    return rkv_rows_copy(copy, rows);
}
static rkv_status change_keep(rkv_rows *rows, const float *x, const float *x_there, rkv_rows **copy) {
    (void)x, (void)x_there, (void)copy;
    return rkv_rows_keep(rows, few, rkv_rows_count(rows) > few[4] ? 5 : 3);
}
static rkv_status change_read(rkv_rows *rows, const float *x, const float *x_there, rkv_rows **copy) {
    float row[WIDTH];
    (void)x, (void)x_there, (void)copy;
    return rkv_rows_read(rows, 7, 1, row);
}
static change *const changes[] = {change_append, change_append_there, change_copy, change_keep, change_read};
#define N_CHANGES (sizeof changes / sizeof *changes)

/* The k-th allocation fails, of the device or of the host; false: there were fewer. */
static bool fails_once(pair *p, change *make, const float *x, const float *x_there, size_t k, bool of_host) {
    rkv_rows *copy = NULL, *copy_of_host = NULL;
    allocation_failed = false;
    if (of_host)
        allocations_left = (long)k - 1;
    else
        host_device_fail_at(k);
    rkv_status status = make(p->there, x, x_there, &copy);
    bool failed = of_host ? allocation_failed : host_device_fail_at(0) == 0;
    allocations_left = -1;
    assert_true(status == RKV_OK || (failed && status == RKV_NO_MEMORY && make != change_keep));
    assert_true(!copy || status == RKV_OK);
    if (!status) assert_int_equal(make(p->host, x, x, &copy_of_host), RKV_OK);
    rkv_rows_free(copy), rkv_rows_free(copy_of_host);
    return failed;
}

/* Whichever allocation fails, the list is as it was, and goes on; memory that cannot shrink stays. */
static void test_failing_allocations(void **state) {
    (void)state;
    size_t live = host_device_live();
    float *x = random_rows(&dice, N, WIDTH), *x_there = upload(device, x, N * WIDTH);
    for (size_t i = 0; i < PAIR_FORMATS * N_CHANGES * 2; i++) {
        size_t k = 1;
        for (bool failed = true; failed; k++) {
            pair p = new_pair(device, pair_formats[i / 2 / N_CHANGES], WIDTH);
            append_both(&p, x, N, WIDTH);
            failed = fails_once(&p, changes[i / 2 % N_CHANGES], x, x_there, k, i % 2);
            check_same(&p);
            append_both(&p, x, N, WIDTH);
            check_same(&p);
            free_pair(&p);
        }
        assert_true(i % 2 || k > 2); /* every change asks for device memory */
    }
    device->ops->release(device, x_there);
    free(x);
    assert_int_equal(host_device_live(), live);
}

/* What comes out of device memory or stays there is queued, and no more. */
static void test_waits_for_nothing(void **state) {
    (void)state;
    float *x = random_rows(&dice, N, WIDTH), *x_there = upload(device, x, N * WIDTH);
    for (size_t f = 0; f < PAIR_FORMATS; f++) {
        rkv_rows *rows = new_rows(device, pair_formats[f], WIDTH), *copy = NULL;
        size_t waits = host_device_waits();
        for (size_t i = 0; i < 4; i++)
            assert_int_equal(rkv_rows_append_there(rows, x_there, N, WIDTH), RKV_OK);
        assert_int_equal(rkv_rows_read_there(rows, 0, N, x_there), RKV_OK);
        assert_int_equal(rkv_rows_copy(&copy, rows), RKV_OK);
        assert_int_equal(rkv_rows_keep(rows, few, 5), RKV_OK);
        rkv_rows_free(copy), rkv_rows_free(rows);
        assert_int_equal(host_device_waits(), waits);
    }
    device->ops->release(device, x_there);
    free(x);
}

/* One row in and one row out, for a long time: no memory is asked for. By channel the tail is emptied and
 * filled. */
static void test_at_rest(void **state) {
    (void)state;
    float *x = random_rows(&dice, N, WIDTH), *x_there = upload(device, x, N * WIDTH);
    uint32_t index[N];
    for (uint32_t i = 0; i < N; i++)
        index[i] = i + (i >= 4);
    for (size_t f = 0; f < PAIR_FORMATS; f++) {
        rkv_rows *rows = filled_rows(device, pair_formats[f], WIDTH, x, N);
        assert_int_equal(rkv_rows_append_there(rows, x_there, 1, WIDTH), RKV_OK); /* room for some more */
        assert_int_equal(rkv_rows_keep(rows, index, N), RKV_OK);
        size_t held = rkv_rows_allocated_bytes(rows);
        allocation_failed = false, allocations_left = 0;
        host_device_fail_at(1);
        for (size_t step = 0; step < 20 && !rows->layout.by_channel; step++) {
            assert_int_equal(rkv_rows_append_there(rows, x_there, 1, WIDTH), RKV_OK);
            assert_int_equal(rkv_rows_keep(rows, index, N), RKV_OK);
        }
        allocations_left = -1;
        assert_int_equal(host_device_fail_at(0), 1);
        assert_false(allocation_failed);
        assert_int_equal(rkv_rows_allocated_bytes(rows), held);
        rkv_rows_free(rows);
    }
    device->ops->release(device, x_there);
    free(x);
}

/* ---- devices ---- */

static int run_on_played_device(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_many_runs),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_not_finite_there),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_waits_for_nothing),
        cmocka_unit_test(test_at_rest),
    };
    if (rkv_cuda_open(&device, 0)) return 1;
    int failed = cmocka_run_group_tests_name("rows of cuda's sources on the host", tests, NULL, NULL);
    rkv_backend_close(device);
    return failed + (host_device_live() != 0);
}

/* 77: skipped, for there is no such device. */
static int run_on_named_device(const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_many_runs),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_not_finite_there),
    };
    rkv_status status = rkv_backend_open(&device, name);
    if (status) {
        printf("skipped: %s\n", rkv_message());
        return status == RKV_UNAVAILABLE ? 77 : 1;
    }
    int failed = cmocka_run_group_tests_name(name, tests, NULL, NULL);
    rkv_backend_close(device);
    return failed;
}

int main(int argc, char **argv) {
    return argc > 1 ? run_on_named_device(argv[1]) : run_on_played_device();
}
