/* peer.c: from one device to another, or from one stream to another of the same. */
#include "cuda/device.h"

/* Whether this device reaches what the other's pool holds, which it is let do where the machine can. */
static bool reaches(rkv_cuda *cuda, const rkv_cuda *other) {
    struct cudaMemAccessDesc access = {.location = {.type = cudaMemLocationTypeDevice, .id = cuda->ordinal},
                                       .flags = cudaMemAccessFlagsProtReadWrite};
    cudaMemPool_t pool;
    int can = 0;
    if (cuda->ordinal == other->ordinal) return true;
    if (other->ordinal >= 64) return false;
    uint64_t bit = (uint64_t)1 << other->ordinal;
    if (!(cuda->reached & bit) && !cudaDeviceCanAccessPeer(&can, cuda->ordinal, other->ordinal) && can &&
        !cudaDeviceGetDefaultMemPool(&pool, other->ordinal) && !cudaMemPoolSetAccess(pool, &access, 1))
        cuda->reached |= bit;
    cudaGetLastError(); /* it would be the next launch's */
    return cuda->reached & bit;
}

/* A plain copy knows nothing of pools that it cannot reach; the copy between devices goes through the host
 * then, which is slower and nothing else. Where a pool was opened to others, drivers are said to lose such a
 * copy without a word: what can be reached is copied as the device's own memory is. */
static cudaError_t copy(rkv_cuda *cuda, float *memory, const rkv_cuda *other, const float *source,
                        size_t bytes, bool within_reach) {
    if (within_reach) return cudaMemcpyAsync(memory, source, bytes, cudaMemcpyDeviceToDevice, cuda->stream);
    return cudaMemcpyPeerAsync(memory, cuda->ordinal, source, other->ordinal, bytes, cuda->stream);
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
    bool within_reach = reaches(cuda, other);
    cudaError_t error = let_wait(cuda, other);
    if (!error) error = copy(cuda, memory, other, source, n * sizeof *memory, within_reach);
    if (!error) error = let_wait(other, cuda);
    return rkv_cuda_check(error, "copying from another device");
}
