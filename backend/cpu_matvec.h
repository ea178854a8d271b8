/* cpu_matvec.h: weights as a file holds them, times one vector: kernels for each instruction set.
 *
 * A weight of a block of 32 is scale * quantum + offset. With t = sum of quantum_i x_i over a block, a row's
 * product is the sum of scale * t + offset * (sum of x_i): quanta become float32 in registers, and nothing is
 * rounded that float32 weights would not round, but for sums in another order. */
#ifndef RKV_BACKEND_CPU_MATVEC_H
#define RKV_BACKEND_CPU_MATVEC_H

#include "backend/backend.h"

/* Columns that are multiplied at a time, and the blocks in them. */
#define RKV_SPAN        ((size_t)2048)
#define RKV_SPAN_BLOCKS (RKV_SPAN / 32)

/* Those columns of the vector, also in the order in which kernels for blocks want them. */
typedef struct rkv_span {
    size_t columns;
    const float *x; /* [columns] */
    /* [columns] of each block with quanta of 4 bits: x_i - x_(16+i) / 16, then x_(16+i) / 16, i < 16. For a
     * byte = low + 16 high is multiplied whole by the latter, its low half by the former: the high half need
     * not be taken out. */
    float mixed[RKV_SPAN];
    /* [blocks, numbers in front of the quanta] what each of these is multiplied by beside its quanta: the
     * offset by the sum of its block. Zeros follow. */
    float offset[2 * RKV_SPAN_BLOCKS + 16];
} rkv_span;

/* y [rows] += w [rows, columns] x; rows of w are `stride` bytes apart. */
typedef void (*rkv_matvec_fn)(const rkv_span *x, const unsigned char *w, size_t stride, size_t rows,
                              float *y);

typedef struct rkv_matvec_set {
    const char *name; /* "AVX-512", "AVX2", "baseline" */
    rkv_matvec_fn add[RKV_WEIGHT_FORM_COUNT];
} rkv_matvec_set;

extern const rkv_matvec_set rkv_matvec_avx512, rkv_matvec_avx2, rkv_matvec_baseline;

/* Every set that the processor can run, best first; NULL past the end. */
const rkv_matvec_set *rkv_matvec_set_at(size_t index);

/* backend.h's matvec with one of them. */
void rkv_matvec(const rkv_matvec_set *set, const float *x, size_t k, const rkv_file_matrix *part, size_t n,
                bool accumulate, float *y);

#endif
