/* test_reference.c: the default model against transformers in float32 and float64 SVD, on two prompts. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "support/default_model.h"
#include "support/reference.h"

/* Both sides compute the attention in float32 with sums in another order. The reference's own distance from a
 * float64 forward pass is 3e-7 (perplexity), 6e-6 (logits), 8e-7 (attention) and 1.3e-6 (effective rank);
 * ours is of that size, and a head's rank reacts to rounding in every layer below. The limits below leave an
 * order of magnitude. */
#define PERPLEXITY_TOLERANCE 1e-4
#define LOGIT_TOLERANCE      1e-3
#define ATTENTION_TOLERANCE  1e-5
#define ERANK_TOLERANCE      1e-5
#define METRIC_TOLERANCE     1e-4

static const char *const stems[] = {"mayonnaise", "northanger-512"};
#define N_STEMS (sizeof stems / sizeof *stems)

static rkv_model *model;

static int close_model(void **state) {
    (void)state;
    rkv_model_close(model);
    model = NULL;
    return 0;
}

static rkv_model *the_model(void) {
    const char *path = default_model_or_skip();
    if (!model && rkv_model_open(&model, path, &(rkv_model_options){.device = "cpu"}) != RKV_OK)
        fail_msg("%s", rkv_message());
    return model;
}

static void assert_close(const char *what, size_t layer, size_t head, double value, double expected,
                         double relative) {
    double scale = fabs(expected) > 1e-3 ? fabs(expected) : 1e-3; /* a mass of zero has no relative error */
    if (!(fabs(value - expected) <= relative * scale))
        fail_msg("%s of layer %zu head %zu is %.12g, the reference %.12g: relative %.2g, limit %.2g", what,
                 layer, head, value, expected, fabs(value - expected) / scale, relative);
}

static void test_token_ids(void **state) {
    (void)state;
    for (size_t s = 0; s < N_STEMS; s++) {
        reference r;
        rkv_model *m = the_model();
        reference_read(&r, stems[s]);
        int32_t *ids;
        size_t n;
        assert_int_equal(rkv_tokenize(m, r.text, r.text_length, NULL, &ids, &n), RKV_OK);
        assert_int_equal(n, r.n_tokens); /* both texts are whole */
        assert_memory_equal(ids, r.ids, r.n_tokens * sizeof *ids);
        rkv_free(ids);
        reference_clear(&r);
    }
}

/* Attention rows of the layer that passes by, against the samples of that layer. */
static rkv_status compare_rows(void *user, const rkv_layer *layer) {
    const reference *r = user;
    size_t n = layer->n_tokens;
    for (size_t i = 0; i < r->n_rows; i++) {
        const reference_row *row = &r->rows[i];
        if (row->layer != layer->index) continue;
        const float *ours = layer->attention + (row->head * n + row->query) * n;
        for (size_t j = 0; j < n; j++) {
            double expected = j <= row->query ? row->attention[j] : 0;
            if (!(fabs((double)ours[j] - expected) <= ATTENTION_TOLERANCE))
                fail_msg("attention[%zu][%zu][%zu][%zu] is %.9g, the reference %.9g", row->layer, row->head,
                         row->query, j, (double)ours[j], expected);
        }
    }
    return RKV_OK;
}

static void test_prefill(void **state) {
    (void)state;
    for (size_t s = 0; s < N_STEMS; s++) {
        reference r;
        rkv_model *m = the_model();
        reference_read(&r, stems[s]);
        rkv_prefill_options options = {
            .attention = true, .losses = true, .on_layer = compare_rows, .user = &r};
        rkv_prefill_result result;
        assert_int_equal(rkv_prefill(m, r.ids, r.n_tokens, &options, &result), RKV_OK);
        assert_close("perplexity", 0, 0, result.perplexity, r.perplexity, PERPLEXITY_TOLERANCE);
        for (size_t t = 0; t + 1 < r.n_tokens; t++)
            assert_true(fabs(result.token_nll[t] - r.nll[t]) <= LOGIT_TOLERANCE);
        for (size_t i = 0; i < REFERENCE_TOP; i++)
            assert_true(fabs((double)result.last_logits[r.top_id[i]] - r.top_logit[i]) <= LOGIT_TOLERANCE);
        rkv_prefill_result_clear(&result);
        reference_clear(&r);
    }
}

