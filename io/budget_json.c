/* budget_json.c: budget.json. */
#include <string.h>

#include <rankkv/budget.h>

#include "core/fail.h"
#include "core/file.h"
#include "core/memory.h"
#include "io/documents.h"
#include "io/json.h"
#include "io/model_info.h"
#include "io/model_json.h"

static const char *const granularities[] = {[RKV_BY_LAYER] = "layer", [RKV_BY_HEAD] = "head"};

/* ---- writing ---- */

static void write_members(rkv_json_out *out, const rkv_budget *b, const json_t *options) {
    rkv_json_head(out, RKV_BUDGET_SCHEMA, RKV_BUDGET_VERSION);
    rkv_model_json_write(out, &b->model);
    rkv_json_size(out, "n_tokens", b->n_tokens);
    rkv_json_string(out, "policy", b->policy);
    rkv_json_string(out, "signal", b->signal);
    rkv_json_value(out, "options", options);
    rkv_json_string(out, "granularity", granularities[b->granularity]);
    rkv_json_size(out, "total", b->total);
    rkv_json_size(out, "min", b->min);
    rkv_json_size(out, "max", b->max);
    rkv_json_sizes(out, "layers", b->layers, b->model.n_layers);
    if (b->heads) rkv_json_size_matrix(out, "heads", b->heads, b->model.n_layers, b->model.n_kv_heads);
    rkv_json_string(out, "source", b->source);
}

rkv_status rkv_budget_write(rkv_json_out *out, const char *key, const rkv_budget *budget) {
    json_t *options;
    rkv_status status = rkv_json_parse(&options, budget->options_json, strlen(budget->options_json));
    if (status) return rkv_fail_within(status == RKV_DATA ? RKV_USAGE : status, "options_json of the budget");
    rkv_json_begin(out, key, '{');
    write_members(out, budget, options);
    rkv_json_end(out, '}');
    json_decref(options);
    return RKV_OK;
}

rkv_status rkv_budget_to_json(const rkv_budget *budget, char **json) {
    *json = NULL;
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    rkv_status status = rkv_budget_write(&out, NULL, budget);
    return status ? status : rkv_text_finish(&text, json);
}

rkv_status rkv_budget_save(const rkv_budget *budget, const char *path) {
    char *json;
    rkv_status status = rkv_budget_to_json(budget, &json);
    if (!status) status = rkv_write_file(path, json, strlen(json));
    free(json);
    return status;
}

/* ---- reading ---- */

static rkv_status read_options(const json_t *document, rkv_budget *b) {
    if (!rkv_json_has(document, "options")) return rkv_copy_string(&b->options_json, "{}");
    const json_t *options;
    rkv_text text = {0};
    rkv_json_out out = {.text = &text};
    rkv_status status = rkv_json_get_object(document, "", "options", &options);
    if (status) return status;
    rkv_json_value(&out, NULL, options);
    return rkv_text_finish(&text, &b->options_json);
}

static rkv_status read_strings(const json_t *document, rkv_budget *b) {
    rkv_status status = rkv_json_copy_string(document, "", "policy", "unknown", &b->policy);
    if (!status) status = rkv_json_copy_string(document, "", "signal", "", &b->signal);
    if (!status) status = rkv_json_copy_string(document, "", "source", "", &b->source);
    return status ? status : read_options(document, b);
}

static rkv_status read_limits(const json_t *document, rkv_budget *b) {
    rkv_status status = rkv_json_get_size(document, "", "n_tokens", 1, RKV_MAX_TOKENS, &b->n_tokens);
    if (status) return status;
    size_t T = b->n_tokens;
    b->max = T; /* a file made elsewhere may leave the bounds out */
    status = rkv_json_get_size(document, "", "total", 0, b->model.n_layers * T, &b->total);
    if (!status && rkv_json_has(document, "max"))
        status = rkv_json_get_size(document, "", "max", 0, T, &b->max);
    if (!status && rkv_json_has(document, "min"))
        status = rkv_json_get_size(document, "", "min", 0, b->max, &b->min);
    return status;
}

