/* turn.cu: rows turned as positions turn them. A thread has a pair of a row, and of the rows that share its
 * turn: the angle is what costs. */
#include "cuda/turn.h"

#include "cuda/elementwise.h"
#include "cuda/rotation.h"

RKV_KERNEL(turn_rows, rkv_turn_task) {
    const rkv_turned_rows *l = &t.list[blockIdx.y];
    size_t row = rkv_element() / t.pairs, pair = rkv_element() % t.pairs, d = t.head_dim;
    if (row >= l->n) return;
    size_t a = row * d + rkv_pair_first(t.first + pair, t.adjacent), b = a + rkv_pair_step(d, t.adjacent);
    int lone = t.first + pair == d / 2;
    int64_t by = l->by ? (int64_t)l->by[row] : (int64_t)row;
    float turn[2] = {1, 0};
    if (lone) a = row * d + d - 1;
    if (!lone) rkv_turn_of(t.back ? -by : by, t.frequency[pair], turn);
    for (size_t k = 0; k < l->each; k++, a += l->n * d, b += l->n * d) {
        float x = l->from[a], y = lone ? 0 : l->from[b];
        l->to[a] = lone ? x : x * turn[0] - y * turn[1];
        if (!lone) l->to[b] = x * turn[1] + y * turn[0];
    }
}

cudaError_t rkv_launch_turn(const rkv_turn_task *task, cudaStream_t stream) {
    dim3 blocks = {rkv_blocks_for(task->longest * task->pairs), (unsigned)task->n_lists, 1};
    return RKV_LAUNCH(turn_rows, *task, blocks, RKV_ELEMENT_THREADS, stream);
}
