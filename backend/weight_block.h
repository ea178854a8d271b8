/* weight_block.h: how weights lie in a model file: blocks of numbers, as GGUF has them; for the host's loops
 * and a device's kernels alike.
 *
 *     F32, F16, BF16  one number
 *     Q4_0            scale  |        | 16 bytes: number i below, number 16 + i above
 *     Q4_1            scale  | offset | the same
 *     Q8_0            scale  |        | 32 bytes, signed
 *
 * Scale and offset are halves. A number is scale * quantum + offset; what has no offset of its own has the
 * one of rkv_weight_offset. */
#ifndef RKV_BACKEND_WEIGHT_BLOCK_H
#define RKV_BACKEND_WEIGHT_BLOCK_H

#include "backend/backend.h"
#include "core/everywhere.h"

/* Numbers of a block; RKV_WEIGHT_OTHER has none. */
RKV_EVERYWHERE size_t rkv_weight_block_numbers(rkv_weight_form form) {
    return form >= RKV_WEIGHT_Q4_0 ? 32 : 1;
}

/* Bytes of a block, and of them those before the quanta. */
RKV_EVERYWHERE size_t rkv_weight_block_bytes(rkv_weight_form form) {
    return form == RKV_WEIGHT_Q4_0   ? 18
           : form == RKV_WEIGHT_Q4_1 ? 20
           : form == RKV_WEIGHT_Q8_0 ? 34
           : form == RKV_WEIGHT_F32  ? 4
                                     : 2;
}
RKV_EVERYWHERE size_t rkv_weight_quanta_at(rkv_weight_form form) {
    return form == RKV_WEIGHT_Q4_1 ? 4 : 2;
}

/* Bytes of so many numbers, whole blocks. */
RKV_EVERYWHERE size_t rkv_weight_bytes(rkv_weight_form form, size_t numbers) {
    return numbers / rkv_weight_block_numbers(form) * rkv_weight_block_bytes(form);
}

/* written: what a Q4_1 block says. Quanta of Q4_0 stand for -8 to 7: 8 * scale is exact, and so is the sum,
 * which has 11 + 4 bits. */
RKV_EVERYWHERE float rkv_weight_offset(rkv_weight_form form, float scale, float written) {
    return form == RKV_WEIGHT_Q4_0 ? -8 * scale : form == RKV_WEIGHT_Q4_1 ? written : 0;
}

#endif