static rkv_status read_granularity(const json_t *document, rkv_budget *b) {
    const char *name = granularities[RKV_BY_LAYER];
    if (rkv_json_has(document, "granularity")) {
        rkv_status status = rkv_json_get_string(document, "", "granularity", &name);
        if (status) return status;
    }
    for (size_t i = 0; i < sizeof granularities / sizeof *granularities; i++)
        if (strcmp(name, granularities[i]) == 0) {
            b->granularity = (rkv_granularity)i;
            return RKV_OK;
        }
    return rkv_json_refuse("granularity", json_object_get(document, "granularity"), "layer or head");
}

static rkv_status read_shares(const json_t *document, rkv_budget *b) {
    size_t L = b->model.n_layers, G = b->model.n_kv_heads;
    rkv_status status = rkv_json_get_sizes(document, "", "layers", L, b->max, &b->layers);
    if (status || b->granularity == RKV_BY_LAYER) return status;
    return rkv_json_get_size_matrix(document, "", "heads", L, G, b->max, &b->heads);
}

/* ---- what must hold between the members ---- */

static rkv_status check_sum(const char *name, const size_t *shares, size_t n, size_t wanted) {
    size_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += shares[i]; /* at most 2^24 values of at most 2^24 */
    if (sum == wanted) return RKV_OK;
    return rkv_fail(RKV_DATA, "%s sum to %zu, not to the %zu that total says", name, sum, wanted);
}

/* A layer of a budget by head is the mean of its heads, rounded up or down. */
static rkv_status check_means(const rkv_budget *b) {
    size_t G = b->model.n_kv_heads;
    for (size_t l = 0; l < b->model.n_layers; l++) {
        size_t sum = 0;
        for (size_t g = 0; g < G; g++)
            sum += b->heads[l * G + g];
        if (b->layers[l] != sum / G && b->layers[l] != (sum + G - 1) / G)
            return rkv_fail(RKV_DATA, "layers[%zu] is %zu, not the mean of its %zu heads, %.2f", l,
                            b->layers[l], G, (double)sum / (double)G);
    }
    return RKV_OK;
}

static rkv_status check_min(const char *name, const size_t *shares, size_t n, size_t min) {
    for (size_t i = 0; i < n; i++)
        if (shares[i] < min)
            return rkv_fail(RKV_DATA, "%s: value %zu is %zu, below the minimum %zu", name, i, shares[i], min);
    return RKV_OK;
}

static rkv_status check(const rkv_budget *b) {
    size_t L = b->model.n_layers, G = b->model.n_kv_heads;
    rkv_status status = check_min("layers", b->layers, L, b->min);
    if (!status) status = check_sum("layers", b->layers, L, b->total);
    if (status || !b->heads) return status;
    status = check_min("heads", b->heads, L * G, b->min);
    if (!status) status = check_sum("heads", b->heads, L * G, G * b->total);
    return status ? status : check_means(b);
}

static rkv_status read_document(const json_t *document, rkv_budget *b) {
    rkv_status status = rkv_json_check_schema(document, RKV_BUDGET_SCHEMA, RKV_BUDGET_VERSION);
    if (!status) status = rkv_model_json_read(document, &b->model);
    if (!status) status = read_strings(document, b);
    if (!status) status = read_limits(document, b);
    if (!status) status = read_granularity(document, b);
    if (!status) status = read_shares(document, b);
    return status ? status : check(b);
}

rkv_status rkv_budget_load(rkv_budget **out, const char *path) {
    *out = NULL;
    json_t *document = NULL;
    rkv_budget *b = NULL;
    rkv_status status = rkv_json_read(&document, path);
    if (status) return status;
    status = rkv_alloc(&b, 1, sizeof *b);
    if (!status) status = read_document(document, b);
    if (status)
        rkv_budget_free(b);
    else
        *out = b;
    json_decref(document);
    return status ? rkv_fail_within(status, "%s", path) : RKV_OK;
}
