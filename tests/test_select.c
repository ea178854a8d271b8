/* test_select.c: the best entries against a slow choice; attention over a view; windows of queries; the
 * scores of a group. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/random.h"
#include "support/sample_view.h"

enum { LONGEST = 97 };

/* ---- the best ---- */

/* Ordinary numbers, few different ones, and everything that a float can be. */
static float draw(rkv_random *random, unsigned kind) {
    static const float odd[] = {NAN, -NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1e-45f, -1e-45f, 3e38f, -3e38f};
    if (kind == 0) return (float)(2 * rkv_random_unit(random) - 1);
    if (kind == 1) return (float)rkv_random_below(random, 3) - 1;
    return odd[rkv_random_below(random, sizeof odd / sizeof *odd)];
}

static void compare(const float *score, size_t n, size_t budget) {
    double exact[LONGEST];
    uint32_t expected[LONGEST], kept[LONGEST];
    for (size_t i = 0; i < n; i++)
        exact[i] = score[i];
    size_t n_expected = sample_best(exact, n, budget, expected);
    size_t n_kept = rkv_select_best(score, n, budget, kept);
    assert_int_equal(n_kept, n_expected);
    assert_int_equal(n_kept, budget < n ? budget : n);
    for (size_t i = 0; i < n_kept; i++)
        if (kept[i] != expected[i])
            fail_msg("%zu of %zu: kept[%zu] is %u, not %u", budget, n, i, kept[i], expected[i]);
}

static void test_best_entries(void **state) {
    (void)state;
    rkv_random random = {1};
    static const size_t lengths[] = {0, 1, 2, 3, 10, LONGEST};
    for (unsigned kind = 0; kind < 3; kind++)
        for (unsigned round = 0; round < 10; round++)
            for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
                float score[LONGEST];
                for (size_t i = 0; i < lengths[l]; i++)
                    score[i] = draw(&random, kind);
                for (size_t budget = 0; budget <= lengths[l] + 1; budget++)
                    compare(score, lengths[l], budget);
                compare(score, lengths[l], SIZE_MAX);
            }
}

static void test_order_of_scores(void **state) {
    (void)state;
    const float score[] = {INFINITY, NAN, 2, 2, -INFINITY, 2, INFINITY};
    static const struct {
        size_t budget;
        uint32_t kept[6];
    } cases[] = {{1, {6}},          {2, {0, 6}},          {3, {0, 5, 6}},
                 {4, {0, 3, 5, 6}}, {5, {0, 2, 3, 5, 6}}, {6, {0, 2, 3, 4, 5, 6}}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint32_t kept[7];
        size_t n = rkv_select_best(score, 7, cases[c].budget, kept);
        assert_int_equal(n, cases[c].budget);
        assert_memory_equal(kept, cases[c].kept, n * sizeof *kept);
    }
}

/* ---- attention over a view ---- */

/* The angle between query and key is that of their distance: by positions, or by places. */
static double expected_logit(const sample_view *s, size_t g, size_t h, size_t i, size_t m, size_t j) {
    size_t T = s->view.n_seen, D = s->view.head_dim, query = T - m + i;
    const rkv_head_view *head = &s->own[g];
    int64_t key = head->positions[j];
    int64_t distance = s->view.cache_positions ? (int64_t)head->n - (int64_t)m + (int64_t)i - (int64_t)j
                                               : (int64_t)query - key;
    float q[64];
    memcpy(q, s->q + (h * T + query) * D, D * sizeof *q);
    rkv_rope_turn(&s->rope, distance, q);
    double sum = 0;
    for (size_t d = 0; d < D; d++)
        sum += (double)q[d] * (double)s->k[(g * T + (size_t)key) * D + d];
    return sum / sqrt((double)D);
}

/* expected [n]: the mean over the newest m queries of head h. */
static void expect_mean(const sample_view *s, size_t g, size_t h, size_t m, double *expected) {
    size_t n = s->own[g].n, T = s->view.n_seen;
    for (size_t j = 0; j < n; j++)
        expected[j] = 0;
    for (size_t i = 0; i < m; i++) {
        double total = 0, weight[LONGEST] = {0};
        for (size_t j = 0; j < n; j++)
            if ((size_t)s->own[g].positions[j] <= T - m + i)
                total += weight[j] = exp(expected_logit(s, g, h, i, m, j));
        for (size_t j = 0; j < n && total > 0; j++)
            expected[j] += weight[j] / total / (double)m;
    }
}

