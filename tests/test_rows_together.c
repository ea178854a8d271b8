/* test_rows_together.c: what is done with many lists of rows in a device's memory at once leaves the host's
 * bytes in each, in a few launches; what fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cuda/open.h"
#include "cuda/rows.h"
#include "cuda_host/host_device.h"
#include "support/failing_allocator.h"
#include "support/row_pairs.h"

enum { LISTS = 2 * PAIR_FORMATS, MOST = 700, STRIDE = 69 }; /* more lists than a launch has */

static rkv_backend *device;
static rkv_random dice = {13};

/* Of every form, of two widths. */
static void new_lists(pair *lists) {
    for (size_t i = 0; i < LISTS; i++)
        lists[i] = new_pair(device, pair_formats[i % PAIR_FORMATS], i % 3 ? 67 : 12);
}

static void free_lists(pair *lists) {
    for (size_t i = 0; i < LISTS; i++)
        free_pair(&lists[i]);
}

/* All rows of all lists, read where they lie. */
static void check_read(const pair *lists) {
    const rkv_rows *rows[LISTS];
    float *x[LISTS], *host[LISTS];
    for (size_t i = 0; i < LISTS; i++) {
        rows[i] = lists[i].there, host[i] = read_rows(lists[i].host);
        assert_int_equal(device->ops->alloc(device, &x[i], rkv_rows_count(rows[i]) * rkv_rows_width(rows[i])),
                         RKV_OK);
    }
    assert_int_equal(rkv_rows_read_all_there(rows, x, LISTS), RKV_OK);
    for (size_t i = 0; i < LISTS; i++) {
        size_t n = rkv_rows_count(rows[i]) * rkv_rows_width(rows[i]);
        float *found = malloc((n + 1) * sizeof *found);
        assert_int_equal(device->ops->download(device, found, x[i], n), RKV_OK);
        assert_memory_equal(found, host[i], n * sizeof *found);
        device->ops->release(device, x[i]);
        free(found), free(host[i]);
    }
}

static void check_lists(const pair *lists) {
    for (size_t i = 0; i < LISTS; i++)
        check_same(&lists[i]);
}

/* ---- what comes and goes ---- */

/* Of n rows, how many list i gets: of some lists half, of some none. */
static size_t rows_of_list(size_t i, size_t n) {
    return i % 5 == 3 ? n / 2 : i % 7 == 5 ? 0 : n;
}

/* n rows of places in x that overlap, or less, to the device's lists. */
static rkv_status append_there(const pair *lists, const float *x, size_t n) {
    rkv_rows *there[LISTS];
    const float *x_of[LISTS];
    size_t n_of[LISTS];
    for (size_t i = 0; i < LISTS; i++)
        there[i] = lists[i].there, x_of[i] = x + i, n_of[i] = rows_of_list(i, n);
    return rkv_rows_append_all_there(there, x_of, n_of, LISTS, STRIDE);
}

static void append(const pair *lists, size_t n) {
    float *x = random_rows(&dice, n + 1, STRIDE), *there = upload(device, x, (n + 1) * STRIDE);
    for (size_t i = 0; i < LISTS; i++)
        assert_int_equal(rkv_rows_append(lists[i].host, x + i, rows_of_list(i, n), STRIDE), RKV_OK);
    assert_int_equal(append_there(lists, there, n), RKV_OK);
    device->ops->release(device, there);
    free(x);
}

/* What stays of each list. */
typedef struct choice {
    uint32_t index[LISTS][MOST];
    size_t n[LISTS];
} choice;

/* Of each so many of 10 rows as one of the shares says. */
static void choose(choice *c, const pair *lists, const size_t *shares, size_t n_shares) {
    for (size_t i = 0; i < LISTS; i++)
        c->n[i] = random_part(&dice, rkv_rows_count(lists[i].host), shares[rkv_random_below(&dice, n_shares)],
                              c->index[i]);
}

static rkv_status keep_there(const pair *lists, const choice *c) {
    rkv_rows *there[LISTS];
    const uint32_t *index[LISTS];
    for (size_t i = 0; i < LISTS; i++)
        there[i] = lists[i].there, index[i] = c->index[i];
    return rkv_rows_keep_all(there, index, c->n, LISTS);
}

