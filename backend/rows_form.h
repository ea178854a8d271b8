/* rows_form.h: how the forms of rows.h write rows as records of bytes, and read them. */
#ifndef RKV_BACKEND_ROWS_FORM_H
#define RKV_BACKEND_ROWS_FORM_H

#include <stdbool.h>

#include "backend/rows.h"

/* What a form needs to know of a list. */
typedef struct rkv_row_layout {
    size_t width;
    size_t bits;         /* of a number */
    size_t group;        /* numbers (axis token) or rows (axis channel) that share a scale and a zero */
    size_t record_bytes; /* of one row; axis channel: of its codes alone */
} rkv_row_layout;

/* A form whose rows stand alone. */
typedef struct rkv_row_codec {
    size_t (*record_bytes)(const rkv_row_layout *layout); /* record_bytes of layout is not read */
    bool finite;                                          /* holds no infinity and no NaN */
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

#endif
