/* rows_token.c: rows as whole numbers with a scale and a zero per group of neighbours in the row.
 *
 * A record: {scale, zero} as float16 for each group, then the codes. Both are copied to and from it byte by
 * byte, as a record of odd length leaves the next one unaligned. */
#include <string.h>

#include "backend/rows_affine.h"
#include "backend/rows_codes.h"
#include "core/simd.h"

RKV_CLONES static void range_of(const float *x, size_t n, float *low, float *high) {
    float least = x[0], most = x[0];
#pragma omp simd reduction(min : least) reduction(max : most)
    for (size_t i = 0; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        most = x[i] > most ? x[i] : most;
    }
    *low = least;
    *high = most;
}

RKV_CLONES static void put_codes(const float *x, size_t n, rkv_affine affine, float levels,
                                 rkv_codes_part part, unsigned char *codes) {
    float zero = rkv_half_finite(affine.zero), inverse = rkv_affine_inverse(affine);
    if (part == RKV_CODES_UPPER)
        for (size_t i = 0; i < n; i++)
            codes[i] |= (unsigned char)(rkv_code_of(x[i], zero, inverse, levels) << 4);
    else
        for (size_t i = 0; i < n; i++)
            codes[i] = rkv_code_of(x[i], zero, inverse, levels);
}

static void encode_row(const rkv_row_layout *layout, const float *x, unsigned char *record) {
    float levels = rkv_levels(layout);
    unsigned char *codes = record + rkv_token_groups(layout) * sizeof(rkv_affine);
    for (size_t from = 0; from < layout->width; from += layout->group, record += sizeof(rkv_affine)) {
        size_t to = layout->width - from < layout->group ? layout->width : from + layout->group;
        float low, high;
        range_of(x + from, to - from, &low, &high);
        rkv_affine affine = rkv_affine_of(low, high, levels);
        memcpy(record, &affine, sizeof affine);
        rkv_codes_run run[2];
        size_t n = rkv_codes_runs(layout, from, to, run);
        for (size_t i = 0; i < n; i++)
            put_codes(x + run[i].from, run[i].to - run[i].from, affine, levels, run[i].part,
                      codes + run[i].byte);
    }
}

static void encode(const rkv_row_layout *layout, const float *x, size_t n, size_t stride,
                   unsigned char *records) {
    for (size_t i = 0; i < n; i++)
        encode_row(layout, x + i * stride, records + i * layout->record_bytes);
}

/* Rows whose scales and zeros are at hand together. */
#define BLOCK RKV_AFFINE_ROWS

RKV_CLONES void rkv_token_affine(const unsigned char *at, size_t apart, size_t rows, float *scale,
                                 float *zero) {
    uint32_t pair[BLOCK]; /* so that the second loop works on whole lanes */
#pragma GCC unroll 8
    for (size_t row = 0; row < rows; row++) {
        rkv_affine affine;
        memcpy(&affine, at + row * apart, sizeof affine);
        pair[row] = affine.scale | (uint32_t)affine.zero << 16;
    }
    for (size_t row = 0; row < rows; row++) {
        scale[row] = rkv_half_finite(pair[row] & 0xFFFFu);
        zero[row] = rkv_half_finite(pair[row] >> 16);
    }
}

static void decode_block(const rkv_row_layout *layout, const unsigned char *records, size_t rows, float *x,
                         size_t stride) {
    const rkv_codes_reader *reader = rkv_codes_reader_of(rkv_tile_best());
    size_t width = layout->width, groups = rkv_token_groups(layout), apart = layout->record_bytes;
    const unsigned char *codes = records + groups * sizeof(rkv_affine);
    float scale[BLOCK], zero[BLOCK];
    for (size_t g = 0, from = 0; g < groups; g++, from += layout->group) {
        rkv_codes_run run[2];
        size_t to = width - from < layout->group ? width : from + layout->group;
        size_t runs = rkv_codes_read_runs(layout, from, to, run);
        rkv_token_affine(records + g * sizeof(rkv_affine), apart, rows, scale, zero);
        for (size_t i = 0; i < runs; i++) {
            rkv_codes_block block = rkv_codes_block_of(&run[i], codes, apart, rows);
            reader->by_row(&block, scale, zero, x + run[i].from, stride);
        }
    }
}

static void decode(const rkv_row_layout *layout, const unsigned char *records, size_t n, float *x,
                   size_t stride) {
    for (size_t row = 0; row < n; row += BLOCK)
        decode_block(layout, records + row * layout->record_bytes, n - row < BLOCK ? n - row : BLOCK,
                     x + row * stride, stride);
}

const rkv_row_codec rkv_rows_token = {encode, decode};
