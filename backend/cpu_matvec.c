/* cpu_matvec.c: weights as a file holds them, times one vector: what the kernels share. */
#include "backend/cpu_matvec.h"

#include <assert.h>
#include <omp.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/cpu_level.h"
#include "backend/weight_block.h"
#include "core/simd.h"

/* ---- the vector ---- */

/* mixed, and sums [columns / 32] of the blocks. */
RKV_CLONES static void mix_halves(const float *x, size_t columns, float *mixed, float *sums) {
    for (size_t b = 0; b < columns / 32; b++, x += 32, mixed += 32) {
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (size_t i = 0; i < 16; i++) {
            float high = x[16 + i] * 0.0625f;
            mixed[i] = x[i] - high;
            mixed[16 + i] = high;
            sum += x[i] + x[16 + i];
        }
        sums[b] = sum;
    }
}

/* Weights d (q - 8): d also takes part in the offset. */
void rkv_span_mix_q4_0(rkv_span *s) {
    float sums[RKV_SPAN_BLOCKS];
    mix_halves(s->x, s->columns, s->mixed, sums);
    memset(s->offset, 0, sizeof s->offset);
    for (size_t b = 0; b < s->columns / 32; b++)
        s->offset[b] = -8 * sums[b];
}

/* Weights d q + m. */
void rkv_span_mix_q4_1(rkv_span *s) {
    float sums[RKV_SPAN_BLOCKS];
    mix_halves(s->x, s->columns, s->mixed, sums);
    memset(s->offset, 0, sizeof s->offset);
    for (size_t b = 0; b < s->columns / 32; b++)
        s->offset[2 * b + 1] = sums[b];
}

/* ---- instruction sets ---- */

/* Row by row for rkv_cpu_level; the first two are for the same. */
static const rkv_matvec_set *const sets[] = {
#if defined(__x86_64__)
    &rkv_matvec_vnni,
    &rkv_matvec_avx512,
    &rkv_matvec_avx2,
#endif
    &rkv_matvec_baseline,
};

#define N_SETS (sizeof sets / sizeof *sets)

const rkv_matvec_set *rkv_matvec_set_at(size_t index) {
    size_t at = N_SETS - RKV_LEVEL_COUNT + (size_t)rkv_cpu_level() + index;
    if (rkv_cpu_has_vnni()) at--;
    return at < N_SETS ? sets[at] : NULL;
}

static const rkv_matvec_kernel *kernel_of(const rkv_matvec_set *set, rkv_weight_form form) {
    while (!set->kernel[form].add)
        set = set->rest;
    return &set->kernel[form];
}

/* ---- the product ---- */

/* Threads meet at multiples of this, so that a row has the same neighbours in a kernel however many there
 * are. */
#define ROW_STEP ((size_t)16)

/* The first of this thread's rows; its last is before the next thread's first. */
static size_t first_row(size_t rows, size_t thread, size_t threads) {
    size_t first = (rows + ROW_STEP - 1) / ROW_STEP * thread / threads * ROW_STEP;
    return first < rows ? first : rows;
}

/* This thread's rows of a part, from column `first` on: y [rows] of that part. */
static void multiply_part(rkv_matvec_add_fn *add, const rkv_span *span, size_t first, size_t k,
                          const rkv_file_matrix *part, bool fresh, float *y) {
    size_t thread = (size_t)omp_get_thread_num(), threads = (size_t)omp_get_num_threads();
    size_t from = first_row(part->rows, thread, threads), to = first_row(part->rows, thread + 1, threads);
    size_t stride = rkv_weight_bytes(part->form, k);
    const unsigned char *w =
        (const unsigned char *)part->data + from * stride + rkv_weight_bytes(part->form, first);
    if (fresh) memset(y + from, 0, (to - from) * sizeof *y);
    add(span, w, stride, to - from, y + from);
}

/* Fewer weights are not worth waking the other threads for. */
#define LEAST_SHARED ((size_t)32768)

void rkv_matvec(const rkv_matvec_set *set, const float *x, size_t k, const rkv_file_matrix *part, size_t n,
                bool accumulate, float *y) {
    size_t rows = 0;
    for (size_t i = 0; i < n; i++)
        rows += part[i].rows;
#pragma omp parallel if (rows * k >= LEAST_SHARED)
    {
        rkv_span span;
        for (size_t first = 0; first < k; first += RKV_SPAN) {
            rkv_matvec_prepare_fn *prepared = NULL;
            float *to = y;
            span.columns = k - first < RKV_SPAN ? k - first : RKV_SPAN;
            span.x = x + first;
            for (size_t i = 0; i < n; to += part[i++].rows) {
                const rkv_matvec_kernel *kernel = kernel_of(set, part[i].form);
                if (kernel->prepare && kernel->prepare != prepared) kernel->prepare(&span);
                if (kernel->prepare) prepared = kernel->prepare;
                multiply_part(kernel->add, &span, first, k, &part[i], first == 0 && !accumulate, to);
            }
        }
    }
}

rkv_status rkv_cpu_matvec(rkv_backend *backend, const float *x, size_t k, const rkv_file_matrix *part,
                          size_t n, bool accumulate, float *y) {
    (void)backend;
    for (size_t i = 0; i < n; i++)
        assert(part[i].form != RKV_WEIGHT_OTHER && k % rkv_weight_block_numbers(part[i].form) == 0);
    rkv_matvec(rkv_matvec_set_at(0), x, k, part, n, accumulate, y);
    return RKV_OK;
}
