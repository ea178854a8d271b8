/* session_pair.c: sessions on two models, held against each other. */
#include "support/session_pair.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PLAIN, OTHER, BOTH };
enum { MOST = 64 }; /* sessions at once */

static void ok(rkv_status status) {
    if (status != RKV_OK) fail_msg("%s", rkv_message());
}

static size_t n_vocab(const session_pair *p) {
    return rkv_model_get_info(p->plain)->n_vocab;
}

static const char *label_of(const rkv_session_options *options) {
    return options->adaptive ? options->adaptive : options->method;
}

/* Numbers of fewer bits anywhere in it. */
static double tolerance_of(const session_pair *p, const char *label) {
    static const char *const rounded[] = {"int8", "int4", "f16"}; /* bf16, too */
    for (size_t i = 0; i < sizeof rounded / sizeof *rounded; i++)
        if (strstr(label, rounded[i])) return p->coded;
    return p->tolerance;
}

static void assert_close(const char *label, const float *a, const float *b, size_t n, double tolerance) {
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tolerance))
            fail_msg("%s: number %zu is %.9g, not %.9g", label, i, (double)b[i], (double)a[i]);
}

/* ---- two sessions ---- */

static void open_both(const session_pair *p, rkv_session_options options, rkv_session *s[BOTH]) {
    options.verify = true;
    ok(rkv_session_new(&s[PLAIN], p->plain, &options));
    ok(rkv_session_new(&s[OTHER], p->other, &options));
}

static void free_both(rkv_session *s[BOTH]) {
    rkv_session_free(s[PLAIN]);
    rkv_session_free(s[OTHER]);
}

static void read_both(const session_pair *p, rkv_session *s[BOTH]) {
    for (int i = 0; i < BOTH; i++)
        ok(rkv_session_prefill(s[i], p->ids, SESSION_PAIR_PROMPT));
}

static void assert_same_head(const char *label, rkv_session *s[BOTH], size_t layer, size_t head) {
    rkv_head_cache h[BOTH];
    for (int i = 0; i < BOTH; i++)
        ok(rkv_session_get_head(s[i], layer, head, &h[i]));
    if (h[0].n != h[1].n || memcmp(h[0].positions, h[1].positions, h[0].n * sizeof *h[0].positions))
        fail_msg("%s: layer %zu, head %zu keeps %zu entries, not the same %zu", label, layer, head, h[1].n,
                 h[0].n);
    assert_string_equal(h[0].note, h[1].note);
}

static void assert_same(const session_pair *p, const char *label, rkv_session *s[BOTH]) {
    const rkv_model_info *m = rkv_model_get_info(p->plain);
    for (size_t l = 0; l < m->n_layers; l++)
        for (size_t g = 0; g < m->n_kv_heads; g++)
            assert_same_head(label, s, l, g);
    assert_close(label, rkv_session_logits(s[PLAIN]), rkv_session_logits(s[OTHER]), n_vocab(p),
                 tolerance_of(p, label));
}

static int32_t best(const float *logits, size_t n) {
    size_t at = 0;
    for (size_t i = 1; i < n; i++)
        if (logits[i] > logits[at]) at = i;
    return (int32_t)at;
}

/* The token after `n` new ones; both find the same one likeliest. It is not the one that is read: with a
 * token of the text once more, entries of the same norm would be told apart by their rounding. */
static void decode_both(const session_pair *p, const char *label, rkv_session *s[BOTH], size_t n) {
    int32_t id = best(rkv_session_logits(s[PLAIN]), n_vocab(p)),
            other = best(rkv_session_logits(s[OTHER]), n_vocab(p));
    if (id != other) fail_msg("%s: token %d, not %d", label, (int)other, (int)id);
    for (int i = 0; i < BOTH; i++)
        ok(rkv_session_decode(s[i], p->ids[SESSION_PAIR_PROMPT + n]));
}

/* Prompts are read together: a forward pass is what takes long where kernels run on the host. */
static void check_all(const session_pair *p, const rkv_session_options *each, size_t n) {
    rkv_session *s[MOST][BOTH], *all[MOST];
    assert_true(n <= MOST);
    for (size_t i = 0; i < n; i++)
        open_both(p, each[i], s[i]);
    for (int b = 0; b < BOTH; b++) {
        for (size_t i = 0; i < n; i++)
            all[i] = s[i][b];
        ok(rkv_session_prefill_all(all, n, p->ids, SESSION_PAIR_PROMPT));
    }
    for (size_t i = 0; i < n; i++) {
        assert_same(p, label_of(&each[i]), s[i]);
        for (size_t t = 0; t < SESSION_PAIR_NEW; t++) {
            decode_both(p, label_of(&each[i]), s[i], t);
            assert_same(p, label_of(&each[i]), s[i]);
        }
        free_both(s[i]);
    }
}

