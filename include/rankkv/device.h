/* device.h: what computes, and how many threads it takes. */
#ifndef RANKKV_DEVICE_H
#define RANKKV_DEVICE_H

#include <rankkv/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What one device is called and can do, one line: "cpu: 2 threads, OpenBLAS 0.3.21 SkylakeX, AVX-512". Writes
 * at most size bytes, NUL included. device: "auto" or NULL, "cpu", "cuda", "cuda:N" or several of one
 * machine, "cuda:0,1". RKV_UNAVAILABLE when one is not there. */
RKV_API rkv_status rkv_device_describe(const char *device, char *text, size_t size);

/* What computes when `device` is asked for, as a name that opens the same again: "auto" (or NULL) is the
 * first GPU, "cuda:0", or where there is none "cpu"; others stay as they are, there or not. reason: why
 * "auto" is the CPU, one line; else "". Writes at most size and reason_size bytes, NUL included. RKV_USAGE:
 * device is longer than any name. */
RKV_API rkv_status rkv_device_choose(const char *device, char *name, size_t size, char *reason,
                                     size_t reason_size);

/* How products of float32 numbers are computed. What is less than float32 is faster on some devices, moves
 * effective ranks beyond their promise of 1e-6, and is said in every result: the device is then called
 * "cuda:0 NAME, tf32". Up to four tokens are multiplied in float32 whatever is chosen, where a device keeps
 * weights of fewer bits as the file holds them. */
#define RKV_PRECISION_LIST(X)                                                                                \
    X(RKV_PRECISION_FLOAT32, "float32", "24 bits of every factor")                                           \
    X(RKV_PRECISION_TF32, "tf32", "11 bits of every factor, sums in float32; CUDA")                          \
    X(RKV_PRECISION_BF16, "bf16", "8 bits of every factor, sums in float32; CUDA")

typedef enum rkv_precision {
#define RKV_PRECISION_ENUM(symbol, name, summary) symbol,
    RKV_PRECISION_LIST(RKV_PRECISION_ENUM)
#undef RKV_PRECISION_ENUM
        RKV_PRECISION_COUNT
} rkv_precision;

RKV_API const char *rkv_precision_name(rkv_precision precision);
RKV_API const char *rkv_precision_summary(rkv_precision precision);

/* OpenBLAS picks its kernels when it is loaded, and releases older than a processor fall back to kernels from
 * 2004. Returns the value that OPENBLAS_CORETYPE needs in the environment of the process for full speed (a
 * static string), or NULL when the choice is right or the variable is already set. A program sets it and
 * starts itself again. */
RKV_API const char *rkv_cpu_blas_core_wanted(void);

#ifdef __cplusplus
}
#endif
#endif
