/* cpu_matvec.h: weights as a file holds them, times one vector: kernels for each instruction set.
 *
 * A weight of a block of 32 is scale * quantum + offset. With t = sum of quantum_i x_i over a block, a row's
 * product is the sum of scale * t + offset * (sum of x_i): quanta become float32 in registers, and nothing is
 * rounded that float32 weights would not round, but for sums in another order; or (cpu_matvec_vnni.c) x
 * becomes whole numbers of 22 bits and a sign, block by block, whose products with quanta are exact. */
#ifndef RKV_BACKEND_CPU_MATVEC_H
#define RKV_BACKEND_CPU_MATVEC_H

#include "backend/backend.h"

/* Columns that are multiplied at a time, and the blocks in them. */
#define RKV_SPAN        ((size_t)2048)
#define RKV_SPAN_BLOCKS (RKV_SPAN / 32)

/* Four blocks of the vector as kernels want them that multiply digits (cpu_matvec_vnni.c), block b's numbers
 * at 16 b. */
#define RKV_SPAN_GROUP ((size_t)4)
typedef struct rkv_span_group {
    _Alignas(64) int8_t digits[2][3][64]; /* [lower, upper 16 of each block][digit] */
    /* [2, 4, 2]: twice, of each block, what its scale and its offset are multiplied by: the step of x's
     * digits and 0; 0 or -8 times the sum of x, and 0 or that sum. */
    _Alignas(64) float step[16], offset[16];
} rkv_span_group;

/* Those columns of the vector, also in the order in which kernels for blocks want them. */
typedef struct rkv_span {
    size_t columns;
    const float *x; /* [columns] */
    union {
        struct {
            /* [columns] of each block with quanta of 4 bits: x_i - x_(16+i) / 16, then x_(16+i) / 16, i < 16.
             * For a byte = low + 16 high is multiplied whole by the latter, its low half by the former: the
             * high half need not be taken out. */
            float mixed[RKV_SPAN];
            /* [blocks, numbers in front of the quanta] what each of these is multiplied by beside its quanta:
             * the offset by the sum of its block. Zeros follow. */
            float offset[2 * RKV_SPAN_BLOCKS + 16];
        };
        rkv_span_group group[RKV_SPAN_BLOCKS / RKV_SPAN_GROUP];
    };
} rkv_span;

/* A form's kernel: y [rows] += w [rows, columns] x; rows of w are `stride` bytes apart. */
typedef void rkv_matvec_add_fn(const rkv_span *x, const unsigned char *w, size_t stride, size_t rows,
                               float *y);
/* What it wants of a span beside x. */
typedef void rkv_matvec_prepare_fn(rkv_span *span);
typedef struct rkv_matvec_kernel {
    rkv_matvec_add_fn *add;
    rkv_matvec_prepare_fn *prepare; /* NULL: x alone */
} rkv_matvec_kernel;

typedef struct rkv_matvec_set rkv_matvec_set;
struct rkv_matvec_set {
    const char *name; /* "AVX-512 VNNI", "AVX-512", "AVX2", "baseline" */
    rkv_matvec_kernel kernel[RKV_WEIGHT_FORM_COUNT];
    const rkv_matvec_set *rest; /* has the forms without a kernel here; NULL: there are none */
};

extern const rkv_matvec_set rkv_matvec_vnni, rkv_matvec_avx512, rkv_matvec_avx2, rkv_matvec_baseline;

/* Of sets that read mixed and offset. */
rkv_matvec_prepare_fn rkv_span_mix_q4_0, rkv_span_mix_q4_1;

/* Every set that the processor can run, best first; NULL past the end. */
const rkv_matvec_set *rkv_matvec_set_at(size_t index);

/* backend.h's matvec with one of them. */
void rkv_matvec(const rkv_matvec_set *set, const float *x, size_t k, const rkv_file_matrix *part, size_t n,
                bool accumulate, float *y);

#endif