void session_pair_test_generating(void **state) {
    const session_pair *p = *state;
    rkv_session *s[BOTH];
    rkv_generation g[BOTH];
    open_both(p, (rkv_session_options){.method = "snapkv:window=8", .budget = 24}, s);
    read_both(p, s);
    for (int i = 0; i < BOTH; i++)
        ok(rkv_session_generate(
            s[i], &(rkv_generate_options){.n_tokens = SESSION_PAIR_NEW, .ignore_end = true}, &g[i]));
    assert_memory_equal(g[PLAIN].ids, g[OTHER].ids, SESSION_PAIR_NEW * sizeof *g->ids);
    for (int i = 0; i < BOTH; i++)
        rkv_free(g[i].ids);
    free_both(s);
}

/* ---- what sessions are asked to do ---- */

const char *session_pair_spec(const rkv_method *method, char *spec, size_t size) {
    bool window = false;
    for (const rkv_method_option *o = method->options; o->name; o++)
        window |= strcmp(o->name, "window") == 0;
    snprintf(spec, size, "%s%s", method->name, window ? ":window=8" : "");
    return spec;
}

void session_pair_test_methods(void **state) {
    const session_pair *p = *state;
    rkv_session_options each[MOST];
    char spec[MOST][64];
    for (rkv_positions positions = RKV_POSITIONS_ORIGINAL; positions <= RKV_POSITIONS_CACHE; positions++) {
        size_t n = 0;
        for (; rkv_method_at(n); n++) {
            assert_true(n < MOST);
            each[n] =
                (rkv_session_options){.method = session_pair_spec(rkv_method_at(n), spec[n], sizeof spec[n]),
                                      .budget = 24,
                                      .positions = positions};
        }
        check_all(p, each, n);
    }
}

void session_pair_test_options(void **state) {
    const session_pair *p = *state;
    static const rkv_session_options each[] = {
        {.method = "int8:key_axis=token,value_axis=token,group=8"},
        {.method = "int8:key_axis=channel,value_axis=channel,group=4"},
        {.method = "int4:key_axis=token,value_axis=token,group=8"},
        {.method = "int4:key_axis=channel,value_axis=channel,group=16"},
        {.method = "h2o+int8", .budget = 30},
        {.method = "int4+window", .budget = 30},
        {.method = "lowrank:rank=6+snapkv:window=8", .budget = 30},
        {.method = "lowrank+int8+window", .budget = 30},
        {.method = "snapkv:window=8+window:budget=20", .budget = 32},
        {.method = "window:budget=40+fastgen", .budget = 24},
        {.method = "knorm:budget=40+keydiff+int8", .budget = 24},
        {.method = "fix-size-l2:strategy=keep_high+expected-attention:budget=16,covariance=no", .budget = 32},
        {.method = "snapkv:window=8", .budget = 24, .hold = RKV_HOLD_PROMPT},
        {.method = "tova", .budget = 24, .interval = 3},
        {.method = "snapkv:window=8", .budget = 24, .group_score = RKV_GROUP_MAX},
        {.method = "window", .budget = 500},
        {.method = "full", .positions = RKV_POSITIONS_CACHE},
        {.method = "window+int8", .budget = 24, .positions = RKV_POSITIONS_CACHE},
        {.method = "snapkv:window=8", .budget = 24, .positions = RKV_POSITIONS_CACHE},
        {.method = "snapkv:window=8+keydiff:budget=20", .budget = 32, .positions = RKV_POSITIONS_CACHE},
        {.method = "window:budget=40+fastgen", .budget = 24, .positions = RKV_POSITIONS_CACHE},
        {.method = "lowrank:rank=6+streaming-llm", .budget = 24, .positions = RKV_POSITIONS_CACHE},
        {.adaptive = "0:full,52:snapkv:window=8,60:window+int8", .budget = 32},
        {.adaptive = "0:int8,56:lowrank:rank=6+tova", .budget = 32},
    };
    check_all(p, each, sizeof each / sizeof *each);
}

void session_pair_test_budgets(void **state) {
    const session_pair *p = *state;
    rkv_analysis *analysis;
    rkv_budget *budget;
    rkv_budget_options options = rkv_budget_options_default();
    options.granularity = RKV_BY_HEAD;
    options.ratio = 0.3;
    options.min = 10;
    options.policy = "random";
    ok(rkv_analyze(&analysis, p->plain, p->ids, SESSION_PAIR_PROMPT, NULL));
    ok(rkv_budget_allocate(&budget, analysis, &options));
    const rkv_session_options each[] = {{.method = "snapkv:window=8", .budgets = budget},
                                        {.method = "window+int4", .budgets = budget}};
    check_all(p, each, 2);
    rkv_analysis_free(analysis);
    rkv_budget_free(budget);
}

