/* test_rows.c: the rows of a cache in every form: what is read back, what stays, what memory it takes. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/rows_codes.h"
#include "backend/rows_form.h"
#include "core/half.h"
#include "core/random.h"
#include "support/failing_allocator.h"

static rkv_random dice = {7};

static const char *const form_names[] = {
#define NAME(symbol, name, bits) name,
    RKV_ROW_FORM_LIST(NAME)
#undef NAME
};
static const size_t form_bits[] = {
#define BITS(symbol, name, bits) bits,
    RKV_ROW_FORM_LIST(BITS)
#undef BITS
};

/* Every form with every kind of group; a new form comes in by itself. */
static const rkv_row_format groupings[] = {
    {.axis = RKV_AXIS_TOKEN, .group = 0},    {.axis = RKV_AXIS_TOKEN, .group = 1},
    {.axis = RKV_AXIS_TOKEN, .group = 7},    {.axis = RKV_AXIS_TOKEN, .group = 32},
    {.axis = RKV_AXIS_TOKEN, .group = 1000}, {.axis = RKV_AXIS_CHANNEL, .group = 1},
    {.axis = RKV_AXIS_CHANNEL, .group = 5},  {.axis = RKV_AXIS_CHANNEL, .group = 32},
    {.axis = RKV_AXIS_CHANNEL, .group = 128}};
#define N_GROUPINGS (sizeof groupings / sizeof *groupings)
#define N_FORMATS   (RKV_ROW_FORM_COUNT * N_GROUPINGS)

static rkv_row_format format_at(size_t i) {
    rkv_row_format format = groupings[i % N_GROUPINGS];
    format.form = (rkv_row_form)(i / N_GROUPINGS);
    return format;
}

static bool is_integer(const rkv_row_format *format) {
    return form_bits[format->form] <= 8;
}
static bool by_channel(const rkv_row_format *format) {
    return is_integer(format) && format->axis == RKV_AXIS_CHANNEL;
}

static const size_t widths[] = {1, 2, 13, 64, 129, 300};
#define N_WIDTHS (sizeof widths / sizeof *widths)

/* About what keys look like: values around 0 of size 1, some channels 30 times that and off centre. */
static float *random_rows(size_t n, size_t width) {
    float *x = malloc((n * width + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n * width; i++) {
        size_t channel = i % width;
        x[i] = (float)(4 * rkv_random_unit(&dice) - 2);
        if (channel % 11 == 3) x[i] = 30 * x[i] + 50;
    }
    return x;
}

static rkv_rows *new_rows(rkv_row_format format, size_t width) {
    rkv_rows *rows = NULL;
    assert_int_equal(rkv_rows_new(&rows, &format, width), RKV_OK);
    return rows;
}

static rkv_rows *filled(rkv_row_format format, size_t width, const float *x, size_t n) {
    rkv_rows *rows = new_rows(format, width);
    assert_int_equal(rkv_rows_append(rows, x, n, width), RKV_OK);
    assert_int_equal(rkv_rows_count(rows), n);
    return rows;
}

static float *read_all(const rkv_rows *rows) {
    size_t n = rkv_rows_count(rows), width = rkv_rows_width(rows);
    float *x = malloc((n * width + 1) * sizeof *x);
    rkv_rows_read(rows, 0, n, x);
    return x;
}

/* ---- what is read back ---- */

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
    double levels = form_bits[format->form] == 8 ? 255 : 15;
    double zero_step = fmax(fabs(low) * 0x1p-10, 0x1p-24);
    double scale = (high - low + zero_step) / levels;
    scale += fmax(scale * 0x1p-10, 0x1p-24);
    if (low == high && fits_half(low)) scale = 0;
    switch (form_bits[format->form]) {
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
    bool channel = by_channel(format);
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
    rkv_rows *rows = filled(format, width, x, n);
    float *back = read_all(rows);
    size_t encoded = by_channel(&format) ? n / format.group * format.group : n;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < width; j++) {
            double low = 0, high = 0, value = (double)x[i * width + j];
            if (i < encoded) bounds(&format, x, width, i, j, &low, &high);
            double tolerance = i < encoded ? allowed(&format, low, high, value) : 0; /* the tail is exact */
            if (!(fabs((double)back[i * width + j] - value) <= tolerance))
                fail_msg("%s axis %d group %zu width %zu: number %zu of row %zu is %.9g, not %.9g (%.2g)",
                         form_names[format.form], (int)format.axis, format.group, width, j, i,
                         (double)back[i * width + j], value, tolerance);
        }
    free(back);
    rkv_rows_free(rows);
}