static void keep_host(const pair *lists, const choice *c) {
    for (size_t i = 0; i < LISTS; i++)
        assert_int_equal(rkv_rows_keep(lists[i].host, c->index[i], c->n[i]), RKV_OK);
}

static void keep(const pair *lists, const choice *c) {
    keep_host(lists, c);
    assert_int_equal(keep_there(lists, c), RKV_OK);
}

/* All of a list, none, few, and so many runs that they do not fit together in a launch. */
static void test_same_bytes(void **state) {
    (void)state;
    static const size_t rows[] = {1, 70, 1, 31, 2, 300, 1, 1, 64, 0, 5}, shares[] = {10, 0, 1, 5, 9, 9};
    static choice c;
    pair lists[LISTS];
    new_lists(lists);
    choose(&c, lists, shares, 6); /* of empty lists */
    keep(lists, &c);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        append(lists, rows[r]);
        check_lists(lists);
        choose(&c, lists, shares, 6);
        keep(lists, &c);
        check_lists(lists);
        check_read(lists);
    }
    free_lists(lists);
}

/* One row of each goes, another comes, for a long time: ragged lists slide, and now and then one goes from
 * somewhere else. */
static void test_slide(void **state) {
    (void)state;
    static choice c;
    pair lists[LISTS];
    size_t left[LISTS]; /* of the rows at first */
    new_lists(lists);
    append(lists, 150);
    for (size_t i = 0; i < LISTS; i++) {
        left[i] = rows_of_list(i, 150) * 2 / 3;
        c.n[i] = left[i];
        for (uint32_t k = 0; k < c.n[i]; k++)
            c.index[i][k] = k;
    }
    keep(lists, &c);
    for (size_t step = 0; step < 70; step++) {
        append(lists, 1);
        for (size_t i = 0; i < LISTS; i++) {
            uint64_t goes = step % 5 == 4 ? rkv_random_below(&dice, left[i] + 1) : i;
            size_t n = rkv_rows_count(lists[i].host);
            c.n[i] = n < left[i] ? n : left[i];
            for (uint32_t k = 0; k < c.n[i]; k++)
                c.index[i][k] = k + (n > c.n[i] && k >= goes);
        }
        keep(lists, &c);
        if (step % 5 >= 3) check_lists(lists);
    }
    check_read(lists);
    free_lists(lists);
}

/* ---- copies ---- */

/* Copies of all lists, there and in the host's memory; copies that failed are none. */
static rkv_status copy_lists(const pair *lists, pair *copies) {
    const rkv_rows *rows[LISTS];
    rkv_rows *made[LISTS];
    for (size_t i = 0; i < LISTS; i++)
        rows[i] = lists[i].there;
    rkv_status status = rkv_rows_copy_all(made, rows, LISTS);
    for (size_t i = 0; i < LISTS; i++) {
        copies[i] = lists[i];
        copies[i].there = made[i];
        if (status) assert_null(made[i]);
        rows[i] = lists[i].host;
    }
    allocations_left = -1; /* the rest is the test's own */
    if (status) return status;
    assert_int_equal(rkv_rows_copy_all(made, rows, LISTS), RKV_OK);
    for (size_t i = 0; i < LISTS; i++)
        copies[i].host = made[i];
    return RKV_OK;
}

/* Of lists with gaps and without, some empty; what becomes of either does not touch the other. */
static void test_copies(void **state) {
    (void)state;
    static const size_t shares[] = {0, 9, 9, 5, 10};
    static choice c;
    pair lists[LISTS], copies[LISTS];
    new_lists(lists);
    for (size_t step = 0; step < 4; step++) {
        append(lists, step ? 41 : 150);
        choose(&c, lists, shares, 5);
        keep(lists, &c);
        assert_int_equal(copy_lists(lists, copies), RKV_OK);
        append(lists, 7);
        check_lists(copies);
        check_read(copies);
        append(copies, 2);
        check_lists(lists);
        check_lists(copies);
        free_lists(copies);
    }
    free_lists(lists);
}

