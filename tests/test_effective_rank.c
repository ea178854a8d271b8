/* test_effective_rank.c: the effective rank where it is known: by theory, by hand, and by both solvers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/analysis.h>

#include "analyzer/layer_ranks.h"

#define N 512

static void test_of_sigma(void **state) {
    (void)state;
    double equal[7] = {3, 3, 3, 3, 3, 3, 3}, one[4] = {5, 0, 0, 0}, half[2] = {1, 3};
    assert_true(fabs(rkv_effective_rank_of_sigma(equal, 7) - 7) < 1e-12);
    assert_true(rkv_effective_rank_of_sigma(one, 4) == 1);
    assert_true(fabs(rkv_effective_rank_of_sigma(half, 2) - exp(0.25 * log(4) + 0.75 * log(4.0 / 3))) <
                1e-12);
    double zeros[2] = {0, 0}, negative[2] = {1, -1}, nan[2] = {1, NAN}, infinite[2] = {1, INFINITY};
    assert_true(isnan(rkv_effective_rank_of_sigma(zeros, 2)));
    assert_true(isnan(rkv_effective_rank_of_sigma(negative, 2)));
    assert_true(isnan(rkv_effective_rank_of_sigma(nan, 2)));
    assert_true(isnan(rkv_effective_rank_of_sigma(infinite, 2)));
    assert_true(isnan(rkv_effective_rank_of_sigma(NULL, 0)));
}

/* Attention of idealised heads, a [N, N]: query i gives key j this much. */
static double uniform(size_t i, size_t j) {
    return j <= i ? 1.0 / (double)(i + 1) : 0;
}
static double self(size_t i, size_t j) {
    return i == j;
}
static double previous(size_t i, size_t j) {
    return i == 0 ? j == 0 : j == i - 1;
}
static double sink(size_t i, size_t j) {
    (void)i;
    return j == 0;
}
static double sink_and_self(size_t i, size_t j) {
    return (j == 0 ? 0.9 : 0) + (i == j ? 0.1 : 0);
}
static double local(size_t i, size_t j) {
    return j <= i && i - j < 32 ? 1.0 / (double)(i < 31 ? i + 1 : 32) : 0;
}

/* Half of its singular values are 1, the others 0. */
static double pairs(size_t i, size_t j) {
    return i / 2 == j / 2 ? 0.5 : 0;
}

/* Effective ranks at n = 512 by float64 SVD elsewhere, rounded as they were written down. */
static const struct {
    const char *name;
    double (*attention)(size_t i, size_t j);
    double erank, rounding;
} heads[] = {
    {"uniform", uniform, 70.5, 0.05},
    {"self", self, 512, 1e-6},
    {"previous token", previous, 510.9, 0.05},
    {"sink", sink, 1, 1e-6},
    {"90 % sink, 10 % self", sink_and_self, 156.6, 0.05},
    {"local 32", local, 186.4, 0.05},
    {"pairs", pairs, 256, 1e-4},
};

static void test_idealised_heads(void **state) {
    (void)state;
    float *a = malloc(N * N * sizeof *a);
    for (size_t k = 0; k < sizeof heads / sizeof *heads; k++) {
        double rank[2];
        for (size_t i = 0; i < N * N; i++)
            a[i] = (float)heads[k].attention(i / N, i % N);
        for (int solver = 0; solver < 2; solver++)
            assert_int_equal(rkv_effective_rank(a, N, N, (rkv_solver)solver, &rank[solver], NULL), RKV_OK);
        if (!(fabs(rank[0] - heads[k].erank) <= heads[k].rounding))
            fail_msg("%s: effective rank %.9g, expected %g", heads[k].name, rank[0], heads[k].erank);
        assert_true(fabs(rank[0] / rank[1] - 1) <= 1e-6);
    }
    free(a);
}

static void test_single_matrix_faults(void **state) {
    (void)state;
    float zeros[4] = {0}, nan[4] = {1, 0, 0, NAN}, one[1] = {0.5f};
    double rank = -1;
    assert_int_equal(rkv_effective_rank(zeros, 2, 2, RKV_SOLVER_GRAM, &rank, NULL), RKV_DATA);
    assert_int_equal(rkv_effective_rank(nan, 2, 2, RKV_SOLVER_SVD, &rank, NULL), RKV_DATA);
    assert_int_equal(rkv_effective_rank(zeros, 0, 2, RKV_SOLVER_GRAM, &rank, NULL), RKV_USAGE);
    assert_true(rank == -1);
    assert_int_equal(rkv_effective_rank(one, 1, 1, RKV_SOLVER_GRAM, &rank, NULL), RKV_OK);
    assert_true(rank == 1);
}

/* A value that is no probability is an error that names layer and head, whatever the solver. */
static void test_bad_attention_names_layer_and_head(void **state) {
    (void)state;
    enum { T = 8, H = 2 };
    float attention[H * T * T] = {0};
    double sigma[H * T];
    for (size_t i = 0; i < H * T; i++)
        attention[i * T] = 1;
    attention[T * T + 5 * T + 3] = NAN;
    rkv_model_info model = {.name = "m",
                            .architecture = "llama",
                            .file_type = "F32",
                            .n_layers = 4,
                            .n_heads = H,
                            .n_kv_heads = 1};
    rkv_analyze_options options = {0};
    rkv_layer layer = {
        .index = 3, .n_layers = 4, .n_heads = H, .n_kv_heads = 1, .n_tokens = T, .attention = attention};
    rkv_analysis *a;
    rkv_backend *backend;
    assert_int_equal(rkv_backend_open(&backend, "cpu"), RKV_OK);
    assert_int_equal(rkv_analysis_new(&a, &model, T, false, &options), RKV_OK);
    assert_int_equal(rkv_analysis_rank_layers(a, backend, &layer, 1, sigma), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "layer 3 head 1"));
    layer.index = 1, layer.n_heads = 1, a->model.n_heads = 1; /* the same heads as those of two layers */
    assert_int_equal(rkv_analysis_rank_layers(a, backend, &layer, 2, sigma), RKV_DATA);
    assert_non_null(strstr(rkv_message(), "layer 2 head 0"));
    layer.index = 3, layer.n_heads = H, a->model.n_heads = H;
    attention[T * T + 5 * T + 3] = 0;
    assert_int_equal(rkv_analysis_rank_layers(a, backend, &layer, 1, sigma), RKV_OK);
    assert_true(a->metric[RKV_ERANK][3 * H] == 1 && a->layer_rank[3] == 1);
    rkv_analysis_free(a);
    rkv_backend_close(backend);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_sigma),
        cmocka_unit_test(test_idealised_heads),
        cmocka_unit_test(test_single_matrix_faults),
        cmocka_unit_test(test_bad_attention_names_layer_and_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
