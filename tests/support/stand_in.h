/* stand_in.h: the operations that selections score entries with, as slow, obvious loops in float64 over
 * ordinary memory: a backend that does nothing else. */
#ifndef RKV_TESTS_STAND_IN_H
#define RKV_TESTS_STAND_IN_H

#include "backend/backend.h"

/* Closing it frees nothing. */
rkv_backend stand_in_backend(void);

/* attention_rows in float64 (backend/backend.h), of queries and keys as they are. */
void sample_attention_rows(const float *q, const int32_t *query_position, size_t m, const float *k,
                           const int32_t *position, size_t n, size_t head_dim, double *p);

#endif
