/* rows_affine.h: where the codes of whole numbers lie in a row's record, in runs. */
#ifndef RKV_BACKEND_ROWS_AFFINE_H
#define RKV_BACKEND_ROWS_AFFINE_H

#include "backend/rows_codes.h"
#include "backend/rows_form.h"
#include "backend/rows_number.h"

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

#endif
