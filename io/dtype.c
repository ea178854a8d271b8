/* dtype.c: the element types of tensors outside the program. */
#include "io/dtype.h"

#include <string.h>

#include "core/fail.h"
#include "core/half.h"
#include "core/memory.h"
#include "core/simd.h"

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

/* ---- tensors ---- */

rkv_status rkv_kv_tensor_bytes(const rkv_kv_tensor *tensor, size_t *bytes) {
    const rkv_dtype_info *info = rkv_dtype_get(tensor->dtype);
    const size_t shape[] = {tensor->batch, tensor->heads, tensor->tokens, tensor->dim};
    static const char *const names[] = {"batch", "heads", "tokens", "dim"};
    if (!info) return rkv_fail(RKV_USAGE, "there is no dtype %d", (int)tensor->dtype);
    size_t n = 2 * info->bytes; /* keys and values together must be countable */
    for (size_t i = 0; i < 4; i++) {
        if (shape[i] == 0) return rkv_fail(RKV_USAGE, "%s is 0", names[i]);
        if (!rkv_multiply(n, shape[i], &n))
            return rkv_fail(RKV_USAGE, "[%zu, %zu, %zu, %zu] elements are more than memory can have",
                            shape[0], shape[1], shape[2], shape[3]);
    }
    if (tensor->tokens > INT32_MAX)
        return rkv_fail(RKV_USAGE, "tokens is %zu, at most %d are counted", tensor->tokens, INT32_MAX);
    *bytes = n / 2;
    return RKV_OK;
}

/* Memory that is given away before it is there would end the process later on, so what is free is asked
 * first. */
rkv_status rkv_kv_tensor_new(rkv_kv_tensor *tensor) {
    size_t bytes, available = rkv_memory_available();
    tensor->data = NULL;
    rkv_status status = rkv_kv_tensor_bytes(tensor, &bytes);
    if (status) return status;
    if (available && bytes > available)
        return rkv_fail(RKV_NO_MEMORY, "out of memory: a tensor of %zu bytes, %zu bytes are free", bytes,
                        available);
    return rkv_alloc_raw(&tensor->data, bytes, 1);
}
