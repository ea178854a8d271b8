/* clock.h: wall time. */
#ifndef RKV_CLI_CLOCK_H
#define RKV_CLI_CLOCK_H

#include <time.h>

/* Seconds since some moment in the past, never going back. */
static inline double now_s(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

#endif
