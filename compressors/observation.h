/* observation.h: new queries in host memory, for methods that look at numbers. */
#ifndef RKV_COMPRESSORS_OBSERVATION_H
#define RKV_COMPRESSORS_OBSERVATION_H

#include "compressors/method.h"

/* The newest of some new queries. Of a device's, these alone cross; the host's are read where they are. */
typedef struct rkv_newest_queries {
    const float *q; /* query i of head h: q + (h stride + i) D */
    size_t stride;
    float *copy; /* NULL: none was made */
} rkv_newest_queries;

/* The newest `count` of each of the shape's heads, at most new_queries->m. rkv_newest_queries_clear frees,
 * also after a failure. */
rkv_status rkv_newest_queries_take(rkv_newest_queries *out, const rkv_observation *new_queries,
                                   const rkv_attention_shape *shape, size_t count);
void rkv_newest_queries_clear(rkv_newest_queries *newest);

#endif
