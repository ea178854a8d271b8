/* rows_affine.h: scale and zero of whole numbers, and where their codes lie in a row's record. */
#ifndef RKV_BACKEND_ROWS_AFFINE_H
#define RKV_BACKEND_ROWS_AFFINE_H

#include "backend/rows_form.h"
#include "core/half.h"

/* The largest float16: what whole numbers and float16 rows hold goes no further. */
#define RKV_HALF_MOST 65504.0f

/* As they are stored. */
typedef struct rkv_affine {
    uint16_t scale, zero;
} rkv_affine;

/* For numbers from low to high, `levels` steps apart: zero is rounded down to float16 and scale up, so that
 * no code leaves 0 .. levels and every number is within half a step of its code's value. */
rkv_affine rkv_affine_of(float low, float high, float levels);

/* Codes of a row: 8 bits each in their order; 4 bits: byte i holds number i below and number half + i above,
 * half = ceil(width / 2), so that both unpack without a shuffle. */
static inline size_t rkv_codes_half(const rkv_row_layout *layout) {
    return (layout->width + 1) / 2;
}
static inline size_t rkv_codes_bytes(const rkv_row_layout *layout) {
    return layout->bits == 8 ? layout->width : rkv_codes_half(layout);
}

/* Numbers [from, to) of a row, all in the same part of their bytes. */
typedef struct rkv_codes_run {
    size_t from, to, byte; /* byte: of number `from` */
    unsigned shift;
} rkv_codes_run;

/* Splits [from, to) into at most two such runs; returns how many. */
static inline size_t rkv_codes_runs(const rkv_row_layout *layout, size_t from, size_t to,
                                    rkv_codes_run run[2]) {
    size_t half = layout->bits == 8 ? layout->width : rkv_codes_half(layout), n = 0;
    if (from < half) run[n++] = (rkv_codes_run){from, to < half ? to : half, from, 0};
    if (to > half) {
        size_t start = from > half ? from : half;
        run[n++] = (rkv_codes_run){start, to, start - half, 4};
    }
    return n;
}

/* The code nearest to x. */
static inline unsigned char rkv_code_of(float x, float zero, float inverse, float levels) {
    float code = (x - zero) * inverse;
    code = code < 0 ? 0 : code > levels ? levels : code;
    return (unsigned char)(int)(code + 0.5f);
}

#endif
