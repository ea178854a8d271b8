/* solver.c: cuSOLVER, as far as the module uses it, by LAPACK. Workspaces have the sizes that were asked for,
 * filled to their ends; what a solver destroys is filled with NaN. */
#include <cusolverDn.h>
#include <float.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_host/host_solver.h"
#include "cuda_host/host_work.h"

struct host_solver {
    cudaStream_t stream;
};

struct host_solver_params {
    int unused;
};

static host_solver_state state;

host_solver_state *host_solver(void) {
    return &state;
}

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t *handle) {
    *handle = calloc(1, sizeof **handle);
    return *handle ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_ALLOC_FAILED;
}

cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t handle) {
    free(handle);
    return CUSOLVER_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t handle, cudaStream_t stream) {
    if (handle) handle->stream = stream;
    return handle && stream ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_INVALID_VALUE;
}

cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t *params) {
    *params = calloc(1, sizeof **params);
    return *params ? CUSOLVER_STATUS_SUCCESS : CUSOLVER_STATUS_ALLOC_FAILED;
}

cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t params) {
    free(params);
    return CUSOLVER_STATUS_SUCCESS;
}

/* ---- what all of them check ---- */

typedef struct call {
    cusolverDnHandle_t handle;
    cusolverDnParams_t params;
    const void *a, *values;
    int64_t m, n, lda, batch;
    cudaDataType types[3]; /* of a, of the values, of the arithmetic */
} call;

static cusolverStatus_t check(const call *c) {
    if (!c->handle || !c->params) return CUSOLVER_STATUS_NOT_INITIALIZED;
    for (size_t i = 0; i < 3; i++)
        if (c->types[i] != CUDA_R_64F) return CUSOLVER_STATUS_INVALID_VALUE;
    return c->a && c->values && c->n > 0 && c->m >= c->n && c->lda >= c->m && c->batch > 0
               ? CUSOLVER_STATUS_SUCCESS
               : CUSOLVER_STATUS_INVALID_VALUE;
}

/* Sizes that differ from call to call and between the two. */
static cusolverStatus_t say_sizes(const call *c, size_t *device_bytes, size_t *host_bytes) {
    *device_bytes = (size_t)(c->n * c->batch) * 8 + 24;
    *host_bytes = (size_t)c->n * 8 + 3;
    return check(c);
}

static cusolverStatus_t begin(const call *c, void *device, size_t device_bytes, void *host,
                              size_t host_bytes) {
    size_t wanted_device, wanted_host;
    cusolverStatus_t status = say_sizes(c, &wanted_device, &wanted_host);
    if (status) return status;
    if (!device || !host || device_bytes < wanted_device || host_bytes < wanted_host)
        return CUSOLVER_STATUS_INVALID_VALUE;
    host_work_begin(c->handle->stream);
    memset(device, 0xFF, device_bytes);
    memset(host, 0xFF, host_bytes);
    return CUSOLVER_STATUS_SUCCESS;
}

/* ---- eigenvalues ---- */

/* Only the lower triangle of a [n, n] is read: it is copied out, with NaN above it. */
static int symmetric(double *a, int64_t n, int64_t lda, double *w) {
    double *lower = malloc((size_t)(n * n) * sizeof *lower);
    if (!lower) abort();
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < n; i++) {
            lower[i + j * n] = i >= j ? a[i + j * lda] : NAN;
            a[i + j * lda] = NAN;
        }
    int info = LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'N', 'L', (lapack_int)n, lower, (lapack_int)n, w);
    free(lower);
    return info;
}

cusolverStatus_t cusolverDnXsyevBatched_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                                   cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                                   cudaDataType a_type, const void *a, int64_t lda,
                                                   cudaDataType w_type, const void *w,
                                                   cudaDataType compute_type, size_t *device_bytes,
                                                   size_t *host_bytes, int64_t batch) {
    call c = {handle, params, a, w, n, n, lda, batch, {a_type, w_type, compute_type}};
    if (jobz != CUSOLVER_EIG_MODE_NOVECTOR || uplo != CUBLAS_FILL_MODE_LOWER || n * lda > INT32_MAX / batch)
        return CUSOLVER_STATUS_INVALID_VALUE;
    return say_sizes(&c, device_bytes, host_bytes);
}

