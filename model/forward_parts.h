/* forward_parts.h: what the files of the forward pass share: forward.c begins it, forward_layer.c runs a
 * layer, forward_output.c makes logits of what the layers leave, forward_product.c multiplies with weights in
 * the file.
 */
#ifndef RKV_MODEL_FORWARD_PARTS_H
#define RKV_MODEL_FORWARD_PARTS_H

#include "model/forward.h"

/* Device memory unless said; n of a pass's tokens is at most T. */
struct rkv_forward {
    rkv_model *model;
    rkv_backend *backend;
    size_t longest;       /* T */
    float *x;             /* [T, E] residual stream */
    float *normed;        /* [T, E] */
    float *wide;          /* [T, max((H+2G) D, 2F)]: queries, keys and values, or gate and up */
    float *narrow;        /* [T, max(H D, F)]: heads' outputs, or the feed-forward layer's */
    float *q, *k, *v;     /* [H,T,D], [G,T,D], [G,T,D] */
    float *rotation;      /* [T, D/2, 2] cosine and sine */
    float *host_rotation; /* what is uploaded to rotation; the same where memory is shared */
    double load_s;        /* of the pass that runs: time spent decoding weights */
};

/* One layer: from x to x. */
rkv_status rkv_forward_layer(rkv_forward *forward, const rkv_pass *pass, size_t layer);

/* The logits and the losses that a pass asks for, of the tokens that the layers left in x. */
rkv_status rkv_forward_output(rkv_forward *forward, const rkv_pass *pass);

/* Whether n tokens are multiplied with these weights as they lie in the file. It depends on nothing else, so
 * that the same pass gives the same bits whatever ran before it. */
bool rkv_forward_reads_file(const rkv_forward *forward, size_t n, rkv_joined_tensors w);

/* y [n, rows] = x [n, k] w^T + (accumulate ? y : 0), w the rows [first, first + rows) of one tensor, or all
 * rows of several. */
rkv_status rkv_forward_multiply_rows(rkv_forward *forward, const float *x, size_t n, const rkv_gguf_tensor *w,
                                     size_t first, size_t rows, float *y);
rkv_status rkv_forward_multiply_all(rkv_forward *forward, const float *x, size_t n, rkv_joined_tensors w,
                                    bool accumulate, float *y);

#endif
