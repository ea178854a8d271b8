/* analyze.h: the analysis of a prompt, with the help of other devices or without. */
#ifndef RKV_ANALYZER_ANALYZE_H
#define RKV_ANALYZER_ANALYZE_H

#include <rankkv/analysis.h>

/* As rkv_analyze; helped: layers are ranked by the device's helpers (backend.h), where it has any. Else they
 * are left alone. */
rkv_status rkv_analyze_with(rkv_analysis **out, rkv_model *model, const int32_t *ids, size_t n,
                            const rkv_analyze_options *options, bool helped);

#endif
