/* weight_data.h: random weights in the types of a model file. */
#ifndef RKV_TESTS_WEIGHT_DATA_H
#define RKV_TESTS_WEIGHT_DATA_H

#include "core/random.h"
#include "io/tensor_type.h"

/* A half of any sign, subnormal or up to 2. */
uint16_t random_half(rkv_random *dice);

/* Quanta are any bits, scales and offsets such halves; numbers without a block are up to 1, or such halves.
 */
void random_block(rkv_random *dice, const rkv_tensor_type *type, unsigned char *block);

#endif
