/* sizes.h: the smaller and the larger of two sizes. */
#ifndef RKV_CORE_SIZES_H
#define RKV_CORE_SIZES_H

#include <stddef.h>

static inline size_t rkv_smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

static inline size_t rkv_larger(size_t a, size_t b) {
    return a > b ? a : b;
}

#endif
