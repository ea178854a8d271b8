/* cpu_blas.c: what OpenBLAS chose, and its threads. */
#include <cblas.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include <rankkv/device.h>

#include "backend/cpu.h"

const char *rkv_cpu_blas_name(void) {
    return openblas_get_config();
}

/* OpenBLAS's OpenMP build also sets the number of threads of everybody else: that is put back. */
int rkv_cpu_blas_threads(int n) {
    int before = openblas_get_num_threads(), everybody = omp_get_max_threads();
    if (before != n) openblas_set_num_threads(n);
    omp_set_num_threads(everybody);
    return before;
}

const char *rkv_cpu_blas_core_wanted(void) {
#if defined(__x86_64__)
    /* Prescott (SSE3, 2004) is where OpenBLAS falls back to on processors that it does not know. */
    if (getenv("OPENBLAS_CORETYPE") || strcasecmp(openblas_get_corename(), "Prescott") != 0) return NULL;
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
    return NULL;
}