cusolverStatus_t cusolverDnXsyevBatched(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                        cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                        cudaDataType a_type, void *a, int64_t lda, cudaDataType w_type,
                                        void *w, cudaDataType compute_type, void *device, size_t device_bytes,
                                        void *host, size_t host_bytes, int *info, int64_t batch) {
    call c = {handle, params, a, w, n, n, lda, batch, {a_type, w_type, compute_type}};
    if (jobz != CUSOLVER_EIG_MODE_NOVECTOR || uplo != CUBLAS_FILL_MODE_LOWER || n * lda > INT32_MAX / batch)
        return CUSOLVER_STATUS_INVALID_VALUE;
    cusolverStatus_t status = begin(&c, device, device_bytes, host, host_bytes);
    if (status) return status;
    double *values = w;
    for (int64_t k = 0; k < batch; k++)
        info[k] = symmetric((double *)a + k * n * lda, n, lda, values + k * n);
    if (state.batched_info) info[0] = state.batched_info;
    for (int64_t i = 0; state.batched_factor != 0 && i < n; i++)
        values[i] *= state.batched_factor;
    for (int64_t i = 0; i < n; i++)
        values[i] += state.batched_lift * DBL_EPSILON * values[n - 1];
    state.batches++;
    state.batched += (size_t)batch;
    host_work_end();
    return status;
}

cusolverStatus_t cusolverDnXsyevd_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                             cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                             cudaDataType a_type, const void *a, int64_t lda,
                                             cudaDataType w_type, const void *w, cudaDataType compute_type,
                                             size_t *device_bytes, size_t *host_bytes) {
    call c = {handle, params, a, w, n, n, lda, 1, {a_type, w_type, compute_type}};
    if (jobz != CUSOLVER_EIG_MODE_NOVECTOR || uplo != CUBLAS_FILL_MODE_LOWER)
        return CUSOLVER_STATUS_INVALID_VALUE;
    return say_sizes(&c, device_bytes, host_bytes);
}

cusolverStatus_t cusolverDnXsyevd(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                  cusolverEigMode_t jobz, cublasFillMode_t uplo, int64_t n,
                                  cudaDataType a_type, void *a, int64_t lda, cudaDataType w_type, void *w,
                                  cudaDataType compute_type, void *device, size_t device_bytes, void *host,
                                  size_t host_bytes, int *info) {
    call c = {handle, params, a, w, n, n, lda, 1, {a_type, w_type, compute_type}};
    if (jobz != CUSOLVER_EIG_MODE_NOVECTOR || uplo != CUBLAS_FILL_MODE_LOWER)
        return CUSOLVER_STATUS_INVALID_VALUE;
    cusolverStatus_t status = begin(&c, device, device_bytes, host, host_bytes);
    if (status) return status;
    *info = symmetric(a, n, lda, w);
    state.single++;
    host_work_end();
    return status;
}

/* ---- singular values ---- */

static int singular(double *a, int64_t m, int64_t n, int64_t lda, double *s) {
    double none;
    int info = LAPACKE_dgesdd(LAPACK_COL_MAJOR, 'N', (lapack_int)m, (lapack_int)n, a, (lapack_int)lda, s,
                              &none, 1, &none, 1);
    for (int64_t i = 0; i < n * lda; i++)
        a[i] = NAN;
    return info;
}

cusolverStatus_t cusolverDnXgesvdp_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                              cusolverEigMode_t jobz, int econ, int64_t m, int64_t n,
                                              cudaDataType a_type, const void *a, int64_t lda,
                                              cudaDataType s_type, const void *s, cudaDataType u_type,
                                              const void *u, int64_t ldu, cudaDataType v_type, const void *v,
                                              int64_t ldv, cudaDataType compute_type, size_t *device_bytes,
                                              size_t *host_bytes) {
    call c = {handle, params, a, s, m, n, lda, 1, {a_type, s_type, compute_type}};
    (void)econ, (void)u, (void)v;
    if (jobz != CUSOLVER_EIG_MODE_NOVECTOR || u_type != CUDA_R_64F || v_type != CUDA_R_64F || ldu < m ||
        ldv < n)
        return CUSOLVER_STATUS_INVALID_VALUE;
    return say_sizes(&c, device_bytes, host_bytes);
}

