/* method_bf16.c: keys and values in bfloat16. */
#include "compressors/methods.h"

static const rkv_method_option options[] = {{0}};

static void format(const rkv_option_values *values, rkv_row_format *keys, rkv_row_format *value_rows) {
    (void)values;
    *keys = *value_rows = (rkv_row_format){.form = RKV_ROWS_BF16};
}

static const struct rkv_method_ops ops = {.format = format};

const rkv_method rkv_method_bf16 = {
    .name = "bf16",
    .kind = RKV_REPRESENTATION,
    .summary = "bfloat16",
    .formula = "x rounded to the nearest bfloat16, ties to even",
    .source = "Wang and Kanwar 2019, BFloat16",
    .options = options,
    .ops = &ops,
};
