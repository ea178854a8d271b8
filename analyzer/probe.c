/* probe.c: the retrieval probe: which heads attend to earlier text again, found on random tokens read twice.
 */
#include <math.h>
#include <stdio.h>

#include <rankkv/profile.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/random.h"
#include "model/model.h"

#define DEFAULT_RANDOM 512
#define LEAST_RANDOM   16
#define DEFAULT_SEEDS  3
/* Queries left out at either end of the second half: their diagonals touch other tokens. */
#define MARGIN         4

enum { RETR, RETR_DUPLICATE, RETR_INDUCTION, RETR_SPREAD, N_SIGNALS };

static const struct {
    const char *name, *summary;
} signals[N_SIGNALS] = {
    [RETR] = {"retr", "attention on the earlier occurrence of the query's token and on what followed it"},
    [RETR_DUPLICATE] = {"retr_duplicate", "attention on the earlier occurrence of the query's token"},
    [RETR_INDUCTION] = {"retr_induction", "attention on what followed the query's token earlier"},
    [RETR_SPREAD] = {"retr_spread", "standard deviation of retr over the random sequences"},
};

typedef struct probe {
    rkv_model *model;
    const rkv_probe_options *options;
    size_t m, n_seeds;
    size_t n_heads;   /* L H, of the whole model */
    int32_t *choice;  /* [n_choice] ordinary tokens */
    size_t n_choice;  /* of them */
    int32_t *ids;     /* [2 m] */
    double *values;   /* [N_SIGNALS, L H]: means so far; of the spread, the sum of squared deviations */
    size_t seed_done; /* sequences before this one */
} probe;

/* ---- the sequence ---- */

/* Tokens that text is made of: not control tokens, nor those that begin and end sequences. */
static rkv_status choose_tokens(probe *p) {
    const rkv_tokenizer *tokenizer = p->model->tokenizer;
    size_t n = rkv_tokenizer_vocabulary_size(tokenizer);
    if (n > p->model->config.n_vocab) n = p->model->config.n_vocab;
    rkv_status status = rkv_alloc(&p->choice, n, sizeof *p->choice);
    for (size_t i = 0; !status && i < n; i++) {
        int32_t id = (int32_t)i;
        bool ordinary = !rkv_tokenizer_is_special(tokenizer, id) && id != rkv_tokenizer_bos(tokenizer) &&
                        id != rkv_tokenizer_eos(tokenizer);
        if (ordinary) p->choice[p->n_choice++] = id;
    }
    if (!status && p->n_choice == 0)
        status = rkv_fail(RKV_DATA, "the vocabulary of %s has no ordinary token", p->model->info.name);
    return status;
}

static void draw_tokens(probe *p, uint64_t seed) {
    rkv_random mixer = {seed}, random = {rkv_random_next(&mixer)}; /* neighbouring seeds far apart */
    for (size_t i = 0; i < p->m; i++)
        p->ids[i] = p->ids[p->m + i] = p->choice[rkv_random_below(&random, p->n_choice)];
}

/* ---- one head ---- */

/* With d the row's entry m before the query: the attention on d - 1, d, d + 1 is the duplicate's (the token
 * itself and its neighbours), that on d, d + 1, d + 2 the induction's (the token after it and its
 * neighbours), and retr is that on all four. */
static void measure(const float *attention, size_t m, double *found) {
    size_t T = 2 * m, n = m - 2 * MARGIN;
    double duplicate = 0, induction = 0, both = 0;
    for (size_t i = m + MARGIN; i < T - MARGIN; i++) {
        const float *d = attention + i * T + i - m;
        double middle = (double)d[0] + d[1];
        duplicate += d[-1] + middle;
        induction += middle + d[2];
        both += d[-1] + middle + d[2];
    }
    found[RETR_DUPLICATE] = duplicate / (double)n;
    found[RETR_INDUCTION] = induction / (double)n;
    found[RETR] = both / (double)n;
}

/* Takes what one more sequence found into the means and the squared deviations (Welford 1962). */
static void add(probe *p, size_t head, const double *found) {
    double n = (double)p->seed_done + 1;
    double *at = p->values + head, before = at[RETR * p->n_heads];
    for (size_t s = RETR; s < RETR_SPREAD; s++)
        at[s * p->n_heads] += (found[s] - at[s * p->n_heads]) / n;
    at[RETR_SPREAD * p->n_heads] += (found[RETR] - before) * (found[RETR] - at[RETR * p->n_heads]);
}

