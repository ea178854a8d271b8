/* rows_affine.h: scale and zero of whole numbers, and where their codes lie in a row's record. */
#ifndef RKV_BACKEND_ROWS_AFFINE_H
#define RKV_BACKEND_ROWS_AFFINE_H

#include "backend/rows_codes.h"
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

/* Axis token: pairs of scale and zero in front of a row's codes. */
static inline size_t rkv_token_groups(const rkv_row_layout *layout) {
    return (layout->width + layout->group - 1) / layout->group;
}

/* Numbers [from, to) of a row, all in the same part of their bytes. */
typedef struct rkv_codes_run {
    size_t from, to, byte; /* byte: of number `from` */
    rkv_codes_part part;
} rkv_codes_run;

/* Splits [from, to) into at most two such runs; returns how many. */
static inline size_t rkv_codes_runs(const rkv_row_layout *layout, size_t from, size_t to,
                                    rkv_codes_run run[2]) {
    size_t half = rkv_codes_half(layout), n = 0;
    if (layout->bits == 8) {
        run[n++] = (rkv_codes_run){from, to, from, RKV_CODES_WHOLE};
        return n;
    }
    if (from < half) run[n++] = (rkv_codes_run){from, to < half ? to : half, from, RKV_CODES_LOWER};
    size_t start = from > half ? from : half;
    if (start < to) run[n++] = (rkv_codes_run){start, to, start - half, RKV_CODES_UPPER};
    return n;
}

/* The same for reading: the halves of a whole row of even width are one run, at one reading of their bytes.
 */
static inline size_t rkv_codes_read_runs(const rkv_row_layout *layout, size_t from, size_t to,
                                         rkv_codes_run run[2]) {
    bool both = layout->bits == 4 && to - from == layout->width && to % 2 == 0;
    if (both) run[0] = (rkv_codes_run){from, to, 0, RKV_CODES_BOTH};
    return both ? 1 : rkv_codes_runs(layout, from, to, run);
}

static inline rkv_codes_block rkv_codes_block_of(const rkv_codes_run *run, const unsigned char *codes,
                                                 size_t apart, size_t rows) {
    size_t numbers = run->to - run->from;
    return (rkv_codes_block){.codes = codes + run->byte,
                             .apart = apart,
                             .rows = rows,
                             .n = run->part == RKV_CODES_BOTH ? numbers / 2 : numbers,
                             .part = run->part};
}

/* The code nearest to x. */
static inline unsigned char rkv_code_of(float x, float zero, float inverse, float levels) {
    float code = (x - zero) * inverse;
    code = code < 0 ? 0 : code > levels ? levels : code;
    return (unsigned char)(int)(code + 0.5f);
}

#endif
