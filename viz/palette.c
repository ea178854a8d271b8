/* palette.c: colours, signs and dashes of series. */
#include "viz/palette.h"

#include <math.h>

/* Okabe and Ito's colours without yellow, too pale for a line on white, and others of Paul Tol's schemes,
 * each the farthest from those before it under normal, protan, deutan and tritan vision
 * (tests/test_viz_palette.c). */
static const uint32_t colours[RKV_COLOURS] = {0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9,
                                              0x332288, 0x225555, 0x666633, 0xAA4499, 0x1F2328, 0x663333};

/* What is drawn when the colours come round again. */
static const struct {
    rkv_dash dash;
    double filling;
} rounds[RKV_LOOKS / RKV_COLOURS] = {
    {RKV_SOLID, 1}, {RKV_DASHED, 0}, {RKV_DOTTED, 0.45}, {RKV_DASH_DOTTED, 0.15}};

/* Signs about the origin, about as large to the eye; without points: a circle. */
static const struct {
    size_t n;
    rkv_point point[12];
} signs[RKV_COLOURS] = {
    {0, {{0, 0}}},
    {4, {{-.88, -.88}, {.88, -.88}, {.88, .88}, {-.88, .88}}},
    {3, {{0, -1.2}, {1.1, .8}, {-1.1, .8}}},
    {4, {{0, -1.3}, {1.3, 0}, {0, 1.3}, {-1.3, 0}}},
    {3, {{0, 1.2}, {1.1, -.8}, {-1.1, -.8}}},
    {12,
     {{-.38, -1.2},
      {.38, -1.2},
      {.38, -.38},
      {1.2, -.38},
      {1.2, .38},
      {.38, .38},
      {.38, 1.2},
      {-.38, 1.2},
      {-.38, .38},
      {-1.2, .38},
      {-1.2, -.38},
      {-.38, -.38}}},
    {10,
     {{0, -1.35},
      {.36, -.5},
      {1.28, -.42},
      {.58, .19},
      {.79, 1.09},
      {0, .61},
      {-.79, 1.09},
      {-.58, .19},
      {-1.28, -.42},
      {-.36, -.5}}},
    {12,
     {{0, -.54},
      {.58, -1.12},
      {1.12, -.58},
      {.54, 0},
      {1.12, .58},
      {.58, 1.12},
      {0, .54},
      {-.58, 1.12},
      {-1.12, .58},
      {-.54, 0},
      {-1.12, -.58},
      {-.58, -1.12}}},
    {3, {{-1.2, 0}, {.8, -1.1}, {.8, 1.1}}},
    {3, {{1.2, 0}, {-.8, -1.1}, {-.8, 1.1}}},
    {4, {{-.95, -1.05}, {.95, -1.05}, {-.95, 1.05}, {.95, 1.05}}},
    {4, {{0, -1.4}, {.75, 0}, {0, 1.4}, {-.75, 0}}},
};

rkv_look rkv_look_at(size_t index) {
    index %= RKV_LOOKS;
    size_t colour = index % RKV_COLOURS, round = index / RKV_COLOURS;
    return (rkv_look){.colour = colours[colour],
                      .index = index,
                      .sign = colour,
                      .dash = rounds[round].dash,
                      .filling = rounds[round].filling};
}

rkv_look rkv_look_muted(void) {
    return (rkv_look){.colour = RKV_CONTROL, .filling = 1, .muted = true};
}

uint32_t rkv_tint(uint32_t colour, double share) {
    uint32_t mixed = 0;
    for (int shift = 0; shift <= 16; shift += 8)
        mixed |= (uint32_t)lround(255 - share * (255 - (double)(colour >> shift & 255))) << shift;
    return mixed;
}

/* A white edge keeps signs apart where they lie on each other. */
static rkv_pen sign_pen(const rkv_look *look, double size) {
    bool full = look->filling >= 1;
    return (rkv_pen){.fill = rkv_tint(look->colour, look->filling),
                     .fill_opacity = look->muted ? 0.6 : 1,
                     .stroke = full ? RKV_RGB(255, 255, 255) : look->colour,
                     .stroke_opacity = look->muted ? 0 : 1,
                     .width_px = full ? 0.16 * size : 0.34 * size};
}

void rkv_add_sign(rkv_scene *scene, const rkv_look *look, rkv_point centre, double size) {
    rkv_pen pen = sign_pen(look, size);
    rkv_point point[12];
    size_t n = signs[look->sign].n;
    for (size_t i = 0; i < n; i++) {
        point[i].x = centre.x + size * signs[look->sign].point[i].x;
        point[i].y = centre.y + size * signs[look->sign].point[i].y;
    }
    if (n)
        rkv_scene_path(scene, point, n, true, &pen);
    else
        rkv_scene_dot(scene, centre, size, &pen);
}
