/* windows.h: how the list of windows is built: what cuts text, hides passkeys and reads files adds with. */
#ifndef RKV_IO_WINDOWS_H
#define RKV_IO_WINDOWS_H

#include <rankkv/eval.h>

/* Frees what a window holds and leaves {0}. */
void rkv_window_clear(rkv_window *window);

/* Moves *window to the end of the list and leaves {0} behind. RKV_NO_MEMORY: both are as they were. */
rkv_status rkv_windows_push(rkv_windows *windows, rkv_window *window);

/* Drops windows [n, end): how a function that fails half-way leaves the list as it found it. */
void rkv_windows_drop(rkv_windows *windows, size_t n);

/* Adds a question with a copy of ids [n]. RKV_NO_MEMORY: the window is as it was. */
rkv_status rkv_window_add_question(rkv_window *window, rkv_task task, const int32_t *ids, size_t n,
                                   size_t first_scored, double depth);
/* Drops the last question. */
void rkv_window_drop_question(rkv_window *window);

/* The least number >= 1 above every window named "STEM NUMBER": names made from it on are unique. */
size_t rkv_windows_next_number(const rkv_windows *windows, const char *stem);
/* "STEM NUMBER", which the caller frees. */
rkv_status rkv_window_make_name(char **out, const char *stem, size_t number);

#endif
