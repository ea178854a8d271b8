/* forward_product.c: products of a few tokens with weights as they lie in the file. */
#include "model/forward_parts.h"

/* Each token reads the file's weights again, while decoded weights are four to seven times as large but read
 * once for all: up to so many tokens the file is faster. */
#define MOST_TOKENS 4

bool rkv_forward_reads_file(const rkv_forward *f, size_t n, rkv_joined_tensors w) {
    if (n > MOST_TOKENS || !f->backend->ops->matvec) return false;
    for (size_t i = 0; i < 3 && w.part[i]; i++)
        if (w.part[i]->type->form == RKV_WEIGHT_OTHER) return false;
    return true;
}

/* Token by token. */
static rkv_status multiply(rkv_forward *f, const float *x, size_t n, size_t k, const rkv_file_matrix *part,
                           size_t n_parts, bool accumulate, float *y) {
    size_t rows = 0;
    rkv_status status = RKV_OK;
    for (size_t i = 0; i < n_parts; i++)
        rows += part[i].rows;
    for (size_t t = 0; !status && t < n; t++)
        status = f->backend->ops->matvec(f->backend, x + t * k, k, part, n_parts, accumulate, y + t * rows);
    return status;
}

rkv_status rkv_forward_multiply_rows(rkv_forward *f, const float *x, size_t n, const rkv_gguf_tensor *w,
                                     size_t first, size_t rows, float *y) {
    rkv_file_matrix part = {w->type->form, rkv_tensor_row(w, first), rows};
    return multiply(f, x, n, (size_t)w->dims[0], &part, 1, false, y);
}

rkv_status rkv_forward_multiply_all(rkv_forward *f, const float *x, size_t n, rkv_joined_tensors w,
                                    bool accumulate, float *y) {
    rkv_file_matrix part[3];
    size_t n_parts = 0;
    for (; n_parts < 3 && w.part[n_parts]; n_parts++) {
        const rkv_gguf_tensor *t = w.part[n_parts];
        part[n_parts] = (rkv_file_matrix){t->type->form, t->data, (size_t)t->dims[1]};
    }
    return multiply(f, x, n, (size_t)w.part[0]->dims[0], part, n_parts, accumulate, y);
}