static void compare_head(const rkv_analysis *a, const reference_head *h) {
    size_t heads = a->model.n_heads, groups = a->model.n_kv_heads;
    size_t at = h->layer * heads + h->head, kv = h->layer * groups + h->head * groups / heads;
    const struct {
        rkv_metric metric;
        size_t index;
        double expected, tolerance;
    } rows[] = {
        {RKV_ERANK, at, h->erank, ERANK_TOLERANCE},
        {RKV_ROW_PERPLEXITY, at, h->row_perplexity, METRIC_TOLERANCE},
        {RKV_KEYS_95, at, h->keys_95, METRIC_TOLERANCE},
        {RKV_SINK_4, at, h->sink_4, METRIC_TOLERANCE},
        {RKV_LOCAL_32, at, h->local_32, METRIC_TOLERANCE},
        {RKV_STABLE_RANK, at, h->stable_rank, METRIC_TOLERANCE},
        {RKV_ERANK_K, kv, h->erank_k, METRIC_TOLERANCE},
        {RKV_ERANK_V, kv, h->erank_v, METRIC_TOLERANCE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_close(rkv_metric_get_info(rows[i].metric)->name, h->layer, h->head,
                     a->metric[rows[i].metric][rows[i].index], rows[i].expected, rows[i].tolerance);
    assert_close("head-mean-matrix", h->layer, h->head, a->layer_rank[h->layer], h->erank_head_mean_matrix,
                 ERANK_TOLERANCE);
}

static void test_analysis(void **state) {
    (void)state;
    for (size_t s = 0; s < N_STEMS; s++) {
        reference r;
        rkv_model *m = the_model();
        reference_read(&r, stems[s]);
        rkv_analyze_options options = {.aggregate = RKV_AGGREGATE_HEAD_MEAN_MATRIX};
        rkv_analysis *a;
        assert_int_equal(rkv_analyze(&a, m, r.ids, r.n_tokens, &options), RKV_OK);
        assert_int_equal(r.n_heads, a->model.n_layers * a->model.n_heads);
        for (size_t i = 0; i < r.n_heads; i++)
            compare_head(a, &r.heads[i]);
        rkv_analysis_free(a);
        reference_clear(&r);
    }
}

/* The promise: 1e-6 on every head. Both solvers see the same attention, so nothing upstream excuses a
 * difference. */
static void test_solvers_agree_on_every_head(void **state) {
    (void)state;
    for (size_t s = 0; s < N_STEMS; s++) {
        reference r;
        rkv_model *m = the_model();
        reference_read(&r, stems[s]);
        rkv_analysis *gram, *svd;
        rkv_analyze_options options = {.solver = RKV_SOLVER_GRAM};
        assert_int_equal(rkv_analyze(&gram, m, r.ids, r.n_tokens, &options), RKV_OK);
        options.solver = RKV_SOLVER_SVD;
        assert_int_equal(rkv_analyze(&svd, m, r.ids, r.n_tokens, &options), RKV_OK);
        size_t heads = svd->model.n_heads, by_svd = 0;
        for (size_t i = 0; i < svd->model.n_layers * heads; i++) {
            assert_close("erank by gram", i / heads, i % heads, gram->metric[RKV_ERANK][i],
                         svd->metric[RKV_ERANK][i], 1e-6);
            assert_true(svd->svd_used[i]);
            by_svd += gram->svd_used[i];
        }
        printf("%s: %zu of %zu heads needed the SVD\n", stems[s], by_svd, svd->model.n_layers * heads);
        assert_true(by_svd < svd->model.n_layers * heads / 10);
        rkv_analysis_free(gram);
        rkv_analysis_free(svd);
        reference_clear(&r);
    }
}

/* OpenBLAS's fallback for processors that it does not know would make this the slowest test: as the program
 * does, start again with the kernels that fit. */
static void use_the_right_kernels(char **arguments) {
    const char *core = rkv_cpu_blas_core_wanted();
    if (!core || setenv("OPENBLAS_CORETYPE", core, 1) != 0) return;
    execv("/proc/self/exe", arguments);
}

int main(int n_arguments, char **arguments) {
    (void)n_arguments;
    if (!default_model()) return SKIPPED_PROGRAM;
    use_the_right_kernels(arguments);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_ids),
        cmocka_unit_test(test_prefill),
        cmocka_unit_test(test_analysis),
        cmocka_unit_test(test_solvers_agree_on_every_head),
    };
    return cmocka_run_group_tests(tests, NULL, close_model);
}