/* ---- what leaves the cache as it is ---- */

static void check_continuation(const session_pair *p, rkv_session_options options) {
    size_t n = SESSION_PAIR_NEW, cells = n * n_vocab(p);
    const int32_t *next = p->ids + SESSION_PAIR_PROMPT;
    float *logits[BOTH] = {malloc(cells * sizeof(float)), malloc(cells * sizeof(float))};
    double nll[BOTH][SESSION_PAIR_NEW], tolerance = tolerance_of(p, options.method);
    rkv_session *s[BOTH];
    open_both(p, options, s);
    read_both(p, s);
    for (int i = 0; i < BOTH; i++) {
        assert_non_null(logits[i]);
        ok(rkv_session_foresee(s[i], next, n, logits[i]));
        ok(rkv_session_losses(s[i], next, n, nll[i]));
    }
    assert_close(options.method, logits[PLAIN], logits[OTHER], cells, tolerance);
    for (size_t i = 0; i < n; i++)
        if (!(fabs(nll[PLAIN][i] - nll[OTHER][i]) <= 2 * tolerance))
            fail_msg("%s: loss %zu is %.9g, not %.9g", options.method, i, nll[OTHER][i], nll[PLAIN][i]);
    decode_both(p, options.method, s, 0);
    assert_same(p, options.method, s);
    free_both(s);
    free(logits[PLAIN]);
    free(logits[OTHER]);
}

void session_pair_test_continuations(void **state) {
    const session_pair *p = *state;
    check_continuation(p, (rkv_session_options){.method = "full"});
    check_continuation(p, (rkv_session_options){.method = "snapkv:window=8", .budget = 24});
    check_continuation(p, (rkv_session_options){.method = "lowrank:rank=8+h2o", .budget = 24});
    check_continuation(p, (rkv_session_options){.method = "window+int8", .budget = 24});
    check_continuation(
        p, (rkv_session_options){.method = "tova", .budget = 24, .positions = RKV_POSITIONS_CACHE});
}

void session_pair_test_reading(void **state) {
    const session_pair *p = *state;
    static const char *const methods[] = {"full", "f16", "int4", "lowrank:rank=8", "window+int8"};
    const rkv_model_info *m = rkv_model_get_info(p->plain);
    size_t cells = SESSION_PAIR_PROMPT * m->head_dim;
    float *x[2 * BOTH];
    for (size_t i = 0; i < 2 * BOTH; i++)
        assert_non_null(x[i] = malloc(cells * sizeof **x));
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        rkv_session *s[BOTH];
        rkv_head_cache head;
        open_both(p, (rkv_session_options){.method = methods[i], .budget = 24}, s);
        read_both(p, s);
        for (size_t b = 0; b < BOTH; b++)
            ok(rkv_session_read_head(s[b], m->n_layers - 1, 1, x[2 * b], x[2 * b + 1]));
        ok(rkv_session_get_head(s[PLAIN], m->n_layers - 1, 1, &head));
        for (size_t b = 0; b < BOTH; b++) /* keys, values */
            assert_close(methods[i], x[b], x[2 + b], head.n * m->head_dim, tolerance_of(p, methods[i]));
        free_both(s);
    }
    for (size_t i = 0; i < 2 * BOTH; i++)
        free(x[i]);
}

/* ---- what methods cost heads ---- */

void session_pair_test_oerr(void **state) {
    const session_pair *p = *state;
    static const char *const signals[] = {"oerr", "oerr_layer"};
    const rkv_model_info *m = rkv_model_get_info(p->plain);
    rkv_model *models[BOTH] = {p->plain, p->other};
    rkv_profile *profile[BOTH];
    size_t n = SESSION_PAIR_PROMPT;
    rkv_oerr_options options = {.method = "snapkv:window=8", .ratio = 0.25, .n_queries = 9};
    for (int i = 0; i < BOTH; i++) {
        ok(rkv_profile_new(&profile[i], rkv_model_get_info(models[i])));
        ok(rkv_profile_add_oerr(profile[i], models[i], &p->ids, &n, 1, &options));
    }
    for (size_t k = 0; k < 2; k++) {
        const double *a = rkv_profile_find(profile[PLAIN], signals[k])->values,
                     *b = rkv_profile_find(profile[OTHER], signals[k])->values;
        for (size_t i = 0; i < m->n_layers * m->n_kv_heads; i++)
            assert_true(a[i] > 0 && fabs(a[i] - b[i]) <= p->tolerance * a[i]);
    }
    rkv_profile_free(profile[PLAIN]);
    rkv_profile_free(profile[OTHER]);
}
