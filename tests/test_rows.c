/* test_rows.c: the rows of a cache in every form, in ordinary memory and in devices': what is read back, what
 * stays, what memory it takes. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/half.h"
#include "core/random.h"
#include "cuda_host/places.h"
#include "support/row_lists.h"

static rkv_random dice = {7};

static const size_t widths[] = {1, 2, 13, 64, 129, 300};
#define N_WIDTHS (sizeof widths / sizeof *widths)

/* Where every thread of a kernel is played, not the widest, and what is done over and over less often. */
static size_t n_widths(void) {
    return on_device() ? N_WIDTHS - 1 : N_WIDTHS;
}
static size_t times(size_t n) {
    return on_device() ? n / 20 : n;
}

/* ---- what is read back ---- */

/* By way of the memory that the list lies in. */
static void read_there(const rkv_rows *rows, size_t first, size_t n, float *x) {
    size_t cells = n * rkv_rows_width(rows);
    float *there = NULL;
    if (!where) {
        assert_int_equal(rkv_rows_read_there(rows, first, n, x), RKV_OK);
        return;
    }
    assert_int_equal(where->ops->alloc(where, &there, cells), RKV_OK);
    assert_int_equal(rkv_rows_read_there(rows, first, n, there), RKV_OK);
    assert_int_equal(where->ops->download(where, x, there, cells), RKV_OK);
    where->ops->release(where, there);
}

static bool fits_half(double x) {
    float narrow = (float)x, back;
    uint16_t half;
    rkv_floats_to_halves(&narrow, &half, 1);
    rkv_halves_to_floats(&half, &back, 1);
    return (double)back == x;
}

/* Largest error that a number of a group of these bounds may have. Whole numbers: zero lies at most one
 * float16 step (2^-10 of it, 2^-24 near 0) below the least number; the scale takes that up, and is rounded up
 * itself by at most 2^-10 of it (2^-24 near 0). Half a step, and a little for float32's own rounding. */
static double allowed(const rkv_row_format *format, double low, double high, double value) {
    double levels = row_form_bits(format->form) == 8 ? 255 : 15;
    double zero_step = fmax(fabs(low) * 0x1p-10, 0x1p-24);
    double scale = (high - low + zero_step) / levels;
    scale += fmax(scale * 0x1p-10, 0x1p-24);
    if (low == high && fits_half(low)) scale = 0;
    switch (row_form_bits(format->form)) {
    case 32:
        return 0;
    case 16:
        return format->form == RKV_ROWS_F16 ? fmax(fabs(value) * 0x1p-11, 0x1p-25)
                                            : fmax(fabs(value) * 0x1p-8, 0x1p-134);
    default:
        return scale * (0.5 + 1e-4) + fmax(fabs(low), fabs(high)) * 0x1p-23;
    }
}

/* Bounds of the group of number (row, column) among n rows that were appended at once. */
static void bounds(const rkv_row_format *format, const float *x, size_t width, size_t row, size_t column,
                   double *low, double *high) {
    size_t group = format->group && format->group <= width ? format->group : width;
    bool channel = rows_by_channel(format);
    size_t first_row = channel ? row / format->group * format->group : row;
    size_t rows = channel ? format->group : 1;
    size_t first = channel ? column : column / group * group;
    size_t columns = channel ? 1 : group < width - first ? group : width - first;
    *low = INFINITY, *high = -INFINITY;
    for (size_t i = first_row; i < first_row + rows; i++)
        for (size_t j = first; j < first + columns; j++) {
            *low = fmin(*low, (double)x[i * width + j]);
            *high = fmax(*high, (double)x[i * width + j]);
        }
}

