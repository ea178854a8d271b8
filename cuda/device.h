/* device.h: the CUDA backend: what its files share, and their operations; contracts in backend/backend.h.
 *
 * Everything is queued on one stream, in order, but for copies to the host that are made beside the work
 * (download.c); a call returns before its work is done, unless it hands something to the host. */
#ifndef RKV_CUDA_DEVICE_H
#define RKV_CUDA_DEVICE_H

#include <cublas_v2.h>
#include <cuda_runtime_api.h>
#include <cusolverDn.h>

#include "backend/backend.h"

typedef struct rkv_cuda {
    rkv_backend base;
    int ordinal;
    int generation;   /* its compute capability's first number */
    uint64_t reached; /* bit N: what the pool of device N holds is within reach (peer.c) */
    char name[48];
    size_t processors; /* its streaming multiprocessors */
    cudaStream_t stream;
    cudaStream_t downloads;         /* copies to the host beside it; NULL until the first */
    cublasHandle_t blas;            /* on the stream */
    void *blas_workspace;           /* what it works in, ours, as long as it is there */
    cublasComputeType_t arithmetic; /* of products of float32 numbers */
    cusolverDnHandle_t solver;      /* on the stream; NULL until rkv_cuda_solver makes it */
    struct rkv_cuda *rehearsed;     /* the device that this one only counts for (rehearse.c); else NULL */
} rkv_cuda;

/* The backend as what it is, its device current on this thread: every operation begins with this. */
rkv_cuda *rkv_cuda_enter(rkv_backend *backend);

/* ---- failures ----
 * RKV_OK, or a failure with `what` and the library's own words; RKV_NO_MEMORY where memory was lacking. */
rkv_status rkv_cuda_check(cudaError_t error, const char *what);
rkv_status rkv_cublas_check(cublasStatus_t error, const char *what);
rkv_status rkv_cusolver_check(cusolverStatus_t error, const char *what);

/* Queues work, unless it is only rehearsed: `call`, a cudaError_t, is then left out. */
#define RKV_CUDA_QUEUE(cuda, call, what) ((cuda)->rehearsed ? RKV_OK : rkv_cuda_check((call), (what)))

/* ---- memory (memory.c) ---- */

/* bytes of device memory in the stream's order, NULL on failure; release takes NULL. */
rkv_status rkv_cuda_take(rkv_cuda *cuda, void *out, size_t count, size_t size);
/* The same for rows of a cache, which a rehearsal counts by themselves. */
rkv_status rkv_cuda_take_rows(rkv_cuda *cuda, void *out, size_t count, size_t size);
void rkv_cuda_give(rkv_cuda *cuda, void *memory);
/* Copies in the stream's order, done when they return: the caller may write over its memory. In a rehearsal
 * nothing is copied to the device, and zeros to the host. */
rkv_status rkv_cuda_to_device(rkv_cuda *cuda, void *device, const void *host, size_t bytes);
rkv_status rkv_cuda_to_host(rkv_cuda *cuda, void *host, const void *device, size_t bytes);
/* The same with rows of float32 numbers, `row_bytes` each, side by side on the device and `pitch` bytes apart
 * on the host; a rehearsal's are noise. */
rkv_status rkv_cuda_rows_to_device(rkv_cuda *cuda, void *device, const void *host, size_t pitch,
                                   size_t row_bytes, size_t rows);
rkv_status rkv_cuda_rows_to_host(rkv_cuda *cuda, void *host, size_t pitch, const void *device,
                                 size_t row_bytes, size_t rows);
/* Bytes of device memory that are free, those that the stream's pool holds for us among them; 0: unknown. */
size_t rkv_cuda_memory_available(rkv_backend *backend);
/* Bytes of the pool that are in use, by this process. */
size_t rkv_cuda_memory_held(rkv_cuda *cuda);

/* cuSOLVER's handle, made at first use or before the first rehearsal: it takes long. */
rkv_status rkv_cuda_solver(rkv_cuda *cuda, cusolverDnHandle_t *out);

/* ---- rehearsals (rehearse.c) ---- */

rkv_status rkv_cuda_rehearse(rkv_backend *backend, rkv_backend **out);
/* rkv_cuda_take and rkv_cuda_give of a rehearsal: the memory is counted. */
rkv_status rkv_cuda_count_taken(rkv_cuda *cuda, void **out, size_t bytes);
void rkv_cuda_count_given(rkv_cuda *cuda, void *memory);
/* Whether what is taken from now on is rows of a cache; nothing where nothing is rehearsed. */
void rkv_cuda_count_rows(rkv_cuda *cuda, bool are_rows);
/* What would be free now. */
size_t rkv_cuda_rehearsed_free(const rkv_cuda *cuda);
/* Whether more is taken than there is: an allocation would have failed. False where nothing is rehearsed. */
bool rkv_cuda_is_overdrawn(const rkv_cuda *cuda);

/* ---- operations ---- */

/* open.c */
rkv_status rkv_cuda_set_precision(rkv_backend *backend, rkv_precision precision);

