/* kernel.h: how a kernel is written, so that nvcc makes one for the device and the tests run the same source
 * on the host (tests/cuda_host).
 *
 * A kernel takes one struct by value, its task `t`:
 *
 *     RKV_KERNEL(scale, scale_task) { ... t.x[blockIdx.x * blockDim.x + threadIdx.x] *= t.by; }
 *     return RKV_LAUNCH(scale, task, blocks, threads, stream);
 *
 * Sources with kernels are the part of C that is C++ too; no block of theirs has threads in more than one
 * dimension, and no shared array is of variable size. */
#ifndef RKV_CUDA_KERNEL_H
#define RKV_CUDA_KERNEL_H

#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __CUDACC__
#define RKV_KERNEL(name, type) static __global__ void name(const type t)
/* With blocks of up to `threads`, above 256: else the compiler may give a thread more registers than so many
 * threads can have, and the launch fails. */
#define RKV_KERNEL_OF(threads, name, type)                                                                   \
    static __global__ void __launch_bounds__(threads) name(const type t)
/* A cudaError_t. blocks: a count, or a dim3. */
#define RKV_LAUNCH(name, task, blocks, threads, stream)                                                      \
    (name<<<(blocks), (threads), 0, (stream)>>>(task), cudaGetLastError())
#define RKV_DEVICE static __device__ inline
#else
#include "cuda_host/kernels_on_host.h"
#endif

#define RKV_WARP 32
#define RKV_ALL  0xFFFFFFFFu /* every lane of a warp */

#endif
