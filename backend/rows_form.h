/* rows_form.h: how the forms of rows.h write rows as records of bytes, and read them. */
#ifndef RKV_BACKEND_ROWS_FORM_H
#define RKV_BACKEND_ROWS_FORM_H

#include "backend/rows_ops.h"

/* A form whose rows stand alone. */
typedef struct rkv_row_codec {
    /* n rows, `stride` floats apart outside and packed inside. */
    void (*encode)(const rkv_row_layout *layout, const float *x, size_t n, size_t stride,
                   unsigned char *records);
    void (*decode)(const rkv_row_layout *layout, const unsigned char *records, size_t n, float *x,
                   size_t stride);
} rkv_row_codec;

/* rows_float.c */
extern const rkv_row_codec rkv_rows_f32, rkv_rows_f16, rkv_rows_bf16;
/* rows_token.c: whole numbers, scale and zero before a row's codes. */
extern const rkv_row_codec rkv_rows_token;
/* rows_channel.c: whole numbers alone; their scales and zeros lie in group records. */
extern const rkv_row_codec rkv_rows_channel;

/* rows_channel.c: a group record: scale [width], zero [width], as float16. */
size_t rkv_channel_group_bytes(const rkv_row_layout *layout);
/* Encodes n = layout->group rows as one group; decodes n rows of one group. */
void rkv_channel_encode(const rkv_row_layout *layout, const float *x, size_t stride, unsigned char *group,
                        unsigned char *records);
void rkv_channel_decode(const rkv_row_layout *layout, const unsigned char *group,
                        const unsigned char *records, size_t n, float *x, size_t stride);

/* rows_token.c: scale and zero [rows], at most RKV_AFFINE_ROWS, out of the pairs that begin at `at` and lie
 * `apart` bytes apart. */
#define RKV_AFFINE_ROWS ((size_t)64)
void rkv_token_affine(const unsigned char *at, size_t apart, size_t rows, float *scale, float *zero);

/* rows_host.c, like what follows: how many rows from the first on are whole numbers; the rest are floats. */
size_t rkv_rows_n_coded(const rkv_rows *rows);

/* Records that lie side by side and are decoded alike. */
typedef struct rkv_rows_stretch {
    const rkv_row_layout *layout;
    const unsigned char *records;
    const unsigned char *group; /* by channel: their group's record; else NULL */
    size_t n;
    size_t left; /* by channel: rows of this group from the first on, side by side or not; else n or more */
} rkv_rows_stretch;

/* Rows [first, first + n) where they lie: NULL unless they are in F32, and side by side. */
const float *rkv_rows_in_place(const rkv_rows *rows, size_t first, size_t n);

/* Where encoded row `row` lies and how many bytes it takes; NULL where there is none. */
const unsigned char *rkv_rows_record(const rkv_rows *rows, size_t row, size_t *bytes);

/* Of n encoded rows from `first` on as many as there are such. */
rkv_rows_stretch rkv_rows_stretch_at(const rkv_rows *rows, size_t first, size_t n);

#endif
