/* analysis_json.c: analysis.json, everything that is known of a prompt but the matrices. */
#include <stdio.h>
#include <string.h>

#include <rankkv/budget.h>

#include "core/fail.h"
#include "core/file.h"
#include "core/memory.h"
#include "io/documents.h"
#include "io/json.h"
#include "io/model_json.h"

static const struct {
    const char *key;
    size_t offset;
} seconds[] = {
    {"load", offsetof(rkv_analysis, load_s)},
    {"prefill", offsetof(rkv_analysis, prefill_s)},
    {"rank", offsetof(rkv_analysis, rank_s)},
    {"total", offsetof(rkv_analysis, total_s)},
};
#define N_SECONDS (sizeof seconds / sizeof *seconds)

static size_t columns_of(const rkv_model_info *model, size_t metric) {
    return rkv_metric_get_info((rkv_metric)metric)->per_kv_head ? model->n_kv_heads : model->n_heads;
}

/* ---- writing ---- */

static void write_prompt(rkv_json_out *out, const rkv_analysis *a) {
    rkv_json_begin(out, "prompt", '{');
    rkv_json_string(out, "name", a->prompt_name);
    rkv_json_size(out, "n_tokens", a->n_tokens);
    if (a->token_ids) rkv_json_ids(out, "token_ids", a->token_ids, a->n_tokens);
    if (a->token_text) {
        rkv_json_begin(out, "token_text", '[');
        for (size_t t = 0; t < a->n_tokens; t++)
            rkv_json_string(out, NULL, a->token_text[t]);
        rkv_json_end(out, ']');
    }
    rkv_json_end(out, '}');
}

static void write_metrics(rkv_json_out *out, const rkv_analysis *a) {
    size_t L = a->model.n_layers;
    rkv_json_string(out, "metric", RKV_ERANK_DEFINITION);
    rkv_json_matrix(out, "effective_rank", a->metric[RKV_ERANK], L, a->model.n_heads);
    rkv_json_begin(out, "metrics", '{');
    for (size_t m = 0; m < RKV_METRIC_COUNT; m++)
        if (m != RKV_ERANK && a->metric[m])
            rkv_json_matrix(out, rkv_metric_get_info((rkv_metric)m)->name, a->metric[m], L,
                            columns_of(&a->model, m));
    rkv_json_end(out, '}');
    rkv_json_begin(out, "layer_rank", '{');
    rkv_json_string(out, "aggregate", rkv_aggregate_name(a->aggregate));
    rkv_json_numbers(out, "values", a->layer_rank, L);
    rkv_json_end(out, '}');
}

static void write_svd_heads(rkv_json_out *out, const rkv_analysis *a) {
    size_t H = a->model.n_heads;
    rkv_json_begin(out, "svd_heads", '[');
    for (size_t i = 0; a->svd_used && i < a->model.n_layers * H; i++)
        if (a->svd_used[i]) rkv_json_sizes(out, NULL, (size_t[]){i / H, i % H}, 2);
    rkv_json_end(out, ']');
}

static void write_seconds(rkv_json_out *out, const rkv_analysis *a) {
    rkv_json_begin(out, "seconds", '{');
    for (size_t i = 0; i < N_SECONDS; i++)
        rkv_json_number(out, seconds[i].key, *(const double *)((const char *)a + seconds[i].offset));
    rkv_json_end(out, '}');
}

rkv_status rkv_analysis_to_json(const rkv_analysis *analysis, const rkv_budget *budget, char **json) {
    *json = NULL;
    if (!analysis->metric[RKV_ERANK] || !analysis->layer_rank)
        return rkv_fail(RKV_USAGE, "an analysis without effective ranks and layer ranks cannot be written");
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    rkv_status status = RKV_OK;
    rkv_json_begin(&out, NULL, '{');
    rkv_json_head(&out, RKV_ANALYSIS_SCHEMA, RKV_ANALYSIS_VERSION);
    rkv_model_json_write(&out, &analysis->model);
    write_prompt(&out, analysis);
    rkv_json_number(&out, "perplexity", analysis->perplexity);
    write_metrics(&out, analysis);
    write_svd_heads(&out, analysis);
    if (budget) status = rkv_budget_write(&out, "budget", budget);
    rkv_json_string(&out, "solver", rkv_solver_name(analysis->solver));
    rkv_json_string(&out, "device", analysis->device);
    write_seconds(&out, analysis);
    rkv_json_end(&out, '}');
    if (!status) return rkv_text_finish(&text, json);
    free(text.bytes);
    return status;
}

