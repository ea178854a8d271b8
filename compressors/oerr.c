/* oerr.c: what the attention block's output loses when a method cuts a head, or a layer. */
#include <math.h>
#include <stdlib.h>

#include <rankkv/profile.h>

#include "compressors/executor.h"
#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/text.h"

#define DEFAULT_RATIO   0.1
#define DEFAULT_QUERIES 256

typedef struct work {
    rkv_model *model;
    const rkv_oerr_options *options;
    size_t n_texts, text;    /* how many, and which is read */
    rkv_session *full, *cut; /* the text up to its last queries, in caches of both kinds */
    double *heads, *layers;  /* [L, G] oerr and oerr_layer, summed over the texts */
    float *lost;             /* [m, H D] outputs of the heads with the cut cache, less those with the full */
    float *one;              /* [m, H D] the same of one group's heads, 0 elsewhere */
    float *change,
        *together; /* [m, E] what the block's output loses: with one head cut, with the layer cut */
} work;

/* ---- one layer ---- */

/* Mean over rows of |change| / |residual| [m, width]; a residual of 0 has nothing to lose. */
static double relative_norm(const float *change, const float *residual, size_t m, size_t width) {
    double mean = 0;
    for (size_t t = 0; t < m; t++) {
        double above = 0, below = 0;
        for (size_t i = t * width; i < (t + 1) * width; i++) {
            above += (double)change[i] * change[i];
            below += (double)residual[i] * residual[i];
        }
        mean += below == 0 ? 0 : sqrt(above / below) / (double)m;
    }
    return mean;
}

/* The heads of a group lie side by side in every row [H D]. */
static void take_group(const rkv_attention_shape *s, const float *lost, size_t g, float *one) {
    size_t row = s->n_heads * s->head_dim, columns = row / s->n_kv_heads;
    for (size_t t = 0; t < s->n_tokens; t++)
        for (size_t i = 0; i < row; i++)
            one[t * row + i] = i / columns == g ? lost[t * row + i] : 0;
}

/* The output projection is linear: what the layer loses is the sum of what its heads lose, each alone. */
static rkv_status measure(work *w, const rkv_projection *p) {
    size_t m = p->shape.n_tokens, G = p->shape.n_kv_heads, E = w->model->config.n_embd;
    double *heads = w->heads + p->layer * G, *layer = w->layers + p->layer * G;
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < m * E; i++)
        w->together[i] = 0;
    for (size_t g = 0; !status && g < G; g++) {
        take_group(&p->shape, w->lost, g, w->one);
        status = rkv_projection_output(p, w->one, m, w->change);
        if (status) return status;
        for (size_t i = 0; i < m * E; i++)
            w->together[i] += w->change[i];
        heads[g] += relative_norm(w->change, p->residual, m, E);
        if (!isfinite(heads[g]))
            status = rkv_fail(RKV_DATA, "the attention of layer %zu, KV head %zu is not finite", p->layer, g);
    }
    double all = relative_norm(w->together, p->residual, m, E);
    for (size_t g = 0; g < G; g++)
        layer[g] += all;
    return status;
}

static rkv_status report(const work *w, size_t done) {
    size_t L = w->model->config.n_layers; /* of the prefix, and of the queries */
    return rkv_progress_report(&w->options->progress, "oerr", 2 * L * w->text + done, 2 * L * w->n_texts);
}

/* The pass goes on with what the full cache gives, so that every layer is measured on its own. */
static rkv_status attend_both(void *user, const rkv_projection *p, float *out) {
    work *w = user;
    size_t n = p->shape.n_tokens * p->shape.n_heads * p->shape.head_dim;
    rkv_status status = rkv_layer_attend_copy(w->full, p, out);
    if (!status) status = rkv_layer_attend_copy(w->cut, p, w->lost);
    for (size_t i = 0; !status && i < n; i++)
        w->lost[i] -= out[i];
    if (!status) status = measure(w, p);
    return status ? status : report(w, w->model->config.n_layers + p->layer + 1);
}

/* ---- one text ---- */

/* An rkv_progress of the prefix: stops it with the whole. */
static int report_prefix(void *user, const char *stage, size_t done, size_t total) {
    const work *w = user;
    (void)stage, (void)total;
    return report(w, done) != RKV_OK;
}

static rkv_status open_sessions(work *w) {
    const rkv_oerr_options *o = w->options;
    const rkv_session_options whole = {.progress = {report_prefix, w}};
    const rkv_session_options cut = {
        .method = o->method, .ratio = o->ratio != 0 ? o->ratio : DEFAULT_RATIO, .seed = o->seed};
    rkv_status status = rkv_session_new(&w->full, w->model, &whole);
    return status ? status : rkv_session_new(&w->cut, w->model, &cut);
}

static void close_sessions(work *w) {
    rkv_session_free(w->full);
    rkv_session_free(w->cut);
    w->full = w->cut = NULL;
}

