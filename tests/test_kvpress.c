/* test_kvpress.c: scores and kept entries of the methods that kvpress has too, against what it computed on
 * one small layer (tests/ref/make_kvpress_scores.py). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "support/plain_ops.h"
#include "support/sample_view.h"

static json_t *reference;

static size_t shape_of(const char *key) {
    return (size_t)json_integer_value(json_object_get(json_object_get(reference, "shape"), key));
}

static void read_numbers(const char *key, float *out, size_t n) {
    const json_t *array = json_object_get(reference, key);
    assert_int_equal(json_array_size(array), n);
    for (size_t i = 0; i < n; i++)
        out[i] = (float)json_number_value(json_array_get(array, i));
}

/* sums [H/G, T] of KV head g: columns of the whole attention. */
static void fill_sums(sample_view *s, size_t g) {
    const rkv_head_view *head = &s->own[g];
    size_t T = s->view.n_seen, D = s->view.head_dim, group = s->view.n_heads / s->view.n_kv_heads;
    double *p = calloc(T * T, sizeof *p);
    memset((void *)head->sums, 0, group * T * sizeof(float));
    for (size_t h = 0; h < group; h++) {
        plain_attention_rows(s->observed + (g * group + h) * T * D, head->positions, T, head->keys,
                             head->positions, T, D, p);
        for (size_t i = 0; i < T * T; i++)
            ((float *)head->sums)[h * T + i % T] += (float)p[i];
    }
    free(p);
}

/* A sample view, whose numbers are replaced by those of the file. Keys there are rotated, queries not. */
static void make_layer(sample_view *s) {
    size_t H = shape_of("H"), G = shape_of("G"), D = shape_of("D"), T = shape_of("T");
    sample_view_make(
        s, &(sample_view_options){
               .n_heads = H, .n_kv_heads = G, .head_dim = D, .n_seen = T, .pairing = RKV_ROPE_HALVES});
    double base = json_number_value(json_object_get(json_object_get(reference, "shape"), "rope_base"));
    for (size_t i = 0; i < D / 2; i++)
        s->rope.frequency[i] = pow(base, -2.0 * (double)i / (double)D);
    read_numbers("queries", s->observed, H * T * D);
    for (size_t i = 0; i < H * T; i++)
        rkv_rope_turn(&s->rope, (int64_t)(i % T), s->observed + i * D);
    read_numbers("keys", s->k, G * T * D);
    read_numbers("values", s->v, G * T * D);
    for (size_t g = 0; g < G; g++) {
        memcpy((void *)s->own[g].keys, s->k + g * T * D, T * D * sizeof(float));
        memcpy((void *)s->own[g].values, s->v + g * T * D, T * D * sizeof(float));
        fill_sums(s, g);
    }
}

/* Both sides work in float32, kvpress with float32 angles up to position 608 in it, whose cosines and sines
 * are therefore off by up to 3e-5: so relative 1e-4. */
static void check_scores(const sample_view *s, const char *method, const json_t *scores) {
    for (size_t g = 0; g < s->view.n_kv_heads; g++)
        for (size_t i = 0; i < s->view.n_seen; i++) {
            const json_t *wanted = json_array_get(json_array_get(scores, g), i);
            assert_non_null(wanted);
            double score = json_number_value(wanted), found = (double)s->score[g][i];
            if (json_is_null(wanted) ? found != (double)INFINITY : !(fabs(found - score) <= 1e-4 * score))
                fail_msg("%s, head %zu, entry %zu: score %.9g, not %.9g", method, g, i, found, score);
        }
}

static void check_kept(const sample_view *s, const char *method, const json_t *heads) {
    for (size_t g = 0; g < s->view.n_kv_heads; g++) {
        const json_t *wanted = json_array_get(heads, g);
        uint32_t index[256];
        size_t n = json_array_size(wanted);
        assert_in_range(n, 1, 256);
        for (size_t i = 0; i < n; i++)
            index[i] = (uint32_t)json_integer_value(json_array_get(wanted, i));
        sample_view_expect(s, method, g, index, n);
    }
}

static void test_cases(void **state) {
    (void)state;
    const json_t *cases = json_object_get(reference, "cases");
    assert_true(json_array_size(cases) > 10);
    for (size_t c = 0; c < json_array_size(cases); c++) {
        const json_t *row = json_array_get(cases, c), *kept = json_object_get(row, "kept");
        const char *method = json_string_value(json_object_get(row, "method"));
        sample_view s;
        make_layer(&s);
        assert_true(json_array_size(kept) > 0);
        for (size_t k = 0; k < json_array_size(kept); k++) {
            const json_t *one = json_array_get(kept, k);
            sample_view_select(&s, method, (size_t)json_integer_value(json_object_get(one, "budget")));
            if (json_object_get(row, "scores")) check_scores(&s, method, json_object_get(row, "scores"));
            check_kept(&s, method, json_object_get(one, "heads"));
        }
        sample_view_clear(&s);
    }
}

/* kvpress rounds each layer by itself, ours keep the sum: one entry apart at most. */
static void test_pyramids(void **state) {
    (void)state;
    const json_t *pyramids = json_object_get(reference, "pyramids");
    assert_true(json_array_size(pyramids) > 5);
    for (size_t p = 0; p < json_array_size(pyramids); p++) {
        const json_t *row = json_array_get(pyramids, p), *wanted = json_object_get(row, "budgets");
        size_t tokens = (size_t)json_integer_value(json_object_get(row, "tokens"));
        size_t budgets[64], n_layers = json_array_size(wanted), sum = 0;
        size_t budget = (size_t)json_integer_value(json_object_get(row, "budget"));
        assert_in_range(n_layers, 2, 64);
        rkv_pipeline pipeline;
        assert_int_equal(rkv_pipeline_parse(&pipeline, json_string_value(json_object_get(row, "method"))),
                         RKV_OK);
        for (size_t l = 0; l < n_layers; l++)
            budgets[l] = budget;
        const rkv_stage *stage = &pipeline.stages[0];
        assert_int_equal(stage->method->ops->plan(&stage->values, tokens, n_layers, budgets), RKV_OK);
        for (size_t l = 0; l < n_layers; l++) {
            double theirs = json_number_value(json_array_get(wanted, l));
            if (!(fabs((double)budgets[l] - theirs) <= 1))
                fail_msg("pyramid %zu, layer %zu: %zu, not %g", p, l, budgets[l], theirs);
            sum += budgets[l];
        }
        assert_int_equal(sum, n_layers * budget);
    }
}

static int read_reference(void **state) {
    (void)state;
    reference = json_load_file(RKV_TEST_DIR "/ref/kvpress_scores.json", 0, NULL);
    return reference ? 0 : -1;
}

static int free_reference(void **state) {
    (void)state;
    json_decref(reference);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_pyramids)};
    return cmocka_run_group_tests(tests, read_reference, free_reference);
}
