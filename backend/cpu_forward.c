/* cpu_forward.c: the forward pass on the CPU, but for attention. */
#include <math.h>

#include "backend/cpu.h"
#include "backend/simd_math.h"
#include "core/simd.h"

RKV_CLONES static void rms_norm_row(const float *x, const float *weight, size_t width, float eps, float *y) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < width; i++)
        sum += x[i] * x[i];
    float scale = 1.0f / sqrtf(sum / (float)width + eps);
    for (size_t i = 0; i < width; i++)
        y[i] = x[i] * scale * weight[i];
}

rkv_status rkv_cpu_rms_norm(rkv_backend *backend, const float *x, const float *weight, size_t n_tokens,
                            size_t width, float eps, float *y) {
    (void)backend;
#pragma omp parallel for schedule(static) if (n_tokens > 1)
    for (size_t t = 0; t < n_tokens; t++)
        rms_norm_row(x + t * width, weight, width, eps, y + t * width);
    return RKV_OK;
}

/* One head vector [D]: adds the bias (or NULL), rotates its pairs by rotation [D/2, 2] (NULL: does not). */
static void place_head(const float *x, const float *bias, const float *rotation, rkv_rope_pairing pairing,
                       size_t head_dim, float *y) {
    size_t half = head_dim / 2, step = pairing == RKV_ROPE_ADJACENT ? 1 : half;
    for (size_t i = 0; i < head_dim; i++)
        y[i] = x[i] + (bias ? bias[i] : 0);
    for (size_t i = 0; rotation && i < half; i++) {
        float *a = y + (pairing == RKV_ROPE_ADJACENT ? 2 * i : i), *b = a + step;
        float c = rotation[2 * i], s = rotation[2 * i + 1], x0 = *a, x1 = *b;
        *a = x0 * c - x1 * s;
        *b = x0 * s + x1 * c;
    }
}

rkv_status rkv_cpu_split_rotate(rkv_backend *backend, const float *qkv, const float *bias,
                                const float *rotation, rkv_rope_pairing pairing,
                                const rkv_attention_shape *shape, float *q, float *k, float *v) {
    (void)backend;
    size_t n = shape->n_tokens, d = shape->head_dim, heads = shape->n_heads, groups = shape->n_kv_heads;
    size_t slots = heads + 2 * groups; /* head vectors per token: queries, keys, values */
#pragma omp parallel for schedule(static) if (n > 1)
    for (size_t t = 0; t < n; t++)
        for (size_t s = 0; s < slots; s++) {
            bool value = s >= heads + groups;
            float *to = s < heads ? q + (s * n + t) * d
                        : value   ? v + ((s - heads - groups) * n + t) * d
                                  : k + ((s - heads) * n + t) * d;
            place_head(qkv + (t * slots + s) * d, bias ? bias + s * d : NULL, value ? NULL : rotation + t * d,
                       pairing, d, to);
        }
    return RKV_OK;
}

RKV_CLONES static void swiglu_row(const float *x, size_t width, float *y) {
    const float *gate = x, *up = x + width;
#pragma omp simd
    for (size_t i = 0; i < width; i++) {
        float g = gate[i] < -87.0f ? -87.0f : gate[i];
        y[i] = gate[i] / (1.0f + rkv_exp(-g)) * up[i];
    }
}

rkv_status rkv_cpu_swiglu(rkv_backend *backend, const float *x, size_t n_tokens, size_t width, float *y) {
    (void)backend;
#pragma omp parallel for schedule(static) if (n_tokens > 1)
    for (size_t t = 0; t < n_tokens; t++)
        swiglu_row(x + t * 2 * width, width, y + t * width);
    return RKV_OK;
}

RKV_CLONES static float row_max(const float *x, size_t n) {
    float largest = x[0];
#pragma omp simd reduction(max : largest)
    for (size_t i = 0; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
}

RKV_CLONES static double row_exp_sum(const float *x, size_t n, float shift) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += (double)rkv_exp(x[i] - shift);
    return sum;
}

rkv_status rkv_cpu_fold_logits(rkv_backend *backend, const float *logits, size_t n_tokens, size_t n,
                               size_t first, const int32_t *target, double *maximum, double *sum,
                               double *target_logit) {
    (void)backend;
#pragma omp parallel for schedule(static) if (n_tokens > 1)
    for (size_t t = 0; t < n_tokens; t++) {
        const float *row = logits + t * n;
        float largest = row_max(row, n);
        double old = maximum[t], now = old > (double)largest ? old : (double)largest;
        sum[t] = sum[t] * exp(old - now) + row_exp_sum(row, n, (float)now);
        maximum[t] = now;
        if (target[t] >= 0 && (size_t)target[t] >= first && (size_t)target[t] - first < n)
            target_logit[t] = (double)row[(size_t)target[t] - first];
    }
    return RKV_OK;
}
