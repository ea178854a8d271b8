/* dtype.h: the element types of tensors outside the program, to float32 and back. */
#ifndef RKV_IO_DTYPE_H
#define RKV_IO_DTYPE_H

#include <stdbool.h>

#include <rankkv/compress.h>

#include "backend/rows.h"

/* A row of the table of types, in the order of rkv_dtype. */
typedef struct rkv_dtype_info {
    const char *name;
    size_t bytes;      /* of an element */
    rkv_row_form form; /* that holds it without loss */
    /* Exact. */
    void (*to_floats)(const void *elements, float *values, size_t n);
    /* To the nearest, ties to even; what is finite stays finite (float16 ends at 65504). */
    void (*from_floats)(const float *values, void *elements, size_t n);
    uint32_t exponent; /* the bits that are all set in infinities and NaN */
} rkv_dtype_info;

/* NULL when dtype is none. */
const rkv_dtype_info *rkv_dtype_get(rkv_dtype dtype);

/* Index of the first element that is infinite or NaN, n when there is none. */
size_t rkv_dtype_first_not_finite(const rkv_dtype_info *info, const void *elements, size_t n);

/* *bytes = those of a tensor of this shape. RKV_USAGE: a dimension is 0, or there are too many elements. */
rkv_status rkv_kv_tensor_bytes(const rkv_kv_tensor *tensor, size_t *bytes);
/* Makes room for its elements, not zeroed. RKV_NO_MEMORY also when they exceed what the system has free. */
rkv_status rkv_kv_tensor_new(rkv_kv_tensor *tensor);

#endif
