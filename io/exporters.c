/* exporters.c: the table of formats that other tools read. */
#include "io/exporters.h"

#include <string.h>

#include "core/fail.h"
#include "core/file.h"
#include "core/memory.h"
#include "core/text.h"

static const rkv_exporter *const table[] = {
    &rkv_export_csv,
    &rkv_export_kvpress,
    &rkv_export_layer_budgets,
    &rkv_export_rank_analysis,
};
#define N_EXPORTERS (sizeof table / sizeof *table)

const rkv_exporter *rkv_exporter_at(size_t index) {
    return index < N_EXPORTERS ? table[index] : NULL;
}

const rkv_exporter *rkv_exporter_find(const char *name) {
    for (size_t i = 0; i < N_EXPORTERS; i++)
        if (strcmp(table[i]->name, name) == 0) return table[i];
    return NULL;
}

rkv_status rkv_export_needs_layers(const rkv_budget *budget, const char *format) {
    if (budget->granularity == RKV_BY_LAYER) return RKV_OK;
    return rkv_fail(RKV_USAGE,
                    "format %s holds one value per layer and this budget is by head: make it by layer",
                    format);
}

static rkv_status unknown_format(const char *format) {
    rkv_text text = {0};
    char *names;
    for (size_t i = 0; i < N_EXPORTERS; i++)
        rkv_text_printf(&text, "%s%s", i ? ", " : "", table[i]->name);
    rkv_status status = rkv_text_finish(&text, &names);
    if (!status) status = rkv_fail(RKV_USAGE, "no format is called \"%s\"; there are: %s", format, names);
    free(names);
    return status;
}

static rkv_status check_analysis(const rkv_exporter *exporter, const rkv_budget *budget,
                                 const rkv_analysis *analysis) {
    if (!analysis) {
        if (!exporter->needs_analysis) return RKV_OK;
        return rkv_fail(RKV_USAGE, "format %s needs the analysis beside the budget", exporter->name);
    }
    size_t ours = budget->model.n_layers, theirs = analysis->model.n_layers;
    if (ours == theirs && budget->n_tokens == analysis->n_tokens) return RKV_OK;
    return rkv_fail(RKV_USAGE,
                    "the analysis has %zu layers and %zu tokens, the budget %zu and %zu: not the same prompt",
                    theirs, analysis->n_tokens, ours, budget->n_tokens);
}

rkv_status rkv_budget_export(const rkv_budget *budget, const rkv_analysis *analysis, const char *format,
                             const char *path) {
    const rkv_exporter *exporter = rkv_exporter_find(format);
    if (!exporter) return unknown_format(format);
    rkv_status status = check_analysis(exporter, budget, analysis);
    if (status) return status;
    char *text = NULL;
    status = exporter->render(budget, analysis, &text);
    if (!status) status = rkv_write_file(path, text, strlen(text));
    free(text);
    return status;
}