/* ---- on the played device alone: work, failures ---- */

/* Lists of one form, as many as a large layer has: a row in and a row out takes three launches at most to
 * append and one to thin out, where that moves anything, whatever the form, and copies nothing. */
static void test_work_of_a_step(void **state) {
    (void)state;
    enum { HEADS = 16, ROWS = 100 };
    uint32_t kept[ROWS];
    const uint32_t *index[HEADS];
    const float *x_of[HEADS];
    size_t n[HEADS], one[HEADS];
    rkv_rows *rows[HEADS];
    float *x = random_rows(&dice, ROWS, STRIDE), *there = upload(device, x, ROWS * STRIDE);
    for (size_t f = 0; f < PAIR_FORMATS; f++) {
        for (size_t i = 0; i < HEADS; i++) {
            rows[i] = new_rows(device, pair_formats[f], 64);
            index[i] = kept, x_of[i] = there + i, n[i] = ROWS - 1, one[i] = 1;
        }
        assert_int_equal(rkv_rows_append_all_there(rows, x_of, n, HEADS, STRIDE), RKV_OK);
        for (uint32_t step = 0; step < 40; step++) {
            for (uint32_t k = 0; k < ROWS - 1; k++)
                kept[k] = k + (k >= step % 7);
            size_t launches = host_device_launches(), copies = host_device_copies(),
                   waits = host_device_waits();
            assert_int_equal(rkv_rows_append_all_there(rows, x_of, one, HEADS, STRIDE), RKV_OK);
            assert_in_range(host_device_launches() - launches, 1, 3);
            launches = host_device_launches();
            assert_int_equal(rkv_rows_keep_all(rows, index, n, HEADS), RKV_OK);
            assert_in_range(host_device_launches() - launches, 0, 1);
            assert_int_equal(host_device_copies(), copies);
            assert_int_equal(host_device_waits(), waits);
        }
        for (size_t i = 0; i < HEADS; i++)
            rkv_rows_free(rows[i]);
    }
    device->ops->release(device, there);
    free(x);
}

/* Device memory of a list that has just been copied, which has room for what it holds. */
static size_t device_bytes(const pair *p) {
    size_t starts = rkv_cuda_rows_view(p->there).n_groups * sizeof(uint32_t); /* in the host's */
    return rkv_rows_allocated_bytes(p->there) - p->there_own - starts;
}

/* Copies of all lists take as many launches as have room for them, and nothing else; their bytes are those
 * that were asked of the allocator. */
static void test_work_of_copies(void **state) {
    (void)state;
    pair lists[LISTS], copies[LISTS];
    size_t n_moved = 0;
    new_lists(lists);
    append(lists, 70);
    for (size_t i = 0; i < LISTS; i++) {
        rkv_rows_view v = rkv_cuda_rows_view(lists[i].there);
        n_moved += (v.n_encoded > 0) + (v.n_groups > 0) + (v.n > v.n_encoded);
    }
    size_t launches = host_device_launches(), queued = host_device_copies(), waits = host_device_waits();
    size_t bytes = host_device_bytes();
    assert_int_equal(copy_lists(lists, copies), RKV_OK);
    assert_int_equal(host_device_launches() - launches, (n_moved + 31) / 32);
    assert_int_equal(host_device_copies(), queued);
    assert_int_equal(host_device_waits(), waits);
    for (size_t i = 0; i < LISTS; i++)
        bytes += device_bytes(&copies[i]);
    assert_int_equal(host_device_bytes(), bytes);
    free_lists(copies), free_lists(lists);
}

/* Whichever allocation fails, the device's or the host's: there is no copy, and the lists are as they were.
 */
