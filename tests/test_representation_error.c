/* test_representation_error.c: how far attention over stored entries is from attention over the exact ones,
 * on the default model.
 *
 * A prompt of T tokens is read into a cache that stores every entry in the form at hand. The queries of its
 * last T/4 tokens, as the exact forward pass has them, attend once to the exact keys and values (o) and once
 * to those read back from the cache (o'). The error is ||o' - o|| / ||o||, of one head's output of one token
 * ("head"), and of the block's output after the output projection, all heads together ("block"); means over
 * heads, layers and tokens. So it is the error of one layer, without what earlier layers did to the queries;
 * what all layers together do is the loss: that of the last T/4 tokens, read over the cache of the first 3/4.
 *
 * RANKKV_TEST_ALL=1 takes more texts and options, and prints the tables of docs/results/representations.md.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "model/forward.h"
#include "support/default_model.h"
#include "support/kvpress.h"
#include "support/reference.h"

/* Specifications, and the largest mean error of a head's output that they may have on the ordinary test's
 * text; 0: only reported. */
static const struct {
    const char *spec;
    double limit;
    bool always; /* also in the ordinary run */
} forms[] = {
    {"f16", 0.001, true},
    {"bf16", 0.005, true},
    {"int8", 0.01, true},
    {"int8:group=32", 0, false},
    {"int8:group=16", 0, false},
    {"int8:key_axis=token", 0, false},
    {"int8:key_axis=token,group=32", 0, false},
    {"int8:value_axis=channel", 0, false},
    {"int4", 0, true},
    {"int4:group=64", 0, false},
    {"int4:group=16", 0, false},
    {"int4:group=8", 0, false},
    {"int4:key_axis=token", 0, false},
    {"int4:key_axis=token,group=16", 0, false},
    {"int4:value_axis=channel", 0, false},
    {"int4:value_axis=channel,group=16", 0, false},
    {"lowrank:energy=0.99", 0, false},
    {"lowrank:rank=32", 0, false},
};
#define N_FORMS (sizeof forms / sizeof *forms)

/* AddressSanitizer makes everything several times slower. */
#ifdef __SANITIZE_ADDRESS__
#define MOST_TOKENS 128
#else
#define MOST_TOKENS 512
#endif

typedef struct measurement {
    size_t form;
    rkv_session *session; /* with the whole text in its cache */
    double head, block;   /* sums over what is counted below */
    double worst_layer;   /* largest mean over heads and tokens of one layer */
    size_t n_heads, n_blocks;
    double bytes_of_16; /* keys and values at 16 bits over what they take */
    double loss;        /* mean of the last quarter; full cache: of the same */
} measurement;

/* What a pass over the text works with. */
typedef struct comparison {
    rkv_model *model;
    size_t n_tokens, n_queries;
    measurement *all;
    size_t n;
    float *keys, *values;   /* [G, T, D] read back */
    float *other;           /* [T, H D] attention over them */
    float *exact_projected; /* [n_queries, E] */
    float *other_projected;
} comparison;

static void ok(rkv_status status) {
    if (status != RKV_OK) fail_msg("%s", rkv_message());
}

static bool runs_all(void) {
    const char *all = getenv("RANKKV_TEST_ALL");
    return all && *all && strcmp(all, "0") != 0;
}

static float *floats(size_t n) {
    float *memory = calloc(n, sizeof *memory);
    assert_non_null(memory);
    return memory;
}

/* ||b - a|| / ||a||. */
static double relative_difference(const float *a, const float *b, size_t n) {
    double difference = 0, norm = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)b[i] - a[i]) * ((double)b[i] - a[i]);
        norm += (double)a[i] * a[i];
    }
    return sqrt(difference / norm);
}

/* ---- one layer ---- */

static void read_cache(const comparison *c, const measurement *m, const rkv_projection *p) {
    size_t size = c->n_tokens * p->shape.head_dim;
    for (size_t g = 0; g < p->shape.n_kv_heads; g++)
        ok(rkv_session_read_head(m->session, p->layer, g, c->keys + g * size, c->values + g * size));
}

