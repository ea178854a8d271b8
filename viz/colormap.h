/* colormap.h: the tables behind the public colour maps. */
#ifndef RKV_VIZ_COLORMAP_H
#define RKV_VIZ_COLORMAP_H

#include <rankkv/heatmap.h>

extern const unsigned char rkv_colormap_viridis[256][3];
extern const unsigned char rkv_colormap_magma[256][3];
extern const unsigned char rkv_colormap_cividis[256][3];
extern const unsigned char rkv_colormap_gray[256][3];

/* The row of a name, NULL meaning the first; RKV_USAGE names the maps that there are. */
rkv_status rkv_colormap_get(const rkv_colormap **out, const char *name);

#endif
