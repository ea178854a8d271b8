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

#include "backend/rows_form.h"
#include "core/half.h"
#include "cuda/open.h"
#include "cuda/rows.h"
#include "cuda_host/host_device.h"
#include "support/failing_allocator.h"
#include "support/row_lists.h"

static rkv_backend *device;
static rkv_random dice = {11};

/* ---- the lists ---- */

/* Floats do not look at groups. */
static const rkv_row_format formats[] = {
    {.form = RKV_ROWS_F32}, {.form = RKV_ROWS_F16}, {.form = RKV_ROWS_BF16},
#define GROUPS(form)                                                                                         \
    {form, RKV_AXIS_TOKEN, 0}, {form, RKV_AXIS_TOKEN, 1}, {form, RKV_AXIS_TOKEN, 32},                        \
        {form, RKV_AXIS_TOKEN, 33}, {form, RKV_AXIS_CHANNEL, 1}, {form, RKV_AXIS_CHANNEL, 32}, {             \
        form, RKV_AXIS_CHANNEL, 33                                                                           \
    }
    GROUPS(RKV_ROWS_INT8),  GROUPS(RKV_ROWS_INT4),
#undef GROUPS
};
#define N_FORMATS (sizeof formats / sizeof *formats)

static const size_t widths[] = {1, 3, 64, 67, 128};
#define N_WIDTHS (sizeof widths / sizeof *widths)

/* The same rows twice. */
typedef struct pair {
    rkv_rows *host, *there;
    size_t host_own, there_own; /* bytes of an empty list */
} pair;

static pair new_pair(rkv_row_format format, size_t width) {
    pair p = {new_rows(NULL, format, width), new_rows(device, format, width), 0, 0};
    p.host_own = rkv_rows_used_bytes(p.host), p.there_own = rkv_rows_used_bytes(p.there);
    return p;
}

static void free_pair(pair *p) {
    rkv_rows_free(p->host), rkv_rows_free(p->there);
}

/* ---- device memory ---- */

static float *upload(const float *x, size_t n) {
    float *memory = NULL;
    assert_int_equal(device->ops->alloc(device, &memory, n), RKV_OK);
    assert_int_equal(device->ops->upload(device, memory, x, n), RKV_OK);
    return memory;
}

static unsigned char *download(const void *from, size_t bytes) {
    size_t n = (bytes + sizeof(float) - 1) / sizeof(float);
    float *to = malloc((n + 1) * sizeof *to);
    assert_non_null(to);
    if (n) assert_int_equal(device->ops->download(device, to, from, n), RKV_OK);
    return (unsigned char *)to;
}

static void append_there(rkv_rows *rows, const float *x, size_t n, size_t stride) {
    float *memory = upload(x, n * stride);
    assert_int_equal(rkv_rows_append_there(rows, memory, n, stride), RKV_OK);
    device->ops->release(device, memory);
}

/* ---- the same bytes ---- */

static void check_records(const rkv_rows *host, const rkv_rows_view *v) {
    size_t bytes = v->layout.record_bytes, host_bytes;
    unsigned char *records = download(v->records, v->n_encoded * bytes);
    for (size_t row = 0; row < v->n_encoded; row++) {
        const unsigned char *record = rkv_rows_record(host, row, &host_bytes);
        assert_non_null(record);
        assert_int_equal(bytes, host_bytes);
        if (memcmp(records + row * bytes, record, bytes) != 0)
            fail_msg("%s, width %zu, group %zu: another record of row %zu", row_form_name(v->form),
                     v->layout.width, v->layout.group, row);
    }
    assert_null(rkv_rows_record(host, v->n_encoded, &host_bytes));
    free(records);
}

