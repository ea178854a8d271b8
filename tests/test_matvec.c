/* test_matvec.c: weights in every form of a file times a vector, on every set of instructions that the
 * processor has, against float64 sums over what the decoders give. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <omp.h>

#include "backend/backend.h"
#include "backend/cpu_matvec.h"
#include "backend/weight_block.h"
#include "core/random.h"
#include "io/tensor_type.h"
#include "support/guarded.h"
#include "support/weight_data.h"

static rkv_random dice = {7};

static unsigned random_below(unsigned n) {
    return (unsigned)rkv_random_below(&dice, n);
}

static float random_float(void) {
    return (float)(2 * rkv_random_unit(&dice) - 1);
}

/* ---- weights ---- */

static double magnitude_of_half(const unsigned char *bytes) {
    float value;
    rkv_tensor_type_find(1)->decode(bytes, &value, 1);
    return fabs((double)value);
}

/* The largest term that a product of one weight of the block is made of, where weights are taken apart
 * (cpu_matvec.h); 0 where they are not. A quantum of 4 bits meets at most 17 times the input: 15 as a low
 * half, 255 / 16 and 15 / 16 as a high one. */
static double largest_term(const rkv_tensor_type *type, const unsigned char *block) {
    if (type->form == RKV_WEIGHT_Q4_0) return (17 + 8) * magnitude_of_half(block);
    if (type->form == RKV_WEIGHT_Q4_1) return 17 * magnitude_of_half(block) + magnitude_of_half(block + 2);
    return 0;
}

/* A matrix [rows, k] behind which nothing can be read; every other one at an odd address. */
typedef struct matrix {
    const rkv_tensor_type *type;
    size_t rows, k;
    guarded memory;
    rkv_file_matrix part;
} matrix;

static matrix random_matrix(const rkv_tensor_type *type, size_t rows, size_t k) {
    size_t bytes = rows * k / type->block_elements * type->block_bytes;
    matrix m = {type, rows, k, guarded_new(bytes, rows % 2), {type->form, NULL, rows}};
    for (size_t at = 0; at < bytes; at += type->block_bytes)
        random_block(&dice, type, m.memory.at + at);
    m.part.data = m.memory.at;
    return m;
}

static unsigned char *block_at(const matrix *m, size_t row, size_t column) {
    return m->memory.at + (row * m->k + column) / m->type->block_elements * m->type->block_bytes;
}

/* The largest weight that a quantum of 4 bits alone makes; 0 for other forms. */
static double largest_quantum(const rkv_tensor_type *type, const unsigned char *block) {
    bool four_bits = type->form == RKV_WEIGHT_Q4_0 || type->form == RKV_WEIGHT_Q4_1;
    return four_bits ? 15 * magnitude_of_half(block) : 0;
}

/* A row's product in float64, the sum of the magnitudes of what is added up, and what the numbers' distance
 * from the digits that may stand for them (cpu_matvec_vnni.c) comes to at most. */
typedef struct product {
    double value, magnitude, by_digits;
} product;

static double largest_of(const float *x, size_t n) {
    double largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs((double)x[i]));
    return largest;
}

static product expected_product(const matrix *m, size_t row, const float *x) {
    float weights[32];
    product sum = {0, 0, 0};
    for (size_t c = 0, n = m->type->block_elements; c < m->k; c += n) {
        const unsigned char *block = block_at(m, row, c);
        double apart = largest_term(m->type, block);
        sum.by_digits += (double)n * largest_quantum(m->type, block) * 5.1 * 0x1p-24 * largest_of(x + c, n);
        m->type->decode(block, weights, n);
        for (size_t i = 0; i < n; i++) {
            double weight = (double)weights[i], value = (double)x[c + i];
            sum.value += weight * value;
            sum.magnitude += fmax(fabs(weight), apart) * fabs(value);
        }
    }
    return sum;
}

/* A sum of n rounded terms is off by at most about n u times the sum of their magnitudes, u = 2^-24. The
 * narrowest kernel has 4 partial sums; each term has up to four more roundings, the end a few. */
static double tolerance(size_t k, double magnitude) {
    return ((double)k / 4 + 12) * 0x1p-24 * magnitude;
}

