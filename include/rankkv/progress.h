/* progress.h: how long work tells its caller where it is, and how the caller stops it. */
#ifndef RANKKV_PROGRESS_H
#define RANKKV_PROGRESS_H

#include <rankkv/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Called from the thread that called the library, a few times a second at most per unit of work.
 * stage: what is being done ("prefill", "rank", ...), borrowed; done of total units.
 * A non-zero return asks the work to stop: it ends soon with RKV_CANCELLED and leaves nothing half-written.
 */
typedef int (*rkv_progress_fn)(void *user, const char *stage, size_t done, size_t total);

typedef struct rkv_progress {
    rkv_progress_fn report; /* NULL: silent, cannot be cancelled */
    void *user;             /* handed to report */
} rkv_progress;

#ifdef __cplusplus
}
#endif
#endif
