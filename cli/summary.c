/* summary.c: an analysis as a table per layer. */
#include "cli/summary.h"

#include <math.h>
#include <string.h>

#include "cli/bar.h"
#include "cli/terminal.h"

enum { RANK_BAR = 24, BUDGET_BAR = 12 };

void write_bytes(char text[32], double bytes) {
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;
    for (; bytes >= 999.5 && unit + 1 < sizeof units / sizeof *units; unit++)
        bytes /= 1000;
    snprintf(text, 32, bytes < 10 && unit > 0 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

void summary_head(FILE *out, const rkv_analysis *analysis) {
    const rkv_model_info *model = &analysis->model;
    fputs(terminal_style(out, STYLE_BOLD), out);
    write_printable(out, analysis->prompt_name, strlen(analysis->prompt_name));
    fprintf(out, "%s  %zu tokens", terminal_style(out, STYLE_PLAIN), analysis->n_tokens);
    if (isfinite(analysis->perplexity)) fprintf(out, ", perplexity %.2f", analysis->perplexity);
    fprintf(out, "\n%s", terminal_style(out, STYLE_DIM));
    const char *name = model->name ? model->name : "unnamed model";
    write_printable(out, name, strlen(name)); /* it comes from a file, and may hold anything */
    fprintf(out, ": %zu layers of %zu heads, %zu KV heads", model->n_layers, model->n_heads,
            model->n_kv_heads);
    if (*analysis->device) fprintf(out, "; %s", analysis->device);
    if (analysis->total_s > 0)
        fprintf(out, "; %.1f s (prefill %.1f, rank %.1f)", analysis->total_s, analysis->prefill_s,
                analysis->rank_s);
    fprintf(out, "%s\n\n", terminal_style(out, STYLE_PLAIN));
}

static double largest(const double *values, size_t n) {
    double most = 1; /* no effective rank is less */
    for (size_t i = 0; i < n; i++)
        if (values[i] > most) most = values[i];
    return most;
}

/* A column of the mean over heads; NaN-proof, and a dash where the metric was not measured. */
static void write_mean(FILE *out, const rkv_analysis *analysis, rkv_metric metric, size_t layer) {
    size_t H = analysis->model.n_heads;
    const double *values = analysis->metric[metric];
    if (values)
        fprintf(out, "  %6.3f", rkv_aggregate_values(RKV_AGGREGATE_MEAN, values + layer * H, H));
    else
        fprintf(out, "  %6s", "-");
}

/* What the bars of a table are measured against. */
typedef struct scale {
    double rank;
    size_t budget;
} scale;

static void write_heading(FILE *out, const rkv_analysis *analysis, const rkv_budget *budget) {
    fprintf(out, "%slayer  %8s  %-*s", terminal_style(out, STYLE_BOLD), "erank", RANK_BAR,
            rkv_aggregate_name(analysis->aggregate));
    if (budget) fprintf(out, "  %7s  %-*.*s", "budget", BUDGET_BAR, BUDGET_BAR, budget->policy);
    fprintf(out, "  %6s  %6s%s\n", "sink", "local", terminal_style(out, STYLE_PLAIN));
}

static void write_layer(FILE *out, const rkv_analysis *analysis, const rkv_budget *budget, size_t layer,
                        scale most) {
    double rank = analysis->layer_rank[layer];
    fprintf(out, "%5zu  %8.2f  ", layer, rank);
    int left = bar_write(out, rank / most.rank, RANK_BAR);
    if (budget) {
        fprintf(out, "%*s  %7zu  ", left, "", budget->layers[layer]);
        left = bar_write(out, (double)budget->layers[layer] / (double)most.budget, BUDGET_BAR);
    }
    fprintf(out, "%*s", left, "");
    write_mean(out, analysis, RKV_SINK_4, layer);
    write_mean(out, analysis, RKV_LOCAL_32, layer);
    fputc('\n', out);
}

static void write_total(FILE *out, const rkv_analysis *analysis, const rkv_budget *budget) {
    double all = (double)analysis->model.n_layers * (double)analysis->n_tokens;
    fprintf(out, "total  %8s  %*s  %7zu  of %.0f (%.1f %%), %s\n", "", RANK_BAR, "", budget->total, all,
            100 * (double)budget->total / all,
            budget->granularity == RKV_BY_HEAD ? "shared by head" : "by layer");
}

void summary_table(FILE *out, const rkv_analysis *analysis, const rkv_budget *budget) {
    size_t L = analysis->model.n_layers;
    scale most = {largest(analysis->layer_rank, L), 1};
    for (size_t l = 0; budget && l < L; l++)
        if (budget->layers[l] > most.budget) most.budget = budget->layers[l];
    write_heading(out, analysis, budget);
    for (size_t l = 0; l < L; l++)
        write_layer(out, analysis, budget, l, most);
    if (budget) write_total(out, analysis, budget);
    fputc('\n', out);
}
