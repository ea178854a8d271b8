/* needs.h: the device's memory, before the work. */
#ifndef RKV_ANALYZER_NEEDS_H
#define RKV_ANALYZER_NEEDS_H

#include <rankkv/analysis.h>

/* RKV_NO_MEMORY, with the bytes needed and free, where rkv_analyze of the same would run out of the device's
 * memory; RKV_OK as well where that is not predicted. */
rkv_status rkv_analyze_check_needs(rkv_model *model, const int32_t *ids, size_t n,
                                   const rkv_analyze_options *options);

#endif