static rkv_status measure_layer(void *user, const rkv_layer *layer) {
    probe *p = user;
    size_t T = layer->n_tokens;
    for (size_t h = 0; h < layer->n_heads; h++) {
        double found[RETR_SPREAD];
        measure(layer->attention + h * T * T, p->m, found);
        if (!isfinite(found[RETR]))
            return rkv_fail(RKV_DATA, "the attention of layer %zu, head %zu is not finite", layer->index, h);
        add(p, layer->index * layer->n_heads + h, found);
    }
    size_t L = layer->n_layers;
    return rkv_progress_report(&p->options->progress, "probe", p->seed_done * L + layer->index + 1,
                               p->n_seeds * L);
}

/* ---- all of them ---- */

static rkv_status settle(probe *p) {
    size_t context = p->model->info.n_context, m = p->options->n_random;
    if (m == 0) m = DEFAULT_RANDOM < context / 2 ? DEFAULT_RANDOM : context / 2;
    if (m < LEAST_RANDOM)
        return rkv_fail(RKV_USAGE, "%zu random tokens are fewer than the %d that a probe needs", m,
                        LEAST_RANDOM);
    if (m > context / 2)
        return rkv_fail(RKV_USAGE, "%zu random tokens read twice are more than the model's context of %zu", m,
                        context);
    p->m = m;
    p->n_seeds = p->options->n_seeds ? p->options->n_seeds : DEFAULT_SEEDS;
    p->n_heads = p->model->info.n_layers * p->model->info.n_heads;
    rkv_status status = choose_tokens(p);
    if (!status) status = rkv_alloc(&p->ids, 2 * m, sizeof *p->ids);
    return status ? status : rkv_alloc(&p->values, N_SIGNALS * p->n_heads, sizeof *p->values);
}

static rkv_status run(probe *p) {
    const rkv_prefill_options options = {.attention = true, .on_layer = measure_layer, .user = p};
    rkv_status status = RKV_OK;
    for (; !status && p->seed_done < p->n_seeds; p->seed_done++) {
        rkv_prefill_result result = {0};
        draw_tokens(p, p->options->seed + p->seed_done);
        status = rkv_prefill(p->model, p->ids, 2 * p->m, &options, &result);
        rkv_prefill_result_clear(&result);
    }
    double *spread = p->values + RETR_SPREAD * p->n_heads;
    for (size_t i = 0; i < p->n_heads; i++)
        spread[i] = p->n_seeds > 1 ? sqrt(fmax(spread[i], 0) / (double)(p->n_seeds - 1)) : 0;
    return status;
}

static rkv_status fill(const probe *p, rkv_profile *profile) {
    char origin[128];
    bool less = p->model->precision != RKV_PRECISION_FLOAT32;
    snprintf(origin, sizeof origin, "%zu sequence%s of 2 x %zu random tokens, from seed %llu%s%s", p->n_seeds,
             p->n_seeds == 1 ? "" : "s", p->m, (unsigned long long)p->options->seed,
             less ? ", products in " : "", less ? rkv_precision_name(p->model->precision) : "");
    rkv_status status = RKV_OK;
    for (size_t s = 0; !status && s < N_SIGNALS; s++) /* copied, not written into */
        status = rkv_profile_put(profile, &(rkv_signal){.name = (char *)signals[s].name,
                                                        .unit = (char[]){"mass"},
                                                        .summary = (char *)signals[s].summary,
                                                        .origin = origin,
                                                        .values = p->values + s * p->n_heads});
    return status;
}

rkv_status rkv_probe(rkv_profile **out, rkv_model *model, const rkv_probe_options *options) {
    static const rkv_probe_options defaults = {0};
    probe p = {.model = model, .options = options ? options : &defaults};
    rkv_profile *profile = NULL;
    *out = NULL;
    rkv_status status = rkv_model_check_weights(model);
    if (!status) status = settle(&p);
    if (!status) status = run(&p);
    if (!status) status = rkv_profile_new(&profile, &model->info);
    if (!status) status = fill(&p, profile);
    if (status)
        rkv_profile_free(profile);
    else
        *out = profile;
    free(p.values);
    free(p.ids);
    free(p.choice);
    return status;
}