static void compare_attention(sample_view *s, size_t m) {
    size_t group = s->view.n_heads / s->view.n_kv_heads;
    float *window = calloc(rkv_window_size(m, &s->shape), sizeof *window), **means;
    assert_non_null(window);
    assert_int_equal(rkv_window_observe(window, m, &s->shape, &s->queries), RKV_OK);
    s->view.state = window;
    assert_int_equal(rkv_view_rows_new(&s->view, group, &means), RKV_OK);
    assert_int_equal(rkv_view_attention_means(&s->view, m, means), RKV_OK);
    for (size_t h = 0; h < s->view.n_heads; h++) {
        size_t g = h / group, n = s->own[g].n;
        double expected[LONGEST];
        expect_mean(s, g, h, m, expected);
        for (size_t j = 0; j < n; j++) /* float32 rotations and logits of magnitude below 16 */
            assert_true(fabs((double)means[g][h % group * n + j] - expected[j]) < 1e-5);
    }
    rkv_view_rows_free(means);
    free(window);
}

static void test_attention_of_a_view(void **state) {
    (void)state;
    for (unsigned bits = 0; bits < 16; bits++) {
        sample_view s;
        sample_view_make(&s, &(sample_view_options){.seed = bits,
                                                    .ragged = bits & 1,
                                                    .cache_positions = bits & 2,
                                                    .pairing = bits & 4 ? RKV_ROPE_HALVES : RKV_ROPE_ADJACENT,
                                                    .cpu = bits & 8});
        compare_attention(&s, 1);
        compare_attention(&s, 7);
        compare_attention(&s, s.view.n_seen);
        sample_view_clear(&s);
    }
}

/* ---- windows of queries ---- */

/* Shows m queries at a time; afterwards the window has the newest, in order. */
static void try_window(size_t window, const size_t *batches) {
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.n_seen = 30});
    size_t H = s.shape.n_heads, D = s.shape.head_dim, T = s.view.n_seen, seen = 0;
    size_t size = rkv_window_size(window, &s.shape);
    float *ring = calloc(size, sizeof *ring), q[4 * 30 * 8];
    assert_non_null(ring);
    assert_int_equal(rkv_window_count(ring), 0);
    for (; *batches; seen += *batches++) {
        size_t m = *batches;
        for (size_t h = 0; h < H; h++)
            memcpy(q + h * m * D, s.q + (h * T + seen) * D, m * D * sizeof *q);
        rkv_observation batch = {.backend = s.view.backend, .q = q, .m = m, .first = (int64_t)seen};
        assert_int_equal(rkv_window_observe(ring, window, &s.shape, &batch), RKV_OK);
    }
    size_t count = seen < window ? seen : window;
    assert_int_equal(rkv_window_count(ring), count);
    s.view.state = ring;
    rkv_window_queries(ring, window, &s.view, q);
    for (size_t h = 0; h < H; h++)
        assert_memory_equal(q + h * count * D, s.q + (h * T + seen - count) * D, count * D * sizeof *q);
    free(ring);
    sample_view_clear(&s);
}

static void test_windows(void **state) {
    (void)state;
    static const size_t batches[][8] = {{1},           {3},         {4}, {5}, {30}, {2, 1, 1, 1, 1},
                                        {10, 1, 7, 1}, {4, 4, 4, 3}};
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (size_t window = 1; window < 9; window++)
            try_window(window, batches[b]);
}

/* ---- scores ---- */

static void test_group_scores(void **state) {
    (void)state;
    const float each[] = {1, 2, NAN, -4, 3, 0, 5, -2, 2, 1, 1, -3};
    float out[4];
    rkv_layer_view view = {.n_heads = 6, .n_kv_heads = 2};
    rkv_view_group_scores(&view, each, 4, out);
    assert_true(out[0] == 2 && out[1] == 1 && isnan(out[2]) && out[3] == -3);
    view.group_score = RKV_GROUP_MAX;
    rkv_view_group_scores(&view, each, 4, out);
    assert_true(out[0] == 3 && out[1] == 2 && isnan(out[2]) && out[3] == -2);
}

static void test_newest_stay(void **state) {
    (void)state;
    for (size_t count = 0; count < 7; count++) {
        float score[5] = {1, 2, 3, 4, 5};
        rkv_score_keep_newest(score, 5, count);
        for (size_t i = 0; i < 5; i++)
            assert_true(i + count >= 5 ? isinf(score[i]) : score[i] == (float)(i + 1));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_entries),        cmocka_unit_test(test_order_of_scores),
        cmocka_unit_test(test_attention_of_a_view), cmocka_unit_test(test_windows),
        cmocka_unit_test(test_group_scores),        cmocka_unit_test(test_newest_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
