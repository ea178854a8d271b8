/* test_session.c: sessions on the tiny model: what every method of the table promises, whatever it selects.
 */
#include <omp.h>
#include <stdlib.h>

#include "support/tiny_session.h"

/* ---- against the ordinary forward pass ---- */

/* Token by token through the cache is one pass over all of them, up to rounding. */
static void test_full_is_the_model(void **state) {
    (void)state;
    for (int positions = RKV_POSITIONS_ORIGINAL; positions <= RKV_POSITIONS_CACHE; positions++) {
        rkv_session *s = open_session((rkv_session_options){.positions = (rkv_positions)positions});
        ok(rkv_session_prefill(s, ids, T));
        for (size_t n = T; n <= T + 10; n++) {
            rkv_prefill_result whole;
            ok(rkv_prefill(model, ids, n, NULL, &whole));
            /* logits of the tiny model are of size 1 to 10; each is a sum over two layers of products of at
             * most 96 float32 terms: 1e-4 is 100 times their rounding */
            assert_true(largest_difference(whole.last_logits, rkv_session_logits(s), N_VOCAB) < 1e-4);
            rkv_prefill_result_clear(&whole);
            decode(s, n, 1);
        }
        rkv_session_free(s);
    }
}

/* Losses of a continuation: those of the whole text, and the cache is as it was. */
static void test_losses(void **state) {
    (void)state;
    rkv_prefill_result whole;
    ok(rkv_prefill(model, ids, T + NEW, &(rkv_prefill_options){.losses = true}, &whole));
    for (int positions = RKV_POSITIONS_ORIGINAL; positions <= RKV_POSITIONS_CACHE; positions++) {
        rkv_session *s = open_session((rkv_session_options){.positions = (rkv_positions)positions});
        double nll[NEW], again[NEW];
        ok(rkv_session_prefill(s, ids, T));
        rkv_cache_stats before = stats_of(s);
        ok(rkv_session_losses(s, ids + T, NEW, nll));
        for (size_t i = 0; i < NEW; i++)
            assert_true(fabs(nll[i] - whole.token_nll[T - 1 + i]) < 1e-4);
        assert_int_equal(stats_of(s).n_entries, before.n_entries);
        assert_int_equal(stats_of(s).allocated_bytes, before.allocated_bytes);
        ok(rkv_session_losses(s, ids + T, NEW, again));
        assert_memory_equal(nll, again, sizeof nll);
        ok(rkv_session_losses(s, ids + T, 1, again));
        assert_true(again[0] == nll[0]);
        rkv_session_free(s);
    }
    rkv_prefill_result_clear(&whole);
}

/* -ln softmax(logits)[id]. */
static double loss_of(const float *logits, int32_t id) {
    double sum = 0;
    for (size_t i = 0; i < N_VOCAB; i++)
        sum += exp((double)logits[i] - (double)logits[id]);
    return log(sum);
}

/* What the model foresees along a continuation, against what it says token by token; the losses, too. hold
 * prompt: so that the tokens that are read one by one evict nothing either. */
static void check_foresight(const char *method, rkv_positions positions, double tolerance) {
    rkv_session *s = open_session((rkv_session_options){
        .method = method, .budget = 40, .hold = RKV_HOLD_PROMPT, .positions = positions});
    float *logits = malloc(NEW * N_VOCAB * sizeof *logits), *first = malloc(3 * N_VOCAB * sizeof *first);
    double nll[NEW];
    ok(rkv_session_prefill(s, ids, T));
    rkv_cache_stats before = stats_of(s);
    ok(rkv_session_foresee(s, ids + T, NEW, logits));
    ok(rkv_session_losses(s, ids + T, NEW, nll));
    for (size_t n = 1; n <= 3; n++) { /* few tokens read the weights as they lie in the file */
        ok(rkv_session_foresee(s, ids + T, n, first));
        assert_true(largest_difference(first, logits, n * N_VOCAB) < tolerance);
    }
    assert_int_equal(stats_of(s).n_entries, before.n_entries);
    assert_int_equal(stats_of(s).allocated_bytes, before.allocated_bytes);
    assert_memory_equal(logits, rkv_session_logits(s), N_VOCAB * sizeof *logits);
    for (size_t t = 0; t < NEW; t++) {
        const float *row = logits + t * N_VOCAB;
        assert_true(largest_difference(row, rkv_session_logits(s), N_VOCAB) < tolerance);
        /* the losses fold these very logits: exps in float32 of arguments rounded at size 20 */
        assert_true(fabs(loss_of(row, ids[T + t]) - nll[t]) < 2e-6);
        decode(s, T + t, 1);
    }
    free(first);
    free(logits);
    rkv_session_free(s);
}

