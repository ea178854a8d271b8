/* test_kvpress_losses.c: what a compressed cache costs on the default model: kvpress's losses against ours.
 *
 * The ordinary run takes the first window, half of the entries removed, budgets uniform and (snapkv) by
 * layer. RANKKV_TEST_ALL=1 takes every window, ratio and layer budget of tests/ref/kvpress.csv and prints
 * docs/results/kvpress.md's tables; it takes some minutes and 3 GB. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankkv/rankkv.h>

#include "support/default_model.h"
#include "support/kvpress.h"

enum { NATURAL, COPY, N_TASKS };

static const struct {
    const char *name;
    double limit; /* nats, of the difference of one window's loss */
} tasks[N_TASKS] = {{"natural", 0.005}, {"copy", 0.02}};

/* Which of our methods is defined as a press is; NULL: none. */
static const struct {
    const char *press, *method;
} presses[] = {
    {"none", "full"},
    {"Knorm", "knorm"},
    {"StreamingLLM", "streaming-llm"},
    {"SnapKV", "snapkv"},
    {"PyramidKV", "pyramidkv"},
    {"AdaKV_SnapKV", "ada-snapkv"},
    {"TOVA", "tova"},
    {"ObservedAttention", "h2o:recent_ratio=0,score=mean"},
    {"ExpectedAttention", "expected-attention"},
    {"KeyDiff", "keydiff"},
    {"Random", NULL}, /* draws from torch's generator */
};
#define N_PRESSES (sizeof presses / sizeof *presses)

/* The cells of one press, layer budgets and ratio, and what we get. */
typedef struct trial {
    const kvpress_cell *cell;                                                   /* the first of them */
    size_t press;                                                               /* row of presses */
    double expected[N_TASKS][KVPRESS_WINDOWS], found[N_TASKS][KVPRESS_WINDOWS]; /* NaN: none */
    rkv_budget budget;                                                          /* with `layers` below */
    size_t layers[KVPRESS_LAYERS];
} trial;

static kvpress_reference reference;
static trial *trials;
static size_t n_trials, n_not_comparable;

static void ok(rkv_status status) {
    if (status != RKV_OK) fail_msg("%s", rkv_message());
}

static bool runs_all(void) {
    const char *all = getenv("RANKKV_TEST_ALL");
    return all && *all && strcmp(all, "0") != 0;
}

/* ---- what is tried ---- */

static size_t find_press(const char *name) {
    for (size_t i = 0; i < N_PRESSES; i++)
        if (strcmp(name, presses[i].press) == 0) return i;
    fail_msg("kvpress.csv has a press that the test does not know: %s", name);
    return 0;
}

static bool uniform(const kvpress_cell *c) {
    return strcmp(c->budgets, "uniform") == 0 || strcmp(c->budgets, "-") == 0;
}

static bool comparable(const kvpress_cell *c) {
    double weight[KVPRESS_LAYERS];
    return presses[find_press(c->press)].method && (uniform(c) || kvpress_layer_weights(c->budgets, weight));
}

static bool in_short_run(const kvpress_cell *c) {
    bool by_layer = strcmp(c->press, "SnapKV") == 0 && strcmp(c->budgets, "inv") == 0;
    return c->window == 0 && (c->removed == 0 || c->removed == 0.5) && (uniform(c) || by_layer);
}

/* Entries per KV head over all layers; kvpress's presses round each in their own way, so they are counted
 * back from what stayed. */
static size_t total_of(const kvpress_cell *c) {
    return (size_t)lround(c->kept * KVPRESS_CONTEXT * KVPRESS_LAYERS);
}

static void share_budgets(trial *t) {
    double weight[KVPRESS_LAYERS];
    size_t least[KVPRESS_LAYERS], most[KVPRESS_LAYERS];
    for (size_t l = 0; l < KVPRESS_LAYERS; l++) {
        least[l] = KVPRESS_LEAST_BUDGET;
        most[l] = KVPRESS_CONTEXT;
    }
    assert_true(kvpress_layer_weights(t->cell->budgets, weight));
    ok(rkv_budget_share(weight, least, most, KVPRESS_LAYERS, total_of(t->cell), t->layers));
}

