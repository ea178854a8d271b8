/* method_int8.c: keys and values as whole numbers of 8 bits, with a scale and a zero point per group. */
#include "compressors/methods.h"
#include "compressors/quantize.h"

/* Keys by channel: their outliers stay in few channels, and by token they would cost every other number of
 * the token its precision (KIVI). Groups of 64: on the default model the output of attention is then off by
 * 0.6 %, at 1.88 times fewer bytes than 16 bits take (docs/METHODS.md). */
static const rkv_method_option options[] = {
    [RKV_QUANTIZE_KEY_AXIS] =
        {"key_axis", RKV_OPTION_NAME, RKV_AXIS_CHANNEL, 0, 0, "token|channel",
         "key numbers that share a scale: of one token, or of one channel in successive tokens"},
    [RKV_QUANTIZE_VALUE_AXIS] = {"value_axis", RKV_OPTION_NAME, RKV_AXIS_TOKEN, 0, 0, "token|channel",
                                 "value numbers that share a scale, likewise"},
    [RKV_QUANTIZE_GROUP] = {"group", RKV_OPTION_SIZE, 64, 1, 65536, NULL,
                            "numbers that share a scale; a token has no more than its row"},
    {0}};

static void format(const rkv_option_values *values, rkv_row_format *keys, rkv_row_format *value_rows) {
    rkv_quantize_format(RKV_ROWS_INT8, values, keys, value_rows);
}

static const struct rkv_method_ops ops = {.format = format};

const rkv_method rkv_method_int8 = {
    .name = "int8",
    .kind = RKV_REPRESENTATION,
    .summary = "8-bit numbers with a float16 scale and zero point per group",
    .formula = "x ~ zero + scale round((x - zero) / scale), zero = min x, scale = (max x - min x) / 255",
    .source = "axes: Liu et al. 2024 (KIVI, arXiv 2402.02750)",
    .options = options,
    .ops = &ops,
};