static void check_read_back(rkv_row_format format, const float *x, size_t n, size_t width) {
    rkv_rows *rows = filled_rows(where, format, width, x, n);
    float *back = read_rows(rows);
    size_t encoded = rows_by_channel(&format) ? n / format.group * format.group : n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j++) {
            double low = 0, high = 0, value = (double)x[i * width + j];
            if (i < encoded) bounds(&format, x, width, i, j, &low, &high);
            double tolerance = i < encoded ? allowed(&format, low, high, value) : 0; /* the tail is exact */
            if (!(fabs((double)back[i * width + j] - value) <= tolerance))
                fail_msg("%s axis %d group %zu width %zu: number %zu of row %zu is %.9g, not %.9g (%.2g)",
                         row_form_name(format.form), (int)format.axis, format.group, width, j, i,
                         (double)back[i * width + j], value, tolerance);
        }
    free(back);
    rkv_rows_free(rows);
}

static void test_round_trip(void **state) {
    (void)state;
    for (size_t f = 0; f < row_format_count(); f++)
        for (size_t w = 0; w < n_widths(); w++) {
            float *x = random_rows(&dice, 133, widths[w]);
            check_read_back(row_format_at(f), x, 133, widths[w]);
            free(x);
        }
}

/* Rows of one kind of number each: equal ones that float16 can and cannot hold, next to each other far from
 * zero, tiny, minus zero, negative only. */
static void test_unusual_numbers(void **state) {
    (void)state;
    enum { ROWS = 32, WIDTH = 16 };
    static const float centre[] = {0, -0.0f, 1.5f, 1.1f, -333.3f, 1000, -65504, 65504, 1e-40f, -1e-9f, 1e-6f};
    static const float spread[] = {0, 1e-42f, 1e-8f, 1e-5f, 1e-3f, 1};
    for (size_t c = 0; c < sizeof centre / sizeof *centre; c++)
        for (size_t s = 0; s < sizeof spread / sizeof *spread; s++)
            for (size_t f = 0; f < row_format_count(); f++) {
                rkv_row_format format = row_format_at(f);
                float x[ROWS * WIDTH];
                for (size_t i = 0; i < ROWS * WIDTH; i++) {
                    x[i] = centre[c] + spread[s] * (float)rkv_random_unit(&dice);
                    if (row_form_bits(format.form) < 32 && fabsf(x[i]) > 65504) x[i] = centre[c];
                }
                check_read_back(format, x, ROWS, WIDTH);
            }
}

/* Beyond a form's range the nearest number that it has: never an infinity, never a NaN. */
static void test_beyond_range(void **state) {
    (void)state;
    enum { ROWS = 32, WIDTH = 8 };
    static const float large[] = {65505, 65520, 1e5f, -1e5f, 1e30f, -1e30f, FLT_MAX, -FLT_MAX};
    for (size_t l = 0; l < sizeof large / sizeof *large; l++)
        for (size_t f = 0; f < row_format_count(); f++) {
            rkv_row_format format = row_format_at(f);
            float x[ROWS * WIDTH] = {0};
            for (size_t i = 0; i < ROWS * WIDTH; i += 3)
                x[i] = large[l];
            rkv_rows *rows = filled_rows(where, format, WIDTH, x, ROWS);
            float *back = read_rows(rows);
            size_t encoded = rows_by_channel(&format) ? ROWS / format.group * format.group : ROWS;
            for (size_t i = 0; i < ROWS * WIDTH; i++) {
                bool exact = row_form_bits(format.form) == 32 || i >= encoded * WIDTH;
                double most = exact ? INFINITY : format.form == RKV_ROWS_BF16 ? 0x1.FEp127 : 65504;
                double expected = fmax(-most, fmin(most, (double)x[i]));
                /* a group's 15 or 255 steps; at 131008 / 15 a step is 8734 */
                double tolerance = exact ? 0
                                   : format.form == RKV_ROWS_BF16
                                       ? fabs(expected) * 0x1p-8
                                       : 65504 * (rows_are_integers(&format) ? 0.04 : 0);
                assert_true(isfinite(back[i]));
                assert_true(fabs((double)back[i] - expected) <= tolerance);
            }
            free(back);
            rkv_rows_free(rows);
        }
}

