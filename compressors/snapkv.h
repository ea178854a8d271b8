/* snapkv.h: SnapKV's scores, and the members of rkv_method_ops that every method built on them shares. */
#ifndef RKV_COMPRESSORS_SNAPKV_H
#define RKV_COMPRESSORS_SNAPKV_H

#include "compressors/method.h"

/* The first rows of options of such a method, in this order. */
enum { RKV_SNAPKV_WINDOW, RKV_SNAPKV_KERNEL, RKV_SNAPKV_POOLING, RKV_SNAPKV_OPTIONS };
enum { RKV_POOLING_AVG, RKV_POOLING_MAX };

/* clang-format off */
#define RKV_SNAPKV_OPTION_ROWS                                                                                       \
    {.name = "window", .kind = RKV_OPTION_SIZE, .standard = 64, .least = 1, .most = 4096,                            \
     .summary = "newest tokens, whose queries score the others and which always stay"},                             \
    {.name = "kernel", .kind = RKV_OPTION_SIZE, .standard = 5, .least = 1, .most = 1023,                             \
     .summary = "neighbouring entries that are pooled; 1: none"},                                                   \
    {.name = "pooling", .kind = RKV_OPTION_NAME, .standard = RKV_POOLING_AVG, .choices = "avg|max",                  \
     .summary = "how neighbours are pooled"}
/* clang-format on */

size_t rkv_snapkv_least(const rkv_option_values *values);
size_t rkv_snapkv_state_size(const rkv_option_values *values, const rkv_attention_shape *shape);
rkv_status rkv_snapkv_observe(const rkv_option_values *values, const rkv_observation *new_queries,
                              const rkv_attention_shape *shape, const rkv_rope *rope, float *state);

/* Entries before the window: the mean over its queries of the softmax attention that they give, pooled over
 * neighbours in the list, and only then combined over the group, as kvpress does (for the mean of averages
 * the order makes no difference; `max` takes the largest of the pooled values). The window: INFINITY. */
rkv_status rkv_snapkv_score(const rkv_option_values *values, const rkv_layer_view *view, float *const *score);

#endif