static void add_heads(const comparison *c, measurement *m, const rkv_projection *p, const float *exact,
                      const float *other) {
    size_t d = p->shape.head_dim, n = c->n_queries * p->shape.n_heads;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += relative_difference(exact + i * d, other + i * d, d);
    m->head += sum;
    m->n_heads += n;
    m->worst_layer = fmax(m->worst_layer, sum / (double)n);
}

/* The output projection of the layer at hand: its weights are there while the layer runs. */
static rkv_status project(const comparison *c, size_t layer, const float *x, float *y) {
    rkv_model *model = c->model;
    const rkv_layer_weights *w = &model->layers[model->resident ? layer : 0];
    return model->backend->ops->matmul(model->backend, x, c->n_queries, w->attention_out, 0,
                                       model->config.n_embd, false, y);
}

static void add_blocks(const comparison *c, measurement *m, size_t layer, const float *other) {
    size_t e = c->model->config.n_embd;
    ok(project(c, layer, other, c->other_projected));
    for (size_t t = 0; t < c->n_queries; t++)
        m->block += relative_difference(c->exact_projected + t * e, c->other_projected + t * e, e);
    m->n_blocks += c->n_queries;
}

/* Attention as ever, for the pass to go on; beside it the same over every cache. */
static rkv_status compare_layer(void *user, const rkv_projection *p, float *out) {
    comparison *c = user;
    rkv_backend *backend = c->model->backend;
    size_t skipped = (c->n_tokens - c->n_queries) * p->shape.n_heads * p->shape.head_dim;
    rkv_status status = backend->ops->attention(backend, p->q, p->k, p->v, &p->shape, NULL, NULL, out);
    if (!status) status = project(c, p->layer, out + skipped, c->exact_projected);
    for (size_t i = 0; !status && i < c->n; i++) {
        read_cache(c, &c->all[i], p);
        status = backend->ops->attention(backend, p->q, c->keys, c->values, &p->shape, NULL, NULL, c->other);
        add_heads(c, &c->all[i], p, out + skipped, c->other + skipped);
        add_blocks(c, &c->all[i], p->layer, c->other + skipped);
    }
    return status;
}

/* ---- one text ---- */

static rkv_session *open_session(rkv_model *model, const char *spec) {
    rkv_session *session;
    ok(rkv_session_new(&session, model, &(rkv_session_options){.method = spec, .verify = true}));
    return session;
}

static void compare_outputs(rkv_model *model, const int32_t *ids, size_t n, measurement *all, size_t n_all) {
    const rkv_config *config = &model->config;
    size_t kv = n * config->n_kv_heads * config->head_dim;
    comparison c = {.model = model, .n_tokens = n, .n_queries = n / 4, .all = all, .n = n_all};
    rkv_session *sessions[N_FORMS];
    rkv_forward *forward;
    for (size_t i = 0; i < n_all; i++)
        sessions[i] = all[i].session = open_session(model, forms[all[i].form].spec);
    ok(rkv_session_prefill_all(sessions, n_all, ids, n));
    c.keys = floats(kv);
    c.values = floats(kv);
    c.other = floats(n * config->n_heads * config->head_dim);
    c.exact_projected = floats(c.n_queries * config->n_embd);
    c.other_projected = floats(c.n_queries * config->n_embd);
    ok(rkv_forward_new(&forward, model, n));
    ok(rkv_forward_run(forward, &(rkv_pass){.ids = ids, .n = n, .attend = compare_layer, .user = &c}, NULL));
    rkv_forward_free(forward);
    for (size_t i = 0; i < n_all; i++) {
        rkv_cache_stats stats;
        ok(rkv_session_get_stats(sessions[i], &stats));
        all[i].bytes_of_16 = (double)stats.full_bytes_16 / (double)stats.kv_bytes;
        rkv_session_free(sessions[i]);
    }
    free(c.keys);
    free(c.values);
    free(c.other);
    free(c.exact_projected);
    free(c.other_projected);
}

