/* rows_codes.h: from codes in bytes to float32, x = zero + scale code, for many rows at once. scale times
 * code is exact in float32 (11 and 8 bits), so every instruction set gives the same bits. */
#ifndef RKV_BACKEND_ROWS_CODES_H
#define RKV_BACKEND_ROWS_CODES_H

#include <stddef.h>

#include "backend/cpu_gemm.h"

/* n codes of each of `rows` rows that lie `apart` bytes apart; of `bits` bits, 4-bit codes in the bytes'
 * lower half or, with shift 4, in their upper half. */
typedef struct rkv_codes_block {
    const unsigned char *codes;
    size_t apart, rows, n, bits;
    unsigned shift;
} rkv_codes_block;

/* For this processor: to x, rows `stride` floats apart, with scale and zero [rows], or [n]. */
typedef struct rkv_codes_reader {
    size_t lanes;
    void (*by_row)(const rkv_codes_block *block, const float *scale, const float *zero, float *x,
                   size_t stride);
    void (*by_column)(const rkv_codes_block *block, const float *scale, const float *zero, float *x,
                      size_t stride);
} rkv_codes_reader;

/* The one that goes with a tile of cpu_gemm.h: both use the same instructions. */
const rkv_codes_reader *rkv_codes_reader_of(const rkv_tile *tile);

#endif
