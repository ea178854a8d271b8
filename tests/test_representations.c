/* test_representations.c: in what form entries are stored: what each row of the table owes, and low rank. How
 * far attention's output moves on the default model is in test_representation_error.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backend/cpu.h"
#include "compressors/entries.h"
#include "compressors/executor.h"
#include "core/random.h"
#include "support/stand_in.h"

static float draw(rkv_random *random) {
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += rkv_random_unit(random);
    return (float)sum;
}

/* Stores keys and values [n, D] as spec says and reads them back over themselves; *bytes = what was held. */
static void store_and_read(const char *spec, float *keys, float *values, size_t n, size_t D, size_t *bytes) {
    rkv_pipeline pipeline;
    rkv_entries_format format = {0};
    rkv_entries entries;
    size_t end;
    rkv_backend host = stand_in_backend();
    const rkv_head_view head = {.n = n, .keys = keys, .values = values};
    const rkv_layer_view view = {.heads = &head, .n_kv_heads = 1, .head_dim = D, .backend = &host};
    int32_t *positions = calloc(n + 1, sizeof *positions);
    for (size_t i = 0; i < n; i++)
        positions[i] = (int32_t)i;
    if (rkv_pipeline_parse(&pipeline, spec)) fail_msg("%s", rkv_message());
    assert_int_equal(rkv_pipeline_format(&pipeline, 0, RKV_ROWS_F32, &view, 0, &format, &end), RKV_OK);
    assert_int_equal(rkv_entries_init(&entries, &format, D, 1, false), RKV_OK);
    const rkv_new_entries more = {n, keys, values, positions, NULL};
    if (rkv_entries_append_each_there(&entries, &more, 1)) fail_msg("%s", rkv_message());
    assert_int_equal(rkv_entries_read(&entries, keys, values), RKV_OK);
    *bytes = rkv_entries_kv_bytes(&entries);
    rkv_entries_clear(&entries);
    rkv_entries_format_clear(&format);
    free(positions);
}

/* ---- what every representation owes ---- */

/* ||a - b|| / ||b|| */
static double distance(const float *a, const float *b, size_t n) {
    double error = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        error += pow((double)a[i] - (double)b[i], 2);
        norm += pow((double)b[i], 2);
    }
    return sqrt(error / norm);
}

/* Of normal numbers; a new row of the table needs one here. */
static const struct bound {
    const char *name;
    double error, bits; /* at most, of a number; scales and bases included */
} bounds[] = {
    {"f16", 0.0005, 16.1}, {"bf16", 0.004, 16.1}, {"int8", 0.0065, 8.7},
    {"int4", 0.09, 5.2},   {"lowrank", 0.11, 36},
};

static const struct bound *bound_of(const char *name) {
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (strcmp(bounds[i].name, name) == 0) return &bounds[i];
    fail_msg("%s has no bound in this test", name);
    return NULL;
}

static void test_round_trips(void **state) {
    (void)state;
    enum { N = 512, D = 64 };
    rkv_random random = {1};
    float *x = calloc(4 * N * D, sizeof *x), *keys = x + 2 * N * D, *values = x + 3 * N * D;
    for (size_t i = 0; i < 2 * N * D; i++)
        x[i] = draw(&random);
    const rkv_method *method;
    for (size_t m = 0; (method = rkv_method_at(m)); m++) {
        if (method->kind != RKV_REPRESENTATION) continue;
        const struct bound *bound = bound_of(method->name);
        size_t bytes;
        memcpy(keys, x, 2 * N * D * sizeof *x);
        store_and_read(method->name, keys, values, N, D, &bytes);
        double error = distance(keys, x, 2 * N * D), bits = 8.0 * (double)bytes / (2 * N * D);
        if (!(error <= bound->error && bits <= bound->bits))
            fail_msg("%s: error %g, at most %g; %g bits, at most %g", method->name, error, bound->error, bits,
                     bound->bits);
        assert_int_equal(method->needs, 0);
    }
    free(x);
}

/* Nothing, one row, and rows of zeros. */
static void test_degenerate(void **state) {
    (void)state;
    enum { N = 40, D = 6 };
    const rkv_method *method;
    for (size_t m = 0; (method = rkv_method_at(m)); m++)
        for (size_t n = 0; n <= N && method->kind == RKV_REPRESENTATION; n += n ? N - 1 : 1) {
            float rows[2 * N * D] = {0};
            size_t bytes;
            store_and_read(method->name, rows, rows + N * D, n, D, &bytes);
            for (size_t i = 0; i < 2 * N * D; i++)
                assert_true(rows[i] == 0);
        }
}

/* An option is what ends up in the format. */
static void test_formats(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        rkv_row_format keys, values;
    } cases[] = {
        {"f16", {RKV_ROWS_F16, 0, 0}, {RKV_ROWS_F16, 0, 0}},
        {"bf16", {RKV_ROWS_BF16, 0, 0}, {RKV_ROWS_BF16, 0, 0}},
        {"int8", {RKV_ROWS_INT8, RKV_AXIS_CHANNEL, 64}, {RKV_ROWS_INT8, RKV_AXIS_TOKEN, 64}},
        {"int4", {RKV_ROWS_INT4, RKV_AXIS_CHANNEL, 32}, {RKV_ROWS_INT4, RKV_AXIS_TOKEN, 32}},
        {"int4:key_axis=token,value_axis=channel,group=16",
         {RKV_ROWS_INT4, RKV_AXIS_TOKEN, 16},
         {RKV_ROWS_INT4, RKV_AXIS_CHANNEL, 16}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rkv_pipeline pipeline;
        rkv_row_format keys = {0}, values = {0};
        assert_int_equal(rkv_pipeline_parse(&pipeline, cases[i].spec), RKV_OK);
        pipeline.stages[0].method->ops->format(&pipeline.stages[0].values, &keys, &values);
        if (memcmp(&keys, &cases[i].keys, sizeof keys) || memcmp(&values, &cases[i].values, sizeof values))
            fail_msg("%s", cases[i].spec);
    }
    assert_int_equal(rkv_method_check("int8:group=0"), RKV_USAGE);
    assert_int_equal(rkv_method_check("int8:key_axis=row"), RKV_USAGE);
    assert_int_equal(rkv_method_check("lowrank:energy=1.1"), RKV_USAGE);
}