static void test_not_finite(void **state) {
    (void)state;
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    for (size_t b = 0; b < 3; b++)
        for (size_t f = 0; f < row_format_count(); f++) {
            rkv_row_format format = row_format_at(f);
            float x[3 * 8] = {0};
            x[13] = bad[b];
            rkv_rows *rows = filled_rows(where, format, 8, x, 1);
            rkv_status status = rkv_rows_append(rows, x, 3, 8);
            assert_int_equal(status, rows_are_integers(&format) ? RKV_DATA : RKV_OK);
            assert_int_equal(rkv_rows_count(rows), rows_are_integers(&format) ? 1 : 4);
            if (rows_are_integers(&format)) {
                assert_non_null(strstr(rkv_message(), "number 5 of row 2"));
            } else {
                float back[8];
                assert_int_equal(rkv_rows_read(rows, 2, 1, back), RKV_OK);
                assert_true(isnan(bad[b])
                                ? isnan(back[5])
                                : back[5] == bad[b] || (isfinite(back[5]) && back[5] / bad[b] == 0));
            }
            rkv_rows_free(rows);
        }
}

/* Ties go to the even number, as the hardware has it. */
static void test_bfloat_rounding(void **state) {
    (void)state;
    static const float x[] = {0x1.01p0f, 0x1.03p0f, 0x1.010002p0f, -0x1.01p0f, 0x1.00FFFEp0f, 0x1p-133f};
    static const float y[] = {0x1.00p0f, 0x1.04p0f, 0x1.02p0f, -0x1.00p0f, 0x1.00p0f, 0x1p-133f};
    float back[6];
    rkv_rows *rows = filled_rows(where, (rkv_row_format){.form = RKV_ROWS_BF16}, 6, x, 1);
    assert_int_equal(rkv_rows_read(rows, 0, 1, back), RKV_OK);
    assert_memory_equal(back, y, sizeof y);
    rkv_rows_free(rows);
}

/* ---- appending and keeping ---- */

/* In pieces of any size, from rows that lie apart, the same as at once; and any stretch reads as the whole.
 */
static void test_append_in_pieces(void **state) {
    (void)state;
    enum { N = 150, WIDTH = 21, STRIDE = 25 };
    float *x = random_rows(&dice, N, STRIDE), dense[N * WIDTH];
    for (size_t i = 0; i < N; i++)
        memcpy(dense + i * WIDTH, x + i * STRIDE, WIDTH * sizeof *x);
    for (size_t f = 0; f < row_format_count(); f++) {
        rkv_rows *at_once = filled_rows(where, row_format_at(f), WIDTH, dense, N),
                 *pieces = new_rows(where, row_format_at(f), WIDTH);
        float *expected = read_rows(at_once);
        for (size_t done = 0; done < N;) {
            size_t n = rkv_random_below(&dice, f % 2 ? 60 : 3);
            n = n < N - done ? n : N - done;
            assert_int_equal(rkv_rows_append(pieces, x + done * STRIDE, n, STRIDE), RKV_OK);
            done += n;
        }
        assert_int_equal(rkv_rows_used_bytes(pieces), rkv_rows_used_bytes(at_once));
        for (size_t trial = 0; trial < 50; trial++) {
            size_t first = rkv_random_below(&dice, N), n = rkv_random_below(&dice, N - first + 1);
            float part[N * STRIDE];
            assert_int_equal(rkv_rows_read(pieces, first, n, part), RKV_OK);
            assert_memory_equal(part, expected + first * WIDTH, n * WIDTH * sizeof *part);
            memset(part, 0x55, sizeof part);
            read_there(pieces, first, n, part);
            assert_memory_equal(part, expected + first * WIDTH, n * WIDTH * sizeof *part);
            memset(part, 0x55, sizeof part);
            assert_int_equal(rkv_rows_read_apart(pieces, first, n, part, STRIDE), RKV_OK);
            for (size_t i = 0; i < n; i++) {
                assert_memory_equal(part + i * STRIDE, expected + (first + i) * WIDTH, WIDTH * sizeof *part);
                for (size_t j = WIDTH; j < STRIDE; j++)
                    assert_memory_equal(part + i * STRIDE + j, "UUUU", 4);
            }
        }
        free(expected);
        rkv_rows_free(at_once), rkv_rows_free(pieces);
    }
    free(x);
}

