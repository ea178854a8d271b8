/* format.c: what the representations of a pipeline make of a head's entries: the form in which they are
 * stored. */
#include <stdlib.h>

#include "compressors/work.h"
#include "model/host_copy.h"

void rkv_entries_format_clear(rkv_entries_format *format) {
    free((void *)format->key_basis);
    free((void *)format->value_basis);
    *format = (rkv_entries_format){0};
}

/* The basis of rows [n, D], which are brought to the host: there it is made. */
static rkv_status fit_rows(const rkv_stage *stage, rkv_backend *backend, bool is_key, const float *rows,
                           size_t n, size_t head_dim, const float **out, size_t *rank) {
    rkv_host_copy copy = {0};
    float *basis = NULL;
    rkv_status status = rkv_host_copy_take(&copy, backend, &rows, n * head_dim);
    if (!status) status = stage->method->ops->fit(&stage->values, is_key, rows, n, head_dim, &basis, rank);
    if (!status) *out = basis;
    rkv_host_copy_clear(&copy);
    return status;
}

/* The bases of keys and values. */
static rkv_status fit(const rkv_stage *stage, const rkv_layer_view *view, size_t g, rkv_entries_format *out) {
    const rkv_head_view *h = &view->heads[g];
    size_t d = view->head_dim;
    rkv_status status =
        fit_rows(stage, view->backend, true, h->keys, h->n, d, &out->key_basis, &out->key_rank);
    if (status) return status;
    return fit_rows(stage, view->backend, false, h->values, h->n, d, &out->value_basis, &out->value_rank);
}

rkv_status rkv_pipeline_format(const rkv_pipeline *pipeline, size_t first, rkv_row_form plain,
                               const rkv_layer_view *view, size_t g, rkv_entries_format *out, size_t *end) {
    *out = (rkv_entries_format){.keys.form = plain, .values.form = plain};
    rkv_status status = RKV_OK;
    size_t i = 0;
    for (; !status && i < pipeline->n_stages; i++) {
        const rkv_stage *stage = &pipeline->stages[i];
        const struct rkv_method_ops *ops = stage->method->ops;
        if (stage->method->kind != RKV_REPRESENTATION && i >= first) break;
        if (stage->method->kind != RKV_REPRESENTATION) continue;
        if (ops->format) ops->format(&stage->values, &out->keys, &out->values);
        if (ops->fit) status = fit(stage, view, g, out);
    }
    if (status) rkv_entries_format_clear(out);
    *end = i;
    return status;
}
