/* test_stream.c: the products of attention over a cache (backend/cpu_stream.h), for every instruction set
 * that the processor has, against sums in float64. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/backend.h"
#include "backend/cpu_stream.h"
#include "core/half.h"
#include "core/random.h"
#include "support/guarded.h"

#define U 0x1p-24 /* float32's unit roundoff */

static rkv_random dice = {11};

static float *random_floats(size_t n, float size) {
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = size * (float)(2 * rkv_random_unit(&dice) - 1);
    return x;
}

static void test_every_stream(void **state) {
    (void)state;
    const rkv_stream *stream;
    for (size_t t = 0; (stream = rkv_stream_at(t)); t++)
        for (size_t m = 1; m <= 9; m++)
            for (size_t n = 1; n <= 70; n += n < 18 ? 1 : 13) {
                size_t width = stream->lanes * (1 + rkv_random_below(&dice, 9)), ld = width + 3;
                float *a = random_floats(m * width, 1), *x = random_floats(n * ld, 1);
                float *s = random_floats(m * (n + 2), 1), *y = random_floats(m * ld, 1);
                float *p = random_floats(m * n, 1), *before = memcpy(malloc(m * ld * 4), y, m * ld * 4);
                stream->dots(a, width, m, x, ld, n, width, s, n + 2);
                stream->mix(p, n, m, x, ld, n, width, y, ld);
                for (size_t i = 0; i < m; i++) {
                    for (size_t j = 0; j < n; j++) {
                        double sum = 0;
                        for (size_t l = 0; l < width; l++)
                            sum += (double)a[i * width + l] * (double)x[j * ld + l];
                        assert_true(fabs(sum - (double)s[i * (n + 2) + j]) <=
                                    (double)width * (double)width * U);
                    }
                    for (size_t l = 0; l < ld; l++) {
                        double sum = (double)before[i * ld + l];
                        for (size_t j = 0; l < width && j < n; j++)
                            sum += (double)p[i * n + j] * (double)x[j * ld + l];
                        assert_true(fabs(sum - (double)y[i * ld + l]) <=
                                    (double)(n + 1) * (double)(n + 1) * U);
                    }
                }
                free(a), free(x), free(s), free(y), free(p), free(before);
            }
}

/* Number i of the products with a row of n bytes: past n, of RKV_CODES_BOTH, whole bytes. */
static double operand(const unsigned char *row, size_t n, rkv_codes_part part, size_t i) {
    if (part == RKV_CODES_UPPER) return row[i] >> 4;
    if (part == RKV_CODES_LOWER || (part == RKV_CODES_BOTH && i < n)) return row[i] & 15;
    return row[i % n];
}

/* What a sum of n products of numbers up to 1 with codes is off by for the numbers' sake, by the analysis in
 * cpu_vnni_digits.h: queries have two digits where codes have 4 bits; of RKV_CODES_BOTH those that go with
 * whole bytes are rounded as what goes with their upper codes, sixteen times as large. */
static double rounding_error(const rkv_stream *stream, rkv_codes_part part, bool queries, size_t n) {
    if (!stream->fixed_point) return 0;
    if (!queries || part == RKV_CODES_WHOLE) return (double)n * 255 * 5.1 * U;
    return (double)n * 0.51 / 0x7F7F * 15 * (part == RKV_CODES_BOTH ? 16 : 1);
}

/* Tolerances: sums of that many products of numbers up to 1 and up to 255. */
static void check_codes(const rkv_stream *stream, size_t m, const rkv_codes_block *x) {
    size_t width = x->part == RKV_CODES_BOTH ? 2 * x->n : x->n, rows = x->rows, ld = width + 3;
    float *q = random_floats(m * ld, 1), *s = random_floats(m * (rows + 2), 1);
    float *p = random_floats(m * rows, 1), *y = random_floats(m * ld, 1);
    float *before = memcpy(malloc(m * ld * 4), y, m * ld * 4);
    stream->dots_codes(q, ld, m, x, s, rows + 2);
    stream->mix_codes(p, rows, m, x, y, ld);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < rows; j++) {
            double sum = 0;
            for (size_t l = 0; l < width; l++)
                sum += (double)q[i * ld + l] * operand(x->codes + j * x->apart, x->n, x->part, l);
            assert_true(fabs(sum - (double)s[i * (rows + 2) + j]) <=
                        255 * (double)width * (double)width * U +
                            rounding_error(stream, x->part, true, width));
        }
        for (size_t l = 0; l < ld; l++) {
            double sum = (double)before[i * ld + l];
            for (size_t j = 0; l < width && j < rows; j++)
                sum += (double)p[i * rows + j] * operand(x->codes + j * x->apart, x->n, x->part, l);
            assert_true(fabs(sum - (double)y[i * ld + l]) <=
                        255 * (double)(rows + 1) * (double)(rows + 1) * U +
                            rounding_error(stream, x->part, false, rows));
        }
    }
    free(q), free(s), free(p), free(y), free(before);
}

