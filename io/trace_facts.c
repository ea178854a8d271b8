/* trace_facts.c: the limits that a trace is held to before anything of its size is allocated. */
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "io/trace_inspect.h"

static rkv_status check_range(const char *what, size_t value, size_t limit) {
    if (value >= 1 && value <= limit) return RKV_OK;
    return rkv_fail(RKV_DATA, "dataset attention: %zu %s are outside 1 .. %zu", value, what, limit);
}

static rkv_status check_groups(const rkv_model_info *info) {
    if (info->n_kv_heads >= 1 && info->n_kv_heads <= info->n_heads && info->n_heads % info->n_kv_heads == 0)
        return RKV_OK;
    return rkv_fail(RKV_DATA, "attribute n_kv_heads: %zu is no divisor of the %zu heads", info->n_kv_heads,
                    info->n_heads);
}

/* The attention is what the other facts were taken from. */
static rkv_status check_agrees(const rkv_trace_facts *facts) {
    const size_t *shape = facts->attention.shape, n = facts->n_tokens;
    if (shape[0] == facts->info.n_layers && shape[1] == facts->info.n_heads && shape[2] == n && shape[3] == n)
        return RKV_OK;
    return rkv_fail(RKV_DATA,
                    "dataset attention: [%zu, %zu, %zu, %zu] do not agree with %zu layers, %zu heads "
                    "and %zu tokens",
                    shape[0], shape[1], shape[2], shape[3], facts->info.n_layers, facts->info.n_heads, n);
}

rkv_status rkv_trace_facts_check(rkv_trace_facts *facts) {
    rkv_status status = check_range("layers", facts->info.n_layers, RKV_TRACE_MAX_LAYERS);
    if (!status) status = check_range("heads", facts->info.n_heads, RKV_TRACE_MAX_HEADS);
    if (!status) status = check_range("tokens", facts->n_tokens, RKV_TRACE_MAX_TOKENS);
    if (!status) status = check_groups(&facts->info);
    if (!status) status = check_agrees(facts);
    if (!status) status = rkv_stored_array_check(&facts->attention, "attention");
    if (!status && facts->text_bytes > 4 * RKV_TRACE_MAX_TEXT + facts->n_tokens)
        status = rkv_fail(RKV_DATA, "dataset token_text: %zu bytes exceed the limit of %zu",
                          facts->text_bytes, RKV_TRACE_MAX_TEXT);
    return status;
}

void rkv_trace_contents_clear(rkv_trace_contents *contents) {
    free(contents->tokens);
    free(contents->text);
    free(contents->erank);
    free(contents->chunks);
    *contents = (rkv_trace_contents){0};
}
