/* rows_codes.h: from codes in bytes to float32, x = zero + scale code, for many rows at once. scale times
 * code is exact in float32 (11 and 8 bits), so every instruction set gives the same bits. */
#ifndef RKV_BACKEND_ROWS_CODES_H
#define RKV_BACKEND_ROWS_CODES_H

#include <stdbool.h>
#include <stddef.h>

#include "backend/cpu_gemm.h"

/* Which bits of n bytes are codes: all of them, the lower 4, the upper 4, or first all lower ones and then
 * all upper ones. */
typedef enum rkv_codes_part {
    RKV_CODES_WHOLE,
    RKV_CODES_LOWER,
    RKV_CODES_UPPER,
    RKV_CODES_BOTH
} rkv_codes_part;

/* n bytes of each of `rows` rows that lie `apart` bytes apart. */
typedef struct rkv_codes_block {
    const unsigned char *codes;
    size_t apart, rows, n;
    rkv_codes_part part;
    const unsigned char *next; /* what is read after them; NULL: not known */
    size_t next_apart;         /* bytes of it for each row */
} rkv_codes_block;

/* For this processor: to x, rows `stride` floats apart, with one scale and zero per row, or per number. */
typedef struct rkv_codes_reader {
    size_t lanes;
    void (*by_row)(const rkv_codes_block *block, const float *scale, const float *zero, float *x,
                   size_t stride);
    void (*by_number)(const rkv_codes_block *block, const float *scale, const float *zero, float *x,
                      size_t stride);
} rkv_codes_reader;

/* The one that goes with a tile of cpu_gemm.h: both use the same instructions. */
const rkv_codes_reader *rkv_codes_reader_of(const rkv_tile *tile);

#endif