rkv_status rkv_analysis_save(const rkv_analysis *analysis, const rkv_budget *budget, const char *path) {
    char *json;
    rkv_status status = rkv_analysis_to_json(analysis, budget, &json);
    if (!status) status = rkv_write_file(path, json, strlen(json));
    free(json);
    return status;
}

/* ---- reading ---- */

/* token_text is filled row by row so that a failure half-way leaves an analysis that can be freed. */
static rkv_status read_token_text(const json_t *prompt, rkv_analysis *a) {
    const json_t *array;
    rkv_status status = rkv_json_get_array(prompt, "prompt", "token_text", a->n_tokens, &array);
    if (!status) status = rkv_alloc(&a->token_text, a->n_tokens, sizeof *a->token_text);
    for (size_t t = 0; !status && t < a->n_tokens; t++) {
        const json_t *text = json_array_get(array, t);
        char name[64];
        snprintf(name, sizeof name, "prompt.token_text[%zu]", t);
        status = json_is_string(text) ? rkv_copy_string(&a->token_text[t], json_string_value(text))
                                      : rkv_json_refuse(name, text, "a string");
    }
    return status;
}

static rkv_status read_prompt(const json_t *document, rkv_analysis *a) {
    const json_t *prompt;
    rkv_status status = rkv_json_get_object(document, "", "prompt", &prompt);
    if (!status) status = rkv_json_copy_string(prompt, "prompt", "name", "prompt", &a->prompt_name);
    if (!status) status = rkv_json_get_size(prompt, "prompt", "n_tokens", 1, RKV_MAX_TOKENS, &a->n_tokens);
    if (!status && rkv_json_has(prompt, "token_ids"))
        status = rkv_json_get_ids(prompt, "prompt", "token_ids", a->n_tokens, &a->token_ids);
    if (!status && rkv_json_has(prompt, "token_text")) status = read_token_text(prompt, a);
    return status;
}

static rkv_status read_layer_rank(const json_t *document, rkv_analysis *a) {
    const json_t *object;
    const char *name;
    rkv_status status = rkv_json_get_object(document, "", "layer_rank", &object);
    if (!status) status = rkv_json_get_string(object, "layer_rank", "aggregate", &name);
    if (status) return status;
    a->aggregate = rkv_aggregate_find(name);
    if (a->aggregate == RKV_AGGREGATE_COUNT)
        return rkv_json_refuse("layer_rank.aggregate", json_object_get(object, "aggregate"),
                               "mean, median, max, min or head-mean-matrix");
    return rkv_json_get_numbers(object, "layer_rank", "values", a->model.n_layers, &a->layer_rank);
}

/* Metrics that this version does not know are passed over: a newer one may have written them. */
static rkv_status read_metrics(const json_t *document, rkv_analysis *a) {
    const json_t *metrics;
    const char *definition;
    size_t L = a->model.n_layers;
    rkv_status status = rkv_json_get_string(document, "", "metric", &definition);
    if (!status && strcmp(definition, RKV_ERANK_DEFINITION) != 0)
        status = rkv_json_refuse("metric", json_object_get(document, "metric"), RKV_ERANK_DEFINITION);
    if (!status)
        status =
            rkv_json_get_matrix(document, "", "effective_rank", L, a->model.n_heads, &a->metric[RKV_ERANK]);
    if (!status) status = rkv_json_get_object(document, "", "metrics", &metrics);
    for (size_t m = 0; !status && m < RKV_METRIC_COUNT; m++) {
        const char *name = rkv_metric_get_info((rkv_metric)m)->name;
        if (m != RKV_ERANK && rkv_json_has(metrics, name))
            status =
                rkv_json_get_matrix(metrics, "metrics", name, L, columns_of(&a->model, m), &a->metric[m]);
    }
    return status;
}

