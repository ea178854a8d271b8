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
    fprintf(out, "%s%s%s  %zu tokens", terminal_style(out, STYLE_BOLD), analysis->prompt_name,
            terminal_style(out, STYLE_PLAIN), analysis->n_tokens);
    if (isfinite(analysis->perplexity)) fprintf(out, ", perplexity %.2f", analysis->perplexity);
    fprintf(out, "\n%s%s: %zu layers of %zu heads, %zu KV heads", terminal_style(out, STYLE_DIM),
            model->name ? model->name : "unnamed model", model->n_layers, model->n_heads, model->n_kv_heads);
    if (*analysis->device) fprintf(out, "; %s", analysis->device);
    if (analysis->total_s > 0)
        fprintf(out, "; %.1f s (prefill %.1f, rank %.1f)", analysis->total_s, analysis->prefill_s,
                analysis->rank_s);
    fprintf(out, "%s\n\n", terminal_style(out, STYLE_PLAIN));
}

static double largest(const double *values, size_t n) {
    double most = 0;
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

void summary_table(FILE *out, const rkv_analysis *analysis, const rkv_budget *budget) {
    size_t L = analysis->model.n_layers;
    double most = largest(analysis->layer_rank, L);
    size_t most_budget = 1;
    for (size_t l = 0; budget && l < L; l++)
        if (budget->layers[l] > most_budget) most_budget = budget->layers[l];
    fprintf(out, "%slayer  %8s  %-*s", terminal_style(out, STYLE_BOLD), "rank", RANK_BAR,
            rkv_aggregate_name(analysis->aggregate));
    if (budget) fprintf(out, "  %7s  %-*.*s", "budget", BUDGET_BAR, BUDGET_BAR, budget->policy);
    fprintf(out, "  %6s  %6s%s\n", "sink", "local", terminal_style(out, STYLE_PLAIN));
    for (size_t l = 0; l < L; l++) {
        fprintf(out, "%5zu  %8.2f  ", l, analysis->layer_rank[l]);
        bar_write(out, most > 0 ? analysis->layer_rank[l] / most : 0, RANK_BAR);
        if (budget) {
            fprintf(out, "  %7zu  ", budget->layers[l]);
            bar_write(out, (double)budget->layers[l] / (double)most_budget, BUDGET_BAR);
        }
        write_mean(out, analysis, RKV_SINK_4, l);
        write_mean(out, analysis, RKV_LOCAL_32, l);
        fputc('\n', out);
    }
    if (budget)
        fprintf(out, "%5s  %8s  %*s  %7zu  of %zu (%.1f %%), %s\n", "total", "", RANK_BAR, "", budget->total,
                L * analysis->n_tokens, 100.0 * (double)budget->total / (double)(L * analysis->n_tokens),
                budget->granularity == RKV_BY_HEAD ? "shared by head" : "by layer");
    fputc('\n', out);
}
