/* weight_checks.c: products with weights in every form that a backend holds, against plain loops over what
 * the decoders of io make of them. */
#include "support/weight_checks.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/tensor_type.h"
#include "support/device_data.h"
#include "support/guarded.h"
#include "support/weight_data.h"

#define U            0x1p-24 /* float32's unit roundoff */
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* Weights [n, k] of a type in the file, behind which nothing can be read, at an odd address; as numbers; and
 * on the device. */
typedef struct weights {
    const rkv_tensor_type *type;
    size_t n, k;
    guarded file;
    float *numbers;
    rkv_matrix *matrix;
} weights;

static size_t row_bytes(const weights *w) {
    return w->k / w->type->block_elements * w->type->block_bytes;
}

static weights weights_new(const rkv_tensor_type *type, size_t n, size_t k) {
    weights w = {.type = type, .n = n, .k = k};
    w.file = guarded_new(n * row_bytes(&w), 1);
    w.numbers = malloc(n * k * sizeof *w.numbers);
    for (size_t at = 0; at < n * row_bytes(&w); at += type->block_bytes)
        random_block(&dice, type, w.file.at + at);
    return w;
}

/* In two pieces that meet anywhere, the second first. */
static void load(weights *w, rkv_backend *b) {
    size_t split = w->n / 3;
    w->type->decode(w->file.at, w->numbers, w->n * w->k);
    assert_int_equal(b->ops->matrix_new(b, w->type->form, w->n, w->k, &w->matrix), RKV_OK);
    assert_int_equal(w->matrix->form, w->type->form);
    assert_int_equal(b->ops->matrix_put(b, w->matrix, split, w->n - split, w->file.at + split * row_bytes(w)),
                     RKV_OK);
    assert_int_equal(b->ops->matrix_put(b, w->matrix, 0, split, w->file.at), RKV_OK);
}

static void weights_free(weights *w, rkv_backend *b) {
    b->ops->matrix_free(b, w->matrix);
    guarded_free(&w->file);
    free(w->numbers);
}

/* The types whose form the backend holds; NULL past the end. */
static const rkv_tensor_type *held_type(const rkv_backend *b, size_t index) {
    const rkv_tensor_type *type;
    for (size_t i = 0; (type = rkv_tensor_type_at(i)); i++)
        if (type->form && (b->ops->weight_forms >> type->form & 1) && index-- == 0) return type;
    return NULL;
}

/* y [m, rows] of the matrix from row `first` on; `before` is what y holds before, or NULL. The caller frees.
 */
static float *multiplied(rkv_backend *b, const weights *w, const float *x, size_t m, size_t first,
                         const float *before) {
    size_t rows = w->n - first;
    float *y = malloc(m * rows * sizeof *y);
    float *dx = on_device(b, x, m * w->k);
    float *dy = before ? on_device(b, before, m * rows) : empty_device(b, m * rows);
    assert_int_equal(b->ops->matmul(b, dx, m, w->matrix, first, rows, before != NULL, dy), RKV_OK);
    assert_int_equal(b->ops->download(b, y, dy, m * rows), RKV_OK);
    b->ops->release(b, dx), b->ops->release(b, dy);
    return y;
}

/* ---- every form and shape ---- */

/* A weight is the float32 number itself. Its product meets the sum in one rounding or two; k terms, whichever
 * way they are added, are off by at most (k + 1) u times the sum of their magnitudes, and the last sum is
 * with what was there. */
static void check_product(rkv_backend *b, const weights *w, size_t m, size_t first, bool accumulate) {
    size_t rows = w->n - first, k = w->k;
    float *x = random_floats(m * k), *before = random_floats(m * rows);
    float *y = multiplied(b, w, x, m, first, accumulate ? before : NULL);
    for (size_t i = 0; i < m * rows; i++) {
        const float *row = w->numbers + (first + i % rows) * k, *token = x + i / rows * k;
        double sum = accumulate ? (double)before[i] : 0, magnitude = fabs(sum);
        for (size_t c = 0; c < k; c++) {
            sum += (double)row[c] * (double)token[c];
            magnitude += fabs((double)row[c] * (double)token[c]);
        }
        if (!(fabs((double)y[i] - sum) <= ((double)k + 2) * U * magnitude))
            fail_msg("%s [%zu, %zu] from row %zu on, %zu tokens, on %s: element %zu is %.9g, not %.9g",
                     w->type->name, w->n, k, first, m, b->ops->name, i, (double)y[i], sum);
    }
    free(x), free(before), free(y);
}

/* Rows, and blocks of a row: below what a warp and a block of threads take, just so much, and more. Plain
 * numbers come eight for a block, and some more where the row is odd. */
