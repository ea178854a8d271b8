/* sample_results.h: results of an evaluation made up for tests. */
#ifndef RKV_TESTS_SAMPLE_RESULTS_H
#define RKV_TESTS_SAMPLE_RESULTS_H

#include <rankkv/eval.h>

/* Results without rows: 2 protocols, methods full, snapkv and a pipeline with commas and quotes, two sizes,
 * budgets of every kind; n_windows windows (the second half query-aware) of a natural question and two recall
 * questions. Values are functions of the indices. NULL when memory runs out. */
rkv_results *sample_results(size_t n_windows);

#endif
