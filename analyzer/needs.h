/* needs.h: the device's memory, before the work. */
#ifndef RKV_ANALYZER_NEEDS_H
#define RKV_ANALYZER_NEEDS_H

#include <rankkv/analysis.h>

/* RKV_NO_MEMORY, with the bytes needed and free, where rkv_analyze_with of the same would run out of a
 * device's memory; RKV_OK as well where that is not predicted. */
rkv_status rkv_analyze_check_needs(rkv_model *model, const int32_t *ids, size_t n,
                                   const rkv_analyze_options *options, bool helped);

/* The needs of a prompt on one of the model's helpers, which reads it alone. RKV_UNAVAILABLE: that is not
 * predicted. */
rkv_status rkv_analyze_needs_on(rkv_memory_needs *out, rkv_model *model, size_t helper,
                                const rkv_prompt *prompt);

/* Whether they are more than is free. */
bool rkv_memory_lacks(const rkv_memory_needs *needs);

#endif