cusolverStatus_t cusolverDnXgesvdp(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                   cusolverEigMode_t jobz, int econ, int64_t m, int64_t n,
                                   cudaDataType a_type, void *a, int64_t lda, cudaDataType s_type, void *s,
                                   cudaDataType u_type, void *u, int64_t ldu, cudaDataType v_type, void *v,
                                   int64_t ldv, cudaDataType compute_type, void *device, size_t device_bytes,
                                   void *host, size_t host_bytes, int *info, double *shift) {
    call c = {handle, params, a, s, m, n, lda, 1, {a_type, s_type, compute_type}};
    (void)econ, (void)u, (void)v;
    if (jobz != CUSOLVER_EIG_MODE_NOVECTOR || u_type != CUDA_R_64F || v_type != CUDA_R_64F || ldu < m ||
        ldv < n)
        return CUSOLVER_STATUS_INVALID_VALUE;
    cusolverStatus_t status = begin(&c, device, device_bytes, host, host_bytes);
    if (status) return status;
    double *sigma = s;
    *info = singular(a, m, n, lda, sigma);
    memcpy(device, &state.polar_shift, sizeof *shift);
    for (int64_t i = 0; i < n; i++)
        sigma[i] = (sigma[i] + state.polar_shift) * (state.polar_factor != 0 ? state.polar_factor : 1);
    state.polar++;
    host_work_end();
    /* nothing says that it is there earlier */
    cudaError_t error =
        cudaMemcpyAsync(shift, device, sizeof *shift, cudaMemcpyDeviceToHost, c.handle->stream);
    return error ? CUSOLVER_STATUS_INVALID_VALUE : status;
}

cusolverStatus_t cusolverDnXgesvd_bufferSize(cusolverDnHandle_t handle, cusolverDnParams_t params,
                                             signed char jobu, signed char jobvt, int64_t m, int64_t n,
                                             cudaDataType a_type, const void *a, int64_t lda,
                                             cudaDataType s_type, const void *s, cudaDataType u_type,
                                             const void *u, int64_t ldu, cudaDataType vt_type, const void *vt,
                                             int64_t ldvt, cudaDataType compute_type, size_t *device_bytes,
                                             size_t *host_bytes) {
    call c = {handle, params, a, s, m, n, lda, 1, {a_type, s_type, compute_type}};
    (void)u, (void)vt;
    if (jobu != 'N' || jobvt != 'N' || u_type != CUDA_R_64F || vt_type != CUDA_R_64F || ldu < m || ldvt < n)
        return CUSOLVER_STATUS_INVALID_VALUE;
    return say_sizes(&c, device_bytes, host_bytes);
}

cusolverStatus_t cusolverDnXgesvd(cusolverDnHandle_t handle, cusolverDnParams_t params, signed char jobu,
                                  signed char jobvt, int64_t m, int64_t n, cudaDataType a_type, void *a,
                                  int64_t lda, cudaDataType s_type, void *s, cudaDataType u_type, void *u,
                                  int64_t ldu, cudaDataType vt_type, void *vt, int64_t ldvt,
                                  cudaDataType compute_type, void *device, size_t device_bytes, void *host,
                                  size_t host_bytes, int *info) {
    call c = {handle, params, a, s, m, n, lda, 1, {a_type, s_type, compute_type}};
    (void)u, (void)vt;
    if (jobu != 'N' || jobvt != 'N' || u_type != CUDA_R_64F || vt_type != CUDA_R_64F || ldu < m || ldvt < n)
        return CUSOLVER_STATUS_INVALID_VALUE;
    cusolverStatus_t status = begin(&c, device, device_bytes, host, host_bytes);
    if (status) return status;
    *info = singular(a, m, n, lda, s);
    if (state.qr_info) *info = state.qr_info;
    state.qr++;
    host_work_end();
    return status;
}
