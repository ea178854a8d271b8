/* order.h: floats as unsigned numbers that order as they do. */
#ifndef RKV_CORE_ORDER_H
#define RKV_CORE_ORDER_H

#include <stdint.h>
#include <string.h>

/* NaN lowest, then -INFINITY .. INFINITY; both zeros are the same. A float's bits order as its size does, so
 * that a sign bit turned over puts positive ones above, and all bits turned over negative ones in order. */
static inline uint32_t rkv_float_order(float x) {
    uint32_t bits;
    float plain = x + 0.0f; /* -0 + 0 is 0 */
    memcpy(&bits, &plain, sizeof bits);
    bits = bits >> 31 ? ~bits : bits | 0x80000000u;
    return x != x ? 0 : bits; /* no branch, so that loops over it become vector code */
}

#endif
