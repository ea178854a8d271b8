/* tensor_type.c: the table of tensor types. */
#include "io/tensor_type.h"

#include "io/dequantize.h"

static const rkv_tensor_type types[] = {
    /* id, name, elements and bytes of a block, decoder, form */
    {0, "F32", 1, 4, rkv_decode_f32, RKV_WEIGHT_F32},
    {1, "F16", 1, 2, rkv_decode_f16, RKV_WEIGHT_F16},
    {2, "Q4_0", 32, 18, rkv_decode_q4_0, RKV_WEIGHT_Q4_0},
    {3, "Q4_1", 32, 20, rkv_decode_q4_1, RKV_WEIGHT_Q4_1},
    {6, "Q5_0", 32, 22, rkv_decode_q5_0, RKV_WEIGHT_OTHER},
    {7, "Q5_1", 32, 24, rkv_decode_q5_1, RKV_WEIGHT_OTHER},
    {8, "Q8_0", 32, 34, rkv_decode_q8_0, RKV_WEIGHT_Q8_0},
    {12, "Q4_K", 256, 144, rkv_decode_q4_k, RKV_WEIGHT_OTHER},
    {13, "Q5_K", 256, 176, rkv_decode_q5_k, RKV_WEIGHT_OTHER},
    {14, "Q6_K", 256, 210, rkv_decode_q6_k, RKV_WEIGHT_OTHER},
    {30, "BF16", 1, 2, rkv_decode_bf16, RKV_WEIGHT_BF16},
};

/* Names of the types that other programs read, so that a refusal can name them. */
static const char *const other_names[] = {
    [9] = "Q8_1",     [10] = "Q2_K",  [11] = "Q3_K",   [15] = "Q8_K",  [16] = "IQ2_XXS", [17] = "IQ2_XS",
    [18] = "IQ3_XXS", [19] = "IQ1_S", [20] = "IQ4_NL", [21] = "IQ3_S", [22] = "IQ2_S",   [23] = "IQ4_XS",
    [24] = "I8",      [25] = "I16",   [26] = "I32",    [27] = "I64",   [28] = "F64",     [29] = "IQ1_M",
    [34] = "TQ1_0",   [35] = "TQ2_0", [39] = "MXFP4",  [40] = "NVFP4", [41] = "Q1_0",
};

#define COUNT(array) (sizeof(array) / sizeof *(array))

const rkv_tensor_type *rkv_tensor_type_at(size_t index) {
    return index < COUNT(types) ? &types[index] : NULL;
}

const rkv_tensor_type *rkv_tensor_type_find(uint32_t id) {
    for (size_t i = 0; i < COUNT(types); i++)
        if (types[i].id == id) return &types[i];
    return NULL;
}

const char *rkv_tensor_type_name(uint32_t id) {
    const rkv_tensor_type *type = rkv_tensor_type_find(id);
    if (type) return type->name;
    return id < COUNT(other_names) && other_names[id] ? other_names[id] : "unknown";
}
