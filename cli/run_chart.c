/* run_chart.c: --chart: how long the cache is, step by step, as a picture. */
#include <stdlib.h>
#include <string.h>

#include "cli/chart_file.h"
#include "cli/message.h"
#include "cli/run.h"

enum { MOST_SERIES = 2, SUBTITLE_SIZE = 1024, BUDGET_SIZE = 64, NOTE_SIZE = 256 };

/* ---- lengths ---- */

rkv_status run_lengths_begin(run_lengths *lengths) {
    *lengths = (run_lengths){.stride = 1};
    lengths->points = calloc(RUN_POINTS, sizeof *lengths->points);
    return lengths->points ? RKV_OK : complain(RKV_NO_MEMORY, "out of memory");
}

void run_lengths_clear(run_lengths *lengths) {
    free(lengths->points);
    *lengths = (run_lengths){0};
}

static void join(run_point *to, const run_point *from) {
    if (from->n == 0) return;
    if (to->n == 0 || from->shortest < to->shortest) to->shortest = from->shortest;
    if (from->longest > to->longest) to->longest = from->longest;
    to->sum += from->sum;
    to->n += from->n;
}

/* Makes room: from now on a point stands for twice as many steps. */
static void halve(run_lengths *lengths) {
    run_point *points = lengths->points;
    for (size_t i = 0; i < RUN_POINTS / 2; i++) {
        run_point both = points[2 * i];
        join(&both, &points[2 * i + 1]);
        points[i] = both;
    }
    memset(points + RUN_POINTS / 2, 0, RUN_POINTS / 2 * sizeof *points);
    lengths->stride *= 2;
}

void run_lengths_add(run_lengths *lengths, const rkv_cache_event *event) {
    while (event->step / lengths->stride >= RUN_POINTS)
        halve(lengths);
    size_t at = event->step / lengths->stride;
    join(&lengths->points[at], &(run_point){(double)event->after, 1, event->after, event->after});
    lengths->n = at + 1;
}

/* ---- series ---- */

typedef struct drawing {
    rkv_series series[MOST_SERIES];
    size_t n;
    double *numbers[MOST_SERIES]; /* x, y, low, high: [RUN_POINTS] each */
    size_t stride;                /* the largest of the series */
} drawing;

static rkv_status add_series(drawing *d, const run_lengths *lengths, const char *name) {
    double *x = calloc(4 * RUN_POINTS, sizeof *x), *y = x + RUN_POINTS, *low = y + RUN_POINTS;
    if (!x) return complain(RKV_NO_MEMORY, "out of memory");
    double *high = low + RUN_POINTS;
    for (size_t i = 0; i < lengths->n; i++) {
        const run_point *point = &lengths->points[i];
        x[i] = (double)(i * lengths->stride);
        y[i] = point->sum / (double)point->n;
        low[i] = (double)point->shortest;
        high[i] = (double)point->longest;
    }
    d->numbers[d->n] = x;
    d->series[d->n++] = (rkv_series){
        .name = name, .x = x, .y = y, .low = low, .high = high, .n = lengths->n, .mark = RKV_MARK_STEP};
    if (lengths->stride > d->stride) d->stride = lengths->stride;
    return RKV_OK;
}

static void clear(drawing *d) {
    for (size_t i = 0; i < d->n; i++)
        free(d->numbers[i]);
}

/* ---- words ---- */

/* " · budget 128", " · budgets 20 to 300"; nothing where there is none. Returns the one budget of all heads,
 * 0 when there is none. */
static size_t write_budget(char text[BUDGET_SIZE], const run_result *result, size_t n_heads) {
    size_t least = SIZE_MAX, most = 0;
    for (size_t i = 0; i < n_heads; i++) {
        size_t budget = result->heads[i].budget;
        least = budget < least ? budget : least;
        most = budget > most ? budget : most;
    }
    *text = '\0';
    if (most == SIZE_MAX) return 0; /* no limit */
    if (least == most)
        snprintf(text, BUDGET_SIZE, " \u00B7 budget %zu", most);
    else
        snprintf(text, BUDGET_SIZE, " \u00B7 budgets %zu to %zu", least, most);
    return least == most ? most : 0;
}

static void write_subtitle(char text[SUBTITLE_SIZE], const run_result *result, const run_inputs *inputs,
                           const run_options *options, const char *budget) {
    const rkv_model_info *model = rkv_model_get_info(inputs->model);
    snprintf(text, SUBTITLE_SIZE, "%s (%s) \u00B7 %s, %zu tokens, and %zu new \u00B7 %s%s", model->name,
             model->file_type, inputs->name, inputs->n_tokens, result->n, run_method_label(inputs, options),
             budget);
}

static bool has_spans(const drawing *d) {
    for (size_t s = 0; s < d->n; s++)
        for (size_t i = 0; i < d->series[s].n; i++)
            if (d->series[s].low[i] < d->series[s].high[i]) return true;
    return false;
}

static void write_note(char text[NOTE_SIZE], const drawing *d, size_t n_heads) {
    const char *form = has_spans(d)
                           ? "Line: the mean over %zu lists (layers \u00D7 KV heads) after each step's "
                             "evictions; band: from the shortest to the longest."
                           : "All %zu lists (layers \u00D7 KV heads) are equally long; shown after each "
                             "step's evictions.";
    int length = snprintf(text, NOTE_SIZE, form, n_heads);
    if (d->stride > 1)
        snprintf(text + length, NOTE_SIZE - (size_t)length, " A point stands for %zu steps.", d->stride);
}

/* ---- the picture ---- */

static rkv_status save(const drawing *d, const run_result *result, const run_inputs *inputs,
                       const run_options *options) {
    const rkv_model_info *model = rkv_model_get_info(inputs->model);
    char budget_text[BUDGET_SIZE], subtitle[SUBTITLE_SIZE], note_text[NOTE_SIZE];
    size_t n_heads = model->n_layers * model->n_kv_heads;
    size_t budget = write_budget(budget_text, result, n_heads);
    write_subtitle(subtitle, result, inputs, options, budget_text);
    write_note(note_text, d, n_heads);
    double rule = (double)budget;
    const char *rule_name = "budget";
    rkv_panel panel = {.x = {.title = "step (0: the prompt)"},
                       .y = {.title = "entries kept per KV head", .from_zero = true},
                       .series = d->series,
                       .n_series = d->n,
                       .rules = &rule,
                       .rule_names = &rule_name,
                       /* one far above the text would only press the lines down */
                       .n_rules = budget > 0 && budget <= result->stats.n_tokens};
    rkv_chart chart = {.title = "Length of the cache, step by step",
                       .subtitle = subtitle,
                       .note = note_text,
                       .panels = &panel,
                       .n_panels = 1};
    return chart_file_save(&chart, options->chart);
}

rkv_status run_chart_save(const run_result *result, const run_result *full, const run_inputs *inputs,
                          const run_options *options) {
    drawing d = {0};
    rkv_status status = add_series(&d, &result->lengths, full ? run_method_label(inputs, options) : NULL);
    if (!status && full) status = add_series(&d, &full->lengths, "full");
    if (!status) status = save(&d, result, inputs, options);
    clear(&d);
    return status;
}