static void test_every_stream_of_codes(void **state) {
    (void)state;
    enum { APART = 16 * 9 + 3, ROWS = 70 };
    unsigned char codes[ROWS * APART];
    const rkv_stream *stream;
    for (size_t i = 0; i < sizeof codes; i++)
        codes[i] = (unsigned char)rkv_random_below(&dice, 256);
    for (size_t t = 0; (stream = rkv_stream_at(t)); t++)
        for (int part = RKV_CODES_WHOLE; part <= RKV_CODES_BOTH; part++)
            for (size_t m = 1; m <= 9; m++)
                for (size_t n = 1; n <= ROWS; n += n < 18 ? 1 : 13) {
                    size_t bytes = n % 2 ? stream->lanes * (1 + rkv_random_below(&dice, 9)) : n % 4 ? 32 : 64;
                    rkv_codes_block block = {codes, APART, n, bytes, (rkv_codes_part)part, codes, APART};
                    check_codes(stream, m, &block);
                }
}

/* Wider rows, and more of them, than what is rounded at once; not a byte past the last. */
static void test_streams_of_many_codes(void **state) {
    (void)state;
    static const size_t sizes[][2] = {/* rows, bytes */ {257, 32}, {600, 64}, {261, 80}, {3, 272}, {19, 528}};
    static const rkv_codes_part parts[] = {RKV_CODES_WHOLE, RKV_CODES_BOTH};
    const rkv_stream *stream;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t rows = sizes[i][0], bytes = sizes[i][1], apart = bytes + 4, all = (rows - 1) * apart + bytes;
        guarded codes = guarded_new(all, 0);
        for (size_t b = 0; b < all; b++)
            codes.at[b] = (unsigned char)rkv_random_below(&dice, 256);
        for (size_t t = 0; (stream = rkv_stream_at(t)); t++)
            for (size_t m = 1; m <= 5; m++)
                check_codes(stream, m,
                            &(rkv_codes_block){codes.at, apart, rows, bytes, parts[m % 2], NULL, 0});
        guarded_free(&codes);
    }
}

static double largest_of(const float *x, size_t n) {
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)x[i]));
    return largest;
}

/* One code of 1 in each row: the vectors' numbers come back one by one, as far off as cpu_vnni_digits.h says,
 * and by the rounding of the result. In sums errors meet halfway, and one twice as large might pass. */
static void test_streams_of_single_codes(void **state) {
    (void)state;
    enum { M = 3, N = 64 };
    unsigned char codes[N * N] = {0};
    float s[M * N];
    const rkv_stream *stream;
    for (size_t i = 0; i < N; i++)
        codes[i * N + i] = 1;
    for (size_t t = 0; (stream = rkv_stream_at(t)); t++)
        for (int part = RKV_CODES_WHOLE; part <= RKV_CODES_LOWER; part++) {
            rkv_codes_block block = {codes, N, N, N, (rkv_codes_part)part, NULL, 0};
            float *q = random_floats(M * N, 1);
            double most = part == RKV_CODES_WHOLE ? (5.1 + 1) * U : 0.51 / 0x7F7F;
            stream->dots_codes(q, N, M, &block, s, N);
            for (size_t i = 0; i < M * N; i++)
                assert_true(fabs((double)s[i] - (double)q[i]) <=
                            (stream->fixed_point ? most * largest_of(q + i / N * N, N) : 0));
            free(q);
        }
}

enum { ODD_VECTORS = 5, ODD_ROWS = 20, ODD_BYTES = 32 };

/* Products of 5 vectors x, all to out: dots, then a mixture. */
static void multiply_odd(const rkv_stream *stream, const rkv_codes_block *block, const float *x, float *out) {
    float *mixed = out + ODD_VECTORS * ODD_ROWS;
    memset(mixed, 0, ODD_VECTORS * 2 * ODD_BYTES * sizeof *mixed);
    stream->dots_codes(x, 2 * ODD_BYTES, ODD_VECTORS, block, out, ODD_ROWS);
    stream->mix_codes(x, 2 * ODD_BYTES, ODD_VECTORS, block, mixed, 2 * ODD_BYTES);
}

