/* calibrate.h: the parts of `rankkv calibrate`: signals, candidates, the choice and its judgement. */
#ifndef RKV_CLI_CALIBRATE_H
#define RKV_CLI_CALIBRATE_H

#include "cli/eval.h"

typedef struct calibrate_options {
    eval_options eval;   /* texts, windows and outputs of both stages; its grid is not asked for */
    cli_list test_texts; /* files; none: later windows of the same texts */
    size_t test_windows;
    const char *method;
    double ratio;
    const char *signals, *exponents, *floors, *shares;
    bool by_layer, by_head; /* neither: both */
    size_t shuffles;
    const char *profile, *output;
} calibrate_options;

/* calibrate_signals.c: adds to inputs->profile what the signals [n] name and it lacks: the probe's, oerr of
 * the method, or averages of metrics over the first windows' contexts. */
rkv_status calibrate_add_signals(eval_inputs *inputs, const calibrate_options *options, char *const *signals,
                                 size_t n);

/* For what can be known before: signals that are missing are all equal. */
rkv_status calibrate_level_signals(eval_inputs *inputs, char *const *signals, size_t n);

/* What is known of the choice in the end. */
typedef struct calibrate_outcome {
    char *budget; /* the specification that was chosen; freed by rkv_free */
    double loss, uniform_loss;
    size_t n_windows;
    rkv_results *candidates, *test;
    size_t chosen, uniform, ada; /* settings of test; ada: AdaKV's, SIZE_MAX when the method has none */
    rkv_paired against_uniform, against_ada;
    size_t n_beaten, n_shuffles;
} calibrate_outcome;
void calibrate_outcome_clear(calibrate_outcome *outcome);

/* calibrate_stages.c: fills in the settings of either evaluation, which point to specs [*n]: of all
 * candidates, with the full cache first; of a choice (full, uniform, itself, its shuffles, and AdaKV last).
 * calibrate_free_specs frees, also after a failure. */
rkv_status calibrate_list_candidates(eval_inputs *inputs, const calibrate_options *options,
                                     char *const *signals, size_t n_signals, char ***specs, size_t *n);
rkv_status calibrate_list_judgement(eval_inputs *test, const calibrate_options *options, const char *chosen,
                                    const char *ada, char ***specs, size_t *n);
void calibrate_free_specs(char **specs, size_t n);
/* AdaKV shares each layer's budget among its heads by the method's own scores: the same options, the same
 * stages after it. NULL when there is none; the caller frees it. */
char *calibrate_name_ada(const char *method);

/* calibrate_stages.c: whether there are candidates to choose from and the folders of both stages may be
 * written; asked before anything long. */
rkv_status calibrate_check(const eval_inputs *inputs, const calibrate_options *options, char *const *signals,
                           size_t n_signals);

/* Chooses on inputs->windows, judges on test->windows (which shares inputs' model and
 * profile). */
rkv_status calibrate_choose(eval_inputs *inputs, const calibrate_options *options, char *const *signals,
                            size_t n_signals, calibrate_outcome *outcome);
rkv_status calibrate_judge(eval_inputs *test, const calibrate_options *options, calibrate_outcome *outcome);

/* calibrate_dry_run.c: tells what memory both evaluations would take, and computes nothing. RKV_NO_MEMORY:
 * one of them does not fit. */
rkv_status calibrate_dry_run(eval_inputs *inputs, eval_inputs *test, const calibrate_options *options,
                             char *const *signals, size_t n_signals);

/* calibrate_report.c: what was chosen, and how it did. */
void calibrate_report_write(FILE *out, const calibrate_outcome *outcome, const calibrate_options *options);
void calibrate_json_write(FILE *out, const calibrate_outcome *outcome, const calibrate_options *options);

#endif
