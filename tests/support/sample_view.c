/* sample_view.c: one layer of a made-up model and text, and selections run on it. */
#include "support/sample_view.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/random.h"
#include "support/plain_ops.h"

static void *zeros(size_t n, size_t size) {
    void *memory = calloc(n ? n : 1, size);
    assert_non_null(memory);
    return memory;
}

/* ---- random numbers ---- */

/* Roughly normal, of standard deviation 1. */
static float draw(rkv_random *random) {
    double sum = -6;
    for (int i = 0; i < 12; i++)
        sum += rkv_random_unit(random);
    return (float)sum;
}

/* Random rows [n, D]; with ties each is one of three. */
static float *draw_rows(rkv_random *random, size_t n, size_t D, bool ties) {
    float *rows = zeros(n * D, sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        size_t same = ties && i >= 3 ? rkv_random_below(random, 3) : i;
        for (size_t d = 0; d < D; d++)
            rows[i * D + d] = same == i ? draw(random) : rows[same * D + d];
    }
    return rows;
}

/* ---- making a view ---- */

static rkv_rope make_rope(const sample_view_options *o) {
    rkv_rope rope = {o->pairing, o->head_dim, zeros(o->head_dim / 2, sizeof *rope.frequency)};
    for (size_t i = 0; i < o->head_dim / 2; i++)
        rope.frequency[i] = o->ties ? 0 : pow(100, -2.0 * (double)i / (double)o->head_dim);
    return rope;
}

/* Positions of head g: all, or three of four and the newest. */
static size_t draw_positions(const sample_view_options *o, rkv_random *random, int32_t *positions) {
    size_t n = 0;
    for (size_t t = 0; t < o->n_seen; t++)
        if (!o->ragged || t + 1 == o->n_seen || rkv_random_below(random, 4)) positions[n++] = (int32_t)t;
    return n;
}

/* One head's entries, keys rotated by position or place, sums those of the text's whole attention. */
static void fill_head(sample_view *s, const sample_view_options *o, size_t g, rkv_random *random) {
    size_t n_seen = o->n_seen, D = o->head_dim, group = o->n_heads / o->n_kv_heads;
    float *keys = zeros(n_seen * D, sizeof *keys), *values = zeros(n_seen * D, sizeof *values);
    float *sums = zeros(group * n_seen, sizeof *sums), *far = zeros(group * n_seen, sizeof *far);
    int32_t *positions = zeros(n_seen, sizeof *positions);
    double *p = zeros(n_seen * n_seen, sizeof *p);
    size_t n = draw_positions(o, random, positions);
    for (size_t i = 0; i < n; i++) {
        size_t from = (g * n_seen + (size_t)positions[i]) * D;
        memcpy(keys + i * D, s->k + from, D * sizeof *keys);
        memcpy(values + i * D, s->v + from, D * sizeof *values);
        rkv_rope_turn(&s->rope, o->cache_positions ? (int64_t)i : positions[i], keys + i * D);
    }
    for (size_t h = 0; h < group; h++) {
        for (size_t i = 0; i < n_seen; i++) {
            int32_t at = (int32_t)i;
            plain_attention_rows(s->observed + ((g * group + h) * n_seen + i) * D, &at, 1, keys, positions, n,
                                 D, p);
            for (size_t j = 0; j < n; j++) {
                sums[h * n + j] += (float)p[j];
                if (j + o->far_distance <= i) far[h * n + j] += (float)p[j];
            }
        }
        for (size_t j = 0; j < n && o->ties; j++)
            sums[h * n + j] = floorf(sums[h * n + j] * 4) / 4;
    }
    free(p);
    if (!o->far_distance || o->ragged) {
        free(far);
        far = NULL;
    }
    s->own[g] = (rkv_head_view){n, keys, values, positions, sums, far};
}

static sample_view_options complete(const sample_view_options *options) {
    sample_view_options o = *options;
    if (!o.n_heads) o.n_heads = 4;
    if (!o.n_kv_heads) o.n_kv_heads = 2;
    if (!o.head_dim) o.head_dim = 8;
    if (!o.n_layers) o.n_layers = 4;
    if (!o.n_seen) o.n_seen = 40;
    if (!o.n_prompt) o.n_prompt = o.n_seen;
    assert_true(o.n_heads % o.n_kv_heads == 0 && o.head_dim % 2 == 0 && o.n_prompt <= o.n_seen);
    return o;
}

