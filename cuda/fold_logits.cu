/* fold_logits.cu: a chunk of the vocabulary folded into the log-sum-exp of each token, one block per token.
 */
#include <math.h>

#include "cuda/kernels.h"
#include "cuda/reduce.h"

RKV_KERNEL(fold_logits, rkv_fold_logits_task) {
    size_t token = blockIdx.x;
    const float *row = t.logits + token * t.n;
    float largest = -INFINITY;
    double sum = 0, old = t.maximum[token];
    for (size_t j = threadIdx.x; j < t.n; j += blockDim.x)
        largest = fmaxf(largest, row[j]);
    largest = rkv_block_max(largest);
    double now = old > (double)largest ? old : (double)largest;
    for (size_t j = threadIdx.x; j < t.n; j += blockDim.x)
        sum += (double)expf(row[j] - (float)now);
    sum = rkv_block_sum_double(sum);
    if (threadIdx.x) return;
    t.sum[token] = t.sum[token] * exp(old - now) + sum;
    t.maximum[token] = now;
    int64_t target = (int64_t)t.target[token] - (int64_t)t.first;
    if (t.target[token] >= 0 && target >= 0 && target < (int64_t)t.n)
        t.target_logit[token] = (double)row[target];
}

cudaError_t rkv_launch_fold_logits(const rkv_fold_logits_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(fold_logits, *task, (unsigned)task->n_tokens, RKV_REDUCE_THREADS, stream);
}
