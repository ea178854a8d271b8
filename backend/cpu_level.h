/* cpu_level.h: which of the instruction sets that kernels are written for the processor has. */
#ifndef RKV_BACKEND_CPU_LEVEL_H
#define RKV_BACKEND_CPU_LEVEL_H

#include <stdbool.h>

/* Best first. A table of kernels has a row for each; where there is only one set, only the last. */
typedef enum rkv_level {
#if defined(__x86_64__)
    RKV_LEVEL_AVX512, /* x86-64-v4 */
    RKV_LEVEL_AVX2,   /* x86-64-v3 */
#endif
    RKV_LEVEL_BASELINE,
    RKV_LEVEL_COUNT
} rkv_level;

/* The best that this processor can run; it can run all that follow, too. */
rkv_level rkv_cpu_level(void);

/* Whether it has, beside RKV_LEVEL_AVX512, products of bytes that are added by fours (VNNI), and permutations
 * of bytes (VBMI): processors from 2019 on. */
bool rkv_cpu_has_vnni(void);

#endif
