/* calibrate_stages.c: the two evaluations of a calibration: of the candidates, and of the choice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/calibrate.h"
#include "cli/folder.h"
#include "cli/message.h"

/* Folders of the two evaluations. */
#define CANDIDATES "candidates"
#define TEST       "test"

void calibrate_outcome_clear(calibrate_outcome *outcome) {
    rkv_free(outcome->budget);
    rkv_results_free(outcome->candidates);
    rkv_results_free(outcome->test);
    *outcome = (calibrate_outcome){0};
}

/* Evaluates inputs' settings in a folder of their own. Hundreds of candidates make no chart. */
static rkv_status evaluate(const eval_inputs *inputs, const calibrate_options *options, const char *stage,
                           bool charts, rkv_results **results) {
    char *folder = NULL;
    eval_options eval = options->eval;
    rkv_status status = join_path(&folder, options->eval.folder, stage);
    eval.folder = folder;
    eval.no_charts |= !charts;
    if (!status) status = eval_run(inputs, &eval, results);
    if (!status) status = eval_write(*results, &eval);
    free(folder);
    return status;
}

/* ---- candidates ---- */

static rkv_status list_candidates(const eval_inputs *inputs, const calibrate_options *o, char *const *signals,
                                  size_t n_signals, char ***specs, size_t *n) {
    double *exponents = NULL, *floors = NULL, *shares = NULL;
    rkv_candidates c = {.signals = (const char *const *)signals,
                        .n_signals = n_signals,
                        .by_layer = o->by_layer || !o->by_head,
                        .by_head = o->by_head || !o->by_layer};
    rkv_status status = numbers_split(&exponents, &c.n_exponents, "exponents", o->exponents, -20, 20);
    if (!status) status = numbers_split(&floors, &c.n_floors, "floors", o->floors, 0, 1e6);
    if (!status) status = numbers_split(&shares, &c.n_shares, "shares", o->shares, 0, 1);
    c.exponents = exponents;
    c.floors = floors;
    c.shares = shares;
    if (!status)
        status = said(rkv_candidates_list(&c, rkv_model_get_info(inputs->model), o->ratio, specs, n));
    free(exponents);
    free(floors);
    free(shares);
    return status;
}

/* The settings of one method under budgets specs [n], the full cache first. */
static rkv_status set_budgets(eval_inputs *inputs, const calibrate_options *o, char *const *specs, size_t n) {
    inputs->settings = calloc(n + 1, sizeof *inputs->settings);
    if (!inputs->settings) return complain(RKV_NO_MEMORY, "out of memory");
    inputs->settings[0] = (rkv_setting){RKV_PROTOCOL_PREFILL, "full", NULL, 1, 0};
    for (size_t i = 0; i < n; i++)
        inputs->settings[i + 1] = (rkv_setting){RKV_PROTOCOL_PREFILL, o->method, specs[i], o->ratio, 0};
    inputs->n_settings = n + 1;
    return RKV_OK;
}

void calibrate_free_specs(char **specs, size_t n) {
    for (size_t i = 0; specs && i < n; i++)
        rkv_free(specs[i]);
    rkv_free(specs);
}

rkv_status calibrate_list_candidates(eval_inputs *inputs, const calibrate_options *options,
                                     char *const *signals, size_t n_signals, char ***specs, size_t *n) {
    rkv_status status = list_candidates(inputs, options, signals, n_signals, specs, n);
    return status ? status : set_budgets(inputs, options, *specs, *n);
}

static rkv_status check_stage(const calibrate_options *options, const char *stage) {
    char *folder = NULL;
    eval_options eval = options->eval;
    rkv_status status = join_path(&folder, eval.folder, stage);
    eval.folder = folder;
    if (!status) status = eval_check_folder(&eval);
    free(folder);
    return status;
}

rkv_status calibrate_check(const eval_inputs *inputs, const calibrate_options *options, char *const *signals,
                           size_t n_signals) {
    char **specs = NULL;
    size_t n = 0;
    rkv_status status = list_candidates(inputs, options, signals, n_signals, &specs, &n);
    calibrate_free_specs(specs, n);
    if (!status) status = check_stage(options, CANDIDATES);
    return status ? status : check_stage(options, TEST);
}