static void check_rows(const matrix *m, const char *set, const product *expected, const float *before,
                       const float *y) {
    for (size_t r = 0; r < m->rows; r++) {
        double start = before ? (double)before[r] : 0, value = expected[r].value + start;
        double most = tolerance(m->k, expected[r].magnitude + fabs(start)) + expected[r].by_digits;
        if (!(fabs((double)y[r] - value) <= most))
            fail_msg("%s, %s [%zu, %zu]: row %zu is %.9g, not %.9g (tolerance %.2g)", set, m->type->name,
                     m->rows, m->k, r, (double)y[r], value, most);
    }
}

static float *random_floats(size_t n) {
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = random_float();
    return x;
}

/* ---- every form, set and shape ---- */

static const size_t row_counts[] = {1, 2, 3, 4, 5, 7, 8, 16, 17, 61, 131};
/* In blocks: below one vector, no whole vector, whole spans and more. */
static const size_t block_counts[] = {1, 2, 3, 7, 18, 33, 64, 65, 131, 2049};
#define COUNT(array) (sizeof(array) / sizeof *(array))

static void check_shape(const rkv_tensor_type *type, size_t rows, size_t k) {
    matrix m = random_matrix(type, rows, k);
    float *x = random_floats(k), *before = random_floats(rows), *y = malloc(rows * sizeof *y);
    product *expected = malloc(rows * sizeof *expected);
    const rkv_matvec_set *set;
    for (size_t r = 0; r < rows; r++)
        expected[r] = expected_product(&m, r, x);
    for (size_t s = 0; (set = rkv_matvec_set_at(s)); s++) {
        memset(y, 0xFF, rows * sizeof *y); /* NaN */
        rkv_matvec(set, x, k, &m.part, 1, false, y);
        check_rows(&m, set->name, expected, NULL, y);
        memcpy(y, before, rows * sizeof *y);
        rkv_matvec(set, x, k, &m.part, 1, true, y);
        check_rows(&m, set->name, expected, before, y);
    }
    guarded_free(&m.memory);
    free(x), free(before), free(y), free(expected);
}

static void test_every_form(void **state) {
    (void)state;
    const rkv_tensor_type *type;
    for (size_t t = 0; (type = rkv_tensor_type_at(t)); t++)
        for (size_t b = 0; type->form && b < COUNT(block_counts); b++) {
            size_t k = block_counts[b] * type->block_elements;
            for (size_t r = 0; r < COUNT(row_counts) && k * row_counts[r] < 300000; r++)
                check_shape(type, row_counts[r], k);
        }
}

/* The table of types and backend.h name the same forms, each once, and weight_block.h has their sizes. */
static void test_forms_are_named_once(void **state) {
    (void)state;
    const rkv_tensor_type *type;
    size_t named[RKV_WEIGHT_FORM_COUNT] = {0};
    for (size_t t = 0; (type = rkv_tensor_type_at(t)); t++) {
        named[type->form]++;
        if (!type->form) continue;
        assert_int_equal(rkv_weight_block_numbers(type->form), type->block_elements);
        assert_int_equal(rkv_weight_block_bytes(type->form), type->block_bytes);
    }
    for (size_t f = RKV_WEIGHT_OTHER + 1; f < RKV_WEIGHT_FORM_COUNT; f++)
        assert_int_equal(named[f], 1);
}

/* ---- several matrices, threads ---- */

/* Matrices of every form, one below the other, with any number of threads: the same bits as each alone with
 * one. */
static void test_parts_and_threads(void **state) {
    (void)state;
    enum { K = 960, ROWS = 53 };
    const rkv_tensor_type *type;
    const rkv_matvec_set *set;
    matrix m[RKV_WEIGHT_FORM_COUNT];
    rkv_file_matrix part[RKV_WEIGHT_FORM_COUNT];
    float *x = random_floats(K), alone[RKV_WEIGHT_FORM_COUNT * ROWS], together[RKV_WEIGHT_FORM_COUNT * ROWS];
    size_t n = 0;
    int threads = omp_get_max_threads();
    for (size_t t = 0; (type = rkv_tensor_type_at(t)); t++)
        if (type->form) m[n] = random_matrix(type, ROWS - n, K), part[n] = m[n].part, n++;
    for (size_t s = 0; (set = rkv_matvec_set_at(s)); s++) {
        size_t rows = 0;
        omp_set_num_threads(1);
        for (size_t i = 0; i < n; rows += part[i++].rows)
            rkv_matvec(set, x, K, &part[i], 1, false, alone + rows);
        for (int many = 1; many <= 3; many++) {
            omp_set_num_threads(many);
            rkv_matvec(set, x, K, part, n, false, together);
            assert_memory_equal(alone, together, rows * sizeof *alone);
        }
    }
    omp_set_num_threads(threads);
    for (size_t i = 0; i < n; i++)
        guarded_free(&m[i].memory);
    free(x);
}