/* ---- low rank ---- */

/* Rows [n, D] with singular values 2^-r along rotated axes: the first columns are mixed in pairs. */
static void make_graded(rkv_random *random, size_t n, size_t D, float *x) {
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < D; d++)
            x[i * D + d] = (float)ldexp((double)draw(random), -(int)d);
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d + 1 < D; d++) {
            float a = x[i * D + d], b = x[i * D + d + 1];
            x[i * D + d] = 0.6f * a - 0.8f * b;
            x[i * D + d + 1] = 0.8f * a + 0.6f * b;
        }
}

static void fit(const char *spec, const float *x, size_t n, size_t D, float **basis, size_t *rank) {
    rkv_pipeline pipeline;
    if (rkv_pipeline_parse(&pipeline, spec)) fail_msg("%s", rkv_message());
    const rkv_stage *stage = &pipeline.stages[0];
    double *gram = malloc(D * D * sizeof *gram);
    assert_int_equal(rkv_cpu_gram(NULL, &(rkv_head_rows){x, n}, 1, D, &gram), RKV_OK);
    assert_int_equal(stage->method->ops->fit(&stage->values, true, gram, n, D, basis, rank), RKV_OK);
    free(gram);
}

/* ||x - x B^T B||^2 / ||x||^2 */
static double lost_energy(const float *x, size_t n, size_t D, const float *basis, size_t rank) {
    double lost = 0, all = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t d = 0; d < D; d++) {
            double value = x[i * D + d], left = value;
            for (size_t r = 0; r < rank; r++) {
                double c = 0;
                for (size_t e = 0; e < D; e++)
                    c += (double)x[i * D + e] * (double)basis[r * D + e];
                left -= c * (double)basis[r * D + d];
            }
            lost += left * left;
            all += value * value;
        }
    return lost / all;
}

static void check_orthonormal(const float *basis, size_t rank, size_t D) {
    for (size_t a = 0; a < rank; a++)
        for (size_t b = 0; b <= a; b++) {
            double dot = 0;
            for (size_t d = 0; d < D; d++)
                dot += (double)basis[a * D + d] * (double)basis[b * D + d];
            if (fabs(dot - (a == b)) > 1e-5) fail_msg("vectors %zu and %zu: %g", a, b, dot);
        }
}

/* The least rank that holds the energy; and what a rank loses is what the vectors after it held. */
static void test_low_rank_energy(void **state) {
    (void)state;
    enum { N = 60, D = 10 };
    static const double energies[] = {0, 0.5, 0.9, 0.99, 0.9999, 1};
    rkv_random random = {7};
    float x[N * D];
    make_graded(&random, N, D, x);
    for (size_t i = 0; i < sizeof energies / sizeof *energies; i++) {
        char spec[64];
        float *basis = NULL;
        size_t rank;
        snprintf(spec, sizeof spec, "lowrank:energy=%.10g", energies[i]);
        fit(spec, x, N, D, &basis, &rank);
        check_orthonormal(basis, rank, D);
        assert_in_range(rank, 1, D);
        if (1 - lost_energy(x, N, D, basis, rank) < energies[i] - 1e-6) fail_msg("%s: too few", spec);
        if (rank > 1 && 1 - lost_energy(x, N, D, basis, rank - 1) > energies[i] + 1e-6)
            fail_msg("%s: rank %zu is too many", spec, rank);
        free(basis);
    }
}

static void test_low_rank_limits(void **state) {
    (void)state;
    enum { N = 60, D = 10 };
    static const struct {
        const char *spec;
        size_t n, rank;
    } cases[] = {
        {"lowrank:rank=3", N, 3},   {"lowrank:rank=3,energy=1", N, 3}, {"lowrank:rank=99", N, D},
        {"lowrank:rank=4", 2, 2},   {"lowrank:energy=1", 4, 4},        {"lowrank:rank=4", 0, 1},
        {"lowrank:energy=1", 1, 1},
    };
    rkv_random random = {8};
    float x[N * D], zeros[N * D] = {0}, *basis = NULL;
    size_t rank;
    make_graded(&random, N, D, x);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fit(cases[i].spec, x, cases[i].n, D, &basis, &rank);
        if (rank != cases[i].rank) fail_msg("%s: rank %zu, not %zu", cases[i].spec, rank, cases[i].rank);
        check_orthonormal(basis, rank, D);
        free(basis);
    }
    fit("lowrank:rank=5", zeros, N, D, &basis, &rank);
    assert_int_equal(rank, 1);
    assert_true(basis[0] == 1 && basis[1] == 0);
    free(basis);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),     cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_formats),         cmocka_unit_test(test_low_rank_energy),
        cmocka_unit_test(test_low_rank_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
