/* sample_analysis.h: analyses made up for tests, with every member filled. */
#ifndef RKV_TESTS_SAMPLE_ANALYSIS_H
#define RKV_TESTS_SAMPLE_ANALYSIS_H

#include <rankkv/analysis.h>

/* L layers of H query and G KV heads on T tokens; all values random but the same for the same seed, metrics
 * in their natural ranges. NULL when memory runs out. The caller frees it with rkv_analysis_free. */
rkv_analysis *sample_analysis(size_t L, size_t H, size_t G, size_t T, uint64_t seed);

#endif