static const size_t shapes[][2] = {{1, 1},  {2, 3},   {3, 2},   {5, 7},   {61, 18}, {67, 33},
                                   {64, 4}, {131, 5}, {129, 2}, {13, 65}, {4, 32},  {300, 1}};
static const size_t token_counts[] = {1, 2, 3, 4, 5, 64};

static void check_shape(rkv_backend *b, const rkv_tensor_type *type, size_t n, size_t k) {
    weights w = weights_new(type, n, k);
    load(&w, b);
    for (size_t i = 0; i < COUNT(token_counts); i++)
        for (size_t first = 0; first < n; first += RKV_MATRIX_STEP)
            check_product(b, &w, token_counts[i], first, (first / RKV_MATRIX_STEP + i) % 2);
    weights_free(&w, b);
}

void check_matmul_of_forms(rkv_backend *b) {
    const rkv_tensor_type *type;
    for (size_t t = 0; (type = held_type(b, t)); t++)
        for (size_t s = 0; s < COUNT(shapes); s++) {
            bool plain = type->block_elements == 1;
            size_t n = shapes[s][0], blocks = shapes[s][1];
            check_shape(b, type, n, plain ? 8 * blocks : blocks * type->block_elements);
            if (plain) check_shape(b, type, n, 8 * blocks + n % 7);
        }
}

/* ---- bits ---- */

/* Unit vectors, one by one, a few at a time and all at once: the numbers that the file holds, and no others.
 */
void check_matmul_decodes_exactly(rkv_backend *b) {
    enum { N = 67, K = 64 };
    static const size_t at_once[] = {1, 4, K};
    const rkv_tensor_type *type;
    float *unit = calloc(K * K, sizeof *unit);
    for (size_t c = 0; c < K; c++)
        unit[c * K + c] = 1;
    for (size_t t = 0; (type = held_type(b, t)); t++) {
        weights w = weights_new(type, N, K);
        load(&w, b);
        for (size_t i = 0; i < COUNT(at_once); i++)
            for (size_t c = 0; c < K; c += at_once[i]) {
                float *y = multiplied(b, &w, unit + c * K, at_once[i], 0, NULL);
                for (size_t j = 0; j < at_once[i] * N; j++)
                    if (y[j] != w.numbers[j % N * K + c + j / N])
                        fail_msg("%s, %zu tokens: row %zu, number %zu is %.9g, not %.9g", type->name,
                                 at_once[i], j % N, c + j / N, (double)y[j],
                                 (double)w.numbers[j % N * K + c + j / N]);
                free(y);
            }
        weights_free(&w, b);
    }
    free(unit);
}

/* A token is multiplied as it would be alone, whichever rows are asked for. */
void check_matmul_of_tokens_alone(rkv_backend *b) {
    enum { N = 70, K = 1312, M = 4 };
    const rkv_tensor_type *type;
    for (size_t t = 0; (type = held_type(b, t)); t++) {
        if (type->form == RKV_WEIGHT_F32) continue; /* a library's product */
        weights w = weights_new(type, N, K);
        load(&w, b);
        float *x = random_floats(M * K), *alone[M];
        for (size_t i = 0; i < M; i++)
            alone[i] = multiplied(b, &w, x + i * K, 1, 0, NULL);
        for (size_t m = 1; m <= M; m++)
            for (size_t first = 0; first < N; first += RKV_MATRIX_STEP) {
                float *y = multiplied(b, &w, x, m, first, NULL);
                for (size_t i = 0; i < m; i++)
                    assert_memory_equal(y + i * (N - first), alone[i] + first, (N - first) * sizeof *y);
                free(y);
            }
        for (size_t i = 0; i < M; i++)
            free(alone[i]);
        free(x);
        weights_free(&w, b);
    }
}

/* A damaged block spoils its own row, and no other. */
void check_matmul_of_infinite_scales(rkv_backend *b) {
    enum { N = 11, K = 160, BAD = 6 };
    static const uint16_t infinity = 0x7C00;
    const rkv_tensor_type *type;
    for (size_t t = 0; (type = held_type(b, t)); t++) {
        if (type->block_elements == 1) continue;
        weights w = weights_new(type, N, K);
        memcpy(w.file.at + BAD * row_bytes(&w), &infinity, sizeof infinity);
        load(&w, b);
        for (size_t m = 1; m <= 5; m += 4) {
            float *x = random_floats(m * K), *y = multiplied(b, &w, x, m, 0, NULL);
            for (size_t j = 0; j < m * N; j++)
                assert_int_equal(isfinite(y[j]) != 0, j % N != BAD);
            free(x), free(y);
        }
        weights_free(&w, b);
    }
}