static void check_groups(const rkv_rows *host, const rkv_rows_view *v) {
    size_t affine_bytes = 2 * v->layout.width * sizeof(uint16_t), bytes = sizeof(uint32_t) + affine_bytes;
    unsigned char *groups = download(v->groups, v->n_groups * bytes);
    size_t g = 0;
    for (size_t row = 0; v->layout.by_channel && row < v->n_encoded; g++) {
        rkv_rows_stretch group = rkv_rows_stretch_at(host, row, 1);
        uint32_t start;
        assert_true(g < v->n_groups);
        memcpy(&start, groups + g * bytes, sizeof start);
        assert_int_equal(start, row);
        assert_memory_equal(groups + g * bytes + sizeof start, group.group, affine_bytes);
        row += group.left;
    }
    assert_int_equal(g, v->n_groups);
    free(groups);
}

static void check_same(const pair *p) {
    rkv_rows_view v = rkv_cuda_rows_view(p->there);
    assert_int_equal(v.n, rkv_rows_count(p->host));
    assert_int_equal(rkv_rows_count(p->there), v.n);
    assert_int_equal(rkv_rows_used_bytes(p->there) - p->there_own,
                     rkv_rows_used_bytes(p->host) - p->host_own);
    check_records(p->host, &v);
    check_groups(p->host, &v);
    float *expected = read_rows(p->host), *found = read_rows(p->there);
    assert_memory_equal(found, expected, v.n * v.layout.width * sizeof *found);
    free(expected), free(found);
}