static rkv_status allocate(work *w, size_t m) {
    const rkv_config *c = &w->model->config;
    size_t row = c->n_heads * c->head_dim;
    rkv_status status = rkv_alloc_raw(&w->lost, m * row, sizeof *w->lost);
    if (!status) status = rkv_alloc_raw(&w->one, m * row, sizeof *w->one);
    if (!status) status = rkv_alloc_raw(&w->change, m * c->n_embd, sizeof *w->change);
    return status ? status : rkv_alloc_raw(&w->together, m * c->n_embd, sizeof *w->together);
}

static void release(work *w) {
    free(w->together);
    free(w->change);
    free(w->one);
    free(w->lost);
    w->together = w->change = w->one = w->lost = NULL;
}

/* The last m of ids [n], behind the caches of the others. */
static rkv_status run_queries(work *w, const int32_t *ids, size_t n, size_t m) {
    rkv_forward *forward = NULL;
    const rkv_pass pass = {
        .ids = ids + n - m, .n = m, .first = (int64_t)(n - m), .attend = attend_both, .user = w};
    rkv_status status = rkv_forward_new(&forward, w->model, m);
    if (!status) status = rkv_forward_run(forward, &pass, NULL);
    rkv_forward_free(forward);
    return status;
}

/* How many queries a text of n tokens gives; 0: it cannot spare so many. */
static size_t count_queries(const rkv_oerr_options *options, size_t n) {
    size_t standard = DEFAULT_QUERIES < n / 2 ? DEFAULT_QUERIES : n / 2;
    size_t m = options->n_queries ? options->n_queries : standard;
    return m < n ? m : 0;
}

static rkv_status read_text(work *w, const int32_t *ids, size_t n) {
    size_t m = count_queries(w->options, n);
    rkv_status status = open_sessions(w);
    if (!status) status = rkv_session_prefill_all((rkv_session *[]){w->full, w->cut}, 2, ids, n - m);
    if (!status) status = allocate(w, m);
    if (!status) status = run_queries(w, ids, n, m);
    release(w);
    close_sessions(w);
    return status;
}

/* ---- all of them ---- */

static rkv_status check(work *w, const rkv_profile *profile, const int32_t *const *ids, const size_t *n) {
    rkv_status status = rkv_model_check_weights(w->model);
    if (!status) status = rkv_profile_check_model(profile, &w->model->info);
    if (!status && !w->options->method) status = rkv_fail(RKV_USAGE, "oerr needs a method");
    if (!status && w->n_texts == 0) status = rkv_fail(RKV_USAGE, "oerr needs a text");
    for (size_t i = 0; !status && i < w->n_texts; i++) {
        status = rkv_model_check_prompt(w->model, ids[i], n[i]);
        if (!status && count_queries(w->options, n[i]) == 0)
            status = rkv_fail(RKV_USAGE, "text %zu has %zu token%s, none before the last %zu that query", i,
                              n[i], n[i] == 1 ? "" : "s", w->options->n_queries ? w->options->n_queries : 1);
    }
    return status;
}

static rkv_status describe(const work *w, char **origin) {
    const rkv_oerr_options *o = w->options;
    rkv_text text = {0};
    rkv_text_printf(&text, "%s at %.10g, %zu text%s", o->method, o->ratio != 0 ? o->ratio : DEFAULT_RATIO,
                    w->n_texts, w->n_texts == 1 ? "" : "s");
    return rkv_text_finish(&text, origin);
}

static rkv_status put(const work *w, rkv_profile *profile) {
    char *origin = NULL;
    rkv_status status = describe(w, &origin);
    rkv_signal signal = {.unit = (char[]){"ratio"}, .origin = origin, .per_kv_head = true};
    signal.name = (char[]){"oerr"};
    signal.summary = (char[]){"change of the attention's output over the residual stream, this head cut"};
    signal.values = w->heads;
    if (!status) status = rkv_profile_put(profile, &signal);
    signal.name = (char[]){"oerr_layer"};
    signal.summary = (char[]){"change of the attention's output over the residual stream, the layer cut"};
    signal.values = w->layers;
    if (!status) status = rkv_profile_put(profile, &signal);
    free(origin);
    return status;
}

rkv_status rkv_profile_add_oerr(rkv_profile *profile, rkv_model *model, const int32_t *const *ids,
                                const size_t *n, size_t n_texts, const rkv_oerr_options *options) {
    work w = {.model = model, .options = options, .n_texts = n_texts};
    size_t n_heads = model->info.n_layers * model->info.n_kv_heads;
    rkv_status status = check(&w, profile, ids, n);
    if (!status) status = rkv_alloc(&w.heads, n_heads, sizeof *w.heads);
    if (!status) status = rkv_alloc(&w.layers, n_heads, sizeof *w.layers);
    for (; !status && w.text < n_texts; w.text++)
        status = read_text(&w, ids[w.text], n[w.text]);
    for (size_t i = 0; !status && i < n_heads; i++) {
        w.heads[i] /= (double)n_texts;
        w.layers[i] /= (double)n_texts;
    }
    if (!status) status = put(&w, profile);
    free(w.layers);
    free(w.heads);
    return status;
}
