/* raster.h: from a causal matrix [T, T] to the cells of a picture, and from a cell to its colour. */
#ifndef RKV_VIZ_RASTER_H
#define RKV_VIZ_RASTER_H

#include <rankkv/heatmap.h>

/* How T entries are shown along one side: factor entries are one cell, one cell is zoom pixels. One of the
 * two is 1. */
typedef struct rkv_fit {
    size_t factor, cells, zoom;
    size_t side_px; /* cells * zoom */
} rkv_fit;

/* The largest picture of T entries whose side is at most limit_px (>= 1). */
rkv_fit rkv_fit_within(size_t n_tokens, size_t limit_px);

/* The picture of T entries whose side is nearest to target_px (>= 1), as a ratio: within a factor of sqrt 2.
 */
rkv_fit rkv_fit_near(size_t n_tokens, size_t target_px);

/* cell [n, n], n = ceil(T / factor), from a [T, T]: cell (r, c) combines the entries a[i][j] with i / factor
 * = r, j / factor = c and j <= i, by their maximum or mean; it is NaN when one of them is not finite, and 0
 * above the diagonal. by_row: every entry is divided first by the largest finite entry of its row (by 1 when
 * that is not positive). Threads share the rows. */
rkv_status rkv_reduce_matrix(float *cell, const float *a, size_t n_tokens, size_t factor, rkv_reduce reduce,
                             bool by_row);

/* What the finite values among some cells span. Start from {0}. */
typedef struct rkv_range {
    float max;          /* 0 when none is positive */
    float min_positive; /* 0 when none is positive */
    size_t n_missing;   /* values that are not finite */
} rkv_range;

/* Adds value [rows, columns] to the range; causal: only entries on and below the diagonal. */
void rkv_range_add(rkv_range *range, const float *value, size_t rows, size_t columns, bool causal);

/* How a value becomes a colour: low and below take the map's first, high and above its last. */
typedef struct rkv_shade {
    const rkv_colormap *colormap;
    bool logarithmic;
    double low, high; /* low < high; 0 < low when logarithmic */
} rkv_shade;

/* The shade of attention cells (or of any value >= 0) that span range. */
rkv_shade rkv_shade_for_range(const rkv_colormap *colormap, rkv_scale scale, const rkv_range *range,
                              double floor);

/* Where value lies between low (0) and high (1), clamped; NaN when it is not finite. */
double rkv_shade_position(const rkv_shade *shade, double value);

/* The colour of value: row floor(256 * position) of the map (255 for position 1), or its missing colour. */
const unsigned char *rkv_shade_colour(const rkv_shade *shade, double value);

#endif
