/* download.c: copies to the host on a stream of their own, beside the work, into pinned memory: a copy to
 * other memory would hold up whoever asks for it. */
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "cuda/device.h"

struct rkv_download {
    float *host;        /* [n] pinned */
    cudaEvent_t made;   /* on the stream: what is copied is there */
    cudaEvent_t copied; /* on the stream of copies */
};

static rkv_status take_pinned(rkv_cuda *cuda, size_t n, float **out) {
    size_t bytes;
    void *memory = NULL;
    if (!rkv_multiply(n ? n : 1, sizeof **out, &bytes))
        return rkv_fail(RKV_NO_MEMORY, "out of memory: %zu elements of %zu bytes", n, sizeof **out);
    cudaError_t error = cudaMallocHost(&memory, bytes);
    *out = memory;
    if (error != cudaErrorMemoryAllocation) return rkv_cuda_check(error, "allocating host memory");
    cudaGetLastError(); /* it would be the next launch's too */
    return rkv_fail(RKV_NO_MEMORY, "out of memory for copies from %s: %zu bytes of host memory",
                    cuda->base.device, bytes);
}

static rkv_status start_downloads(rkv_cuda *cuda) {
    if (cuda->downloads) return RKV_OK;
    return rkv_cuda_check(cudaStreamCreateWithFlags(&cuda->downloads, cudaStreamNonBlocking),
                          "creating a stream");
}

rkv_status rkv_cuda_download_new(rkv_backend *backend, size_t n, rkv_download **out) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    rkv_download *d = NULL;
    *out = NULL;
    rkv_status status = rkv_alloc(&d, 1, sizeof *d);
    if (status) return status;
    status = start_downloads(cuda);
    if (!status)
        status =
            rkv_cuda_check(cudaEventCreateWithFlags(&d->made, cudaEventDisableTiming), "creating an event");
    if (!status)
        status =
            rkv_cuda_check(cudaEventCreateWithFlags(&d->copied, cudaEventDisableTiming), "creating an event");
    if (!status) status = take_pinned(cuda, n, &d->host);
    if (!status)
        *out = d;
    else
        rkv_cuda_download_free(backend, d);
    return status;
}

void rkv_cuda_download_free(rkv_backend *backend, rkv_download *d) {
    if (!d) return;
    rkv_cuda_enter(backend);
    if (d->copied) {
        cudaEventSynchronize(d->copied);
        cudaEventDestroy(d->copied);
    }
    if (d->made) cudaEventDestroy(d->made);
    if (d->host) cudaFreeHost(d->host);
    free(d);
}

rkv_status rkv_cuda_download_begin(rkv_backend *backend, rkv_download *d, const float *device, size_t n) {
    rkv_cuda *cuda = rkv_cuda_enter(backend);
    cudaError_t error = cudaEventRecord(d->made, cuda->stream);
    if (!error) error = cudaStreamWaitEvent(cuda->downloads, d->made, 0);
    if (!error)
        error = cudaMemcpyAsync(d->host, device, n * sizeof *device, cudaMemcpyDeviceToHost, cuda->downloads);
    if (!error) error = cudaEventRecord(d->copied, cuda->downloads);
    return rkv_cuda_check(error, "copying to the host");
}

rkv_status rkv_cuda_download_yield(rkv_backend *backend, rkv_download *d) {
    return rkv_cuda_check(cudaStreamWaitEvent(rkv_cuda_enter(backend)->stream, d->copied, 0),
                          "waiting for a copy");
}

rkv_status rkv_cuda_download_end(rkv_backend *backend, rkv_download *d, const float **host) {
    rkv_cuda_enter(backend);
    *host = d->host;
    return rkv_cuda_check(cudaEventSynchronize(d->copied), "the work queued so far");
}