static void draw_text(sample_view *s, const sample_view_options *o, rkv_random *random) {
    size_t T = o->n_seen, D = o->head_dim;
    s->q = draw_rows(random, o->n_heads * T, D, false);
    s->k = draw_rows(random, o->n_kv_heads * T, D, o->ties);
    s->v = draw_rows(random, o->n_kv_heads * T, D, o->ties);
    s->observed = zeros(o->n_heads * T * D, sizeof *s->observed);
    memcpy(s->observed, s->q, o->n_heads * T * D * sizeof *s->q);
    for (size_t i = 0; i < o->n_heads * T && !o->cache_positions; i++)
        rkv_rope_turn(&s->rope, (int64_t)(i % T), s->observed + i * D);
    s->tokens = zeros(T, 1);
    for (size_t t = 0; t < T; t++) {
        size_t kind = rkv_random_below(random, 8);
        s->tokens[t] = kind == 0 ? RKV_TOKEN_IS_SPECIAL : kind <= 2 ? RKV_TOKEN_IS_PUNCTUATION : 0;
    }
}

static rkv_backend *open_backend(sample_view *s, bool cpu) {
    s->stand_in = stand_in_backend();
    rkv_backend *backend = &s->stand_in;
    if (cpu && rkv_backend_open(&backend, "cpu")) fail_msg("%s", rkv_message());
    return backend;
}

void sample_view_make(sample_view *out, const sample_view_options *options) {
    sample_view_options o = complete(options);
    rkv_random random = {o.seed + 1};
    size_t G = o.n_kv_heads;
    *out = (sample_view){.shape = {o.n_prompt, o.n_heads, G, o.head_dim}};
    out->rope = make_rope(&o);
    draw_text(out, &o, &random);
    rkv_backend *backend = open_backend(out, o.cpu);
    out->queries = (rkv_observation){
        .backend = backend, .q = out->observed, .m = o.n_seen, .rotated = !o.cache_positions};
    out->own = zeros(G, sizeof *out->own);
    out->score = zeros(G, sizeof *out->score);
    out->kept = zeros(G, sizeof *out->kept);
    out->n_kept = zeros(G, sizeof *out->n_kept);
    out->budget = zeros(G, sizeof *out->budget);
    for (size_t g = 0; g < G; g++) {
        fill_head(out, &o, g, &random);
        out->score[g] = zeros(o.n_seen, sizeof **out->score);
        out->kept[g] = zeros(o.n_seen, sizeof **out->kept);
    }
    out->view = (rkv_layer_view){.index = o.index,
                                 .n_layers = o.n_layers,
                                 .n_heads = o.n_heads,
                                 .n_kv_heads = G,
                                 .head_dim = o.head_dim,
                                 .n_seen = o.n_seen,
                                 .heads = out->own,
                                 .budgets = out->budget,
                                 .prompt = o.n_prompt == o.n_seen ? &out->queries : NULL,
                                 .far_distance = o.far_distance,
                                 .cache_positions = o.cache_positions,
                                 .group_score = o.group_score,
                                 .tokens = out->tokens,
                                 .rope = &out->rope,
                                 .backend = backend,
                                 .seed = o.seed};
}

void sample_view_clear(sample_view *s) {
    for (size_t g = 0; g < s->view.n_kv_heads; g++) {
        free((void *)s->own[g].keys);
        free((void *)s->own[g].values);
        free((void *)s->own[g].positions);
        free((void *)s->own[g].sums);
        free((void *)s->own[g].far_sums);
        free(s->score[g]);
        free(s->kept[g]);
    }
    rkv_backend_close(s->view.backend == &s->stand_in ? NULL : s->view.backend);
    void *memory[] = {s->q,      s->k,   s->v,     s->score,    s->budget, s->kept,
                      s->n_kept, s->own, s->state, s->observed, s->tokens, s->rope.frequency};
    for (size_t i = 0; i < sizeof memory / sizeof *memory; i++)
        free(memory[i]);
    *s = (sample_view){0};
}

/* ---- selecting ---- */

static void check(rkv_status status, const char *spec, const char *what) {
    if (status) fail_msg("%s, %s: %s", spec, what, rkv_message());
}

/* All queries: the prompt's at once, then one by one. */
static void observe(sample_view *s, const rkv_stage *stage, const char *spec) {
    size_t T = s->queries.m, H = s->shape.n_heads, D = s->shape.head_dim, m = s->shape.n_tokens;
    float *q = zeros(H * T * D, sizeof *q);
    for (size_t first = 0; first < T; first += m, m = 1) {
        for (size_t h = 0; h < H; h++)
            memcpy(q + h * m * D, s->observed + (h * T + first) * D, m * D * sizeof *q);
        rkv_observation batch = s->queries;
        batch.q = q;
        batch.m = m;
        batch.first = (int64_t)first;
        rkv_attention_shape shape = s->shape;
        shape.n_tokens = m;
        check(stage->method->ops->observe(&stage->values, &batch, &shape, &s->rope, s->state), spec,
              "observe");
    }
    free(q);
}

