/* clock.h: wall time for measurements. */
#ifndef RKV_CORE_CLOCK_H
#define RKV_CORE_CLOCK_H

#include <time.h>

/* Seconds on a clock that never goes back; only differences mean anything. */
static inline double rkv_now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