rkv_status calibrate_choose(eval_inputs *inputs, const calibrate_options *options, char *const *signals,
                            size_t n_signals, calibrate_outcome *outcome) {
    char **specs = NULL;
    size_t n = 0, chosen = 0;
    rkv_status status = calibrate_list_candidates(inputs, options, signals, n_signals, &specs, &n);
    if (!status) status = evaluate(inputs, options, CANDIDATES, false, &outcome->candidates);
    if (!status)
        status = said(
            rkv_calibration_choose(outcome->candidates, &chosen, &outcome->loss, &outcome->uniform_loss));
    outcome->n_windows = inputs->windows.n;
    if (!status && !(outcome->budget = strdup(outcome->candidates->settings[chosen].budget)))
        status = complain(RKV_NO_MEMORY, "out of memory");
    calibrate_free_specs(specs, n);
    return status;
}

/* ---- the judgement ---- */

char *calibrate_name_ada(const char *method) {
    char *ada;
    if (asprintf(&ada, "ada-%s", method) < 0) return NULL;
    if (rkv_method_check(ada) == RKV_OK) return ada;
    free(ada);
    return NULL;
}

rkv_status calibrate_list_judgement(eval_inputs *test, const calibrate_options *o, const char *chosen,
                                    const char *ada, char ***specs, size_t *n) {
    rkv_status status = RKV_OK;
    *specs = calloc(o->shuffles + 3, sizeof **specs);
    if (!*specs) return complain(RKV_NO_MEMORY, "out of memory");
    (*specs)[0] = strdup("uniform");
    (*specs)[1] = strdup(chosen);
    *n = 2;
    if (!(*specs)[0] || !(*specs)[1]) return complain(RKV_NO_MEMORY, "out of memory");
    bool shuffles = strcmp(chosen, "uniform") != 0;
    for (size_t i = 0; shuffles && !status && i < o->shuffles; i++)
        status = said(rkv_budget_spec_shuffle(chosen, i + 1, &(*specs)[(*n)++]));
    if (!status) status = set_budgets(test, o, *specs, *n);
    if (status || !ada) return status;
    rkv_setting *more = realloc(test->settings, (test->n_settings + 1) * sizeof *more);
    if (!more) return complain(RKV_NO_MEMORY, "out of memory");
    test->settings = more;
    more[test->n_settings++] = (rkv_setting){RKV_PROTOCOL_PREFILL, ada, "uniform", o->ratio, 0};
    return RKV_OK;
}

static rkv_status compare(calibrate_outcome *outcome, size_t n_shuffles) {
    const rkv_results *r = outcome->test;
    outcome->uniform = 1;
    outcome->chosen = 2;
    outcome->ada = r->n_settings > 3 + n_shuffles ? r->n_settings - 1 : SIZE_MAX;
    outcome->n_shuffles = n_shuffles;
    rkv_status status = said(rkv_results_compare(r, 2, 1, &outcome->against_uniform));
    if (!status && outcome->ada != SIZE_MAX)
        status = said(rkv_results_compare(r, 2, outcome->ada, &outcome->against_ada));
    for (size_t i = 0; !status && i < n_shuffles; i++) {
        rkv_paired paired;
        status = said(rkv_results_compare(r, 2, 3 + i, &paired));
        outcome->n_beaten += paired.mean < 0;
    }
    return status;
}

rkv_status calibrate_judge(eval_inputs *test, const calibrate_options *options, calibrate_outcome *outcome) {
    char *ada = calibrate_name_ada(options->method), **specs = NULL;
    size_t n = 0;
    rkv_status status = calibrate_list_judgement(test, options, outcome->budget, ada, &specs, &n);
    if (!status) status = evaluate(test, options, TEST, true, &outcome->test);
    if (!status) status = compare(outcome, n - 2);
    calibrate_free_specs(specs, n);
    free(ada);
    return status;
}
