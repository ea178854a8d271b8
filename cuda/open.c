/* open.c: the CUDA backend: its table of operations, and how a device is opened. */
#include "cuda/open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/fail.h"
#include "core/memory.h"
#include "cuda/device.h"
#include "cuda/weights.h"

/* Generations: the first number of a compute capability. The module holds code from the oldest on. */
enum { OLDEST = 8, HOPPER = 9 };

/* Matrices whose singular values a processor is given at a time: a guess, not measured yet. The smaller they
 * are, the more of them it takes to keep it from waiting. */
#define MATRICES_EACH ((size_t)8)

rkv_status rkv_cuda_count(size_t *n) {
    int count = 0; /* without a driver it is left as it was */
    cudaError_t error = cudaGetDeviceCount(&count);
    *n = 0;
    if (error != cudaSuccess)
        return rkv_fail(RKV_UNAVAILABLE, "no CUDA device: %s", cudaGetErrorString(error));
    if (count <= 0)
        return rkv_fail(RKV_UNAVAILABLE, "no CUDA device: %s", cudaGetErrorString(cudaErrorNoDevice));
    *n = (size_t)count;
    return RKV_OK;
}

static void close_cuda(rkv_backend *backend) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    if (cuda->solver) cusolverDnDestroy(cuda->solver);
    if (cuda->blas) cublasDestroy(cuda->blas);
    rkv_cuda_give(cuda, cuda->blas_workspace);
    if (cuda->downloads) cudaStreamDestroy(cuda->downloads);
    if (cuda->stream) cudaStreamDestroy(cuda->stream);
    free(cuda);
}

/* What is less than float32 is said wherever the device is. */
static const struct {
    cublasComputeType_t arithmetic;
    const char *said; /* behind the device's name */
} precisions[RKV_PRECISION_COUNT] = {
    [RKV_PRECISION_FLOAT32] = {CUBLAS_COMPUTE_32F, ""},
    [RKV_PRECISION_TF32] = {CUBLAS_COMPUTE_32F_FAST_TF32, ", tf32"},
    [RKV_PRECISION_BF16] = {CUBLAS_COMPUTE_32F_FAST_16BF, ", bf16"},
};

rkv_status rkv_cuda_set_precision(rkv_backend *backend, rkv_precision precision) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    if ((unsigned)precision >= RKV_PRECISION_COUNT)
        return rkv_fail(RKV_USAGE, "precision is none of its values");
    cuda->arithmetic = precisions[precision].arithmetic;
    const char *said = precisions[precision].said;
    /* A name that is too long for all of it is cut, and nothing else. */
    int length =
        snprintf(backend->device, sizeof backend->device, "cuda:%d%s", cuda->ordinal, backend->others);
    int room = (int)sizeof backend->device - 2 - length - (int)strlen(said);
    snprintf(backend->device + length, sizeof backend->device - (size_t)length, " %.*s%s",
             room < 40 ? room : 40, cuda->name, said);
    return RKV_OK;
}

static const rkv_backend_ops cuda_ops = {
    .name = "cuda",
    .weight_forms = RKV_CUDA_WEIGHT_FORMS,
    .close = close_cuda,
    .memory_available = rkv_cuda_memory_available,
    .memory_use = rkv_cuda_memory_use,
    .rehearse = rkv_cuda_rehearse,
    .wait = rkv_cuda_wait,
    .set_precision = rkv_cuda_set_precision,
    .alloc = rkv_cuda_alloc,
    .release = rkv_cuda_release,
    .upload = rkv_cuda_upload,
    .download = rkv_cuda_download,
    .receive = rkv_cuda_receive,
    .download_new = rkv_cuda_download_new,
    .download_free = rkv_cuda_download_free,
    .download_begin = rkv_cuda_download_begin,
    .download_yield = rkv_cuda_download_yield,
    .download_end = rkv_cuda_download_end,
    .rms_norm = rkv_cuda_rms_norm,
    .singular_values = rkv_cuda_singular_values,
    .row_metrics = rkv_cuda_row_metrics,
    .matrix_new = rkv_cuda_matrix_new,
    .matrix_put = rkv_cuda_matrix_put,
    .matrix_free = rkv_cuda_matrix_free,
    .matmul = rkv_cuda_matmul,
    .split_rotate = rkv_cuda_split_rotate,
    .attention = rkv_cuda_attention,
    .rows_new = rkv_cuda_rows_new,
    .project = rkv_cuda_project,
    .expand = rkv_cuda_expand,
    .attend_cached = rkv_cuda_attend_cached,
    .row_norms = rkv_cuda_row_norms,
    .mean_cosines = rkv_cuda_mean_cosines,
    .attention_means = rkv_cuda_attention_means,
    .expected_logits = rkv_cuda_expected_logits,
    .query_moments = rkv_cuda_query_moments,
    .gram = rkv_cuda_gram,
    .gather = rkv_cuda_gather,
    .turn = rkv_cuda_turn,
    .kept_attention = rkv_cuda_kept_attention,
    .swiglu = rkv_cuda_swiglu,
    .fold_logits = rkv_cuda_fold_logits,
    .head_mean = rkv_cuda_head_mean,
};

