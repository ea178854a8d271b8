/* test_oerr.c: the output error of a method against plain loops over the tiny model. */
#include "support/tiny_session.h"

#include <stdlib.h>

#include "support/plain_cache.h"

enum { TEXT = 60, QUERIES = 9, PREFIX = TEXT - QUERIES, KEPT = 12 };

/* ---- the oracle: window keeps the newest KEPT entries of the prefix ---- */

typedef struct oracle {
    plain_cache cache;
    rkv_forward *forward;
    double by_head[L * G], by_layer[L];
} oracle;

static double dot(const float *a, const float *b, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* Attention of one query over the tokens [from, to) of a head. */
static void attend(const oracle *o, size_t layer, size_t g, const float *q, size_t from, size_t to,
                   double *out) {
    double sum = 0;
    memset(out, 0, D * sizeof *out);
    for (size_t t = from; t < to; t++) {
        double p = exp(dot(q, plain_cache_row(&o->cache, o->cache.keys, layer, g, t), D) / sqrt(D));
        const float *v = plain_cache_row(&o->cache, o->cache.values, layer, g, t);
        for (size_t i = 0; i < D; i++)
            out[i] += p * v[i];
        sum += p;
    }
    for (size_t i = 0; i < D; i++)
        out[i] /= sum;
}

/* |W_o rows| / |residual| of one query, rows [H D]. */
static double loss(const oracle *o, size_t layer, size_t query, const double *rows, size_t width) {
    const rkv_gguf_tensor *w = o->cache.model->tensors.layers[layer].attention_out;
    size_t e = o->cache.model->config.n_embd;
    const float *x = rkv_forward_residual(o->forward) + query * e;
    float *weights = malloc(width * sizeof *weights);
    double sum = 0;
    for (size_t r = 0; r < e; r++) {
        ok(rkv_tensor_load_row(o->cache.model->backend, w, r, weights));
        double y = 0;
        for (size_t i = 0; i < width; i++)
            y += weights[i] * rows[i];
        sum += y * y;
    }
    free(weights);
    return sqrt(sum / dot(x, x, e));
}

static rkv_status attend_both(void *user, const rkv_projection *p, float *out) {
    oracle *o = user;
    size_t m = p->shape.n_tokens, heads = p->shape.n_heads, width = heads * D;
    ok(plain_cache_attend(&o->cache, p, out));
    double *difference = calloc(m * width, sizeof *difference), *one = calloc(width, sizeof *one), cut[D];
    for (size_t i = 0; i < m; i++) {
        for (size_t h = 0; h < heads; h++) {
            attend(o, p->layer, h * G / heads, p->q + (h * m + i) * D, PREFIX - KEPT, PREFIX + i + 1, cut);
            for (size_t d = 0; d < D; d++)
                difference[i * width + h * D + d] = cut[d] - out[i * width + h * D + d];
        }
        o->by_layer[p->layer] += loss(o, p->layer, i, difference + i * width, width) / (double)m;
        for (size_t g = 0; g < G; g++) {
            for (size_t c = 0; c < width; c++)
                one[c] = c / (width / G) == g ? difference[i * width + c] : 0;
            o->by_head[p->layer * G + g] += loss(o, p->layer, i, one, width) / (double)m;
        }
    }
    free(difference);
    free(one);
    return RKV_OK;
}

static void run_oracle(oracle *o, const int32_t *text) {
    float *logits = malloc(N_VOCAB * sizeof *logits);
    o->cache = plain_cache_new(model, TEXT);
    ok(rkv_forward_new(&o->forward, model, TEXT));
    plain_cache_run(&o->cache, o->forward, text, PREFIX, 0, false, logits);
    rkv_pass pass = {.ids = text + PREFIX, .n = QUERIES, .first = PREFIX, .attend = attend_both, .user = o};
    ok(rkv_forward_run(o->forward, &pass, NULL));
    rkv_forward_free(o->forward);
    plain_cache_clear(&o->cache);
    free(logits);
}

/* ---- tests ---- */

static rkv_profile *measure(const char *method, const int32_t *const *texts, size_t n_texts) {
    rkv_profile *profile;
    const size_t n[] = {TEXT, TEXT};
    const rkv_oerr_options options = {.method = method, .ratio = (double)KEPT / PREFIX, .n_queries = QUERIES};
    ok(rkv_profile_new(&profile, rkv_model_get_info(model)));
    ok(rkv_profile_add_oerr(profile, model, texts, n, n_texts, &options));
    return profile;
}

/* Float32 attention and products: 1e-6 relative each, on differences a tenth of what they are taken from. */
static void close_to(double is, double wanted) {
    if (!(fabs(is - wanted) <= 1e-4 * wanted)) fail_msg("%.9g, not %.9g", is, wanted);
}

static void test_against_loops(void **state) {
    (void)state;
    const int32_t *const texts[] = {ids, ids + 30};
    oracle o = {0}, second = {0};
    run_oracle(&o, texts[0]);
    run_oracle(&second, texts[1]);
    rkv_profile *profile = measure("window", texts, 2);
    const rkv_signal *oerr = rkv_profile_find(profile, "oerr"),
                     *layer = rkv_profile_find(profile, "oerr_layer");
    assert_true(oerr && oerr->per_kv_head && layer && layer->per_kv_head);
    for (size_t i = 0; i < L * G; i++) {
        assert_true(o.by_head[i] > 1e-4); /* there is something to measure */
        close_to(oerr->values[i], (o.by_head[i] + second.by_head[i]) / 2);
        close_to(layer->values[i], (o.by_layer[i / G] + second.by_layer[i / G]) / 2);
    }
    rkv_profile_free(profile);
}

static void test_nothing_lost(void **state) {
    (void)state;
    const int32_t *const texts[] = {ids};
    rkv_profile *profile = measure("full", texts, 1);
    for (size_t i = 0; i < L * G; i++)
        assert_true(rkv_profile_find(profile, "oerr")->values[i] == 0);
    rkv_profile_free(profile);
}

/* A profile names no device, so its signals say by themselves what was less than float32. */
static void test_precision_is_said(void **state) {
    (void)state;
    static const char *const signals[] = {"oerr", "oerr_layer"};
    const int32_t *const texts[] = {ids};
    model->precision = RKV_PRECISION_BF16; /* of the CPU, whose numbers are what they are */
    rkv_profile *less = measure("window", texts, 1);
    model->precision = RKV_PRECISION_FLOAT32;
    rkv_profile *full = measure("window", texts, 1);
    for (size_t i = 0; i < 2; i++) {
        assert_non_null(strstr(rkv_profile_find(less, signals[i])->origin, "1 text, products in bf16"));
        assert_null(strstr(rkv_profile_find(full, signals[i])->origin, "products"));
    }
    rkv_profile_free(less);
    rkv_profile_free(full);
}

static void check_refused(const rkv_oerr_options *options, size_t length, size_t n_texts, const char *word) {
    rkv_profile *profile;
    const int32_t *const texts[] = {ids};
    ok(rkv_profile_new(&profile, rkv_model_get_info(model)));
    assert_int_equal(rkv_profile_add_oerr(profile, model, texts, &length, n_texts, options), RKV_USAGE);
    if (!strstr(rkv_message(), word)) fail_msg("\"%s\" does not say \"%s\"", rkv_message(), word);
    assert_int_equal(profile->n_signals, 0);
    rkv_profile_free(profile);
}

static void test_refused(void **state) {
    (void)state;
    check_refused(&(rkv_oerr_options){.method = "no-such"}, TEXT, 1, "no-such");
    check_refused(&(rkv_oerr_options){.method = "window", .ratio = 1.5}, TEXT, 1, "1.5");
    check_refused(&(rkv_oerr_options){.method = "window"}, 1, 1, "1 tokens");
    check_refused(&(rkv_oerr_options){.method = "window"}, TEXT, 0, "no text");
    check_refused(&(rkv_oerr_options){.method = "window"}, 1000, 1, "1000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_loops),
        cmocka_unit_test(test_nothing_lost),
        cmocka_unit_test(test_precision_is_said),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, make_model, remove_model);
}
