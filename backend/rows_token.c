/* rows_token.c: rows as whole numbers with a scale and a zero per group of neighbours in the row.
 *
 * A record: {scale, zero} as float16 for each group, then the codes. Both are copied to and from it byte by
 * byte, as a record of odd length leaves the next one unaligned. */
#include <string.h>

#include "backend/rows_affine.h"
#include "core/simd.h"

static size_t n_groups(const rkv_row_layout *layout) {
    return (layout->width + layout->group - 1) / layout->group;
}

static size_t record_bytes(const rkv_row_layout *layout) {
    return n_groups(layout) * sizeof(rkv_affine) + rkv_codes_bytes(layout);
}

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

RKV_CLONES static void put_codes(const float *x, size_t n, rkv_affine affine, float levels, unsigned shift,
                                 unsigned char *codes) {
    float zero = rkv_half_finite(affine.zero), scale = rkv_half_finite(affine.scale);
    float inverse = scale > 0 ? 1.0f / scale : 0;
    if (shift)
        for (size_t i = 0; i < n; i++)
            codes[i] |= (unsigned char)(rkv_code_of(x[i], zero, inverse, levels) << 4);
    else
        for (size_t i = 0; i < n; i++)
            codes[i] = rkv_code_of(x[i], zero, inverse, levels);
}

static void encode_row(const rkv_row_layout *layout, const float *x, unsigned char *record) {
    float levels = layout->bits == 8 ? 255.0f : 15.0f;
    unsigned char *codes = record + n_groups(layout) * sizeof(rkv_affine);
    for (size_t from = 0; from < layout->width; from += layout->group, record += sizeof(rkv_affine)) {
        size_t to = layout->width - from < layout->group ? layout->width : from + layout->group;
        float low, high;
        range_of(x + from, to - from, &low, &high);
        rkv_affine affine = rkv_affine_of(low, high, levels);
        memcpy(record, &affine, sizeof affine);
        rkv_codes_run run[2];
        size_t n = rkv_codes_runs(layout, from, to, run);
        for (size_t i = 0; i < n; i++)
            put_codes(x + run[i].from, run[i].to - run[i].from, affine, levels, run[i].shift,
                      codes + run[i].byte);
    }
}

static void encode(const rkv_row_layout *layout, const float *x, size_t n, size_t stride,
                   unsigned char *records) {
    for (size_t i = 0; i < n; i++)
        encode_row(layout, x + i * stride, records + i * layout->record_bytes);
}

/* The three ways in which a code lies in a byte, each with a loop of its own: the compiler unpacks whole
 * registers of them. scale times code is exact in float32, so every instruction set gives the same bits. */
static inline void take_codes(const unsigned char *codes, size_t n, float scale, float zero, size_t bits,
                              unsigned shift, float *x) {
    if (bits == 8)
        for (size_t i = 0; i < n; i++)
            x[i] = zero + scale * (float)codes[i];
    else if (shift)
        for (size_t i = 0; i < n; i++)
            x[i] = zero + scale * (float)(codes[i] >> 4);
    else
        for (size_t i = 0; i < n; i++)
            x[i] = zero + scale * (float)(codes[i] & 15);
}

RKV_CLONES static void decode(const rkv_row_layout *layout, const unsigned char *records, size_t n, float *x,
                              size_t stride) {
    size_t width = layout->width, group = layout->group, bits = layout->bits, groups = n_groups(layout);
    for (size_t row = 0; row < n; row++, records += layout->record_bytes, x += stride)
        for (size_t from = 0, g = 0; from < width; from += group, g++) {
            const unsigned char *codes = records + groups * sizeof(rkv_affine);
            rkv_affine affine;
            memcpy(&affine, records + g * sizeof affine, sizeof affine);
            float scale = rkv_half_finite(affine.scale), zero = rkv_half_finite(affine.zero);
            rkv_codes_run run[2];
            size_t runs = rkv_codes_runs(layout, from, width - from < group ? width : from + group, run);
            for (size_t i = 0; i < runs; i++)
                take_codes(codes + run[i].byte, run[i].to - run[i].from, scale, zero, bits, run[i].shift,
                           x + run[i].from);
        }
}

const rkv_row_codec rkv_rows_token = {record_bytes, true, encode, decode};
