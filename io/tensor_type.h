/* tensor_type.h: the element types of GGUF tensors: their sizes, and how they become float32. */
#ifndef RKV_IO_TENSOR_TYPE_H
#define RKV_IO_TENSOR_TYPE_H

#include <stdint.h>

#include <rankkv/status.h>

#include "backend/backend.h"

typedef struct rkv_tensor_type {
    uint32_t id;           /* the number that GGUF files use */
    const char *name;      /* "Q4_1" */
    size_t block_elements; /* elements stored together */
    size_t block_bytes;    /* bytes that they take */
    /* Decodes n elements, a multiple of block_elements, from blocks into values. */
    void (*decode)(const void *blocks, float *values, size_t n);
    rkv_weight_form form; /* what backends call it */
} rkv_tensor_type;

/* NULL when the id is not one that RankKV reads. */
const rkv_tensor_type *rkv_tensor_type_find(uint32_t id);
/* The name of any id, also of types that RankKV does not read; "unknown" for the rest. */
const char *rkv_tensor_type_name(uint32_t id);
/* The table in order; NULL past the end. */
const rkv_tensor_type *rkv_tensor_type_at(size_t index);

#endif
