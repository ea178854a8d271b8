/* cpu_rehearse.c: the CPU before the work: what weights, activations and caches would take is counted, and
 * nothing is computed. Activations are there all the same, as zeros or noise: whoever scores reads
 * them. */
#include <stdlib.h>
#include <string.h>

#include "backend/cpu.h"
#include "backend/cpu_gemm.h"
#include "backend/noise.h"
#include "backend/rows_counted.h"
#include "core/memory.h"

typedef enum kind { WEIGHTS, TENSORS, ROWS, KINDS } kind;

typedef struct rehearsal {
    rkv_backend base;
    rkv_backend *cpu; /* whose place it takes */
    rkv_backend_ops ops;
    rkv_rows_counter counter;
    size_t live[KINDS];
    rkv_memory_use most;
} rehearsal;

/* ---- counting ---- */

static void take(rehearsal *r, kind of, size_t bytes) {
#pragma omp critical(rkv_rehearsal)
    {
        r->live[of] += bytes;
        size_t all = r->live[WEIGHTS] + r->live[TENSORS] + r->live[ROWS];
        if (all > r->most.peak)
            r->most = (rkv_memory_use){
                .peak = all, .weights = r->live[WEIGHTS], .tensors = r->live[TENSORS], .rows = r->live[ROWS]};
    }
}

static void give(rehearsal *r, kind of, size_t bytes) {
#pragma omp critical(rkv_rehearsal)
    r->live[of] -= bytes;
}

static void take_rows(void *user, size_t bytes) {
    take(user, ROWS, bytes);
}

static void give_rows(void *user, size_t bytes) {
    give(user, ROWS, bytes);
}

/* ---- memory ---- */

/* What stands before activations: their size, in as much as keeps them aligned. */
typedef union header {
    size_t bytes;
    unsigned char room[64];
} header;

static rkv_status alloc(rkv_backend *backend, float **out, size_t n) {
    header *h = NULL;
    size_t bytes;
    *out = NULL;
    if (!rkv_multiply(n ? n : 1, sizeof **out, &bytes)) bytes = SIZE_MAX - sizeof *h;
    rkv_status status = rkv_alloc(&h, 1, sizeof *h + bytes);
    if (status) return status;
    h->bytes = bytes;
    take((rehearsal *)backend, TENSORS, bytes);
    *out = (float *)(void *)(h + 1);
    return RKV_OK;
}

static void release(rkv_backend *backend, float *memory) {
    if (!memory) return;
    header *h = (header *)(void *)memory - 1;
    give((rehearsal *)backend, TENSORS, h->bytes);
    free(h);
}

static size_t bytes_of(const rkv_matrix *matrix) {
    return rkv_whole_panels(rkv_tile_best(), matrix->n) * matrix->k * sizeof(float);
}

static rkv_status matrix_new(rkv_backend *backend, rkv_weight_form form, size_t n, size_t k,
                             rkv_matrix **out) {
    rkv_status status = rkv_alloc(out, 1, sizeof **out);
    if (status) return status;
    **out = (rkv_matrix){form, n, k};
    take((rehearsal *)backend, WEIGHTS, bytes_of(*out));
    return RKV_OK;
}

static void matrix_free(rkv_backend *backend, rkv_matrix *matrix) {
    if (matrix) give((rehearsal *)backend, WEIGHTS, bytes_of(matrix));
    free(matrix);
}

static rkv_status rows_new(rkv_backend *backend, const rkv_row_format *format, size_t width, rkv_rows **out) {
    return rkv_rows_counted_new(out, format, width, &((rehearsal *)backend)->counter);
}

static void memory_use(rkv_backend *backend, rkv_memory_use *out) {
    *out = ((rehearsal *)backend)->most;
}

static void close_rehearsal(rkv_backend *backend) {
    free(backend);
}

/* ---- what computes nothing ---- */

static rkv_status rms_norm(rkv_backend *backend, const float *x, const float *weight, size_t n_tokens,
                           size_t width, float eps, float *y) {
    (void)backend, (void)x, (void)weight, (void)n_tokens, (void)width, (void)eps, (void)y;
    return RKV_OK;
}

