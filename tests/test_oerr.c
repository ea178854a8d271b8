/* test_oerr.c: the output error of methods against plain loops on the tiny model, and what is refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "model/forward.h"
#include "support/temporary.h"
#include "support/tiny_model.h"

enum { T = 60, L = 2, H = 4, G = 2, D = 16, E = 64, GROUP = H / G };

static int32_t ids[2][T];
static const size_t lengths[2] = {T, T};

static int make(void **state) {
    (void)state;
    temporary_make();
    for (size_t i = 0; i < T; i++) {
        ids[0][i] = (int32_t)(TINY_MODEL_FIRST_BYTE + i * i * 7 % 250);
        ids[1][i] = (int32_t)(TINY_MODEL_FIRST_BYTE + i * i * 3 % 101);
    }
    return 0;
}

static int drop(void **state) {
    (void)state;
    temporary_remove();
    return 0;
}

static rkv_model *open_model(const char *type, rkv_weights weights) {
    const char *path = temporary_path("tiny.gguf");
    const rkv_model_options options = {.weights = weights};
    rkv_model *model;
    if (tiny_model_write(path, &(tiny_model_options){.type = type}) || rkv_model_open(&model, path, &options))
        fail_msg("%s", rkv_message());
    return model;
}

/* Of the texts [first, first + n). */
static rkv_profile *oerr_of(rkv_model *model, const rkv_oerr_options *options, size_t first, size_t n) {
    const int32_t *const texts[] = {ids[first], ids[(first + 1) % 2]};
    rkv_profile *profile;
    assert_int_equal(rkv_profile_new(&profile, rkv_model_get_info(model)), RKV_OK);
    if (rkv_profile_add_oerr(profile, model, texts, lengths, n, options)) fail_msg("%s", rkv_message());
    return profile;
}

static const double *values_of(const rkv_profile *profile, const char *name) {
    const rkv_signal *signal = rkv_profile_find(profile, name);
    assert_true(signal && signal->per_kv_head);
    return signal->values;
}

/* ---- the plain loops ---- */

/* One pass over the whole text with full attention; of the last m queries what a cut cache would change. */
typedef struct oracle {
    rkv_model *model;
    rkv_session *session; /* the first T - m tokens under the method */
    size_t m;
    double heads[L][G], layers[L];
} oracle;

/* out [D] of a query over keys and values [n, D] and then [own, D]. */
static void attend(const float *q, const float *keys, const float *values, size_t n, const float *own_keys,
                   const float *own_values, size_t own, double *out) {
    double weight[T], largest = -INFINITY, sum = 0;
    for (size_t j = 0; j < n + own; j++) {
        const float *key = j < n ? keys + j * D : own_keys + (j - n) * D;
        weight[j] = 0;
        for (size_t i = 0; i < D; i++)
            weight[j] += (double)q[i] * key[i] / sqrt(D);
        largest = fmax(largest, weight[j]);
    }
    for (size_t j = 0; j < n + own; j++)
        sum += weight[j] = exp(weight[j] - largest);
    for (size_t i = 0; i < D; i++) {
        out[i] = 0;
        for (size_t j = 0; j < n + own; j++)
            out[i] += weight[j] / sum * (j < n ? values[j * D + i] : own_values[(j - n) * D + i]);
    }
}

/* |lost [H D] times the output projection| / |residual [E]|. */
static double project(const oracle *o, size_t layer, const double *lost, const float *residual) {
    double above = 0, below = 0;
    for (size_t e = 0; e < E; e++) {
        float row[H * D];
        double y = 0;
        assert_int_equal(
            rkv_tensor_load_row(o->model->backend, o->model->tensors.layers[layer].attention_out, e, row),
            RKV_OK);
        for (size_t i = 0; i < H * D; i++)
            y += row[i] * lost[i];
        above += y * y;
        below += (double)residual[e] * residual[e];
    }
    return sqrt(above / below);
}

