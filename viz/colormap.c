/* colormap.c: the table of colour maps, and the names of scales. */
#include "viz/colormap.h"

#include <stdio.h>
#include <string.h>

#include "core/fail.h"

/* masked and missing were picked by their distance in CIELAB from every colour of the map and from white, as
 * seen with normal vision and with each of the three colour deficiencies; tests/test_viz_colormap.c holds
 * them to it. */
static const rkv_colormap maps[] = {
    {"viridis", rkv_colormap_viridis, {222, 226, 232}, {195, 0, 255}},
    {"magma", rkv_colormap_magma, {222, 226, 232}, {0, 90, 255}},
    {"cividis", rkv_colormap_cividis, {222, 226, 232}, {45, 180, 255}},
    {"gray", rkv_colormap_gray, {198, 219, 239}, {255, 120, 0}},
};
#define MAP_COUNT (sizeof maps / sizeof *maps)

static const char *const scale_names[RKV_SCALE_COUNT] = {
    [RKV_SCALE_LINEAR] = "linear",
    [RKV_SCALE_LOG] = "log",
    [RKV_SCALE_ROW] = "row",
};

const rkv_colormap *rkv_colormap_at(size_t index) {
    return index < MAP_COUNT ? &maps[index] : NULL;
}

const rkv_colormap *rkv_colormap_find(const char *name) {
    for (size_t i = 0; name && i < MAP_COUNT; i++)
        if (strcmp(maps[i].name, name) == 0) return &maps[i];
    return NULL;
}

rkv_status rkv_colormap_get(const rkv_colormap **out, const char *name) {
    *out = name ? rkv_colormap_find(name) : &maps[0];
    if (*out) return RKV_OK;
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < MAP_COUNT && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", maps[i].name);
    return rkv_fail(RKV_USAGE, "unknown colour map \"%.64s\": known are %s", name, known);
}

const char *rkv_scale_name(rkv_scale scale) {
    return (size_t)scale < RKV_SCALE_COUNT ? scale_names[scale] : NULL;
}

rkv_scale rkv_scale_find(const char *name) {
    size_t i = 0;
    while (i < RKV_SCALE_COUNT && !(name && strcmp(scale_names[i], name) == 0))
        i++;
    return (rkv_scale)i;
}