/* Reading what is kept gives what was read of it before, through any number of rounds with rows appended
 * between them; a copy reads the same. */
static void test_keep(void **state) {
    (void)state;
    enum { MOST = 400, WIDTH = 13 };
    static const size_t shares[] = {10, 9, 5, 1, 8, 0, 7, 3};
    for (size_t f = 0; f < row_format_count(); f++) {
        rkv_rows *rows = new_rows(where, row_format_at(f), WIDTH), *copy = NULL;
        for (size_t round = 0; round < 16; round++) {
            size_t n = rkv_random_below(&dice, 50), kept;
            uint32_t index[MOST + 50];
            float *x = random_rows(&dice, n, WIDTH);
            assert_int_equal(rkv_rows_append(rows, x, n, WIDTH), RKV_OK);
            float *before = read_rows(rows);
            kept = random_part(&dice, rkv_rows_count(rows), shares[round % 8], index);
            kept = kept < MOST ? kept : MOST;
            pick_rows(before, WIDTH, index, kept);
            assert_int_equal(rkv_rows_keep(rows, index, kept), RKV_OK);
            assert_int_equal(rkv_rows_count(rows), kept);
            assert_int_equal(rkv_rows_copy(&copy, rows), RKV_OK);
            float *after = read_rows(rows), *copied = read_rows(copy);
            assert_memory_equal(after, before, kept * WIDTH * sizeof *after);
            assert_memory_equal(copied, before, kept * WIDTH * sizeof *after);
            assert_int_equal(rkv_rows_used_bytes(copy), rkv_rows_used_bytes(rows));
            if (!on_device() || !rows_by_channel(rkv_rows_format(copy)))
                assert_int_equal(rkv_rows_allocated_bytes(copy), rkv_rows_used_bytes(copy));
            rkv_rows_free(copy);
            free(x), free(before), free(after), free(copied);
        }
        rkv_rows_free(rows);
    }
}

/* One row in and one out, for a long time, always near the same place: what stays is there, in its order, and
 * the list neither grows nor loses a row when it closes its gap. */
static void test_slide(void **state) {
    (void)state;
    enum { N = 70, WIDTH = 3, STEPS = 200 };
    static const size_t places[] = {0, 4, N / 2, N - 10, N};
    for (size_t f = 0; f < row_format_count(); f++)
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            float *x = random_rows(&dice, N + 1, WIDTH);
            rkv_rows *rows = filled_rows(where, row_format_at(f), WIDTH, x, N);
            uint32_t index[N];
            for (size_t step = 0; step < times(STEPS); step++) {
                assert_int_equal(rkv_rows_append(rows, x, 1, WIDTH), RKV_OK);
                float *before = read_rows(rows);
                size_t gone = step % 5 ? places[p] : rkv_random_below(&dice, N + 1);
                for (uint32_t i = 0; i < N; i++)
                    index[i] = i + (i >= gone);
                assert_int_equal(rkv_rows_keep(rows, index, N), RKV_OK);
                pick_rows(before, WIDTH, index, N);
                float *after = read_rows(rows);
                assert_memory_equal(after, before, (size_t)N * WIDTH * sizeof *after);
                free(before), free(after);
            }
            rkv_rows_free(rows);
            free(x);
        }
}

/* ---- memory ---- */

/* Bytes of n rows that were appended at once, as rows.h says. */
static size_t expected_bytes(const rkv_row_format *format, size_t width, size_t n) {
    size_t bits = row_form_bits(format->form), group = format->group;
    if (!rows_are_integers(format)) return n * width * bits / 8;
    size_t codes = (width * bits + 7) / 8;
    if (rows_by_channel(format))
        return n / group * (group * codes + 4 * width + 4) + n % group * width * sizeof(float);
    group = group && group <= width ? group : width;
    return n * (codes + (width + group - 1) / group * 4);
}

