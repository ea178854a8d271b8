/* batch_places.cu: where the matrices of a batch begin, one thread per matrix. */
#include "cuda/elementwise.h"
#include "cuda/kernels.h"

RKV_KERNEL(batch_places, rkv_batch_places_task) {
    size_t i = rkv_element();
    if (i >= t.batch) return;
    t.places[i] = (float *)t.a + i * t.a_stride; /* read only: cuBLAS takes one kind of pointer */
    t.places[t.batch + i] = (float *)t.b + i / t.shared * t.b_stride;
    t.places[2 * t.batch + i] = t.y + i * t.y_stride;
}

cudaError_t rkv_launch_batch_places(const rkv_batch_places_task *task, cudaStream_t stream) {
    return RKV_LAUNCH(batch_places, *task, rkv_blocks_for(task->batch), RKV_ELEMENT_THREADS, stream);
}
