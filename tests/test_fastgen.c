/* test_fastgen.c: FastGen against full attention matrices in float64, and the kinds of tokens. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "compressors/token_kinds.h"
#include "model/model.h"
#include "support/default_model.h"
#include "support/plain_ops.h"
#include "support/sample_view.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

static const char *const names[] = {"special", "special punctuation", "special punctuation frequency",
                                    "special punctuation frequency locality", "full"};
enum { N_POLICIES = 5, LONGEST = 160 };

typedef struct settings {
    double T, r_f, r_l;
} settings;

/* ---- the oracle ---- */

static double received(const sample_view *s, size_t g, size_t i) {
    size_t group = s->view.n_heads / s->view.n_kv_heads, n = s->own[g].n;
    double sum = 0, most = 0;
    for (size_t h = 0; h < group; h++) {
        sum += (double)s->own[g].sums[h * n + i];
        most = fmax(most, (double)s->own[g].sums[h * n + i]);
    }
    return (float)(s->view.group_score == RKV_GROUP_MAX ? most : sum / (double)group);
}

static bool in_list(const uint32_t *list, size_t n, size_t index) {
    for (size_t i = 0; i < n; i++)
        if (list[i] == index) return true;
    return false;
}

/* Which entries each policy keeps, for the query that sees the first `seen` of them: keeps [5, n]. The window
 * belongs to that query; what is frequent belongs to the head. */
static void keep_sets(const sample_view *s, const settings *o, size_t g, size_t seen, bool *keeps) {
    const rkv_head_view *head = &s->own[g];
    size_t n = head->n, T = s->view.n_seen, n_best;
    double rest[LONGEST] = {0};
    uint32_t best[LONGEST];
    for (size_t i = 0; i < n; i++) {
        uint8_t kind = s->tokens[head->positions[i]];
        keeps[i] = kind == RKV_TOKEN_IS_SPECIAL;
        keeps[n + i] = keeps[i] || kind == RKV_TOKEN_IS_PUNCTUATION;
        rest[i] = keeps[n + i] ? -1 : received(s, g, i);
    }
    n_best = sample_best(rest, n, (size_t)ceil(o->r_f * (double)T - 1e-9), best);
    for (size_t i = 0; i < n; i++) {
        keeps[2 * n + i] = keeps[n + i] || (rest[i] >= 0 && in_list(best, n_best, i));
        size_t window = (size_t)ceil(o->r_l * (double)T - 1e-9);
        keeps[3 * n + i] = keeps[2 * n + i] || (i < seen && i + window >= seen);
        keeps[4 * n + i] = true;
    }
}

/* What each policy recovers of head g's attention: recovered [5]. */
static void recover(const sample_view *s, const settings *o, size_t g, double *recovered) {
    const rkv_head_view *head = &s->own[g];
    size_t n = head->n, T = s->view.n_seen, D = s->view.head_dim,
           group = s->view.n_heads / s->view.n_kv_heads;
    bool *keeps = calloc(N_POLICIES * n, sizeof *keeps);
    double p[LONGEST];
    float q[64];
    memset(recovered, 0, N_POLICIES * sizeof *recovered);
    for (size_t h = g * group; h < (g + 1) * group; h++)
        for (size_t t = 0; t < T; t++) {
            int32_t position = (int32_t)t;
            size_t seen = 0;
            while (seen < n && head->positions[seen] <= position)
                seen++;
            keep_sets(s, o, g, seen, keeps);
            memcpy(q, s->observed + (h * T + t) * D, D * sizeof *q);
            if (s->view.cache_positions && seen) rkv_rope_turn(&s->rope, (int64_t)seen - 1, q);
            plain_attention_rows(q, &position, 1, head->keys, head->positions, n, D, p);
            for (size_t k = 0; k < N_POLICIES; k++)
                for (size_t i = 0; i < n; i++)
                    if (keeps[k * n + i]) recovered[k] += p[i] / (double)(T * group);
        }
    /* Where the sums are not those of the attention (ties, places), they are what the method goes by. */
    keep_sets(s, o, g, n, keeps);
    for (size_t k = 0; k < 3; k++) {
        double sum = 0;
        for (size_t h = 0; h < group; h++)
            for (size_t i = 0; i < n; i++)
                if (keeps[k * n + i]) sum += (double)s->own[g].sums[h * n + i] / (double)(T * group);
        bool same = s->rope.frequency[0] > 0 && !s->view.cache_positions;
        if (same && fabs(sum - recovered[k]) > 1e-5) fail_msg("sums recover %g, rows %g", sum, recovered[k]);
        recovered[k] = sum;
    }
    free(keeps);
}