static void test_copies_without_memory(void **state) {
    (void)state;
    for (size_t kind = 0; kind < 2; kind++) {
        size_t k = 1;
        for (bool failed = true; failed; k++) {
            pair lists[LISTS], copies[LISTS];
            new_lists(lists);
            append(lists, 70);
            size_t live = host_device_live();
            allocation_failed = false, allocations_left = kind ? (long)k - 1 : -1;
            host_device_fail_at(kind ? 0 : k);
            rkv_status status = copy_lists(lists, copies);
            allocations_left = -1;
            failed = kind ? allocation_failed : host_device_fail_at(0) == 0;
            assert_int_equal(status, failed ? RKV_NO_MEMORY : RKV_OK);
            if (failed) assert_int_equal(host_device_live(), live);
            if (!failed) check_lists(copies), free_lists(copies);
            if (!failed || k % 20 == 1) check_lists(lists);
            free_lists(lists);
        }
        assert_true(k > LISTS);
    }
}

/* The k-th allocation of the device fails; false: there were fewer. What the lists got, the host's get too.
 */
static bool append_fails_once(const pair *lists, size_t k) {
    enum { N = 40 };
    size_t before[LISTS];
    float *x = random_rows(&dice, N + 1, STRIDE), *there = upload(device, x, (N + 1) * STRIDE);
    for (size_t i = 0; i < LISTS; i++)
        before[i] = rkv_rows_count(lists[i].there);
    host_device_fail_at(k);
    rkv_status status = append_there(lists, there, N);
    bool failed = host_device_fail_at(0) == 0;
    assert_true(status == RKV_OK || (failed && status == RKV_NO_MEMORY));
    for (size_t i = 0; i < LISTS; i++) {
        size_t more = rkv_rows_count(lists[i].there) - before[i];
        assert_true(more == rows_of_list(i, N) || (more == 0 && status));
        assert_int_equal(rkv_rows_append(lists[i].host, x + i, more, STRIDE), RKV_OK);
    }
    device->ops->release(device, there);
    free(x);
    return failed;
}

/* Whichever allocation fails, all lists are whole, and go on. */
static void test_append_without_memory(void **state) {
    (void)state;
    size_t live = host_device_live(), k = 1;
    for (bool failed = true; failed; k++) {
        pair lists[LISTS];
        new_lists(lists);
        append(lists, k % 70);
        failed = append_fails_once(lists, k);
        check_lists(lists);
        append(lists, 1);
        check_lists(lists);
        free_lists(lists);
    }
    assert_true(k > LISTS);
    assert_int_equal(host_device_live(), live);
}

/* Memory that cannot be made smaller stays: thinning out never fails for want of it, the device's or the
 * host's. */
static void test_keep_without_memory(void **state) {
    (void)state;
    static const size_t shares[] = {0, 1, 3, 5, 9};
    static choice c;
    size_t live = host_device_live(), k = 1;
    for (bool failed = true; failed; k++) {
        pair lists[LISTS];
        new_lists(lists);
        append(lists, 60 + k % 40);
        choose(&c, lists, shares, 5);
        allocation_failed = false, allocations_left = (long)k - 1;
        host_device_fail_at(k);
        assert_int_equal(keep_there(lists, &c), RKV_OK);
        allocations_left = -1;
        failed = host_device_fail_at(0) == 0 || allocation_failed;
        keep_host(lists, &c);
        check_lists(lists);
        append(lists, 40);
        check_lists(lists);
        free_lists(lists);
    }
    assert_true(k > LISTS / 2);
    assert_int_equal(host_device_live(), live);
}

/* ---- devices ---- */

static int run_on_played_device(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_slide),
        cmocka_unit_test(test_copies),
        cmocka_unit_test(test_work_of_copies),
        cmocka_unit_test(test_copies_without_memory),
        cmocka_unit_test(test_work_of_a_step),
        cmocka_unit_test(test_append_without_memory),
        cmocka_unit_test(test_keep_without_memory),
    };
    if (rkv_cuda_open(&device, 0)) return 1;
    int failed = cmocka_run_group_tests_name("lists of cuda's sources on the host", tests, NULL, NULL);
    rkv_backend_close(device);
    return failed + (host_device_live() != 0);
}

/* 77: skipped, for there is no such device. */
static int run_on_named_device(const char *name) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_bytes), cmocka_unit_test(test_slide),
                                       cmocka_unit_test(test_copies)};
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
