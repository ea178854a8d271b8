/* progress.h: reporting progress from inside the library. */
#ifndef RKV_CORE_PROGRESS_H
#define RKV_CORE_PROGRESS_H

#include <rankkv/progress.h>

#include "core/fail.h"

/* Reports; RKV_CANCELLED when the caller wants the work to stop. */
static inline rkv_status rkv_progress_report(const rkv_progress *progress, const char *stage, size_t done,
                                             size_t total) {
    if (!progress->report || !progress->report(progress->user, stage, done, total)) return RKV_OK;
    return rkv_fail(RKV_CANCELLED, "cancelled during %s at %zu of %zu", stage, done, total);
}

#endif
