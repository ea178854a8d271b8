/* cpu_softmax.c: rows of softmax, and sums of rows. */
#include "backend/cpu_softmax.h"

#include "backend/simd_math.h"
#include "core/simd.h"

RKV_CLONES float rkv_softmax_part(const float *row, size_t n, float scale, float *p, float *largest) {
    float most = row[0], sum = 0;
#pragma omp simd reduction(max : most)
    for (size_t i = 0; i < n; i++)
        most = row[i] > most ? row[i] : most;
#pragma omp simd reduction(+ : sum)
    for (size_t i = 0; i < n; i++)
        sum += p[i] = rkv_exp((row[i] - most) * scale);
    *largest = most;
    return sum;
}

RKV_CLONES static void scale_row(float *p, size_t n, float scale) {
    for (size_t i = 0; i < n; i++)
        p[i] *= scale;
}

void rkv_softmax_row(const float *row, size_t n, float scale, float *p) {
    float largest, sum = rkv_softmax_part(row, n, scale, p, &largest);
    scale_row(p, n, 1.0f / sum);
}

RKV_CLONES void rkv_add_row(const float *x, size_t n, float a, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] += a * x[i];
}