static void test_foresight(void **state) {
    (void)state;
    for (rkv_positions positions = RKV_POSITIONS_ORIGINAL; positions <= RKV_POSITIONS_CACHE; positions++) {
        /* as in test_full_is_the_model: 100 times the rounding of logits of size 1 to 10 */
        check_foresight("full", positions, 1e-4);
        check_foresight("snapkv:window=8", positions, 1e-4);
        check_foresight("lowrank:rank=8+h2o", positions, 1e-4);
        /* keys that fill a group of a channel are codes to the whole pass, and read one by one only to those
         * that follow: scales are near 1/40, and 32 keys at half of that move a logit by hundredths */
        check_foresight("window+int8", positions, 0.1);
    }
}

/* ---- what every method promises ---- */

/* A budget that is large enough changes nothing: not one bit. */
static void test_a_large_budget_is_full(void **state) {
    (void)state;
    rkv_session *full = open_session((rkv_session_options){.method = "full"});
    ok(rkv_session_prefill(full, ids, T));
    decode(full, T, NEW);
    for (size_t i = 0; rkv_method_at(i); i++) {
        const rkv_method *method = rkv_method_at(i);
        if (method->kind != RKV_SELECTION) continue;
        rkv_session *s = open_session((rkv_session_options){.method = small_spec(method), .budget = T + NEW});
        ok(rkv_session_prefill(s, ids, T));
        decode(s, T, NEW);
        if (memcmp(rkv_session_logits(s), rkv_session_logits(full), N_VOCAB * sizeof(float)))
            fail_msg("%s with room for everything is not the full cache", method->name);
        assert_int_equal(stats_of(s).n_entries, L * G * (T + NEW));
        rkv_session_free(s);
    }
    rkv_session_free(full);
}

/* Under a budget the cache never holds more than it, at any step, and gives its memory back. */
static void test_budgets_hold(void **state) {
    (void)state;
    const size_t budget = 20;
    for (size_t i = 0; rkv_method_at(i); i++) {
        const rkv_method *method = rkv_method_at(i);
        if (method->kind != RKV_SELECTION || strcmp(method->name, "full") == 0) continue;
        rkv_session *s = open_session((rkv_session_options){.method = small_spec(method), .budget = budget});
        ok(rkv_session_prefill(s, ids, T));
        for (size_t n = 0; n <= NEW; n++) {
            rkv_cache_stats stats = stats_of(s);
            if (stats.n_entries > L * G * budget)
                fail_msg("%s: %zu entries at a budget of %zu", method->name, stats.n_entries, L * G * budget);
            /* room for the entries, their slack, positions, sums of 2 heads; state apart */
            size_t most = L * G * (2 * budget + 2 * 33) * (2 * D + 1 + 2) * sizeof(float);
            if (stats.allocated_bytes - stats.state_bytes > most)
                fail_msg("%s: %zu bytes at a budget of %zu", method->name, stats.allocated_bytes, budget);
            if (n < NEW) decode(s, T + n, 1);
        }
        rkv_session_free(s);
    }
}

