/* test_session_budgets.c: how many entries a session holds, step by step, and which budgets it refuses. */
#include "support/tiny_session.h"

/* ---- lengths ---- */

typedef struct lengths {
    size_t before[T + 8], after[T + 8];
    size_t events;
} lengths;

static rkv_status note_lengths(void *user, const rkv_cache_event *event) {
    lengths *l = user;
    assert_int_equal(event->layer, l->events / G % L);
    assert_int_equal(event->head, l->events % G);
    assert_int_equal(event->step, l->events / (L * G));
    l->events++;
    if (event->layer > 0 || event->head > 0) return RKV_OK;
    l->before[event->step] = event->before;
    l->after[event->step] = event->after;
    for (size_t i = 1; i < event->before - event->after; i++)
        assert_true(event->evicted[i - 1] < event->evicted[i]);
    return RKV_OK;
}

static lengths lengths_of(const char *method, size_t budget, size_t prompt, size_t steps) {
    lengths l = {.events = 0};
    rkv_session *s = open_session(
        (rkv_session_options){.method = method, .budget = budget, .on_event = note_lengths, .user = &l});
    ok(rkv_session_prefill(s, ids, prompt));
    for (size_t i = 0; i < steps; i++)
        ok(rkv_session_decode(s, ids[i % T]));
    assert_int_equal(l.events, (steps + 1) * L * G);
    rkv_session_free(s);
    return l;
}

/* Sinks 4, capacity 14, a prompt of 7 tokens, 100 steps: the cache grows to 14 and stays. */
static void test_grows_to_its_capacity(void **state) {
    (void)state;
    lengths l = lengths_of("streaming-llm:n_sink=4", 14, 7, 100);
    for (size_t step = 0; step <= 100; step++)
        assert_int_equal(l.after[step], step + 7 < 14 ? step + 7 : 14);
}

/* Capacity 3 after a prompt of 7: from 7 to 3; then every token attends to 4 entries, its own among them. */
static void test_shrinks_to_its_capacity(void **state) {
    (void)state;
    lengths l = lengths_of("window", 3, 7, 20);
    assert_int_equal(l.before[0], 7);
    assert_int_equal(l.after[0], 3);
    for (size_t step = 1; step <= 20; step++) {
        assert_int_equal(l.before[step], 4);
        assert_int_equal(l.after[step], 3);
    }
}

static void test_hold_and_interval(void **state) {
    (void)state;
    rkv_session *s =
        open_session((rkv_session_options){.method = "window", .budget = 10, .hold = RKV_HOLD_PROMPT});
    ok(rkv_session_prefill(s, ids, T));
    decode(s, T, 7);
    assert_int_equal(head_of(s, 1, 1).n, 17);
    rkv_session_free(s);
    s = open_session((rkv_session_options){.method = "window", .budget = 10, .interval = 4});
    ok(rkv_session_prefill(s, ids, T));
    for (size_t step = 1; step <= 12; step++) {
        decode(s, T + step, 1);
        assert_int_equal(head_of(s, 0, 0).n, 10 + step % 4);
    }
    rkv_session_free(s);
}

/* ---- budgets ---- */

static rkv_budget *some_budgets(rkv_granularity granularity) {
    rkv_analysis *analysis;
    rkv_budget *budget;
    rkv_budget_options options = rkv_budget_options_default();
    options.granularity = granularity;
    options.ratio = 0.3;
    options.min = 10;
    options.policy = "random";
    ok(rkv_analyze(&analysis, model, ids, T, NULL));
    ok(rkv_budget_allocate(&budget, analysis, &options));
    rkv_analysis_free(analysis);
    return budget;
}

