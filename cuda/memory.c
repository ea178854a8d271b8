/* memory.c: device memory, in the order of the stream. */
#include <string.h>

#include "backend/noise.h"
#include "core/fail.h"
#include "core/memory.h"
#include "cuda/device.h"

rkv_status rkv_cuda_take(rkv_cuda *cuda, void *out, size_t count, size_t size) {
    void *memory = NULL;
    size_t bytes;
    memcpy(out, &memory, sizeof memory);
    if (!rkv_multiply(count ? count : 1, size, &bytes))
        return rkv_fail(RKV_NO_MEMORY, "out of memory: %zu elements of %zu bytes", count, size);
    if (cuda->rehearsed) {
        rkv_status status = rkv_cuda_count_taken(cuda, &memory, bytes);
        memcpy(out, &memory, sizeof memory);
        return status;
    }
    cudaError_t error = cudaMallocAsync(&memory, bytes, cuda->stream);
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError(); /* it would be the next launch's too */
        return rkv_fail(RKV_NO_MEMORY, "out of memory on %s: %zu bytes", cuda->base.device, bytes);
    }
    memcpy(out, &memory, sizeof memory);
    return rkv_cuda_check(error, "allocating memory");
}

rkv_status rkv_cuda_take_rows(rkv_cuda *cuda, void *out, size_t count, size_t size) {
    rkv_cuda_count_rows(cuda, true);
    rkv_status status = rkv_cuda_take(cuda, out, count, size);
    rkv_cuda_count_rows(cuda, false);
    return status;
}

void rkv_cuda_give(rkv_cuda *cuda, void *memory) {
    if (memory && cuda->rehearsed)
        rkv_cuda_count_given(cuda, memory);
    else if (memory)
        cudaFreeAsync(memory, cuda->stream);
}

rkv_status rkv_cuda_to_device(rkv_cuda *cuda, void *device, const void *host, size_t bytes) {
    if (cuda->rehearsed) return RKV_OK;
    rkv_status status = rkv_cuda_check(
        cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, cuda->stream), "copying to the device");
    return status ? status : rkv_cuda_check(cudaStreamSynchronize(cuda->stream), "copying to the device");
}

rkv_status rkv_cuda_to_host(rkv_cuda *cuda, void *host, const void *device, size_t bytes) {
    if (cuda->rehearsed) {
        memset(host, 0, bytes);
        return RKV_OK;
    }
    rkv_status status = rkv_cuda_check(
        cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, cuda->stream), "copying to the host");
    return status ? status : rkv_cuda_check(cudaStreamSynchronize(cuda->stream), "the work queued so far");
}

rkv_status rkv_cuda_rows_to_device(rkv_cuda *cuda, void *device, const void *host, size_t pitch,
                                   size_t row_bytes, size_t rows) {
    if (pitch == row_bytes || rows == 1 || cuda->rehearsed)
        return rkv_cuda_to_device(cuda, device, host, rows * row_bytes);
    rkv_status status = rkv_cuda_check(cudaMemcpy2DAsync(device, row_bytes, host, pitch, row_bytes, rows,
                                                         cudaMemcpyHostToDevice, cuda->stream),
                                       "copying to the device");
    return status ? status : rkv_cuda_check(cudaStreamSynchronize(cuda->stream), "copying to the device");
}

rkv_status rkv_cuda_rows_to_host(rkv_cuda *cuda, void *host, size_t pitch, const void *device,
                                 size_t row_bytes, size_t rows) {
    if (cuda->rehearsed) {
        rkv_noise_fill(host, rows, row_bytes / sizeof(float), pitch / sizeof(float));
        return RKV_OK;
    }
    if (pitch == row_bytes || rows == 1) return rkv_cuda_to_host(cuda, host, device, rows * row_bytes);
    rkv_status status = rkv_cuda_check(cudaMemcpy2DAsync(host, pitch, device, row_bytes, row_bytes, rows,
                                                         cudaMemcpyDeviceToHost, cuda->stream),
                                       "copying to the host");
    return status ? status : rkv_cuda_check(cudaStreamSynchronize(cuda->stream), "the work queued so far");
}

/* 0 where it does not say. */
static size_t ask_pool(const rkv_cuda *cuda, enum cudaMemPoolAttr attribute) {
    cudaMemPool_t pool;
    uint64_t value = 0;
    if (!cudaDeviceGetDefaultMemPool(&pool, cuda->ordinal) &&
        !cudaMemPoolGetAttribute(pool, attribute, &value))
        return value;
    cudaGetLastError(); /* it would be the next launch's */
    return 0;
}

/* What was given back may count until the stream comes there. Whatever failed fails again. */
size_t rkv_cuda_memory_held(rkv_cuda *cuda) {
    rkv_cuda_enter(&cuda->base);
    if (cudaStreamSynchronize(cuda->stream)) cudaGetLastError();
    return ask_pool(cuda, cudaMemPoolAttrUsedMemCurrent);
}

size_t rkv_cuda_memory_available(rkv_backend *backend) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    size_t free_bytes = 0, total = 0;
    if (cuda->rehearsed) return rkv_cuda_rehearsed_free(cuda);
    size_t held = rkv_cuda_memory_held(cuda), reserved = ask_pool(cuda, cudaMemPoolAttrReservedMemCurrent);
    if (cudaMemGetInfo(&free_bytes, &total)) cudaGetLastError(); /* as above */
    return reserved > held ? free_bytes + (reserved - held) : free_bytes;
}

rkv_status rkv_cuda_solver(rkv_cuda *cuda, cusolverDnHandle_t *out) {
    rkv_status status = RKV_OK;
    if (cuda->rehearsed) return rkv_cuda_solver(cuda->rehearsed, out);
    if (!cuda->solver) status = rkv_cusolver_check(cusolverDnCreate(&cuda->solver), "starting cuSOLVER");
    if (!status)
        status = rkv_cusolver_check(cusolverDnSetStream(cuda->solver, cuda->stream), "starting cuSOLVER");
    *out = cuda->solver;
    return status;
}

/* ---- operations ---- */

void rkv_cuda_memory_use(rkv_backend *backend, rkv_memory_use *out) {
    size_t free_bytes = 0, total = 0;
    *out = (rkv_memory_use){.peak = ask_pool(rkv_cuda_enter(backend), cudaMemPoolAttrUsedMemHigh)};
    if (!cudaMemGetInfo(&free_bytes, &total)) out->device = total - free_bytes;
    cudaGetLastError(); /* as above */
}

rkv_status rkv_cuda_wait(rkv_backend *backend) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    return RKV_CUDA_QUEUE(cuda, cudaStreamSynchronize(cuda->stream), "the work queued so far");
}

rkv_status rkv_cuda_alloc(rkv_backend *backend, float **out, size_t n) {
    return rkv_cuda_take(rkv_cuda_enter(backend), out, n, sizeof **out);
}

void rkv_cuda_release(rkv_backend *backend, float *memory) {
    rkv_cuda_give(rkv_cuda_enter(backend), memory);
}

rkv_status rkv_cuda_upload(rkv_backend *backend, float *device, const float *host, size_t n) {
    return rkv_cuda_to_device(rkv_cuda_enter(backend), device, host, n * sizeof *device);
}

rkv_status rkv_cuda_download(rkv_backend *backend, float *host, const float *device, size_t n) {
    return rkv_cuda_to_host(rkv_cuda_enter(backend), host, device, n * sizeof *host);
}