/* The number of threads changes nothing. */
static void test_threads(void **state) {
    (void)state;
    int threads = omp_get_max_threads();
    for (size_t i = 0; rkv_method_at(i); i++) {
        float *first = NULL;
        const char *spec = small_spec(rkv_method_at(i));
        for (int n = 1; n <= 2; n++) {
            omp_set_num_threads(n);
            rkv_session *s = open_session((rkv_session_options){.method = spec, .budget = 24});
            ok(rkv_session_prefill(s, ids, T));
            decode(s, T, 5);
            if (n == 1) {
                first = malloc(N_VOCAB * sizeof *first);
                memcpy(first, rkv_session_logits(s), N_VOCAB * sizeof *first);
            } else if (memcmp(first, rkv_session_logits(s), N_VOCAB * sizeof *first)) {
                fail_msg("%s depends on the number of threads", spec);
            }
            rkv_session_free(s);
        }
        free(first);
    }
    omp_set_num_threads(threads);
}

/* One pass for several sessions does for each what a pass of its own does. */
static void test_prefill_all(void **state) {
    (void)state;
    /* of two windows of fastgen the pass has the far sums of one; the other computes attention anew */
    static const char *const specs[] = {"full", "snapkv:window=8", "h2o",
                                        "int8", "fastgen",         "fastgen:T=0.7,r_l=0.4"};
    enum { N = sizeof specs / sizeof *specs };
    rkv_session *all[N];
    for (size_t i = 0; i < N; i++)
        all[i] = open_session((rkv_session_options){.method = specs[i], .budget = 24});
    ok(rkv_session_prefill_all(all, N, ids, T));
    for (size_t i = 0; i < N; i++) {
        rkv_session *alone = open_session((rkv_session_options){.method = specs[i], .budget = 24});
        ok(rkv_session_prefill(alone, ids, T));
        decode(alone, T, 3);
        decode(all[i], T, 3);
        assert_memory_equal(rkv_session_logits(alone), rkv_session_logits(all[i]), N_VOCAB * sizeof(float));
        assert_int_equal(stats_of(alone).allocated_bytes, stats_of(all[i]).allocated_bytes);
        rkv_session_free(alone);
        rkv_session_free(all[i]);
    }
}

/* ---- methods one after the other, and by length ---- */

static void test_order_of_stages(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        size_t n;
    } cases[] = {
        {"sparse-magnitude:ratio=0.5+window+int8", 16},
        {"int8+window", 16},
        {"window+int4", 16},
        {"lowrank:rank=4+int8+window", 16},
        {"window+lowrank", 16},
        {"knorm:budget=12+f16", 12},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rkv_session *s = open_session((rkv_session_options){.method = cases[i].spec, .budget = 16});
        ok(rkv_session_prefill(s, ids, T));
        decode(s, T, 20);
        assert_int_equal(head_of(s, 1, 0).n, cases[i].n);
        rkv_session_free(s);
    }
}

/* At the prompt a selection has keys, values and queries wherever it stands. */
/* What follows a selection does not undo what came before it: int8 stores coordinates of rank 4, not 16
 * numbers. */
static void test_a_basis_outlives_selections(void **state) {
    (void)state;
    static const char *const specs[] = {"window+lowrank:rank=4+int8", "lowrank:rank=4+window+int8"};
    size_t bytes[2];
    for (size_t i = 0; i < 2; i++) {
        rkv_session *s = open_session((rkv_session_options){.method = specs[i], .budget = 64});
        ok(rkv_session_prefill(s, ids, T));
        bytes[i] = head_of(s, 0, 0).kv_bytes;
        rkv_session_free(s);
    }
    assert_int_equal(bytes[0], bytes[1]);
}

static void test_every_selection_after_a_representation(void **state) {
    (void)state;
    for (size_t i = 0; rkv_method_at(i); i++) {
        char spec[80];
        if (rkv_method_at(i)->kind != RKV_SELECTION) continue;
        snprintf(spec, sizeof spec, "int8+%s", small_spec(rkv_method_at(i)));
        rkv_session *s = open_session((rkv_session_options){.method = spec, .budget = 16});
        ok(rkv_session_prefill(s, ids, T));
        decode(s, T, 3);
        rkv_session_free(s);
    }
}

