/* query_moments.h: running mean and covariance of a layer's queries before their rotation. */
#ifndef RKV_COMPRESSORS_QUERY_MOMENTS_H
#define RKV_COMPRESSORS_QUERY_MOMENTS_H

#include "compressors/method.h"

/* Floats of state for a model of this shape. */
size_t rkv_moments_size(const rkv_attention_shape *shape, bool covariance);

/* Takes in new queries, but those of the first n_sink tokens of the text. */
rkv_status rkv_moments_observe(float *state, bool covariance, size_t n_sink,
                               const rkv_observation *new_queries, const rkv_attention_shape *shape,
                               const rkv_rope *rope);

/* How many queries per head; their mean [D]; and the sum of their centred squares [D, D], symmetric. */
static inline double rkv_moments_count(const float *state) {
    return state[0];
}
const float *rkv_moments_mean(const float *state, const rkv_attention_shape *shape, size_t head);
const float *rkv_moments_squares(const float *state, const rkv_attention_shape *shape, size_t head);

#endif