/* Of groups of rows by channel, a device's list keeps the first rows on the host as well. */
static size_t aside_bytes(const rkv_row_format *format, size_t groups) {
    return on_device() && rows_by_channel(format) ? groups * sizeof(uint32_t) : 0;
}

static void test_bytes(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 5, 32, 127, 128, 256};
    for (size_t f = 0; f < row_format_count(); f++)
        for (size_t w = 0; w < n_widths(); w++)
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                rkv_row_format format = row_format_at(f);
                float *x = random_rows(&dice, counts[c], widths[w]);
                rkv_rows *empty = new_rows(where, format, widths[w]),
                         *rows = filled_rows(where, format, widths[w], x, counts[c]);
                size_t own = rkv_rows_allocated_bytes(empty);
                assert_true(own < 512);
                assert_int_equal(rkv_rows_used_bytes(rows) - own,
                                 expected_bytes(&format, widths[w], counts[c]));
                size_t groups = rows_by_channel(&format) ? counts[c] / format.group : 0;
                assert_int_equal(rkv_rows_allocated_bytes(rows),
                                 rkv_rows_used_bytes(rows) + aside_bytes(&format, groups));
                assert_int_equal(rkv_rows_keep(rows, NULL, 0), RKV_OK);
                rkv_rows_free(empty), rkv_rows_free(rows);
                free(x);
            }
}

/* own: bytes of an empty list; x: some rows. */
static void check_idle_bytes(const rkv_rows *rows, size_t own, const float *x) {
    const rkv_row_format *format = rkv_rows_format(rows);
    size_t used = rkv_rows_used_bytes(rows) - own, held = rkv_rows_allocated_bytes(rows) - own,
           width = rkv_rows_width(rows);
    rkv_rows *slack = filled_rows(where, *format, width, x, RKV_ROWS_SLACK);
    size_t idle = rkv_rows_used_bytes(slack) - own;
    if (rows_by_channel(format)) /* of its three lists one may have the slack, another the eighth */
        idle += RKV_ROWS_SLACK * width * sizeof(float) + 4 * width + 4 + used / 8;
    idle = idle > used / 8 ? idle : used / 8;
    size_t group_records = (used + idle) / (4 * width + 4); /* at most */
    assert_in_range(held, used, used + idle + aside_bytes(format, group_records));
    rkv_rows_free(slack);
}

/* Room never exceeds the rows by more than was promised, whatever comes and goes. */
static void test_capacity(void **state) {
    (void)state;
    enum { WIDTH = 16, LONG = 1000 };
    float *x = random_rows(&dice, LONG, WIDTH);
    uint32_t index[4 * LONG];
    for (uint32_t i = 0; i < 4 * LONG; i++)
        index[i] = i;
    for (size_t f = 0; f < row_format_count(); f++) {
        rkv_rows *rows = new_rows(where, row_format_at(f), WIDTH);
        size_t own = rkv_rows_allocated_bytes(rows);
        for (size_t step = 0; step < times(1000); step++) {
            size_t n = rkv_random_below(&dice, step % 25 ? 4 : LONG);
            assert_int_equal(rkv_rows_append(rows, x, n, WIDTH), RKV_OK);
            check_idle_bytes(rows, own, x);
            size_t count = rkv_rows_count(rows), most = count > 200 + step ? 200 + step : count;
            assert_int_equal(rkv_rows_keep(rows, index, most), RKV_OK);
            check_idle_bytes(rows, own, x);
        }
        size_t held = rkv_rows_allocated_bytes(rows);
        assert_int_equal(rkv_rows_keep(rows, NULL, 0), RKV_OK);
        assert_true(rkv_rows_allocated_bytes(rows) - own <= held - own);
        assert_int_equal(rkv_rows_count(rows), 0);
        rkv_rows_free(rows);
    }
    free(x);
}

