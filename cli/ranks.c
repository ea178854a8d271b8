/* ranks.c: the ranks that a file of ours holds, whether it is an analysis or a trace. */
#include "cli/ranks.h"

#include <stdlib.h>
#include <string.h>

#include "cli/input_kind.h"
#include "cli/message.h"
#include "cli/progress.h"
#include "cli/prompt.h"

/* What is known without looking at the attention; true. */
static bool take_shape(cli_ranks *ranks) {
    ranks->borrowed.model = *rkv_trace_model(ranks->trace);
    ranks->borrowed.n_tokens = rkv_trace_n_tokens(ranks->trace);
    ranks->borrowed.perplexity = __builtin_nan("");
    ranks->analysis = &ranks->borrowed;
    return true;
}

/* Takes [L, H] ranks from the trace and makes [L] layer ranks of them; false when they are not there. */
static bool take_stored(cli_ranks *ranks, rkv_aggregate aggregate) {
    const rkv_model_info *model = rkv_trace_model(ranks->trace);
    size_t L = model->n_layers, H = model->n_heads;
    ranks->values = calloc(L * H + L, sizeof *ranks->values);
    if (!ranks->values || !rkv_trace_read_erank(ranks->trace, ranks->values)) return false;
    double *layer_rank = ranks->values + L * H;
    for (size_t l = 0; l < L; l++)
        layer_rank[l] = rkv_aggregate_values(aggregate, ranks->values + l * H, H);
    ranks->borrowed.metric[RKV_ERANK] = ranks->values;
    ranks->borrowed.aggregate = aggregate;
    ranks->borrowed.layer_rank = layer_rank;
    return take_shape(ranks);
}

static rkv_status analyse_trace(cli_ranks *ranks, const char *name, rkv_aggregate aggregate, bool quiet) {
    progress_bar bar;
    rkv_analyze_options options = {
        .prompt_name = name, .aggregate = aggregate, .progress = progress_begin(&bar, name, quiet)};
    rkv_status status = rkv_analyze_trace(&ranks->owned, ranks->trace, &options);
    progress_erase();
    ranks->analysis = ranks->owned;
    return said(status);
}

/* What an option that was not given stands for in a trace, which has no layer ranks of its own. */
static rkv_aggregate or_mean(rkv_aggregate aggregate) {
    return aggregate == RKV_AGGREGATE_COUNT ? RKV_AGGREGATE_MEAN : aggregate;
}

static rkv_status load_trace(cli_ranks *ranks, const char *path, const rkv_budget_options *options,
                             bool quiet) {
    char *stem = NULL;
    rkv_aggregate aggregate = or_mean(options->aggregate);
    rkv_status status = said(rkv_trace_open(&ranks->trace, path));
    if (!status) status = prompt_stem(path, &stem);
    bool ranks_do = strcmp(options->signal, rkv_metric_get_info(RKV_ERANK)->name) == 0 &&
                    aggregate != RKV_AGGREGATE_HEAD_MEAN_MATRIX;
    bool stored = !status && ((ranks_do && take_stored(ranks, aggregate)) ||
                              (!rkv_budget_needs_analysis(options) && take_shape(ranks)));
    if (!status && !stored) {
        status = analyse_trace(ranks, stem, aggregate, quiet);
    } else if (!status) {
        ranks->borrowed.prompt_name = stem;
        stem = NULL;
    }
    free(stem);
    return status;
}

rkv_status ranks_load(cli_ranks *ranks, const char *path, const rkv_budget_options *options, bool quiet) {
    input_kind kind;
    rkv_status status = input_kind_of(path, &kind);
    if (status) return status;
    if (kind == INPUT_MODEL || kind == INPUT_BUDGET || kind == INPUT_PROFILE)
        return complain(RKV_DATA, "%s: is a %s, not an analysis.json or a trace; see rankkv info", path,
                        kind == INPUT_MODEL    ? "model"
                        : kind == INPUT_BUDGET ? "budget"
                                               : "profile");
    if (kind == INPUT_TRACE) return load_trace(ranks, path, options, quiet);
    status = said(rkv_analysis_load(&ranks->owned, path));
    ranks->analysis = ranks->owned;
    return status;
}

void ranks_clear(cli_ranks *ranks) {
    rkv_analysis_free(ranks->owned);
    rkv_trace_close(ranks->trace);
    free(ranks->borrowed.prompt_name);
    free(ranks->values);
    *ranks = (struct cli_ranks){0};
}