/* A power of two as a factor changes no digit of any result; nothing comes of zeros; what is not finite
 * spoils the results of its own vector and of no other. */
static void test_streams_of_odd_numbers(void **state) {
    (void)state;
    enum { X = ODD_VECTORS * 2 * ODD_BYTES, OUT = ODD_VECTORS * (ODD_ROWS + 2 * ODD_BYTES) };
    unsigned char codes[ODD_ROWS * ODD_BYTES];
    float x[X], scaled[X], out[OUT], other[OUT];
    const rkv_stream *stream;
    for (size_t i = 0; i < sizeof codes; i++)
        codes[i] = (unsigned char)(17 + rkv_random_below(&dice, 15) * 17); /* no half is 0 */
    for (size_t i = 0; i < X; i++)
        x[i] = (float)(2 * rkv_random_unit(&dice) - 1);
    for (size_t t = 0; (stream = rkv_stream_at(t)); t++)
        for (int both = 0; both < 2; both++) {
            rkv_codes_part part = both ? RKV_CODES_BOTH : RKV_CODES_WHOLE;
            rkv_codes_block block = {codes, ODD_BYTES, ODD_ROWS, ODD_BYTES, part, NULL, 0};
            size_t width = both ? 2 * ODD_BYTES : ODD_BYTES;
            multiply_odd(stream, &block, x, out);
            for (int power = -60; power <= 100; power += 80) {
                for (size_t i = 0; i < X; i++)
                    scaled[i] = ldexpf(x[i], power);
                multiply_odd(stream, &block, scaled, other);
                for (size_t i = 0; i < OUT; i++)
                    assert_true(other[i] == ldexpf(out[i], power));
            }
            memcpy(scaled, x, sizeof x);
            memset(scaled, 0, 2 * ODD_BYTES * sizeof *scaled);
            scaled[2 * ODD_BYTES + 3] = INFINITY, scaled[2 * 2 * ODD_BYTES + 19] = NAN;
            multiply_odd(stream, &block, scaled, other);
            for (size_t r = 0; r < ODD_VECTORS; r++)
                for (size_t i = 0; i < ODD_ROWS + width; i++) {
                    size_t mixed = ODD_VECTORS * ODD_ROWS + r * 2 * ODD_BYTES + i - ODD_ROWS;
                    size_t at = i < ODD_ROWS ? r * ODD_ROWS + i : mixed;
                    if (r == 0) assert_true(other[at] == 0);
                    if (r == 1 || r == 2) assert_false(isfinite(other[at]));
                    if (r > 2) assert_true(other[at] == out[at]);
                }
        }
}

/* ---- codes with their scales and zeros ---- */

/* Rows of one layout, and the numbers that they stand for. */
typedef struct affine_rows {
    rkv_row_layout layout;
    guarded group, records; /* group: by channel */
    double *number;         /* [rows, width] */
} affine_rows;

static float random_half(unsigned char *at, double low) {
    float value = (float)(low + (1 - low) * rkv_random_unit(&dice));
    uint16_t half;
    rkv_floats_to_halves(&value, &half, 1);
    memcpy(at, &half, sizeof half);
    return rkv_half_finite(half);
}

static unsigned code_at(const affine_rows *x, size_t row, size_t i) {
    const rkv_row_layout *layout = &x->layout;
    size_t head = layout->by_channel ? 0 : layout->width / layout->group * 4, half = (layout->width + 1) / 2;
    const unsigned char *codes = x->records.at + row * layout->record_bytes + head;
    if (layout->bits == 8) return codes[i];
    return i < half ? codes[i] & 15u : codes[i - half] >> 4;
}

static affine_rows random_affine_rows(const rkv_row_format *format, size_t width, size_t rows) {
    affine_rows x = {.number = malloc(rows * width * sizeof *x.number)};
    assert_int_equal(rkv_row_layout_of(format, width, &x.layout), RKV_OK);
    bool by_channel = x.layout.by_channel;
    size_t bytes = x.layout.record_bytes, groups = by_channel ? width : width / x.layout.group;
    x.records = guarded_new(rows * bytes, 0), x.group = guarded_new(4 * width, 0);
    float *scale = malloc(groups * sizeof *scale), *zero = malloc(groups * sizeof *zero);
    for (size_t i = 0; i < rows * bytes; i++)
        x.records.at[i] = (unsigned char)rkv_random_below(&dice, 256);
    for (size_t row = 0; row < rows; row++) {
        unsigned char *head = x.records.at + row * bytes;
        for (size_t g = 0; g < groups && (row == 0 || !by_channel); g++) {
            scale[g] = random_half(by_channel ? x.group.at + 2 * g : head + 4 * g, 0);
            zero[g] = random_half(by_channel ? x.group.at + 2 * (width + g) : head + 4 * g + 2, -1);
        }
        for (size_t i = 0; i < width; i++) {
            size_t g = by_channel ? i : i / x.layout.group;
            x.number[row * width + i] = (double)zero[g] + (double)scale[g] * code_at(&x, row, i);
        }
    }
    free(scale), free(zero);
    return x;
}

