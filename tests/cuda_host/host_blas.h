/* host_blas.h: what a handle of the played cuBLAS knows. */
#ifndef RKV_TESTS_HOST_BLAS_H
#define RKV_TESTS_HOST_BLAS_H

#include <cublas_v2.h>

struct host_blas {
    cudaStream_t stream;
};

#endif
