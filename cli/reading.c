/* reading.c: an analysis in words. */
#include "cli/reading.h"

#include <math.h>
#include <stdlib.h>

#include "cli/terminal.h"

/* A head is called a sink or local head when this much of its attention is there. */
#define MOST_MASS 0.9
/* From here on a correlation is worth a word. */
#define STRONG    0.5

/* ---- correlation ---- */

typedef struct ranked {
    double value;
    size_t index;
} ranked;

static int by_value(const void *a, const void *b) {
    double x = ((const ranked *)a)->value, y = ((const ranked *)b)->value;
    return (x > y) - (x < y);
}

/* rank [n] of values [n]: 0 for the smallest; equal values share the mean of their places. */
static void fill_ranks(const double *values, size_t n, ranked *sorted, double *rank) {
    for (size_t i = 0; i < n; i++)
        sorted[i] = (ranked){values[i], i};
    qsort(sorted, n, sizeof *sorted, by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && sorted[end].value == sorted[i].value;)
            end++;
        for (size_t j = i; j < end; j++)
            rank[sorted[j].index] = (double)(i + end - 1) / 2;
    }
}

/* Spearman 1904: Pearson's correlation of the ranks. */
double reading_spearman(const double *x, const double *y, size_t n) {
    ranked *sorted = calloc(n ? n : 1, sizeof *sorted);
    double *rank_x = calloc(n ? n : 1, sizeof *rank_x), *rank_y = calloc(n ? n : 1, sizeof *rank_y);
    double xx = 0, yy = 0, xy = 0, mean = ((double)n - 1) / 2;
    if (sorted && rank_x && rank_y && n >= 3) {
        fill_ranks(x, n, sorted, rank_x);
        fill_ranks(y, n, sorted, rank_y);
        for (size_t i = 0; i < n; i++) {
            xx += (rank_x[i] - mean) * (rank_x[i] - mean);
            yy += (rank_y[i] - mean) * (rank_y[i] - mean);
            xy += (rank_x[i] - mean) * (rank_y[i] - mean);
        }
    }
    free(sorted);
    free(rank_x);
    free(rank_y);
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

/* ---- words ---- */

static size_t count_above(const double *values, size_t n, double limit) {
    size_t count = 0;
    for (size_t i = 0; values && i < n; i++)
        count += values[i] > limit;
    return count;
}

static size_t index_of_extreme(const double *values, size_t n, int sign) {
    size_t best = 0;
    for (size_t i = 1; i < n; i++)
        if (sign * values[i] > sign * values[best]) best = i;
    return best;
}

static const char *plural(size_t n) {
    return n == 1 ? "" : "s";
}

static void say_ranks(FILE *out, const rkv_analysis *analysis) {
    size_t L = analysis->model.n_layers, n = L * analysis->model.n_heads;
    const double *erank = analysis->metric[RKV_ERANK];
    size_t low = index_of_extreme(analysis->layer_rank, L, -1),
           high = index_of_extreme(analysis->layer_rank, L, 1);
    if (erank)
        fprintf(out,
                "The %zu heads use %.1f to %.1f of %zu possible dimensions (effective rank; median %.1f). ",
                n, erank[index_of_extreme(erank, n, -1)], erank[index_of_extreme(erank, n, 1)],
                analysis->n_tokens, rkv_aggregate_values(RKV_AGGREGATE_MEDIAN, erank, n));
    fprintf(out, "Layer %zu is lowest (%.1f), layer %zu highest (%.1f). ", low, analysis->layer_rank[low],
            high, analysis->layer_rank[high]);
}

static void say_masses(FILE *out, const rkv_analysis *analysis) {
    size_t n = analysis->model.n_layers * analysis->model.n_heads;
    const double *erank = analysis->metric[RKV_ERANK], *sink = analysis->metric[RKV_SINK_4],
                 *local = analysis->metric[RKV_LOCAL_32];
    size_t sinks = count_above(sink, n, MOST_MASS), locals = count_above(local, n, MOST_MASS);
    if (sink && local)
        fprintf(out,
                "%zu head%s put over 90 %% of their attention on the first 4 tokens, %zu head%s over 90 %% "
                "on the last 32. ",
                sinks, plural(sinks), locals, plural(locals));
    double rho = erank && local ? reading_spearman(erank, local, n) : NAN;
    if (fabs(rho) >= STRONG)
        fprintf(out, "Rank goes %s local attention here (Spearman %+.2f). ", rho > 0 ? "with" : "against",
                rho);
}

static void say_meaning(FILE *out, const rkv_budget *budget) {
    fprintf(out,
            "A high rank marks heads that look at different tokens from row to row, above all local ones; a "
            "low rank "
            "marks heads that rest on the same few tokens, or spread evenly over all. Rank is a measure of "
            "locality, "
            "not of need: a previous-token head has full rank and needs two entries, and heads that fetch "
            "far tokens "
            "often rest on the first ones and rank low. So take the %s budgets as a candidate, and hold them "
            "against "
            "the controls at the same total: rankkv budget --compare.",
            budget->policy);
}

void reading_write(FILE *out, const rkv_analysis *analysis, const rkv_budget *budget, bool with_meaning) {
    char *text = NULL;
    size_t size, width = terminal_width(out);
    FILE *words = open_memstream(&text, &size);
    if (!words) return;
    say_ranks(words, analysis);
    say_masses(words, analysis);
    if (with_meaning) say_meaning(words, budget);
    if (fclose(words) == 0) write_wrapped(out, text, width < 100 ? width : 100, 0);
    free(text);
}
