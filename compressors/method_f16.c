/* method_f16.c: keys and values in IEEE half precision. */
#include "compressors/methods.h"

static const rkv_method_option options[] = {{0}};

static void format(const rkv_option_values *values, rkv_row_format *keys, rkv_row_format *value_rows) {
    (void)values;
    *keys = *value_rows = (rkv_row_format){.form = RKV_ROWS_F16};
}

static const struct rkv_method_ops ops = {.format = format};

const rkv_method rkv_method_f16 = {
    .name = "f16",
    .kind = RKV_REPRESENTATION,
    .summary = "IEEE half precision",
    .formula = "x rounded to the nearest binary16, ties to even",
    .source = "IEEE 754-2008",
    .options = options,
    .ops = &ops,
};
