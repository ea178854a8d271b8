/* dtype.c: the element types of tensors outside the program. */
#include "compressors/dtype.h"

#include <string.h>

#include "core/simd.h"
#include "io/half.h"

static void f32_to_floats(const void *elements, float *values, size_t n) {
    memcpy(values, elements, n * sizeof *values);
}

static void floats_to_f32(const float *values, void *elements, size_t n) {
    memcpy(elements, values, n * sizeof *values);
}

static void f16_to_floats(const void *elements, float *values, size_t n) {
    rkv_halves_to_floats(elements, values, n);
}

/* The largest float16, with its sign, where value is finite but beyond it. */
static inline float saturate(float value) {
    float most = 65504.0f, size = value < 0 ? -value : value;
    return size > most && size <= __FLT_MAX__ ? (value < 0 ? -most : most) : value;
}

static void floats_to_f16(const float *values, void *elements, size_t n) {
    enum { PIECE = 256 };
    float piece[PIECE];
    for (size_t first = 0; first < n; first += PIECE) {
        size_t count = n - first < PIECE ? n - first : PIECE;
        for (size_t i = 0; i < count; i++)
            piece[i] = saturate(values[first + i]);
        rkv_floats_to_halves(piece, (uint16_t *)elements + first, count);
    }
}

/* bfloat16 is the upper half of a float32. */
RKV_CLONES
static void bf16_to_floats(const void *elements, float *values, size_t n) {
    const uint16_t *halves = elements;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)halves[i] << 16;
        memcpy(&values[i], &bits, sizeof bits);
    }
}

RKV_CLONES
static void floats_to_bf16(const float *values, void *elements, size_t n) {
    uint16_t *halves = elements;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits, rounded;
        memcpy(&bits, &values[i], sizeof bits);
        rounded = bits + 0x7FFFu + (bits >> 16 & 1u);
        bool overflows = (rounded & 0x7F800000u) == 0x7F800000u; /* or was infinite, or NaN, already */
        halves[i] = (uint16_t)((overflows ? bits : rounded) >> 16);
    }
}

static const rkv_dtype_info table[] = {
    [RKV_DTYPE_F32] = {"f32", 4, RKV_ROWS_F32, f32_to_floats, floats_to_f32, 0x7F800000u},
    [RKV_DTYPE_F16] = {"f16", 2, RKV_ROWS_F16, f16_to_floats, floats_to_f16, 0x7C00u},
    [RKV_DTYPE_BF16] = {"bf16", 2, RKV_ROWS_BF16, bf16_to_floats, floats_to_bf16, 0x7F80u},
};

const rkv_dtype_info *rkv_dtype_get(rkv_dtype dtype) {
    return (size_t)dtype < sizeof table / sizeof *table ? &table[dtype] : NULL;
}

const char *rkv_dtype_name(rkv_dtype dtype) {
    const rkv_dtype_info *info = rkv_dtype_get(dtype);
    return info ? info->name : NULL;
}

/* Whether any of n elements has all bits of the exponent set; without a way out, so that it vectorises. */
RKV_CLONES
static bool any_16(const uint16_t *elements, size_t n, uint16_t exponent) {
    unsigned found = 0;
    for (size_t i = 0; i < n; i++)
        found |= (elements[i] & exponent) == exponent;
    return found;
}

RKV_CLONES
static bool any_32(const uint32_t *elements, size_t n, uint32_t exponent) {
    unsigned found = 0;
    for (size_t i = 0; i < n; i++)
        found |= (elements[i] & exponent) == exponent;
    return found;
}

static bool any(const rkv_dtype_info *info, const void *elements, size_t n) {
    return info->bytes == 2 ? any_16(elements, n, (uint16_t)info->exponent)
                            : any_32(elements, n, info->exponent);
}

size_t rkv_dtype_first_not_finite(const rkv_dtype_info *info, const void *elements, size_t n) {
    const char *bytes = elements;
    if (!any(info, elements, n)) return n;
    size_t i = 0;
    while (!any(info, bytes + i * info->bytes, 1))
        i++;
    return i;
}