/* memory.c */
void rkv_cuda_memory_use(rkv_backend *backend, rkv_memory_use *out);
rkv_status rkv_cuda_wait(rkv_backend *backend);
rkv_status rkv_cuda_alloc(rkv_backend *backend, float **out, size_t n);
void rkv_cuda_release(rkv_backend *backend, float *memory);
rkv_status rkv_cuda_upload(rkv_backend *backend, float *device, const float *host, size_t n);
rkv_status rkv_cuda_download(rkv_backend *backend, float *host, const float *device, size_t n);

/* download.c */
rkv_status rkv_cuda_download_new(rkv_backend *backend, size_t n, rkv_download **out);
void rkv_cuda_download_free(rkv_backend *backend, rkv_download *download);
rkv_status rkv_cuda_download_begin(rkv_backend *backend, rkv_download *download, const float *device,
                                   size_t n);
rkv_status rkv_cuda_download_yield(rkv_backend *backend, rkv_download *download);
rkv_status rkv_cuda_download_end(rkv_backend *backend, rkv_download *download, const float **host);

/* peer.c */
rkv_status rkv_cuda_receive(rkv_backend *backend, float *memory, rkv_backend *from, const float *source,
                            size_t n);

/* matrix.c */
rkv_status rkv_cuda_matrix_new(rkv_backend *backend, rkv_weight_form form, size_t n, size_t k,
                               rkv_matrix **out);
rkv_status rkv_cuda_matrix_put(rkv_backend *backend, rkv_matrix *matrix, size_t first, size_t rows,
                               const void *host);
void rkv_cuda_matrix_free(rkv_backend *backend, rkv_matrix *matrix);
rkv_status rkv_cuda_matmul(rkv_backend *backend, const float *x, size_t m, const rkv_matrix *matrix,
                           size_t first, size_t rows, bool accumulate, float *y);

/* forward.c */
rkv_status rkv_cuda_rms_norm(rkv_backend *backend, const float *x, const float *weight, size_t n_tokens,
                             size_t width, float eps, float *y);
rkv_status rkv_cuda_split_rotate(rkv_backend *backend, const float *qkv, const float *bias,
                                 const float *rotation, rkv_rope_pairing pairing,
                                 const rkv_attention_shape *shape, float *q, float *k, float *v);
rkv_status rkv_cuda_swiglu(rkv_backend *backend, const float *x, size_t n_tokens, size_t width, float *y);
rkv_status rkv_cuda_fold_logits(rkv_backend *backend, const float *logits, size_t n_tokens, size_t n,
                                size_t first, const int32_t *target, double *maximum, double *sum,
                                double *target_logit);
rkv_status rkv_cuda_head_mean(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                              float *mean);

/* attention.c */
rkv_status rkv_cuda_attention(rkv_backend *backend, const float *q, const float *k, const float *v,
                              const rkv_attention_shape *shape, float *attention,
                              const rkv_attention_sums *sums, float *out);

/* rows.c */
rkv_status rkv_cuda_rows_new(rkv_backend *backend, const rkv_row_format *format, size_t width,
                             rkv_rows **out);

/* basis.c */
rkv_status rkv_cuda_project(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width);
rkv_status rkv_cuda_expand(rkv_backend *backend, const rkv_basis_rows *lists, size_t n_lists, size_t width);

/* cached.c */
rkv_status rkv_cuda_attend_cached(rkv_backend *backend, const rkv_cached_attention *task);

/* gather.c */
rkv_status rkv_cuda_gather(rkv_backend *backend, const float *from, size_t width, const uint32_t *index,
                           size_t n, float *to);

/* row_gram.c */
rkv_status rkv_cuda_gram(rkv_backend *backend, const rkv_head_rows *lists, size_t n_lists, size_t width,
                         double *const *gram);

/* turn.c */
rkv_status rkv_cuda_turn(rkv_backend *backend, const rkv_turning *task);

/* norms.c; norms [rows of all heads] device memory, head by head */
rkv_status rkv_cuda_queue_norms(rkv_cuda *cuda, const rkv_head_rows *heads, size_t n_heads, size_t width,
                                double *norms);
rkv_status rkv_cuda_row_norms(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads, size_t width,
                              double *const *norms);

/* cosines.c */
rkv_status rkv_cuda_mean_cosines(rkv_backend *backend, const rkv_head_rows *heads, size_t n_heads,
                                 size_t width, float *const *cosines);

/* expected.c */
rkv_status rkv_cuda_expected_logits(rkv_backend *backend, const rkv_expected_logits *task);

/* query_moments.c */
rkv_status rkv_cuda_query_moments(rkv_backend *backend, const rkv_query_moments *task);

/* observed.c */
rkv_status rkv_cuda_attention_means(rkv_backend *backend, const rkv_attention_means *task);
rkv_status rkv_cuda_kept_attention(rkv_backend *backend, const rkv_kept_attention *task, double *sum);

/* singular.c */
rkv_status rkv_cuda_singular_values(rkv_backend *backend, const rkv_singular_task *task);

/* metrics.c */
rkv_status rkv_cuda_row_metrics(rkv_backend *backend, const float *attention, size_t n_heads, size_t n_tokens,
                                const int32_t *ids, rkv_row_metrics *metrics);

#endif
