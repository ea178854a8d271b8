/* stroke.h: paths and dots painted through Cairo. */
#ifndef RKV_VIZ_STROKE_H
#define RKV_VIZ_STROKE_H

#include "viz/scene.h"

/* How long the strokes and gaps of a dash are, in widths of the line; returns how many numbers: 0 for solid.
 */
size_t rkv_dash_lengths(rkv_dash dash, const double **lengths);

/* Paints a path or dot of a scene into pixels, whose first row is the picture's row `first`. */
void rkv_stroke_draw(rkv_pixels pixels, int first, const rkv_item *item);

#endif
