/* kernels_on_host.h: what cuda/kernel.h turns into without nvcc: kernels run on the host, one block after the
 * other, each thread of a block a fibre that runs until its next barrier (fibres.c).
 *
 * What would be undefined on a device ends the program with a message: threads of one block that wait at
 * different barriers, a shuffle that a lane of the warp does not take part in. Blocks and threads run forward
 * in one launch and backward in the next, so that a missing barrier shows in the numbers. */
#ifndef RKV_TESTS_KERNELS_ON_HOST_H
#define RKV_TESTS_KERNELS_ON_HOST_H

#include <math.h>
#include <stdint.h>

#include <cuda_runtime_api.h>

extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

/* Runs the kernel over all blocks. */
cudaError_t host_launch(void (*kernel)(const void *task), const void *task, dim3 blocks, unsigned threads,
                        cudaStream_t stream);

/* The caller waits for all threads of its block. */
void host_barrier(void);

/* Every lane of the warp hands in 8 bytes and takes those of lane `from`. */
uint64_t host_exchange(unsigned mask, uint64_t bits, unsigned from);

static inline dim3 host_dim3(dim3 blocks) {
    return blocks;
}
static inline dim3 host_count(size_t blocks) {
    return (dim3){(unsigned)blocks, 1, 1};
}

#define RKV_DEVICE static inline
#define __device__
#define __shared__    static
#define __syncthreads host_barrier

#define RKV_KERNEL(name, type)                                                                               \
    static void name##_of_thread(const type t);                                                              \
    static void name(const void *task) {                                                                     \
        name##_of_thread(*(const type *)task);                                                               \
    }                                                                                                        \
    static void name##_of_thread(const type t)

#define RKV_KERNEL_OF(threads, name, type) RKV_KERNEL(name, type)

/* As on a device, a failure that was not asked for before is the launch's. */
#define RKV_LAUNCH(name, task, blocks, threads, stream)                                                      \
    (host_launch(name, &(task),                                                                              \
                 _Generic((blocks), dim3                                                                     \
                          : host_dim3, default                                                               \
                          : host_count)(blocks),                                                             \
                 threads, stream),                                                                           \
     cudaGetLastError())

/* ---- shuffles, for each type that kernels shuffle ---- */

static inline unsigned host_lane(void) {
    return threadIdx.x % 32;
}

#define HOST_SHUFFLES(type, suffix)                                                                          \
    static inline type host_from_##suffix(unsigned mask, type x, unsigned from) {                            \
        union {                                                                                              \
            type value;                                                                                      \
            uint64_t bits;                                                                                   \
        } u = {.bits = 0};                                                                                   \
        u.value = x;                                                                                         \
        u.bits = host_exchange(mask, u.bits, from);                                                          \
        return u.value;                                                                                      \
    }
HOST_SHUFFLES(float, float)
HOST_SHUFFLES(double, double)
HOST_SHUFFLES(int, int)
HOST_SHUFFLES(unsigned, unsigned)
HOST_SHUFFLES(unsigned long, unsigned_long)
HOST_SHUFFLES(unsigned long long, unsigned_long_long)
#undef HOST_SHUFFLES

#define HOST_SHUFFLE(mask, x, from)                                                                          \
    _Generic((x), float                                                                                      \
             : host_from_float, double                                                                       \
             : host_from_double, int                                                                         \
             : host_from_int, unsigned                                                                       \
             : host_from_unsigned, unsigned long                                                             \
             : host_from_unsigned_long, unsigned long long                                                   \
             : host_from_unsigned_long_long)(mask, x, from)

#define __shfl_sync(mask, x, lane)     HOST_SHUFFLE(mask, x, (unsigned)(lane) % 32)
#define __shfl_xor_sync(mask, x, bits) HOST_SHUFFLE(mask, x, host_lane() ^ (unsigned)(bits))
#define __shfl_down_sync(mask, x, by)                                                                        \
    HOST_SHUFFLE(mask, x, host_lane() + (unsigned)(by) < 32 ? host_lane() + (unsigned)(by) : host_lane())
#define __shfl_up_sync(mask, x, by)                                                                          \
    HOST_SHUFFLE(mask, x, host_lane() >= (unsigned)(by) ? host_lane() - (unsigned)(by) : host_lane())

/* ---- atomics: fibres change hands at barriers alone ---- */

#define HOST_ATOMIC(at, expression)                                                                          \
    __extension__({                                                                                          \
        __typeof__(at) atomic_at = (at);                                                                     \
        __typeof__(*atomic_at) atomic_old = *atomic_at;                                                      \
        *atomic_at = (expression);                                                                           \
        atomic_old;                                                                                          \
    })
#define atomicAdd(at, by) HOST_ATOMIC(at, atomic_old + (by))
#define atomicOr(at, by)  HOST_ATOMIC(at, atomic_old | (by))
#define atomicMax(at, by) HOST_ATOMIC(at, atomic_old > (by) ? atomic_old : (by))

#endif