/* The first that recovers enough; N_POLICIES where one is too near the threshold to tell. */
static size_t choose(const double *recovered, double threshold) {
    size_t policy = 0;
    while (policy < N_POLICIES - 1 && recovered[policy] < threshold)
        policy++;
    for (size_t k = 0; k < N_POLICIES - 1 && threshold > 0; k++)
        if (fabs(recovered[k] - threshold) < 1e-5) return N_POLICIES;
    return policy;
}

/* The entries that stay, at most cap. */
static size_t expected(const sample_view *s, const settings *o, size_t g, size_t policy, size_t cap,
                       uint32_t *index) {
    size_t n = s->own[g].n, count = 0;
    bool *keeps = calloc(N_POLICIES * n, sizeof *keeps);
    double score[LONGEST];
    keep_sets(s, o, g, n, keeps);
    keeps[policy * n + n - 1] = true;
    for (size_t i = 0; i < n; i++) {
        count += keeps[policy * n + i];
        score[i] = keeps[policy * n + i] ? received(s, g, i) : -INFINITY;
    }
    score[n - 1] = INFINITY;
    free(keeps);
    return sample_best(score, n, count < cap ? count : cap, index);
}

/* ---- at the prompt ---- */

static const char *spec_of(const settings *o) {
    static char text[96];
    snprintf(text, sizeof text, "fastgen:T=%.17g,r_f=%.17g,r_l=%.17g", o->T, o->r_f, o->r_l);
    return text;
}

static size_t chosen[N_POLICIES];

static void check_prompt(const sample_view_options *options, const settings *o, size_t cap) {
    sample_view s;
    sample_view_make(&s, options);
    sample_view_select(&s, spec_of(o), cap);
    for (size_t g = 0; g < s.view.n_kv_heads; g++) {
        double recovered[N_POLICIES];
        uint32_t index[LONGEST];
        recover(&s, o, g, recovered);
        size_t policy = choose(recovered, o->T);
        if (policy == N_POLICIES) continue;
        size_t n = expected(&s, o, g, policy, cap, index);
        sample_view_expect(&s, spec_of(o), g, index, n);
        assert_int_equal(s.budget[g], n);
        if (g == 0) assert_string_equal(s.note, names[policy]);
        chosen[policy]++;
    }
    sample_view_clear(&s);
}

static const settings all_settings[] = {
    {0, 0.3, 0.3},    {0.131, 0.3, 0.3}, {0.31, 0.2, 0.2},  {0.52, 0.1, 0.5},  {0.653, 0.25, 0.1},
    {0.77, 0.3, 0.3}, {0.801, 0, 0.3},   {0.853, 0.3, 0.4}, {0.902, 0.4, 0.4}, {0.95, 0.8, 0.8},
    {0.95, 0.2, 0.2}, {0.99, 1, 0},      {1, 0.3, 0.3},     {1, 0, 0},
};
enum { N_SETTINGS = sizeof all_settings / sizeof *all_settings };

static void test_prompt(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, 9, 40, 130};
    memset(chosen, 0, sizeof chosen);
    for (size_t i = 0; i < N_SETTINGS; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
            for (int variant = 0; variant < 5; variant++)
                check_prompt(
                    &(sample_view_options){.seed = i * 100 + k * 10 + (size_t)variant,
                                           .n_heads = variant == 1 ? 6 : 4,
                                           .n_seen = lengths[k],
                                           .ragged = variant == 2,
                                           .ties = variant == 3,
                                           .cache_positions = variant == 4,
                                           .group_score = variant == 1 ? RKV_GROUP_MAX : RKV_GROUP_MEAN,
                                           .cpu = variant == 0},
                    &all_settings[i], variant == 2 ? 7 : SIZE_MAX);
    for (size_t p = 0; p < N_POLICIES; p++) /* every policy was tried, and often */
        if (chosen[p] < 10) fail_msg("\"%s\" was chosen %zu times", names[p], chosen[p]);
}

/* The attention from afar, where it is known, saves computing it anew: the choice is the same. At another
 * distance than the window's it is no use. */