static void test_adaptive(void **state) {
    (void)state;
    rkv_session *s = open_session((rkv_session_options){
        .adaptive = "0:full,50:window:budget=40+int8,60:h2o:budget=20,recent_ratio=0.5+int4", .budget = 30});
    ok(rkv_session_prefill(s, ids, 45));
    decode(s, 45, 4);
    assert_int_equal(head_of(s, 0, 0).n, 49);
    size_t full = head_of(s, 0, 0).kv_bytes;
    decode(s, 49, 1);
    assert_int_equal(head_of(s, 0, 0).n, 40);
    /* Values are in 8 bits; keys by channel wait in float32 until a group of 64 is full. */
    assert_true(head_of(s, 0, 0).kv_bytes < full * 3 / 4);
    decode(s, 50, 12);
    assert_int_equal(head_of(s, 1, 1).n, 20);
    decode(s, 62, 20);
    assert_int_equal(head_of(s, 1, 1).n, 20);
    rkv_session_free(s);
}

/* Places in the cache: after eviction the text that is left is read as if nothing had stood between. With
 * window, one layer and a prompt that is evicted before the next token, the entries are the newest, at places
 * 0, 1, ... */
static void test_cache_positions_differ_only_after_eviction(void **state) {
    (void)state;
    rkv_session *a = open_session((rkv_session_options){.method = "streaming-llm", .budget = 20});
    rkv_session *b = open_session(
        (rkv_session_options){.method = "streaming-llm", .budget = 20, .positions = RKV_POSITIONS_CACHE});
    ok(rkv_session_prefill(a, ids, 15));
    ok(rkv_session_prefill(b, ids, 15));
    decode(a, 15, 5);
    decode(b, 15, 5);
    assert_true(largest_difference(rkv_session_logits(a), rkv_session_logits(b), N_VOCAB) < 1e-4);
    decode(a, 20, 10);
    decode(b, 20, 10);
    assert_true(largest_difference(rkv_session_logits(a), rkv_session_logits(b), N_VOCAB) > 1e-4);
    assert_memory_equal(head_of(a, 0, 0).positions, head_of(b, 0, 0).positions, 20 * sizeof(int32_t));
    rkv_session_free(a);
    rkv_session_free(b);
}

/* A selection that follows another sees keys and queries at their new places: behind a window, whose entries
 * all move by the same number, it keeps what it keeps with the original positions. */
static void test_cache_positions_between_selections(void **state) {
    (void)state;
    static const char *const specs[] = {"window:budget=60+snapkv:window=4,kernel=1,budget=20",
                                        "window:budget=60+tova:budget=20",
                                        "window:budget=60+expected-attention:n_sink=0,budget=20"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        rkv_session *a = open_session((rkv_session_options){.method = specs[i]});
        rkv_session *b =
            open_session((rkv_session_options){.method = specs[i], .positions = RKV_POSITIONS_CACHE});
        ok(rkv_session_prefill(a, ids, T));
        ok(rkv_session_prefill(b, ids, T));
        for (size_t u = 0; u < L * G; u++)
            assert_memory_equal(head_of(a, u / G, u % G).positions, head_of(b, u / G, u % G).positions,
                                20 * sizeof(int32_t));
        rkv_session_free(a);
        rkv_session_free(b);
    }
}

/* When nothing more will be evicted, nothing is remembered to score with. */
static void test_settled_sessions_remember_nothing(void **state) {
    (void)state;
    for (size_t i = 0; rkv_method_at(i); i++) {
        const char *name = rkv_method_at(i)->name;
        rkv_session *s = open_session((rkv_session_options){
            .method = small_spec(rkv_method_at(i)), .budget = 20, .hold = RKV_HOLD_PROMPT});
        ok(rkv_session_prefill(s, ids, T));
        decode(s, T, 3);
        size_t told = strcmp(name, "fastgen") == 0 ? L * G * sizeof(float) : 0; /* its note stays */
        if (stats_of(s).state_bytes != told) fail_msg("%s: %zu", name, stats_of(s).state_bytes);
        rkv_session_free(s);
    }
}