/* What query t's heads lose: [H D]. */
static void find_lost(const oracle *o, const rkv_projection *p, size_t t, double *lost) {
    size_t prefix = T - o->m;
    for (size_t h = 0; h < H; h++) {
        const float *q = p->q + (h * T + t) * D, *k = p->k + h / GROUP * T * D, *v = p->v + h / GROUP * T * D;
        rkv_head_cache cache;
        float keys[T * D], values[T * D];
        double full[D];
        assert_int_equal(rkv_session_get_head(o->session, p->layer, h / GROUP, &cache), RKV_OK);
        assert_int_equal(rkv_session_read_head(o->session, p->layer, h / GROUP, keys, values), RKV_OK);
        attend(q, k, v, t + 1, NULL, NULL, 0, full);
        attend(q, keys, values, cache.n, k + prefix * D, v + prefix * D, t + 1 - prefix, lost + h * D);
        for (size_t i = 0; i < D; i++)
            lost[h * D + i] -= full[i];
    }
}

static rkv_status watch(void *user, const rkv_projection *p, float *out) {
    oracle *o = user;
    for (size_t t = T - o->m; t < T; t++) {
        double lost[H * D];
        find_lost(o, p, t, lost);
        for (size_t g = 0; g < G; g++) {
            double alone[H * D] = {0};
            memcpy(alone + g * GROUP * D, lost + g * GROUP * D, GROUP * D * sizeof *lost);
            o->heads[p->layer][g] += project(o, p->layer, alone, p->residual + t * E) / (double)o->m;
        }
        o->layers[p->layer] += project(o, p->layer, lost, p->residual + t * E) / (double)o->m;
    }
    for (size_t t = 0; t < T; t++)
        for (size_t h = 0; h < H; h++) {
            double row[D];
            attend(p->q + (h * T + t) * D, p->k + h / GROUP * T * D, p->v + h / GROUP * T * D, t + 1, NULL,
                   NULL, 0, row);
            for (size_t i = 0; i < D; i++)
                out[(t * H + h) * D + i] = (float)row[i];
        }
    return RKV_OK;
}

static void run_oracle(oracle *o, const rkv_oerr_options *options, const int32_t *text) {
    const rkv_session_options how = {.method = options->method, .ratio = options->ratio};
    const rkv_pass pass = {.ids = text, .n = T, .attend = watch, .user = o};
    rkv_forward *forward;
    assert_int_equal(rkv_session_new(&o->session, o->model, &how), RKV_OK);
    assert_int_equal(rkv_session_prefill(o->session, text, T - o->m), RKV_OK);
    assert_int_equal(rkv_forward_new(&forward, o->model, T), RKV_OK);
    assert_int_equal(rkv_forward_run(forward, &pass, NULL), RKV_OK);
    rkv_forward_free(forward);
    rkv_session_free(o->session);
}

/* Norms of float32 sums of some 60 products, through two layers: measured below 3e-6. */
#define TOLERANCE 3e-5

static void assert_near(const char *what, double a, double b) {
    if (!(fabs(a - b) <= TOLERANCE * (1 + b))) fail_msg("%s: %.9g, not %.9g", what, a, b);
}

static void compare(rkv_model *model, const char *method, size_t m) {
    const rkv_oerr_options options = {.method = method, .ratio = 0.3, .n_queries = m};
    oracle o = {.model = model, .m = m};
    rkv_profile *profile = oerr_of(model, &options, 0, 1);
    run_oracle(&o, &options, ids[0]);
    for (size_t i = 0; i < L * G; i++) {
        assert_true(o.heads[i / G][i % G] > 1e-3); /* there is something to be seen */
        assert_near(method, values_of(profile, "oerr")[i], o.heads[i / G][i % G]);
        assert_near(method, values_of(profile, "oerr_layer")[i], o.layers[i / G]);
    }
    rkv_profile_free(profile);
}

