/* stand_in.h: the operations that selections score entries with, as slow, obvious loops in float64
 * (plain_ops.h) over ordinary memory: a backend that does nothing else. */
#ifndef RKV_TESTS_STAND_IN_H
#define RKV_TESTS_STAND_IN_H

#include "backend/backend.h"

/* Closing it frees nothing. */
rkv_backend stand_in_backend(void);

#endif