/* A scale that is infinite spoils its own row, and no other. */
static void test_infinite_scale_stays_in_its_row(void **state) {
    (void)state;
    enum { K = 160, ROWS = 11, BAD = 6 };
    const rkv_tensor_type *type;
    const rkv_matvec_set *set;
    const uint16_t infinity = 0x7C00;
    float *x = random_floats(K), y[ROWS];
    for (size_t t = 0; (type = rkv_tensor_type_at(t)); t++) {
        if (!type->form || type->block_elements == 1) continue;
        matrix m = random_matrix(type, ROWS, K);
        memcpy(block_at(&m, BAD, 0), &infinity, sizeof infinity);
        for (size_t s = 0; (set = rkv_matvec_set_at(s)); s++) {
            rkv_matvec(set, x, K, &m.part, 1, false, y);
            for (size_t r = 0; r < ROWS; r++)
                assert_int_equal(isfinite(y[r]) != 0, r != BAD);
        }
        guarded_free(&m.memory);
    }
    free(x);
}

/* Numbers of very different size, blocks of zeros, and one that is not finite. */
static void test_ugly_vectors(void **state) {
    (void)state;
    enum { K = 160, ROWS = 6 };
    const rkv_tensor_type *type;
    const rkv_matvec_set *set;
    float x[K], y[ROWS];
    for (size_t i = 0; i < K; i++)
        x[i] = ldexpf(random_float(), (int)random_below(60) - 30);
    memset(x + 32, 0, 32 * sizeof *x);
    x[70] = 3e30f;
    for (size_t t = 0; (type = rkv_tensor_type_at(t)); t++) {
        if (!type->form) continue;
        matrix m = random_matrix(type, ROWS, K);
        product expected[ROWS];
        for (size_t r = 0; r < ROWS; r++)
            expected[r] = expected_product(&m, r, x);
        for (size_t s = 0; (set = rkv_matvec_set_at(s)); s++) {
            const float bad[] = {NAN, INFINITY, -INFINITY};
            rkv_matvec(set, x, K, &m.part, 1, false, y);
            check_rows(&m, set->name, expected, NULL, y);
            for (size_t b = 0; b < COUNT(bad); b++) {
                float spoilt[K];
                memcpy(spoilt, x, sizeof spoilt);
                spoilt[100] = bad[b];
                rkv_matvec(set, spoilt, K, &m.part, 1, false, y);
                for (size_t r = 0; r < ROWS; r++)
                    assert_false(isfinite(y[r]));
            }
        }
        guarded_free(&m.memory);
    }
}

/* The backend's operation is the best set's. */
static void test_backend(void **state) {
    (void)state;
    rkv_backend *b;
    matrix m = random_matrix(rkv_tensor_type_find(3), 37, 576);
    float *x = random_floats(576), y[37], expected[37];
    assert_int_equal(rkv_backend_open(&b, "cpu"), RKV_OK);
    rkv_matvec(rkv_matvec_set_at(0), x, 576, &m.part, 1, false, expected);
    assert_int_equal(b->ops->matvec(b, x, 576, &m.part, 1, false, y), RKV_OK);
    assert_memory_equal(y, expected, sizeof y);
    rkv_backend_close(b);
    guarded_free(&m.memory);
    free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),        cmocka_unit_test(test_forms_are_named_once),
        cmocka_unit_test(test_parts_and_threads), cmocka_unit_test(test_infinite_scale_stays_in_its_row),
        cmocka_unit_test(test_ugly_vectors),      cmocka_unit_test(test_backend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
