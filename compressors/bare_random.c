/* bare_random.c: random keys or values: normal numbers, and some channels that are larger. */
#include <math.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"
#include "core/random.h"
#include "io/dtype.h"

/* Two independent normal numbers (Box and Muller 1958). */
static void draw_pair(rkv_random *random, float pair[2]) {
    uint64_t word = rkv_random_next(random);
    float u = ((float)(word >> 40) + 0.5f) * 0x1p-24f; /* in (0, 1) */
    float angle = (float)(word & 0xFFFFFFu) * (0x1p-24f * 6.28318530718f);
    float radius = sqrtf(-2 * logf(u));
    pair[0] = radius * cosf(angle);
    pair[1] = radius * sinf(angle);
}

/* scale [dim]: 1, but for `outliers` channels drawn without repetition (Floyd's selection). */
static void draw_scales(rkv_random *random, const rkv_kv_random_options *options, size_t dim, float *scale) {
    for (size_t d = 0; d < dim; d++)
        scale[d] = 1;
    for (size_t j = dim - options->outliers; j < dim; j++) {
        size_t d = rkv_random_below(random, j + 1);
        scale[scale[d] == 1 ? d : j] = (float)options->outlier_scale;
    }
}

/* One head's elements; each head draws from a seed of its own, so that threads do not matter. */
static void fill_head(const rkv_kv_tensor *tensor, const rkv_kv_random_options *options, size_t head,
                      float *row, float *scale) {
    const rkv_dtype_info *info = rkv_dtype_get(tensor->dtype);
    rkv_random mixer = {options->seed ^ (uint64_t)head * 0xD1B54A32D192ED03u};
    rkv_random random = {rkv_random_next(&mixer)};
    char *out = (char *)tensor->data + head * tensor->tokens * tensor->dim * info->bytes;
    draw_scales(&random, options, tensor->dim, scale);
    for (size_t t = 0; t < tensor->tokens; t++) {
        for (size_t d = 0; d < tensor->dim; d += 2) /* row has room for a pair at the end */
            draw_pair(&random, row + d);
        for (size_t d = 0; d < tensor->dim; d++)
            row[d] *= scale[d];
        info->from_floats(row, out + t * tensor->dim * info->bytes, tensor->dim);
    }
}

static rkv_status check(const rkv_kv_tensor *tensor, const rkv_kv_random_options *options) {
    if (options->outliers > tensor->dim)
        return rkv_fail(RKV_USAGE, "%zu outlier channels of %zu", options->outliers, tensor->dim);
    if (!(options->outlier_scale > 0 && options->outlier_scale <= 1000))
        return rkv_fail(RKV_USAGE, "outlier scale %g is not in 0 .. 1000", options->outlier_scale);
    return RKV_OK;
}

rkv_status rkv_kv_random(rkv_kv_tensor *tensor, const rkv_kv_random_options *options) {
    rkv_first_failure failure = {0};
    rkv_status status = check(tensor, options);
    tensor->data = NULL;
    if (!status) status = rkv_kv_tensor_new(tensor);
    if (status) return status;
#pragma omp parallel
    {
        float *row = NULL, *scale = NULL;
        rkv_status mine = rkv_alloc_raw(&row, tensor->dim + 1, sizeof *row);
        if (!mine) mine = rkv_alloc_raw(&scale, tensor->dim, sizeof *scale);
        rkv_first_failure_note(&failure, mine);
#pragma omp for
        for (size_t i = 0; i < tensor->batch * tensor->heads; i++)
            if (!rkv_first_failure_seen(&failure)) fill_head(tensor, options, i, row, scale);
        free(row);
        free(scale);
    }
    status = rkv_first_failure_raise(&failure);
    if (!status) return RKV_OK;
    free(tensor->data);
    tensor->data = NULL;
    return status;
}