/* What a mixture of n rows, whose scales are at most 1, is off by for its weights' sake, by the analysis in
 * cpu_vnni_digits.h. */
static double weights_error(size_t bits, size_t n) {
    return (double)n * (bits == 8 ? 255 * 4.1 * U : 15 * 0.51 / 0xFFFF);
}

/* Beside what check_codes allows for, the roundings of scale times vector, and the sums with zeros. */
static void check_affine(const rkv_stream *stream, const affine_rows *x, size_t rows, size_t m) {
    size_t width = x->layout.width;
    rkv_codes_part part = x->layout.bits == 8 ? RKV_CODES_WHOLE : RKV_CODES_BOTH;
    const rkv_affine_block block = {&x->layout, x->records.at, x->group.at, rows, x->records.at, 16};
    float *q = random_floats(m * width, 1), *p = random_floats(m * rows, 1);
    float *s = random_floats(m * rows, 1), *y = random_floats(m * width, 1);
    float *before = memcpy(malloc(m * width * 4), y, m * width * 4);
    for (size_t i = 0; i < m * rows; i++)
        p[i] = i % 5 ? fabsf(p[i]) : (float)(i / 5 % 2); /* 0 and 1 too */
    double terms = (double)(width + 4), many = (double)(rows + 4);
    bool dots = stream->dots_affine(q, width, m, &block, 1, s, rows);
    bool mixed = stream->mix_affine(p, rows, m, &block, y, width);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; dots && j < rows; j++) {
            double sum = 0;
            for (size_t l = 0; l < width; l++)
                sum += (double)q[i * width + l] * x->number[j * width + l];
            assert_true(fabs(sum - (double)s[i * rows + j]) <=
                        256 * terms * terms * U + rounding_error(stream, part, true, width));
        }
        for (size_t l = 0; l < width; l++) {
            double sum = (double)before[i * width + l];
            for (size_t j = 0; mixed && j < rows; j++)
                sum += (double)p[i * rows + j] * x->number[j * width + l];
            assert_true(fabs(sum - (double)y[i * width + l]) <=
                        256 * many * many * U + weights_error(x->layout.bits, rows));
        }
    }
    bool whole = width % (part == RKV_CODES_BOTH ? 32 : 16) == 0 && width <= 256;
    bool few = x->layout.group == width || (2 * x->layout.group == width && x->layout.group % 16 == 0);
    assert_int_equal(dots, (width == 64 || width == 128) && x->layout.by_channel);
    assert_int_equal(mixed, whole && !x->layout.by_channel && few);
    free(q), free(p), free(s), free(y), free(before);
}

static void test_codes_with_scales(void **state) {
    (void)state;
    static const rkv_row_form forms[] = {RKV_ROWS_INT8, RKV_ROWS_INT4};
    static const size_t widths[] = {16, 24, 32, 64, 96, 128, 256, 288}, all_rows[] = {1, 5, 32, 67, 256};
    const rkv_stream *stream;
    for (size_t t = 0; (stream = rkv_stream_at(t)); t++)
        for (size_t f = 0; stream->dots_affine && f < 2; f++)
            for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
                for (size_t n = 0; n < sizeof all_rows / sizeof *all_rows; n++)
                    for (size_t groups = 0; groups <= 3; groups++) { /* 0: by channel */
                        size_t width = widths[w], rows = all_rows[n], m = 1 + rkv_random_below(&dice, 7);
                        rkv_row_format format = {forms[f], groups ? RKV_AXIS_TOKEN : RKV_AXIS_CHANNEL,
                                                 groups ? width / groups : rows};
                        if (groups && width % groups) continue;
                        affine_rows x = random_affine_rows(&format, width, rows);
                        check_affine(stream, &x, rows, m);
                        guarded_free(&x.group), guarded_free(&x.records), free(x.number);
                    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_stream),          cmocka_unit_test(test_every_stream_of_codes),
        cmocka_unit_test(test_streams_of_many_codes), cmocka_unit_test(test_streams_of_odd_numbers),
        cmocka_unit_test(test_codes_with_scales),     cmocka_unit_test(test_streams_of_single_codes),
    };
    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