static rkv_status describe(rkv_cuda *cuda) {
    struct cudaDeviceProp properties;
    int runtime = 0;
    rkv_status status = rkv_cuda_check(cudaGetDeviceProperties(&properties, cuda->ordinal),
                                       "reading the device's properties");
    if (status) return status;
    cuda->generation = properties.major;
    if (properties.major < OLDEST)
        return rkv_fail(RKV_UNAVAILABLE, "%s has compute capability %d.%d: RankKV needs %d.0",
                        properties.name, properties.major, properties.minor, OLDEST);
    cuda->processors = (size_t)properties.multiProcessorCount;
    cuda->base.matrices_at_once = cuda->processors * MATRICES_EACH;
    cudaRuntimeGetVersion(&runtime);
    snprintf(cuda->name, sizeof cuda->name, "%.47s", properties.name);
    snprintf(cuda->base.description, sizeof cuda->base.description,
             "cuda:%d: %.48s, %zu MiB, compute capability %d.%d, CUDA %d.%d", cuda->ordinal, properties.name,
             properties.totalGlobalMem >> 20, properties.major, properties.minor, runtime / 1000,
             runtime % 1000 / 10);
    return RKV_OK;
}

/* Memory that is given back stays with the process for its next layer, instead of going back to the driver at
 * each synchronisation. Its high-water mark begins anew. */
static rkv_status keep_memory(int ordinal) {
    cudaMemPool_t pool;
    uint64_t all = UINT64_MAX, from_now = 0;
    rkv_status status =
        rkv_cuda_check(cudaDeviceGetDefaultMemPool(&pool, ordinal), "reading the memory pool");
    if (status) return status;
    status = rkv_cuda_check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all),
                            "setting up the memory pool");
    if (status) return status;
    return rkv_cuda_check(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrUsedMemHigh, &from_now),
                          "setting up the memory pool");
}

/* What cuBLAS works in is as large as it is by default (of generations that are later than Hopper some take
 * less), but of the pool, so that whoever counts memory counts it. Setting a stream takes it away again: it
 * comes after that. */
static rkv_status start_blas(rkv_cuda *cuda) {
    size_t bytes = (size_t)(cuda->generation >= HOPPER ? 32 : 4) << 20;
    rkv_status status = rkv_cublas_check(cublasCreate(&cuda->blas), "starting cuBLAS");
    if (!status) status = rkv_cublas_check(cublasSetStream(cuda->blas, cuda->stream), "starting cuBLAS");
    if (!status) status = rkv_cuda_take(cuda, &cuda->blas_workspace, bytes, 1);
    if (!status)
        status =
            rkv_cublas_check(cublasSetWorkspace(cuda->blas, cuda->blas_workspace, bytes), "starting cuBLAS");
    return status;
}

static rkv_status start(rkv_cuda *cuda) {
    rkv_status status = rkv_cuda_check(cudaSetDevice(cuda->ordinal), "starting the device");
    if (!status) status = describe(cuda);
    if (!status) status = keep_memory(cuda->ordinal);
    if (!status)
        status = rkv_cuda_check(cudaStreamCreateWithFlags(&cuda->stream, cudaStreamNonBlocking),
                                "creating a stream");
    if (!status) status = start_blas(cuda);
    if (!status) status = rkv_cuda_set_precision(&cuda->base, RKV_PRECISION_FLOAT32);
    return status;
}

rkv_status rkv_cuda_open(rkv_backend **out, size_t ordinal) {
    rkv_cuda *cuda = NULL;
    size_t n = 0;
    *out = NULL;
    rkv_status status = rkv_cuda_count(&n);
    if (!status && ordinal >= n)
        status = rkv_fail(RKV_UNAVAILABLE, "there is no cuda:%zu: this machine has cuda:0 to cuda:%zu",
                          ordinal, n - 1);
    if (!status) status = rkv_alloc(&cuda, 1, sizeof *cuda);
    if (status) return status;
    cuda->base.ops = &cuda_ops;
    cuda->ordinal = (int)ordinal;
    status = start(cuda);
    if (status)
        close_cuda(&cuda->base);
    else
        *out = &cuda->base;
    return status;
}

rkv_cuda *rkv_cuda_enter(rkv_backend *backend) {
    rkv_cuda *cuda = (rkv_cuda *)backend;
    cudaSetDevice(
        cuda->ordinal); /* the current device is the thread's; what fails here fails in the next call */
    return cuda;
}
