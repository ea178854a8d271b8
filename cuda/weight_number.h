/* weight_number.h: weights as kernels read them. They lie in memory that begins at a multiple of 256 bytes,
 * so blocks begin at a multiple of 2, those of Q4_1 of 4. */
#ifndef RKV_CUDA_WEIGHT_NUMBER_H
#define RKV_CUDA_WEIGHT_NUMBER_H

#include "backend/weight_block.h"
#include "core/half.h"
#include "cuda/kernel.h"

/* Exact, as rkv_half_to_float: the device has an instruction for it. */
RKV_DEVICE float rkv_half_loaded(uint16_t half) {
#ifdef __CUDACC__
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(half));
    return x;
#else
    return rkv_half_to_float(half);
#endif
}

/* A number is scale * quantum + offset. */
typedef struct rkv_weight_scale {
    float scale, offset;
} rkv_weight_scale;

RKV_DEVICE rkv_weight_scale rkv_block_scale(rkv_weight_form form, const unsigned char *block) {
    rkv_weight_scale s;
    uint32_t head = form == RKV_WEIGHT_Q4_1 ? *(const uint32_t *)(const void *)block
                                            : *(const uint16_t *)(const void *)block;
    s.scale = rkv_half_loaded((uint16_t)head);
    s.offset = rkv_weight_offset(form, s.scale,
                                 form == RKV_WEIGHT_Q4_1 ? rkv_half_loaded((uint16_t)(head >> 16)) : 0);
    return s;
}

/* One rounding at most, that of the sum: a scale has 11 bits, a quantum 8. */
RKV_DEVICE float rkv_weight_of(rkv_weight_scale s, int quantum) {
    return fmaf(s.scale, (float)quantum, s.offset);
}

/* Number i of some blocks. */
RKV_DEVICE float rkv_weight_number(rkv_weight_form form, const unsigned char *weights, size_t i) {
    const uint16_t *halves = (const uint16_t *)(const void *)weights;
    if (form == RKV_WEIGHT_F16) return rkv_half_loaded(halves[i]);
    if (form == RKV_WEIGHT_BF16) return rkv_float_of_bits((uint32_t)halves[i] << 16);
    const unsigned char *block = weights + i / 32 * rkv_weight_block_bytes(form);
    const unsigned char *quanta = block + rkv_weight_quanta_at(form);
    unsigned at = (unsigned)i % 32;
    int quantum = form == RKV_WEIGHT_Q8_0 ? (signed char)quanta[at]
                  : at < 16               ? quanta[at] & 15
                                          : quanta[at - 16] >> 4;
    return rkv_weight_of(rkv_block_scale(form, block), quantum);
}

#endif