static void test_far_sums(void **state) {
    (void)state;
    static const size_t lengths[] = {1, 2, 9, 40, 130};
    memset(chosen, 0, sizeof chosen);
    for (size_t i = 0; i < N_SETTINGS; i++)
        for (size_t k = 0; k < sizeof lengths / sizeof *lengths; k++)
            for (size_t other = 0; other < 2; other++) {
                size_t window = (size_t)ceil(all_settings[i].r_l * (double)lengths[k] - 1e-9);
                check_prompt(&(sample_view_options){.seed = i * 100 + k * 10 + other,
                                                    .n_heads = 6,
                                                    .n_seen = lengths[k],
                                                    .far_distance = window + other},
                             &all_settings[i], SIZE_MAX);
            }
    for (size_t p = 0; p < N_POLICIES; p++)
        if (chosen[p] < 5) fail_msg("\"%s\" was chosen %zu times", names[p], chosen[p]);
}

/* T = 0: the first policy, which keeps the newest entry alone where no token is special; T = 1: all of it. */
static void test_extremes(void **state) {
    (void)state;
    sample_view s;
    sample_view_make(&s, &(sample_view_options){.seed = 5, .n_seen = 70});
    memset(s.tokens, 0, 70);
    sample_view_select(&s, "fastgen:T=0", SIZE_MAX);
    sample_view_expect(&s, "fastgen:T=0", 0, (uint32_t[]){69}, 1);
    assert_string_equal(s.note, "special");
    sample_view_select(&s, "fastgen:T=1", SIZE_MAX);
    assert_int_equal(s.n_kept[0], 70);
    assert_string_equal(s.note, "full");
    sample_view_select(&s, "fastgen:T=0.001,r_f=0", SIZE_MAX); /* nothing special, no punctuation: 0 */
    assert_string_equal(s.note, "special punctuation frequency locality");
    sample_view_clear(&s);
}

/* ---- after it ---- */

/* Scores and budgets of a later text, with the policies of an earlier prompt. */
static void run_later(sample_view *later, const char *spec, float *policies, size_t cap) {
    rkv_pipeline pipeline;
    assert_int_equal(rkv_pipeline_parse(&pipeline, spec), RKV_OK);
    const rkv_stage *stage = &pipeline.stages[0];
    rkv_layer_view view = later->view;
    view.state = policies;
    for (size_t g = 0; g < view.n_kv_heads; g++) {
        later->own[g].keys = later->own[g].values = NULL; /* freed by the caller: it does not need them */
        later->budget[g] = cap;
    }
    assert_int_equal(stage->method->ops->score(&stage->values, &view, later->score), RKV_OK);
    assert_int_equal(stage->method->ops->share(&stage->values, &view, later->score, later->budget), RKV_OK);
    for (size_t g = 0; g < view.n_kv_heads; g++)
        later->n_kept[g] =
            rkv_select_best(later->score[g], later->own[g].n, later->budget[g], later->kept[g]);
}

static void check_later(size_t seed, const settings *o, size_t cap) {
    sample_view prompt, later;
    float policies[2];
    size_t policy[2];
    sample_view_make(&prompt, &(sample_view_options){.seed = seed, .n_seen = 50});
    sample_view_select(&prompt, spec_of(o), SIZE_MAX);
    for (size_t g = 0; g < 2; g++) {
        double recovered[N_POLICIES];
        recover(&prompt, o, g, recovered);
        policy[g] = choose(recovered, o->T);
        policies[g] = prompt.state[g];
    }
    sample_view_make(&later,
                     &(sample_view_options){.seed = seed + 1, .n_seen = 61, .n_prompt = 50, .ragged = true});
    const float *owned[] = {later.own[0].keys, later.own[1].keys, later.own[0].values, later.own[1].values};
    run_later(&later, spec_of(o), policies, cap);
    for (size_t g = 0; g < 2; g++) {
        uint32_t index[LONGEST];
        if (policy[g] == N_POLICIES) continue;
        size_t n = expected(&later, o, g, policy[g], cap, index);
        sample_view_expect(&later, spec_of(o), g, index, n);
        assert_true(policies[g] == prompt.state[g]);
    }
    for (size_t i = 0; i < 4; i++)
        free((void *)owned[i]);
    sample_view_clear(&later);
    sample_view_clear(&prompt);
}

static void test_later_steps(void **state) {
    (void)state;
    for (size_t i = 0; i < N_SETTINGS; i++)
        for (size_t seed = 0; seed < 3; seed++)
            check_later(seed, &all_settings[i], seed == 2 ? 5 : SIZE_MAX);
}

