/* quantize.h: what int8 and int4 share: the order of their options, and the row formats that follow. */
#ifndef RKV_COMPRESSORS_QUANTIZE_H
#define RKV_COMPRESSORS_QUANTIZE_H

#include "compressors/method.h"

enum { RKV_QUANTIZE_KEY_AXIS, RKV_QUANTIZE_VALUE_AXIS, RKV_QUANTIZE_GROUP };

static inline void rkv_quantize_format(rkv_row_form form, const rkv_option_values *values,
                                       rkv_row_format *keys, rkv_row_format *value_rows) {
    size_t group = rkv_value_size(values, RKV_QUANTIZE_GROUP);
    *keys = (rkv_row_format){form, (rkv_row_axis)values->number[RKV_QUANTIZE_KEY_AXIS], group};
    *value_rows = (rkv_row_format){form, (rkv_row_axis)values->number[RKV_QUANTIZE_VALUE_AXIS], group};
}

#endif