static void make_state(sample_view *s, const rkv_stage *stage, const char *spec) {
    const struct rkv_method_ops *ops = stage->method->ops;
    free(s->state);
    s->state = zeros(ops->state_size ? ops->state_size(&stage->values, &s->shape) : 0, sizeof *s->state);
    if (ops->observe) observe(s, stage, spec);
}

/* The view without what the method does not say that it needs; heads [G]. */
static rkv_layer_view restricted(const sample_view *s, unsigned needs, rkv_head_view *heads) {
    rkv_layer_view view = s->view;
    for (size_t g = 0; g < view.n_kv_heads; g++) {
        heads[g] = s->own[g];
        if (!(needs & RKV_NEEDS_KEYS) && !view.prompt) heads[g].keys = NULL;
        if (!(needs & RKV_NEEDS_VALUES) && !view.prompt) heads[g].values = NULL;
        if (!(needs & RKV_NEEDS_SUMS)) heads[g].sums = NULL;
    }
    view.heads = heads;
    view.state = s->state;
    if (!(needs & RKV_NEEDS_TOKENS)) view.tokens = NULL;
    if (!(needs & RKV_NEEDS_QUERIES)) view.prompt = NULL;
    return view;
}

static void select_best(sample_view *s, const rkv_stage *stage, const char *spec) {
    const struct rkv_method_ops *ops = stage->method->ops;
    size_t G = s->view.n_kv_heads;
    rkv_head_view *heads = zeros(G, sizeof *heads);
    rkv_layer_view view = restricted(s, stage->method->needs, heads);
    for (size_t g = 0; g < G; g++)
        for (size_t i = 0; i < heads[g].n; i++)
            s->score[g][i] = NAN;
    check(ops->score(&stage->values, &view, s->score), spec, "score");
    if (ops->share) check(ops->share(&stage->values, &view, s->score, s->budget), spec, "share");
    for (size_t g = 0; g < G; g++)
        s->n_kept[g] = rkv_select_best(s->score[g], heads[g].n, s->budget[g], s->kept[g]);
    s->note[0] = '\0';
    if (ops->note) ops->note(&stage->values, s->state, 0, s->note, sizeof s->note);
    free(heads);
}

void sample_view_select(sample_view *s, const char *spec, size_t budget) {
    rkv_pipeline pipeline;
    check(rkv_pipeline_parse(&pipeline, spec), spec, "parse");
    const rkv_stage *stage = &pipeline.stages[0];
    const struct rkv_method_ops *ops = stage->method->ops;
    assert_int_equal(stage->method->kind, RKV_SELECTION);
    bool all = ops->keeps_all || (ops->skips && ops->skips(&stage->values, s->view.index, s->view.n_seen));
    if (stage->budget) budget = stage->budget;
    if (stage->ratio > 0) budget = (size_t)(stage->ratio * (double)s->view.n_seen);
    for (size_t g = 0; g < s->view.n_kv_heads; g++)
        s->budget[g] = all ? SIZE_MAX : budget;
    make_state(s, stage, spec);
    select_best(s, stage, spec);
}

void sample_view_expect(const sample_view *s, const char *spec, size_t g, const uint32_t *index, size_t n) {
    if (s->n_kept[g] != n) fail_msg("%s, head %zu: keeps %zu entries, not %zu", spec, g, s->n_kept[g], n);
    for (size_t i = 0; i < n; i++)
        if (s->kept[g][i] != index[i])
            fail_msg("%s, head %zu of %zu entries: kept[%zu] is %u, not %u", spec, g, s->own[g].n, i,
                     s->kept[g][i], index[i]);
}

/* Whether a goes before b among the best. */
static bool better(const double *score, size_t a, size_t b) {
    if (isnan(score[a]) != isnan(score[b])) return isnan(score[b]);
    return score[a] > score[b] || (!(score[a] < score[b]) && a > b);
}

size_t sample_best(const double *score, size_t n, size_t budget, uint32_t *index) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        size_t before = 0;
        for (size_t j = 0; j < n; j++)
            before += j != i && better(score, j, i);
        if (before < budget) index[count++] = (uint32_t)i;
    }
    return count;
}
