/* test_rows_host.c: rows of a cache in ordinary memory, as the CPU's attention sees them, and what they ask
 * of the allocator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "backend/rows_codes.h"
#include "backend/rows_form.h"
#include "support/failing_allocator.h"
#include "support/row_lists.h"

static rkv_random dice = {7};

/* ---- readers of codes ---- */

/* Number i of a row of n bytes in some part of them. */
static int plain_code(const unsigned char *codes, size_t n, rkv_codes_part part, size_t i) {
    switch (part) {
    case RKV_CODES_WHOLE:
        return codes[i];
    case RKV_CODES_LOWER:
        return codes[i] & 15;
    case RKV_CODES_UPPER:
        return codes[i] >> 4;
    default:
        return i < n ? codes[i] & 15 : codes[i - n] >> 4;
    }
}

static void check_reader(const rkv_codes_reader *reader, rkv_codes_part part, size_t n) {
    enum { ROWS = 3, APART = 85, STRIDE = 163 };
    unsigned char codes[ROWS * APART];
    float scale[STRIDE], zero[STRIDE], rows[ROWS * STRIDE], numbers[ROWS * STRIDE];
    size_t width = part == RKV_CODES_BOTH ? 2 * n : n;
    for (size_t i = 0; i < sizeof codes; i++)
        codes[i] = (unsigned char)rkv_random_below(&dice, 256);
    for (size_t i = 0; i < STRIDE; i++) { /* as float16 has them */
        scale[i] = (float)rkv_random_below(&dice, 2048) / 1024;
        zero[i] = (float)rkv_random_below(&dice, 2048) - 1024;
    }
    rkv_codes_block block = {.codes = codes, .apart = APART, .rows = ROWS, .n = n, .part = part};
    reader->by_row(&block, scale, zero, rows, STRIDE);
    reader->by_number(&block, scale, zero, numbers, STRIDE);
    for (size_t row = 0; row < ROWS; row++)
        for (size_t i = 0; i < width; i++) {
            float code = (float)plain_code(codes + row * APART, n, part, i);
            assert_true(rows[row * STRIDE + i] == zero[row] + scale[row] * code);
            assert_true(numbers[row * STRIDE + i] == zero[i] + scale[i] * code);
        }
}

/* Every instruction set that the processor has gives the same bits. */
static void test_every_reader(void **state) {
    (void)state;
    const rkv_tile *tile;
    for (size_t t = 0; (tile = rkv_tile_at(t)); t++)
        for (int part = RKV_CODES_WHOLE; part <= RKV_CODES_BOTH; part++)
            for (size_t n = 1; n <= 81; n++)
                check_reader(rkv_codes_reader_of(tile), (rkv_codes_part)part, n);
}

/* ---- where rows lie ---- */

/* Where rows lie side by side they are what is read of them; a gap is told. */
static void test_in_place(void **state) {
    (void)state;
    enum { N = 100, WIDTH = 4, GONE = 30 };
    float *x = random_rows(&dice, N, WIDTH);
    uint32_t index[N];
    for (uint32_t i = 0; i < N; i++)
        index[i] = i + (i >= GONE);
    for (size_t f = 0; f < row_format_count(); f++) {
        rkv_rows *rows = filled_rows(NULL, row_format_at(f), WIDTH, x, N);
        rkv_rows_keep(rows, index, N - 1);
        for (size_t first = 0; first < N - 1; first++) {
            const float *at = rkv_rows_in_place(rows, first, 20);
            bool together = first + 20 <= GONE || first >= GONE;
            if (first + 20 > N - 1) break;
            assert_true((at != NULL) == (together && row_form_bits(row_format_at(f).form) == 32));
            if (at) assert_memory_equal(at, x + index[first] * WIDTH, 20 * WIDTH * sizeof *x);
        }
        rkv_rows_free(rows);
    }
    free(x);
}

/* ---- what is asked of the allocator ---- */

static void test_at_rest(void **state) {
    (void)state;
    enum { WIDTH = 64, N = 256, STEPS = 2000 };
    float *x = random_rows(&dice, N, WIDTH);
    uint32_t index[N];
    for (size_t f = 0; f < row_format_count(); f++) {
        rkv_row_format format = row_format_at(f);
        if (rows_by_channel(&format)) continue; /* its tail is emptied and filled */
        rkv_rows *rows = filled_rows(NULL, format, WIDTH, x, N);
        for (uint32_t i = 0; i < N; i++)
            index[i] = i + (i >= 4);
        assert_int_equal(rkv_rows_append(rows, x, 1, WIDTH), RKV_OK); /* room for some more */
        rkv_rows_keep(rows, index, N);
        size_t held = rkv_rows_allocated_bytes(rows);
        allocations_left = 0;
        allocation_failed = false;
        for (size_t step = 0; step < STEPS; step++) {
            assert_int_equal(rkv_rows_append(rows, x + step % N * WIDTH, 1, WIDTH), RKV_OK);
            rkv_rows_keep(rows, index, N);
        }
        allocations_left = -1;
        assert_false(allocation_failed);
        assert_int_equal(rkv_rows_allocated_bytes(rows), held);
        rkv_rows_free(rows);
    }
    free(x);
}

/* Whichever allocation fails, the list is as it was, and goes on; memory that cannot shrink stays. */
static void test_failing_allocations(void **state) {
    (void)state;
    enum { N = 100, WIDTH = 9 };
    float *x = random_rows(&dice, N, WIDTH);
    uint32_t index[] = {3, 4, 50, 99, 120};
    for (size_t f = 0; f < row_format_count(); f++)
        for (long k = 0, failed = 1; failed; k++) {
            rkv_row_format format = row_format_at(f);
            rkv_rows *rows = filled_rows(NULL, format, WIDTH, x, N), *copy = NULL;
            float *before = read_rows(rows);
            allocation_failed = false, allocations_left = k;
            rkv_status copied = rkv_rows_copy(&copy, rows);
            failed = allocation_failed;
            assert_int_equal(copied, failed ? RKV_NO_MEMORY : RKV_OK);
            assert_true(!copy == (copied != RKV_OK));
            allocation_failed = false, allocations_left = k;
            rkv_status appended = rkv_rows_append(rows, x, N, WIDTH);
            allocations_left = -1;
            failed |= allocation_failed;
            assert_true(appended == RKV_OK || (appended == RKV_NO_MEMORY && allocation_failed));
            assert_int_equal(rkv_rows_count(rows), appended ? N : 2 * N);
            float *after = read_rows(rows);
            assert_memory_equal(before, after,
                                (appended || !rows_by_channel(&format) ? N : N / 128) * WIDTH * 4);
            if (appended) assert_int_equal(rkv_rows_append(rows, x, N, WIDTH), RKV_OK);
            free(after);
            after = read_rows(rows);
            pick_rows(after, WIDTH, index, 5);
            allocations_left = 0;
            rkv_rows_keep(rows, index, 5);
            allocations_left = -1;
            float *kept = read_rows(rows);
            assert_memory_equal(kept, after, 5 * WIDTH * sizeof *kept);
            free(before), free(after), free(kept);
            rkv_rows_free(rows), rkv_rows_free(copy);
        }
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_reader),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_at_rest),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests_name("rows in ordinary memory", tests, NULL, NULL);
}
