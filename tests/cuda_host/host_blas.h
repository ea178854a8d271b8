/* host_blas.h: what a handle of the played cuBLAS knows, and what it works in. */
#ifndef RKV_TESTS_HOST_BLAS_H
#define RKV_TESTS_HOST_BLAS_H

#include <cublas_v2.h>
#include <stddef.h>

struct host_blas {
    cudaStream_t stream;
    unsigned char *workspace; /* [bytes] that was handed in since the stream was set; NULL: cuBLAS's own */
    size_t bytes;
};

/* Between these the stream's memory is within reach; what the handle is given to work in was written to. */
void host_blas_begin(const struct host_blas *handle);
void host_blas_end(void);

/* How many products were made in memory of cuBLAS's own, which nobody counts. */
size_t host_blas_uncounted(void);

#endif