/* ---- what comes and goes ---- */

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
    for (size_t f = 0; f < N_FORMATS; f++)
        for (size_t w = 0; w < N_WIDTHS; w++) {
            pair p = new_pair(formats[f], widths[w]);
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
    for (size_t f = 0; f < N_FORMATS; f++)
        for (size_t l = 0; l < 2; l++) {
            pair p = new_pair(formats[f], WIDE);
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

/* ---- many lists at once ---- */

enum { AT_ONCE = 2 * N_FORMATS }; /* more than a launch has */

/* n rows, `stride` apart, of places in x that overlap. */
static void append_to_all(pair *pairs, const float *x, size_t n, size_t stride) {
    rkv_rows *there[AT_ONCE];
    const float *x_of[AT_ONCE];
    float *memory = upload(x, n * stride + AT_ONCE);
    for (size_t i = 0; i < AT_ONCE; i++) {
        there[i] = pairs[i].there, x_of[i] = memory + i;
        assert_int_equal(rkv_rows_append(pairs[i].host, x + i, n, stride), RKV_OK);
    }
    assert_int_equal(rkv_rows_append_all_there(there, x_of, AT_ONCE, n, stride), RKV_OK);
    device->ops->release(device, memory);
}

static void test_many_lists_at_once(void **state) {
    (void)state;
    enum { MOST = 70, STRIDE = 69 };
    static const size_t rows[] = {1, MOST, 1, 31, 2};
    float *x = random_rows(&dice, MOST + 1, STRIDE);
    for (size_t by_channel = 0; by_channel < 2; by_channel++) {
        pair pairs[AT_ONCE];
        for (size_t i = 0, f = 0; i < AT_ONCE; f++) { /* in turn, those by channel as well or not */
            rkv_row_format format = formats[f % N_FORMATS];
            if (!by_channel && rows_by_channel(&format)) continue;
            pairs[i] = new_pair(format, i % 2 ? 64 : 67);
            i++;
        }
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            append_to_all(pairs, x, rows[r], STRIDE);
        for (size_t i = 0; i < AT_ONCE; i++)
            check_same(&pairs[i]), free_pair(&pairs[i]);
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
    for (size_t f = 0; f < N_FORMATS; f++)
        for (size_t kind = 0; kind < 28; kind++) {
            bool finite = rows_are_integers(&formats[f]);
            float x[ROWS * WIDE];
            for (size_t i = 0; i < ROWS * WIDE; i++)
                x[i] = odd_float(kind, finite);
            pair p = new_pair(formats[f], WIDE);
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
    for (size_t f = 0; f < N_FORMATS; f++)
        for (size_t b = 0; b < 3 && rows_are_integers(&formats[f]); b++) {
            float *x = random_rows(&dice, ROWS, WIDE);
            pair p = new_pair(formats[f], WIDE);
            const rkv_row_layout *layout = &p.host->layout;
            append_both(&p, x, ROWS, WIDE);
            rkv_rows_free(p.there);
            p.there = new_rows(device, formats[f], WIDE);
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
    float *x = random_rows(&dice, N, WIDTH), *x_there = upload(x, N * WIDTH);
    for (size_t i = 0; i < N_FORMATS * N_CHANGES * 2; i++) {
        size_t k = 1;
        for (bool failed = true; failed; k++) {
            pair p = new_pair(formats[i / 2 / N_CHANGES], WIDTH);
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
    assert_int_equal(host_device_live(), 0);
}

/* What comes out of device memory or stays there is queued, and no more. */
static void test_waits_for_nothing(void **state) {
    (void)state;
    float *x = random_rows(&dice, N, WIDTH), *x_there = upload(x, N * WIDTH);
    for (size_t f = 0; f < N_FORMATS; f++) {
        rkv_rows *rows = new_rows(device, formats[f], WIDTH), *copy = NULL;
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

/* A row for each list of a layer: one launch. */
static void test_lists_of_a_layer_at_once(void **state) {
    (void)state;
    enum { LISTS = 16 };
    float *x = random_rows(&dice, LISTS, WIDTH), *x_there = upload(x, LISTS * WIDTH);
    rkv_rows *rows[LISTS];
    const float *x_of[LISTS];
    for (size_t i = 0; i < LISTS; i++) {
        rows[i] = new_rows(device, formats[i % 7], WIDTH), x_of[i] = x_there + i * WIDTH;
        assert_false(rows[i]->layout.by_channel);
    }
    size_t waits = host_device_waits(), launches = host_device_launches();
    assert_int_equal(rkv_rows_append_all_there(rows, x_of, LISTS, 1, WIDTH), RKV_OK);
    assert_int_equal(host_device_launches(), launches + 1);
    assert_int_equal(host_device_waits(), waits);
    for (size_t k = 1; k <= LISTS; k++) { /* no room for a list: those before it may have theirs, or not */
        rkv_rows *none[LISTS];
        for (size_t i = 0; i < LISTS; i++)
            none[i] = new_rows(device, formats[i % 7], WIDTH);
        host_device_fail_at(k);
        assert_int_equal(rkv_rows_append_all_there(none, x_of, LISTS, 1, WIDTH), RKV_NO_MEMORY);
        assert_int_equal(rkv_rows_count(none[k - 1]), 0);
        for (size_t i = 0; i < LISTS; i++)
            rkv_rows_free(none[i]);
    }
    for (size_t i = 0; i < LISTS; i++)
        rkv_rows_free(rows[i]);
    device->ops->release(device, x_there);
    free(x);
}

/* One row in and one row out, for a long time: no memory is asked for. By channel the tail is emptied and
 * filled. */
static void test_at_rest(void **state) {
    (void)state;
    float *x = random_rows(&dice, N, WIDTH), *x_there = upload(x, N * WIDTH);
    uint32_t index[N];
    for (uint32_t i = 0; i < N; i++)
        index[i] = i + (i >= 4);
    for (size_t f = 0; f < N_FORMATS; f++) {
        rkv_rows *rows = filled_rows(device, formats[f], WIDTH, x, N);
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
        cmocka_unit_test(test_many_lists_at_once),
        cmocka_unit_test(test_odd_numbers),
        cmocka_unit_test(test_not_finite_there),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_waits_for_nothing),
        cmocka_unit_test(test_lists_of_a_layer_at_once),
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
        cmocka_unit_test(test_same_bytes),         cmocka_unit_test(test_many_runs),
        cmocka_unit_test(test_many_lists_at_once), cmocka_unit_test(test_odd_numbers),
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
