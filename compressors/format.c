/* format.c: what the representations of a pipeline make of a head's entries: the form in which they are
 * stored. */
#include <stdlib.h>

#include "compressors/work.h"

void rkv_entries_format_clear(rkv_entries_format *format) {
    free((void *)format->key_basis);
    free((void *)format->value_basis);
    *format = (rkv_entries_format){0};
}

/* The bases of keys and values. */
static rkv_status fit(const rkv_stage *stage, const rkv_head_view *head, size_t head_dim,
                      rkv_entries_format *out) {
    const struct rkv_method_ops *ops = stage->method->ops;
    float *basis = NULL;
    rkv_status status = ops->fit(&stage->values, true, head->keys, head->n, head_dim, &basis, &out->key_rank);
    if (status) return status;
    out->key_basis = basis;
    status = ops->fit(&stage->values, false, head->values, head->n, head_dim, &basis, &out->value_rank);
    if (!status) out->value_basis = basis;
    return status;
}

rkv_status rkv_pipeline_format(const rkv_pipeline *pipeline, size_t first, rkv_row_form plain,
                               const rkv_head_view *head, size_t head_dim, rkv_entries_format *out,
                               size_t *end) {
    *out = (rkv_entries_format){.keys.form = plain, .values.form = plain};
    rkv_status status = RKV_OK;
    size_t i = 0;
    for (; !status && i < pipeline->n_stages; i++) {
        const rkv_stage *stage = &pipeline->stages[i];
        const struct rkv_method_ops *ops = stage->method->ops;
        if (stage->method->kind != RKV_REPRESENTATION && i >= first) break;
        if (stage->method->kind != RKV_REPRESENTATION) continue;
        if (ops->format) ops->format(&stage->values, &out->keys, &out->values);
        if (ops->fit) status = fit(stage, head, head_dim, out);
    }
    if (status) rkv_entries_format_clear(out);
    *end = i;
    return status;
}