static rkv_status read_svd_heads(const json_t *document, rkv_analysis *a) {
    size_t L = a->model.n_layers, H = a->model.n_heads;
    rkv_status status = rkv_alloc(&a->svd_used, L * H, 1);
    const json_t *heads = json_object_get(document, "svd_heads");
    if (!status && rkv_json_has(document, "svd_heads") && !json_is_array(heads))
        status = rkv_json_refuse("svd_heads", heads, "an array");
    for (size_t i = 0; !status && i < json_array_size(heads); i++) {
        const json_t *pair = json_array_get(heads, i);
        json_int_t l = json_integer_value(json_array_get(pair, 0));
        json_int_t h = json_integer_value(json_array_get(pair, 1));
        if (json_array_size(pair) != 2 || l < 0 || h < 0 || (size_t)l >= L || (size_t)h >= H)
            return rkv_fail(RKV_DATA, "svd_heads[%zu] is no [layer, head] of %zu layers and %zu heads", i, L,
                            H);
        a->svd_used[(size_t)l * H + (size_t)h] = 1;
    }
    return status;
}

static rkv_status read_device(const json_t *document, rkv_analysis *a) {
    const char *device = "unknown";
    rkv_status status = RKV_OK;
    if (rkv_json_has(document, "device")) status = rkv_json_get_string(document, "", "device", &device);
    if (status) return status;
    if (strlen(device) >= sizeof a->device)
        return rkv_fail(RKV_DATA, "device has %zu bytes, more than %zu", strlen(device),
                        sizeof a->device - 1);
    memcpy(a->device, device, strlen(device) + 1);
    return RKV_OK;
}

static rkv_status read_run(const json_t *document, rkv_analysis *a) {
    const char *solver = rkv_solver_name(RKV_SOLVER_GRAM);
    rkv_status status = rkv_json_get_number(document, "", "perplexity", &a->perplexity);
    if (!status && rkv_json_has(document, "solver"))
        status = rkv_json_get_string(document, "", "solver", &solver);
    if (status) return status;
    while (rkv_solver_name(a->solver) && strcmp(rkv_solver_name(a->solver), solver) != 0)
        a->solver++;
    if (!rkv_solver_name(a->solver))
        return rkv_json_refuse("solver", json_object_get(document, "solver"), "gram or svd");
    const json_t *object = json_object_get(document, "seconds");
    for (size_t i = 0; !status && json_is_object(object) && i < N_SECONDS; i++)
        status =
            rkv_json_get_number(object, "seconds", seconds[i].key, (double *)((char *)a + seconds[i].offset));
    return status ? status : read_device(document, a);
}

static rkv_status read_document(const json_t *document, rkv_analysis *a) {
    rkv_status status = rkv_json_check_schema(document, RKV_ANALYSIS_SCHEMA, RKV_ANALYSIS_VERSION);
    if (!status) status = rkv_model_json_read(document, &a->model);
    if (!status) status = read_prompt(document, a);
    if (!status) status = read_metrics(document, a);
    if (!status) status = read_layer_rank(document, a);
    if (!status) status = read_svd_heads(document, a);
    if (!status) status = read_run(document, a);
    return status;
}

rkv_status rkv_analysis_load(rkv_analysis **out, const char *path) {
    *out = NULL;
    json_t *document = NULL;
    rkv_analysis *a = NULL;
    rkv_status status = rkv_json_read(&document, path);
    if (status) return status;
    status = rkv_alloc(&a, 1, sizeof *a);
    if (!status) status = read_document(document, a);
    if (status)
        rkv_analysis_free(a);
    else
        *out = a;
    json_decref(document);
    return status ? rkv_fail_within(status, "%s", path) : RKV_OK;
}