static trial *trial_of(const kvpress_cell *c) {
    for (size_t i = 0; i < n_trials; i++) {
        const kvpress_cell *other = trials[i].cell;
        if (strcmp(c->press, other->press) == 0 && strcmp(c->budgets, other->budgets) == 0 &&
            c->removed == other->removed)
            return &trials[i];
    }
    trial *t = &trials[n_trials++];
    *t = (trial){.cell = c, .press = find_press(c->press)};
    for (size_t i = 0; i < N_TASKS * KVPRESS_WINDOWS; i++)
        t->expected[i / KVPRESS_WINDOWS][i % KVPRESS_WINDOWS] =
            t->found[i / KVPRESS_WINDOWS][i % KVPRESS_WINDOWS] = NAN;
    if (!uniform(c)) share_budgets(t);
    return t;
}

static size_t task_of(const kvpress_cell *c) {
    for (size_t i = 0; i < N_TASKS; i++)
        if (strcmp(c->task, tasks[i].name) == 0) return i;
    fail_msg("kvpress.csv has an unknown task: %s", c->task);
    return 0;
}

static void collect_trials(void) {
    trials = calloc(reference.n_cells, sizeof *trials);
    assert_non_null(trials);
    for (size_t i = 0; i < reference.n_cells; i++) {
        const kvpress_cell *c = &reference.cells[i];
        if (!comparable(c))
            n_not_comparable++;
        else if (runs_all() || in_short_run(c))
            trial_of(c)->expected[task_of(c)][c->window] = c->nll;
    }
    assert_true(n_trials > 0);
}

/* ---- our losses ---- */

/* How the budget of a trial reaches a session: the same for all layers, or a budget made for this model. */
static rkv_session *open_session(rkv_model *model, trial *t) {
    rkv_session_options options = {
        .method = presses[t->press].method, .hold = RKV_HOLD_PROMPT, .verify = true};
    rkv_session *session;
    if (uniform(t->cell)) {
        options.budget = total_of(t->cell) / KVPRESS_LAYERS;
    } else {
        t->budget = (rkv_budget){.model = *rkv_model_get_info(model),
                                 .n_tokens = KVPRESS_CONTEXT,
                                 .granularity = RKV_BY_LAYER,
                                 .total = total_of(t->cell),
                                 .min = KVPRESS_LEAST_BUDGET,
                                 .max = KVPRESS_CONTEXT,
                                 .layers = t->layers};
        options.budgets = &t->budget;
    }
    ok(rkv_session_new(&session, model, &options));
    return session;
}

/* The first token is not scored, as in the reference. */
static double mean_loss(rkv_session *session, const int32_t *ids) {
    double nll[KVPRESS_CONTINUATION], sum = 0;
    ok(rkv_session_losses(session, ids, KVPRESS_CONTINUATION, nll));
    for (size_t i = 1; i < KVPRESS_CONTINUATION; i++)
        sum += nll[i];
    return sum / (KVPRESS_CONTINUATION - 1);
}

/* What the cache holds is what was asked for: kvpress's budgets leave nothing over. */
static void check_entries(const rkv_session *session, const trial *t) {
    rkv_cache_stats stats;
    ok(rkv_session_get_stats(session, &stats));
    size_t kv_heads = stats.n_entries / total_of(t->cell);
    if (stats.n_entries != kv_heads * total_of(t->cell) || kv_heads == 0)
        fail_msg("%s, %s, %g removed: %zu entries, kvpress keeps %zu per KV head", t->cell->press,
                 t->cell->budgets, t->cell->removed, stats.n_entries, total_of(t->cell));
}

static void run_trials(rkv_model *model, trial **some, size_t n, size_t window) {
    const int32_t *ids = reference.ids[window];
    const int32_t *text[N_TASKS] = {ids + KVPRESS_CONTEXT, ids + KVPRESS_COPY_FROM};
    rkv_session **sessions = calloc(n, sizeof *sessions);
    assert_non_null(sessions);
    for (size_t i = 0; i < n; i++)
        sessions[i] = open_session(model, some[i]);
    ok(rkv_session_prefill_all(sessions, n, ids, KVPRESS_CONTEXT));
    for (size_t i = 0; i < n; i++) {
        check_entries(sessions[i], some[i]);
        for (size_t task = 0; task < N_TASKS; task++)
            if (!isnan(some[i]->expected[task][window]))
                some[i]->found[task][window] = mean_loss(sessions[i], text[task]);
        rkv_session_free(sessions[i]);
    }
    free(sessions);
}