static double mean_loss(rkv_session *session, const int32_t *ids, size_t n) {
    double *nll = calloc(n, sizeof *nll), sum = 0;
    assert_non_null(nll);
    ok(rkv_session_losses(session, ids, n, nll));
    for (size_t i = 0; i < n; i++)
        sum += nll[i];
    free(nll);
    return sum / (double)n;
}

/* Returns the loss over the full cache. */
static double compare_losses(rkv_model *model, const int32_t *ids, size_t n, measurement *all, size_t n_all) {
    size_t n_last = n / 4;
    rkv_session *sessions[N_FORMS + 1];
    for (size_t i = 0; i < n_all; i++)
        sessions[i] = open_session(model, forms[all[i].form].spec);
    sessions[n_all] = open_session(model, "full");
    ok(rkv_session_prefill_all(sessions, n_all + 1, ids, n - n_last));
    double full = mean_loss(sessions[n_all], ids + n - n_last, n_last);
    for (size_t i = 0; i < n_all; i++)
        all[i].loss = mean_loss(sessions[i], ids + n - n_last, n_last);
    for (size_t i = 0; i <= n_all; i++)
        rkv_session_free(sessions[i]);
    return full;
}

static void print_table(const char *name, size_t n, double full_loss, const measurement *all, size_t n_all) {
    printf("\n%s, %zu tokens; loss over the full cache %.4f nats\n\n", name, n, full_loss);
    printf("| form | 16 bits over this, bytes | head error | worst layer | block error | loss, more |\n"
           "| --- | --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < n_all; i++)
        printf("| %s | %.2f | %.2f %% | %.2f %% | %.2f %% | %+.4f |\n", forms[all[i].form].spec,
               all[i].bytes_of_16, 100 * all[i].head / (double)all[i].n_heads, 100 * all[i].worst_layer,
               100 * all[i].block / (double)all[i].n_blocks, all[i].loss - full_loss);
}

static void check_limits(const measurement *all, size_t n_all) {
    for (size_t i = 0; i < n_all; i++) {
        double error = all[i].head / (double)all[i].n_heads, limit = forms[all[i].form].limit;
        if (!isfinite(error) || (limit > 0 && error > limit))
            fail_msg("%s: the mean error of a head's output is %g, limit %g", forms[all[i].form].spec, error,
                     limit);
    }
}

static void measure_text(rkv_model *model, const char *name, const int32_t *ids, size_t n) {
    measurement all[N_FORMS];
    size_t n_all = 0;
    for (size_t i = 0; i < N_FORMS; i++)
        if (runs_all() || forms[i].always) all[n_all++] = (measurement){.form = i};
    compare_outputs(model, ids, n, all, n_all);
    double full_loss = compare_losses(model, ids, n, all, n_all);
    print_table(name, n, full_loss, all, n_all);
    check_limits(all, n_all);
}

static void test_attention_over_stored_entries(void **state) {
    (void)state;
    rkv_model *model;
    reference text;
    ok(rkv_model_open(&model, default_model_or_skip(), &(rkv_model_options){.device = "cpu"}));
    reference_read(&text, "northanger-512");
    measure_text(model, "northanger-512", text.ids,
                 text.n_tokens < MOST_TOKENS ? text.n_tokens : MOST_TOKENS);
    reference_clear(&text);
    if (runs_all()) {
        kvpress_reference windows;
        kvpress_read(&windows);
        measure_text(model, "emma", windows.ids[0], KVPRESS_CONTEXT);
        measure_text(model, "persuasion", windows.ids[3], KVPRESS_CONTEXT);
        kvpress_clear(&windows);
    }
    rkv_model_close(model);
}

int main(void) {
    if (!default_model()) return SKIPPED_PROGRAM;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_attention_over_stored_entries)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
