/* trace_results.c: what an analysis and a budget add to a trace. */
#include "io/trace_results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/documents.h"
#include "io/trace_put.h"

static rkv_put_dataset real_dataset(hid_t file, const char *group, const char *name) {
    return (rkv_put_dataset){.file = file,
                             .group = group,
                             .name = name,
                             .axes = {"layer"},
                             .file_type = H5T_IEEE_F64LE,
                             .memory_type = H5T_NATIVE_DOUBLE};
}

/* The effective rank stands in the root, under its full name; every other metric in metrics/. */
static rkv_status put_metric(hid_t file, rkv_metric metric, const rkv_analysis *analysis) {
    const rkv_metric_info *info = rkv_metric_get_info(metric);
    rkv_put_dataset dataset = real_dataset(file, "metrics", info->name);
    if (metric == RKV_ERANK) {
        dataset.group = NULL;
        dataset.name = "effective_rank";
    }
    dataset.axes[1] = info->per_kv_head ? "kv_head" : "head";
    dataset.units = info->unit;
    dataset.long_name = info->summary;
    hid_t id;
    rkv_status status = rkv_put_values(&dataset, analysis->metric[metric], &id);
    if (status) return status;
    if (metric == RKV_ERANK) status = rkv_put_string(id, "definition", RKV_ERANK_DEFINITION);
    H5Dclose(id);
    return status;
}

static rkv_status put_metrics(hid_t file, const rkv_analysis *analysis) {
    const char *names[RKV_METRIC_COUNT];
    size_t n = 0;
    rkv_status status = RKV_OK;
    for (int m = 0; m < RKV_METRIC_COUNT && !status; m++) {
        if (!analysis->metric[m]) continue;
        names[n++] = rkv_metric_get_info((rkv_metric)m)->name;
        status = put_metric(file, (rkv_metric)m, analysis);
    }
    if (!status && n) status = rkv_put_strings(file, "metrics", names, n);
    return status;
}

static rkv_status put_layer_rank(hid_t file, const rkv_analysis *analysis) {
    if (!analysis->layer_rank) return RKV_OK;
    rkv_put_dataset dataset = real_dataset(file, NULL, "layer_rank");
    dataset.units = "dimensions";
    dataset.long_name = "effective rank of the layer: its heads, aggregated";
    hid_t id;
    rkv_status status = rkv_put_values(&dataset, analysis->layer_rank, &id);
    if (status) return status;
    status = rkv_put_string(id, "aggregate", rkv_aggregate_name(analysis->aggregate));
    H5Dclose(id);
    return status;
}

static rkv_status put_analysis(hid_t file, const rkv_analysis *analysis) {
    rkv_status status = rkv_put_string(file, "prompt_name", analysis->prompt_name);
    if (!status && !isnan(analysis->perplexity))
        status = rkv_put_real(file, "perplexity", analysis->perplexity);
    if (!status) status = rkv_put_string(file, "solver", rkv_solver_name(analysis->solver));
    if (!status) status = rkv_put_string(file, "device", analysis->device);
    if (!status) status = put_metrics(file, analysis);
    if (!status) status = put_layer_rank(file, analysis);
    return status;
}

static rkv_status put_budget_notes(hid_t dataset, const rkv_budget *budget) {
    rkv_status status = rkv_put_string(dataset, "signal", budget->signal);
    if (!status) status = rkv_put_string(dataset, "options", budget->options_json);
    if (!status) status = rkv_put_integer(dataset, "total", budget->total);
    if (!status) status = rkv_put_integer(dataset, "min", budget->min);
    if (!status) status = rkv_put_integer(dataset, "max", budget->max);
    return status;
}

static rkv_status put_budget(hid_t file, const rkv_budget *budget) {
    if (!budget->policy || !*budget->policy || strchr(budget->policy, '/') ||
        strspn(budget->policy, ".") == strlen(budget->policy))
        return rkv_fail(RKV_USAGE, "policy \"%s\": not a name that a dataset can have",
                        budget->policy ? budget->policy : "");
    const size_t *shares = budget->heads ? budget->heads : budget->layers;
    size_t n = budget->model.n_layers * (budget->heads ? budget->model.n_kv_heads : 1);
    int64_t *values = NULL;
    rkv_status status = rkv_alloc_raw(&values, n, sizeof *values);
    for (size_t i = 0; i < n && !status; i++)
        values[i] = (int64_t)shares[i];
    rkv_put_dataset dataset = {.file = file,
                               .group = "budgets",
                               .name = budget->policy,
                               .axes = {"layer", budget->heads ? "kv_head" : NULL},
                               .file_type = H5T_STD_I64LE,
                               .memory_type = H5T_NATIVE_INT64,
                               .units = "entries",
                               .long_name = "cache entries kept per KV head"};
    hid_t id = H5I_INVALID_HID;
    if (!status) status = rkv_put_values(&dataset, values, &id);
    if (!status) status = put_budget_notes(id, budget);
    if (id >= 0) H5Dclose(id);
    free(values);
    return status;
}

rkv_status rkv_trace_put_results(hid_t file, const rkv_analysis *analysis, const rkv_budget *budget) {
    rkv_status status = analysis ? put_analysis(file, analysis) : RKV_OK;
    if (!status && budget) status = put_budget(file, budget);
    return status;
}
