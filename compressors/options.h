/* options.h: the options of a method, from text to values. */
#ifndef RKV_COMPRESSORS_OPTIONS_H
#define RKV_COMPRESSORS_OPTIONS_H

#include "compressors/pipeline.h"
#include "core/slice.h"

/* Fills stage->values, budget and ratio from "OPTION=VALUE,..." (at NULL: no options), defaults where nothing
 * is given; stage->method is set. RKV_USAGE names method, option, value and limits. */
rkv_status rkv_stage_parse_options(rkv_stage *stage, rkv_slice text);

#endif