static rkv_status matrix_put(rkv_backend *backend, rkv_matrix *matrix, size_t first, size_t rows,
                             const void *host) {
    (void)backend, (void)matrix, (void)first, (void)rows, (void)host;
    return RKV_OK;
}

static rkv_status matmul(rkv_backend *backend, const float *x, size_t m, const rkv_matrix *matrix,
                         size_t first, size_t rows, bool accumulate, float *y) {
    (void)backend, (void)x, (void)m, (void)matrix, (void)first, (void)rows, (void)accumulate, (void)y;
    return RKV_OK;
}

static rkv_status matvec(rkv_backend *backend, const float *x, size_t k, const rkv_file_matrix *part,
                         size_t n, bool accumulate, float *y) {
    (void)backend, (void)x, (void)k, (void)part, (void)n, (void)accumulate, (void)y;
    return RKV_OK;
}

static rkv_status split_rotate(rkv_backend *backend, const float *qkv, const float *bias,
                               const float *rotation, rkv_rope_pairing pairing,
                               const rkv_attention_shape *shape, float *q, float *k, float *v) {
    (void)backend, (void)qkv, (void)bias, (void)rotation, (void)pairing;
    size_t n = shape->n_tokens, d = shape->head_dim;
    rkv_noise_fill(q, shape->n_heads * n, d, d);
    rkv_noise_fill(k, shape->n_kv_heads * n, d, d);
    rkv_noise_fill(v, shape->n_kv_heads * n, d, d);
    return RKV_OK;
}

static rkv_status attention(rkv_backend *backend, const float *q, const float *k, const float *v,
                            const rkv_attention_shape *shape, float *all, const rkv_attention_sums *sums,
                            float *out) {
    (void)backend, (void)q, (void)k, (void)v, (void)all, (void)out;
    size_t n = shape->n_heads * shape->n_tokens;
    if (sums && sums->all) memset(sums->all, 0, n * sizeof *sums->all);
    if (sums && sums->far) memset(sums->far, 0, n * sizeof *sums->far);
    return RKV_OK;
}

static rkv_status attend_cached(rkv_backend *backend, const rkv_cached_attention *task) {
    (void)backend, (void)task;
    return RKV_OK;
}

/* Nothing that is kept recovers anything: fastgen then keeps all. */
static rkv_status kept_attention(rkv_backend *backend, const rkv_kept_attention *task, double *sum) {
    (void)backend, (void)task;
    *sum = 0;
    return RKV_OK;
}

static rkv_status swiglu(rkv_backend *backend, const float *x, size_t n_tokens, size_t width, float *y) {
    (void)backend, (void)x, (void)n_tokens, (void)width, (void)y;
    return RKV_OK;
}

/* ---- opening ---- */

/* Copies, and what selections score with, run on the numbers that there are. */
static void set_ops(rehearsal *r) {
    r->ops = *r->cpu->ops;
    r->ops.close = close_rehearsal;
    r->ops.memory_use = memory_use;
    r->ops.alloc = alloc;
    r->ops.release = release;
    r->ops.rms_norm = rms_norm;
    r->ops.matrix_new = matrix_new;
    r->ops.matrix_put = matrix_put;
    r->ops.matrix_free = matrix_free;
    r->ops.matmul = matmul;
    r->ops.matvec = matvec;
    r->ops.split_rotate = split_rotate;
    r->ops.attention = attention;
    r->ops.rows_new = rows_new;
    r->ops.attend_cached = attend_cached;
    r->ops.kept_attention = kept_attention;
    r->ops.swiglu = swiglu;
}

rkv_status rkv_cpu_rehearse(rkv_backend *backend, rkv_backend **out) {
    rehearsal *r = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&r, 1, sizeof *r);
    if (status) return status;
    r->base = *backend;
    r->base.ops = &r->ops;
    r->base.rehearses = true;
    r->cpu = backend;
    r->counter = (rkv_rows_counter){take_rows, give_rows, r};
    set_ops(r);
    *out = &r->base;
    return RKV_OK;
}
