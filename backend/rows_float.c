/* rows_float.c: rows as 32- and 16-bit floats. Numbers beyond a 16-bit form's range become its largest, so
 * that a cache never turns a finite number into an infinity; a NaN stays one. */
#include <string.h>

#include "backend/rows_affine.h"
#include "core/simd.h"

static void copy_rows(const void *from, size_t from_stride, void *to, size_t to_stride, size_t n,
                      size_t bytes) {
    if (from_stride == bytes && to_stride == bytes)
        memcpy(to, from, n * bytes);
    else
        for (size_t i = 0; i < n; i++)
            memcpy((char *)to + i * to_stride, (const char *)from + i * from_stride, bytes);
}

static void encode_f32(const rkv_row_layout *layout, const float *x, size_t n, size_t stride,
                       unsigned char *records) {
    copy_rows(x, stride * sizeof *x, records, layout->record_bytes, n, layout->record_bytes);
}

static void decode_f32(const rkv_row_layout *layout, const unsigned char *records, size_t n, float *x,
                       size_t stride) {
    copy_rows(records, layout->record_bytes, x, stride * sizeof *x, n, layout->record_bytes);
}

/* ---- float16 ---- */

RKV_CLONES static void clamp_to_half(const float *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = rkv_within_half(x[i]);
}

static void encode_f16(const rkv_row_layout *layout, const float *x, size_t n, size_t stride,
                       unsigned char *records) {
    enum { PIECE = 256 };
    float clamped[PIECE];
    for (size_t i = 0; i < n; i++, x += stride, records += layout->record_bytes)
        for (size_t j = 0; j < layout->width; j += PIECE) {
            size_t count = layout->width - j < PIECE ? layout->width - j : PIECE;
            clamp_to_half(x + j, count, clamped);
            rkv_floats_to_halves(clamped, (uint16_t *)(void *)records + j, count);
        }
}

static void decode_f16(const rkv_row_layout *layout, const unsigned char *records, size_t n, float *x,
                       size_t stride) {
    const uint16_t *halves = (const uint16_t *)(const void *)records;
    if (stride == layout->width)
        rkv_halves_to_floats(halves, x, n * stride);
    else
        for (size_t i = 0; i < n; i++)
            rkv_halves_to_floats(halves + i * layout->width, x + i * stride, layout->width);
}

/* ---- bfloat16 ---- */

RKV_CLONES static void to_bfloats(const float *x, size_t n, uint16_t *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = rkv_float_to_bfloat(x[i]);
}

RKV_CLONES static void from_bfloats(const uint16_t *x, size_t n, float *y) {
    for (size_t i = 0; i < n; i++)
        y[i] = rkv_bfloat_to_float(x[i]);
}

static void encode_bf16(const rkv_row_layout *layout, const float *x, size_t n, size_t stride,
                        unsigned char *records) {
    uint16_t *to = (uint16_t *)(void *)records;
    for (size_t i = 0; i < n; i++)
        to_bfloats(x + i * stride, layout->width, to + i * layout->width);
}

static void decode_bf16(const rkv_row_layout *layout, const unsigned char *records, size_t n, float *x,
                        size_t stride) {
    const uint16_t *from = (const uint16_t *)(const void *)records;
    if (stride == layout->width)
        from_bfloats(from, n * stride, x);
    else
        for (size_t i = 0; i < n; i++)
            from_bfloats(from + i * layout->width, layout->width, x + i * stride);
}

const rkv_row_codec rkv_rows_f32 = {encode_f32, decode_f32};
const rkv_row_codec rkv_rows_f16 = {encode_f16, decode_f16};
const rkv_row_codec rkv_rows_bf16 = {encode_bf16, decode_bf16};
