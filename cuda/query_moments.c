/* query_moments.c: how queries are spread before their rotation, on the device: some heads at a time, squares
 * by cuBLAS. Their mean is taken out before they are squared, so that nothing large is subtracted. */
#include <string.h>

#include "cuda/device_scores.h"
#include "cuda/moments.h"
#include "cuda/product.h"

/* Heads at a time, and the memory for what of them is worked with: one is always tried. */
#define MOST_HEADS ((size_t)128)
#define MOST_BYTES ((size_t)256 << 20)

typedef struct work {
    rkv_cuda *cuda;
    const rkv_query_moments *task;
    size_t n, heads;       /* queries that count; heads at a time */
    float *turns;          /* [n, D/2, 2] or NULL */
    float *x;              /* [heads, n, D] */
    double *sums;          /* [heads, chunks, D] */
    float *mean, *squares; /* [H, D]; [H, D, D] or NULL: of all heads */
} work;

static rkv_status fill_turns(work *w) {
    const rkv_query_moments *task = w->task;
    rkv_turns_task turns = {
        .n = w->n, .pairs = task->head_dim / 2, .first = task->first + (int64_t)task->skip};
    double *frequency = NULL;
    if (!task->frequency || !turns.pairs) return RKV_OK;
    rkv_status status = rkv_cuda_take(w->cuda, &w->turns, w->n, 2 * turns.pairs * sizeof *w->turns);
    if (!status) status = rkv_cuda_take(w->cuda, &frequency, turns.pairs, sizeof *frequency);
    if (!status)
        status = rkv_cuda_to_device(w->cuda, frequency, task->frequency, turns.pairs * sizeof *frequency);
    turns.frequency = frequency;
    turns.turns = w->turns;
    if (!status) status = RKV_CUDA_QUEUE(w->cuda, rkv_launch_turns(&turns, w->cuda->stream), "angles");
    rkv_cuda_give(w->cuda, frequency);
    return status;
}

static rkv_status take_room(work *w) {
    size_t d = w->task->head_dim, chunks = (w->n + RKV_MOMENTS_CHUNK - 1) / RKV_MOMENTS_CHUNK;
    size_t most = w->task->n_heads < MOST_HEADS ? w->task->n_heads : MOST_HEADS;
    size_t fitting = MOST_BYTES / sizeof *w->x / (w->n * d);
    w->heads = fitting > most ? most : fitting ? fitting : 1;
    rkv_status status = rkv_cuda_take(w->cuda, &w->x, w->heads * w->n, d * sizeof *w->x);
    return status ? status : rkv_cuda_take(w->cuda, &w->sums, w->heads * chunks, d * sizeof *w->sums);
}

static rkv_status square(const work *w, size_t n_heads, float *squares) {
    size_t d = w->task->head_dim;
    rkv_cuda_rows x = {w->x, d, w->n * d};
    rkv_cuda_product product = {.m = d,
                                .n = d,
                                .k = w->n,
                                .batch = n_heads,
                                .a = x,
                                .b = x,
                                .a_turned = true,
                                .y = squares,
                                .y_ld = d,
                                .y_stride = d * d};
    return rkv_cuda_multiply(w->cuda, &product);
}

/* Heads from `head` on. */
static rkv_status measure(const work *w, size_t head) {
    const rkv_query_moments *task = w->task;
    size_t d = task->head_dim, left = task->n_heads - head;
    cudaStream_t stream = w->cuda->stream;
    rkv_moments_task t = {.q = task->q + head * task->m * d,
                          .turns = w->turns,
                          .n_heads = left < w->heads ? left : w->heads,
                          .m = task->m,
                          .skip = task->skip,
                          .head_dim = d,
                          .adjacent = task->pairing == RKV_ROPE_ADJACENT,
                          .x = w->x,
                          .sums = w->sums,
                          .mean = w->mean + head * d};
    rkv_status status = RKV_CUDA_QUEUE(w->cuda, rkv_launch_turn_and_sum(&t, stream), "sums of queries");
    if (!status) status = RKV_CUDA_QUEUE(w->cuda, rkv_launch_query_means(&t, stream), "means of queries");
    if (status || !w->squares) return status;
    status = RKV_CUDA_QUEUE(w->cuda, rkv_launch_centre(&t, stream), "centring queries");
    return status ? status : square(w, t.n_heads, w->squares + head * d * d);
}

rkv_status rkv_cuda_query_moments(rkv_backend *backend, const rkv_query_moments *task) {
    work w = {.cuda = rkv_cuda_enter(backend), .task = task, .n = task->m - task->skip};
    size_t d = task->head_dim, means = task->n_heads * d, squares = task->squares ? means * d : 0;
    rkv_device_results results = {0};
    rkv_status status = rkv_device_results_new(w.cuda, means + squares, sizeof(float), &results);
    w.mean = results.device;
    if (task->squares) w.squares = w.mean + means;
    if (!status) status = fill_turns(&w);
    if (!status) status = take_room(&w);
    for (size_t head = 0; !status && head < task->n_heads; head += w.heads)
        status = measure(&w, head);
    if (!status) status = rkv_device_results_fetch(w.cuda, &results);
    if (!status) memcpy(task->mean, results.host, means * sizeof *task->mean);
    if (!status && squares)
        memcpy(task->squares, (float *)results.host + means, squares * sizeof *task->squares);
    rkv_cuda_give(w.cuda, w.sums);
    rkv_cuda_give(w.cuda, w.x);
    rkv_cuda_give(w.cuda, w.turns);
    rkv_device_results_free(w.cuda, &results);
    return status;
}
