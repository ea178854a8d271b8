/* forward.c: the forward pass on the device, but for products and attention. */
#include "cuda/device.h"
#include "cuda/kernels.h"

rkv_status rkv_cuda_rms_norm(rkv_backend *backend, const float *x, const float *weight, size_t n_tokens,
                             size_t width, float eps, float *y) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    rkv_rms_norm_task task = {x, weight, n_tokens, width, eps, y};
    if (!n_tokens) return RKV_OK;
    return RKV_CUDA_QUEUE(cuda, rkv_launch_rms_norm(&task, cuda->stream), "rms_norm");
}

rkv_status rkv_cuda_split_rotate(rkv_backend *backend, const float *qkv, const float *bias,
                                 const float *rotation, rkv_rope_pairing pairing,
                                 const rkv_attention_shape *shape, float *q, float *k, float *v) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    rkv_split_rotate_task task = {.qkv = qkv,
                                  .bias = bias,
                                  .rotation = rotation,
                                  .n_tokens = shape->n_tokens,
                                  .n_heads = shape->n_heads,
                                  .n_kv_heads = shape->n_kv_heads,
                                  .head_dim = shape->head_dim,
                                  .adjacent = pairing == RKV_ROPE_ADJACENT,
                                  .q = q,
                                  .k = k,
                                  .v = v};
    if (!shape->n_tokens) return RKV_OK;
    return RKV_CUDA_QUEUE(cuda, rkv_launch_split_rotate(&task, cuda->stream), "split_rotate");
}

rkv_status rkv_cuda_swiglu(rkv_backend *backend, const float *x, size_t n_tokens, size_t width, float *y) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    rkv_swiglu_task task = {x, n_tokens, width, y};
    if (!n_tokens || !width) return RKV_OK;
    return RKV_CUDA_QUEUE(cuda, rkv_launch_swiglu(&task, cuda->stream), "swiglu");
}

rkv_status rkv_cuda_head_mean(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                              float *mean) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    rkv_head_mean_task task = {attention, n_heads, n_tokens * n_tokens, mean};
    if (!n_tokens) return RKV_OK;
    return RKV_CUDA_QUEUE(cuda, rkv_launch_head_mean(&task, cuda->stream), "head_mean");
}

/* The running values go to the device and come back with every chunk: a few bytes per token against the
 * chunk's logits. */
rkv_status rkv_cuda_fold_logits(rkv_backend *backend, const float *logits, size_t n_tokens, size_t n,
                                size_t first, const int32_t *target, double *maximum, double *sum,
                                double *target_logit) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    double *host[] = {maximum, sum, target_logit}, *values = NULL; /* [3, T] device memory */
    int32_t *ids = NULL;
    if (!n_tokens || !n) return RKV_OK;
    rkv_status status = rkv_cuda_take(cuda, &values, 3 * n_tokens, sizeof *values);
    if (!status) status = rkv_cuda_take(cuda, &ids, n_tokens, sizeof *ids);
    if (!status) status = rkv_cuda_to_device(cuda, ids, target, n_tokens * sizeof *ids);
    for (size_t i = 0; !status && i < 3; i++)
        status = rkv_cuda_to_device(cuda, values + i * n_tokens, host[i], n_tokens * sizeof *values);
    rkv_fold_logits_task task = {.logits = logits,
                                 .n_tokens = n_tokens,
                                 .n = n,
                                 .first = first,
                                 .target = ids,
                                 .maximum = values,
                                 .sum = values + n_tokens,
                                 .target_logit = values + 2 * n_tokens};
    if (!status) status = RKV_CUDA_QUEUE(cuda, rkv_launch_fold_logits(&task, cuda->stream), "fold_logits");
    for (size_t i = 0; !status && i < 3; i++)
        status = rkv_cuda_to_host(cuda, host[i], values + i * n_tokens, n_tokens * sizeof *values);
    rkv_cuda_give(cuda, ids);
    rkv_cuda_give(cuda, values);
    return status;
}
