/* cpu_softmax.c: rows of softmax, and sums of rows. */
#include "backend/cpu_softmax.h"

#include "backend/simd_math.h"
#include "core/simd.h"

/* Maxima side by side: one alone would wait for itself. A NaN may be passed over. */
RKV_CLONES static float largest_of(const float *row, size_t n) {
    enum { SIDE = 64 };
    float most[SIDE], all = row[0];
    size_t i = 0;
    for (size_t k = 0; k < SIDE; k++)
        most[k] = all;
    for (; i + SIDE <= n; i += SIDE)
        for (size_t k = 0; k < SIDE; k++)
            most[k] = row[i + k] > most[k] ? row[i + k] : most[k];
    for (; i < n; i++)
        all = row[i] > all ? row[i] : all;
#pragma omp simd reduction(max : all)
    for (size_t k = 0; k < SIDE; k++)
        all = most[k] > all ? most[k] : all;
    return all;
}

RKV_CLONES float rkv_softmax_part(const float *row, size_t n, float scale, float *p, float *largest) {
    float most = largest_of(row, n), sum = 0;
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