static void test_round_trip(void **state) {
    (void)state;
    for (size_t f = 0; f < N_FORMATS; f++)
        for (size_t w = 0; w < N_WIDTHS; w++) {
            float *x = random_rows(133, widths[w]);
            check_read_back(format_at(f), x, 133, widths[w]);
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
            for (size_t f = 0; f < N_FORMATS; f++) {
                rkv_row_format format = format_at(f);
                float x[ROWS * WIDTH];
                for (size_t i = 0; i < ROWS * WIDTH; i++) {
                    x[i] = centre[c] + spread[s] * (float)rkv_random_unit(&dice);
                    if (form_bits[format.form] < 32 && fabsf(x[i]) > 65504) x[i] = centre[c];
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
        for (size_t f = 0; f < N_FORMATS; f++) {
            rkv_row_format format = format_at(f);
            float x[ROWS * WIDTH] = {0};
            for (size_t i = 0; i < ROWS * WIDTH; i += 3)
                x[i] = large[l];
            rkv_rows *rows = filled(format, WIDTH, x, ROWS);
            float *back = read_all(rows);
            size_t encoded = by_channel(&format) ? ROWS / format.group * format.group : ROWS;
            for (size_t i = 0; i < ROWS * WIDTH; i++) {
                bool exact = form_bits[format.form] == 32 || i >= encoded * WIDTH;
                double most = exact ? INFINITY : format.form == RKV_ROWS_BF16 ? 0x1.FEp127 : 65504;
                double expected = fmax(-most, fmin(most, (double)x[i]));
                /* a group's 15 or 255 steps; at 131008 / 15 a step is 8734 */
                double tolerance = exact                          ? 0
                                   : format.form == RKV_ROWS_BF16 ? fabs(expected) * 0x1p-8
                                                                  : 65504 * (is_integer(&format) ? 0.04 : 0);
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
        for (size_t f = 0; f < N_FORMATS; f++) {
            rkv_row_format format = format_at(f);
            float x[3 * 8] = {0};
            x[13] = bad[b];
            rkv_rows *rows = filled(format, 8, x, 1);
            rkv_status status = rkv_rows_append(rows, x, 3, 8);
            assert_int_equal(status, is_integer(&format) ? RKV_DATA : RKV_OK);
            assert_int_equal(rkv_rows_count(rows), is_integer(&format) ? 1 : 4);
            if (is_integer(&format)) {
                assert_non_null(strstr(rkv_message(), "number 5 of row 2"));
            } else {
                float back[8];
                rkv_rows_read(rows, 2, 1, back);
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
    rkv_rows *rows = filled((rkv_row_format){.form = RKV_ROWS_BF16}, 6, x, 1);
    rkv_rows_read(rows, 0, 1, back);
    assert_memory_equal(back, y, sizeof y);
    rkv_rows_free(rows);
}

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

/* ---- appending and keeping ---- */

/* In pieces of any size, from rows that lie apart, the same as at once; and any stretch reads as the whole.
 */
static void test_append_in_pieces(void **state) {
    (void)state;
    enum { N = 150, WIDTH = 21, STRIDE = 25 };
    float *x = random_rows(N, STRIDE), dense[N * WIDTH];
    for (size_t i = 0; i < N; i++)
        memcpy(dense + i * WIDTH, x + i * STRIDE, WIDTH * sizeof *x);
    for (size_t f = 0; f < N_FORMATS; f++) {
        rkv_rows *at_once = filled(format_at(f), WIDTH, dense, N), *pieces = new_rows(format_at(f), WIDTH);
        float *expected = read_all(at_once);
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
            rkv_rows_read(pieces, first, n, part);
            assert_memory_equal(part, expected + first * WIDTH, n * WIDTH * sizeof *part);
            memset(part, 0x55, sizeof part);
            rkv_rows_read_apart(pieces, first, n, part, STRIDE);
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

/* The rows index [n] of x [.., width], to the front. */
static void pick(float *x, size_t width, const uint32_t *index, size_t n) {
    for (size_t i = 0; i < n; i++)
        memmove(x + i * width, x + index[i] * width, width * sizeof *x);
}

/* A random part of count rows; `share` of 10 stay. */
static size_t random_part(size_t count, size_t share, uint32_t *index) {
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (rkv_random_below(&dice, 10) < share) index[n++] = (uint32_t)i;
    return n;
}

/* Reading what is kept gives what was read of it before, through any number of rounds with rows appended
 * between them; a copy reads the same. */
static void test_keep(void **state) {
    (void)state;
    enum { MOST = 400, WIDTH = 13 };
    static const size_t shares[] = {10, 9, 5, 1, 8, 0, 7, 3};
    for (size_t f = 0; f < N_FORMATS; f++) {
        rkv_rows *rows = new_rows(format_at(f), WIDTH), *copy = NULL;
        for (size_t round = 0; round < 16; round++) {
            size_t n = rkv_random_below(&dice, 50), kept;
            uint32_t index[MOST + 50];
            float *x = random_rows(n, WIDTH);
            assert_int_equal(rkv_rows_append(rows, x, n, WIDTH), RKV_OK);
            float *before = read_all(rows);
            kept = random_part(rkv_rows_count(rows), shares[round % 8], index);
            kept = kept < MOST ? kept : MOST;
            pick(before, WIDTH, index, kept);
            rkv_rows_keep(rows, index, kept);
            assert_int_equal(rkv_rows_count(rows), kept);
            assert_int_equal(rkv_rows_copy(&copy, rows), RKV_OK);
            float *after = read_all(rows), *copied = read_all(copy);
            assert_memory_equal(after, before, kept * WIDTH * sizeof *after);
            assert_memory_equal(copied, before, kept * WIDTH * sizeof *after);
            assert_int_equal(rkv_rows_used_bytes(copy), rkv_rows_used_bytes(rows));
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
    for (size_t f = 0; f < N_FORMATS; f++)
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            float *x = random_rows(N + 1, WIDTH);
            rkv_rows *rows = filled(format_at(f), WIDTH, x, N);
            uint32_t index[N];
            for (size_t step = 0; step < STEPS; step++) {
                assert_int_equal(rkv_rows_append(rows, x, 1, WIDTH), RKV_OK);
                float *before = read_all(rows);
                size_t gone = step % 5 ? places[p] : rkv_random_below(&dice, N + 1);
                for (uint32_t i = 0; i < N; i++)
                    index[i] = i + (i >= gone);
                rkv_rows_keep(rows, index, N);
                pick(before, WIDTH, index, N);
                float *after = read_all(rows);
                assert_memory_equal(after, before, (size_t)N * WIDTH * sizeof *after);
                free(before), free(after);
            }
            rkv_rows_free(rows);
            free(x);
        }
}

/* Where rows lie side by side they are what is read of them; a gap is told. */
static void test_in_place(void **state) {
    (void)state;
    enum { N = 100, WIDTH = 4, GONE = 30 };
    float *x = random_rows(N, WIDTH);
    uint32_t index[N];
    for (uint32_t i = 0; i < N; i++)
        index[i] = i + (i >= GONE);
    for (size_t f = 0; f < N_FORMATS; f++) {
        rkv_rows *rows = filled(format_at(f), WIDTH, x, N);
        rkv_rows_keep(rows, index, N - 1);
        for (size_t first = 0; first < N - 1; first++) {
            const float *at = rkv_rows_in_place(rows, first, 20);
            bool together = first + 20 <= GONE || first >= GONE;
            if (first + 20 > N - 1) break;
            assert_true((at != NULL) == (together && form_bits[format_at(f).form] == 32));
            if (at) assert_memory_equal(at, x + index[first] * WIDTH, 20 * WIDTH * sizeof *x);
        }
        rkv_rows_free(rows);
    }
    free(x);
}

/* ---- memory ---- */

/* Bytes of n rows that were appended at once, as rows.h says. */
static size_t expected_bytes(const rkv_row_format *format, size_t width, size_t n) {
    size_t bits = form_bits[format->form], group = format->group;
    if (!is_integer(format)) return n * width * bits / 8;
    size_t codes = (width * bits + 7) / 8;
    if (by_channel(format))
        return n / group * (group * codes + 4 * width + 4) + n % group * width * sizeof(float);
    group = group && group <= width ? group : width;
    return n * (codes + (width + group - 1) / group * 4);
}

static void test_bytes(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 5, 32, 127, 128, 256};
    for (size_t f = 0; f < N_FORMATS; f++)
        for (size_t w = 0; w < N_WIDTHS; w++)
            for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
                rkv_row_format format = format_at(f);
                float *x = random_rows(counts[c], widths[w]);
                rkv_rows *empty = new_rows(format, widths[w]),
                         *rows = filled(format, widths[w], x, counts[c]);
                size_t own = rkv_rows_allocated_bytes(empty);
                assert_true(own < 512);
                assert_int_equal(rkv_rows_used_bytes(rows) - own,
                                 expected_bytes(&format, widths[w], counts[c]));
                assert_int_equal(rkv_rows_allocated_bytes(rows), rkv_rows_used_bytes(rows));
                rkv_rows_keep(rows, NULL, 0);
                rkv_rows_free(empty), rkv_rows_free(rows);
                free(x);
            }
}

/* Room never exceeds the rows by more than was promised, whatever comes and goes; and a list at rest, one
 * row in and one row out, asks the allocator for nothing. */
static void test_capacity(void **state) {
    (void)state;
    enum { WIDTH = 16, LONG = 1000 };
    float *x = random_rows(LONG, WIDTH);
    uint32_t index[2 * LONG];
    for (uint32_t i = 0; i < 2 * LONG; i++)
        index[i] = i;
    for (size_t f = 0; f < N_FORMATS; f++) {
        rkv_row_format format = format_at(f);
        rkv_rows *rows = new_rows(format, WIDTH), *slack = NULL;
        size_t own = rkv_rows_allocated_bytes(rows);
        for (size_t step = 0; step < 300; step++) {
            size_t n = step % 50 ? rkv_random_below(&dice, 4) : rkv_random_below(&dice, LONG);
            assert_int_equal(rkv_rows_append(rows, x, n, WIDTH), RKV_OK);
            size_t count = rkv_rows_count(rows), most = count > 200 + step ? 200 + step : count;
            rkv_rows_keep(rows, index, most);
            size_t used = rkv_rows_used_bytes(rows) - own, held = rkv_rows_allocated_bytes(rows) - own;
            slack = filled(format, WIDTH, x, RKV_ROWS_SLACK);
            size_t idle = rkv_rows_used_bytes(slack) - own;
            if (by_channel(&format)) /* of its three lists one may have the slack, another the eighth */
                idle += RKV_ROWS_SLACK * WIDTH * sizeof(float) + 4 * WIDTH + 4 + used / 8;
            idle = idle > used / 8 ? idle : used / 8;
            assert_in_range(held, used, used + idle);
            rkv_rows_free(slack);
        }
        size_t held = rkv_rows_allocated_bytes(rows);
        rkv_rows_keep(rows, NULL, 0);
        assert_true(rkv_rows_allocated_bytes(rows) - own <= held - own);
        assert_int_equal(rkv_rows_count(rows), 0);
        rkv_rows_free(rows);
    }
    free(x);
}

/* Rows leave one by one, in any order: with the last of a group its scales and zeros go, and their memory. */
static void test_groups_leave(void **state) {
    (void)state;
    enum { WIDTH = 16, MOST = 6 * 128 };
    float *x = random_rows(MOST, WIDTH);
    uint32_t at[MOST], index[MOST]; /* the rows that are left, as they were; of those to keep */
    for (size_t f = 0; f < N_FORMATS; f++) {
        rkv_row_format format = format_at(f);
        if (!is_integer(&format) || !by_channel(&format)) continue;
        size_t n = 6 * format.group, codes = (WIDTH * form_bits[format.form] + 7) / 8, own, groups,
               record = 4 * WIDTH + 4;
        rkv_rows *rows = new_rows(format, WIDTH);
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
            rkv_rows_keep(rows, index, n - 1);
            size_t used = (n - 1) * codes + groups * record, held = rkv_rows_allocated_bytes(rows) - own;
            size_t idle = RKV_ROWS_SLACK > (n - 1) / 8 ? RKV_ROWS_SLACK : (n - 1) / 8;
            assert_int_equal(rkv_rows_used_bytes(rows) - own, used);
            assert_in_range(held, used, used + idle * codes + slack * record);
        }
        rkv_rows_free(rows);
    }
    free(x);
}

static void test_at_rest(void **state) {
    (void)state;
    enum { WIDTH = 64, N = 256, STEPS = 2000 };
    float *x = random_rows(N, WIDTH);
    uint32_t index[N];
    for (size_t f = 0; f < N_FORMATS; f++) {
        rkv_row_format format = format_at(f);
        if (by_channel(&format)) continue; /* its tail is emptied and filled */
        rkv_rows *rows = filled(format, WIDTH, x, N);
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

/* ---- failures ---- */

static void test_wrong_formats(void **state) {
    (void)state;
    rkv_rows *rows = (rkv_rows *)1;
    for (size_t f = 0; f < RKV_ROW_FORM_COUNT; f++) {
        rkv_row_format format = {(rkv_row_form)f, RKV_AXIS_CHANNEL, 0};
        assert_int_equal(rkv_rows_new(&rows, &format, 0), RKV_USAGE);
        assert_null(rows);
        assert_int_equal(rkv_rows_new(&rows, &format, 4), is_integer(&format) ? RKV_USAGE : RKV_OK);
        rkv_rows_free(rows);
    }
    rkv_rows_free(NULL);
}

/* Whichever allocation fails, the list is as it was, and goes on; memory that cannot shrink stays. */
static void test_failing_allocations(void **state) {
    (void)state;
    enum { N = 100, WIDTH = 9 };
    float *x = random_rows(N, WIDTH);
    uint32_t index[] = {3, 4, 50, 99, 120};
    for (size_t f = 0; f < N_FORMATS; f++)
        for (long k = 0, failed = 1; failed; k++) {
            rkv_row_format format = format_at(f);
            rkv_rows *rows = filled(format, WIDTH, x, N), *copy = NULL;
            float *before = read_all(rows);
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
            float *after = read_all(rows);
            assert_memory_equal(before, after, (appended || !by_channel(&format) ? N : N / 128) * WIDTH * 4);
            if (appended) assert_int_equal(rkv_rows_append(rows, x, N, WIDTH), RKV_OK);
            free(after);
            after = read_all(rows);
            pick(after, WIDTH, index, 5);
            allocations_left = 0;
            rkv_rows_keep(rows, index, 5);
            allocations_left = -1;
            float *kept = read_all(rows);
            assert_memory_equal(kept, after, 5 * WIDTH * sizeof *kept);
            free(before), free(after), free(kept);
            rkv_rows_free(rows), rkv_rows_free(copy);
        }
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_reader),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_unusual_numbers),
        cmocka_unit_test(test_beyond_range),
        cmocka_unit_test(test_not_finite),
        cmocka_unit_test(test_bfloat_rounding),
        cmocka_unit_test(test_append_in_pieces),
        cmocka_unit_test(test_keep),
        cmocka_unit_test(test_slide),
        cmocka_unit_test(test_in_place),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_capacity),
        cmocka_unit_test(test_groups_leave),
        cmocka_unit_test(test_at_rest),
        cmocka_unit_test(test_wrong_formats),
        cmocka_unit_test(test_failing_allocations),
    };
    return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
