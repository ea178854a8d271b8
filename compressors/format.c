/* format.c: what the representations of a pipeline make of a head's entries: the form in which they are
 * stored. */
#include <stdlib.h>

#include "compressors/work.h"
#include "core/memory.h"

void rkv_entries_format_clear(rkv_entries_format *format) {
    free((void *)format->key_basis);
    free((void *)format->value_basis);
    *format = (rkv_entries_format){0};
}

/* The bases of keys and values. Of these a matrix [D, D] each is brought to the host. */
static rkv_status fit(const rkv_stage *stage, const rkv_layer_view *view, size_t g, rkv_entries_format *out) {
    const rkv_head_view *h = &view->heads[g];
    const struct rkv_method_ops *ops = stage->method->ops;
    const rkv_head_rows rows[] = {{h->keys, h->n}, {h->values, h->n}};
    size_t d = view->head_dim;
    float *keys = NULL, *values = NULL;
    double *gram[2] = {NULL};
    rkv_status status = rkv_alloc_raw(&gram[0], 2 * d, d * sizeof **gram);
    if (status) return status;
    gram[1] = gram[0] + d * d;
    status = view->backend->ops->gram(view->backend, rows, 2, d, gram);
    if (!status) status = ops->fit(&stage->values, true, gram[0], h->n, d, &keys, &out->key_rank);
    if (!status) status = ops->fit(&stage->values, false, gram[1], h->n, d, &values, &out->value_rank);
    out->key_basis = keys;
    out->value_basis = values;
    free(gram[0]);
    return status;
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
