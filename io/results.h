/* results.h: results of an evaluation as files have them; their rows are made in evaluation/summary.c. */
#ifndef RKV_IO_RESULTS_H
#define RKV_IO_RESULTS_H

#include <rankkv/eval.h>

#define RKV_RESULTS_SCHEMA  "rankkv-results"
#define RKV_RESULTS_VERSION 1

/* By setting, window and question: below, at or above 0 as strcmp. */
int rkv_cell_compare(const rkv_cell *a, const rkv_cell *b);

/* Settings have a method, every cell is of a setting, a window and a task that are there, and each comes
 * once, in order. RKV_DATA names what is wrong. */
rkv_status rkv_results_check(const rkv_results *results);

/* Reads results.json without its rows, and checks it as above. The caller frees *out. */
rkv_status rkv_results_read(rkv_results **out, const char *path);

#endif
