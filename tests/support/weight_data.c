/* weight_data.c: random weights in the types of a model file. */
#include "support/weight_data.h"

#include <string.h>

static unsigned below(rkv_random *dice, unsigned n) {
    return (unsigned)rkv_random_below(dice, n);
}

uint16_t random_half(rkv_random *dice) {
    return (uint16_t)(below(dice, 2) << 15 | below(dice, 16) << 10 | below(dice, 1024));
}

void random_block(rkv_random *dice, const rkv_tensor_type *type, unsigned char *block) {
    float value = (float)(2 * rkv_random_unit(dice) - 1);
    uint16_t half = random_half(dice);
    for (size_t i = 0; i < type->block_bytes; i++)
        block[i] = (unsigned char)below(dice, 256);
    switch (type->form) {
    case RKV_WEIGHT_F32:
        memcpy(block, &value, sizeof value);
        break;
    case RKV_WEIGHT_BF16:
        memcpy(block, (char *)&value + 2, 2);
        break;
    case RKV_WEIGHT_Q4_1:
        memcpy(block + 2, &half, sizeof half);
        half = random_half(dice);
        memcpy(block, &half, sizeof half);
        break;
    default:
        memcpy(block, &half, sizeof half);
    }
}
