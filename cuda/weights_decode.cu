/* weights_decode.cu: weights as float32 numbers. A thread has a number; its neighbours read the same block.
 */
#include "cuda/elementwise.h"
#include "cuda/weight_number.h"
#include "cuda/weights.h"

RKV_DEVICE void decode(const rkv_decode_task *t, rkv_weight_form form) {
    size_t i = rkv_element();
    if (i < t->n) t->numbers[i] = rkv_weight_number(form, (const unsigned char *)t->weights, i);
}

#define KERNEL(name, is_form)                                                                                \
    RKV_KERNEL(decode_##name, rkv_decode_task) {                                                             \
        decode(&t, is_form);                                                                                 \
    }
RKV_WEIGHT_KERNELS(KERNEL)

cudaError_t rkv_launch_decode(const rkv_decode_task *task, cudaStream_t stream) {
    unsigned blocks = rkv_blocks_for(task->n);
#define LAUNCH(name, is_form)                                                                                \
    if (task->form == is_form) return RKV_LAUNCH(decode_##name, *task, blocks, RKV_ELEMENT_THREADS, stream);
    RKV_WEIGHT_KERNELS(LAUNCH)
    return cudaErrorInvalidValue;
}
