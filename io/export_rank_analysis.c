/* export_rank_analysis.c: the Python prototype's rank_analysis.json. */
#include <math.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/exporters.h"
#include "io/json_write.h"

typedef struct profile {
    double mean, deviation;
    size_t lowest, highest; /* layers; the first of equals */
} profile;

static profile summarize(const double *ranks, size_t n) {
    profile p = {0};
    for (size_t l = 0; l < n; l++) {
        p.mean += ranks[l] / (double)n;
        if (ranks[l] < ranks[p.lowest]) p.lowest = l;
        if (ranks[l] > ranks[p.highest]) p.highest = l;
    }
    for (size_t l = 0; l < n; l++)
        p.deviation += (ranks[l] - p.mean) * (ranks[l] - p.mean) / (double)n;
    p.deviation = sqrt(p.deviation);
    return p;
}

/* ranks [L] and zeros [L]: one prompt is one sample, whose deviation is 0. */
static void write_document(rkv_json_out *out, const rkv_analysis *a, const double *ranks,
                           const double *zeros) {
    size_t L = a->model.n_layers;
    profile p = summarize(ranks, L);
    rkv_json_begin(out, NULL, '{');
    rkv_json_string(out, "model", a->model.name);
    rkv_json_string(out, "dataset", a->prompt_name);
    rkv_json_size(out, "num_samples", 1);
    rkv_json_size(out, "num_layers", L);
    rkv_json_numbers(out, "mean_ranks", ranks, L);
    rkv_json_numbers(out, "std_ranks", zeros, L);
    rkv_json_number(out, "overall_mean", p.mean);
    rkv_json_number(out, "overall_std", p.deviation);
    rkv_json_size(out, "min_layer", p.lowest);
    rkv_json_size(out, "max_layer", p.highest);
    rkv_json_number(out, "min_rank", ranks[p.lowest]);
    rkv_json_number(out, "max_rank", ranks[p.highest]);
    rkv_json_string(out, "aggregate", rkv_aggregate_name(a->aggregate));
    rkv_json_end(out, '}');
}

/* The prototype divides ranks by T, so a profile lies in 0..1. */
static rkv_status render(const rkv_budget *budget, const rkv_analysis *analysis, char **out) {
    (void)budget;
    if (!analysis) return rkv_fail(RKV_USAGE, "format rank-analysis needs the analysis");
    size_t L = analysis->model.n_layers;
    double *ranks = NULL, *zeros = NULL;
    rkv_text text = {0};
    rkv_json_out document = {.text = &text};
    rkv_status status = rkv_alloc(&ranks, L, sizeof *ranks);
    if (!status) status = rkv_alloc(&zeros, L, sizeof *zeros);
    if (!status) {
        for (size_t l = 0; l < L; l++)
            ranks[l] = analysis->layer_rank[l] / (double)analysis->n_tokens;
        write_document(&document, analysis, ranks, zeros);
        status = rkv_text_finish(&text, out);
    }
    free(ranks);
    free(zeros);
    return status;
}

const rkv_exporter rkv_export_rank_analysis = {
    .name = "rank-analysis",
    .summary = "layer ranks divided by the prompt's length, as the prototype stores them",
    .tool = "the Python prototype: rank_analysis.json",
    .file_name = "rank_analysis.json",
    .needs_analysis = true,
    .render = render,
};