/* Ten thousand steps: the memory of the last is that of the hundredth. */
static void test_long_runs_hold_their_memory(void **state) {
    (void)state;
    static const char *const specs[] = {"streaming-llm", "h2o", "h2o+int8"};
    int threads = omp_get_max_threads();
    omp_set_num_threads(1); /* so small a model gains nothing from two */
    for (size_t i = 0; i < 3; i++) {
        rkv_session *s = open_session(
            (rkv_session_options){.method = specs[i],
                                  .budget = 24,
                                  .positions = i == 0 ? RKV_POSITIONS_CACHE : RKV_POSITIONS_ORIGINAL});
        ok(rkv_session_prefill(s, ids, T));
        decode(s, 0, 100);
        rkv_cache_stats early = stats_of(s);
        for (size_t step = 100; step < 10000; step++)
            ok(rkv_session_decode(s, ids[step * 13 % T]));
        assert_int_equal(stats_of(s).allocated_bytes, early.allocated_bytes);
        assert_int_equal(stats_of(s).peak_bytes, early.peak_bytes);
        assert_int_equal(stats_of(s).n_tokens, T + 10000);
        for (size_t v = 0; v < N_VOCAB; v++)
            assert_true(isfinite(rkv_session_logits(s)[v]));
        rkv_session_free(s);
    }
    omp_set_num_threads(threads);
}

/* ---- generating ---- */

static rkv_status count_tokens(void *user, int32_t id) {
    (void)id;
    return ++*(size_t *)user == 7 ? RKV_CANCELLED : RKV_OK;
}

static void test_generate(void **state) {
    (void)state;
    rkv_session *s = open_session((rkv_session_options){.method = "h2o", .budget = 16});
    rkv_generation g;
    ok(rkv_session_prefill(s, ids, 20));
    ok(rkv_session_generate(s, &(rkv_generate_options){.n_tokens = 12, .ignore_end = true}, &g));
    assert_int_equal(g.n, 12);
    assert_int_equal(stats_of(s).n_tokens, 20 + 11);
    /* greedy: the same ids again, one by one */
    rkv_session *t = open_session((rkv_session_options){.method = "h2o", .budget = 16});
    ok(rkv_session_prefill(t, ids, 20));
    for (size_t i = 0; i < g.n; i++) {
        const float *logits = rkv_session_logits(t);
        int32_t best = 0;
        for (size_t v = 1; v < N_VOCAB; v++)
            if (logits[v] > logits[best]) best = (int32_t)v;
        assert_int_equal(best, g.ids[i]);
        ok(rkv_session_decode(t, best));
    }
    rkv_free(g.ids);
    size_t count = 0;
    rkv_generate_options stop = {
        .n_tokens = SIZE_MAX, .ignore_end = true, .on_token = count_tokens, .user = &count};
    assert_int_equal(rkv_session_generate(t, &stop, &g), RKV_CANCELLED);
    assert_int_equal(count, 7);
    rkv_session_free(s);
    rkv_session_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_is_the_model),
        cmocka_unit_test(test_losses),
        cmocka_unit_test(test_foresight),
        cmocka_unit_test(test_a_large_budget_is_full),
        cmocka_unit_test(test_budgets_hold),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_prefill_all),
        cmocka_unit_test(test_order_of_stages),
        cmocka_unit_test(test_a_basis_outlives_selections),
        cmocka_unit_test(test_every_selection_after_a_representation),
        cmocka_unit_test(test_adaptive),
        cmocka_unit_test(test_cache_positions_differ_only_after_eviction),
        cmocka_unit_test(test_cache_positions_between_selections),
        cmocka_unit_test(test_settled_sessions_remember_nothing),
        cmocka_unit_test(test_long_runs_hold_their_memory),
        cmocka_unit_test(test_generate),
    };
    return cmocka_run_group_tests_name("session", tests, make_model, remove_model);
}
