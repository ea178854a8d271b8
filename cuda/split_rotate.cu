/* split_rotate.cu: one thread per number of qkv. */
#include "cuda/elementwise.h"
#include "cuda/kernels.h"

/* The number at `element` of a head vector [D] after the rotation of its pair. */
RKV_DEVICE float rotated(const rkv_split_rotate_task *t, const float *x, const float *bias, size_t token,
                         size_t element) {
    size_t half = t->head_dim / 2;
    float own = x[element] + (bias ? bias[element] : 0);
    if (element >= 2 * half) return own; /* of an odd D: in no pair */
    size_t pair = t->adjacent ? element / 2 : element % half;
    int second = t->adjacent ? element % 2 != 0 : element >= half;
    size_t other = second ? element - (t->adjacent ? 1 : half) : element + (t->adjacent ? 1 : half);
    const float *turn = t->rotation + (token * half + pair) * 2;
    float partner = x[other] + (bias ? bias[other] : 0);
    return second ? partner * turn[1] + own * turn[0] : own * turn[0] - partner * turn[1];
}

RKV_KERNEL(split_rotate, rkv_split_rotate_task) {
    size_t slots = t.n_heads + 2 * t.n_kv_heads, d = t.head_dim, i = rkv_element();
    if (i >= t.n_tokens * slots * d) return;
    size_t token = i / (slots * d), slot = i / d % slots, element = i % d;
    const float *x = t.qkv + (token * slots + slot) * d, *bias = t.bias ? t.bias + slot * d : NULL;
    if (slot < t.n_heads)
        t.q[(slot * t.n_tokens + token) * d + element] = rotated(&t, x, bias, token, element);
    else if (slot < t.n_heads + t.n_kv_heads)
        t.k[((slot - t.n_heads) * t.n_tokens + token) * d + element] = rotated(&t, x, bias, token, element);
    else
        t.v[((slot - t.n_heads - t.n_kv_heads) * t.n_tokens + token) * d + element] =
            x[element] + (bias ? bias[element] : 0);
}

cudaError_t rkv_launch_split_rotate(const rkv_split_rotate_task *task, cudaStream_t stream) {
    size_t n = task->n_tokens * (task->n_heads + 2 * task->n_kv_heads) * task->head_dim;
    return RKV_LAUNCH(split_rotate, *task, rkv_blocks_for(n), RKV_ELEMENT_THREADS, stream);
}