static void test_against_plain_loops(void **state) {
    (void)state;
    static const char *const methods[] = {"window", "streaming-llm", "snapkv:window=4",
                                          "h2o",    "keydiff",       "ada-snapkv:window=4"};
    rkv_model *model = open_model(NULL, RKV_WEIGHTS_RESIDENT);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        compare(model, methods[i], 20);
    rkv_model_close(model);
}

/* Few queries read quantized weights as they lie in the file; streamed weights share one scratch layer. */
static void test_however_weights_are_read(void **state) {
    (void)state;
    for (int streamed = 0; streamed < 2; streamed++)
        for (size_t m = 1; m <= 20; m += 19) {
            rkv_model *model = open_model("Q8_0", streamed ? RKV_WEIGHTS_STREAMED : RKV_WEIGHTS_RESIDENT);
            compare(model, "window", m);
            rkv_model_close(model);
        }
}

/* ---- what must hold ---- */

static void test_nothing_is_lost_to_the_full_cache(void **state) {
    (void)state;
    rkv_model *model = open_model(NULL, RKV_WEIGHTS_AUTO);
    const rkv_oerr_options options = {.method = "full"};
    rkv_profile *profile = oerr_of(model, &options, 0, 2);
    for (size_t i = 0; i < L * G; i++)
        assert_true(values_of(profile, "oerr")[i] == 0 && values_of(profile, "oerr_layer")[i] == 0);
    assert_string_equal(rkv_profile_find(profile, "oerr")->origin, "full at 0.1, 2 texts");
    rkv_profile_free(profile);
    rkv_model_close(model);
}

static void test_texts_are_averaged_and_defaults_are_said(void **state) {
    (void)state;
    rkv_model *model = open_model(NULL, RKV_WEIGHTS_AUTO);
    const rkv_oerr_options defaults = {.method = "window"};
    const rkv_oerr_options said = {.method = "window", .ratio = 0.1, .n_queries = T / 2};
    rkv_profile *both = oerr_of(model, &defaults, 0, 2), *first = oerr_of(model, &said, 0, 1),
                *second = oerr_of(model, &said, 1, 1);
    for (size_t i = 0; i < L * G; i++) {
        double a = values_of(first, "oerr")[i], b = values_of(second, "oerr")[i];
        assert_true(fabs(values_of(both, "oerr")[i] - (a + b) / 2) < 1e-12);
        assert_true(a != b);
    }
    rkv_profile_free(both);
    rkv_profile_free(first);
    rkv_profile_free(second);
    rkv_model_close(model);
}

/* int8 loses something, and much less than keeping a tenth of the entries does. */
static void test_representations_lose_less(void **state) {
    (void)state;
    rkv_model *model = open_model(NULL, RKV_WEIGHTS_AUTO);
    rkv_profile *stored = oerr_of(model, &(rkv_oerr_options){.method = "int8"}, 0, 1);
    rkv_profile *cut = oerr_of(model, &(rkv_oerr_options){.method = "window"}, 0, 1);
    for (size_t i = 0; i < L * G; i++) {
        double little = values_of(stored, "oerr")[i];
        assert_true(little > 0 && little < 0.1 * values_of(cut, "oerr")[i]);
    }
    rkv_profile_free(stored);
    rkv_profile_free(cut);
    rkv_model_close(model);
}

/* Both signals can lead a budget. */
static void test_budgets_follow_it(void **state) {
    (void)state;
    rkv_model *model = open_model(NULL, RKV_WEIGHTS_AUTO);
    rkv_profile *profile = oerr_of(model, &(rkv_oerr_options){.method = "window"}, 0, 1);
    rkv_analysis bare = {.model = *rkv_model_get_info(model), .prompt_name = (char[]){"bare"}, .n_tokens = T};
    rkv_budget_options options = rkv_budget_options_default();
    rkv_budget *budget;
    options.profile = profile;
    options.granularity = RKV_BY_HEAD;
    options.signal = "oerr";
    assert_int_equal(rkv_budget_allocate(&budget, &bare, &options), RKV_OK);
    rkv_budget_free(budget);
    rkv_profile_free(profile);
    rkv_model_close(model);
}

