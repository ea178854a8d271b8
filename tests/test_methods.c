/* test_methods.c: what every method of the table owes: new rows are tested at once. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compressors/method.h"
#include "support/sample_view.h"

#define EACH_METHOD(method)    for (size_t m_ = 0; (method = rkv_method_at(m_)); m_++)
#define EACH_OPTION(row, rows) for (const rkv_method_option *row = (rows); row->name; row++)

/* ---- rows ---- */

static bool is_plain(const char *name, const char *others) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (const char *at = name; *at; at++)
        if (!strchr(letters, *at) && !strchr(others, *at)) return false;
    return *name && *name != '-' && *name != '_' && !(*name >= '0' && *name <= '9');
}

static void test_what_is_always_kept(void **state) {
    (void)state;
    const struct {
        const char *spec;
        size_t least;
    } cases[] = {
        {"snapkv", 64}, {"snapkv:window=8+int8", 8}, {"int4+streaming-llm:n_sink=6", 6}, {"knorm", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t least;
        assert_int_equal(rkv_method_least(cases[i].spec, &least), RKV_OK);
        if (least != cases[i].least) fail_msg("%s keeps %zu", cases[i].spec, least);
    }
    size_t none = 1;
    assert_int_equal(rkv_method_least("nothing", &none), RKV_USAGE);
    assert_int_equal(none, 0);
}

static void test_names(void **state) {
    (void)state;
    const rkv_method *method;
    size_t n = 0;
    EACH_METHOD(method) {
        n++;
        if (!is_plain(method->name, "-")) fail_msg("\"%s\" is no plain name", method->name);
        assert_ptr_equal(rkv_method_find(method->name), method);
        if (rkv_method_check(method->name)) fail_msg("%s", rkv_message());
    }
    assert_true(n > 0);
    assert_null(rkv_method_find("nothing"));
    assert_null(rkv_method_find(""));
}

static void test_rows_are_complete(void **state) {
    (void)state;
    const rkv_method *method;
    EACH_METHOD(method) {
        const char *texts[] = {method->summary, method->formula, method->source};
        for (size_t i = 0; i < 3; i++)
            if (!texts[i] || !*texts[i]) fail_msg("%s lacks a text", method->name);
        assert_non_null(method->options);
        assert_non_null(method->ops);
        const struct rkv_method_ops *ops = method->ops;
        bool selects = ops->score, represents = ops->format || ops->fit;
        if (selects != (method->kind == RKV_SELECTION) || selects == represents)
            fail_msg("%s is neither a selection nor a representation", method->name);
        assert_false(!ops->state_size && ops->observe);
    }
}

/* ---- options ---- */

static size_t n_choices(const rkv_method_option *row) {
    size_t n = 1;
    for (const char *at = row->choices; *at; at++)
        n += *at == '|';
    return n;
}

static const rkv_method_option *find(const rkv_method_option *rows, const char *name) {
    EACH_OPTION(row, rows)
    if (strcmp(row->name, name) == 0) return row;
    return NULL;
}

/* The kind of row's own, and its default within its limits. */
static void check_option(const rkv_method *method, const rkv_method_option *row) {
    bool number = row->kind == RKV_OPTION_SIZE || row->kind == RKV_OPTION_REAL;
    if (!is_plain(row->name, "_T")) /* FastGen's threshold is T everywhere */
        fail_msg("%s: \"%s\" is no plain name", method->name, row->name);
    if (!row->summary || !*row->summary) fail_msg("%s: %s has no summary", method->name, row->name);
    if (number && !(row->least <= row->standard && row->standard <= row->most && isfinite(row->most)))
        fail_msg("%s: default of %s is not within its limits", method->name, row->name);
    if (row->kind == RKV_OPTION_SIZE && row->standard != floor(row->standard))
        fail_msg("%s: default of %s is not whole", method->name, row->name);
    if ((row->kind == RKV_OPTION_NAME || row->kind == RKV_OPTION_ALIAS) != (row->choices != NULL))
        fail_msg("%s: choices of %s do not fit its kind", method->name, row->name);
    if (row->kind == RKV_OPTION_NAME && !(row->standard >= 0 && row->standard < (double)n_choices(row)))
        fail_msg("%s: default of %s is none of its choices", method->name, row->name);
    if (row->kind == RKV_OPTION_ALIAS && !find(method->options, row->choices) &&
        !find(rkv_method_common_options(), row->choices))
        fail_msg("%s: %s is another name of nothing", method->name, row->name);
}

static void test_options(void **state) {
    (void)state;
    const rkv_method *method;
    EACH_METHOD(method) {
        size_t n = 0, n_layers = 0;
        EACH_OPTION(row, method->options) {
            check_option(method, row);
            n++;
            n_layers += row->kind == RKV_OPTION_LAYERS;
            assert_ptr_equal(find(method->options, row->name), row);
            assert_null(find(rkv_method_common_options(), row->name));
        }
        assert_true(n <= RKV_METHOD_OPTIONS && n_layers <= 1);
    }
}

/* "NAME:OPTION=VALUE" with the default written out; "" for what has none. */
static void write_default(const rkv_method *method, const rkv_method_option *row, char *spec, size_t size) {
    char value[64] = "";
    if (row->kind == RKV_OPTION_SIZE || row->kind == RKV_OPTION_REAL)
        snprintf(value, sizeof value, row->kind == RKV_OPTION_SIZE ? "%.0f" : "%.17g", row->standard);
    if (row->kind == RKV_OPTION_NAME) {
        const char *choice = row->choices;
        for (size_t i = 0; i < (size_t)row->standard; i++)
            choice = strchr(choice, '|') + 1;
        snprintf(value, sizeof value, "%.*s", (int)strcspn(choice, "|"), choice);
    }
    snprintf(spec, size, "%s:%s=%s", method->name, row->name, value);
}

/* Each option written out at its default gives the same values as leaving it out, and one step past its
 * limits is refused. */
static void test_defaults_parse(void **state) {
    (void)state;
    const rkv_method *method;
    rkv_pipeline plain, written;
    char spec[256];
    EACH_METHOD(method) {
        assert_int_equal(rkv_pipeline_parse(&plain, method->name), RKV_OK);
        EACH_OPTION(row, method->options) {
            if (row->kind == RKV_OPTION_ALIAS) continue;
            write_default(method, row, spec, sizeof spec);
            if (rkv_pipeline_parse(&written, spec)) fail_msg("%s: %s", spec, rkv_message());
            assert_memory_equal(&plain.stages[0].values, &written.stages[0].values,
                                sizeof plain.stages[0].values);
            if (row->kind != RKV_OPTION_SIZE && row->kind != RKV_OPTION_REAL) continue;
            snprintf(spec, sizeof spec, "%s:%s=%.17g", method->name, row->name, row->most * 2 + 1);
            assert_int_equal(rkv_method_check(spec), RKV_USAGE);
            assert_non_null(strstr(rkv_message(), method->name));
            assert_non_null(strstr(rkv_message(), row->name));
        }
    }
}

static void test_common_options(void **state) {
    (void)state;
    const rkv_method *method;
    char spec[256];
    EACH_METHOD(method) {
        size_t least = method->ops->least ? 1000 : 1;
        bool takes = method->kind == RKV_SELECTION && !method->ops->keeps_all;
        snprintf(spec, sizeof spec, "%s:budget=%zu", method->name, least);
        assert_int_equal(rkv_method_check(spec), takes ? RKV_OK : RKV_USAGE);
        snprintf(spec, sizeof spec, "%s:ratio=0.5", method->name);
        assert_int_equal(rkv_method_check(spec), takes ? RKV_OK : RKV_USAGE);
    }
}

/* ---- what selections do ---- */

static const sample_view_options shapes[] = {
    {.seed = 1},
    {.seed = 2, .n_seen = 1},
    {.seed = 3, .n_seen = 60, .n_prompt = 50},
    {.seed = 4, .n_seen = 60, .n_prompt = 50, .ragged = true, .index = 3},
    {.seed = 5, .n_seen = 60, .ties = true, .group_score = RKV_GROUP_MAX},
    {.seed = 6, .n_seen = 70, .n_prompt = 69, .cache_positions = true, .n_heads = 6, .n_kv_heads = 1},
    {.seed = 7, .n_seen = 30, .n_heads = 3, .n_kv_heads = 3, .head_dim = 2},
};
enum { N_SHAPES = sizeof shapes / sizeof *shapes };

static size_t least(const rkv_method *method) {
    rkv_pipeline pipeline;
    assert_int_equal(rkv_pipeline_parse(&pipeline, method->name), RKV_OK);
    return method->ops->least ? method->ops->least(&pipeline.stages[0].values) : 0;
}

/* Entries that the layer keeps. */
static size_t total(const sample_view *s) {
    size_t sum = 0;
    for (size_t g = 0; g < s->view.n_kv_heads; g++)
        sum += s->n_kept[g];
    return sum;
}

static void check_selection(const rkv_method *method, sample_view *s, size_t budget) {
    uint32_t first[64][128];
    size_t n_first[64], all = 0, held = 0;
    sample_view_select(s, method->name, budget);
    for (size_t g = 0; g < s->view.n_kv_heads; g++) {
        size_t n = s->own[g].n;
        for (size_t i = 0; i < n; i++)
            if (isnan(s->score[g][i])) fail_msg("%s: entry %zu of head %zu has no score", method->name, i, g);
        if (s->n_kept[g] < (least(method) < n ? least(method) : n))
            fail_msg("%s: head %zu keeps %zu", method->name, g, s->n_kept[g]);
        memcpy(first[g], s->kept[g], s->n_kept[g] * sizeof **first);
        n_first[g] = s->n_kept[g];
        all += n;
        held += budget < n ? budget : n;
    }
    if (method->ops->keeps_all) held = all;
    size_t most = method->ops->share && !method->ops->finds_length ? budget * s->view.n_kv_heads : held;
    if (total(s) > most || (!method->ops->share && total(s) < most))
        fail_msg("%s: keeps %zu entries of %zu, not %zu", method->name, total(s), all, most);
    sample_view_select(s, method->name, budget);
    for (size_t g = 0; g < s->view.n_kv_heads; g++)
        sample_view_expect(s, method->name, g, first[g], n_first[g]);
}

/* With everything that a method can ask for: fills every score, keeps no more than the budgets and no less
 * than it must, and does the same when it is asked again. */
static void test_selections(void **state) {
    (void)state;
    const rkv_method *method;
    EACH_METHOD(method) {
        if (method->kind != RKV_SELECTION) continue;
        for (size_t i = 0; i < N_SHAPES; i++) {
            sample_view s;
            sample_view_make(&s, &shapes[i]);
            const size_t budgets[] = {least(method), least(method) + 3, s.view.n_seen, 2 * s.view.n_seen};
            for (size_t b = 0; b < sizeof budgets / sizeof *budgets; b++)
                if (budgets[b]) check_selection(method, &s, budgets[b]);
            sample_view_clear(&s);
        }
    }
}

/* With a budget for all of it, everything stays: a method can then not be told from full. Those that find the
 * length themselves are others. */
static void test_large_budgets_keep_everything(void **state) {
    (void)state;
    const rkv_method *method;
    EACH_METHOD(method) {
        if (method->kind != RKV_SELECTION || method->ops->finds_length) continue;
        for (size_t i = 0; i < N_SHAPES; i++) {
            sample_view s;
            sample_view_make(&s, &shapes[i]);
            size_t budget = s.view.n_seen > least(method) ? s.view.n_seen : least(method);
            sample_view_select(&s, method->name, budget);
            for (size_t g = 0; g < s.view.n_kv_heads; g++)
                if (s.n_kept[g] != s.own[g].n)
                    fail_msg("%s, shape %zu: head %zu keeps %zu of %zu", method->name, i, g, s.n_kept[g],
                             s.own[g].n);
            sample_view_clear(&s);
        }
    }
}

/* A plan spreads a uniform budget over layers and keeps its sum. */
static void test_plans_keep_the_sum(void **state) {
    (void)state;
    const rkv_method *method;
    EACH_METHOD(method) {
        if (!method->ops->plan) continue;
        rkv_pipeline pipeline;
        assert_int_equal(rkv_pipeline_parse(&pipeline, method->name), RKV_OK);
        for (size_t L = 1; L <= 32; L++)
            for (size_t budget = least(method); budget < 4 * least(method) + 200; budget += 37) {
                size_t budgets[32], sum = 0;
                for (size_t l = 0; l < L; l++)
                    budgets[l] = budget;
                rkv_status status = method->ops->plan(&pipeline.stages[0].values, 1000, L, budgets);
                if (status) fail_msg("%s, budget %zu: %s", method->name, budget, rkv_message());
                for (size_t l = 0; l < L; l++)
                    sum += budgets[l];
                if (sum != L * budget)
                    fail_msg("%s: %zu layers of %zu become %zu", method->name, L, budget, sum);
            }
    }
}

/* ---- what representations do ---- */

static void test_representations(void **state) {
    (void)state;
    const rkv_method *method;
    EACH_METHOD(method) {
        if (!method->ops->format) continue;
        rkv_pipeline pipeline;
        assert_int_equal(rkv_pipeline_parse(&pipeline, method->name), RKV_OK);
        rkv_row_format keys = {0}, values = {0};
        method->ops->format(&pipeline.stages[0].values, &keys, &values);
        assert_true(keys.form < RKV_ROW_FORM_COUNT && values.form < RKV_ROW_FORM_COUNT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_is_always_kept),
        cmocka_unit_test(test_rows_are_complete),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_defaults_parse),
        cmocka_unit_test(test_common_options),
        cmocka_unit_test(test_selections),
        cmocka_unit_test(test_large_budgets_keep_everything),
        cmocka_unit_test(test_plans_keep_the_sum),
        cmocka_unit_test(test_representations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