static void test_budget_files_hold_per_layer_and_head(void **state) {
    (void)state;
    for (int granularity = RKV_BY_LAYER; granularity <= RKV_BY_HEAD; granularity++) {
        rkv_budget *budget = some_budgets((rkv_granularity)granularity);
        for (size_t i = 0; rkv_method_at(i); i++) {
            const rkv_method *method = rkv_method_at(i);
            bool shares = strcmp(method->name, "ada-snapkv") == 0 || strcmp(method->name, "fastgen") == 0;
            if (method->kind != RKV_SELECTION || shares || strcmp(method->name, "full") == 0) continue;
            rkv_session *s =
                open_session((rkv_session_options){.method = small_spec(method), .budgets = budget});
            ok(rkv_session_prefill(s, ids, T));
            decode(s, T, 3);
            for (size_t u = 0; u < L * G; u++)
                assert_int_equal(head_of(s, u / G, u % G).n,
                                 budget->heads ? budget->heads[u] : budget->layers[u / G]);
            rkv_session_free(s);
        }
        rkv_budget_free(budget);
    }
}

/* However a uniform budget reaches pyramidkv, it spreads it: twice as many for the first layer as the last,
 * here, and every token after a ratio's prompt counts for all layers. */
static void test_a_pyramid_stands_under_any_budget(void **state) {
    (void)state;
    static const rkv_session_options cases[] = {
        {.method = "pyramidkv:window=4,beta=1.5", .budget = 30},
        {.method = "pyramidkv:window=4,beta=1.5", .ratio = 0.3},
        {.method = "pyramidkv:window=4,beta=1.5,budget=30"},
        {.method = "pyramidkv:window=4,beta=1.5,ratio=0.3"},
        {.adaptive = "0:full,50:pyramidkv:window=4,beta=1.5", .budget = 30},
        {.adaptive = "0:full,50:pyramidkv:window=4,beta=1.5,ratio=0.3"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool grows = i == 3 || i == 5;
        rkv_session *s = open_session(cases[i]);
        ok(rkv_session_prefill(s, ids, T));
        assert_int_equal(head_of(s, 0, 0).n, 40);
        assert_int_equal(head_of(s, 1, 1).n, 20);
        decode(s, T, 10);
        assert_int_equal(head_of(s, 0, 0).n, grows ? 43 : 40);
        assert_int_equal(head_of(s, 1, 1).n, grows ? 23 : 20);
        rkv_session_free(s);
    }
}

/* The budget of a head is that of the tightest selection in force, whoever gave it. */
static void test_budgets_are_told(void **state) {
    (void)state;
    static const struct {
        const char *spec;
        size_t budget, told;
    } cases[] = {{"window", 30, 30},
                 {"window:budget=40", 0, 40},
                 {"window:ratio=0.2", 0, 20},
                 {"window:budget=40+knorm:budget=25", 0, 25},
                 {"knorm:skip_layers=0-1", 30, SIZE_MAX},
                 {"full", 30, SIZE_MAX},
                 {"int8", 0, SIZE_MAX}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rkv_session *s =
            open_session((rkv_session_options){.method = cases[i].spec, .budget = cases[i].budget});
        ok(rkv_session_prefill(s, ids, T));
        assert_int_equal(head_of(s, 1, 1).budget, cases[i].told);
        rkv_session_free(s);
    }
}

static void refused(rkv_session_options options, rkv_status expected, const char *words) {
    rkv_session *s = NULL;
    rkv_status status = rkv_session_new(&s, model, &options);
    if (!status) status = rkv_session_prefill(s, ids, T);
    assert_int_equal(status, expected);
    if (!strstr(rkv_message(), words)) fail_msg("\"%s\" does not say \"%s\"", rkv_message(), words);
    rkv_session_free(s);
}

static void test_refusals(void **state) {
    (void)state;
    refused((rkv_session_options){.method = "snapkv", .budget = 63}, RKV_USAGE, "64");
    refused((rkv_session_options){.method = "snapkv", .ratio = 0.5}, RKV_USAGE, "budget 50");
    refused((rkv_session_options){.method = "snapkv:ratio=0.5"}, RKV_USAGE, "budget 50");
    refused((rkv_session_options){.method = "streaming-llm", .budget = 3}, RKV_USAGE, "4");
    refused((rkv_session_options){.method = "window", .ratio = 1.5}, RKV_USAGE, "1.5");
    refused((rkv_session_options){.method = "window", .ratio = -0.1}, RKV_USAGE, "-0.1");
    refused((rkv_session_options){.method = "window", .ratio = NAN}, RKV_USAGE, "nan");
    refused((rkv_session_options){.method = "window", .ratio = 0.5, .budget = 5}, RKV_USAGE, "one of");
    refused((rkv_session_options){.method = "window", .adaptive = "0:full"}, RKV_USAGE, "not both");
    refused((rkv_session_options){.method = "windox"}, RKV_USAGE, "windox");
    rkv_budget *budget = some_budgets(RKV_BY_HEAD);
    budget->model.sha256[3] ^= 1;
    refused((rkv_session_options){.method = "window", .budgets = budget}, RKV_DATA, "another model");
    budget->model.sha256[3] ^= 1;
    budget->model.n_kv_heads = 4;
    refused((rkv_session_options){.method = "window", .budgets = budget}, RKV_DATA, "4 KV heads");
    budget->model.n_kv_heads = G;
    budget->heads[3] = 0;
    refused((rkv_session_options){.method = "window", .budgets = budget}, RKV_USAGE, "layer 1, KV head 1");
    rkv_session *full = open_session((rkv_session_options){.budgets = budget}); /* has no budget */
    ok(rkv_session_prefill(full, ids, T));
    rkv_session_free(full);
    rkv_budget_free(budget);
}

/* A short prompt and no budget: what the method always keeps. */
static void test_the_standard_budget_is_enough(void **state) {
    (void)state;
    rkv_session *s = open_session((rkv_session_options){.method = "streaming-llm"});
    ok(rkv_session_prefill(s, ids, 2));
    assert_int_equal(head_of(s, 0, 0).budget, 4);
    rkv_session_free(s);
    s = open_session((rkv_session_options){.method = "streaming-llm"});
    ok(rkv_session_prefill(s, ids, T));
    assert_int_equal(head_of(s, 0, 0).budget, T / 2);
    rkv_session_free(s);
}

static void test_order_of_calls(void **state) {
    (void)state;
    rkv_session *s = open_session((rkv_session_options){0});
    double nll[2];
    float key[D];
    assert_null(rkv_session_logits(s));
    ok(rkv_session_read_head(s, 0, 0, key, key)); /* of no entries */
    assert_int_equal(rkv_session_decode(s, 5), RKV_USAGE);
    assert_int_equal(rkv_session_losses(s, ids, 2, nll), RKV_USAGE);
    assert_int_equal(rkv_session_foresee(s, ids, 1, key), RKV_USAGE); /* refused before it writes */
    assert_int_equal(rkv_session_prefill(s, ids, 0), RKV_USAGE);
    ok(rkv_session_prefill(s, ids, 1));
    assert_int_equal(rkv_session_prefill(s, ids, 1), RKV_USAGE);
    assert_int_equal(rkv_session_decode(s, -1), RKV_USAGE);
    assert_int_equal(rkv_session_decode(s, (int32_t)N_VOCAB), RKV_USAGE);
    assert_int_equal(rkv_session_losses(s, ids, 0, nll), RKV_USAGE);
    assert_int_equal(rkv_session_foresee(s, ids, 0, key), RKV_USAGE);
    assert_int_equal(rkv_session_foresee(s, (int32_t[]){3, -1}, 2, key), RKV_USAGE);
    decode(s, 1, 1);
    rkv_head_cache h;
    assert_int_equal(rkv_session_get_head(s, L, 0, &h), RKV_USAGE);
    assert_int_equal(rkv_session_get_head(s, 0, G, &h), RKV_USAGE);
    rkv_session_free(s);
    rkv_session_free(NULL);
    s = open_session((rkv_session_options){0});
    assert_int_equal(rkv_session_prefill_all((rkv_session *[]){s, s}, 2, ids, T), RKV_USAGE);
    ok(rkv_session_prefill(s, ids, T));
    rkv_session_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_to_its_capacity),
        cmocka_unit_test(test_shrinks_to_its_capacity),
        cmocka_unit_test(test_hold_and_interval),
        cmocka_unit_test(test_budget_files_hold_per_layer_and_head),
        cmocka_unit_test(test_a_pyramid_stands_under_any_budget),
        cmocka_unit_test(test_budgets_are_told),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_the_standard_budget_is_enough),
        cmocka_unit_test(test_order_of_calls),
    };
    return cmocka_run_group_tests_name("session budgets", tests, make_model, remove_model);
}