/* A prompt within its cap chose nothing: later the most attended entries stay, whatever they are. */
static void test_cap_reached_later(void **state) {
    (void)state;
    const settings o = {0, 0.3, 0.3};
    sample_view s;
    float policies[2] = {0};
    uint32_t index[LONGEST];
    sample_view_make(&s, &(sample_view_options){.seed = 9, .n_seen = 40, .n_prompt = 20});
    const float *owned[] = {s.own[0].keys, s.own[1].keys, s.own[0].values, s.own[1].values};
    run_later(&s, spec_of(&o), policies, 30);
    for (size_t g = 0; g < 2; g++)
        sample_view_expect(&s, "fastgen", g, index, expected(&s, &o, g, 4, 30, index));
    for (size_t i = 0; i < 4; i++)
        free((void *)owned[i]);
    sample_view_clear(&s);
}

/* ---- kinds of tokens ---- */

static void test_punctuation(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        {"", true},
        {" ", true},
        {"\n\n", true},
        {"...", true},
        {" -", true},
        {"_", true},
        {"~\t", true},
        {"a.", false},
        {"1", false},
        {".a", false},
        {"\xe2\x80\x94", true} /* em dash */,
        {" \xe2\x80\x9c", true} /* curly quote */,
        {"\xe2\x80", false},
        {"\xc3\xa9", false} /* e acute */,
        {"\xe3\x80\x82", true} /* ideographic stop */,
        {"\x7f", false},
        {"\x1f", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (rkv_text_is_punctuation(cases[i].text, strlen(cases[i].text)) != cases[i].is)
            fail_msg("case %zu: \"%s\"", i, cases[i].text);
    assert_false(rkv_text_is_punctuation("\0.", 2));
}

static void check_bytes(const rkv_model *model, const uint8_t *kinds) {
    for (int32_t byte = 0; byte < 256; byte++) {
        size_t length;
        const char *text = rkv_token_bytes(model, TINY_MODEL_FIRST_BYTE + byte, &length);
        assert_int_equal(length, 1);
        bool is = strchr(" \t\n\r\v\f!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", *text) && *text;
        assert_int_equal(kinds[TINY_MODEL_FIRST_BYTE + byte], is ? RKV_TOKEN_IS_PUNCTUATION : 0);
    }
}

static void test_kinds(void **state) {
    (void)state;
    rkv_model *model = NULL;
    uint8_t *kinds = NULL;
    temporary_make();
    assert_int_equal(tiny_model_write(temporary_path("tiny.gguf"), NULL), RKV_OK);
    assert_int_equal(
        rkv_model_open(&model, temporary_path("tiny.gguf"), &(rkv_model_options){.device = "cpu"}), RKV_OK);
    assert_int_equal(rkv_token_kinds_new(&kinds, model), RKV_OK);
    for (int i = 0; i < TINY_MODEL_FIRST_BYTE; i++)
        assert_int_equal(kinds[i], RKV_TOKEN_IS_SPECIAL);
    check_bytes(model, kinds);
    free(kinds);
    rkv_model_close(model);
    temporary_remove();
}

static void test_kinds_of_default_model(void **state) {
    (void)state;
    const char text[] = "<|im_start|>user\nHello, world. \xe2\x80\x9cYes!\xe2\x80\x9d<|im_end|>";
    rkv_model *model = NULL;
    uint8_t *kinds = NULL;
    int32_t *ids = NULL;
    size_t n, n_special = 0, n_punctuation = 0;
    const rkv_model_options options = {.vocabulary_only = true};
    assert_int_equal(rkv_model_open(&model, default_model_or_skip(), &options), RKV_OK);
    assert_int_equal(rkv_token_kinds_new(&kinds, model), RKV_OK);
    assert_int_equal(
        rkv_tokenize(model, text, sizeof text - 1, &(rkv_tokenize_options){.parse_special = true}, &ids, &n),
        RKV_OK);
    for (size_t i = 0; i < n; i++) {
        n_special += kinds[ids[i]] == RKV_TOKEN_IS_SPECIAL;
        n_punctuation += kinds[ids[i]] == RKV_TOKEN_IS_PUNCTUATION;
    }
    assert_int_equal(n_special, 2);
    assert_in_range(n_punctuation, 5, 8); /* newline , . " ! and how quotes are cut */
    rkv_free(ids);
    free(kinds);
    rkv_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prompt),
        cmocka_unit_test(test_far_sums),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_later_steps),
        cmocka_unit_test(test_cap_reached_later),
        cmocka_unit_test(test_punctuation),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_kinds_of_default_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