/* Rows that waited for their group leave no room behind when it is full. */
static void test_tail_leaves(void **state) {
    (void)state;
    enum { WIDTH = 16 };
    float *x = random_rows(&dice, 128, WIDTH);
    for (size_t f = 0; f < row_format_count(); f++) {
        rkv_row_format format = row_format_at(f);
        rkv_rows *rows = new_rows(where, format, WIDTH);
        size_t own = rkv_rows_allocated_bytes(rows);
        for (size_t i = 0; i < format.group && rows_by_channel(&format); i++) {
            assert_int_equal(rkv_rows_append(rows, x + i * WIDTH, 1, WIDTH), RKV_OK);
            check_idle_bytes(rows, own, x);
        }
        rkv_rows_free(rows);
    }
    free(x);
}

/* Rows leave one by one, in any order: with the last of a group its scales and zeros go, and their memory. */
static void test_groups_leave(void **state) {
    (void)state;
    enum { WIDTH = 16, MOST = 6 * 128 };
    float *x = random_rows(&dice, MOST, WIDTH);
    uint32_t at[MOST], index[MOST]; /* the rows that are left, as they were; of those to keep */
    for (size_t f = 0; f < row_format_count(); f++) {
        rkv_row_format format = row_format_at(f);
        if (!rows_are_integers(&format) || !rows_by_channel(&format)) continue;
        size_t n = 6 * format.group, codes = (WIDTH * row_form_bits(format.form) + 7) / 8, own, groups,
               record = 4 * WIDTH + 4;
        rkv_rows *rows = new_rows(where, format, WIDTH);
        own = rkv_rows_allocated_bytes(rows);
        assert_int_equal(rkv_rows_append(rows, x, n, WIDTH), RKV_OK);
        for (uint32_t i = 0; i < n; i++)
            at[i] = i;
        for (; n; n--) {
            size_t gone = rkv_random_below(&dice, n),
                   slack = (RKV_ROWS_SLACK + format.group - 1) / format.group;
            memmove(at + gone, at + gone + 1, (n - 1 - gone) * sizeof *at);
            groups = 0;
            for (uint32_t i = 0; i < n - 1; i++) {
                index[i] = i + (i >= gone);
                groups += i == 0 || at[i] / format.group != at[i - 1] / format.group;
            }
            assert_int_equal(rkv_rows_keep(rows, index, n - 1), RKV_OK);
            size_t used = (n - 1) * codes + groups * record, held = rkv_rows_allocated_bytes(rows) - own;
            size_t idle = RKV_ROWS_SLACK > (n - 1) / 8 ? RKV_ROWS_SLACK : (n - 1) / 8;
            assert_int_equal(rkv_rows_used_bytes(rows) - own, used);
            size_t aside = aside_bytes(&format, groups), most_aside = aside_bytes(&format, groups + slack);
            assert_in_range(held, used + aside, used + idle * codes + slack * record + most_aside);
        }
        rkv_rows_free(rows);
    }
    free(x);
}

/* ---- failures ---- */

static rkv_status make(rkv_rows **out, const rkv_row_format *format, size_t width) {
    return where ? where->ops->rows_new(where, format, width, out) : rkv_rows_new(out, format, width);
}

static void test_wrong_formats(void **state) {
    (void)state;
    rkv_rows *rows = (rkv_rows *)1;
    for (size_t f = 0; f < RKV_ROW_FORM_COUNT; f++) {
        rkv_row_format format = {(rkv_row_form)f, RKV_AXIS_CHANNEL, 0};
        assert_int_equal(make(&rows, &format, 0), RKV_USAGE);
        assert_null(rows);
        assert_int_equal(make(&rows, &format, 4), rows_are_integers(&format) ? RKV_USAGE : RKV_OK);
        rkv_rows_free(rows);
    }
    rkv_rows_free(NULL);
}

static int run(const char *name) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_unusual_numbers),
        cmocka_unit_test(test_beyond_range),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_bfloat_rounding),
        cmocka_unit_test(test_append_in_pieces),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_slide),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_tail_leaves),
        cmocka_unit_test(test_groups_leave),
        cmocka_unit_test(test_wrong_formats),
    };
    return cmocka_run_group_tests_name(name, tests, NULL, NULL);
}

int main(int argc, char **argv) {
    return run_in_places(argc, argv, "rows", run);
}
