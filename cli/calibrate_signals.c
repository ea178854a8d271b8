/* calibrate_signals.c: the signals of a calibration, measured where the profile lacks them. */
#include <stdlib.h>
#include <string.h>

#include "cli/calibrate.h"
#include "cli/message.h"
#include "cli/progress.h"

/* Contexts that signals are measured on: a few are enough, and ranks take long. */
enum { MOST_CONTEXTS = 2 };

static size_t n_contexts(const eval_inputs *inputs) {
    return inputs->windows.n < MOST_CONTEXTS ? inputs->windows.n : MOST_CONTEXTS;
}

static rkv_status merge(eval_inputs *inputs, rkv_profile *made, rkv_status status) {
    if (!status) status = said(rkv_profile_merge(inputs->profile, made));
    rkv_profile_free(made);
    return status;
}

static rkv_status add_probe(eval_inputs *inputs, const calibrate_options *options) {
    progress_bar bar;
    rkv_profile *made = NULL;
    rkv_probe_options probe = {.seed = options->eval.seed,
                               .progress = progress_begin(&bar, "probe", options->eval.quiet)};
    rkv_status status = said(rkv_probe(&made, inputs->model, &probe));
    progress_erase();
    return merge(inputs, made, status);
}

static rkv_status add_oerr(eval_inputs *inputs, const calibrate_options *options) {
    progress_bar bar;
    const int32_t *ids[MOST_CONTEXTS];
    size_t n[MOST_CONTEXTS];
    for (size_t i = 0; i < n_contexts(inputs); i++) {
        ids[i] = inputs->windows.items[i].context;
        n[i] = inputs->windows.items[i].n_context;
    }
    rkv_oerr_options oerr = {.method = options->method,
                             .seed = options->eval.seed,
                             .progress = progress_begin(&bar, "oerr", options->eval.quiet)};
    rkv_status status =
        rkv_profile_add_oerr(inputs->profile, inputs->model, ids, n, n_contexts(inputs), &oerr);
    progress_erase();
    if (status != RKV_USAGE) return said(status);
    return complain(status,
                    "--signals: oerr is measured at a tenth of a context without its last queries: %s",
                    rkv_message());
}

static rkv_status add_averages(eval_inputs *inputs, const calibrate_options *options) {
    rkv_analysis *analyses[MOST_CONTEXTS] = {NULL};
    rkv_profile *made = NULL;
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < n_contexts(inputs); i++) {
        const rkv_window *w = &inputs->windows.items[i];
        progress_bar bar;
        rkv_analyze_options analyze = {.prompt_name = w->name,
                                       .progress = progress_begin(&bar, w->name, options->eval.quiet)};
        status = said(rkv_analyze(&analyses[i], inputs->model, w->context, w->n_context, &analyze));
        progress_erase();
    }
    if (!status)
        status = said(rkv_profile_average(&made, (const rkv_analysis *const *)analyses, n_contexts(inputs)));
    for (size_t i = 0; i < MOST_CONTEXTS; i++)
        rkv_analysis_free(analyses[i]);
    return merge(inputs, made, status);
}

typedef rkv_status measuring(eval_inputs *inputs, const calibrate_options *options);

/* What is measured beside metrics, and the signals that come of it. */
static const struct {
    const char *names[5];
    measuring *measure;
} measured[] = {{{"retr", "retr_duplicate", "retr_induction", "retr_spread"}, add_probe},
                {{"oerr", "oerr_layer"}, add_oerr}};

/* What adds a signal to the profile; NULL: nothing does. */
static measuring *measure_of(const char *signal) {
    for (size_t i = 0; i < sizeof measured / sizeof *measured; i++)
        for (const char *const *name = measured[i].names; *name; name++)
            if (strcmp(*name, signal) == 0) return measured[i].measure;
    return rkv_metric_find(signal) != RKV_METRIC_COUNT ? add_averages : NULL;
}

static rkv_status complain_of(const char *name) {
    return complain(
        RKV_USAGE,
        "--signals: \"%s\" is no metric, nothing that is probed or measured, and not in the profile", name);
}

rkv_status calibrate_level_signals(eval_inputs *inputs, char *const *signals, size_t n) {
    const rkv_model_info *m = rkv_model_get_info(inputs->model);
    char none[] = "";
    double *ones = calloc(m->n_layers * m->n_heads, sizeof *ones);
    rkv_status status = ones ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
    for (size_t i = 0; ones && i < m->n_layers * m->n_heads; i++)
        ones[i] = 1;
    for (size_t i = 0; !status && i < n; i++) {
        const rkv_signal level = {
            .name = signals[i], .unit = none, .summary = none, .origin = none, .values = ones};
        if (rkv_profile_find(inputs->profile, signals[i])) continue;
        status =
            measure_of(signals[i]) ? said(rkv_profile_put(inputs->profile, &level)) : complain_of(signals[i]);
    }
    free(ones);
    return status;
}

rkv_status calibrate_add_signals(eval_inputs *inputs, const calibrate_options *options, char *const *signals,
                                 size_t n) {
    rkv_status status = RKV_OK;
    for (size_t i = 0; !status && i < n; i++) {
        const char *name = signals[i];
        if (rkv_profile_find(inputs->profile, name)) continue;
        measuring *measure = measure_of(name);
        if (measure) status = measure(inputs, options);
        if (!status && !rkv_profile_find(inputs->profile, name)) status = complain_of(name);
    }
    return status;
}
