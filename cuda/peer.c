/* peer.c: from one device to another, or from one stream to another of the same. */
#include "cuda/device.h"

/* Copies go through the host until a device may reach the other's pool. Where it may not, that is slower and
 * nothing else. */
static void reach(rkv_cuda *cuda, const rkv_cuda *other) {
    struct cudaMemAccessDesc access = {.location = {.type = cudaMemLocationTypeDevice, .id = cuda->ordinal},
                                       .flags = cudaMemAccessFlagsProtReadWrite};
    cudaMemPool_t pool;
    int can = 0;
    if (cuda->ordinal == other->ordinal || other->ordinal > 63 || cuda->reached >> other->ordinal & 1) return;
    cuda->reached |= (uint64_t)1 << other->ordinal;
    if (!cudaDeviceCanAccessPeer(&can, cuda->ordinal, other->ordinal) && can &&
        !cudaDeviceGetDefaultMemPool(&pool, other->ordinal))
        cudaMemPoolSetAccess(pool, &access, 1);
    cudaGetLastError(); /* it would be the next launch's */
}

/* Makes what is queued later on `waiting` come after what is queued so far on `cuda`. */
static cudaError_t let_wait(rkv_cuda *waiting, rkv_cuda *cuda) {
    cudaEvent_t event = NULL;
    rkv_cuda_enter(&cuda->base);
    cudaError_t error = cudaEventCreateWithFlags(&event, cudaEventDisableTiming);
    if (!error) error = cudaEventRecord(event, cuda->stream);
    rkv_cuda_enter(&waiting->base);
    if (!error) error = cudaStreamWaitEvent(waiting->stream, event, 0);
    if (event) cudaEventDestroy(event); /* when nobody waits for it any more */
    return error;
}

rkv_status rkv_cuda_receive(rkv_backend *backend, float *memory, rkv_backend *from, const float *source,
                            size_t n) {
    rkv_cuda *cuda = rkv_cuda_enter(backend), *other = (rkv_cuda *)from;
    if (cuda->rehearsed || n == 0) return RKV_OK;
    reach(cuda, other);
    cudaError_t error = let_wait(cuda, other);
    if (!error)
        error = cudaMemcpyPeerAsync(memory, cuda->ordinal, source, other->ordinal, n * sizeof *memory,
                                    cuda->stream);
    if (!error) error = let_wait(other, cuda);
    return rkv_cuda_check(error, "copying from another device");
}
