/* raster.c: block reduction of a causal matrix, and the colours of its cells. */
#include "viz/raster.h"

#include <math.h>
#include <stdlib.h>

#include "core/fail.h"
#include "core/memory.h"

static rkv_fit make_fit(size_t n_tokens, size_t factor, size_t zoom) {
    rkv_fit fit = {.factor = factor, .cells = (n_tokens + factor - 1) / factor, .zoom = zoom};
    fit.side_px = fit.cells * zoom;
    return fit;
}

rkv_fit rkv_fit_within(size_t n_tokens, size_t limit_px) {
    if (n_tokens > limit_px) return make_fit(n_tokens, (n_tokens + limit_px - 1) / limit_px, 1);
    return make_fit(n_tokens, 1, limit_px / n_tokens);
}

rkv_fit rkv_fit_near(size_t n_tokens, size_t target_px) {
    rkv_fit below = rkv_fit_within(n_tokens, target_px), above = below;
    if (below.factor > 1)
        above = make_fit(n_tokens, below.factor - 1, 1);
    else
        above = make_fit(n_tokens, 1, below.zoom + 1);
    bool nearer = above.side_px * below.side_px < target_px * target_px; /* above / target < target / below */
    return below.side_px < target_px && nearer ? above : below;
}

/* ---- reduction ---- */

typedef struct reduction {
    const float *a; /* [T, T] */
    float *cell;    /* [n, n] */
    size_t n_tokens, factor, n;
    bool mean, by_row;
} reduction;

/* x itself, NaN when it is not finite: infinity - infinity is NaN. */
static inline double finite_or_nan(double x) {
    return (x - x) + x;
}

/* The larger of the two; NaN stays. */
static inline double larger(double best, double x) {
    return x > best || x != x ? x : best;
}

static double row_divisor(const reduction *r, size_t i) {
    if (!r->by_row) return 1;
    float best = 0;
    const float *row = r->a + i * r->n_tokens;
    for (size_t j = 0; j <= i; j++)
        best = row[j] > best && row[j] <= 3.4028234664e38f ? row[j] : best;
    return best > 0 ? best : 1;
}

/* Combines the entries of row i into the columns' running values. */
static void take_row(const reduction *r, size_t i, double *running) {
    const float *row = r->a + i * r->n_tokens;
    double divisor = row_divisor(r, i);
    if (r->mean) {
        for (size_t j = 0; j <= i; j++)
            running[j] += finite_or_nan((double)row[j] / divisor);
    } else {
        for (size_t j = 0; j <= i; j++)
            running[j] = larger(running[j], finite_or_nan((double)row[j] / divisor));
    }
}

static double combine_columns(const reduction *r, const double *running, size_t columns) {
    double value = running[0];
    for (size_t j = 1; j < columns; j++)
        value = r->mean ? value + running[j] : larger(value, running[j]);
    return value;
}

/* One row of cells: first down the rows of the blocks, column by column (which vectorises), then across. */
static void reduce_block_row(const reduction *r, size_t block, double *running) {
    size_t begin = block * r->factor, end = begin + r->factor;
    if (end > r->n_tokens) end = r->n_tokens;
    for (size_t j = 0; j < end; j++)
        running[j] = r->mean ? 0 : -INFINITY;
    for (size_t i = begin; i < end; i++)
        take_row(r, i, running);
    size_t height = end - begin;
    float *out = r->cell + block * r->n;
    for (size_t c = 0; c < r->n; c++) {
        size_t first = c * r->factor, width = c < block ? r->factor : height;
        double entries =
            c < block ? (double)height * (double)width : 0.5 * (double)height * (double)(height + 1);
        out[c] =
            c > block ? 0 : (float)(combine_columns(r, running + first, width) / (r->mean ? entries : 1));
    }
}

rkv_status rkv_reduce_matrix(float *cell, const float *a, size_t n_tokens, size_t factor, rkv_reduce reduce,
                             bool by_row) {
    reduction r = {.a = a, .cell = cell, .n_tokens = n_tokens, .factor = factor};
    r.n = (n_tokens + factor - 1) / factor;
    r.mean = reduce == RKV_REDUCE_MEAN;
    r.by_row = by_row;
    rkv_first_failure failure = {0};
#pragma omp parallel if (n_tokens >= 256)
    {
        double *running = NULL;
        rkv_first_failure_note(&failure, rkv_alloc_raw(&running, n_tokens, sizeof *running));
#pragma omp for schedule(dynamic, 4)
        for (size_t block = 0; block < r.n; block++)
            if (running) reduce_block_row(&r, block, running);
        free(running);
    }
    return rkv_first_failure_raise(&failure);
}

/* ---- colour ---- */

void rkv_range_add(rkv_range *range, const float *value, size_t rows, size_t columns, bool causal) {
    float max = range->max, min = range->min_positive > 0 ? range->min_positive : INFINITY;
    for (size_t i = 0; i < rows; i++) {
        size_t end = causal && i + 1 < columns ? i + 1 : columns;
        for (size_t j = 0; j < end; j++) {
            float v = value[i * columns + j];
            if (!isfinite(v)) {
                range->n_missing++;
                continue;
            }
            if (v > max) max = v;
            if (v > 0 && v < min) min = v;
        }
    }
    range->max = max;
    range->min_positive = isfinite(min) ? min : 0;
}

rkv_shade rkv_shade_for_range(const rkv_colormap *colormap, rkv_scale scale, const rkv_range *range,
                              double floor) {
    rkv_shade shade = {.colormap = colormap, .logarithmic = scale == RKV_SCALE_LOG};
    shade.high = scale == RKV_SCALE_ROW || !(range->max > 0) ? 1 : (double)range->max;
    if (!shade.logarithmic) return shade;
    shade.low = floor;
    if (!(shade.high > shade.low)) shade.high = shade.low < 1 ? 1 : 10 * shade.low;
    return shade;
}

double rkv_shade_position(const rkv_shade *shade, double value) {
    if (!isfinite(value)) return NAN;
    if (value <= shade->low) return 0;
    if (value >= shade->high) return 1;
    return shade->logarithmic ? log10(value / shade->low) / log10(shade->high / shade->low)
                              : (value - shade->low) / (shade->high - shade->low);
}

const unsigned char *rkv_shade_colour(const rkv_shade *shade, double value) {
    double position = rkv_shade_position(shade, value);
    if (isnan(position)) return shade->colormap->missing;
    size_t row = (size_t)(256 * position);
    return shade->colormap->rgb[row < 256 ? row : 255];
}
