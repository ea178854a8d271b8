/* cpu_level.c: which instruction sets the processor has. */
#include "backend/cpu_level.h"

rkv_level rkv_cpu_level(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");
    return avx512 ? RKV_LEVEL_AVX512 : avx2 ? RKV_LEVEL_AVX2 : RKV_LEVEL_BASELINE;
#else
    return RKV_LEVEL_BASELINE;
#endif
}

bool rkv_cpu_has_vnni(void) {
#if defined(__x86_64__)
    return rkv_cpu_level() == RKV_LEVEL_AVX512 && __builtin_cpu_supports("avx512vnni") &&
           __builtin_cpu_supports("avx512vbmi");
#else
    return false;
#endif
}
