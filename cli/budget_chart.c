/* budget_chart.c: budgets layer by layer as a picture. */
#include "cli/budget_chart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/chart_file.h"
#include "cli/message.h"

enum { TEXT_SIZE = 512, LABEL_SIZE = 24, MOST_PANELS = 2 };

/* What a chart borrows. L layers, n budgets. */
typedef struct drawing {
    const rkv_budget *const *budgets;
    size_t n, L;
    rkv_series *series; /* [n] those that follow the signal, then controls */
    size_t n_controls;
    double *numbers; /* x [L]; y, low, high [n, L] each */
    char (*label_text)[LABEL_SIZE];
    const char **labels; /* [L] of layers */
    char title[TEXT_SIZE], subtitle[TEXT_SIZE];
    rkv_panel panels[MOST_PANELS];
    size_t n_panels;
} drawing;

/* ---- points ---- */

static void span_of_heads(const rkv_budget *budget, size_t layer, double *low, double *high) {
    size_t G = budget->model.n_kv_heads, least = SIZE_MAX, most = 0;
    for (size_t g = 0; g < G; g++) {
        size_t entries = budget->heads[layer * G + g];
        least = entries < least ? entries : least;
        most = entries > most ? entries : most;
    }
    *low = (double)least;
    *high = (double)most;
}

/* The spans of many policies would hide their lines: only one by itself has them. */
static rkv_series make_series(const drawing *d, size_t i) {
    const rkv_budget *budget = d->budgets[i];
    size_t L = d->L, all = d->n * L;
    double *y = d->numbers + L + i * L, *low = y + all, *high = low + all;
    bool alone = d->n == 1, spans = alone && budget->heads;
    for (size_t l = 0; l < L; l++) {
        y[l] = (double)budget->layers[l];
        if (spans) span_of_heads(budget, l, &low[l], &high[l]);
    }
    return (rkv_series){.name = alone ? NULL : budget->policy,
                        .x = d->numbers,
                        .y = y,
                        .low = spans ? low : NULL,
                        .high = spans ? high : NULL,
                        .n = L,
                        .mark = alone ? RKV_MARK_BAR : RKV_MARK_LINE};
}

/* Does not go by the signal, or not by whose it is. */
static bool is_control(const rkv_budget *budget) {
    const rkv_policy *policy = rkv_policy_find(budget->policy);
    return policy && (!policy->needs_signal || strcmp(policy->name, "shuffled") == 0);
}

static void fill_series(drawing *d) {
    size_t at = 0;
    for (int controls = 0; controls < 2; controls++)
        for (size_t i = 0; i < d->n; i++) {
            if (is_control(d->budgets[i]) != (controls == 1)) continue;
            d->series[at++] = make_series(d, i);
            d->n_controls += controls == 1;
        }
}

static rkv_status fill(drawing *d) {
    size_t L = d->L;
    d->series = calloc(d->n, sizeof *d->series);
    d->numbers = calloc(L + 3 * d->n * L, sizeof *d->numbers);
    d->label_text = calloc(L, sizeof *d->label_text);
    d->labels = calloc(L, sizeof *d->labels);
    if (!d->series || !d->numbers || !d->label_text || !d->labels)
        return complain(RKV_NO_MEMORY, "out of memory");
    for (size_t l = 0; l < L; l++) {
        d->numbers[l] = (double)l;
        snprintf(d->label_text[l], LABEL_SIZE, "%zu", l);
        d->labels[l] = d->label_text[l];
    }
    fill_series(d);
    return RKV_OK;
}

static void clear(drawing *d) {
    free(d->series);
    free(d->numbers);
    free(d->label_text);
    free(d->labels);
}

/* ---- words ---- */

/* "" when none of them follows one. */
static const char *signal_of(const drawing *d) {
    for (size_t i = 0; i < d->n; i++)
        if (*d->budgets[i]->signal) return d->budgets[i]->signal;
    return "";
}

/* "Cache budgets by layer: inverse", "SmolLM2 (Q4_1) · prose, 512 tokens · signal erank · total 3840 of ..."
 */
static void write_words(drawing *d) {
    const rkv_budget *first = d->budgets[0];
    const rkv_model_info *model = &first->model;
    size_t most = d->L * first->n_tokens;
    const char *signal = signal_of(d);
    snprintf(d->title, sizeof d->title, "Cache budgets by layer: %s",
             d->n == 1 ? first->policy : "every policy at the same total");
    snprintf(d->subtitle, sizeof d->subtitle,
             "%s%s%s%s \u00B7 %s, %zu tokens%s%s \u00B7 total %zu of %zu entries (%.3g\u00A0%%)", model->name,
             *model->file_type ? " (" : "", model->file_type, *model->file_type ? ")" : "", first->source,
             first->n_tokens, *signal ? " \u00B7 signal " : "", signal, first->total, most,
             100.0 * (double)first->total / (double)most);
}

static const char *note_of(const drawing *d) {
    bool by_head = d->budgets[0]->heads != NULL;
    if (d->n > 1) return by_head ? "Shown is the mean over the KV heads of a layer." : NULL;
    return by_head
               ? "Bars: the mean over the KV heads of a layer; lines: from its smallest head to its largest. "
                 "Dashed: the same for every head."
               : "Dashed: the same for every layer.";
}

/* ---- the picture ---- */

static void add_panel(drawing *d, const char *title, const rkv_series *series, size_t n) {
    if (n == 0) return;
    d->panels[d->n_panels++] = (rkv_panel){.title = title,
                                           .x = {.title = "layer", .labels = d->labels, .n_labels = d->L},
                                           .y = {.title = "entries kept per KV head", .from_zero = true},
                                           .series = series,
                                           .n_series = n};
}

static rkv_status save(drawing *d, const char *path) {
    double even = (double)d->budgets[0]->total / (double)d->L;
    const char *rule_name = "even share";
    size_t n_followers = d->n - d->n_controls;
    if (d->n == 1) {
        add_panel(d, NULL, d->series, 1);
        d->panels[0].rules = &even;
        d->panels[0].rule_names = &rule_name;
        d->panels[0].n_rules = 1;
    } else {
        add_panel(d, "policies that follow the signal", d->series, n_followers);
        add_panel(d, "controls, which do not", d->series + n_followers, d->n_controls);
    }
    rkv_chart chart = {.title = d->title,
                       .subtitle = d->subtitle,
                       .note = note_of(d),
                       .panels = d->panels,
                       .n_panels = d->n_panels,
                       .n_columns = 1,
                       .same_x = true,
                       .same_y = true};
    return chart_file_save(&chart, path);
}

rkv_status budget_chart_save(const rkv_budget *const *budgets, size_t n, const char *path) {
    drawing d = {.budgets = budgets, .n = n, .L = budgets[0]->model.n_layers};
    rkv_status status = fill(&d);
    if (!status) {
        write_words(&d);
        status = save(&d, path);
    }
    clear(&d);
    return status;
}
