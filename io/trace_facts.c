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

static rkv_status check_chunks(rkv_trace_facts *facts) {
    const size_t shape[4] = {facts->info.n_layers, facts->info.n_heads, facts->n_tokens, facts->n_tokens};
    size_t bytes = facts->form.element_bytes, n = 1;
    for (int i = 0; i < 4; i++) {
        if (facts->chunk[i] < 1 || !rkv_multiply(bytes, facts->chunk[i], &bytes) ||
            bytes > RKV_TRACE_MAX_CHUNK_SIZE)
            return rkv_fail(RKV_DATA, "dataset attention: a chunk takes more than %u bytes",
                            RKV_TRACE_MAX_CHUNK_SIZE);
        size_t along = (shape[i] - 1) / facts->chunk[i] + 1;
        if (!rkv_multiply(n, along, &n) || n > RKV_TRACE_MAX_CHUNKS)
            return rkv_fail(RKV_DATA, "dataset attention: more than %u chunks", RKV_TRACE_MAX_CHUNKS);
    }
    facts->form.raw_bytes = bytes;
    facts->n_chunks = n;
    return RKV_OK;
}

/* All of L H T T elements must be countable in bytes, whether they are stored or not. */
static rkv_status check_product(const rkv_trace_facts *facts) {
    size_t bytes = facts->form.element_bytes;
    if (rkv_multiply(bytes, facts->info.n_layers, &bytes) &&
        rkv_multiply(bytes, facts->info.n_heads, &bytes) && rkv_multiply(bytes, facts->n_tokens, &bytes) &&
        rkv_multiply(bytes, facts->n_tokens, &bytes) && bytes <= INT64_MAX)
        return RKV_OK;
    return rkv_fail(RKV_DATA,
                    "dataset attention: [%zu, %zu, %zu, %zu] elements are more than an address holds",
                    facts->info.n_layers, facts->info.n_heads, facts->n_tokens, facts->n_tokens);
}

static rkv_status check_form(const rkv_chunk_form *form) {
    if (form->element_bytes != 2 && form->element_bytes != 4 && form->element_bytes != 8)
        return rkv_fail(RKV_DATA,
                        "dataset attention: elements of %zu bytes; float16, float32 and float64 are read",
                        form->element_bytes);
    if (form->n_filters > RKV_TRACE_MAX_FILTERS)
        return rkv_fail(RKV_DATA, "dataset attention: %zu filters exceed the limit of %u", form->n_filters,
                        RKV_TRACE_MAX_FILTERS);
    for (size_t i = 0; i < form->n_filters; i++)
        if (form->filter[i] < RKV_FILTER_DEFLATE || form->filter[i] > RKV_FILTER_FLETCHER32)
            return rkv_fail(RKV_DATA,
                            "dataset attention: filter number %d; shuffle, deflate and fletcher32 are read",
                            form->filter[i]);
    return RKV_OK;
}

rkv_status rkv_trace_facts_check(rkv_trace_facts *facts) {
    rkv_status status = check_range("layers", facts->info.n_layers, RKV_TRACE_MAX_LAYERS);
    if (!status) status = check_range("heads", facts->info.n_heads, RKV_TRACE_MAX_HEADS);
    if (!status) status = check_range("tokens", facts->n_tokens, RKV_TRACE_MAX_TOKENS);
    if (!status) status = check_groups(&facts->info);
    if (!status) status = check_form(&facts->form);
    if (!status) status = check_product(facts);
    if (!status && facts->text_bytes > 4 * RKV_TRACE_MAX_TEXT + facts->n_tokens)
        status = rkv_fail(RKV_DATA, "dataset token_text: %zu bytes exceed the limit of %zu",
                          facts->text_bytes, RKV_TRACE_MAX_TEXT);
    facts->n_chunks = 0;
    return status || !facts->chunked ? status : check_chunks(facts);
}

void rkv_trace_contents_clear(rkv_trace_contents *contents) {
    free(contents->tokens);
    free(contents->text);
    free(contents->erank);
    free(contents->chunks);
    *contents = (rkv_trace_contents){0};
}
