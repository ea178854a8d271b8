/* window.c: the newest queries of a layer, which methods with an observation window remember.
 *
 * State: [0] how many there are, [1] the slot that the next one takes, then the slots [H, window, D], used as
 * a ring. Counts are exact in float32 below 2^24, which limits of options respect. */
#include <string.h>

#include "compressors/observation.h"
#include "compressors/select.h"

enum { COUNT, NEXT, HEADER };

size_t rkv_window_size(size_t window, const rkv_attention_shape *shape) {
    return HEADER + shape->n_heads * window * shape->head_dim;
}

rkv_status rkv_window_observe(float *state, size_t window, const rkv_attention_shape *shape,
                              const rkv_observation *new_queries) {
    size_t D = shape->head_dim, m = new_queries->m < window ? new_queries->m : window;
    size_t next = (size_t)state[NEXT], count = (size_t)state[COUNT] + m;
    rkv_newest_queries newest;
    rkv_status status = rkv_newest_queries_take(&newest, new_queries, shape, m);
    for (size_t i = 0; !status && i < m; i++) {
        for (size_t h = 0; h < shape->n_heads; h++)
            memcpy(state + HEADER + (h * window + next) * D, newest.q + (h * newest.stride + i) * D,
                   D * sizeof *state);
        next = (next + 1) % window;
    }
    rkv_newest_queries_clear(&newest);
    if (status) return status;
    state[COUNT] = (float)(count < window ? count : window);
    state[NEXT] = (float)next;
    return RKV_OK;
}

size_t rkv_window_count(const float *state) {
    return (size_t)state[COUNT];
}

void rkv_window_queries(const float *state, size_t window, const rkv_layer_view *view, float *q) {
    size_t D = view->head_dim, m = rkv_window_count(state);
    size_t oldest = ((size_t)state[NEXT] + window - m) % window;
    for (size_t h = 0; h < view->n_heads; h++) {
        const float *ring = state + HEADER + h * window * D;
        for (size_t i = 0; i < m; i++)
            memcpy(q + (h * m + i) * D, ring + (oldest + i) % window * D, D * sizeof *q);
    }
}