/* ---- what is refused ---- */

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        rkv_oerr_options options;
        size_t n;
        const char *words;
    } cases[] = {
        {{.method = "windw"}, T, "windw"},
        {{.method = NULL}, T, "oerr needs a method"},
        {{.method = "window", .ratio = 1.5}, T, "ratio"},
        {{.method = "window", .ratio = -1}, T, "ratio"},
        {{.method = "window", .ratio = NAN}, T, "ratio"},
        {{.method = "window"}, 1, "text 0 has 1 token, none before the last 1 that query"},
        {{.method = "window"}, 0, "token"},
        {{.method = "window", .n_queries = T}, T, "none before the last 60"},
        {{.method = "window", .n_queries = SIZE_MAX}, T, "none before the last"},
        {{.method = "streaming-llm:n_sink=8", .ratio = 0.1}, T, "always keeps"},
    };
    rkv_model *model = open_model(NULL, RKV_WEIGHTS_AUTO);
    const int32_t *const texts[] = {ids[0]};
    rkv_profile *profile;
    assert_int_equal(rkv_profile_new(&profile, rkv_model_get_info(model)), RKV_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rkv_status status = rkv_profile_add_oerr(profile, model, texts, &cases[i].n, 1, &cases[i].options);
        if (status != RKV_USAGE || !strstr(rkv_message(), cases[i].words))
            fail_msg("case %zu: status %d, \"%s\"", i, (int)status, rkv_message());
    }
    const rkv_oerr_options options = {.method = "window"};
    assert_int_equal(rkv_profile_add_oerr(profile, model, texts, lengths, 0, &options), RKV_USAGE);
    profile->model.n_layers = 1;
    assert_int_equal(rkv_profile_add_oerr(profile, model, texts, lengths, 1, &options), RKV_DATA);
    assert_int_equal(profile->n_signals, 0);
    rkv_profile_free(profile);
    rkv_model_close(model);
}

typedef struct watcher {
    size_t last, stop; /* reports so far end at `last`; one at `stop` ends the work */
} watcher;

static int watch_progress(void *user, const char *stage, size_t done, size_t total) {
    watcher *w = user;
    assert_string_equal(stage, "oerr");
    assert_true(done >= w->last && done <= total && total == 2 * L * 2);
    w->last = done;
    return done == w->stop;
}

/* In the prefix and among the queries, of the first text and of the second. */
static void test_it_can_be_stopped(void **state) {
    (void)state;
    rkv_model *model = open_model(NULL, RKV_WEIGHTS_AUTO);
    const int32_t *const texts[] = {ids[0], ids[1]};
    for (size_t stop = 1; stop <= 2 * L * 2 + 1; stop++) {
        watcher w = {.stop = stop};
        const rkv_oerr_options options = {.method = "window", .progress = {watch_progress, &w}};
        rkv_profile *profile;
        assert_int_equal(rkv_profile_new(&profile, rkv_model_get_info(model)), RKV_OK);
        bool runs_through = stop > 2 * L * 2;
        assert_int_equal(rkv_profile_add_oerr(profile, model, texts, lengths, 2, &options),
                         runs_through ? RKV_OK : RKV_CANCELLED);
        assert_int_equal(w.last, runs_through ? 2 * L * 2 : stop);
        assert_int_equal(profile->n_signals, runs_through ? 2 : 0);
        rkv_profile_free(profile);
    }
    rkv_model_close(model);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_plain_loops),
        cmocka_unit_test(test_however_weights_are_read),
        cmocka_unit_test(test_nothing_is_lost_to_the_full_cache),
        cmocka_unit_test(test_texts_are_averaged_and_defaults_are_said),
        cmocka_unit_test(test_representations_lose_less),
        cmocka_unit_test(test_budgets_follow_it),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_it_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