static bool wants_window(const trial *t, size_t window) {
    return !isnan(t->expected[NATURAL][window]) || !isnan(t->expected[COPY][window]);
}

/* One prompt for all trials on a window. */
static void run_window(rkv_model *model, size_t window) {
    trial **some = calloc(n_trials, sizeof *some);
    size_t n = 0;
    assert_non_null(some);
    for (size_t i = 0; i < n_trials; i++)
        if (wants_window(&trials[i], window)) some[n++] = &trials[i];
    if (n > 0) run_trials(model, some, n, window);
    free(some);
}

/* ---- the verdict ---- */

/* Over windows: means of both sides and the difference of largest size, ours less kvpress's. */
typedef struct verdict {
    size_t n;
    double expected, found, difference;
} verdict;

static verdict judge(const trial *t, size_t task) {
    verdict v = {0};
    for (size_t w = 0; w < KVPRESS_WINDOWS; w++) {
        if (isnan(t->expected[task][w])) continue;
        double difference = t->found[task][w] - t->expected[task][w];
        v.n++;
        v.expected += t->expected[task][w];
        v.found += t->found[task][w];
        if (isnan(difference) || fabs(difference) > fabs(v.difference)) v.difference = difference;
    }
    if (v.n > 0) v.expected /= (double)v.n, v.found /= (double)v.n;
    return v;
}

static void print_verdict(verdict v) {
    if (v.n > 0)
        printf(" %.4f | %.4f | %+.4f |", v.expected, v.found, v.difference);
    else
        printf(" | | |");
}

static void print_trials(void) {
    printf(
        "\n| press | layer budgets | removed | natural: kvpress | ours | difference | copy: kvpress | ours | "
        "difference |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (size_t p = 0; p < N_PRESSES; p++)
        for (size_t i = 0; i < n_trials; i++) {
            const trial *t = &trials[i];
            if (t->press != p) continue;
            printf("| %s | %s | %g |", t->cell->press, t->cell->budgets, t->cell->removed);
            for (size_t task = 0; task < N_TASKS; task++)
                print_verdict(judge(t, task));
            printf("\n");
        }
}

/* The largest difference of each press; how many cells exceed their limit. */
static size_t print_presses(void) {
    size_t n_over = 0;
    printf("\n| press | method | cells | natural, largest difference | copy, largest difference |\n"
           "| --- | --- | --- | --- | --- |\n");
    for (size_t p = 0; p < N_PRESSES; p++) {
        double largest[N_TASKS] = {0};
        size_t n_cells = 0;
        for (size_t i = 0; i < n_trials; i++)
            for (size_t task = 0; task < N_TASKS && trials[i].press == p; task++) {
                verdict v = judge(&trials[i], task);
                n_cells += v.n;
                n_over += v.n > 0 && !(fabs(v.difference) <= tasks[task].limit);
                largest[task] = fmax(largest[task], fabs(v.difference));
            }
        if (n_cells > 0)
            printf("| %s | %s | %zu | %.4f | %.4f |\n", presses[p].press, presses[p].method, n_cells,
                   largest[NATURAL], largest[COPY]);
    }
    return n_over;
}

static void test_losses_are_those_of_kvpress(void **state) {
    (void)state;
    rkv_model *model;
    ok(rkv_model_open(&model, default_model_or_skip(), &(rkv_model_options){.device = "cpu"}));
    kvpress_read(&reference);
    collect_trials();
    for (size_t w = 0; w < KVPRESS_WINDOWS; w++)
        run_window(model, w);
    print_trials();
    size_t n_over = print_presses();
    printf("\n%zu cells of the reference have no counterpart: Random (another generator), and layer budgets "
           "whose "
           "shares it does not tell.\n",
           n_not_comparable);
    if (n_over > 0) fail_msg("%zu rows differ by more than their limit", n_over);
    free(trials);
    kvpress_clear(&reference);
    rkv_model_close(model);
}

/* AddressSanitizer makes this a test of many minutes; tests/test_session.c runs every method under it. */
static bool too_slow(void) {
#ifdef __SANITIZE_ADDRESS__
    printf("skipped: takes too long under AddressSanitizer\n");
    return true;
#else
    return false;
#endif
}

int main(void) {
    if (too_slow() || !default_model()) return SKIPPED_PROGRAM;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_losses_are_those_of_kvpress)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
