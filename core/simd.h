/* simd.h: plain loops compiled for several instruction sets, the best of which is picked when the program is
 * loaded. */
#ifndef RKV_CORE_SIMD_H
#define RKV_CORE_SIMD_H

#include <stddef.h>
#include <stdint.h>

/* Before a function definition: clones it for AVX-512, AVX2 and the baseline. Sanitizers run before the
 * loader's choice can, so their builds have the baseline alone. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define RKV_CLONES                                                                                           \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), optimize("O3")))
#else
#define RKV_CLONES
#endif

#if defined(__GNUC__)
#define RKV_ALWAYS_INLINE __attribute__((always_inline)) static inline
#else
#define RKV_ALWAYS_INLINE static inline
#endif

/* Has the processor fetch what lies `ahead` bytes past p, while it works on what lies at p: its own guesses
 * end with the page. Nothing need be there. Inlined whatever the caller's options are: a call of a function
 * that does nothing else is taken for one without effect, and goes. */
RKV_ALWAYS_INLINE void rkv_prefetch(const void *p, size_t ahead) {
#if defined(__GNUC__)
    __builtin_prefetch((const void *)((uintptr_t)p + ahead));
#else
    (void)p, (void)ahead;
#endif
}

#endif
