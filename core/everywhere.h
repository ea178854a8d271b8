/* everywhere.h: functions that the host and a device's kernels share, so that both give the same bits. */
#ifndef RKV_CORE_EVERYWHERE_H
#define RKV_CORE_EVERYWHERE_H

#ifdef __CUDACC__
#define RKV_EVERYWHERE static __host__ __device__ inline
#else
#define RKV_EVERYWHERE static inline
#endif

#endif
