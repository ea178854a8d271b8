/* probe.c: the retrieval probe: which heads attend to earlier text again, found on random tokens read twice.
 */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <rankkv/profile.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/progress.h"
#include "core/random.h"
#include "model/twin.h"

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
    size_t n_heads;  /* L H, of the whole model */
    int32_t *choice; /* [n_choice] ordinary tokens */
    size_t n_choice; /* of them */
    double *values;  /* [N_SIGNALS, L H]: means so far; of the spread, the sum of squared deviations */
} probe;

/* Where sequences are read, one after the other: the model, or a twin of it on another device. */
typedef struct lane {
    const probe *p;
    rkv_model *model;
    bool alone;                   /* the only one, in the caller's thread: it tells how far it is */
    size_t number;                /* of the sequence */
    int32_t *ids;                 /* [2 m] */
    double (*found)[RETR_SPREAD]; /* [L H] in this sequence */
    bool runs;                    /* in its thread */
    pthread_t thread;
    rkv_first_failure failure;
} lane;

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

static void draw_tokens(const lane *l) {
    const probe *p = l->p;
    rkv_random mixer = {p->options->seed + l->number};
    rkv_random random = {rkv_random_next(&mixer)}; /* neighbouring seeds far apart */
    for (size_t i = 0; i < p->m; i++)
        l->ids[i] = l->ids[p->m + i] = p->choice[rkv_random_below(&random, p->n_choice)];
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

static rkv_status measure_layer(void *user, const rkv_layer *layer) {
    lane *l = user;
    size_t T = layer->n_tokens, n_layers = layer->n_layers;
    for (size_t h = 0; h < layer->n_heads; h++) {
        double *found = l->found[layer->index * layer->n_heads + h];
        measure(layer->attention + h * T * T, l->p->m, found);
        if (!isfinite(found[RETR]))
            return rkv_fail(RKV_DATA, "the attention of layer %zu, head %zu is not finite", layer->index, h);
    }
    if (!l->alone) return RKV_OK;
    return rkv_progress_report(&l->p->options->progress, "probe", l->number * n_layers + layer->index + 1,
                               l->p->n_seeds * n_layers);
}

/* ---- one sequence ---- */

static void *read_sequence(void *user) {
    lane *l = user;
    const rkv_prefill_options options = {.attention = true, .on_layer = measure_layer, .user = l};
    rkv_prefill_result result = {0};
    draw_tokens(l);
    rkv_first_failure_note(&l->failure, rkv_prefill(l->model, l->ids, 2 * l->p->m, &options, &result));
    rkv_prefill_result_clear(&result);
    return NULL;
}

static void lane_begin(lane *l, size_t number) {
    l->number = number;
    l->runs = !l->alone && pthread_create(&l->thread, NULL, read_sequence, l) == 0;
    if (!l->runs) read_sequence(l);
}

static rkv_status lane_end(lane *l) {
    if (l->runs) pthread_join(l->thread, NULL);
    l->runs = false;
    return rkv_first_failure_raise(&l->failure);
}

/* Takes what one more sequence found into the means and the squared deviations (Welford 1962). */
static void add(probe *p, const lane *l) {
    double n = (double)l->number + 1;
    for (size_t head = 0; head < p->n_heads; head++) {
        const double *found = l->found[head];
        double *at = p->values + head, before = at[RETR * p->n_heads];
        for (size_t s = RETR; s < RETR_SPREAD; s++)
            at[s * p->n_heads] += (found[s] - at[s * p->n_heads]) / n;
        at[RETR_SPREAD * p->n_heads] += (found[RETR] - before) * (found[RETR] - at[RETR * p->n_heads]);
    }
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
    return status ? status : rkv_alloc(&p->values, N_SIGNALS * p->n_heads, sizeof *p->values);
}

/* A sequence for each device at a time, where there are several of both. */
static size_t count_lanes(const probe *p) {
    size_t n = p->model->backend->n_helpers;
    if (n > p->n_seeds) n = p->n_seeds;
    return n ? n : 1;
}

static rkv_status lane_open(lane *l, const probe *p, rkv_backend *helper) {
    *l = (lane){.p = p, .model = helper ? NULL : p->model, .alone = !helper};
    rkv_status status = rkv_alloc(&l->ids, 2 * p->m, sizeof *l->ids);
    if (!status) status = rkv_alloc(&l->found, p->n_heads, sizeof *l->found);
    if (!status && helper) status = rkv_model_twin_new(p->model, helper, &l->model);
    return status;
}

static void lane_close(lane *l) {
    if (!l->alone) rkv_model_twin_free(l->model);
    free(l->ids);
    free(l->found);
}

/* The sequences [first, first + n), and what they found in their order. */
static rkv_status read_some(probe *p, lane *lanes, size_t first, size_t n) {
    size_t n_layers = p->model->info.n_layers;
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < n; i++)
        lane_begin(&lanes[i], first + i);
    for (size_t i = 0; i < n; i++) {
        rkv_status ended = lane_end(&lanes[i]);
        if (status) continue;
        status = ended;
        if (!status) add(p, &lanes[i]);
        if (!status && !lanes[i].alone)
            status = rkv_progress_report(&p->options->progress, "probe", (first + i + 1) * n_layers,
                                         p->n_seeds * n_layers);
    }
    return status;
}

static rkv_status run(probe *p) {
    size_t n = count_lanes(p), opened = 0;
    lane *lanes = NULL;
    rkv_status status = rkv_alloc(&lanes, n, sizeof *lanes);
    while (!status && opened < n) {
        rkv_backend *helper = n > 1 ? p->model->backend->helpers[opened] : NULL;
        status = lane_open(&lanes[opened++], p, helper);
    }
    for (size_t s = 0; !status && s < p->n_seeds; s += n)
        status = read_some(p, lanes, s, p->n_seeds - s < n ? p->n_seeds - s : n);
    for (size_t i = 0; i < opened; i++)
        lane_close(&lanes[i]);
    free(lanes);
    double *spread = p->values + RETR_SPREAD * p->n_heads;
    for (size_t i = 0; i < p->n_heads; i++)
        spread[i] = p->n_seeds > 1 ? sqrt(fmax(spread[i], 0) / (double)(p->n_seeds - 1)) : 0;
    return status;
}

static rkv_status fill(const probe *p, rkv_profile *profile) {
    char origin[128], products[RKV_PRODUCTS_SIZE];
    rkv_model_say_products(p->model, products);
    snprintf(origin, sizeof origin, "%zu sequence%s of 2 x %zu random tokens, from seed %llu%s", p->n_seeds,
             p->n_seeds == 1 ? "" : "s", p->m, (unsigned long long)p->options->seed, products);
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
    free(p.choice);
    return status;
}
