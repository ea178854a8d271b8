/* kept.h: analyses of windows' contexts that a run keeps in a folder, for a later one to find again. */
#ifndef RKV_EVALUATION_KEPT_H
#define RKV_EVALUATION_KEPT_H

#include <rankkv/eval.h>

/* Where the analysis of a window is; the caller frees *path. */
rkv_status rkv_kept_path(const char *folder, size_t window, char **path);

/* The analysis that is there, if it is of this context, model and kind of device: NULL, it is to be made. The
 * caller frees it. */
rkv_analysis *rkv_kept_find(const char *path, const rkv_window *window, const rkv_model *model);

#endif
